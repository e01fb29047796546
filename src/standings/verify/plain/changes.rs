//! Records of tables that change: each window shows its partition's table as it stood when it could change no more.

use std::sync::Arc;

use super::table::{Changing, Packed, Row as Held};
use super::{Adding, Plain, arrays, is_refused};
use standings_decode::change::Op;
use standings_decode::{About, Decoder, Sale};
use standings_engine::event_time::partition::Verdict;
use standings_model::block::{PartitionId, RecordRef};
use standings_model::plan::Plan;
use standings_model::row_id::RowId;
use standings_model::value::Value;

/// A row as a record says that it is now, whole; none of what is no row, or (`is_not`) is refused.
fn now(
    plan: &Plan,
    (decoder, changing): (&mut Decoder, &Changing),
    (bytes, about, row): (&[u8], About<'_>, usize),
    was: Option<&Packed>,
    is_not: impl FnOnce(&Sale<'_>) -> bool,
) -> Option<Packed> {
    let sale = decoder.now(bytes, about, row).ok()?;
    if !changing.lacks(&sale) {
        return (!is_not(&sale)).then(|| changing.pack(&sale));
    }
    let mut now = changing.over(plan, was, &sale)?;
    let sale = changing.completed(decoder, &mut now)?;
    let is_row = !is_not(&sale);
    is_row.then_some(now)
}

impl Plain {
    /// Takes a record of a table that changes.
    pub(super) fn change(
        &mut self,
        id: PartitionId,
        record: &RecordRef,
        bytes: &[u8],
        about: About<'_>,
    ) {
        let Some(rows) = self
            .partitions
            .get_mut(&id)
            .and_then(|p| p.decoder.changes(bytes, about).ok())
        else {
            return;
        };
        for row in 0..rows {
            let Some(partition) = self.partitions.get(&id) else {
                return;
            };
            let policy = self.policies[partition.table];
            let watermark = partition.clock.watermark(&policy);
            if let Some(watermark) = watermark {
                self.freeze(id, watermark.saturating_sub(policy.allowed_lateness));
            }
            let Some(partition) = self.partitions.get_mut(&id) else {
                return;
            };
            let table = partition.table;
            let Some(changing) = partition.changing.as_mut() else {
                return;
            };
            let decoder = &mut partition.decoder;
            let is_found = self
                .bootstrap
                .get(&id)
                .is_some_and(|end| record.offset < *end);
            let op = match decoder.op(row) {
                Op::Put if is_found => Op::Found,
                op => op,
            };
            let mut came = None;
            if matches!(op, Op::Put | Op::Found | Op::End) {
                let Ok(was) = decoder.before(bytes, about, row) else {
                    continue;
                };
                let was = was.map(|sale| changing.pack(&sale));
                if op == Op::End {
                    match was {
                        Some(was) if changing.is_whole() => changing.end_whole(&was),
                        _ => match decoder.ended(bytes, about, row) {
                            Ok(key) => changing.end(&key),
                            Err(_) => continue,
                        },
                    }
                } else {
                    let asked = (table, &*self.plan, &mut self.judge, &mut partition.shown);
                    let by = (&policy, watermark);
                    let is_not = |sale: &Sale<'_>| is_refused(asked, sale, record, by);
                    let of = (bytes, about, row);
                    let now = now(&self.plan, (decoder, changing), of, was.as_ref(), is_not);
                    let Some(now) = now else { continue };
                    came = Some(now.time);
                    changing.put(&self.plan, was, now, (record.offset, row as u32));
                }
            }
            match op {
                Op::Skip => continue,
                // It moves no watermark, as nothing of a bootstrap does.
                Op::End if is_found => {}
                Op::Found => came.into_iter().for_each(|time| changing.find(time)),
                Op::Put | Op::End | Op::Empty => {
                    if op == Op::Empty {
                        changing.empty();
                    }
                    if self.plan.tables[table].event_time.is_some() {
                        let times = changing.take_found().into_iter().chain(came);
                        times.for_each(|time| partition.clock.observe(time));
                    }
                }
            }
        }
    }

    /// What windows show that end at or before this, ms, is what a partition's table is now.
    fn freeze(&mut self, id: PartitionId, to: i64) {
        let Some(partition) = self.partitions.get_mut(&id) else {
            return;
        };
        let table = partition.table;
        let Some(changing) = partition.changing.as_mut() else {
            return;
        };
        let Some((rows, (after, to))) = changing.freeze(&self.plan, to) else {
            return;
        };
        let counts = |end| match after < end && end <= to {
            true => Verdict::Counted,
            false => Verdict::Late,
        };
        let mut into = Adding {
            plan: &self.plan,
            starts: self.starts,
            groups: &mut self.groups,
            speakers: &mut self.speakers,
            counts,
        };
        let primary = &self.plan.tables[table].primary_key;
        for held in rows {
            let Held {
                time, offset, row, ..
            } = held;
            let sale = changing.recall(&mut partition.decoder, &held);
            let key: Arc<[Value]> = primary.iter().map(|c| sale.value(*c)).collect();
            let place = (time, key, id, offset);
            let name = |row| RowId {
                partition: id,
                offset,
                row,
            };
            into.take((table, None), &sale, &place, name(row));
            for array in arrays(&self.plan, table) {
                let mut nth = 0;
                let bytes = held.bytes();
                while let Some(sale) = partition.decoder.element((bytes, time), array, nth) {
                    nth += 1;
                    let text = |column| sale.bytes(column).map_or(0, <[u8]>::len);
                    if self.plan.oversized_key(table, sale.held(), text).is_none() {
                        into.take((table, Some(array)), &sale, &place, name(nth as u32 - 1));
                    }
                }
            }
        }
    }

    /// All was read: every window of tables that change shows what is there.
    pub fn end(&mut self) {
        for id in self.partitions.keys().copied().collect::<Vec<_>>() {
            self.freeze(id, i64::MAX);
        }
    }
}
