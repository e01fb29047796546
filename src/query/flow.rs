//! A relation on its way to the one form that runs: what a SELECT reads, and what it comes to.
//!
//! ```text
//! Rows   branches (UNION ALL) of tables: filter, project ── window
//!   │ GROUP BY, or each row a group of its own
//!   ▼
//! Groups keys, measures ── HAVING ── rank, its limits ── WHERE beside the rank
//! ```
//!
//! A filter or a projection above moves down into the stage it is over; what has no place there is refused where it stands.
//! Columns of rows are expressions over a table's columns, those of groups over fields. Both are numbers of columns
//! ([`MEASURES`], [`BOUNDS`], [`RANK`]), so that one binder does for both.

use sqlparser::ast::Expr as Sql;
use sqlparser::tokenizer::Span;

use standings_model::expr::{Expr, Node};
use standings_model::plan::{Aggregate, Bound, Measure, RankFunction};
use standings_model::table::Table;
use standings_model::types::Type;
use standings_model::window::Window;

/// From here on a column of groups is a measure; before it is a key.
pub const MEASURES: usize = 1 << 28;
/// From here on a column is a bound of the window, of rows and of groups.
pub const BOUNDS: usize = 1 << 29;
/// The rank, by each function: as many columns as there are of them, in their order.
pub const RANK: usize = 1 << 30;

/// From here on a column of rows is one of a table that they are joined with: as many for each join.
pub const JOINED: usize = 1 << 24;
/// The most joins of one relation: the numbers of their columns lie before all others that mean something of their own.
pub const MOST_JOINS: usize = 14;

/// What names a row where nothing else does.
pub const ROW_ID: usize = RANK + 8;

/// A relation.
#[derive(Clone, Debug)]
pub struct Flow {
    /// What stands before its columns: `orders.city`.
    pub qualifiers: Vec<String>,
    /// Where the names of its columns stand, as far as they are in the same file.
    pub at: Vec<Span>,
    /// What it is.
    pub stage: Stage,
}

/// How far a relation is.
#[derive(Clone, Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "a few of them live while a query is read, most of them rows"
)]
pub enum Stage {
    /// Rows of tables.
    Rows(Rows),
    /// Groups of them.
    Groups(Box<Groups>),
}

/// Columns by name.
pub type Columns = Vec<(String, Expr)>;

/// Rows of one table: which, and what of them.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Number of the table.
    pub table: usize,
    /// Which rows.
    pub filter: Option<Expr>,
    /// Over the table's columns and [`BOUNDS`].
    pub columns: Columns,
    /// The array column whose elements are rows.
    pub unnest: Option<usize>,
    /// What they are joined with; columns of it are numbers from [`JOINED`] on.
    pub joins: Vec<BranchJoin>,
    /// What stands before the names of which columns, where they are of several tables: up to which each goes.
    pub parts: Vec<(String, usize)>,
}

/// A table that rows are joined with.
#[derive(Clone, Debug)]
pub struct BranchJoin {
    /// Number of the table.
    pub table: usize,
    /// What it is called.
    pub name: String,
    /// For each column of its primary key what is equal to it: over the columns of the branch, and of earlier joins.
    pub key: Vec<Expr>,
    /// As it was at the row's event time.
    pub as_of: bool,
    /// Rows without a partner stay.
    pub left: bool,
    /// It is a join of two tables of events, by how far their times are apart.
    pub pair: Option<BranchPair>,
}

/// How rows of two tables of events are pairs.
#[derive(Clone, Debug)]
pub struct BranchPair {
    /// For each part of the key the column there.
    pub columns: Vec<usize>,
    /// How much later than the own row the other is, at least and at most, microseconds.
    pub within: (i64, i64),
}

/// Whether a column of rows is their event time. That of pairs is the later of two: either column that it may be is taken for it.
pub fn is_event_time(tables: &[Table], table: usize, joins: &[BranchJoin], column: usize) -> bool {
    let own = tables[table].event_time;
    let pair = joins
        .first()
        .and_then(|join| Some((join, join.pair.as_ref()?)));
    let Some((join, pair)) = pair else {
        return Some(column) == own;
    };
    let (from, to) = pair.within;
    match as_joined(column) {
        None => Some(column) == own && (from < 0 || to == 0),
        Some((_, there)) => Some(there) == tables[join.table].event_time && (to > 0 || from == 0),
    }
}

/// The join and the column there that a column of rows is, if it is one of a join.
pub fn as_joined(column: usize) -> Option<(usize, usize)> {
    let is = (JOINED..MEASURES).contains(&column);
    is.then(|| (column / JOINED - 1, column % JOINED))
}

/// Whether an expression reads what rows are joined with.
pub fn is_behind(expr: &Expr) -> bool {
    expr.columns().into_iter().any(|c| as_joined(c).is_some())
}

/// Rows, in windows or not.
#[derive(Clone, Debug)]
pub struct Rows {
    /// At least one; all have columns of the same names and types.
    pub branches: Vec<Branch>,
    /// Their window.
    pub window: Option<Window>,
    /// It is the one that they are in as rows of a ranking.
    pub keeps_windows: bool,
    /// What sessions are by, as it is written and of each branch.
    pub session_by: Vec<(sqlparser::ast::Expr, Vec<Expr>)>,
    /// Of which windows: a condition over [`BOUNDS`] alone.
    pub of_windows: Option<Expr>,
    /// Which rows of sessions count, by branch: the others are of their sessions all the same.
    pub of_sessions: Option<Vec<Expr>>,
}

/// A column of the row that groups are made of: what it is called, and what each branch gives.
#[derive(Clone, Debug)]
pub struct Draft {
    /// As it is written.
    pub name: String,
    /// By branch.
    pub exprs: Vec<Expr>,
}

/// A group key.
#[derive(Clone, Debug)]
pub struct DraftKey {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The row's column.
    pub column: usize,
}

/// A measure, and whether it is only there for others.
#[derive(Clone, Debug)]
pub struct DraftMeasure {
    /// With columns of the row.
    pub measure: Measure,
    /// Nobody has named it: it is left out where nothing needs it.
    pub is_implicit: bool,
}

impl Groups {
    /// None.
    pub fn none() -> Self {
        Groups {
            rows: Rows {
                branches: Vec::new(),
                window: None,
                keeps_windows: false,
                session_by: Vec::new(),
                of_windows: None,
                of_sessions: None,
            },
            row: Vec::new(),
            keys: Vec::new(),
            placed: Vec::new(),
            session_by: Vec::new(),
            is_rows: false,
            measures: Vec::new(),
            having: None,
            rank: None,
            shown_if: None,
            columns: Vec::new(),
        }
    }
}

impl DraftMeasure {
    /// The row's column that it is, of a row that is a group of its own.
    pub fn of_row(&self) -> Option<usize> {
        match self.measure.aggregate {
            Aggregate::LastValue(column) if self.measure.filter.is_none() => Some(column),
            _ => None,
        }
    }
}

/// The rank.
#[derive(Clone, Debug)]
pub struct Rank {
    /// Which; of `ORDER BY … LIMIT` the number of the row. Of several the one that a condition limits, else the first.
    pub function: RankFunction,
    /// A condition limits it.
    pub is_limited: bool,
    /// Keys.
    pub partition: Vec<usize>,
    /// What is ordered by: an expression over fields, its text, `DESC`, `NULLS FIRST`.
    pub order: Vec<(Expr, String, bool, bool)>,
    /// Least rank.
    pub from: u64,
    /// Greatest rank.
    pub limit: u64,
}

/// Groups.
#[derive(Clone, Debug)]
pub struct Groups {
    /// What they are of; their columns are not needed any more.
    pub rows: Rows,
    /// The row's columns.
    pub row: Vec<Draft>,
    /// Keys.
    pub keys: Vec<DraftKey>,
    /// Columns of the row that are partitioned by and are no keys.
    pub placed: Vec<usize>,
    /// What sessions are by: columns of the row.
    pub session_by: Vec<usize>,
    /// Each row is a group of its own.
    pub is_rows: bool,
    /// Measures.
    pub measures: Vec<DraftMeasure>,
    /// Which groups.
    pub having: Option<Expr>,
    /// The rank.
    pub rank: Option<Rank>,
    /// Which ranked rows are shown.
    pub shown_if: Option<Expr>,
    /// What is visible, over fields.
    pub columns: Columns,
}

impl Flow {
    /// Rows of tables.
    pub fn of_rows(branches: Vec<Branch>) -> Self {
        Flow {
            qualifiers: Vec::new(),
            at: Vec::new(),
            stage: Stage::Rows(Rows {
                branches,
                window: None,
                keeps_windows: false,
                session_by: Vec::new(),
                of_windows: None,
                of_sessions: None,
            }),
        }
    }

    /// Its rows, whatever they have become.
    pub fn rows(&self) -> &Rows {
        match &self.stage {
            Stage::Rows(rows) => rows,
            Stage::Groups(groups) => &groups.rows,
        }
    }

    /// The first of its tables.
    pub fn table(&self) -> usize {
        self.rows().branches.first().map_or(0, |b| b.table)
    }

    /// What is visible of it: the names, and the types of the first branch.
    pub fn columns(&self) -> &Columns {
        match &self.stage {
            Stage::Rows(rows) => &rows.branches[0].columns,
            Stage::Groups(groups) => &groups.columns,
        }
    }

    /// Other names for its columns.
    pub fn rename(&mut self, names: &[String]) {
        let rename = |columns: &mut Columns| {
            for (column, name) in columns.iter_mut().zip(names) {
                column.0.clone_from(name);
            }
        };
        match &mut self.stage {
            Stage::Rows(rows) => rows
                .branches
                .iter_mut()
                .for_each(|b| rename(&mut b.columns)),
            Stage::Groups(groups) => rename(&mut groups.columns),
        }
    }
}

/// A bound as a column; `time` is the type of `window_time`.
pub fn bound(bound: Bound, time: &Type) -> Expr {
    let kind = match bound {
        Bound::Time => time.clone(),
        _ => Type::Instant(3),
    };
    Expr::column(BOUNDS + bound as usize, kind, false)
}

/// The bound that an expression is.
pub fn as_bound(expr: &Expr) -> Option<Bound> {
    match expr.node {
        Node::Column(n) if n >= BOUNDS => Bound::ALL.get(n - BOUNDS).copied(),
        _ => None,
    }
}

/// The rank by a function as a column.
pub fn rank(function: RankFunction) -> Expr {
    Expr::column(RANK + function as usize, Type::BIGINT, false)
}

/// What names a row, as a column.
pub fn row_id() -> Expr {
    Expr::column(ROW_ID, Type::STRING, false)
}

/// Whether an expression is what names a row.
pub fn is_row_id(expr: &Expr) -> bool {
    matches!(expr.node, Node::Column(ROW_ID))
}

/// The function whose rank an expression is, if it is one.
pub fn as_rank(expr: &Expr) -> Option<RankFunction> {
    match expr.node {
        Node::Column(n) => RankFunction::ALL.get(n.checked_sub(RANK)?).copied(),
        _ => None,
    }
}

/// Whether an expression reads the rank.
pub fn reads_rank(expr: &Expr) -> bool {
    let is_rank = |column: &usize| (RANK..ROW_ID).contains(column);
    expr.columns().iter().any(is_rank)
}

/// Which columns an expression reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// None.
    Nothing,
    /// Of the window alone.
    Bounds,
    /// Of rows or fields alone.
    Columns,
    /// Of both.
    Both,
}

/// Which columns an expression reads.
pub fn reads(expr: &Expr) -> Reads {
    let columns = expr.columns();
    let bounds = columns
        .iter()
        .filter(|c| (BOUNDS..RANK).contains(c))
        .count();
    match (bounds, columns.len() - bounds) {
        (0, 0) => Reads::Nothing,
        (_, 0) => Reads::Bounds,
        (0, _) => Reads::Columns,
        _ => Reads::Both,
    }
}

/// Without parentheses around it.
pub fn bare(sql: &Sql) -> &Sql {
    let mut sql = sql;
    while let Sql::Nested(inner) = sql {
        sql = inner;
    }
    sql
}
