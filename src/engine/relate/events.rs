//! Rows of tables whose pairs are ranked, on their way from the reader to the owner of what they are pairs by.
//!
//! ```text
//! row ──► WHERE of it alone ──► is any window open that a pair of it may be in? ──► Event, for the owner of its key
//!                                  │ not of all: those that it missed, late
//!                                  └ of none: late, and kept by nobody
//! ```
//!
//! What of its windows are closed to a row is its own partition's to say, before it is read: it goes with the row
//! ([`Event::closed`]), and a pair counts in the windows that are closed to neither of the two.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::pairing::{Pairing, Pairings};
use crate::combine::combiner::{Missing, Origin, Outcome, SaleView};
use crate::event_time::partition::Verdict;
use crate::pack::deltas::bin;
use crate::pack::hash::hash;
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::reject::MissedWindow;
use standings_model::sabotage::{self, Mistake};

/// A row that may be one of a pair.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Number of the ranking in the plan.
    pub ranking: u32,
    /// It is of the other of the two tables.
    pub other: bool,
    /// What it is a pair by, behind the number of the ranking.
    pub key: Vec<u8>,
    /// Its moment, microseconds.
    pub at: i64,
    /// Its event time, ms.
    pub time: i64,
    /// Windows that end at or before this are closed to it, ms.
    pub closed: i64,
    /// Where it stands: partition, offset, which of the record's rows.
    pub place: (PartitionId, u64, u32),
    /// What is taken of it.
    pub cells: Vec<u8>,
}

/// The bin of what rows are pairs by.
pub fn bin_of(key: &[u8]) -> u64 {
    bin(hash(key))
}

/// The rows of an epoch on one reader.
pub struct Events {
    pairings: Pairings,
    told: Vec<u32>,
    rows: Vec<Event>,
}

impl Events {
    /// None yet.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let told = 0..plan.rankings.len();
        Events {
            pairings: Pairings::new(plan),
            told: told.map(|n| plan.told_as(n) as u32).collect(),
            rows: Vec::new(),
        }
    }

    /// Whether rows of a table may be ones of pairs.
    pub fn reads(&self, table: usize) -> bool {
        !self.pairings.of(table).is_empty()
    }

    /// Takes a row of a table. `judge` says what becomes of it in a window that ends then; `closed`: those that end at or before
    /// it take it no more, ms. What it missed is appended to `missing`.
    #[inline]
    pub fn put(
        &mut self,
        table: usize,
        row: &impl SaleView,
        origin: Origin,
        by: (i64, impl Fn(i64) -> Verdict),
        missing: &mut Missing,
    ) -> Outcome {
        match self.pairings.of(table).is_empty() {
            true => Outcome::Filtered,
            false => self.take_row(table, row, origin, by, missing),
        }
    }

    fn take_row(
        &mut self,
        table: usize,
        row: &impl SaleView,
        origin: Origin,
        (closed, judge): (i64, impl Fn(i64) -> Verdict),
        missing: &mut Missing,
    ) -> Outcome {
        let mut outcome = Outcome::Filtered;
        for (number, other) in self.pairings.of(table) {
            let Some(pairing) = self.pairings.get(*number) else {
                continue;
            };
            let (side, told) = (pairing.side(*other), self.told[*number as usize] as usize);
            let failed = match side.filter {
                Some(filter) if row.has_error(filter) => Some(filter),
                Some(filter) if !row.is_true(filter) => continue,
                _ => side.failed(row),
            };
            if let Some(column) = failed {
                missing.failed.push((told, column));
                continue;
            }
            let time = row.event_time();
            missed(pairing, (*other, told), time, &judge, &mut missing.windows);
            if pairing.until(*other, time) <= closed {
                outcome = outcome.max(Outcome::Missed);
                continue;
            }
            outcome = Outcome::Counted;
            // NULL is equal to nothing.
            if let (Some(key), Some(at)) = (side.key(*number, row), side.at(row)) {
                self.rows.push(Event {
                    ranking: *number,
                    other: *other,
                    key,
                    at,
                    time,
                    closed,
                    place: (origin.partition, origin.offset, origin.row),
                    cells: side.take(row),
                });
            }
        }
        match outcome {
            Outcome::Counted => outcome,
            _ if !missing.failed.is_empty() => Outcome::Failed,
            _ => outcome,
        }
    }

    /// Ends the epoch: the rows for each worker that gets some.
    pub fn take(&mut self, workers: usize) -> Vec<(u64, Vec<Event>)> {
        let mut all: Vec<Vec<Event>> = vec![Vec::new(); workers];
        for event in self.rows.drain(..) {
            if sabotage::is(Mistake::PairByReader) {
                all[event.place.0 as usize % workers].push(event);
                continue;
            }
            all[(bin_of(&event.key) % workers as u64) as usize].push(event);
        }
        let all = (0..).zip(all);
        all.filter(|(_, events)| !events.is_empty()).collect()
    }
}

/// The windows that a row missed, of those that hold the first moment that a pair of it may be of.
fn missed(
    pairing: &Pairing,
    (other, told): (bool, usize),
    time: i64,
    judge: &impl Fn(i64) -> Verdict,
    into: &mut Vec<MissedWindow>,
) {
    let window = &pairing.ranking.window;
    let cover = window.cover(pairing.times(other, time).0);
    // A window that ends later is late later.
    if judge(cover.first) == Verdict::Counted {
        return;
    }
    let ends = window.ends(pairing.times(other, time).0);
    let late = ends.map(|end| (end, judge(end)));
    let late = late.filter(|(_, verdict)| *verdict != Verdict::Counted);
    into.extend(late.map(|(end, verdict)| MissedWindow {
        ranking: told,
        start: window.start(end),
        end,
        retired: verdict == Verdict::Retired,
    }));
}
