//! The typed plan: what a folder of queries means once parsed and checked.
//!
//! ```text
//! Table (scan) ──► Input: filter, project ──► the ranking's row ──► window ──► group, measure ──► HAVING ──► rank ──► shown_if ──► fields
//!   columns by number in the table             columns by number in the row      keys, then measures
//! ```
//!
//! Expressions over rows are not evaluated here or further on: a ranking's are columns of its tables
//! ([`Origin::Derived`](super::table::Origin)), so what comes after decoding knows columns alone. What is computed of a group is
//! a measure like any other ([`Aggregate::Computed`]).

use super::check::Check;
use super::expr::{Expr, Node};
pub use super::joined::{Join, Joined};
use super::statistics::{SPREAD_DIGITS, Spread};
use super::table::Table;
use super::types::{Type, Width};
use super::window::Window;

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
    /// Of the group's keys, other measures and window: an expression of [`Ranking::computed`], by its number.
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

/// One measure of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Output column name.
    pub name: String,
    /// What is computed.
    pub aggregate: Aggregate,
    /// `FILTER (WHERE …)`: a condition among the columns of the row.
    pub filter: Option<usize>,
}

/// One group key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Output column name.
    pub name: String,
    /// Column number in the ranking's row.
    pub column: usize,
}

/// A column of the row that a ranking is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowColumn {
    /// Its type, the same from every input.
    pub kind: Type,
    /// Whether it may be NULL.
    pub nullable: bool,
    /// What it means, as one text: a part of the ranking's [meaning](Ranking), so it must not change between versions.
    pub meaning: String,
    /// It names the row itself ([`RowId`](super::row_id::RowId)): as text for readers, as a number inside.
    pub is_row_id: bool,
}

/// One table of a ranking: which of its rows count, and what they give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Table number in the plan.
    pub table: usize,
    /// `WHERE`: a condition among the table's columns.
    pub filter: Option<usize>,
    /// What the filter means, as one text.
    pub filter_meaning: Option<String>,
    /// The table's column for each column of the ranking's row.
    pub columns: Vec<usize>,
    /// The array column whose elements are rows, each beside all else of its record.
    pub unnest: Option<usize>,
}

/// A field of the output row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// Group key, by number.
    Key(usize),
    /// Measure, by number.
    Measure(usize),
}

/// One term of `ORDER BY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderTerm {
    /// What is ordered by.
    pub field: Field,
    /// `DESC`.
    pub descending: bool,
    /// Whether NULL comes first. Without `NULLS …`, Flink's default: NULL is the least value.
    pub nulls_first: bool,
}

impl OrderTerm {
    /// A number such that less comes first. NULL lies outside of what any value can be.
    #[inline]
    pub fn turned(&self, value: Option<i128>) -> i128 {
        match value {
            Some(n) if self.descending => !n,
            Some(n) => n,
            None if self.nulls_first => i128::MIN,
            None => i128::MAX,
        }
    }
}

/// The rank function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RankFunction {
    RowNumber,
    Rank,
    DenseRank,
}

/// What is known of a window, in the order in which it follows the measures for [`Ranking::computed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `window_start`.
    Start,
    /// `window_end`.
    End,
    /// `window_time`: the last millisecond.
    Time,
}

impl Bound {
    /// All of them, in their order.
    pub const ALL: [Bound; 3] = [Bound::Start, Bound::End, Bound::Time];

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Bound::Start => "window_start",
            Bound::End => "window_end",
            Bound::Time => "window_time",
        }
    }

    /// Of a window from a start to an end, ms.
    pub fn of(self, (start, end): (i64, i64)) -> i64 {
        match self {
            Bound::Start => start,
            Bound::End => end,
            Bound::Time => end.saturating_sub(1),
        }
    }
}

/// One ranking, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// Name: the file's name without `.sql`; also the Postgres table.
    pub name: String,
    /// Its window.
    pub window: Window,
    /// Where its rows come from; at least one.
    pub inputs: Vec<Input>,
    /// The columns that its inputs give.
    pub row: Vec<RowColumn>,
    /// Group keys beside the window; may be empty (one row a window).
    pub keys: Vec<Key>,
    /// Columns behind the keys in a key's bytes (but [`Ranking::is_placed_by_speaker`]): partitioned by, no keys, seen by nobody.
    pub placed: Vec<usize>,
    /// `PARTITION BY` beyond the window: indexes into `keys`, and behind those into `placed`.
    pub partition: Vec<usize>,
    /// Rows ranked as they are: a group is one row, which never changes and of which nothing is taken back. What can no
    /// longer be ranked is let go.
    pub is_rows: bool,
    /// Rows of it may be taken back again: a table that it is made of changes. Each of its accumulators can then be taken from as well
    /// as added to, and a group whose rows are all gone is none.
    pub retracts: bool,
    /// What its rows are joined with.
    pub joined: Option<Joined>,
    /// Rows that are taken back are ranked as they are: of a key's rows in several partitions that of the lowest is shown.
    pub as_they_are: bool,
    /// What sessions are by, where its windows are sessions: indexes into `keys`; none: one chain of sessions for all.
    pub session_by: Vec<usize>,
    /// Measures.
    pub measures: Vec<Measure>,
    /// What is computed of a group. Column numbers are of its keys, then its measures, then the window's [`Bound`]s. None reads a
    /// measure that is computed itself.
    pub computed: Vec<Expr>,
    /// `HAVING`: a measure that is a condition; a group of which it does not hold is not ranked.
    pub having: Option<usize>,
    /// `ORDER BY`; group keys ascending (bytewise) are always the last tie-break of `ROW_NUMBER`.
    pub order: Vec<OrderTerm>,
    /// Rank function; `None`: rows are not ranked, each is shown.
    pub rank: Option<RankFunction>,
    /// Least rank shown; at least 1.
    pub from: u64,
    /// Greatest rank kept; at least `from`, and [`u64::MAX`] where there is no limit.
    pub limit: u64,
    /// Whether a row says its rank. If not, that of a [change](super::change::Change) but a delete is 0, and a move is none.
    pub shows_rank: bool,
    /// `WHERE` beside the rank: a measure that is a condition; a row of which it does not hold has its rank, and is not shown.
    pub shown_if: Option<usize>,
    /// Fields of a row in the order of the `SELECT`. Every key is in it; so is every measure that is shown.
    pub fields: Vec<Field>,
}

impl Ranking {
    /// The keys that it is partitioned by, by number; what is partitioned by and is no key is not among them.
    pub fn partition_keys(&self) -> impl Iterator<Item = usize> {
        let keys = self.keys.len();
        self.partition.iter().copied().filter(move |i| *i < keys)
    }

    /// Whether what rows are placed by is no part of their key's bytes: of a key's rows in several partitions one says what it is.
    pub fn is_placed_by_speaker(&self) -> bool {
        let mut keys = self.keys.iter().map(|k| &self.row[k.column]);
        self.as_they_are && !self.placed.is_empty() && !keys.any(|c| c.is_row_id)
    }

    /// The columns of the row whose values make up a key's bytes: the keys', then what is placed behind them.
    pub fn key_columns(&self) -> impl Iterator<Item = usize> {
        let keys = self.keys.iter().map(|k| k.column);
        keys.chain(self.placed.iter().copied())
    }

    /// Output name of a field.
    pub fn field_name(&self, field: Field) -> &str {
        match field {
            Field::Key(i) => &self.keys[i].name,
            Field::Measure(i) => &self.measures[i].name,
        }
    }

    /// Type of a field, and whether it may be NULL.
    pub fn field_type(&self, field: Field) -> (Type, bool) {
        match field {
            Field::Key(i) => {
                let column = &self.row[self.keys[i].column];
                (column.kind.clone(), column.nullable)
            }
            Field::Measure(i) => self.measure_type(&self.measures[i]),
        }
    }

    /// Whether a row shows a measure.
    pub fn shows(&self, measure: usize) -> bool {
        self.fields.contains(&Field::Measure(measure))
    }

    /// Whether a measure is told of a row beyond its owner; of others NULL is, so that a change of them alone is none.
    pub fn tells(&self, measure: usize) -> bool {
        self.shows(measure) || self.shown_if == Some(measure)
    }

    /// The expression that a measure is, if it is computed.
    pub fn computed(&self, measure: usize) -> Option<&Expr> {
        match self.measures[measure].aggregate {
            Aggregate::Computed(n) => Some(&self.computed[n]),
            _ => None,
        }
    }

    /// What of its window a measure is, if it is nothing else: it is known where the measures are not.
    pub fn bound(&self, measure: usize) -> Option<Bound> {
        match self.computed(measure)?.node {
            Node::Column(n) => {
                let number = n.checked_sub(self.keys.len() + self.measures.len())?;
                Bound::ALL.get(number).copied()
            }
            _ => None,
        }
    }

    fn measure_type(&self, measure: &Measure) -> (Type, bool) {
        match measure.aggregate {
            Aggregate::Computed(n) => {
                let expr = &self.computed[n];
                (expr.kind.clone(), expr.nullable)
            }
            of_rows => of_rows.kind(&|c| self.row[c].kind.clone()),
        }
    }
}

/// Everything that a run needs to know of its queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The input tables; table numbers elsewhere index this. At least one.
    pub tables: Vec<Table>,
    /// The rankings, sorted by name; ranking numbers elsewhere index this.
    pub rankings: Vec<Ranking>,
    /// What is asked of every sale, in the order of the file; check numbers elsewhere index this.
    pub checks: Vec<Check>,
    /// The most bytes that the texts of one group key may have together; a sale with a longer one is a dead letter.
    pub max_key_bytes: usize,
    /// The zone of what is local time (`table.local-time-zone`, `--time-zone`), by its name; UTC where none is set.
    pub zone: Option<String>,
}

impl Plan {
    /// The ranking whose key of a row of a table is too long, and how long it is. `held`: bytes that all texts of the row
    /// cannot exceed together; `text`: bytes of a column, 0 for one that is no text.
    #[inline]
    pub fn oversized_key(
        &self,
        table: usize,
        held: usize,
        text: impl Fn(usize) -> usize,
    ) -> Option<(&Ranking, usize)> {
        if held <= self.max_key_bytes {
            return None;
        }
        let inputs = self.rankings.iter().flat_map(|r| {
            let of_table = r.inputs.iter().filter(|i| i.table == table);
            of_table.map(move |input| (r, input))
        });
        let length = |r: &Ranking, input: &Input| {
            let keys = r.key_columns().map(|c| text(input.columns[c]));
            keys.sum()
        };
        let mut lengths = inputs.map(|(r, input)| (r, length(r, input)));
        lengths.find(|(_, length)| *length > self.max_key_bytes)
    }

    /// The column of amounts, whose sums and quartiles are metrics: table and column. It is the exact number named `amount` of
    /// the first table that has one.
    pub fn amounts(&self) -> Option<(usize, usize)> {
        let mut tables = self.tables.iter().enumerate();
        tables.find_map(|(number, table)| {
            let column = table.find("amount")?;
            let exact = table.columns[column].kind.is_exact_number();
            exact.then_some((number, column))
        })
    }

    /// Whether a table is joined with, and no ranking's rows are its own.
    pub fn is_only_joined(&self, table: usize) -> bool {
        let reads = |r: &Ranking| r.inputs.iter().any(|i| i.table == table);
        self.joins().any(|join| join.table == table) && !self.rankings.iter().any(reads)
    }

    /// Whether the rows of each table wait until what they are joined with is there.
    pub fn waits(&self) -> Vec<bool> {
        let joined = || self.rankings.iter().filter(|r| r.joined.is_some());
        let reads = |table: usize| joined().any(|r| r.inputs.iter().any(|i| i.table == table));
        (0..self.tables.len()).map(reads).collect()
    }

    /// All joins of all rankings.
    pub fn joins(&self) -> impl Iterator<Item = &Join> {
        let joined = self.rankings.iter().filter_map(|r| r.joined.as_ref());
        joined.flat_map(|joined| &joined.joins)
    }

    /// Whether rows of some table change.
    pub fn changes(&self) -> bool {
        self.tables.iter().any(Table::changes)
    }

    /// The number of the table with this name.
    pub fn table(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|t| t.name == name)
    }
}
