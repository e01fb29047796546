//! Worker 0's part in snapshots: picks the epoch, keeps its own state at it, waits for every worker's part.
//!
//! 1. A snapshot holds everything before its epoch and nothing of it or after: owners copy their rows between two
//!    epochs, and worker 0 its state between the same two.
//! 2. The epoch is picked ahead of what any worker is known to have gone on to. One that has gone past it says so; the
//!    snapshot then failed, and the next one is full, because what was copied is not noted as changed any more.
//! 3. A snapshot is full now and then: when the parts since the last full one hold more rows than half of it.

use crate::rank::gather::Gather;
use crate::rank::messages::Epoch;
use crate::rank::state::GatherState;
use crate::snapshot::order::{Complete, Order, PartFile, PartReport};
use standings_model::sabotage::{self, Mistake};

/// How far ahead the epoch is picked. Idle workers go there at once; busy ones are there within as many epochs.
const AHEAD: Epoch = 64;

/// Attempts as worker 0 sees them.
pub struct Attempts {
    workers: usize,
    attempt: Option<Attempt>,
    /// Files of the last complete snapshot, the full ones first.
    chain: Vec<PartFile>,
    full_rows: u64,
    later_rows: u64,
    /// Nothing to build upon.
    needs_full: bool,
    /// Each is whole: sessions become others, and a part does not say which are no more.
    always_full: bool,
    /// What the last complete one stands for.
    last: Option<GatherState>,
}

struct Attempt {
    order: Order,
    state: Option<GatherState>,
    parts: Vec<PartFile>,
    reported: usize,
    problem: Option<String>,
}

impl Attempts {
    /// None yet, of so many workers; `always_full`: none builds upon another.
    pub fn new(workers: usize, always_full: bool) -> Self {
        Attempts {
            always_full,
            workers,
            attempt: None,
            chain: Vec::new(),
            full_rows: 0,
            later_rows: 0,
            needs_full: true,
            last: None,
        }
    }

    /// Whether a snapshot would hold anything new.
    pub fn is_news(&self, gather: &Gather) -> bool {
        self.last.as_ref() != Some(&gather.state())
    }

    /// The last complete one was not kept. Its parts may be there or not: the next one does not build upon them.
    pub fn lost(&mut self) {
        self.last = None;
        self.needs_full = true;
    }

    /// Whether none is on its way.
    pub fn is_idle(&self) -> bool {
        self.attempt.is_none()
    }

    /// Picks the epoch of the next one; some worker has gone on to `latest`.
    pub fn order(&mut self, id: u64, latest: Epoch) -> Order {
        let order = Order {
            id,
            epoch: latest + AHEAD,
            full: self.always_full || self.needs_full || self.later_rows > self.full_rows / 2,
        };
        self.attempt = Some(Attempt {
            order,
            state: None,
            parts: Vec::new(),
            reported: 0,
            problem: None,
        });
        order
    }

    /// The snapshot whose epoch's moment has come, as [`Attempts::look`] knows it.
    pub fn comes(&self, reached: Epoch, due: Option<Epoch>) -> Option<Order> {
        let attempt = self.attempt.as_ref().filter(|a| a.state.is_none())?;
        let epoch = attempt.order.epoch;
        (reached >= epoch && due.is_none_or(|due| due >= epoch)).then_some(attempt.order)
    }

    /// Keeps worker 0's state when the epoch's moment has come: all before it is gathered (`applied` is the first
    /// epoch that is not), nothing after it; `due` is the next epoch with messages.
    pub fn look(&mut self, reached: Epoch, due: Option<Epoch>, gather: &Gather, applied: Epoch) {
        let Some(attempt) = &mut self.attempt else {
            return;
        };
        let epoch = attempt.order.epoch;
        if attempt.state.is_some() || reached < epoch || due.is_some_and(|d| d < epoch) {
            return;
        }
        if applied > epoch {
            attempt.problem = Some("worker 0 had gone past the epoch".to_owned());
        }
        attempt.state = Some(gather.state());
    }

    /// Takes over one worker's report.
    pub fn part(&mut self, part: PartReport) {
        let Some(attempt) = self.attempt.as_mut().filter(|a| a.order.id == part.id) else {
            return;
        };
        attempt.reported += 1;
        match part.files {
            Ok(files) => attempt.parts.extend(files),
            Err(problem) => attempt.problem = Some(problem),
        }
    }

    /// The attempt's outcome, once every worker has reported: `None` inside if it failed.
    pub fn finished(&mut self) -> Option<Option<Complete>> {
        let attempt = self.attempt.as_ref()?;
        if attempt.reported < self.workers || attempt.state.is_none() {
            return None;
        }
        let attempt = self.attempt.take()?;
        if attempt.problem.is_some() {
            self.needs_full = !sabotage::is(Mistake::FailureForgotten);
            return Some(None);
        }
        let rows: u64 = attempt.parts.iter().map(|p| p.rows).sum();
        if attempt.order.full {
            self.chain.clear();
            self.full_rows = rows;
            self.later_rows = 0;
        } else {
            self.later_rows += rows;
        }
        self.needs_full = false;
        self.chain.extend(attempt.parts);
        self.last.clone_from(&attempt.state);
        Some(Some(Complete {
            id: attempt.order.id,
            epoch: attempt.order.epoch,
            state: attempt.state.unwrap_or_default(),
            parts: self.chain.clone(),
        }))
    }
}
