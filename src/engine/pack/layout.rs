//! How a ranking's accumulators lie in a row of 64-bit words.
//!
//! Equal accumulators are shared: `SUM(amount)`, `AVG(amount)` and `COUNT(*)` of one query take one sum and one count.

use standings_model::big::Big;
use standings_model::decimal::average;
use standings_model::plan::{Aggregate, Ranking};
use standings_model::statistics::{Spread, spread};
use standings_model::types::Type;

/// What an accumulator keeps of the sales that pass its filter. Columns are numbers in the ranking's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// How many sales; one word.
    CountAll,
    /// How many non-NULL values of a column; one word.
    Count(usize),
    /// Sum of a column; two words, a 128-bit integer. Nothing added is 0.
    Sum(usize),
    /// Least of a numeric or time column; two words, [`i128::MAX`] for none.
    Min(usize),
    /// Greatest of a numeric or time column; two words, [`i128::MIN`] for none.
    Max(usize),
    /// Least of a column of text or bytes; one word, a text or [`NO_TEXT`].
    MinText(usize),
    /// Greatest of a text column; likewise.
    MaxText(usize),
    /// Value of the last sale: event time + 1 (0 for none), partition, offset, then two words of value.
    Last(usize),
    /// Same, for a text column: the fourth word is a text or [`NO_TEXT`].
    LastText(usize),
    /// Distinct values of a column; one word: how many values (in deltas), or the number of a set (in totals).
    Distinct(usize),
    /// Value of the first sale: as of the last.
    First(usize),
    /// Same, for a text column.
    FirstText(usize),
    /// The value of a column, of a group that is one row; two words.
    Only(usize),
    /// Same, for a text column; one word.
    OnlyText(usize),
    /// The value of one column where another is greatest or least.
    Arg(Arg),
    /// Sum of the squares of a column; four words, the lowest first. [`NO_SQUARES`] for one with more bits.
    Squares(usize),
    /// Counted values of a column; of so many digits they are rounded first. One word: how many different (in deltas), or
    /// where they are kept aside (in totals).
    Values(usize, Option<u8>),
    /// A sketch of the values of a column; one word: how many codes (in deltas), or where it is kept aside (in totals).
    Sketch(usize),
}

/// The value of one column where another is greatest or least: event time + 1 (0 for none), partition, offset; then the
/// other column, then the value: two words of a number or one of a text, each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// What is shown.
    pub value: usize,
    /// What is greatest or least.
    pub by: usize,
    /// Whether it is a text or bytes, each.
    pub texts: (bool, bool),
    /// Whether the greatest is meant.
    pub greatest: bool,
}

impl Arg {
    /// Where the other column lies.
    pub const BY: usize = 3;

    /// Where the value lies.
    pub fn value_at(self) -> usize {
        Arg::BY + if self.texts.1 { 1 } else { 2 }
    }

    fn words(self) -> usize {
        self.value_at() + if self.texts.0 { 1 } else { 2 }
    }
}

/// A sum of squares that has more bits than there are.
pub const NO_SQUARES: [u64; 4] = [u64::MAX; 4];

impl SlotKind {
    /// The columns that it reads.
    pub fn columns(self) -> impl Iterator<Item = usize> {
        let (one, other) = match self {
            SlotKind::CountAll => (None, None),
            SlotKind::Count(c)
            | SlotKind::Sum(c)
            | SlotKind::Min(c)
            | SlotKind::Max(c)
            | SlotKind::MinText(c)
            | SlotKind::MaxText(c)
            | SlotKind::Last(c)
            | SlotKind::LastText(c)
            | SlotKind::First(c)
            | SlotKind::FirstText(c)
            | SlotKind::Only(c)
            | SlotKind::OnlyText(c)
            | SlotKind::Squares(c)
            | SlotKind::Values(c, _)
            | SlotKind::Sketch(c)
            | SlotKind::Distinct(c) => (Some(c), None),
            SlotKind::Arg(arg) => (Some(arg.value), Some(arg.by)),
        };
        one.into_iter().chain(other)
    }

    /// Where its words are numbers of texts: one or two, or none.
    fn texts(self) -> impl Iterator<Item = usize> {
        let (one, other) = match self {
            SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => (Some(0), None),
            SlotKind::LastText(_) | SlotKind::FirstText(_) => (Some(3), None),
            SlotKind::Arg(arg) => (
                arg.texts.1.then_some(Arg::BY),
                arg.texts.0.then_some(arg.value_at()),
            ),
            _ => (None, None),
        };
        one.into_iter().chain(other)
    }

    /// The same with other columns.
    fn with(self, of: impl Fn(usize) -> usize) -> Self {
        match self {
            SlotKind::CountAll => SlotKind::CountAll,
            SlotKind::Count(c) => SlotKind::Count(of(c)),
            SlotKind::Sum(c) => SlotKind::Sum(of(c)),
            SlotKind::Min(c) => SlotKind::Min(of(c)),
            SlotKind::Max(c) => SlotKind::Max(of(c)),
            SlotKind::MinText(c) => SlotKind::MinText(of(c)),
            SlotKind::MaxText(c) => SlotKind::MaxText(of(c)),
            SlotKind::Last(c) => SlotKind::Last(of(c)),
            SlotKind::LastText(c) => SlotKind::LastText(of(c)),
            SlotKind::Distinct(c) => SlotKind::Distinct(of(c)),
            SlotKind::First(c) => SlotKind::First(of(c)),
            SlotKind::FirstText(c) => SlotKind::FirstText(of(c)),
            SlotKind::Only(c) => SlotKind::Only(of(c)),
            SlotKind::OnlyText(c) => SlotKind::OnlyText(of(c)),
            SlotKind::Squares(c) => SlotKind::Squares(of(c)),
            SlotKind::Values(c, rounded) => SlotKind::Values(of(c), rounded),
            SlotKind::Sketch(c) => SlotKind::Sketch(of(c)),
            SlotKind::Arg(arg) => SlotKind::Arg(Arg {
                value: of(arg.value),
                by: of(arg.by),
                ..arg
            }),
        }
    }
}

/// The word of a text slot that holds nothing.
pub const NO_TEXT: u64 = u64::MAX;
/// The value of a [`SlotKind::Last`] slot whose last sale had NULL.
pub const NULL_NUMBER: i128 = i128::MIN;

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
    /// Of other measures: nothing is kept for it.
    Computed,
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

    /// Lays out a ranking's accumulators.
    pub fn new(ranking: &Ranking) -> Self {
        let mut layout = Layout {
            slots: Vec::new(),
            width: 0,
            sources: Vec::new(),
            texts: Vec::new(),
            aside: Vec::new(),
        };
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
                SlotKind::Distinct(_) | SlotKind::Values(..) | SlotKind::Sketch(_)
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
                SlotKind::Squares(_) => row[at..at + 4].fill(0),
                SlotKind::Sum(_) => put_wide(row, at, 0),
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

fn words(kind: SlotKind) -> usize {
    match kind {
        SlotKind::CountAll | SlotKind::Count(_) | SlotKind::Distinct(_) => 1,
        SlotKind::Values(..) | SlotKind::Sketch(_) => 1,
        SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => 1,
        SlotKind::Only(_) | SlotKind::Sum(_) | SlotKind::Min(_) | SlotKind::Max(_) => 2,
        SlotKind::Last(_) | SlotKind::First(_) => 5,
        SlotKind::LastText(_) | SlotKind::FirstText(_) | SlotKind::Squares(_) => 4,
        SlotKind::Arg(arg) => arg.words(),
    }
}

/// Digits of an exact number, and how many of them are behind the point.
fn digits(kind: &Type) -> (u8, u8) {
    match kind {
        Type::Decimal { precision, scale } => (*precision, *scale),
        _ => (19, 0),
    }
}

/// Reads a number of 256 bits from four words.
#[inline]
pub fn four(row: &[u64], at: usize) -> [u64; 4] {
    [row[at], row[at + 1], row[at + 2], row[at + 3]]
}

/// Adds to a sum of squares.
pub fn add_squares(row: &mut [u64], at: usize, more: [u64; 4]) {
    let so_far = four(row, at);
    let sum = match so_far == NO_SQUARES || more == NO_SQUARES {
        true => None,
        false => Big::of_words(so_far).plus(Big::of_words(more)),
    };
    row[at..at + 4].copy_from_slice(&sum.and_then(Big::half).unwrap_or(NO_SQUARES));
}

/// Reads a 128-bit number from two words.
#[inline]
pub fn wide(row: &[u64], at: usize) -> i128 {
    (u128::from(row[at]) | u128::from(row[at + 1]) << 64) as i128
}

/// Writes a 128-bit number into two words.
#[inline]
pub fn put_wide(row: &mut [u64], at: usize, value: i128) {
    row[at] = value as u64;
    row[at + 1] = (value as u128 >> 64) as u64;
}
