//! How a ranking's accumulators lie in a row of 64-bit words.
//!
//! Equal accumulators are shared: `SUM(amount)`, `AVG(amount)` and `COUNT(*)` of one query take one sum and one count.

mod kind;
mod signed;
mod words;

use standings_model::big::Big;
use standings_model::decimal::average;
use standings_model::plan::{Aggregate, Ranking};
use standings_model::statistics::{Spread, spread};
use standings_model::types::Type;

use self::kind::words;
pub use self::kind::{Arg, Entry, NO_SQUARES, SlotKind};
pub use self::words::{
    NO_TEXT, NULL_NUMBER, add_squares, four, negated, put_wide, wide, wrap_squares,
};

/// One accumulator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slot {
    /// What it keeps.
    pub kind: SlotKind,
    /// Where its words begin in the row.
    pub at: usize,
    /// `FILTER (WHERE …)`: a condition among the columns of the row.
    pub filter: Option<usize>,
}

/// Where a measure's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A count, or a number of distinct values.
    Count(usize),
    /// A sum that is NULL when the count at the second place is 0.
    Sum(usize, usize),
    /// Sum over count; then the fraction digits of the sum, and of the average.
    Avg(usize, usize, u8, u8),
    /// A numeric or time slot with NULL as its empty value.
    Number(usize),
    /// A text slot.
    Text(usize),
    /// A number of which NULL is a value: of the last sale, of the first, of the one where another column is greatest.
    Value(usize),
    /// Number of distinct values.
    Distinct(usize),
    /// Variance or deviation: count, sum, sum of squares; then the fraction digits of the column.
    Spread([usize; 3], u8, Spread),
    /// A percentile of counted values: which, and the fraction digits of the column and of the percentile.
    Percentile(usize, u32, u8, u8),
    /// A sketch's number of distinct values.
    Sketch(usize),
    /// The least of a multiset.
    Least(usize),
    /// The greatest of a multiset.
    Greatest(usize),
    /// How many values of a multiset are different.
    Different(usize),
    /// The first entry of a bag.
    First(usize, Show),
    /// The last entry of a bag.
    Last(usize, Show),
    /// How many entries of a bag are different.
    Entries(usize),
    /// Of other measures: nothing is kept for it.
    Computed,
}

/// How an entry of a bag is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Show {
    /// All of it is the value.
    Whole,
    /// The value is behind what it is ordered by, as bytes.
    Bytes,
    /// The same, as a number.
    Number,
}

/// The layout of one ranking's rows.
#[derive(Clone, Debug)]
pub struct Layout {
    /// The accumulators, in row order.
    pub slots: Vec<Slot>,
    /// Words of a row.
    pub width: usize,
    /// Per measure of the plan, where it comes from (word positions).
    pub sources: Vec<Source>,
    /// The words that are numbers of texts.
    pub texts: Vec<usize>,
    /// The accumulators of which a word is not all.
    pub aside: Vec<Slot>,
    /// Where the number of a group's rows is, if they can be taken back: a group without any is no row.
    pub rows: Option<usize>,
    /// Where the bag is whose first entry says what a row is placed by, where its key does not.
    pub speaker: Option<usize>,
    /// Per measure, where the sum of upper halves is that tells when its sum has more than 128 bits.
    pub upper: Vec<Option<usize>>,
    /// Where sums of the highest 64 bits of squares are, that tell when a sum of squares has more than 256 bits.
    pub high: Vec<usize>,
}

impl Source {
    /// A measure as a number, out of a row's words; none of NULL, of what is kept as bytes, and of what is kept aside, which
    /// the words do not tell.
    #[inline]
    pub fn number(self, words: &[u64]) -> Option<i128> {
        match self {
            Source::Count(at) => Some(i128::from(words[at])),
            Source::Sum(at, count) => (words[count] > 0).then(|| wide(words, at)),
            Source::Avg(at, count, from, to) => {
                (words[count] > 0).then(|| average(wide(words, at), words[count], from, to))
            }
            Source::Number(at) => {
                Some(wide(words, at)).filter(|n| *n != i128::MAX && *n != i128::MIN)
            }
            Source::Value(at) => Some(wide(words, at)).filter(|n| *n != NULL_NUMBER),
            Source::Spread([count, sum, squares], scale, of) => {
                let squares = four(words, squares);
                if squares == NO_SQUARES {
                    return Some(i128::MAX);
                }
                let squares = Big::of_words(squares);
                spread(words[count], wide(words, sum), squares, scale, of)
            }
            Source::Text(_)
            | Source::Distinct(_)
            | Source::Percentile(..)
            | Source::Sketch(_)
            | Source::Least(_)
            | Source::Greatest(_)
            | Source::Different(_)
            | Source::First(..)
            | Source::Last(..)
            | Source::Entries(_)
            | Source::Computed => None,
        }
    }

    /// Where the text of a measure is that is kept as bytes.
    pub fn text(self) -> Option<usize> {
        match self {
            Source::Text(at) => Some(at),
            _ => None,
        }
    }
}

/// Numbers from here on have more digits than a decimal.
pub const TOO_WIDE: u128 = 10u128.pow(38);

impl Layout {
    /// The measures whose sum can have more digits than a decimal.
    pub fn at_risk(&self, ranking: &Ranking) -> Vec<usize> {
        let digits = |c: usize| digits(&ranking.row[c].kind);
        let can = |measure: &standings_model::plan::Measure| match measure.aggregate {
            Aggregate::Sum(c) | Aggregate::Avg(c) => digits(c).0 > 28,
            // Twice the digits before the point, and six behind it.
            Aggregate::Spread(c, _) => {
                let (precision, scale) = digits(c);
                precision > 28 || precision - scale > 15
            }
            Aggregate::Percentile { column, .. } => {
                let (precision, scale) = digits(column);
                precision - scale + scale.max(6) > 38
            }
            _ => false,
        };
        let measures = ranking.measures.iter().enumerate();
        measures.filter(|(_, m)| can(m)).map(|(i, _)| i).collect()
    }

    /// Without an accumulator.
    pub(super) fn empty() -> Self {
        Layout {
            slots: Vec::new(),
            width: 0,
            sources: Vec::new(),
            texts: Vec::new(),
            aside: Vec::new(),
            rows: None,
            speaker: None,
            upper: Vec::new(),
            high: Vec::new(),
        }
    }

    /// Lays out a ranking's accumulators.
    pub fn new(ranking: &Ranking) -> Self {
        if ranking.retracts {
            return Layout::signed(ranking);
        }
        let mut layout = Layout::empty();
        let is_one =
            ranking.is_rows && ranking.keys.iter().any(|k| ranking.row[k.column].is_row_id);
        let is_text = |c: usize| ranking.row[c].kind.is_bytes();
        // As many values as sales.
        let not_null = |c: usize| match ranking.row[c].nullable {
            true => SlotKind::Count(c),
            false => SlotKind::CountAll,
        };
        for measure in &ranking.measures {
            let mut slot = |kind| layout.slot(kind, measure.filter);
            let source = match measure.aggregate {
                Aggregate::CountAll => Source::Count(slot(SlotKind::CountAll)),
                Aggregate::Count(c) => Source::Count(slot(SlotKind::Count(c))),
                Aggregate::CountDistinct(c) => Source::Distinct(slot(SlotKind::Distinct(c))),
                Aggregate::Sum(c) => Source::Sum(slot(SlotKind::Sum(c)), slot(not_null(c))),
                Aggregate::Avg(c) => {
                    let scale = ranking.row[c].kind.scale();
                    let sum = slot(SlotKind::Sum(c));
                    Source::Avg(sum, slot(not_null(c)), scale, scale.max(2))
                }
                Aggregate::Min(c) if is_text(c) => Source::Text(slot(SlotKind::MinText(c))),
                Aggregate::Max(c) if is_text(c) => Source::Text(slot(SlotKind::MaxText(c))),
                Aggregate::Min(c) => Source::Number(slot(SlotKind::Min(c))),
                Aggregate::Max(c) => Source::Number(slot(SlotKind::Max(c))),
                // There is one.
                Aggregate::LastValue(c) if is_one && is_text(c) => {
                    Source::Text(slot(SlotKind::OnlyText(c)))
                }
                Aggregate::LastValue(c) if is_one => Source::Value(slot(SlotKind::Only(c))),
                Aggregate::LastValue(c) if is_text(c) => {
                    Source::Text(slot(SlotKind::LastText(c)) + 3)
                }
                Aggregate::LastValue(c) => Source::Value(slot(SlotKind::Last(c)) + 3),
                Aggregate::FirstValue(c) if is_text(c) => {
                    Source::Text(slot(SlotKind::FirstText(c)) + 3)
                }
                Aggregate::FirstValue(c) => Source::Value(slot(SlotKind::First(c)) + 3),
                Aggregate::ArgMax { value, by } | Aggregate::ArgMin { value, by } => {
                    let arg = Arg {
                        value,
                        by,
                        texts: (is_text(value), is_text(by)),
                        greatest: matches!(measure.aggregate, Aggregate::ArgMax { .. }),
                    };
                    let at = slot(SlotKind::Arg(arg)) + arg.value_at();
                    match arg.texts.0 {
                        true => Source::Text(at),
                        false => Source::Value(at),
                    }
                }
                Aggregate::Spread(c, of) => {
                    let (count, sum) = (slot(not_null(c)), slot(SlotKind::Sum(c)));
                    let places = [count, sum, slot(SlotKind::Squares(c))];
                    Source::Spread(places, ranking.row[c].kind.scale(), of)
                }
                Aggregate::Percentile {
                    column,
                    at,
                    rounded,
                } => {
                    let scale = ranking.row[column].kind.scale();
                    let digits = rounded.then(|| digits(&ranking.row[column].kind).0);
                    let place = slot(SlotKind::Values(column, digits));
                    Source::Percentile(place, at, scale, scale.max(6))
                }
                Aggregate::CountRoughly(c) => Source::Sketch(slot(SlotKind::Sketch(c))),
                Aggregate::Computed(_) => Source::Computed,
            };
            layout.sources.push(source);
        }
        layout.note();
        layout
    }

    /// Notes which words are numbers of texts, and what lies aside.
    fn note(&mut self) {
        for slot in &self.slots {
            self.texts
                .extend(slot.kind.texts().map(|text| slot.at + text));
            if matches!(
                slot.kind,
                SlotKind::Distinct(_)
                    | SlotKind::Values(..)
                    | SlotKind::Sketch(_)
                    | SlotKind::Multiset(..)
                    | SlotKind::Bag(_)
            ) {
                self.aside.push(slot.clone());
            }
        }
    }

    fn slot(&mut self, kind: SlotKind, filter: Option<usize>) -> usize {
        if let Some(slot) = self
            .slots
            .iter()
            .find(|s| s.kind == kind && s.filter == filter)
        {
            return slot.at;
        }
        let at = self.width;
        self.width += words(kind);
        self.slots.push(Slot { kind, at, filter });
        at
    }

    /// The accumulators as one input fills them: with its table's columns for those of the row.
    pub fn of_input(&self, columns: &[usize]) -> Vec<Slot> {
        let of = |c: usize| columns[c];
        let slots = self.slots.iter().map(|slot| Slot {
            kind: slot.kind.with(of),
            at: slot.at,
            filter: slot.filter.map(of),
        });
        slots.collect()
    }

    /// Writes the empty accumulators into a row of [`Layout::width`] words.
    pub fn clear(&self, row: &mut [u64]) {
        for slot in &self.slots {
            let at = slot.at;
            match slot.kind {
                SlotKind::CountAll | SlotKind::Count(_) | SlotKind::Distinct(_) => row[at] = 0,
                SlotKind::Values(..) | SlotKind::Sketch(_) => row[at] = 0,
                SlotKind::Multiset(..) | SlotKind::Bag(_) => row[at] = 0,
                SlotKind::Squares(_) => row[at..at + 4].fill(0),
                SlotKind::Sum(_) | SlotKind::Upper(_) | SlotKind::High(_) => put_wide(row, at, 0),
                SlotKind::Min(_) => put_wide(row, at, i128::MAX),
                SlotKind::Max(_) => put_wide(row, at, i128::MIN),
                SlotKind::Only(_) => put_wide(row, at, NULL_NUMBER),
                SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => {
                    row[at] = NO_TEXT;
                }
                SlotKind::Last(_) | SlotKind::First(_) => {
                    row[at..at + 3].fill(0);
                    put_wide(row, at + 3, NULL_NUMBER);
                }
                SlotKind::LastText(_) | SlotKind::FirstText(_) => {
                    row[at..at + 3].fill(0);
                    row[at + 3] = NO_TEXT;
                }
                SlotKind::Arg(arg) => {
                    row[at..at + 3].fill(0);
                    let places = [(Arg::BY, arg.texts.1), (arg.value_at(), arg.texts.0)];
                    for (place, is_text) in places {
                        match is_text {
                            true => row[at + place] = NO_TEXT,
                            false => put_wide(row, at + place, NULL_NUMBER),
                        }
                    }
                }
            }
        }
    }
}

/// Digits of an exact number, and how many of them are behind the point.
fn digits(kind: &Type) -> (u8, u8) {
    match kind {
        Type::Decimal { precision, scale } => (*precision, *scale),
        _ => (19, 0),
    }
}
