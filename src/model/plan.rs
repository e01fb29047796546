//! The typed plan of one ranking: what a query file means once parsed and checked.

use super::check::Check;
use super::expr::Expr;
use super::schema::{ColumnType, Schema};
use super::window::Window;

/// What is measured of a group. Column numbers index the schema.
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
    /// `AVG(column)`, two fraction digits, half away from zero; NULL over no value.
    Avg(usize),
    /// `MIN(column)`.
    Min(usize),
    /// `MAX(column)`.
    Max(usize),
    /// `LAST_VALUE(column)`: of the sale with the greatest (event_time, partition, offset); NULL counts as a value.
    LastValue(usize),
}

/// One measure of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Output column name.
    pub name: String,
    /// What is computed.
    pub aggregate: Aggregate,
    /// `FILTER (WHERE …)`.
    pub filter: Option<Expr>,
}

/// The type of a measure or key in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    Text,
    /// Whole number.
    Integer,
    /// Decimal with two fraction digits.
    Decimal,
    /// Time.
    Time,
}

/// One group key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Output column name.
    pub name: String,
    /// Column number in the schema.
    pub column: usize,
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

/// The rank function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum RankFunction {
    RowNumber,
    Rank,
    DenseRank,
}

/// One ranking, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// Name: the file's name without `.sql`; also the Postgres table.
    pub name: String,
    /// Its window.
    pub window: Window,
    /// `WHERE`.
    pub filter: Option<Expr>,
    /// Group keys beside the window; may be empty (one row a window).
    pub keys: Vec<Key>,
    /// `PARTITION BY` beyond the window: indexes into `keys`.
    pub partition: Vec<usize>,
    /// Measures.
    pub measures: Vec<Measure>,
    /// `ORDER BY`; group keys ascending (bytewise) are always the last tie-break of `ROW_NUMBER`.
    pub order: Vec<OrderTerm>,
    /// Rank function.
    pub rank: RankFunction,
    /// Greatest rank kept; at least 1.
    pub limit: u64,
    /// Fields of a row in the order of the `SELECT`. Every key is in it; so is every measure that is shown.
    pub fields: Vec<Field>,
}

impl Ranking {
    /// Output name of a field.
    pub fn field_name(&self, field: Field) -> &str {
        match field {
            Field::Key(i) => &self.keys[i].name,
            Field::Measure(i) => &self.measures[i].name,
        }
    }

    /// Output type of a field.
    pub fn field_type(&self, field: Field, schema: &Schema) -> FieldType {
        let column = |c: usize| match schema.columns[c].kind {
            ColumnType::Text => FieldType::Text,
            ColumnType::BigInt => FieldType::Integer,
            ColumnType::Decimal { .. } => FieldType::Decimal,
            ColumnType::Timestamp => FieldType::Time,
        };
        match field {
            Field::Key(i) => column(self.keys[i].column),
            Field::Measure(i) => match self.measures[i].aggregate {
                Aggregate::CountAll | Aggregate::Count(_) | Aggregate::CountDistinct(_) => {
                    FieldType::Integer
                }
                Aggregate::Avg(_) => FieldType::Decimal,
                Aggregate::Sum(c)
                | Aggregate::Min(c)
                | Aggregate::Max(c)
                | Aggregate::LastValue(c) => column(c),
            },
        }
    }
}

/// Everything that a run needs to know of its queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The columns of `sales`.
    pub schema: Schema,
    /// The rankings, sorted by name; ranking numbers elsewhere index this.
    pub rankings: Vec<Ranking>,
    /// What is asked of every sale, in the order of the file; check numbers elsewhere index this.
    pub checks: Vec<Check>,
    /// The most bytes that the texts of one group key may have together; a sale with a longer one is a dead letter.
    pub max_key_bytes: usize,
}

impl Plan {
    /// The ranking whose key of a sale is too long, and how long it is. `record`: bytes of the sale's record, which its
    /// texts cannot exceed; `text`: bytes of a column, 0 for one that is no text.
    #[inline]
    pub fn oversized_key(
        &self,
        record: usize,
        text: impl Fn(usize) -> usize,
    ) -> Option<(&Ranking, usize)> {
        if record <= self.max_key_bytes {
            return None;
        }
        let length = |r: &Ranking| r.keys.iter().map(|k| text(k.column)).sum();
        let mut lengths = self.rankings.iter().map(|r| (r, length(r)));
        lengths.find(|(_, length)| *length > self.max_key_bytes)
    }

    /// The columns that some ranking groups by: a sale without one of them is a dead letter.
    pub fn required_columns(&self) -> Vec<usize> {
        let mut columns: Vec<usize> = self
            .rankings
            .iter()
            .flat_map(|r| r.keys.iter().map(|k| k.column))
            .collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }
}
