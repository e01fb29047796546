//! A record and what it is judged by; half of a change.

use crate::combine::combiner::{Combiner, Origin, Outcome, Sign};
use crate::event_time::partition::{PartitionClock, Policy, Verdict};
use crate::fold::into::{Bytes, Folds, of_record, since};
use crate::fold::refusal::failed;
use crate::fold::unnest::{self, Lost, Of};
use crate::relate::dimension::Dimensions;
use standings_decode::{Decoder, Keep, Sale};
use standings_model::block::{PartitionId, RecordRef};
use standings_model::plan::Plan;
use standings_model::reject::{Half, Reject, RejectKind};

/// One record and what it is judged by.
pub(super) struct At<'a> {
    pub(super) record: &'a RecordRef,
    pub(super) bytes: Bytes<'a>,
    pub(super) partition: PartitionId,
    pub(super) table: usize,
    pub(super) policy: &'a Policy,
    /// The partition's own watermark before the record.
    pub(super) watermark: Option<i64>,
    pub(super) horizon: i64,
}

impl At<'_> {
    pub(super) fn judge(&self, end: i64) -> Verdict {
        PartitionClock::judge(self.watermark, end, self.horizon, self.policy)
    }

    /// The same as if the watermark stood behind a record of this time.
    pub(super) fn behind(&self, time: i64) -> At<'_> {
        let watermark = time - self.policy.out_of_orderness;
        At {
            watermark: self.watermark.max(Some(watermark)),
            ..*self
        }
    }

    /// Whether a row that is in windows up to this end is in one that is not late.
    pub(super) fn is_open(&self, until: i64) -> bool {
        until > 0 && self.judge(until) != Verdict::Late
    }

    /// Where the record's row stands.
    pub(super) fn origin(&self) -> Origin {
        Origin {
            partition: self.partition,
            offset: self.record.offset,
            row: self.bytes.row,
        }
    }

    /// When what the record does was done, ms: by its own word, else when it came to be.
    pub(super) fn done(&self, decoder: &Decoder) -> i64 {
        let told = decoder.changed_at(self.bytes.bytes);
        told.unwrap_or_else(|| of_record(self.record))
    }

    pub(super) fn reject(&self, kind: RejectKind) -> Reject {
        Reject {
            table: self.table,
            partition: self.partition,
            offset: self.record.offset,
            kind,
            bytes: self.bytes.original.to_vec(),
        }
    }

    /// Tells what of a half was not counted.
    pub(super) fn tell(&self, lost: Lost, time: i64, half: Half, rejects: &mut Vec<Reject>) {
        let letters = lost.letters.into_iter().map(|letter| self.reject(letter));
        rejects.extend(letters);
        let missed = lost.missing.windows;
        if !missed.is_empty() {
            rejects.push(self.reject(RejectKind::Late {
                missed,
                event_time: time,
                half: Some(half),
            }));
        }
    }
}

/// What became of a half.
pub(super) struct Letters {
    pub(super) outcome: Outcome,
    pub(super) lost: Lost,
    /// The row's event time, ms.
    pub(super) time: i64,
    /// The greatest end of the windows that it is in.
    pub(super) until: i64,
}

/// What rows that were kept are folded into.
pub(super) struct To<'a> {
    decoder: &'a mut Decoder,
    keep: &'a Keep,
    numbers: &'a mut Vec<u32>,
    combiner: &'a mut Combiner,
    dimensions: &'a mut Dimensions,
    plan: &'a Plan,
}

impl<'a> To<'a> {
    pub(super) fn new(
        decoder: &'a mut Decoder,
        keep: &'a Keep,
        numbers: &'a mut Vec<u32>,
        into: &'a mut Folds<'_>,
    ) -> Self {
        To {
            decoder,
            keep,
            numbers,
            combiner: into.combiner,
            dimensions: into.dimensions,
            plan: into.plan,
        }
    }

    /// Folds a row in that was kept, or takes it back.
    pub(super) fn half(&mut self, at: &At<'_>, row: &[u8], origin: Origin, sign: Sign) -> Letters {
        let sale = self.decoder.recall(self.keep, row);
        let to = (&mut *self.combiner, &mut *self.dimensions, self.plan);
        let mut letters = fold_row(to, at, &sale, origin, sign);
        if self.combiner.arrays(at.table) > 0 {
            let of = Of {
                bytes: row,
                time: letters.time,
                table: at.table,
                origin,
            };
            self.numbers.fill(0);
            let (decoder, numbers) = (&mut *self.decoder, &mut *self.numbers);
            let to = (&mut *self.combiner, self.plan, Some(sign));
            let judge = |end| at.judge(end);
            let became = unnest::fold(decoder, of, numbers, to, judge, &mut letters.lost);
            letters.outcome = letters.outcome.max(became);
        }
        letters
    }

    /// A row that others are joined with ends at a time: of it that was kept.
    pub(super) fn ends(&mut self, at: &At<'_>, row: &[u8], time: i64) {
        if self.dimensions.wants(at.table) {
            let sale = self.decoder.recall(self.keep, row);
            let place = (at.table, at.partition, at.record.offset);
            self.dimensions
                .put((place, time, at.bytes.original), &sale, true);
        }
    }

    /// A row that others are joined with as they were is there from another time on too: the same that was kept.
    pub(super) fn again(&mut self, at: &At<'_>, row: &[u8]) {
        if self.dimensions.remembers(at.table) {
            let sale = self.decoder.recall(self.keep, row);
            let time = since(&self.plan.tables[at.table], at.record, sale.event_time);
            let place = (at.table, at.partition, at.record.offset);
            self.dimensions
                .put((place, time, at.bytes.original), &sale, false);
            self.dimensions.replaces();
        }
    }

    /// The windows of a row that are late, and no others: of one that was let go, which is not taken back. And until when it
    /// would have been held.
    pub(super) fn late(&mut self, at: &At<'_>, row: &[u8]) -> (Lost, i64) {
        let mut lost = Lost::default();
        let sale = self.decoder.recall(self.keep, row);
        let judge = |end| at.judge(end);
        self.combiner
            .missed(at.table, &sale, judge, &mut lost.missing);
        let until = self.combiner.until(at.table, &sale);
        (lost, until)
    }
}

/// Folds a row in as it was decoded, where no ranking is of the elements of its arrays: they are read from what is kept.
pub(super) fn comes(at: &At<'_>, sale: &Sale<'_>, into: &mut Folds<'_>) -> Option<Letters> {
    if into.combiner.arrays(at.table) > 0 {
        return None;
    }
    let to = (&mut *into.combiner, &mut *into.dimensions, into.plan);
    Some(fold_row(to, at, sale, at.origin(), Sign::Plus))
}

/// Folds a row in, or takes it back; not the elements of its arrays.
fn fold_row(
    (combiner, dimensions, plan): (&mut Combiner, &mut Dimensions, &Plan),
    at: &At<'_>,
    sale: &Sale<'_>,
    origin: Origin,
    sign: Sign,
) -> Letters {
    let mut lost = Lost::default();
    let time = sale.event_time;
    let judge = |end| at.judge(end);
    let mut outcome = combiner.change(at.table, sale, origin, sign, judge, &mut lost.missing);
    errors(&mut lost, sign, plan, sale);
    let is_joined = dimensions.wants(at.table);
    let until = match sign {
        // What others are joined with is held as long as it is there.
        Sign::Plus if is_joined => i64::MAX,
        Sign::Plus if combiner.arrays(at.table) > 0 => combiner.until(at.table, sale),
        Sign::Plus => combiner.until_of_last(),
        Sign::Minus => i64::MIN,
    };
    if sign == Sign::Plus && is_joined {
        let time = since(&plan.tables[at.table], at.record, time);
        let place = (at.table, at.partition, at.record.offset);
        dimensions.put((place, time, at.bytes.original), sale, false);
        if plan.is_only_joined(at.table) {
            outcome = Outcome::Counted;
        }
    }
    Letters {
        outcome,
        lost,
        time,
        until,
    }
}

/// What has an error in a value was told when it came, and was not counted: it is not told again when it goes.
fn errors(lost: &mut Lost, sign: Sign, plan: &Plan, sale: &Sale<'_>) {
    if lost.missing.failed.is_empty() {
        return;
    }
    match sign {
        Sign::Plus => lost.letters(|ranking, column| failed(plan, ranking, sale, column)),
        Sign::Minus => lost.missing.failed.clear(),
    }
}
