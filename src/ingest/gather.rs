//! Several polls in one transaction: a transaction of Kafka's takes longer than most pages do.
//!
//! ```text
//! feed.poll ──► Batch ─┐
//! feed.poll ──► Batch ─┼──► one batch: all records, in order, and the cursor of the last
//! feed.poll ──► Batch ─┘
//! feed.poll ──► anything else ──► held, until that batch is written
//! ```
//!
//! 1. It is as safe as one poll a transaction: the cursor is that of the last batch, and whoever is killed goes on behind the last
//!    transaction, and reads again what was gathered since.
//! 2. What comes behind gathered batches and is none (a failure, an end, a wait) is told by the next poll, once, and the feed is not
//!    asked before: what it remembers behind a failure is worth nothing.
//! 3. It is bounded by records, bytes, polls and time, so that nothing waits for long, nor grows.
//!
//! For feeds that do nothing when a batch is committed: pages. Of files and webhooks each poll has a deed of its own behind it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use standings_model::clock::Clock;
use standings_model::sabotage::{self, Mistake};

use super::batch::Batch;
use super::feed::{Feed, Polled, Trouble};

/// Records, of all kinds, at which no more is gathered.
const RECORDS: usize = 5_000;
/// Bytes of them.
const BYTES: usize = 8 << 20;
/// Polls: an endpoint may have many pages without a row.
const POLLS: usize = 100;
/// So long is gathered at most, and the last poll beyond it.
const LENGTH: Duration = Duration::from_millis(250);

/// A feed of which several polls are one.
pub struct Gathered<F> {
    feed: F,
    clock: Clock,
    /// What came behind the last batch.
    held: Option<Result<Polled, Trouble>>,
}

impl<F: Feed> Gathered<F> {
    /// Nothing is polled yet.
    pub fn new(feed: F, clock: Clock) -> Self {
        Gathered {
            feed,
            clock,
            held: None,
        }
    }

    /// Polls until there is enough, or something else than a batch.
    fn gathered(&mut self, mut all: Box<Batch>) -> Box<Batch> {
        let begun = self.clock.now();
        let mut polls = 1;
        while polls < POLLS && !is_enough(&all) && self.clock.since(begun) < LENGTH {
            match self.feed.poll() {
                Ok(Polled::Batch(more)) => all.add(*more),
                Err(_) if sabotage::is(Mistake::IngestGatherGoesOn) => {}
                other => {
                    self.held = Some(other);
                    break;
                }
            }
            polls += 1;
        }
        all
    }
}

fn is_enough(batch: &Batch) -> bool {
    let records = batch.records.len() + batch.letters.len() + batch.notes.len();
    records >= RECORDS || batch.bytes() >= BYTES
}

impl<F: Feed> Feed for Gathered<F> {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        self.held = None;
        self.feed.open(cursor, notes)
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        match self.held.take() {
            Some(held) => held,
            None => Ok(match self.feed.poll()? {
                Polled::Batch(first) => Polled::Batch(self.gathered(first)),
                other => other,
            }),
        }
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        self.feed.committed()
    }

    fn wait(&mut self, limit: Duration) -> bool {
        self.feed.wait(limit)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::time::SystemTime;

    use super::*;
    use crate::batch::Record;

    /// Gives what it has been given, and takes a while for each.
    struct Script(VecDeque<Result<Polled, Trouble>>, Clock, Duration);

    impl Feed for Script {
        fn open(&mut self, _: &Value, _: &BTreeMap<String, String>) -> Result<(), Trouble> {
            Ok(())
        }

        fn poll(&mut self) -> Result<Polled, Trouble> {
            self.1.sleep(self.2);
            let next = self.0.pop_front();
            next.unwrap_or(Ok(Polled::Ended(Duration::ZERO)))
        }

        fn committed(&mut self) -> Result<(), Trouble> {
            Ok(())
        }
    }

    /// A batch of so many records of so many bytes, behind which the cursor is a number.
    fn batch(cursor: u64, records: usize, bytes: usize) -> Result<Polled, Trouble> {
        let record = Record {
            key: None,
            value: vec![b'1'; bytes],
            position: String::new(),
            read_at: SystemTime::UNIX_EPOCH,
        };
        Ok(Polled::Batch(Box::new(Batch {
            records: vec![record; records],
            cursor: cursor.into(),
            duplicates: 1,
            ..Batch::default()
        })))
    }

    /// What each poll gives: of a batch its cursor, how many records it has and how many came twice.
    fn polls(script: Vec<Result<Polled, Trouble>>, takes: u64) -> Vec<String> {
        let clock = Clock::by_hand();
        let takes = Duration::from_millis(takes);
        let mut feed = Gathered::new(Script(script.into(), clock.clone(), takes), clock);
        let mut all = Vec::new();
        loop {
            match feed.poll() {
                Ok(Polled::Batch(b)) => {
                    all.push(format!("{} {} {}", b.cursor, b.records.len(), b.duplicates));
                }
                Ok(Polled::Idle(_)) => all.push("idle".to_owned()),
                Ok(Polled::Ended(_)) => return all,
                Err(trouble) => all.push(trouble.why().to_owned()),
            }
        }
    }

    #[test]
    fn pages_are_one_batch_with_the_cursor_of_the_last() {
        let script = (1..=7).map(|n| batch(n, 10, 5)).collect();
        assert_eq!(polls(script, 0), ["7 70 7"]);
    }

    #[test]
    fn what_is_no_batch_comes_behind_those_before_it() {
        let script = vec![
            batch(1, 1, 1),
            batch(2, 1, 1),
            Err(Trouble::later("away")),
            batch(3, 1, 1),
            Ok(Polled::Idle(Duration::ZERO)),
            Ok(Polled::Idle(Duration::ZERO)),
            batch(4, 1, 1),
        ];
        let want = ["2 2 2", "away", "3 1 1", "idle", "idle", "4 1 1"];
        assert_eq!(polls(script, 0), want);
    }

    #[test]
    fn it_is_bounded_by_records_bytes_polls_and_time() {
        let many = |records, bytes| (1..=4).map(|n| batch(n, records, bytes)).collect();
        assert_eq!(polls(many(2_500, 1), 0), ["2 5000 2", "4 5000 2"]);
        assert_eq!(polls(many(1, 4 << 20), 0), ["2 2 2", "4 2 2"]);
        assert_eq!(polls(many(1, 1), 130), ["3 3 3", "4 1 1"]);
        let empty = (1..=150).map(|n| batch(n, 0, 0)).collect();
        assert_eq!(polls(empty, 0), ["100 0 100", "150 0 50"]);
    }

    #[test]
    fn who_opens_it_anew_hears_nothing_of_before() {
        let clock = Clock::by_hand();
        let script = vec![batch(1, 1, 1), Err(Trouble::later("away")), batch(1, 1, 1)];
        let script = Script(script.into(), clock.clone(), Duration::ZERO);
        let mut feed = Gathered::new(script, clock);
        assert!(matches!(feed.poll(), Ok(Polled::Batch(_))));
        feed.open(&Value::Null, &BTreeMap::new()).unwrap();
        assert!(matches!(feed.poll(), Ok(Polled::Batch(_))));
    }
}
