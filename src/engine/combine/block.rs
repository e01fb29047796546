//! Rows that are columns already, added column by column: a block at once.
//!
//! ```text
//! times, key column ──► the row of accumulators of each row ──► each accumulator over its column
//!                       an entry of a dictionary is looked up once an epoch
//! ```
//!
//! 1. It comes to what [`Combiner::add`] of each row comes to, where that counts in all its windows: whether it does is for the
//!    caller to know.
//! 2. Of rankings without a condition, whose key is a column of text and whose accumulators are counts, sums, least and greatest
//!    numbers. If a table is read by any other, its rows are added one by one.

use super::columns::Columns;
use super::combiner::Combiner;
use super::rows::{Fold, Span, plain_key};
use crate::pack::layout::{NO_TEXT, SlotKind, put_wide, wide};
use crate::pack::texts::Texts as Dictionary;
use standings_model::rows::{Filled, Rows, Texts, Values};

/// The row of no entry.
const NO_ROW: u32 = u32::MAX;

/// The rows of accumulators of a dictionary's entries, in some windows.
#[derive(Debug, Default)]
pub(super) struct EntryRows {
    /// Which dictionary; 0: none.
    dictionary: u64,
    span: Span,
    /// By entry, as far as they were seen.
    rows: Vec<u32>,
}

impl EntryRows {
    /// The rows were taken.
    pub(super) fn forget(&mut self) {
        self.dictionary = 0;
    }

    /// From here on those of another dictionary, or in other windows.
    fn begin(&mut self, dictionary: u64, span: Span) {
        if (self.dictionary, self.span) != (dictionary, span) {
            (self.dictionary, self.span) = (dictionary, span);
            self.rows.clear();
        }
    }

    #[inline]
    fn get(&self, entry: u32) -> Option<u32> {
        let row = *self.rows.get(entry as usize)?;
        (row != NO_ROW).then_some(row)
    }

    fn set(&mut self, entry: u32, row: u32) {
        let entry = entry as usize;
        if entry >= self.rows.len() {
            self.rows.resize(entry + 1, NO_ROW);
        }
        self.rows[entry] = row;
    }
}

impl Combiner {
    /// Whether rows of a table can be added column by column.
    pub fn takes_columns(&self, table: usize) -> bool {
        let readers = &self.readers[table];
        let mut all = readers.iter();
        let all = all.all(|(ranking, source)| self.rankings[*ranking].takes_columns(*source));
        all && !readers.is_empty() && self.arrays(table) == 0
    }

    /// The end of the window that ends first, ms, of all that hold a time.
    pub fn first_end(&self, table: usize, time: i64) -> i64 {
        let readers = self.readers[table].iter();
        let ends = readers.map(|(ranking, _)| self.rankings[*ranking].ranking.window.cover(time));
        ends.map(|cover| cover.first).min().unwrap_or(i64::MIN)
    }

    /// Folds all rows of a block in, whose texts lie in `bytes`, with the event time of each, ms. Each counts in all windows that
    /// hold it.
    pub fn add_columns(&mut self, table: usize, rows: &Rows, bytes: &[u8], times: &[i64]) {
        let readers = std::mem::take(&mut self.readers[table]);
        for (ranking, source) in &readers {
            let (fold, texts, columns) = self.of_ranking(*ranking);
            fold.add_columns(*source, (rows, bytes), times, (texts, columns));
            self.folded += times.len() as u64;
        }
        self.readers[table] = readers;
    }
}

impl Fold {
    /// Whether what a source gives can be added column by column.
    fn takes_columns(&self, source: usize) -> bool {
        let of = &self.sources[source];
        let is_plain = |kind: SlotKind| {
            use SlotKind::{Count, CountAll, Max, Min, Sum};
            matches!(kind, CountAll | Count(_) | Sum(_) | Min(_) | Max(_))
        };
        let mut slots = of.slots.iter();
        let each_stays = self.signed.is_none() && self.floors.is_none() && self.tops.is_none();
        each_stays
            && of.plain.is_some()
            && of.filter.is_none()
            && of.fallible.is_empty()
            && slots.all(|slot| slot.filter.is_none() && is_plain(slot.kind))
    }

    fn add_columns(
        &mut self,
        source: usize,
        (rows, bytes): (&Rows, &[u8]),
        times: &[i64],
        (texts, columns): (&mut Dictionary, &mut Columns),
    ) {
        let Some((key, nullable)) = self.sources[source].plain else {
            return;
        };
        let filled = filled(rows, key);
        let of = match filled.map(|of| &of.values) {
            Some(Values::Texts(of)) => Some(of),
            _ => None,
        };
        let nulls = filled.map_or(&[][..], |of| &of.nulls);
        let mut at = std::mem::take(&mut self.at);
        at.clear();
        if let (Some(first), Some(of)) = (times.first(), of) {
            let span = self.span(*first);
            self.entries.begin(of.dictionary, span);
        }
        for (n, time) in times.iter().enumerate() {
            let span = self.span(*time);
            let text = of.filter(|_| nulls.get(n) != Some(&true));
            let entry = text.and_then(|text| text.entries.get(n).copied());
            let entry = entry.filter(|_| span == self.entries.span);
            if let Some(row) = entry.and_then(|entry| self.entries.get(entry)) {
                at.push(row);
                continue;
            }
            let id = text.map_or(NO_TEXT, |text| id(texts, columns, key, (text, n), bytes));
            let key = plain_key(texts, id, nullable);
            let row = self.row(span, key) as u32;
            if let Some(entry) = entry {
                self.entries.set(entry, row);
            }
            at.push(row);
        }
        self.accumulate_columns(source, rows, &at);
        self.at = at;
    }

    /// The windows that hold a time, all of which take what comes.
    #[inline]
    fn span(&mut self, time: i64) -> Span {
        let cover = self.cover(time);
        Span {
            latest: cover.last,
            windows: cover.windows,
        }
    }

    /// Adds a column to each accumulator; `at`: the row of accumulators of each row.
    fn accumulate_columns(&mut self, source: usize, rows: &Rows, at: &[u32]) {
        let stride = self.layout.width + 1;
        let words = &mut self.rows;
        for slot in &self.sources[source].slots {
            let place = |row: usize| at[row] as usize * stride + 1 + slot.at;
            let mut each = |column: usize, put: fn(i128, i128) -> i128| {
                numbers(filled(rows, column), |row, n| {
                    let place = place(row);
                    let n = put(wide(words, place), n);
                    put_wide(words, place, n);
                });
            };
            match slot.kind {
                SlotKind::Sum(c) => each(c, i128::saturating_add),
                SlotKind::Min(c) => each(c, i128::min),
                SlotKind::Max(c) => each(c, i128::max),
                SlotKind::CountAll => {
                    (0..at.len()).for_each(|row| words[place(row)] += 1);
                }
                SlotKind::Count(c) => {
                    // One that the file has not got is NULL in all rows.
                    let Some(of) = filled(rows, c) else { continue };
                    for row in 0..at.len() {
                        words[place(row)] += u64::from(of.nulls.get(row) != Some(&true));
                    }
                }
                // Of another it was not said that it could be.
                _ => {}
            }
        }
    }
}

/// The column of this number.
fn filled(rows: &Rows, number: usize) -> Option<&Filled> {
    rows.columns.iter().find(|of| of.number == number)
}

/// The number of the text of a row.
fn id(
    texts: &mut Dictionary,
    columns: &mut Columns,
    key: usize,
    (of, row): (&Texts, usize),
    bytes: &[u8],
) -> u64 {
    let (start, end) = of.places[row];
    let text = bytes.get(start as usize..end as usize).unwrap_or_default();
    match of.entries.get(row) {
        Some(entry) => columns.of_entry(texts, key, (of.dictionary, *entry), text),
        None => u64::from(texts.intern(text)),
    }
}

/// Each number of a column that is not NULL, as its cell would have it.
#[inline]
fn numbers(of: Option<&Filled>, mut take: impl FnMut(usize, i128)) {
    let Some(of) = of else { return };
    macro_rules! each {
        ($all:expr, $number:expr) => {
            for (row, n) in $all.iter().enumerate() {
                if of.nulls.get(row) != Some(&true) {
                    take(row, $number(*n));
                }
            }
        };
    }
    match &of.values {
        Values::Ints(all) | Values::Decimals(all) => each!(all, i128::from),
        Values::Wide(all) => each!(all, |n| n),
        Values::Doubles(all) => {
            each!(all, |n: standings_model::value::Real| i128::from(
                n.to_ordered()
            ))
        }
        // No number.
        Values::Texts(_) => {}
    }
}
