//! How a ranking's accumulators lie in a row of 64-bit words.
//!
//! Equal accumulators are shared: `SUM(amount)`, `AVG(amount)` and `COUNT(*)` of one query take one sum and one count.

use standings_model::decimal::average;
use standings_model::plan::{Aggregate, Ranking};
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
}

impl SlotKind {
    /// The column that it reads.
    pub fn column(self) -> Option<usize> {
        match self {
            SlotKind::CountAll => None,
            SlotKind::Count(c)
            | SlotKind::Sum(c)
            | SlotKind::Min(c)
            | SlotKind::Max(c)
            | SlotKind::MinText(c)
            | SlotKind::MaxText(c)
            | SlotKind::Last(c)
            | SlotKind::LastText(c)
            | SlotKind::Distinct(c) => Some(c),
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
    /// A last value, numeric or time.
    Last(usize),
    /// A last value, text.
    LastText(usize),
    /// Number of distinct values.
    Distinct(usize),
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
}

impl Source {
    /// A measure as a number, out of a row's words; none of NULL, of what is kept as bytes, and of a number of distinct
    /// values, which the words do not tell in every place.
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
            Source::Last(at) => Some(wide(words, at + 3)).filter(|n| *n != NULL_NUMBER),
            Source::Text(_) | Source::LastText(_) | Source::Distinct(_) | Source::Computed => None,
        }
    }

    /// Where the text of a measure is that is kept as bytes.
    pub fn text(self) -> Option<usize> {
        match self {
            Source::Text(at) => Some(at),
            Source::LastText(at) => Some(at + 3),
            _ => None,
        }
    }
}

/// Numbers from here on have more digits than a decimal.
const TOO_WIDE: u128 = 10u128.pow(38);

impl Layout {
    /// The measures whose sum can have more digits than a decimal.
    pub fn at_risk(&self, ranking: &Ranking) -> Vec<usize> {
        let can = |measure: &standings_model::plan::Measure| match measure.aggregate {
            Aggregate::Sum(c) | Aggregate::Avg(c) => {
                matches!(
                    ranking.row[c].kind,
                    Type::Decimal {
                        precision: 29..,
                        ..
                    }
                )
            }
            _ => false,
        };
        let measures = ranking.measures.iter().enumerate();
        measures.filter(|(_, m)| can(m)).map(|(i, _)| i).collect()
    }

    /// Whether a measure of a row has more digits than a decimal.
    pub fn is_too_wide(&self, measure: usize, words: &[u64]) -> bool {
        let number = self.sources[measure].number(words);
        number.is_some_and(|n| n.unsigned_abs() >= TOO_WIDE)
    }

    /// Lays out a ranking's accumulators.
    pub fn new(ranking: &Ranking) -> Self {
        let mut layout = Layout {
            slots: Vec::new(),
            width: 0,
            sources: Vec::new(),
        };
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
                Aggregate::LastValue(c) if is_text(c) => {
                    Source::LastText(slot(SlotKind::LastText(c)))
                }
                Aggregate::LastValue(c) => Source::Last(slot(SlotKind::Last(c))),
                Aggregate::Computed(_) => Source::Computed,
            };
            layout.sources.push(source);
        }
        layout
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
            kind: match slot.kind {
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
            },
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
                SlotKind::Sum(_) => put_wide(row, at, 0),
                SlotKind::Min(_) => put_wide(row, at, i128::MAX),
                SlotKind::Max(_) => put_wide(row, at, i128::MIN),
                SlotKind::MinText(_) | SlotKind::MaxText(_) => row[at] = NO_TEXT,
                SlotKind::Last(_) => {
                    row[at..at + 3].fill(0);
                    put_wide(row, at + 3, NULL_NUMBER);
                }
                SlotKind::LastText(_) => {
                    row[at..at + 3].fill(0);
                    row[at + 3] = NO_TEXT;
                }
            }
        }
    }
}

fn words(kind: SlotKind) -> usize {
    match kind {
        SlotKind::CountAll | SlotKind::Count(_) | SlotKind::Distinct(_) => 1,
        SlotKind::MinText(_) | SlotKind::MaxText(_) => 1,
        SlotKind::Sum(_) | SlotKind::Min(_) | SlotKind::Max(_) => 2,
        SlotKind::Last(_) => 5,
        SlotKind::LastText(_) => 4,
    }
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
