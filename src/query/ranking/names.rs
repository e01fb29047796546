//! What names and whole expressions mean, by how far a relation is: over rows that become groups, over groups, behind a SELECT.

use std::cell::RefCell;
use std::sync::LazyLock;

use sqlparser::ast::{Expr as Sql, Function, Ident};

use crate::aggregate;
use crate::error::{QueryError, Text};
use crate::expression::{Scope, Unknown};
use crate::flow::{self, Columns, DraftKey, DraftMeasure, MEASURES, Reads, as_bound, bare, reads};
use crate::row::Row;
use crate::scope::Names;
use crate::walk::holds;
use standings_model::expr::{Comparison, Expr, Node};
use standings_model::plan::{Aggregate, Measure, RankFunction};
use standings_model::table::Table;
use standings_model::types::Type;
use standings_model::value::Value;

/// Columns of groups are of no table.
static NONE: LazyLock<Table> = LazyLock::new(|| Table::new("", Vec::new()));

/// Whether an expression is a call with `OVER`.
pub(super) fn is_over(sql: &Sql) -> bool {
    matches!(sql, Sql::Function(f) if f.over.is_some())
}

/// Whether an expression is a call of a measure.
pub(super) fn is_measure(sql: &Sql) -> bool {
    !is_over(sql) && aggregate::is_measure(sql)
}

/// What an expression is where it is the rank.
fn ranked(sql: &Sql) -> Option<Result<Expr, QueryError>> {
    match sql {
        Sql::Function(f) if f.over.is_some() => {
            // What is no function that ranks is refused where its OVER is read.
            let function = rank_function(f).unwrap_or(RankFunction::RowNumber);
            Some(Ok(flow::rank(function)))
        }
        _ => None,
    }
}

/// The function that ranks, by its name.
pub(super) fn rank_function(call: &Function) -> Option<RankFunction> {
    let name = call.name.to_string();
    let mut all = RankFunction::ALL.into_iter();
    all.find(|function| name.eq_ignore_ascii_case(function.name()))
}

/// The visible columns of groups.
pub(super) struct Fields<'a> {
    names: Names<'a>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(
        qualifiers: &'a [String],
        columns: &'a Columns,
        notes: &'a RefCell<Vec<String>>,
    ) -> Self {
        Fields {
            names: Names {
                table: &NONE,
                qualifiers: qualifiers.iter().map(String::as_str).collect(),
                columns,
                joined: Vec::new(),
                parts: &[],
                notes,
            },
        }
    }
}

impl Scope for Fields<'_> {
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown> {
        self.names.resolve(name)
    }

    fn whole(&self, _: Text<'_>, sql: &Sql) -> Option<Result<Expr, QueryError>> {
        ranked(sql)
    }
}

/// What is selected already, before what it is selected from.
pub(super) struct Selected<'a> {
    pub(super) columns: &'a Columns,
    /// As they are written.
    pub(super) written: &'a [Option<&'a Sql>],
    pub(super) under: &'a dyn Scope,
}

impl Selected<'_> {
    /// The column that is written so.
    fn as_written(&self, sql: &Sql) -> Option<usize> {
        match sql {
            Sql::Identifier(_) | Sql::Value(_) | Sql::Nested(_) => None,
            _ => self.written.iter().position(|w| *w == Some(sql)),
        }
    }

    fn is_selected(&self, sql: &Sql) -> bool {
        match sql {
            Sql::Identifier(ident) => self.columns.iter().any(|(n, _)| *n == ident.value),
            other => self.as_written(other).is_some(),
        }
    }
}

impl Scope for Selected<'_> {
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown> {
        self.under.resolve(name)
    }

    fn nth(&self, number: usize) -> Option<Expr> {
        let column = self.columns.get(number.checked_sub(1)?);
        column.map(|(_, expr)| expr.clone())
    }

    fn whole(&self, text: Text<'_>, sql: &Sql) -> Option<Result<Expr, QueryError>> {
        let named = match sql {
            Sql::Identifier(ident) => self.columns.iter().position(|(n, _)| *n == ident.value),
            _ => None,
        };
        match named.or_else(|| self.as_written(sql)) {
            Some(column) => Some(Ok(self.columns[column].1.clone())),
            // A part of it may be selected.
            None if holds(sql, &|part| self.is_selected(part)) => None,
            None => self.under.whole(text, sql),
        }
    }
}

/// Rows on their way to groups, and what is measured of them.
pub(super) struct Grouping<'a> {
    pub(super) row: RefCell<Row<'a>>,
    pub(super) keys: Vec<DraftKey>,
    pub(super) measures: RefCell<Vec<DraftMeasure>>,
    /// What the keys are, as they are written.
    pub(super) written: Vec<Sql>,
    /// The row's column that says whether a row of a session counts.
    pub(super) passing: Option<usize>,
}

impl Grouping<'_> {
    /// The key that is a column of the row.
    fn key(&self, column: usize) -> Option<Expr> {
        let number = self.keys.iter().position(|k| k.column == column)?;
        let row = self.row.borrow();
        let kind = row.kind(column).clone();
        Some(Expr::column(number, kind, row.nullable(column)))
    }

    /// The key that is this in the first branch.
    fn key_of(&self, expr: &Expr) -> Option<Expr> {
        let row = self.row.borrow();
        let found = self.keys.iter().find(|k| row.expr(k.column) == expr);
        let column = found.map(|k| k.column);
        drop(row);
        column.and_then(|column| self.key(column))
    }

    /// A measure as a field: a new one if it has a name, else one that is there.
    fn field(&self, measure: Measure, is_implicit: bool) -> Expr {
        let row = self.row.borrow();
        let (kind, nullable) = measure.aggregate.kind(&|c| row.kind(c).clone());
        let mut all = self.measures.borrow_mut();
        let known = all.iter().position(|m| {
            m.measure.aggregate == measure.aggregate && m.measure.filter == measure.filter
        });
        let number = match known.filter(|_| is_implicit) {
            Some(known) => known,
            None => {
                all.push(DraftMeasure {
                    measure,
                    is_implicit,
                });
                all.len() - 1
            }
        };
        Expr::column(MEASURES + number, kind, nullable)
    }

    /// A call of a measure. One that has a name is always one of its own.
    pub(super) fn measure(
        &self,
        text: Text<'_>,
        sql: &Sql,
        name: Option<&str>,
    ) -> Result<Expr, QueryError> {
        let written = name.map_or_else(|| sql.to_string(), str::to_owned);
        let measure = {
            let mut row = self.row.borrow_mut();
            let mut measure = aggregate::parse(text, &mut row, &written, sql)?;
            if let Some(passing) = self.passing {
                let filter = measure.filter.map(|filter| row.both(passing, filter));
                measure.filter = Some(filter.unwrap_or(passing));
            }
            measure
        };
        Ok(self.field(measure, name.is_none()))
    }

    /// Whether a group is one: of sessions one of its rows counts.
    pub(super) fn counted(&self, is_rows: bool) -> Option<Expr> {
        let passing = self.passing?;
        if is_rows {
            return Some(self.last(passing));
        }
        let count = Measure {
            name: "COUNT(*)".to_owned(),
            aggregate: Aggregate::CountAll,
            filter: Some(passing),
        };
        let none = Expr::literal(Value::Integer(0), Type::BIGINT);
        Some(Expr {
            node: Node::Compare {
                left: Box::new(self.field(count, true)),
                op: Comparison::Gt,
                right: Box::new(none),
            },
            kind: Type::Boolean,
            nullable: false,
        })
    }

    /// A column of the row as it was last: of a row that is a group of its own.
    fn last(&self, column: usize) -> Expr {
        self.key(column).unwrap_or_else(|| {
            let name = self.row.borrow().name(column).to_owned();
            let measure = Measure {
                name,
                aggregate: Aggregate::LastValue(column),
                filter: None,
            };
            self.field(measure, true)
        })
    }

    /// What each branch gives, as a field of a row that is a group of its own.
    pub(super) fn given(&self, name: &str, exprs: Vec<Expr>) -> Expr {
        match reads(&exprs[0]) {
            Reads::Bounds => exprs[0].clone(),
            _ => {
                let column = self.row.borrow_mut().add(name, exprs);
                self.last(column)
            }
        }
    }
}

/// What stands beside GROUP BY.
pub(super) struct Grouped<'a, 'b>(pub(super) &'b Grouping<'a>);

impl Scope for Grouped<'_, '_> {
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown> {
        let expr = self.0.row.borrow().names(0).resolve(name)?;
        if as_bound(&expr).is_some() {
            return Ok(expr);
        }
        self.0.key_of(&expr).ok_or_else(|| {
            let written: Vec<&str> = name.iter().map(|i| i.value.as_str()).collect();
            let written = written.join(".");
            Unknown {
                found: format!("`{written}` is not in GROUP BY"),
                allowed: format!(
                    "what is not grouped by stands in a measure, such as LAST_VALUE({written})"
                ),
            }
        })
    }

    fn whole(&self, text: Text<'_>, sql: &Sql) -> Option<Result<Expr, QueryError>> {
        if is_over(sql) {
            return ranked(sql);
        }
        if is_measure(sql) {
            return Some(self.0.measure(text, sql, None));
        }
        let alike =
            |written: &Sql| std::mem::discriminant(bare(written)) == std::mem::discriminant(sql);
        let is_name = matches!(
            sql,
            Sql::Identifier(_) | Sql::CompoundIdentifier(_) | Sql::Nested(_)
        );
        if is_name || !self.0.written.iter().any(alike) {
            return None;
        }
        let expr = crate::expression::bind(text, &self.0.row.borrow().names(0), sql).ok()?;
        self.0.key_of(&expr).map(Ok)
    }
}

/// Rows of which each is a group of its own: whatever is computed of a row is a column of it.
pub(super) struct AsTheyAre<'a, 'b>(pub(super) &'b Grouping<'a>);

impl Scope for AsTheyAre<'_, '_> {
    fn resolve(&self, name: &[Ident]) -> Result<Expr, Unknown> {
        self.0.row.borrow().names(0).resolve(name)
    }

    fn whole(&self, text: Text<'_>, sql: &Sql) -> Option<Result<Expr, QueryError>> {
        if holds(sql, &is_over) {
            // What is computed of the rank is of no column of the row.
            return ranked(sql);
        }
        let exprs = self.0.row.borrow().each(text, sql);
        let exprs = match exprs {
            Ok(exprs) => exprs,
            Err(error) => return Some(Err(error)),
        };
        match reads(&exprs[0]) {
            Reads::Nothing => None,
            Reads::Bounds => Some(Ok(exprs[0].clone())),
            _ => {
                let column = self.0.row.borrow_mut().column(text, exprs, sql);
                Some(column.map(|column| self.0.last(column)))
            }
        }
    }
}
