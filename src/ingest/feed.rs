//! What a kind of source is to a [`Task`](super::task::Task): something that is asked for the next records, from a cursor on.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::batch::Batch;

/// Why a source does not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Another attempt may work: an endpoint is away, a disk is full. `after`: not before then, where the endpoint says so.
    Later {
        /// In words.
        why: String,
        /// As long as was asked for.
        after: Option<Duration>,
    },
    /// Somebody has to do something. It is looked at again now and then all the same.
    Broken(String),
}

impl Trouble {
    /// One that another attempt may heal.
    pub fn later(why: impl Into<String>) -> Self {
        Trouble::Later {
            why: why.into(),
            after: None,
        }
    }

    /// In words.
    pub fn why(&self) -> &str {
        match self {
            Trouble::Later { why, .. } | Trouble::Broken(why) => why,
        }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub enum Polled {
    /// Something to write.
    Batch(Box<Batch>),
    /// Nothing now: look again after so long at most.
    Idle(Duration),
    /// All of what there is was read; more may come.
    Ended(Duration),
}

/// A source. Calls are made by one thread, and do not wait for long: [`Feed::wait`] does.
pub trait Feed: Send {
    /// Begins, or begins anew: from the cursor that the last committed batch had, null at the first start, with all that was
    /// noted. Whatever was polled and not committed is forgotten.
    ///
    /// # Errors
    /// It cannot begin.
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble>;

    /// The next records, behind those of the last poll.
    ///
    /// # Errors
    /// It cannot go on. It is opened anew before it is polled again.
    fn poll(&mut self) -> Result<Polled, Trouble>;

    /// What was polled last is committed.
    ///
    /// # Errors
    /// What belongs to that failed: it is committed all the same.
    fn committed(&mut self) -> Result<(), Trouble>;

    /// Waits until there may be something, so long at most; `false` where nobody waited.
    fn wait(&mut self, _limit: Duration) -> bool {
        false
    }
}

impl Feed for Box<dyn Feed> {
    fn open(&mut self, cursor: &Value, notes: &BTreeMap<String, String>) -> Result<(), Trouble> {
        (**self).open(cursor, notes)
    }

    fn poll(&mut self) -> Result<Polled, Trouble> {
        (**self).poll()
    }

    fn committed(&mut self) -> Result<(), Trouble> {
        (**self).committed()
    }

    fn wait(&mut self, limit: Duration) -> bool {
        (**self).wait(limit)
    }
}
