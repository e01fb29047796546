//! What a measure is of the rows of a group.

use super::statistics::{SPREAD_DIGITS, Spread};
use super::types::{Type, Width};

/// What is measured of a group. Column numbers index the ranking's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregate {
    /// `COUNT(*)`.
    CountAll,
    /// `COUNT(column)`: sales where it is not NULL.
    Count(usize),
    /// `COUNT(DISTINCT column)`.
    CountDistinct(usize),
    /// `SUM(column)` of a decimal or whole number; NULL over no value.
    Sum(usize),
    /// `AVG(column)`, at least two fraction digits, half away from zero; NULL over no value.
    Avg(usize),
    /// `MIN(column)`.
    Min(usize),
    /// `MAX(column)`.
    Max(usize),
    /// `LAST_VALUE(column)`: of the sale with the greatest (event_time, partition, offset); NULL counts as a value.
    LastValue(usize),
    /// `FIRST_VALUE(column)`: likewise, of the least.
    FirstValue(usize),
    /// `ARG_MAX(value, by)`: the value where another column is greatest, of ties the first by (event_time, partition,
    /// offset); NULL counts as a value, and rows where the other is NULL do not count.
    ArgMax {
        /// What is shown.
        value: usize,
        /// What is greatest.
        by: usize,
    },
    /// `ARG_MIN(value, by)`: likewise, where it is least.
    ArgMin {
        /// What is shown.
        value: usize,
        /// What is least.
        by: usize,
    },
    /// `VAR_POP`, `VAR_SAMP`, `STDDEV_POP`, `STDDEV_SAMP` of a decimal or whole number: six fraction digits, half away from
    /// zero, from exact sums; NULL over too few values.
    Spread(usize, Spread),
    /// `PERCENTILE(column, p)` and its kin: between the two values that it lies between, half away from zero.
    Percentile {
        /// Of a decimal or whole number.
        column: usize,
        /// p, in [parts](super::statistics::PARTS) of one.
        at: u32,
        /// `APPROX_PERCENTILE`: of values that are [rounded](super::sketch::rounded) first.
        rounded: bool,
    },
    /// `APPROX_COUNT_DISTINCT(column)`, by a [sketch](super::sketch::Sketch).
    CountRoughly(usize),
    /// Of the group's keys, other measures and window: an expression of [`Ranking::computed`](super::plan::Ranking::computed), by its number.
    Computed(usize),
}

impl Aggregate {
    /// The type of what is measured, by those of the row's columns, and whether it may be NULL. What is computed of other
    /// measures has that of its expression.
    pub fn kind(self, kind: &dyn Fn(usize) -> Type) -> (Type, bool) {
        match self {
            Aggregate::CountAll
            | Aggregate::Count(_)
            | Aggregate::CountDistinct(_)
            | Aggregate::CountRoughly(_) => (Type::BIGINT, false),
            Aggregate::Avg(c) => (Type::decimal(38, kind(c).scale().max(2)), true),
            Aggregate::Sum(c) => match kind(c) {
                Type::Integer(_) => (Type::Integer(Width::Sum), true),
                other => (Type::decimal(38, other.scale()), true),
            },
            Aggregate::Min(c)
            | Aggregate::Max(c)
            | Aggregate::LastValue(c)
            | Aggregate::FirstValue(c)
            | Aggregate::ArgMax { value: c, .. }
            | Aggregate::ArgMin { value: c, .. } => (kind(c), true),
            Aggregate::Spread(..) => (Type::decimal(38, SPREAD_DIGITS), true),
            Aggregate::Percentile { column, .. } => {
                (Type::decimal(38, kind(column).scale().max(6)), true)
            }
            Aggregate::Computed(_) => (Type::Null, true),
        }
    }

    /// Whether it is decided by where rows stand, in time and in the input.
    pub fn is_by_place(self) -> bool {
        matches!(
            self,
            Aggregate::LastValue(_)
                | Aggregate::FirstValue(_)
                | Aggregate::ArgMax { .. }
                | Aggregate::ArgMin { .. }
        )
    }

    /// The columns of the row that it reads.
    pub fn columns(self) -> Vec<usize> {
        match self {
            Aggregate::CountAll | Aggregate::Computed(_) => Vec::new(),
            Aggregate::Count(c)
            | Aggregate::CountDistinct(c)
            | Aggregate::Sum(c)
            | Aggregate::Avg(c)
            | Aggregate::Min(c)
            | Aggregate::Max(c)
            | Aggregate::LastValue(c)
            | Aggregate::FirstValue(c)
            | Aggregate::Spread(c, _)
            | Aggregate::Percentile { column: c, .. }
            | Aggregate::CountRoughly(c) => vec![c],
            Aggregate::ArgMax { value, by } | Aggregate::ArgMin { value, by } => vec![value, by],
        }
    }

    /// The same of columns with other numbers.
    pub fn renumbered(self, of: &dyn Fn(usize) -> usize) -> Self {
        match self {
            Aggregate::CountAll | Aggregate::Computed(_) => self,
            Aggregate::Count(c) => Aggregate::Count(of(c)),
            Aggregate::CountDistinct(c) => Aggregate::CountDistinct(of(c)),
            Aggregate::Sum(c) => Aggregate::Sum(of(c)),
            Aggregate::Avg(c) => Aggregate::Avg(of(c)),
            Aggregate::Min(c) => Aggregate::Min(of(c)),
            Aggregate::Max(c) => Aggregate::Max(of(c)),
            Aggregate::LastValue(c) => Aggregate::LastValue(of(c)),
            Aggregate::FirstValue(c) => Aggregate::FirstValue(of(c)),
            Aggregate::ArgMax { value, by } => Aggregate::ArgMax {
                value: of(value),
                by: of(by),
            },
            Aggregate::ArgMin { value, by } => Aggregate::ArgMin {
                value: of(value),
                by: of(by),
            },
            Aggregate::Spread(c, which) => Aggregate::Spread(of(c), which),
            Aggregate::Percentile {
                column,
                at,
                rounded,
            } => Aggregate::Percentile {
                column: of(column),
                at,
                rounded,
            },
            Aggregate::CountRoughly(c) => Aggregate::CountRoughly(of(c)),
        }
    }
}
