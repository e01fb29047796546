//! What a commit is written to: its interface, what it shows, and how it fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::error::{Code, Coded, Failure, codes};
use standings_model::identity::{Known, Opening};
use standings_model::plan::Plan;
use standings_model::reject::Reject;
use standings_model::value::Value;
use standings_model::window::Bounds;

use crate::refused;

/// What a sink already shows when it is opened, so that only the difference is written.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The last commit number in the sink; 0 for none.
    pub commit: u64,
    /// The input prefix of that commit; `None` where the sink does not know.
    pub offsets: Option<BTreeMap<PartitionId, u64>>,
    /// Where reading that prefix began.
    pub begins: BTreeMap<PartitionId, u64>,
    /// The global watermark of that commit, ms: windows up to it are closed, and stay so.
    pub watermark: Option<i64>,
    /// Rows in the sink.
    pub rows: Vec<ShownRow>,
    /// What that commit is of; `None` where an earlier version wrote it.
    pub known: Option<Known>,
    /// It keeps what it is told from one run to the next.
    pub remembers: bool,
    /// Tables that were there are not any more, and were made anew: what they showed is gone.
    pub lacks_tables: bool,
}

/// One row that a sink shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownRow {
    /// Ranking number in the plan.
    pub ranking: usize,
    /// Window start, ms.
    pub window_start: i64,
    /// Window end, ms.
    pub window_end: i64,
    /// Group keys, as in the plan.
    pub key: Arc<[Value]>,
    /// Rank.
    pub rank: u64,
    /// Measures, as in the plan.
    pub measures: Arc<[Value]>,
    /// Whether the window was closed.
    pub is_final: bool,
}

impl ShownRow {
    /// Its window.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            start: self.window_start,
            end: self.window_end,
        }
    }
}

/// Why a sink failed for good. What can heal (a server that is down) is waited for inside the sink.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// It shows less than it acknowledged in this run; opened again, it says what.
    #[error(
        "{sink} is at commit {commit} of generation {generation}, and had acknowledged commit {acknowledged} to generation \
         {own}"
    )]
    Behind {
        /// For logs.
        sink: String,
        /// Its last commit.
        commit: u64,
        /// The newest generation there.
        generation: i64,
        /// The last commit that it had acknowledged.
        acknowledged: u64,
        /// To this generation.
        own: i64,
    },
    /// Anything else: whatever sink it is, it says what, with its code.
    #[error(transparent)]
    Failed(Failure),
}

impl SinkError {
    /// Its entry in the table.
    pub fn code(&self) -> &'static Code {
        match self {
            SinkError::Behind { .. } => &codes::sink::BEHIND,
            SinkError::Failed(failure) => failure.code(),
        }
    }
}

impl<E: Coded> From<E> for SinkError {
    fn from(error: E) -> Self {
        SinkError::Failed(error.into())
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        match error {
            SinkError::Behind { .. } => Failure::of(error.code(), error.to_string()),
            SinkError::Failed(failure) => failure,
        }
    }
}

/// A place that commits are written to. Lives on its own thread: calls may block.
pub trait Sink: Send {
    /// For logs: the URL without secrets.
    fn name(&self) -> &str;

    /// Where it tells of rows that it does not take.
    fn letters(&mut self, _: refused::Letters) {}

    /// Compares what is known there with what `opening` says, without taking anything over. Every sink of a run is looked
    /// at before one is opened: who writes there goes on where it is not the same.
    fn look(&mut self, _: &Plan, _: &Opening) -> Result<(), SinkError> {
        Ok(())
    }

    /// Connects (waiting, with backoff and a log line, while the server is down), makes or checks what it needs,
    /// and says what is already shown. Looks first, if it was not asked to.
    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, SinkError>;

    /// Asks whether the sink is still this run's: an error if another has opened it since. A sink without
    /// owners is everybody's.
    fn confirm(&mut self, _: &Plan) -> Result<(), SinkError> {
        Ok(())
    }

    /// Writes one commit durably; [`SinkError::Behind`] if it is found to show less than it acknowledged before. Waits, with backoff and a log line, while the server is down. Returns once the
    /// commit is there exactly once (or, for sinks without transactions, at least once).
    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError>;
}

/// Where rejected records go.
pub trait RejectWriter: Send {
    /// Opens. `goes_on`: what an earlier run wrote is not written again.
    fn open(&mut self, goes_on: bool) -> Result<(), SinkError>;
    /// Writes these records durably.
    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError>;
}

/// Rejects that are counted and kept nowhere, on purpose.
pub struct Nowhere;

impl RejectWriter for Nowhere {
    fn open(&mut self, _: bool) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, _: &Plan, _: &[&Reject]) -> Result<(), SinkError> {
        Ok(())
    }
}
