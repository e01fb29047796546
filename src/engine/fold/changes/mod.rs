//! Records of a table whose rows change: what one does to the row that is held of its key, in halves.
//!
//! ```text
//! record ─► the row now ─► held row of its key ─┬─ none: + new                              ranked, late, filtered …
//!                                               ├─ the same: nothing                        unchanged
//!                                               └─ another: − old, + new                    updated
//! record ─► the key that ends ──────────────────┬─ none: nothing                            unchanged
//!                                               └─ one: − old                               deleted
//! ```
//!
//! 1. Both halves of a change are in one epoch, and so in one commit. Each is judged by the partition's watermark before the
//!    record, window by window; what of a half is late is told, and not applied.
//! 2. A row is held as long as it is in a window that is not late for its partition (`WHERE` counts: what no ranking takes is in
//!    none), and what comes for a key after that is
//!    of a row that was never there: nothing is taken back that was not added. Where records leave out what did not change, it is
//!    known for longer what a row was (`known`): its values may be the next row's.
//! 3. What a record says of the row before it is compared with the row that is held, which wins. Where none is held it tells
//!    which windows are late, and takes nothing back.
//! 4. Only rows that come move the watermark, and those that a snapshot of the source finds do so together, behind the first
//!    other record.
//!
//! Rows of a table without a primary key are their own keys: of equal ones each is kept, by its place (`whole`).

mod at;
mod keyed;
mod known;
mod whole;

use self::at::{At, Letters, To, comes};
use self::known::is_known;
use super::counting::refusals;
use super::into::{Bytes, Folds, of_record, since};
use super::refusal::{dead, refused};
use crate::combine::combiner::{Origin, Sign};
use crate::event_time::partition::{PartitionClock, Policy};
use crate::held::Held;
use crate::quality::Memory;
use crate::relate::dimension::Dimensions;
use standings_decode::change::Op;
use standings_decode::{DecodeError, Decoder, Ends, Keep};
use standings_model::block::{PartitionId, RecordRef};
use standings_model::change::Counts;
use standings_model::reject::{Half, RejectKind};
use standings_model::sabotage::{self, Mistake};
use standings_model::table::Table;

/// What a partition of a table that changes has beside others.
pub(super) struct Changing {
    keep: Keep,
    /// Its rows.
    pub(super) held: Held,
    /// Rows have no key but themselves.
    pub(super) is_whole: bool,
    /// The greatest event time that a snapshot of the source has shown since the last other record, ms.
    pub(super) found: Option<i64>,
    /// Where the bootstrap ends: records before it are as those that a snapshot of the source finds.
    pub(super) bootstrap: u64,
    /// The row as it is now, and as the record says that it was.
    now: Vec<u8>,
    was: Vec<u8>,
    /// A row that is taken back with the next record: a mistake.
    #[cfg(feature = "sabotage")]
    owed: Option<Vec<u8>>,
}

impl Changing {
    /// Of a table, with the rows that are held; `found`: what a snapshot of the source had shown when reading ended, and the
    /// partition's end as the first start saw it.
    pub(super) fn new(table: &Table, held: Held, (found, end): (Option<i64>, Option<u64>)) -> Self {
        let end = end.filter(|_| table.bootstrap_unordered);
        Changing {
            bootstrap: end.unwrap_or_default(),
            keep: Keep::new(table),
            held,
            is_whole: table.primary_key.is_empty(),
            found,
            now: Vec::new(),
            was: Vec::new(),
            #[cfg(feature = "sabotage")]
            owed: None,
        }
    }
}

/// A row that was packed.
#[derive(Clone, Copy)]
struct Packed {
    time: i64,
    ends: Ends,
}

/// What a partition lends for a record.
pub(super) struct Of<'a> {
    pub(super) partition: PartitionId,
    pub(super) table: usize,
    pub(super) decoder: &'a mut Decoder,
    pub(super) changing: &'a mut Changing,
    pub(super) clock: &'a mut PartitionClock,
    /// Its table has an event time.
    pub(super) is_timed: bool,
    pub(super) counts: &'a mut Counts,
    pub(super) memory: &'a mut Memory,
    /// How many rows each array that is unnested has given.
    pub(super) numbers: &'a mut Vec<u32>,
}

/// Folds a record in.
pub(super) fn fold(
    mut of: Of<'_>,
    record: &RecordRef,
    bytes: Bytes<'_>,
    (policy, horizon): (&Policy, i64),
    into: &mut Folds<'_>,
) {
    let mut at = At {
        record,
        bytes,
        partition: of.partition,
        table: of.table,
        policy,
        watermark: None,
        horizon,
    };
    #[cfg(feature = "sabotage")]
    if let Some(row) = of.changing.owed.take() {
        of.take_back(&at, &row, at.origin(), into);
    }
    let rows = match of.decoder.changes(bytes.bytes, bytes.about) {
        Ok(rows) => rows,
        Err(error) => return of.refuse(&at, letter(error), into),
    };
    // Of a record that is of several rows each is one.
    of.counts.read += rows.saturating_sub(1) as u64;
    for row in 0..rows {
        at.bytes.row = row as u32;
        at.watermark = of.clock.watermark(policy);
        let is_found = record.offset < of.changing.bootstrap;
        let op = match of.decoder.op(row) {
            Op::Put if is_found => Op::Found,
            op => op,
        };
        match op {
            Op::Skip => of.counts.skipped += 1,
            Op::Found => {
                let came = of.put(&at, row, into);
                match sabotage::is(Mistake::FoundMovesWatermark) {
                    true => of.observe(came),
                    false => of.changing.found = of.changing.found.max(came),
                }
            }
            // What is no change moves nothing.
            Op::Put => {
                if let Some(came) = of.put(&at, row, into) {
                    of.observe(Some(came));
                }
            }
            Op::End => {
                if of.end(&at, row, into) && !is_found {
                    of.observe(None);
                }
            }
            Op::Empty => {
                of.empty(&at, into);
                of.observe(None);
            }
        }
    }
}

fn letter(error: DecodeError) -> RejectKind {
    dead(error.reason, error.detail)
}

/// Remembers what a record that was read before did to rows that others are joined with, as they were.
pub(super) fn remember(of: Of<'_>, record: &RecordRef, bytes: Bytes<'_>, into: &mut Folds<'_>) {
    // What did not decode was told.
    let rows = of.decoder.changes(bytes.bytes, bytes.about).unwrap_or(0);
    let place = (of.table, of.partition, record.offset);
    let ended = |of: &Of<'_>| {
        let told = of.decoder.changed_at(bytes.bytes);
        told.unwrap_or_else(|| of_record(record))
    };
    for row in 0..rows {
        match of.decoder.op(row) {
            Op::Found | Op::Put => {
                if let Ok(sale) = of.decoder.now(bytes.bytes, bytes.about, row) {
                    let time = since(&into.plan.tables[of.table], record, sale.event_time);
                    into.dimensions.put_again(place, time, &sale, false);
                }
            }
            Op::End => {
                let time = ended(&of);
                if let Ok(key) = of.decoder.ended(bytes.bytes, bytes.about, row) {
                    into.dimensions.put_again(place, time, &key, true);
                }
            }
            Op::Empty => into.dimensions.empty_again(place, ended(&of)),
            Op::Skip => {}
        }
    }
}

impl Of<'_> {
    /// Tells the rows that are held, where others are joined with them: they were kept in a snapshot.
    pub(super) fn tell_held(self, to: &mut Dimensions, tables: &[Table]) {
        let Changing { keep, held, .. } = self.changing;
        // What is only known is counted nowhere.
        for row in held.iter().filter(|row| row.until > 0) {
            let sale = self.decoder.recall(keep, row.bytes);
            let time = match tables[self.table].event_time {
                Some(_) => sale.event_time,
                None => i64::MIN,
            };
            let at = (self.table, self.partition, 0);
            to.put((at, time, row.bytes), &sale, false);
        }
    }

    /// A record that is no change, and why.
    fn refuse(&mut self, at: &At<'_>, kind: RejectKind, into: &mut Folds<'_>) {
        *refusals(self.counts, &kind) += 1;
        into.rejects.push(at.reject(kind));
    }

    /// Moves the watermark behind a record that no snapshot found, and that may have brought a row.
    fn observe(&mut self, came: Option<i64>) {
        let found = self.changing.found.take();
        if self.is_timed {
            let times = found.into_iter().chain(came);
            times.for_each(|time| self.clock.observe(time));
        }
    }

    /// The row of a key is this now; its event time, if it is a row at all.
    fn put(&mut self, at: &At<'_>, row: usize, into: &mut Folds<'_>) -> Option<i64> {
        let was = self.was(at, row, into)?;
        let (about, changing) = (at.bytes.about, &mut *self.changing);
        let asked = (at.policy, at.watermark);
        let of_table = (&mut *into.judge, into.plan);
        let no = match self.decoder.now(at.bytes.bytes, about, row) {
            Err(error) => letter(error),
            Ok(sale) if changing.keep.lacks(&sale) => {
                changing.now.clear();
                changing.keep.pack_key(&sale, &mut changing.now);
                match self.completed(at, row, was, into) {
                    Err(kind) => kind,
                    Ok(now) => return Some(self.put_row(at, was, now, into)),
                }
            }
            Ok(sale) => {
                let of = (at.table, &sale);
                match refused(of, at.record, asked, of_table, self.memory) {
                    Some(kind) => kind,
                    None => {
                        changing.now.clear();
                        let ends = changing.keep.pack(&sale, &mut changing.now);
                        let time = sale.event_time;
                        let now = Packed { time, ends };
                        if changing.is_whole {
                            return Some(self.put_row(at, was, now, into));
                        }
                        let (place, is_same) = changing.found(at, now);
                        let came = (!is_same).then(|| comes(at, &sale, into)).flatten();
                        self.put_keyed(at, was, (now, place), came, into);
                        return Some(time);
                    }
                }
            }
        };
        self.refuse(at, no, into);
        None
    }

    /// Packs a row of which the source left values out, because they did not change: they are as they were in the row that is
    /// known of its key, which is packed, or as the record says that it was. It is judged as it is then.
    fn completed(
        &mut self,
        at: &At<'_>,
        row: usize,
        was: Option<Packed>,
        into: &mut Folds<'_>,
    ) -> Result<Packed, RejectKind> {
        let Changing {
            keep,
            held,
            now,
            was: said,
            ..
        } = &mut *self.changing;
        let kept = held.find(now).and_then(|place| held.at(place));
        let known = kept.filter(|kept| {
            let row = (kept.until, || kept.bytes);
            is_known(at, row, (self.decoder, keep), into.combiner)
        });
        let before = known.map(|known| known.bytes);
        let before = before.or_else(|| was.map(|_| &said[..]));
        // Once more: what is kept was read by the same decoder.
        let sale = self.decoder.now(at.bytes.bytes, at.bytes.about, row);
        let sale = sale.map_err(letter)?;
        now.clear();
        let ends = keep
            .pack_over(&sale, before, now)
            .map_err(|column| unavailable(&into.plan.tables[at.table], column))?;
        let sale = self.decoder.completed(keep, now).map_err(letter)?;
        let (of, by) = ((at.table, &sale), (at.policy, at.watermark));
        let of_table = (&mut *into.judge, into.plan);
        match refused(of, at.record, by, of_table, self.memory) {
            Some(kind) => Err(kind),
            None => Ok(Packed {
                time: sale.event_time,
                ends,
            }),
        }
    }

    /// A row that is packed comes, or is another now; its event time.
    fn put_row(
        &mut self,
        at: &At<'_>,
        was: Option<Packed>,
        now: Packed,
        into: &mut Folds<'_>,
    ) -> i64 {
        match self.changing.is_whole {
            true => self.put_whole(at, was, now, into),
            false => {
                let (place, _) = self.changing.found(at, now);
                self.put_keyed(at, was, (now, place), None, into);
            }
        }
        now.time
    }

    /// The row of a key ends; whether the record is a change at all.
    fn end(&mut self, at: &At<'_>, row: usize, into: &mut Folds<'_>) -> bool {
        let Some(was) = self.was(at, row, into) else {
            return false;
        };
        let changing = &mut *self.changing;
        if changing.is_whole {
            // Without all of the row there was an error.
            if let Some(was) = was {
                self.end_whole(at, was, into);
            }
            return true;
        }
        let done = at.done(self.decoder);
        match self.decoder.ended(at.bytes.bytes, at.bytes.about, row) {
            Ok(key) => {
                // As it was a key has no row from then on, whether or not one is held now.
                let place = (at.table, at.partition, at.record.offset);
                into.dimensions
                    .put((place, done, at.bytes.original), &key, true);
                changing.now.clear();
                changing.keep.pack_key(&key, &mut changing.now);
                self.end_keyed(at, was, into);
                true
            }
            Err(error) => {
                self.refuse(at, letter(error), into);
                false
            }
        }
    }

    /// The row as the record says that it was, packed; none inside where it does not say all of it. None where that is an
    /// error, which was told.
    fn was(&mut self, at: &At<'_>, row: usize, into: &mut Folds<'_>) -> Option<Option<Packed>> {
        let changing = &mut *self.changing;
        let before = self.decoder.before(at.bytes.bytes, at.bytes.about, row);
        match before {
            Ok(sale) => Some(sale.map(|sale| {
                changing.was.clear();
                Packed {
                    time: sale.event_time,
                    ends: changing.keep.pack(&sale, &mut changing.was),
                }
            })),
            Err(error) => {
                self.refuse(at, letter(error), into);
                None
            }
        }
    }

    /// All rows of the partition end.
    fn empty(&mut self, at: &At<'_>, into: &mut Folds<'_>) {
        let held = std::mem::take(&mut self.changing.held);
        let is_whole = self.changing.is_whole;
        for row in held.iter() {
            let is_found = sabotage::is(Mistake::FoundNotEmptied) && self.changing.found.is_some();
            let is_passed = is_found || sabotage::is(Mistake::EmptiedNotTakenBack);
            if !at.is_open(row.until) || is_passed {
                continue;
            }
            match is_whole {
                true => self.take_back_all(at, row, into),
                false => {
                    let done = at.done(self.decoder);
                    let keep = &self.changing.keep;
                    To::new(self.decoder, keep, self.numbers, into).ends(at, row.bytes, done);
                    self.take_back(at, row.bytes, at.origin(), into);
                }
            }
        }
        self.changing.held.clear();
        self.counts.deleted += 1;
    }

    /// Takes a row back that was kept.
    fn take_back(&mut self, at: &At<'_>, row: &[u8], origin: Origin, into: &mut Folds<'_>) {
        let mut to = To::new(self.decoder, &self.changing.keep, self.numbers, into);
        let Letters { lost, time, .. } = to.half(at, row, origin, Sign::Minus);
        at.tell(lost, time, Half::Retract, into.rejects);
    }
}

/// Why a row is none of which a value is not there, and not known.
#[cold]
fn unavailable(table: &Table, column: usize) -> RejectKind {
    let name = table.columns.get(column).map_or("", |c| &c.name);
    let detail = format!(
        "column {name:?} did not change, so its value is not in the record, and no row of its key is known: ALTER TABLE … \
         REPLICA IDENTITY FULL at the source, or do not declare the column"
    );
    dead("unavailable_value", detail)
}
