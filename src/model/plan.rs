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

use std::sync::Arc;

pub use super::aggregate::Aggregate;
use super::check::Check;
use super::expr::{Expr, Node};
pub use super::joined::{Join, Joined, Paired};
use super::table::Table;
use super::types::Type;
use super::window::Window;

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

impl RankFunction {
    /// All of them, in the order in which they follow the bounds for [`Ranking::computed`].
    pub const ALL: [RankFunction; 3] = [
        RankFunction::RowNumber,
        RankFunction::Rank,
        RankFunction::DenseRank,
    ];

    /// Its name in SQL.
    pub fn name(self) -> &'static str {
        match self {
            RankFunction::RowNumber => "ROW_NUMBER",
            RankFunction::Rank => "RANK",
            RankFunction::DenseRank => "DENSE_RANK",
        }
    }
}

/// Which rows of windows that have not closed are written (`emit.provisional`). Rows of closed windows are, and those of all time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Provisional {
    /// All.
    #[default]
    All,
    /// Of the windows that hold the greatest event time the one that ends first, and of those that end before it.
    Next,
    /// None.
    None,
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

/// The last moment of the year 9999, ms: no time of an event is later.
const LAST_TIME: i64 = 253_402_300_799_999;

/// One ranking, ready to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranking {
    /// Name: the file's name without `.sql`; also the Postgres table.
    pub name: String,
    /// Its window.
    pub window: Window,
    /// Its rows are those of another ranking, each in the window that it is in there, which is of the same kind; else a row of a
    /// ranking is in the windows that hold its `window_time`.
    pub keeps_windows: bool,
    /// Its windows are lives of keys: sessions, of which those that the watermark has passed are taken back from who reads them. The
    /// end of the input lets none go: it is no time that went by.
    pub lets_go: bool,
    /// How much later than others its windows are dropped, ms: where it is made of sessions, their gap.
    pub waits: i64,
    /// Only others read it: nothing of it is written or shown.
    pub is_hidden: bool,
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
    /// What its rows are pairs with, where they are pairs of rows of two tables.
    pub paired: Option<Paired>,
    /// Rows that are taken back are ranked as they are: of a key's rows in several partitions that of the lowest is shown.
    pub as_they_are: bool,
    /// What sessions are by, where its windows are sessions: indexes into `keys`; none: one chain of sessions for all.
    pub session_by: Vec<usize>,
    /// Measures.
    pub measures: Vec<Measure>,
    /// What is computed of a group. Column numbers are of its keys, then its measures, then the window's [`Bound`]s, then the
    /// ranks that each [`RankFunction`] gives it. None reads a measure that is computed itself.
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
    /// Which rows of open windows are written.
    pub provisional: Provisional,
    /// Fields of a row in the order of the `SELECT`. Every key is in it; so is every measure that is shown.
    pub fields: Vec<Field>,
}

impl Ranking {
    /// Windows that end at or before this may go, where those of others go that end at or before `horizon`: see
    /// [`Window::horizon`]; those of what is made of sessions go with them. Lives of keys stay at the end of the input.
    pub fn horizon(&self, horizon: i64) -> i64 {
        if self.lets_go && horizon > LAST_TIME {
            return i64::MIN;
        }
        let own = self.window.horizon(horizon);
        own.min(horizon.saturating_sub(self.waits))
    }

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

    /// The measures that show what rows are ranked among, where that is no part of their key.
    pub fn shown_places(&self) -> impl Iterator<Item = usize> {
        let is_place = |m: &Measure| match m.aggregate {
            // A column of rows as they are.
            Aggregate::LastValue(c) => self.placed.contains(&c),
            _ => false,
        };
        let each = self.measures.iter().enumerate();
        each.filter(move |(n, m)| is_place(m) && self.shows(*n))
            .map(|(n, _)| n)
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
        let needed = || {
            let column = self.keys.len() + measure;
            let all = (0..self.measures.len()).filter(|m| self.is_of_rank(*m));
            let mut all = all.filter_map(|m| self.computed(m));
            all.any(|expr| expr.columns().contains(&column))
        };
        !self.is_of_rank(measure)
            && (self.shows(measure) || self.shown_if == Some(measure) || needed())
    }

    /// Whether a measure is computed of the rank: it is known where rows are ranked, and not to who owns the key.
    pub fn is_of_rank(&self, measure: usize) -> bool {
        let ranks = self.keys.len() + self.measures.len() + Bound::ALL.len();
        let expr = self.computed(measure);
        expr.is_some_and(|expr| expr.columns().iter().any(|column| *column >= ranks))
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
    /// Rankings that stand inside of others and have no name of their own: nobody sees them but the engine, to which they are
    /// [rankings like all](Plan::whole).
    pub hidden: Vec<Ranking>,
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
        let mut tables = self.read();
        tables.find_map(|(number, table)| {
            let column = table.find("amount")?;
            let exact = table.columns[column].kind.is_exact_number();
            exact.then_some((number, column))
        })
    }

    /// Whether a table is joined with, and no ranking's rows are its own.
    pub fn is_only_joined(&self, table: usize) -> bool {
        let reads = |r: &Ranking| {
            let mut pairs = r.paired.iter();
            r.inputs.iter().any(|i| i.table == table) || pairs.any(|p| p.table == table)
        };
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

    /// Whether rows of some table change that is read.
    pub fn changes(&self) -> bool {
        self.read().any(|(_, table)| table.changes())
    }

    /// The tables that are read, with their numbers: all but the rows of rankings.
    pub fn read(&self) -> impl Iterator<Item = (usize, &Table)> {
        let all = self.tables.iter().enumerate();
        all.filter(|(_, table)| table.of_ranking.is_none())
    }

    /// The plan with what is hidden among the rankings, behind the others, as the engine runs it.
    pub fn whole(self: &Arc<Self>) -> Arc<Self> {
        if self.hidden.is_empty() {
            return Arc::clone(self);
        }
        let mut whole = Plan::clone(self);
        whole.rankings.append(&mut whole.hidden);
        Arc::new(whole)
    }

    /// The ranking of this name, hidden or not.
    pub fn ranking(&self, name: &str) -> Option<&Ranking> {
        let mut all = self.rankings.iter().chain(&self.hidden);
        all.find(|r| r.name == name)
    }

    /// Who is told of what is not counted in a ranking: itself, or of one that nobody sees the first that reads it.
    pub fn told_as(&self, number: usize) -> usize {
        let mut number = number;
        while self.rankings[number].is_hidden {
            let reads = |r: &Ranking| {
                let mut below = r.inputs.iter().filter_map(|input| self.below(input));
                below.any(|inner| inner.name == self.rankings[number].name)
            };
            let Some(reader) = self.rankings.iter().position(reads) else {
                break;
            };
            number = reader;
        }
        number
    }

    /// Whether a ranking is made of the rows of others.
    pub fn is_nested(&self, ranking: &Ranking) -> bool {
        let mut inputs = ranking.inputs.iter();
        inputs.any(|input| self.tables[input.table].of_ranking.is_some())
    }

    /// The ranking whose rows a ranking is made of, by its input; none of what is made of tables.
    pub fn below(&self, input: &Input) -> Option<&Ranking> {
        let of = self.tables[input.table].of_ranking.as_ref()?;
        self.ranking(&of.ranking)
    }

    /// The number of the table with this name.
    pub fn table(&self, name: &str) -> Option<usize> {
        self.tables.iter().position(|t| t.name == name)
    }
}
