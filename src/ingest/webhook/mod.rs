//! What others post: each delivery once, answered when it is in Kafka.
//!
//! ```text
//! POST ──signature──► Door: a bounded queue ──► poll: seen before? ──► records, notes ──► one transaction ──► 200
//!                       └─ full, or the source waits ──► 503, Retry-After                     └─ not done ──► 503
//! ```
//!
//! 1. A sender is told 200 when what it sent is acknowledged by all copies in Kafka, or was before.
//! 2. A delivery that comes again, by its id or by its signature, is not written again. Both are noted in the transaction of
//!    what they brought.

pub mod door;
mod seen;
pub mod signature;
pub mod unpacked;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::value::RawValue;
use serde_json::{Value, json};
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};

use self::door::{Answer, Delivery, Inside};
use self::seen::Remembered;
use super::batch::{Batch, Record, timestamp};
use super::feed::{Feed, Polled, Trouble};
use super::row::Shape;

/// Deliveries and bytes of one transaction.
const DELIVERIES: usize = 500;
const BYTES: usize = 4 << 20;
/// How long to wait for one.
const PAUSE: Duration = Duration::from_millis(200);

/// A webhook as a source.
pub struct WebhookFeed {
    inside: Inside,
    shape: Shape,
    clock: Clock,
    seen: Remembered,
    /// Taken out of the queue while waiting.
    first: Option<Delivery>,
    /// Who waits for the transaction that is open.
    unanswered: Vec<Delivery>,
    deliveries: u64,
}

impl WebhookFeed {
    /// Behind this door.
    pub fn new(inside: Inside, shape: Shape, clock: Clock) -> Self {
        WebhookFeed {
            inside,
            shape,
            seen: Remembered::new(clock.clone()),
            clock,
            first: None,
            unanswered: Vec::new(),
            deliveries: 0,
        }
    }

    /// Adds what a delivery brings.
    fn add(&mut self, delivery: &Delivery, batch: &mut Batch) {
        let is_new = delivery.marks.iter().all(|mark| !self.seen.has(mark));
        if !is_new && !sabotage::is(Mistake::IngestTwiceWritten) {
            batch.duplicates += 1;
            return;
        }
        for mark in &delivery.marks {
            batch.notes.push(self.seen.note(mark));
        }
        self.deliveries += 1;
        let (records, letters) = (&mut batch.records, &mut batch.letters);
        let elements = elements(&delivery.body);
        let several = elements.len() > 1;
        for (n, element) in elements.into_iter().enumerate() {
            let position = match several {
                true => format!("{}#{n}", delivery.position),
                false => delivery.position.clone(),
            };
            let read_at = delivery.read_at;
            match self.shape.record(element) {
                Ok((key, value)) => records.push(Record {
                    key,
                    value,
                    position,
                    read_at,
                }),
                Err(no) => {
                    let why = (no.reason, no.detail.as_str());
                    letters.push(self.shape.letter(position, why, element, read_at));
                }
            }
        }
    }
}

/// The elements of a body that is an array; else the body.
fn elements(body: &[u8]) -> Vec<&[u8]> {
    if body.trim_ascii_start().first() != Some(&b'[') {
        return vec![body];
    }
    match serde_json::from_slice::<Vec<&RawValue>>(body) {
        Ok(all) => all.into_iter().map(|v| v.get().as_bytes()).collect(),
        Err(_) => vec![body],
    }
}

impl Feed for WebhookFeed {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        for delivery in self.unanswered.drain(..).chain(self.first.take()) {
            delivery.answer(Answer::NotNow);
        }
        self.seen.read(notes);
        self.deliveries = cursor
            .get("deliveries")
            .and_then(Value::as_u64)
            .unwrap_or(0);
        Ok(())
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while self.unanswered.len() < DELIVERIES && bytes < BYTES {
            let Some(delivery) = self.first.take().or_else(|| self.inside.next()) else {
                break;
            };
            bytes += delivery.body.len();
            self.add(&delivery, &mut batch);
            self.unanswered.push(delivery);
        }
        if self.unanswered.is_empty() {
            let notes = self.seen.forget();
            if notes.is_empty() {
                return Ok(Polled::Ended(PAUSE));
            }
            batch.notes = notes;
        }
        batch.cursor = json!({
            "deliveries": self.deliveries,
            "at": timestamp(self.clock.wall()),
        });
        Ok(Polled::Batch(Box::new(batch)))
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        for delivery in self.unanswered.drain(..) {
            delivery.answer(Answer::Taken);
        }
        Ok(())
    }

    fn wait(&mut self, limit: Duration) -> bool {
        self.first = self.inside.next_within(limit);
        true
    }
}
