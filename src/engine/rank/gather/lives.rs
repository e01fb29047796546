//! Lives of keys: a ranking of all time with a time to live reads sessions, and those that are over are taken back from it.
//!
//! ```text
//! watermark ──► passes the last row of a life by the time to live ──► all of it is taken back, once, and counted
//! end of the input ──► lets none go: it is no time that went by
//! ```
//!
//! 1. What is over is a function of the rows and of the watermark by what was read: the same for any batches and workers.
//! 2. It never goes back.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Gather;
use crate::event_time::{BEGINNING, END_OF_TIME};

/// What became of lives, by ranking.
#[derive(Debug, Default)]
pub(super) struct Lives {
    /// Those that end at or before this are over, and readers know.
    over: BTreeMap<u32, i64>,
    /// The watermark up to which an earlier run has closed: what it let go does not come back.
    closed_before: Option<i64>,
    /// How many keys were let go since this was asked last.
    expired: BTreeMap<usize, u64>,
}

impl Lives {
    pub(super) fn count(&mut self, ranking: usize, keys: u64) {
        if keys > 0 {
            *self.expired.entry(ranking).or_default() += keys;
        }
    }
}

impl Gather {
    /// Until when lives of a ranking are over, if its windows are such; those that are over since the last time are to be told.
    pub(super) fn over(&mut self, ranking: u32) -> Option<i64> {
        if !self.plan.rankings[ranking as usize].lets_go {
            return None;
        }
        let now = self.lived();
        let over = self.lives.over.entry(ranking).or_insert(BEGINNING);
        if now > *over {
            let new = (ranking, over.saturating_add(1))..=(ranking, now);
            for ((_, end), partitions) in self.windows.range(new) {
                let all = partitions.keys();
                self.unfed
                    .extend(all.map(|p| (ranking, *end, Arc::clone(p))));
            }
            *over = now;
        }
        Some(*over)
    }

    /// Notes up to which watermark an earlier run has closed.
    pub fn closed_by(&mut self, earlier: i64) {
        self.lives.closed_before = Some(earlier);
    }

    /// The watermark by what was read, and by what an earlier run had read. At the end of all input it is that of the partition that is furthest: nothing waits for the
    /// others any more. One whose watermark stood still has come as far as its greatest event time.
    fn lived(&self) -> i64 {
        let earlier = self.lives.closed_before;
        let watermark = self.clock.watermark().max(earlier.unwrap_or(BEGINNING));
        if watermark < END_OF_TIME {
            return watermark;
        }
        let all = self.clock.partitions().iter();
        let read = all.filter(|(_, state)| !state.timeless);
        let read = read.filter_map(|(id, state)| {
            let greatest = self.greatest.get(id).copied();
            state.watermark.or(greatest)
        });
        read.max().unwrap_or(BEGINNING)
    }

    /// How many keys were let go since this was asked last, by the ranking that is told of them.
    pub fn take_expired(&mut self) -> Vec<(usize, u64)> {
        let all = std::mem::take(&mut self.lives.expired).into_iter();
        all.map(|(ranking, keys)| (self.plan.told_as(ranking), keys))
            .collect()
    }
}
