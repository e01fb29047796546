//! What sources tell of themselves: for metrics, probes and the API. Who tells never waits for who reads.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use serde_json::{Value, json};

use super::batch::timestamp;
use super::state::State;

/// What is known of a source now.
#[derive(Clone, Debug)]
pub struct Now {
    /// What it does.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// Whether it was opened, since this process began.
    pub is_open: bool,
    /// Records that were committed by this process.
    pub records: u64,
    /// Bytes of their values.
    pub bytes: u64,
    /// Dead letters.
    pub letters: u64,
    /// What came twice, and was not written.
    pub duplicates: u64,
    /// Transactions.
    pub transactions: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Whether its breaker is open.
    pub breaker_open: bool,
    /// Of this instance; 0 before it is open.
    pub generation: u64,
    /// Of the last record that was committed.
    pub position: String,
    /// When that was.
    pub committed_at: Option<SystemTime>,
    /// From when a record was read until it was committed, of the last transaction, seconds.
    pub lag: f64,
}

/// One source.
#[derive(Debug)]
pub struct Told {
    /// Its name.
    pub name: String,
    /// Its `type`.
    pub kind: &'static str,
    /// Where its records go.
    pub topic: String,
    now: Mutex<Now>,
}

impl Told {
    /// Nothing was done yet: it waits for its log.
    pub fn new(name: &str, kind: &'static str, topic: &str, at: SystemTime) -> Arc<Self> {
        Arc::new(Told {
            name: name.to_owned(),
            kind,
            topic: topic.to_owned(),
            now: Mutex::new(Now {
                state: State::Waiting("it has not begun".to_owned()),
                since: at,
                is_open: false,
                records: 0,
                bytes: 0,
                letters: 0,
                duplicates: 0,
                transactions: 0,
                failures: 0,
                breaker_open: false,
                generation: 0,
                position: String::new(),
                committed_at: None,
                lag: 0.0,
            }),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known now.
    pub fn now(&self) -> Now {
        self.lock().clone()
    }

    /// Changes what is known.
    pub fn update(&self, change: impl FnOnce(&mut Now)) {
        change(&mut self.lock());
    }

    /// Another state; told in the log where the word or the reason is another.
    pub fn state(&self, state: State, at: SystemTime) {
        let mut now = self.lock();
        if now.state == state {
            return;
        }
        let (source, word) = (self.name.as_str(), state.word());
        match state.reason() {
            Some(reason) => tracing::warn!(
                event = "source_state",
                source,
                state = word,
                reason,
                "the source has another state"
            ),
            None => tracing::info!(
                event = "source_state",
                source,
                state = word,
                "the source has another state"
            ),
        }
        if now.state.word() != word {
            now.since = at;
        }
        now.state = state;
    }

    /// As the API has it.
    pub fn json(&self) -> Value {
        let now = self.now();
        json!({
            "name": self.name,
            "type": self.kind,
            "topic": self.topic,
            "state": now.state.word(),
            "reason": now.state.reason(),
            "since": timestamp(now.since),
            "generation": now.generation,
            "records": now.records,
            "bytes": now.bytes,
            "dead_letters": now.letters,
            "duplicates": now.duplicates,
            "transactions": now.transactions,
            "failures": now.failures,
            "breaker_open": now.breaker_open,
            "position": now.position,
            "committed_at": now.committed_at.map(timestamp),
            "lag_seconds": now.lag,
        })
    }
}

/// All sources of a process.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// In the order of the configuration.
    pub sources: Vec<Arc<Told>>,
}

impl Board {
    /// Why the process is not ready, a line for each source that is not; none where all are.
    ///
    /// A source is ready when it was opened and goes on.
    pub fn unready(&self) -> Vec<String> {
        let all = self.sources.iter().filter_map(|told| {
            let now = told.now();
            let is_ready = now.is_open && now.state.is_well();
            (!is_ready).then(|| format!("{}: {}", told.name, now.state))
        });
        all.collect()
    }

    /// As the API has it.
    pub fn json(&self) -> Value {
        json!({ "sources": self.sources.iter().map(|t| t.json()).collect::<Vec<_>>() })
    }
}
