//! A block of columns, folded as a whole.
//!
//! Most blocks of a file of columns have nothing that has to be looked at row by row: each row is here, nothing is computed or
//! asked of it, and its windows are open even after the greatest time of the block. Then the counts, the clock and what is folded are
//! those of its rows one by one (`tests`), for a fraction of what these cost.

#[cfg(test)]
mod tests;

use super::Partition;
use crate::event_time::partition::{PartitionClock, Policy, Verdict};
use crate::fold::into::Folds;
use standings_model::block::{Block, NO_TIMESTAMP};
use standings_model::rows::{Filled, Rows, Values};

impl Partition {
    /// Folds a block whose rows are columns; whether it did, or they have to be folded one by one.
    pub(super) fn as_columns(
        &mut self,
        block: &Block,
        (policy, horizon): (&Policy, i64),
        into: &mut Folds<'_>,
    ) -> bool {
        let (Some(rows), Some(last)) = (block.rows.as_deref(), block.records.last()) else {
            return false;
        };
        let is_plain = self.changing.is_none()
            && self.joined.is_none()
            && block.refused.is_empty()
            && into.judge.is_empty()
            && !into.events.reads(self.table)
            && into.combiner.takes_columns(self.table)
            && rows.longest <= into.plan.max_key_bytes
            && block.records.iter().all(|r| r.timestamp == NO_TIMESTAMP)
            && !rows.here.contains(&false);
        if !is_plain {
            return false;
        }
        let mut times = Vec::with_capacity(rows.here.len());
        let decoder = self.decoder.as_ref().expect("its block woke it");
        let Some((least, greatest)) = decoder.times(rows, &mut times) else {
            return false;
        };
        // The clock when all of them are read is ahead of what each of them was judged by, and no window of them ends earlier.
        let mut clock = self.clock;
        if !self.timeless {
            clock.observe(greatest);
        }
        let end = into.combiner.first_end(self.table, least);
        let verdict = PartitionClock::judge(clock.watermark(policy), end, horizon, policy);
        if verdict != Verdict::Counted {
            return false;
        }
        into.combiner
            .add_columns(self.table, rows, &block.bytes, &times);
        self.sum_up(rows, &times, into);
        self.clock = clock;
        let count = times.len() as u64;
        (self.counts.read, self.counts.ranked) =
            (self.counts.read + count, self.counts.ranked + count);
        self.numbered = (Some(last.offset), 1);
        #[cfg(test)]
        tests::note();
        true
    }

    /// The amounts of all rows, where they are asked for.
    fn sum_up(&self, rows: &Rows, times: &[i64], into: &mut Folds<'_>) {
        let amounts = into.amounts.as_mut().filter(|_| !self.timeless);
        let Some(amounts) = amounts.filter(|a| a.column.0 == self.table) else {
            return;
        };
        let mut columns = rows.columns.iter();
        let Some(Filled { nulls, values, .. }) = columns.find(|c| c.number == amounts.column.1)
        else {
            return;
        };
        for (row, time) in times.iter().enumerate() {
            let amount = match values {
                _ if nulls.get(row) == Some(&true) => continue,
                Values::Ints(all) | Values::Decimals(all) => i128::from(all[row]),
                Values::Wide(all) => all[row],
                Values::Doubles(all) => i128::from(all[row].to_ordered()),
                Values::Texts(_) => continue,
            };
            amounts.add(*time, amount);
        }
    }
}
