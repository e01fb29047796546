//! How a ranking's accumulators lie in a row of 64-bit words.
//!
//! Equal accumulators are shared: `SUM(amount)`, `AVG(amount)` and `COUNT(*)` of one query take one sum and one count.

use standings_model::decimal::average_minor;
use standings_model::expr::Expr;
use standings_model::plan::{Aggregate, Ranking};
use standings_model::schema::{ColumnType, Schema};

/// What an accumulator keeps of the sales that pass its filter.
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
    /// Least of a text column; one word, a text or [`NO_TEXT`].
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
    /// `FILTER (WHERE …)`.
    pub filter: Option<Expr>,
}

/// Where a measure's value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// A count, or a number of distinct values.
    Count(usize),
    /// A sum that is NULL when the count at the second place is 0.
    Sum(usize, usize),
    /// Sum over count; the third says whether the sum is a decimal (or a whole number).
    Avg(usize, usize, bool),
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

impl Layout {
    /// Lays out a ranking's accumulators.
    pub fn new(ranking: &Ranking, schema: &Schema) -> Self {
        let mut layout = Layout {
            slots: Vec::new(),
            width: 0,
            sources: Vec::new(),
        };
        let is_text = |c: usize| schema.columns[c].kind == ColumnType::Text;
        for measure in &ranking.measures {
            let mut slot = |kind| layout.slot(kind, measure.filter.clone());
            let source = match measure.aggregate {
                Aggregate::CountAll => Source::Count(slot(SlotKind::CountAll)),
                Aggregate::Count(c) => Source::Count(slot(SlotKind::Count(c))),
                Aggregate::CountDistinct(c) => Source::Distinct(slot(SlotKind::Distinct(c))),
                Aggregate::Sum(c) => Source::Sum(slot(SlotKind::Sum(c)), slot(not_null(c, schema))),
                Aggregate::Avg(c) => {
                    let decimal = matches!(schema.columns[c].kind, ColumnType::Decimal { .. });
                    Source::Avg(slot(SlotKind::Sum(c)), slot(not_null(c, schema)), decimal)
                }
                Aggregate::Min(c) if is_text(c) => Source::Text(slot(SlotKind::MinText(c))),
                Aggregate::Max(c) if is_text(c) => Source::Text(slot(SlotKind::MaxText(c))),
                Aggregate::Min(c) => Source::Number(slot(SlotKind::Min(c))),
                Aggregate::Max(c) => Source::Number(slot(SlotKind::Max(c))),
                Aggregate::LastValue(c) if is_text(c) => {
                    Source::LastText(slot(SlotKind::LastText(c)))
                }
                Aggregate::LastValue(c) => Source::Last(slot(SlotKind::Last(c))),
            };
            layout.sources.push(source);
        }
        layout
    }

    fn slot(&mut self, kind: SlotKind, filter: Option<Expr>) -> usize {
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

/// `event_time` and `amount` are never NULL, so their values are as many as the sales.
fn not_null(column: usize, schema: &Schema) -> SlotKind {
    match schema.columns[column].name.as_str() {
        "amount" | "event_time" => SlotKind::CountAll,
        _ => SlotKind::Count(column),
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

/// The average of a sum in minor units; of a sum of whole numbers when not `decimal`.
pub fn average(sum: i128, count: u64, decimal: bool) -> i128 {
    average_minor(
        if decimal {
            sum
        } else {
            sum.saturating_mul(100)
        },
        count,
    )
}
