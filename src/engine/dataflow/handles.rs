//! A worker's ends of the dataflow: what its driver holds of it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use standings_model::placed::Watch;
use standings_model::plan::Plan;
use standings_observe::live::Joined;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::InputHandle;
use timely::dataflow::operators::probe::Handle as ProbeHandle;
use timely::scheduling::Activator;

use super::control::{Control, Start};
use super::gate::{Bell, Look};
use super::messages::{FirstMessage, Message, NearMessage};
use crate::event_time::BEGINNING;
use crate::held::Copied;
use crate::pack::deltas::Deltas;
use crate::pack::level::folded;
use crate::rank::copy::TooLarge;
use crate::rank::messages::Epoch;
use crate::rank::totals::Totals;
use crate::relate::pairs::Pairs;
use crate::snapshot::order::{Order, Taken};

/// What was copied of first levels, and for which snapshot.
pub type FirstTaken = (Order, Result<Vec<Deltas>, TooLarge>);

/// Where messages go in. Its epoch is the reader's epoch.
pub type Input = InputHandle<Epoch, CapacityContainerBuilder<Vec<Message>>>;

/// Where what joins are made of goes in.
pub type FirstInput = InputHandle<Epoch, CapacityContainerBuilder<Vec<FirstMessage>>>;

/// Where rows that may be ones of pairs go in.
pub type NearInput = InputHandle<Epoch, CapacityContainerBuilder<Vec<NearMessage>>>;

/// What was copied of the rows that are kept for pairs, and for which snapshot.
pub type PairsTaken = (Order, Vec<Copied>);

/// A worker's ends of the dataflow.
pub struct Handles {
    /// Messages in.
    pub input: Input,
    /// What joins are made of, where there are any: it goes through epochs with the other.
    pub first: Option<FirstInput>,
    /// What pairs are made of, where there are any.
    pub near: Option<NearInput>,
    /// Its frontier is the first epoch that is not durable.
    pub durable: ProbeHandle<Epoch>,
    /// What its operators and its driver share.
    pub cells: Rc<Cells>,
    /// On worker 0.
    pub gather: Option<ToGather>,
}

/// What the operators of a worker and its driver share: both run on the worker's thread, in turns.
pub struct Cells {
    /// The totals of this worker; the driver loads a snapshot into them before anything is sent.
    pub totals: RefCell<Totals>,
    /// The first levels of rankings that are joined, where there are any.
    pub first: Option<RefCell<Totals>>,
    /// Everything before this epoch is in them.
    pub first_applied: Cell<Epoch>,
    /// What was copied of them for a snapshot.
    pub first_taken: RefCell<Option<FirstTaken>>,
    /// Rows that may still be ones of pairs, where rankings are of pairs.
    pub pairs: Option<RefCell<Pairs>>,
    /// Everything before this epoch is in them.
    pub pairs_applied: Cell<Epoch>,
    /// What was copied of them for a snapshot.
    pub pairs_taken: RefCell<Option<PairsTaken>>,
    /// Since which epoch windows that end at or before a time are dropped from joins, as far as it is not known behind them.
    pub dropped: RefCell<Vec<(Epoch, i64)>>,
    /// What this worker holds of joins.
    pub joined: Cell<Joined>,
    /// Rows that no group is for, since what is computed of them behind a join has an error.
    pub failed_behind: Cell<u64>,
    /// The greatest epoch that some worker has gone on to.
    pub latest: Cell<Epoch>,
    /// What was heard from worker 0, and from the others.
    pub heard: RefCell<Heard>,
    /// What was copied for a snapshot, for the driver to have written.
    pub taken: RefCell<Option<Taken>>,
    /// Whether some ranking is made of others.
    pub is_nested: bool,
    /// What a snapshot kept of rankings of rankings, for who gathers.
    pub nested_kept: RefCell<Vec<Deltas>>,
    /// What was copied of them for a snapshot.
    pub nested_taken: RefCell<Option<FirstTaken>>,
    /// Of some window not all is told that is to be.
    pub tells: Cell<bool>,
    /// Batches that are applied, for the driver to use again; as many as it sends in an epoch.
    pub spent: RefCell<Vec<Deltas>>,
}

impl Cells {
    /// Nothing heard, nothing taken, of a plan.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let folded = folded(plan);
        let is_joined = !Arc::ptr_eq(&folded, plan);
        Cells {
            totals: RefCell::new(Totals::new(Arc::clone(plan))),
            first: is_joined.then(|| RefCell::new(Totals::new(folded))),
            first_applied: Cell::new(0),
            first_taken: RefCell::default(),
            pairs: plan.has_pairs().then(|| RefCell::new(Pairs::new(plan))),
            pairs_applied: Cell::new(0),
            pairs_taken: RefCell::default(),
            dropped: RefCell::default(),
            joined: Cell::default(),
            failed_behind: Cell::new(0),
            latest: Cell::new(0),
            heard: RefCell::default(),
            taken: RefCell::default(),
            is_nested: plan.rankings.iter().any(|r| plan.is_nested(r)),
            nested_kept: RefCell::default(),
            nested_taken: RefCell::default(),
            tells: Cell::new(false),
            spent: RefCell::default(),
        }
    }
}

/// What worker 0 said, and whether any worker's process was asked to stop.
#[derive(Debug)]
pub struct Heard {
    /// How to begin.
    pub start: Option<Start>,
    /// The horizon to promise next.
    pub horizon: i64,
    /// Reading may go on past the hold.
    pub released: bool,
    /// What rows are joined with is there.
    pub partners: bool,
    /// A snapshot that is not taken yet.
    pub snapshot: Option<Order>,
    /// The windows that are to be told of, as long as their owner has not seen it.
    pub watches: Option<Vec<Watch>>,
    /// Another process was asked to stop.
    pub stop: bool,
    /// The other workers whose inputs have ended.
    pub ended: BTreeSet<u64>,
}

impl Heard {
    /// Takes down what worker 0 says.
    pub fn hear(&mut self, control: &Control) {
        match control {
            Control::Start(start) => self.start = Some((**start).clone()),
            Control::Horizon(horizon) => self.horizon = self.horizon.max(*horizon),
            Control::Release => self.released = true,
            Control::Partners => self.partners = true,
            Control::Snapshot(order) => self.snapshot = Some(*order),
            Control::Watch(watches) => self.watches = Some(watches.clone()),
        }
    }
}

impl Default for Heard {
    fn default() -> Self {
        Heard {
            start: None,
            horizon: BEGINNING,
            released: false,
            partners: false,
            snapshot: None,
            watches: None,
            stop: false,
            ended: BTreeSet::new(),
        }
    }
}

/// Worker 0's way to gather.
pub struct ToGather {
    /// Whether it has something to do that nothing will announce.
    pub look: Rc<Cell<Look>>,
    /// It should look now.
    pub bell: Bell,
    /// Wakes it.
    pub activator: Activator,
}
