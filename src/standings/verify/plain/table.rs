//! Partitions of a table whose rows change, plainly: the table as it stands, and each window as it stood when it could change no more.
//!
//! ```text
//! before a record ─► windows that its partition's watermark has passed, with the allowed lateness ─► their rows, for good
//! record ──────────► the table: a row by its key (without one: all rows, equal ones too)
//! the end ─────────► every other window, of the rows that are there
//! ```
//!
//! There are no halves and nothing is taken back: what a window shows is read from the table once.

use std::collections::BTreeMap;

use standings_decode::{Decoder, Ends, Keep, Sale};
use standings_engine::event_time::BEGINNING;
use standings_model::plan::Plan;
use standings_model::table::Table;

/// A row that is there.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// Its event time, ms.
    pub(super) time: i64,
    /// The record that it came with, and which of its rows it was.
    pub(super) offset: u64,
    pub(super) row: u32,
    bytes: Box<[u8]>,
}

/// A row as a record has it.
pub(super) struct Packed {
    bytes: Vec<u8>,
    ends: Ends,
    /// Its event time, ms.
    pub(super) time: i64,
}

/// The rows of a partition.
pub(super) struct Changing {
    table: usize,
    keep: Keep,
    /// Rows have no key but themselves.
    is_whole: bool,
    /// By key; of equal ones without a key the first came first.
    rows: BTreeMap<Vec<u8>, Vec<Row>>,
    /// The greatest event time that a snapshot of the source has shown since the last other record, ms.
    found: Option<i64>,
    /// Windows that end at or before this can change no more, ms.
    frozen: i64,
    /// No window of a row ends between that and this.
    next: i64,
}

impl Changing {
    /// Without a row.
    pub(super) fn new(number: usize, table: &Table) -> Self {
        Changing {
            table: number,
            keep: Keep::new(table),
            is_whole: table.primary_key.is_empty(),
            rows: BTreeMap::new(),
            found: None,
            frozen: BEGINNING,
            next: i64::MAX,
        }
    }

    /// A row of a record, for later.
    pub(super) fn pack(&self, sale: &Sale<'_>) -> Packed {
        let mut bytes = Vec::new();
        Packed {
            ends: self.keep.pack(sale, &mut bytes),
            time: sale.event_time,
            bytes,
        }
    }

    /// Whether the source left a value of a row out.
    pub(super) fn lacks(&self, sale: &Sale<'_>) -> bool {
        self.keep.lacks(sale)
    }

    /// A row of which the source left values out, because they did not change: as they were in the row of its key, if that is in a
    /// window that can still change, or as the record says that it was; none where neither is known.
    pub(super) fn over(
        &self,
        plan: &Plan,
        was: Option<&Packed>,
        sale: &Sale<'_>,
    ) -> Option<Packed> {
        let mut bytes = Vec::new();
        self.keep.pack_key(sale, &mut bytes);
        let is_open = |row: &&Row| ends(plan, self.table, row.time).any(|end| end > self.frozen);
        let old = self.rows.get(&bytes).and_then(|rows| rows.first());
        let old = old.filter(is_open).map(Row::bytes);
        bytes.clear();
        let before = old.or(was.map(|was| &was.bytes[..]));
        let ends = self.keep.pack_over(sale, before, &mut bytes).ok()?;
        Some(Packed {
            ends,
            time: 0,
            bytes,
        })
    }

    /// A row with what its source had left out, computed anew.
    pub(super) fn completed<'a>(
        &self,
        decoder: &'a mut Decoder,
        packed: &'a mut Packed,
    ) -> Option<Sale<'a>> {
        let Packed { bytes, time, .. } = packed;
        let sale = decoder.completed(&self.keep, bytes).ok()?;
        *time = sale.event_time;
        Some(sale)
    }

    /// A row comes, in the place of one of its key; without keys in that of one that is as `was`.
    pub(super) fn put(&mut self, plan: &Plan, was: Option<Packed>, now: Packed, at: (u64, u32)) {
        let row = Row {
            time: now.time,
            offset: at.0,
            row: at.1,
            bytes: now.bytes.clone().into(),
        };
        for end in ends(plan, self.table, now.time).filter(|end| *end > self.frozen) {
            self.next = self.next.min(end);
        }
        if !self.is_whole {
            self.rows
                .insert(now.bytes[..now.ends.key].to_vec(), vec![row]);
            return;
        }
        let key = |of: &Packed| of.bytes[..of.ends.own].to_vec();
        if let Some(was) = was {
            if key(&was) == key(&now) && self.rows.contains_key(&key(&was)) {
                return;
            }
            self.take_one(&key(&was));
        }
        self.rows.entry(key(&now)).or_default().push(row);
    }

    fn take_one(&mut self, key: &[u8]) {
        if let Some(all) = self.rows.get_mut(key) {
            all.remove(0);
            if all.is_empty() {
                self.rows.remove(key);
            }
        }
    }

    /// The row of a key ends.
    pub(super) fn end(&mut self, key: &Sale<'_>) {
        let mut bytes = Vec::new();
        self.keep.pack_key(key, &mut bytes);
        self.rows.remove(&bytes);
    }

    /// One row without a key ends.
    pub(super) fn end_whole(&mut self, was: &Packed) {
        self.take_one(&was.bytes[..was.ends.own]);
    }

    /// Whether rows have no key but themselves.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// All rows end.
    pub(super) fn empty(&mut self) {
        self.rows.clear();
    }

    /// A snapshot of the source has shown this time.
    pub(super) fn find(&mut self, time: i64) {
        self.found = self.found.max(Some(time));
    }

    /// What snapshots have shown, behind the first other record.
    pub(super) fn take_found(&mut self) -> Option<i64> {
        self.found.take()
    }

    /// From now on windows that end at or before this can change no more: the rows that are there of those of which that is new,
    /// and which ends those are. Nothing where there is none.
    pub(super) fn freeze(&mut self, plan: &Plan, to: i64) -> Option<(Vec<Row>, (i64, i64))> {
        let new = (self.frozen, self.frozen.max(to));
        // Also where no row is in such a window: what comes for it later is late.
        self.frozen = new.1;
        if self.next > new.1 {
            return None;
        }
        let all: Vec<Row> = self.rows.values().flatten().cloned().collect();
        let later = all.iter().flat_map(|row| ends(plan, self.table, row.time));
        self.next = later.filter(|end| *end > new.1).min().unwrap_or(i64::MAX);
        let is_new = |end: i64| new.0 < end && end <= new.1;
        let is_in = |row: &Row| ends(plan, self.table, row.time).any(is_new);
        Some((all.into_iter().filter(is_in).collect(), new))
    }

    /// A row again.
    pub(super) fn recall<'a>(&self, decoder: &'a mut Decoder, row: &'a Row) -> Sale<'a> {
        decoder.recall(&self.keep, &row.bytes)
    }
}

impl Row {
    /// As it was kept.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// The ends of the windows that a time of a table is in, over all rankings.
fn ends(plan: &Plan, table: usize, time: i64) -> impl Iterator<Item = i64> {
    let reads = move |ranking: &&standings_model::plan::Ranking| {
        ranking.inputs.iter().any(|input| input.table == table)
    };
    let rankings = plan.rankings.iter().filter(reads);
    rankings.flat_map(move |ranking| ranking.window.ends(time))
}
