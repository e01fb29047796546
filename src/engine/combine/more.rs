//! What a sale adds to accumulators of the less usual kinds: first values, the only ones, values where another column is greatest, squares,
//! counted values, sketches.

use std::cmp::Ordering;

use super::columns::Columns;
use super::combiner::{Origin as Place, SaleView};
use super::rows::{Counted, set_last};
use crate::pack::layout::{
    Arg, NO_SQUARES, NO_TEXT, NULL_NUMBER, SlotKind, add_squares, put_wide, wide,
};
use crate::pack::texts::Texts;
use standings_model::big::Big;
use standings_model::json::push_value;
use standings_model::sketch::{code, rounded};
use standings_model::value::Value;

/// An accumulator of a row.
pub(super) struct Accumulator<'a> {
    /// The row's words.
    words: &'a mut [u64],
    /// Where the accumulator begins.
    at: usize,
    /// The row's number.
    row: usize,
    counted: &'a mut [Counted],
    texts: &'a mut Texts,
    columns: &'a mut Columns,
}

impl<'a> Accumulator<'a> {
    /// An accumulator by its row's words, its place in them, and the row's number.
    pub(super) fn new(
        (words, at, row): (&'a mut [u64], usize, usize),
        counted: &'a mut [Counted],
        texts: &'a mut Texts,
        columns: &'a mut Columns,
    ) -> Self {
        Accumulator {
            words,
            at,
            row,
            counted,
            texts,
            columns,
        }
    }

    /// Adds a sale.
    pub(super) fn add(
        mut self,
        kind: SlotKind,
        sale: &impl SaleView,
        (time, origin): (i64, Place),
    ) {
        let at = self.at;
        match kind {
            SlotKind::First(c) if self.is_earlier(time, origin) => {
                set_last(self.words, at, time, origin);
                self.put(at + 3, c, false, sale);
            }
            SlotKind::FirstText(c) if self.is_earlier(time, origin) => {
                set_last(self.words, at, time, origin);
                self.put(at + 3, c, true, sale);
            }
            SlotKind::Only(c) => self.put(at, c, false, sale),
            SlotKind::OnlyText(c) => self.put(at, c, true, sale),
            SlotKind::Arg(arg) if self.goes_before(arg, sale, time, origin) => {
                set_last(self.words, at, time, origin);
                self.put(at + Arg::BY, arg.by, arg.texts.1, sale);
                self.put(at + arg.value_at(), arg.value, arg.texts.0, sale);
            }
            SlotKind::Squares(c) => {
                if let Some(n) = sale.number(c) {
                    let square = Big::square(n.unsigned_abs()).half();
                    add_squares(self.words, at, square.unwrap_or(NO_SQUARES));
                }
            }
            SlotKind::Values(c, digits) => {
                if let Some(n) = sale.number(c) {
                    self.count(digits.map_or(n, |digits| rounded(n, digits)));
                }
            }
            SlotKind::Sketch(c) => self.sketch(c, sale),
            _ => {}
        }
    }

    /// Whether a sale comes before the one that is there.
    fn is_earlier(&self, time: i64, origin: Place) -> bool {
        let (words, at) = (&self.words, self.at);
        words[at] == 0
            || (time as u64 + 1, u64::from(origin.partition), origin.offset)
                < (words[at], words[at + 1], words[at + 2])
    }

    /// Writes a sale's value.
    fn put(&mut self, place: usize, column: usize, is_text: bool, sale: &impl SaleView) {
        match is_text {
            true => self.words[place] = self.columns.text(self.texts, sale, column),
            false => {
                let number = sale.number(column).unwrap_or(NULL_NUMBER);
                put_wide(self.words, place, number);
            }
        }
    }

    /// Whether a sale takes the place of the one where the other column is greatest (or least) so far.
    fn goes_before(&self, arg: Arg, sale: &impl SaleView, time: i64, origin: Place) -> bool {
        let by = self.at + Arg::BY;
        let is_first = self.words[self.at] == 0;
        let order = match arg.texts.1 {
            true => match (sale.bytes(arg.by), self.words[by]) {
                (None, _) => return false,
                (Some(_), NO_TEXT) => return true,
                (Some(bytes), id) => bytes.cmp(self.texts.table().get(id as u32)),
            },
            false => match sale.number(arg.by) {
                None => return false,
                Some(_) if is_first => return true,
                Some(n) => n.cmp(&wide(self.words, by)),
            },
        };
        match order {
            Ordering::Equal => self.is_earlier(time, origin),
            order => order.is_gt() == arg.greatest,
        }
    }

    /// Counts a value.
    fn count(&mut self, number: i128) {
        if let Some(of) = self.counted.iter_mut().find(|of| of.at == self.at) {
            let times = of.seen.entry((self.row as u32, number)).or_insert(0);
            self.words[self.at] += u64::from(*times == 0);
            *times += 1;
        }
    }

    /// Notes what a sketch sees of a value.
    fn sketch(&mut self, column: usize, sale: &impl SaleView) {
        let code = match (sale.number(column), sale.bytes(column)) {
            (Some(n), _) => code(&n.to_be_bytes()),
            (None, Some(bytes)) => code(bytes),
            (None, None) => match sale.nested(column) {
                Some(value) => code(&whole(value)),
                None => return,
            },
        };
        self.count(i128::from(code));
    }
}

/// A value that is made of others, as bytes that no other value has. The entries of a map have no order.
pub(super) fn whole(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match value {
        Value::Map(entries) => {
            let mut entries = entries.to_vec();
            entries.sort();
            push_value(&mut out, &Value::Map(entries.into()));
        }
        other => push_value(&mut out, other),
    }
    out
}
