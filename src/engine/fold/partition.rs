//! What is kept of one partition: decoder, clock, offsets, idleness, counts.

mod aside;
mod awake;
mod back;
mod columns;
mod joined;

use std::ops::Range;
use std::time::{Duration, Instant};

use super::changes::{self, Changing};
use super::counting::{count, refusals};
use super::into::{Bytes, Folds, put};
use super::refusal::{dead, failed, late, refused};
use super::unnest::{self, Lost, Of};
use crate::combine::combiner::{Missing, Origin, Outcome, SaleView};
use crate::event_time::global::PartitionState;
use crate::event_time::partition::{PartitionClock, Policy};
use crate::held::{Copied, Held, Row};
use crate::quality::Memory;
use crate::rank::messages::PartitionProgress;
use standings_decode::{About, Decoder, Drift, Odd};
use standings_model::block::{Block, PartitionId, RecordRef};
use standings_model::change::Counts;
use standings_model::identity::NO_EPOCH;
use standings_model::json_values;
use standings_model::reject::Reject;
use standings_model::table::Table;

#[cold]
fn elements_of(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let is_array = bytes.trim_ascii_start().first() == Some(&b'[');
    let elements = is_array.then(|| json_values::elements(bytes))?;
    elements.filter(|all| !all.is_empty())
}

/// Whether a table that others are joined with is nothing but that.
#[derive(Clone, Copy, Debug)]
struct Alone(bool);

/// One partition of this worker.
pub struct Partition {
    id: PartitionId,
    /// Its table's number in the plan.
    table: usize,
    /// From its first block, which wakes it, to its end: of a folder of many files few are read at once, and this is most of what is kept.
    decoder: Option<Box<Decoder>>,
    clock: PartitionClock,
    next_offset: u64,
    leader_epoch: i32,
    begin: u64,
    counts: Counts,
    /// What checks of uniqueness remember.
    memory: Memory,
    /// Where the records before `begin` are read again from, as long as they are, to remember them.
    back: Option<u64>,
    /// Since when the partition's end has been reached with nothing new.
    quiet_since: Option<Instant>,
    idle: bool,
    finished: bool,
    ended: bool,
    changed: bool,
    /// More records of the last offset are to come.
    open: bool,
    /// A record may be an array, whose elements are records.
    arrays: bool,
    /// Its table has no event time: nothing is late, and no window waits for it.
    timeless: bool,
    /// Others are joined with its table, and whether nothing else is done with it.
    joined: Option<Alone>,
    /// Rows that wait for what they are joined with wait for it.
    awaits: bool,
    /// How far it is read before those that are joined with it are: to the offset where reading waits; none: to its end.
    hold: Option<u64>,
    /// Where the first of the rows stands that others are joined with, where all of them are read again at a start.
    remembers: Option<u64>,
    /// The reader has come to what was the end once, or the partition has ended.
    reached: bool,
    /// How many rows each array that is unnested has given of the present offset.
    unnested: Vec<u32>,
    /// The present offset, and how many records it has given: a line of JSON may hold several, and a file that is an array is one.
    numbered: (Option<u64>, u32),
    /// Of a table whose rows change.
    changing: Option<Box<Changing>>,
}

impl Partition {
    /// A partition that will be read from `offset`, and has shown `greatest` before. With its empty memory comes where
    /// reading begins instead, to fill it.
    pub fn new(
        (id, table): (PartitionId, usize),
        offset: u64,
        greatest: Option<i64>,
        (memory, ids_from): (Memory, Option<u64>),
    ) -> Self {
        Partition {
            id,
            table,
            decoder: None,
            clock: PartitionClock::new(greatest),
            next_offset: offset,
            leader_epoch: NO_EPOCH,
            begin: offset,
            counts: Counts::default(),
            memory,
            back: ids_from.filter(|from| *from < offset),
            quiet_since: None,
            idle: false,
            finished: false,
            ended: false,
            changed: true,
            open: false,
            arrays: false,
            timeless: false,
            joined: None,
            awaits: false,
            hold: None,
            remembers: None,
            reached: false,
            unnested: Vec::new(),
            numbered: (None, 0),
            changing: None,
        }
    }

    /// The same of a table whose rows change, with those that are held; `found`: what a snapshot of the source had shown, and
    /// where the bootstrap ends.
    pub fn with_changes(
        mut self,
        table: &Table,
        held: Held,
        found: (Option<i64>, Option<u64>),
    ) -> Self {
        let changing = || Box::new(Changing::new(table, held, found));
        self.changing = table.changes().then(changing);
        self
    }

    /// Rows that are held, and bytes that they take.
    pub fn held(&self) -> (usize, usize) {
        let held = self.changing.as_ref().map(|c| &c.held);
        held.map_or((0, 0), |held| (held.len(), held.bytes()))
    }

    /// Rows with a key that are held.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let changing = self.changing.iter().filter(|c| !c.is_whole);
        // Those that are only known are rows of no ranking.
        changing.flat_map(|c| c.held.iter().filter(|row| row.until > 0))
    }

    /// Copies the rows that are held: all, or those that changed since the last copy.
    pub fn copy_held(&mut self, all: bool) -> Option<Copied> {
        let changing = self.changing.as_mut()?;
        changing.held.copy(self.id, self.table, all)
    }

    /// The same of a table that has no event time.
    pub fn timeless(mut self, timeless: bool) -> Self {
        self.timeless = timeless;
        self
    }

    /// The same of a table whose records may be arrays, each element a record.
    pub fn with_arrays(mut self, arrays: bool) -> Self {
        self.arrays = arrays;
        self
    }

    /// Decodes, judges and folds a block; how many of its records count. Those before the partition's beginning are only
    /// remembered.
    pub fn fold(
        &mut self,
        block: &Block,
        policy: &Policy,
        horizon: i64,
        into: &mut Folds<'_>,
    ) -> usize {
        self.learn(&block.schemas, into.plan);
        let before = match block.records.first() {
            Some(first) if first.offset < self.begin => self.read_back(block, policy, into),
            _ => 0,
        };
        if before == 0 && self.as_columns(block, (policy, horizon), into) {
            self.end_block(block, 0, into);
            return block.records.len();
        }
        let mut refused = block.refused.iter().peekable();
        while refused.next_if(|r| (r.record as usize) < before).is_some() {}
        for (number, record) in block.records.iter().enumerate().skip(before) {
            let slice = |start: u32, end: u32| &block.bytes[start as usize..end as usize];
            let columns = block.row(number);
            let bytes = match columns {
                None => slice(record.start, record.end),
                Some(_) => &block.bytes[..],
            };
            let original = block
                .originals
                .get(number)
                .map_or(bytes, |(start, end)| slice(*start, *end));
            if self.numbered.0 != Some(record.offset) {
                self.numbered = (Some(record.offset), 0);
                // Few tables have any: a call for nothing is a tenth of what a record costs.
                if !self.unnested.is_empty() {
                    self.unnested.fill(0);
                }
            }
            let first = self.numbered.1;
            let begun = into.rejects.len();
            if let Some(found) = refused.next_if(|r| r.record as usize == number) {
                self.numbered.1 += 1;
                (self.counts.read, self.counts.dead) = (self.counts.read + 1, self.counts.dead + 1);
                into.rejects.push(Reject {
                    table: self.table,
                    partition: self.id,
                    offset: record.offset,
                    kind: dead(found.reason, found.detail.clone()),
                    bytes: original.to_vec(),
                });
                self.conceal(begun, (b"", original), About::of(block, number), into);
                continue;
            }
            let about = About::of(block, number);
            let elements = match columns {
                None => self.elements(bytes),
                Some(_) => None,
            };
            let count = elements.as_ref().map_or(1, Vec::len);
            self.counts.read += count as u64;
            self.numbered.1 += count as u32;
            // One loop for both: what is called in one place is a part of the loop.
            for row in 0..count {
                let (bytes, original) = match &elements {
                    Some(all) => (&bytes[all[row].clone()], &bytes[all[row].clone()]),
                    None => (bytes, original),
                };
                let begun = into.rejects.len();
                let aside = self.waits_masked(bytes, original, about);
                let own = Bytes {
                    bytes,
                    original: aside.as_deref().unwrap_or(original),
                    columns,
                    about,
                    row: first + row as u32,
                };
                self.record(record, own, policy, horizon, into);
                self.conceal(begun, (bytes, original), about, into);
            }
        }
        self.end_block(block, before, into);
        block.records.len() - before
    }

    /// What is known after a block of which `before` records were only remembered.
    fn end_block(&mut self, block: &Block, before: usize, into: &mut Folds<'_>) {
        self.open = block.open;
        self.next_offset = self.next_offset.max(block.next_offset);
        if block.leader_epoch != NO_EPOCH {
            self.leader_epoch = block.leader_epoch;
        }
        if self
            .back
            .take_if(|_| block.next_offset >= self.begin)
            .is_some()
        {
            into.dimensions.read_again(self.table, self.id);
        }
        self.changed = true;
        if !block.records.is_empty() {
            self.idle = false;
            self.quiet_since = None;
        }
        // A file of columns says which fields there are at its end, and once.
        if let Some(last) = block.records.last()
            && block.rows.is_none()
            && let Some(decoder) = &mut self.decoder
        {
            let last = &block.bytes[last.start as usize..last.end as usize];
            decoder.settle((block.records.len() - before) as u64, last);
        }
    }

    /// Event times of it that no clock of today shows, since it was last asked.
    pub fn odd(&mut self) -> Option<Odd> {
        self.decoder.as_mut()?.odd()
    }

    /// Fields of its records that came, went or changed their type.
    pub fn drifts(&mut self) -> Vec<(String, Drift)> {
        let decoder = self.decoder.as_mut();
        decoder.map(|decoder| decoder.drifts()).unwrap_or_default()
    }

    /// The elements of a record that is an array. One without any is a record that is no row, as any other.
    #[inline]
    fn elements(&self, bytes: &[u8]) -> Option<Vec<Range<usize>>> {
        // Objects mostly begin at once.
        if !self.arrays || bytes.first() == Some(&b'{') {
            return None;
        }
        elements_of(bytes)
    }

    #[inline]
    fn record(
        &mut self,
        record: &RecordRef,
        bytes: Bytes<'_>,
        policy: &Policy,
        horizon: i64,
        into: &mut Folds<'_>,
    ) {
        if self.changing.is_some() {
            return self.change(record, bytes, (policy, horizon), into);
        }
        let (id, table, offset) = (self.id, self.table, record.offset);
        let mut reject = |kind| {
            into.rejects.push(Reject {
                table,
                partition: id,
                offset,
                kind,
                bytes: bytes.came().into_owned(),
            });
        };
        let decoder = self.decoder.as_mut().expect("its block woke it");
        let sale = match bytes.decode(decoder) {
            Ok(sale) => sale,
            Err(error) => {
                self.counts.dead += 1;
                return reject(dead(error.reason, error.detail));
            }
        };
        let (time, watermark) = (sale.event_time, self.clock.watermark(policy));
        let (of, by) = ((table, &sale), (policy, watermark));
        let asked = (&mut *into.judge, into.plan);
        if let Some(kind) = refused(of, record, by, asked, &mut self.memory) {
            *refusals(&mut self.counts, &kind) += 1;
            return reject(kind);
        }
        let origin = Origin::new(id, offset, bytes.row);
        if let Some(Alone(alone)) = self.joined {
            let to = (&mut *into.dimensions, into.plan);
            put(to, (table, id), (record, Some(&*bytes.came())), &sale);
            if alone {
                return self.counts.ranked += 1;
            }
        }
        let (combiner, mut missing) = (&mut *into.combiner, Missing::default());
        let judge = |end| PartitionClock::judge(watermark, end, horizon, policy);
        let mut outcome = combiner.add(table, &sale, origin, judge, &mut missing);
        let by = (PartitionClock::closed(watermark, horizon, policy), judge);
        outcome = outcome.max(into.events.put(table, &sale, origin, by, &mut missing));
        let amounts = into.amounts.as_mut();
        let amounts = amounts.filter(|a| a.column.0 == table && !self.timeless);
        let amount = amounts.and_then(|a| Some((sale.number(a.column.1)?, a)));
        let mut letters = Vec::new();
        // Few rankings have either: four lists that stay empty are a part of what a record costs.
        if !missing.failed.is_empty() || combiner.arrays(table) > 0 {
            let mut lost = Lost::of(missing);
            lost.letters(|ranking, column| failed(into.plan, ranking, &sale, column));
            if combiner.arrays(table) > 0 {
                let of = Of {
                    bytes: bytes.bytes,
                    time,
                    table,
                    origin,
                };
                let (numbers, to) = (&mut self.unnested, (combiner, into.plan, None));
                let became = unnest::fold(decoder, of, numbers, to, judge, &mut lost);
                outcome = outcome.max(became);
            }
            (missing, letters) = (lost.missing, lost.letters);
        }
        count(&mut self.counts, outcome, &missing.windows);
        if let (Outcome::Counted, Some((amount, amounts))) = (outcome, amount) {
            amounts.add(time, amount);
        }
        letters.into_iter().for_each(&mut reject);
        self.observe(time);
        let missed = missing.windows;
        if !missed.is_empty() {
            reject(late(missed, time));
        }
    }

    /// A record of a table whose rows change.
    #[cold]
    fn change(
        &mut self,
        record: &RecordRef,
        bytes: Bytes<'_>,
        at: (&Policy, i64),
        into: &mut Folds<'_>,
    ) {
        if let Some(of) = self.lend() {
            changes::fold(of, record, bytes, at, into);
        }
    }

    fn observe(&mut self, time: i64) {
        if !self.timeless {
            self.clock.observe(time);
        }
    }

    /// The number of its table in the plan.
    pub fn table(&self) -> usize {
        self.table
    }

    /// The reader is at the partition's present end.
    pub fn caught_up(&mut self, now: Instant) {
        self.quiet_since.get_or_insert(now);
        if self.joined.is_some() && !std::mem::replace(&mut self.reached, true) {
            self.changed = true;
        }
    }

    /// Nothing more will come. `finished`: not ever (a file), so it holds nothing back any more.
    pub fn end(&mut self, finished: bool, now: Instant) {
        self.ended = true;
        self.finished = finished;
        self.quiet_since.get_or_insert(now);
        self.changed = true;
    }

    /// Whether nothing more will come.
    pub fn has_ended(&self) -> bool {
        self.ended
    }

    /// Falls idle when quiet for `timeout`; how long until then otherwise.
    pub fn check_idle(&mut self, now: Instant, timeout: Duration) -> Option<Duration> {
        if self.idle || self.finished {
            return None;
        }
        let quiet = now.saturating_duration_since(self.quiet_since?);
        if quiet >= timeout {
            self.idle = true;
            self.changed = true;
            return None;
        }
        Some(timeout - quiet)
    }

    /// What is new since the last epoch.
    pub fn progress(&mut self, policy: &Policy) -> Option<PartitionProgress> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        Some(PartitionProgress {
            partition: self.id,
            next_offset: self.next_offset,
            leader_epoch: self.leader_epoch,
            begin: self.begin,
            greatest: self.clock.greatest(),
            found: self.changing.as_ref().and_then(|c| c.found),
            bootstrap: self.changing.as_ref().map_or(0, |c| c.bootstrap),
            state: PartitionState {
                watermark: self.clock.watermark(policy),
                idle: self.idle,
                finished: self.finished,
                timeless: self.timeless,
                awaited: self.awaits && !self.has_reached(),
            },
            counts: std::mem::take(&mut self.counts),
            // As long as it is being filled, a memory does not know yet where it begins.
            ids_from: self
                .back
                .or_else(|| self.memory.from(self.next_offset))
                .or(self.remembers),
        })
    }

    /// Whether it is quiet, and may fall idle.
    pub fn is_quiet(&self) -> bool {
        self.quiet_since.is_some() && !self.idle && !self.finished
    }

    /// The next offset to read.
    pub fn next_offset(&self) -> u64 {
        self.next_offset
    }

    /// Whether more records of the last offset are to come.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether something is new since the last epoch.
    pub fn is_changed(&self) -> bool {
        self.changed
    }
}
