//! Rows that are also taken back: what [`Combiner::add`] does, with a sign.
//!
//! ```text
//! +row ┐                                        counts, sums, squares: plus or minus, in two's complement
//! -row ┴─► its windows, its key, its row ─► ────┤
//!                                               multisets and bags: (row, value or entry) ─► how many more or fewer
//!                                               end of the epoch: what came to nothing is not sent
//! ```
//!
//! 1. A row that is taken back is the one that came: same windows, same key, same values. What of it did not count when it
//!    came (a condition, an error in a value) does not count when it goes.
//! 2. Nothing is negative at an owner: rows of a key come from one reader, in their order.

use super::columns::Columns;
use super::combiner::{Combiner, Missing, Origin as Place, Outcome, SaleView, Sign};
use super::more::whole;
use super::rows::{Counted, Fold, Source};
use crate::event_time::partition::Verdict;
use crate::pack::bag::push_value;
use crate::pack::key::{KeyCodec, push_escaped, push_i64, push_i128};
use crate::pack::layout::{Entry, SlotKind, negated, put_wide, wide, wrap_squares};
use crate::pack::texts::{TextTable, Texts};
use standings_model::big::Big;
use standings_model::sabotage::{self, Mistake};
use standings_model::sketch::rounded;
use standings_model::table::Table;

/// What a fold with signs needs beside its rows.
#[derive(Default)]
pub(super) struct Signed {
    /// Entries of bags of this epoch; a row and the number of an entry are what is counted.
    entries: Texts,
    /// A table that is done with, for its memory.
    pub(super) spare: TextTable,
    /// The present entry.
    entry: Vec<u8>,
}

/// A column of a primary key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tie {
    column: usize,
    is_bytes: bool,
}

/// What breaks ties among rows of a table: of one whose rows change its primary key, of another nothing but their place.
pub(super) fn ties(table: &Table) -> Vec<Tie> {
    let columns = table.primary_key.iter().filter(|_| table.changes());
    let tie = |column: &usize| Tie {
        column: *column,
        is_bytes: table.columns[*column].kind.is_bytes(),
    };
    columns.map(tie).collect()
}

impl Sign {
    fn times(self) -> i64 {
        match self {
            Sign::Plus => 1,
            Sign::Minus => -1,
        }
    }
}

impl Combiner {
    /// Folds a row of a table that changes in, as it comes or as it is taken back; else as [`Combiner::add`].
    pub fn change(
        &mut self,
        table: usize,
        sale: &impl SaleView,
        origin: Place,
        sign: Sign,
        judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) -> Outcome {
        let readers = std::mem::take(&mut self.readers[table]);
        let outcome = self.signed(&readers, sale, (origin, sign), judge, missing);
        self.readers[table] = readers;
        outcome
    }

    /// The same of an element, as [`Combiner::add_element`].
    pub fn change_element(
        &mut self,
        (table, array): (usize, usize),
        sale: &impl SaleView,
        origin: Place,
        sign: Sign,
        judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) -> Outcome {
        let readers = std::mem::take(&mut self.arrays[table][array].readers);
        let outcome = self.signed(&readers, sale, (origin, sign), judge, missing);
        self.arrays[table][array].readers = readers;
        outcome
    }

    fn signed(
        &mut self,
        readers: &[(usize, usize)],
        sale: &impl SaleView,
        (origin, sign): (Place, Sign),
        judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) -> Outcome {
        let (failed, windows) = (missing.failed.len(), missing.windows.len());
        let outcome = self.fold(readers, sale, (origin, sign), judge, missing);
        if sign == Sign::Plus {
            return outcome;
        }
        // What did not count when it came is nothing when it goes.
        missing.failed.truncate(failed);
        match outcome {
            Outcome::Failed if missing.windows.len() > windows => Outcome::Missed,
            Outcome::Failed => Outcome::Filtered,
            outcome => outcome,
        }
    }

    /// The windows that a row would miss, in the rankings that would take it; nothing is folded.
    pub fn missed(
        &mut self,
        table: usize,
        sale: &impl SaleView,
        mut judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) {
        for (number, source) in self.readers[table].clone() {
            let fold = &mut self.rankings[number];
            if !fold.takes(source, sale, missing) {
                continue;
            }
            let cover = fold.cover(sale.event_time());
            let mut next = Some(cover.last);
            while let Some(end) = next {
                let verdict = judge(end);
                if verdict != Verdict::Counted {
                    missing.windows.push(fold.missed(end, verdict));
                }
                next = (end > cover.first).then(|| fold.ranking.window.before(end));
            }
        }
        missing.failed.clear();
    }

    /// What [`Combiner::until`] says of the row that was folded last, where its table has no arrays of which rankings are made.
    #[inline]
    pub fn until_of_last(&self) -> i64 {
        self.until
    }

    /// The greatest end, ms, of the windows that a time is in, over all rankings of a table, whatever their `WHERE` says of its
    /// row; as of [`Combiner::until`].
    pub fn until_of(&mut self, table: usize, time: i64) -> i64 {
        let arrays = self.arrays[table].iter().flat_map(|array| &array.readers);
        let readers = self.readers[table].iter().chain(arrays);
        let ends = readers.map(|(number, _)| self.rankings[*number].cover(time).last);
        ends.max().unwrap_or(i64::MIN)
    }

    /// The greatest end, ms, of the windows that a row is in, over the rankings of a table that take it: when it can change nothing
    /// any more. [`i64::MAX`] of all time, [`i64::MIN`] where no ranking takes it. Of a row with elements of which rankings are
    /// made, theirs too.
    pub fn until(&mut self, table: usize, sale: &impl SaleView) -> i64 {
        let time = sale.event_time();
        let mut none = Missing::default();
        let mut until = i64::MIN;
        for (number, source) in &self.readers[table] {
            let fold = &mut self.rankings[*number];
            if fold.takes(*source, sale, &mut none) {
                until = until.max(fold.cover(time).last);
            }
        }
        for (number, _) in self.arrays[table].iter().flat_map(|array| &array.readers) {
            until = until.max(self.rankings[*number].cover(time).last);
        }
        until
    }
}

impl Fold {
    /// Adds a sale to a row, or takes it from there.
    #[inline]
    pub(super) fn put(
        &mut self,
        sign: Sign,
        to: (usize, usize),
        texts: &mut Texts,
        columns: &mut Columns,
        sale: &impl SaleView,
        (time, origin): (i64, Place),
    ) {
        match self.signed.is_some() {
            false => self.accumulate(to, texts, columns, sale, time, origin),
            true => self.change(sign.times(), to, sale, (time, origin)),
        }
    }

    /// Adds a row so many times: once, or minus once; rows alike as often as there are.
    pub(super) fn change(
        &mut self,
        times: i64,
        (source, row): (usize, usize),
        sale: &impl SaleView,
        at_place: (i64, Place),
    ) {
        let stride = self.layout.width + 1;
        let words = &mut self.rows[row * stride + 1..(row + 1) * stride];
        let Some(signed) = &mut self.signed else {
            return;
        };
        let source = &self.sources[source];
        for slot in &source.slots {
            let at = slot.at;
            if slot
                .filter
                .is_some_and(|condition| !sale.is_true(condition))
            {
                continue;
            }
            match slot.kind {
                SlotKind::CountAll => words[at] = words[at].wrapping_add_signed(times),
                SlotKind::Count(c) if !sale.is_null(c) => {
                    words[at] = words[at].wrapping_add_signed(times);
                }
                SlotKind::Sum(c) => {
                    if let Some(n) = sale.number(c) {
                        let n = n.wrapping_mul(i128::from(times));
                        put_wide(words, at, wide(words, at).wrapping_add(n));
                    }
                }
                SlotKind::Upper(c) => {
                    if let Some(n) = sale.number(c) {
                        let n = (n >> 64).wrapping_mul(i128::from(times));
                        put_wide(words, at, wide(words, at).wrapping_add(n));
                    }
                }
                SlotKind::High(c) => {
                    if let Some(n) = sale.number(c) {
                        let highest = i128::from(square(n)[3]) * i128::from(times);
                        put_wide(words, at, wide(words, at).wrapping_add(highest));
                    }
                }
                SlotKind::Squares(c) => {
                    if let Some(n) = sale.number(c) {
                        let square = square(n);
                        let more = if times < 0 { negated(square) } else { square };
                        wrap_squares(words, at, more);
                    }
                }
                SlotKind::Multiset(c, digits) => {
                    if let Some(n) = sale.number(c) {
                        let n = digits.map_or(n, |digits| rounded(n, digits));
                        count(&mut self.counted, at, (row as u32, n), times);
                    }
                }
                SlotKind::Bag(entry) => {
                    let puts = match entry {
                        Entry::Placed => signed.place(source, &self.codec, sale, at_place.1),
                        _ => signed.write(entry, sale, &source.tie, at_place),
                    };
                    if puts {
                        let number = signed.entries.intern(&signed.entry);
                        count(&mut self.counted, at, (row as u32, number.into()), times);
                    }
                }
                // No other is laid out where rows are taken back.
                _ => {}
            }
        }
    }

    /// Before the end of an epoch: rows say how many of their values and entries changed, and those that came to nothing are left
    /// out. The entries.
    pub(super) fn net(&mut self) -> TextTable {
        let Some(signed) = &mut self.signed else {
            return TextTable::default();
        };
        let stride = self.layout.width + 1;
        for Counted { at, pairs, .. } in &mut self.counted {
            pairs.retain(|(_, _, times)| *times != 0);
            for (row, _, _) in pairs {
                self.rows[*row as usize * stride + 1 + *at] += 1;
            }
        }
        let rows = &self.rows;
        let words = |row: u32| &rows[row as usize * stride + 1..(row as usize + 1) * stride];
        self.order
            .retain(|row| words(*row).iter().any(|word| *word != 0));
        signed.entries.take(std::mem::take(&mut signed.spare))
    }
}

/// A square of 128 bits has 256.
fn square(n: i128) -> [u64; 4] {
    Big::square(n.unsigned_abs()).half().unwrap_or_default()
}

/// Counts a value or an entry of a row.
fn count(counted: &mut [Counted], at: usize, what: (u32, i128), times: i64) {
    if let Some(of) = counted.iter_mut().find(|of| of.at == at) {
        let so_far = of.seen.entry(what).or_insert(0);
        *so_far = so_far.wrapping_add_signed(times);
    }
}

impl Signed {
    /// Writes what a row is placed by, as it would lie behind its key.
    fn place(
        &mut self,
        source: &Source,
        codec: &KeyCodec,
        sale: &impl SaleView,
        origin: Place,
    ) -> bool {
        let out = &mut self.entry;
        out.clear();
        out.extend_from_slice(&origin.partition.to_be_bytes());
        let before = out.len();
        for (number, column) in source.placed.iter().enumerate() {
            let number = source.keys() + number;
            match codec.is_bytes(number) {
                true => codec.push_bytes(out, number, sale.bytes(*column)),
                false => codec.push_number(out, number, sale.number(*column)),
            }
        }
        let length = (out.len() - before) as u32;
        out.extend_from_slice(&length.to_be_bytes());
        true
    }

    /// Writes what a row puts into a bag; whether it puts something there.
    fn write(
        &mut self,
        entry: Entry,
        sale: &impl SaleView,
        tie: &[Tie],
        (time, origin): (i64, Place),
    ) -> bool {
        let out = &mut self.entry;
        out.clear();
        match entry {
            Entry::Bytes(c) => {
                match (sale.bytes(c), sale.nested(c)) {
                    (Some(bytes), _) => out.extend_from_slice(bytes),
                    (None, Some(value)) => out.extend_from_slice(&whole(value)),
                    (None, None) => return false,
                }
                return true;
            }
            Entry::ByPartition(c, is_bytes) => {
                out.extend_from_slice(&origin.partition.to_be_bytes());
                push_shown(out, sale, c, is_bytes);
            }
            Entry::Placed => return false,
            Entry::ByTime(c, is_bytes) => {
                push_place(out, sale, tie, time, origin);
                push_shown(out, sale, c, is_bytes);
            }
            Entry::ByOther(arg) => {
                match (arg.texts.1, sale.bytes(arg.by), sale.number(arg.by)) {
                    (true, Some(bytes), _) => push_escaped(out, bytes),
                    (false, _, Some(n)) => push_i128(out, n),
                    _ => return false,
                }
                if arg.greatest {
                    out.iter_mut().for_each(|byte| *byte = !*byte);
                }
                push_place(out, sale, tie, time, origin);
                push_shown(out, sale, arg.value, arg.texts.0);
            }
        }
        true
    }
}

/// Where a row stands among those of its group: by event time, then by its primary key, then by its place in the input, which of a
/// row that its key names is its partition alone.
fn push_place(out: &mut Vec<u8>, sale: &impl SaleView, tie: &[Tie], time: i64, origin: Place) {
    push_i64(out, time);
    for Tie { column, is_bytes } in tie {
        match (is_bytes, sale.bytes(*column), sale.number(*column)) {
            (true, Some(bytes), _) => {
                out.push(1);
                push_escaped(out, bytes);
            }
            (false, _, Some(n)) => {
                out.push(1);
                push_i128(out, n);
            }
            _ => out.push(0),
        }
    }
    let tie = match sabotage::is(Mistake::TiesByPlace) {
        true => &[],
        false => tie,
    };
    let (offset, row) = match tie {
        [] => (origin.offset, origin.row),
        _ => (0, 0),
    };
    out.extend_from_slice(&origin.partition.to_be_bytes());
    out.extend_from_slice(&offset.to_be_bytes());
    out.extend_from_slice(&row.to_be_bytes());
}

/// Ends an entry with the value of a column.
fn push_shown(out: &mut Vec<u8>, sale: &impl SaleView, column: usize, is_bytes: bool) {
    match is_bytes {
        true => push_value(out, sale.bytes(column)),
        false => {
            let number = sale.number(column).map(i128::to_be_bytes);
            push_value(out, number.as_ref().map(|bytes| &bytes[..]));
        }
    }
}
