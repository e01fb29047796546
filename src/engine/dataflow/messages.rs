//! What is on the streams: from readers to owners, and from owners to worker 0. What worker 0 answers is in
//! [`control`](super::control).

use serde::{Deserialize, Serialize};

use crate::pack::deltas::Deltas;
use crate::rank::keys::{Moved, NewKey};
use crate::rank::messages::{Candidate, Epoch, Passed, Progress, Promise};
use crate::rank::tops::TopsTold;
use crate::relate::dimension::DimensionChange;
use crate::relate::events::Event;
use crate::snapshot::order::PartReport;
use standings_model::placed::Placed;

/// What a reader sends into the dataflow, addressed to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Message {
    /// The worker it is for.
    pub to: u64,
    /// What it says.
    pub body: Body,
}

/// The kinds of message.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Body {
    /// Totals to add.
    Deltas(Box<Deltas>),
    /// Keys of which rows are held now, for their owner.
    Keys(Vec<NewKey>),
    /// Of the owner of what rows are joined with: what came when no such row was there any more.
    Passed(Vec<Passed>),
    /// For worker 0, which gathers.
    Progress(Box<Progress>),
    /// For every worker.
    Promise(Promise),
    /// Its totals were loaded from a snapshot before this epoch: they are candidates now.
    Loaded,
    /// For worker 0: a part of a snapshot.
    Part(PartReport),
    /// The sender has gone on to this epoch: whoever is behind should follow, so that its data can be committed.
    Tick(Epoch),
    /// The sender's process was asked to stop: none can go on without the others.
    Stop,
    /// This worker's input has ended. It goes on taking part until all have.
    Ended(u64),
    /// For itself: there is something to tell of windows whose positions are asked for, and nothing else may come.
    Tell,
}

/// What a reader sends into the joins, addressed to a worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FirstMessage {
    /// The worker it is for.
    pub to: u64,
    /// What it says.
    pub body: First,
}

/// The kinds of message that joins are made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum First {
    /// First levels of rankings.
    Deltas(Box<Deltas>),
    /// Rows that others are joined with.
    Dimensions(Vec<DimensionChange>),
    /// For every worker.
    Promise(Promise),
    /// Its first levels were loaded from a snapshot before this epoch.
    Loaded,
}

/// What a reader sends to the owners of what rows are pairs by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NearMessage {
    /// The worker it is for.
    pub to: u64,
    /// What it says.
    pub body: Near,
}

/// The kinds of message that pairs are made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Near {
    /// Rows of either table.
    Events(Vec<Event>),
    /// For every worker.
    Promise(Promise),
}

/// From the owners of keys to worker 0.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Gathered {
    /// Rows that entered, changed in, or left the sender's own best.
    Candidates(Vec<Candidate>),
    /// The same of rows that are pieces of bytes, of one window.
    Tops(TopsTold),
    /// Keys that were seen in a second partition.
    Moved(Vec<Moved>),
    /// Rows that others are joined with as they were, too late for any.
    Passed(Vec<Passed>),
    /// What a reader said at the end of an epoch.
    Progress(Box<Progress>),
    /// What a reader promised.
    Promise(Promise),
    /// A part of a snapshot.
    Part(PartReport),
    /// What is told of windows whose positions are asked for.
    Placed(Vec<Placed>),
}
