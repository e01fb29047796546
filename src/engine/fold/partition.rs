//! What is kept of one partition: decoder, clock, offsets, idleness, counts.

use std::ops::Range;
use std::time::{Duration, Instant};

use crate::combine::combiner::{Combiner, Missing, Origin, Outcome, SaleView};
use crate::event_time::global::PartitionState;
use crate::event_time::partition::{PartitionClock, Policy};
use crate::quality::{Failed, Judge, Memory, Moment};
use crate::rank::messages::PartitionProgress;
use standings_decode::{About, Decoder, Sale};
use standings_model::amounts::Amounts;
use standings_model::block::{Block, NO_TIMESTAMP, PartitionId, RecordRef};
use standings_model::change::Counts;
use standings_model::identity::NO_EPOCH;
use standings_model::json_values;
use standings_model::plan::Plan;
use standings_model::reject::{DUPLICATE, Reject, RejectKind};
use standings_model::time::format_rfc3339;

/// A record as it is decoded, and as it came.
#[derive(Clone, Copy)]
struct Bytes<'a> {
    bytes: &'a [u8],
    original: &'a [u8],
    about: About<'a>,
}

/// Whether a record's event time is more than `--max-ahead` after the record's own timestamp.
#[inline]
fn is_ahead(record: &RecordRef, time: i64, policy: &Policy) -> bool {
    record.timestamp != NO_TIMESTAMP && time > record.timestamp.saturating_add(policy.max_ahead)
}

#[cold]
fn elements_of(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let is_array = bytes.trim_ascii_start().first() == Some(&b'[');
    let elements = is_array.then(|| json_values::elements(bytes))?;
    elements.filter(|all| !all.is_empty())
}

/// A record that can be no sale, and why.
#[cold]
fn dead(reason: &str, detail: String) -> RejectKind {
    RejectKind::Dead {
        reason: reason.to_owned(),
        check: None,
        detail,
    }
}

/// Whether a record that was decoded has to be looked at again.
#[inline]
fn may_be_none(sale: &Sale<'_>, record: &RecordRef, policy: &Policy, plan: &Plan) -> bool {
    is_ahead(record, sale.event_time, policy) || sale.held() > plan.max_key_bytes
}

/// Why it can be no sale all the same: its time, or its key.
fn cannot_be(
    table: usize,
    sale: &Sale<'_>,
    record: &RecordRef,
    policy: &Policy,
    plan: &Plan,
) -> Option<RejectKind> {
    if is_ahead(record, sale.event_time, policy) {
        let detail = format!(
            "{} {} is more than --max-ahead after the record's timestamp {} (of a producer's, or when it was \
             read, the earlier)",
            plan.tables[table].time_name(),
            format_rfc3339(sale.event_time),
            format_rfc3339(record.timestamp)
        );
        return Some(dead("ahead", detail));
    }
    let text = |column| Sale::bytes(sale, column).map_or(0, <[u8]>::len);
    let (ranking, length) = plan.oversized_key(table, sale.held(), text)?;
    let detail = format!(
        "its key in {} has {length} bytes, at most {} are allowed (--max-key-bytes)",
        ranking.name, plan.max_key_bytes
    );
    Some(dead("key_too_large", detail))
}

/// What a check refuses.
#[cold]
fn by_check(refused: Failed) -> RejectKind {
    RejectKind::Dead {
        reason: refused.reason.to_owned(),
        check: Some(refused.check),
        detail: refused.detail,
    }
}

/// Why a ranking does not count a sale: what it computes of it has an error.
#[cold]
fn failed(plan: &Plan, ranking: usize, sale: &Sale<'_>, column: usize) -> RejectKind {
    let name = &plan.rankings[ranking].name;
    let (reason, detail) = match sale.error(column) {
        Some(e) => (e.reason, e.detail.as_str()),
        // It was asked for because it has one.
        None => ("value_error", ""),
    };
    dead(reason, format!("ranking {name}: {detail}"))
}

/// What a worker folds its partitions' sales into.
pub struct Folds<'a> {
    /// Per ranking, window and key.
    pub combiner: &'a mut Combiner,
    /// Amounts per window, if `--summary-window` asks for them.
    pub amounts: Option<&'a mut Amounts>,
    /// Asks of every sale what is declared.
    pub judge: &'a mut Judge,
    /// Late sales and dead letters.
    pub rejects: &'a mut Vec<Reject>,
    /// What a sale may be.
    pub plan: &'a Plan,
}

/// One partition of this worker.
pub struct Partition {
    id: PartitionId,
    /// Its table's number in the plan.
    table: usize,
    decoder: Decoder,
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
}

impl Partition {
    /// A partition that will be read from `offset`, and has shown `greatest` before. With its empty memory comes where
    /// reading begins instead, to fill it.
    pub fn new(
        (id, table): (PartitionId, usize),
        offset: u64,
        greatest: Option<i64>,
        decoder: Decoder,
        (memory, ids_from): (Memory, Option<u64>),
    ) -> Self {
        Partition {
            id,
            table,
            decoder,
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
        }
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
        for given in &block.schemas {
            self.decoder.learn(&into.plan.tables[self.table], given);
        }
        let before = match block.records.first() {
            Some(first) if first.offset < self.begin => self.read_back(block, policy, into),
            _ => 0,
        };
        let mut refused = block.refused.iter().peekable();
        while refused.next_if(|r| (r.record as usize) < before).is_some() {}
        for (number, record) in block.records.iter().enumerate().skip(before) {
            let slice = |start: u32, end: u32| &block.bytes[start as usize..end as usize];
            let bytes = slice(record.start, record.end);
            let original = block
                .originals
                .get(number)
                .map_or(bytes, |(start, end)| slice(*start, *end));
            if let Some(found) = refused.next_if(|r| r.record as usize == number) {
                (self.counts.read, self.counts.dead) = (self.counts.read + 1, self.counts.dead + 1);
                into.rejects.push(Reject {
                    table: self.table,
                    partition: self.id,
                    offset: record.offset,
                    kind: dead(found.reason, found.detail.clone()),
                    bytes: original.to_vec(),
                });
                continue;
            }
            let about = About::of(block, number);
            let elements = self.elements(bytes);
            let count = elements.as_ref().map_or(1, Vec::len);
            self.counts.read += count as u64;
            // One loop for both: what is called in one place is a part of the loop.
            for element in 0..count {
                let (bytes, original) = match &elements {
                    Some(all) => (&bytes[all[element].clone()], &bytes[all[element].clone()]),
                    None => (bytes, original),
                };
                let bytes = Bytes {
                    bytes,
                    original,
                    about,
                };
                self.record(record, bytes, policy, horizon, into);
            }
        }
        self.open = block.open;
        self.next_offset = self.next_offset.max(block.next_offset);
        if block.leader_epoch != NO_EPOCH {
            self.leader_epoch = block.leader_epoch;
        }
        self.back = self.back.filter(|_| block.next_offset < self.begin);
        self.changed = true;
        if !block.records.is_empty() {
            self.idle = false;
            self.quiet_since = None;
        }
        block.records.len() - before
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

    /// Remembers the sales of a block that were read by an earlier run; how many records those are.
    fn read_back(&mut self, block: &Block, policy: &Policy, into: &Folds<'_>) -> usize {
        let before = block.records.partition_point(|r| r.offset < self.begin);
        let watermark = self.clock.watermark(policy);
        let mut refused = block.refused.iter().peekable();
        for (number, record) in block.records[..before].iter().enumerate() {
            if refused.next_if(|r| r.record as usize == number).is_some() {
                continue;
            }
            let bytes = &block.bytes[record.start as usize..record.end as usize];
            let about = About::of(block, number);
            let elements = self.elements(bytes);
            for element in elements.unwrap_or_else(|| std::iter::once(0..bytes.len()).collect()) {
                let bytes = &bytes[element];
                let Ok(sale) = self.decoder.decode_about(bytes, about) else {
                    continue;
                };
                if cannot_be(self.table, &sale, record, policy, into.plan).is_none() {
                    let offset = record.offset;
                    let place = Moment { offset, watermark };
                    into.judge
                        .remember(self.table, &sale, place, &mut self.memory);
                }
            }
        }
        before
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
        let (id, table, offset) = (self.id, self.table, record.offset);
        let rejects = &mut *into.rejects;
        let mut reject = |kind| {
            rejects.push(Reject {
                table,
                partition: id,
                offset,
                kind,
                bytes: bytes.original.to_vec(),
            });
        };
        let sale = match self.decoder.decode_about(bytes.bytes, bytes.about) {
            Ok(sale) => sale,
            Err(error) => {
                self.counts.dead += 1;
                return reject(dead(error.reason, error.detail));
            }
        };
        let time = sale.event_time;
        if may_be_none(&sale, record, policy, into.plan)
            && let Some(kind) = cannot_be(table, &sale, record, policy, into.plan)
        {
            self.counts.dead += 1;
            return reject(kind);
        }
        let watermark = self.clock.watermark(policy);
        if !into.judge.is_empty() {
            let place = Moment { offset, watermark };
            if let Some(refused) = into.judge.judge(table, &sale, place, &mut self.memory) {
                match refused.reason {
                    DUPLICATE => self.counts.duplicate += 1,
                    _ => self.counts.dead += 1,
                }
                return reject(by_check(refused));
            }
        }
        let origin = Origin {
            partition: id,
            offset,
        };
        let mut missing = Missing::default();
        let judge = |end| PartitionClock::judge(watermark, end, horizon, policy);
        let outcome = into.combiner.add(table, &sale, origin, judge, &mut missing);
        let (missed, errors) = (missing.windows, missing.failed);
        match outcome {
            Outcome::Counted => {
                self.counts.ranked += 1;
                self.counts.partly_late += u64::from(!missed.is_empty());
                if let Some(amounts) = &mut into.amounts
                    && amounts.column.0 == table
                    && let Some(amount) = sale.number(amounts.column.1)
                {
                    amounts.add(time, amount);
                }
            }
            Outcome::Missed if missed.iter().all(|m| m.retired) => self.counts.retired += 1,
            Outcome::Missed => self.counts.late += 1,
            Outcome::Failed => self.counts.dead += 1,
            Outcome::Filtered => self.counts.filtered += 1,
        }
        for (ranking, column) in &errors {
            reject(failed(into.plan, *ranking, &sale, *column));
        }
        self.clock.observe(time);
        if !missed.is_empty() {
            reject(RejectKind::Late {
                missed,
                event_time: time,
            });
        }
    }

    /// The number of its table in the plan.
    pub fn table(&self) -> usize {
        self.table
    }

    /// The reader is at the partition's present end.
    pub fn caught_up(&mut self, now: Instant) {
        self.quiet_since.get_or_insert(now);
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
            state: PartitionState {
                watermark: self.clock.watermark(policy),
                idle: self.idle,
                finished: self.finished,
            },
            counts: std::mem::take(&mut self.counts),
            // As long as it is being filled, a memory does not know yet where it begins.
            ids_from: self.back.or_else(|| self.memory.from(self.next_offset)),
        })
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
