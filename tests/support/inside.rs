//! The engine from inside: a feed of events that are all there, and a gate that takes every draft.
#![allow(dead_code)]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use standings_engine::dataflow::control::Start;
use standings_engine::dataflow::gate::{Bell, Gate};
use standings_engine::driver::Feed;
use standings_engine::rank::state::GatherState;
use standings_engine::snapshot::order::Complete;
use standings_model::block::{PartitionId, SourceEvent};
use standings_model::change::Commit;

/// Events as they were given.
pub struct Given {
    events: RefCell<VecDeque<SourceEvent>>,
    asked: Cell<u64>,
    /// Each time that it was asked so often there is nothing; 0 for never.
    pub late_after: u64,
}

impl Given {
    /// In this order.
    pub fn new(events: VecDeque<SourceEvent>) -> Self {
        Given {
            events: RefCell::new(events),
            asked: Cell::new(0),
            late_after: 0,
        }
    }
}

impl Feed for Given {
    fn try_next(&self) -> Option<SourceEvent> {
        self.asked.set(self.asked.get() + 1);
        if self.late_after > 0 && self.asked.get().is_multiple_of(self.late_after) {
            return None;
        }
        self.events.borrow_mut().pop_front()
    }

    fn durable(&self, _: &[(PartitionId, u64)]) {}
}

/// Every draft is taken, kept, and durable at once.
#[derive(Default)]
pub struct Kept {
    /// What was taken.
    pub commits: Arc<Mutex<Vec<Commit>>>,
    /// The epoch up to which all is durable.
    pub durable: AtomicU64,
    /// Takes no draft of a backlog.
    pub waits: bool,
    /// How often there was one.
    pub waited: Arc<AtomicU64>,
}

impl Gate for Kept {
    fn bell(&self) -> Bell {
        Bell::default()
    }

    fn is_writing(&self) -> bool {
        false
    }

    fn start(&mut self) -> Option<(Start, Option<GatherState>)> {
        Some((Start::default(), None))
    }

    fn released(&self) -> bool {
        true
    }

    fn snapshot_due(&mut self) -> Option<u64> {
        None
    }

    fn snapshot(&mut self, _: Option<Complete>) {}

    fn ready(&mut self, more: bool) -> bool {
        self.waited.fetch_add(more.into(), Ordering::Relaxed);
        !(more && self.waits)
    }

    fn offer(&mut self, draft: Commit, up_to: u64) {
        self.commits.lock().unwrap().push(draft);
        self.durable.store(up_to, Ordering::Relaxed);
    }

    fn closed_before(&self) -> i64 {
        i64::MIN
    }

    fn durable(&self) -> u64 {
        self.durable.load(Ordering::Relaxed)
    }
}
