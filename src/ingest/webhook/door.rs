//! The way from who answers HTTP to the source: a bounded queue of deliveries, each with somebody who waits for an answer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::signature::Form;
use crate::state::State;
use crate::told::Told;

/// Deliveries that wait at most.
const QUEUE: usize = 1_024;

/// What a sender is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is in Kafka.
    Taken,
    /// It may not be: send it again.
    NotNow,
}

/// Who is told.
pub type Teller = Box<dyn FnOnce(Answer) + Send>;

/// What was posted, after its signature was found right.
pub struct Delivery {
    /// Decompressed.
    pub body: Vec<u8>,
    /// By what it is known again: its id, its signature.
    pub marks: Vec<String>,
    /// Its id, for people.
    pub position: String,
    /// When it came.
    pub read_at: SystemTime,
    teller: Option<Teller>,
}

impl Delivery {
    /// With who is told what became of it.
    pub fn new(
        body: Vec<u8>,
        marks: Vec<String>,
        position: String,
        read_at: SystemTime,
        teller: Teller,
    ) -> Self {
        Delivery {
            body,
            marks,
            position,
            read_at,
            teller: Some(teller),
        }
    }

    /// Tells its sender.
    pub(super) fn answer(mut self, answer: Answer) {
        if let Some(teller) = self.teller.take() {
            teller(answer);
        }
    }
}

impl Drop for Delivery {
    /// One that is dropped without an answer is not taken.
    fn drop(&mut self) {
        if let Some(teller) = self.teller.take() {
            teller(Answer::NotNow);
        }
    }
}

/// The outer side: for who answers HTTP.
#[derive(Clone)]
pub struct Door {
    queue: Sender<Delivery>,
    told: Arc<Told>,
}

/// Gives the secrets, read anew each time; why they cannot be read.
pub type Secrets = Arc<dyn Fn() -> Result<Vec<Vec<u8>>, String> + Send + Sync>;

/// What who answers HTTP must know of a webhook. Not `Debug`: it has secrets.
#[derive(Clone)]
pub struct Hook {
    /// The source's name.
    pub name: String,
    /// Where it is posted to.
    pub path: String,
    /// Who signs; none: this machine alone may post.
    pub form: Option<Form>,
    /// The secrets.
    pub secrets: Secrets,
    /// The header with a delivery's id.
    pub id: Option<String>,
    /// Bytes of a body at most.
    pub max_body: usize,
    /// The way in.
    pub door: Door,
}

/// The inner side: the source's.
pub struct Inside(Receiver<Delivery>);

/// Both sides of a door.
pub fn door(told: Arc<Told>) -> (Door, Inside) {
    let (queue, inside) = bounded(QUEUE);
    (Door { queue, told }, Inside(inside))
}

impl Door {
    /// Why nothing is taken now, if it is not.
    pub fn closed(&self) -> Option<String> {
        let now = self.told.now();
        match (now.is_open, &now.state) {
            (false, _) => Some("the source has not begun yet".to_owned()),
            (_, State::Waiting(_) | State::Broken(_)) => {
                Some("the source does not go on now".to_owned())
            }
            _ => None,
        }
    }

    /// Hands a delivery in; where the queue is full its sender is told to come again.
    pub fn hand_in(&self, delivery: Delivery) {
        // What is not taken is dropped, and dropping it tells.
        let _ = self.queue.try_send(delivery);
    }
}

impl Inside {
    /// The next one, if there is one.
    pub(super) fn next(&self) -> Option<Delivery> {
        self.0.try_recv().ok()
    }

    /// The next one, if there is one within a time.
    pub(super) fn next_within(&self, limit: Duration) -> Option<Delivery> {
        self.0.recv_timeout(limit).ok()
    }
}
