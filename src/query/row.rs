//! The row that groups are made of: expressions over the columns of the tables that it comes from.
//!
//! ```text
//! branch 0: expressions over table A  ─┐
//! branch 1: expressions over table B  ─┴─► one row: columns of one type, by position
//! ```

use sqlparser::ast::{Expr as Sql, Spanned};

use super::error::{QueryError, Text};
use super::expression;
use super::flow::{Branch, Draft, Reads, reads};
use super::scope::Names;
use super::window::Sources;
use standings_model::expr::{Expr, Node};
use standings_model::types::Type;

/// A row in the making.
pub struct Row<'a> {
    sources: Sources<'a>,
    /// What may stand before a column's name.
    qualifiers: Vec<String>,
    /// What it is made of.
    branches: Vec<Branch>,
    columns: Vec<Draft>,
}

/// The most parts of an expression, and how deep they may lie, after what it reads is put into it.
const LARGEST: (usize, usize) = (10_000, 300);

impl<'a> Row<'a> {
    /// A row of some branches, still without a column.
    pub fn new(sources: Sources<'a>, qualifiers: &[String], branches: Vec<Branch>) -> Self {
        Row {
            sources,
            qualifiers: qualifiers.to_vec(),
            branches,
            columns: Vec::new(),
        }
    }

    /// The number of the table that the first branch is of.
    pub fn table(&self) -> usize {
        self.branches[0].table
    }

    /// Its branches and its columns.
    pub fn into_parts(self) -> (Vec<Branch>, Vec<Draft>) {
        (self.branches, self.columns)
    }

    /// The name of a table that it is made of and whose rows change, if one does.
    pub fn changing(&self) -> Option<&str> {
        let mut tables = self.branches.iter().map(|b| &self.sources.tables[b.table]);
        tables.find(|table| table.changes()).map(|t| &*t.name)
    }

    /// What each branch has as a column of what it is made of.
    pub fn given(&self, position: usize) -> Vec<Expr> {
        let branches = self.branches.iter();
        branches.map(|b| b.columns[position].1.clone()).collect()
    }

    /// The type of a column of the row.
    pub fn kind(&self, column: usize) -> &Type {
        &self.columns[column].exprs[0].kind
    }

    /// The name of a column of the row, for messages.
    pub fn name(&self, column: usize) -> &str {
        &self.columns[column].name
    }

    /// What a column is in the first branch.
    pub fn expr(&self, column: usize) -> &Expr {
        &self.columns[column].exprs[0]
    }

    /// Whether a column may be NULL.
    pub fn nullable(&self, column: usize) -> bool {
        self.columns[column].exprs.iter().any(|e| e.nullable)
    }

    /// Whether it is made of something with a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.names(0).position(name).is_some()
    }

    /// What names mean in a branch.
    pub fn names(&self, branch: usize) -> Names<'_> {
        let of = &self.branches[branch];
        Names {
            table: &self.sources.tables[of.table],
            qualifiers: self.qualifiers.iter().map(String::as_str).collect(),
            columns: &of.columns,
            joined: self.sources.joined(&of.joins),
            parts: &of.parts,
            notes: self.sources.notes,
        }
    }

    /// An expression in each branch.
    fn bound(
        &self,
        text: Text<'_>,
        sql: &Sql,
        bind: impl Fn(Text<'_>, &Names<'_>, &Sql) -> Result<Expr, QueryError>,
    ) -> Result<Vec<Expr>, QueryError> {
        let all = (0..self.branches.len()).map(|b| {
            let expr = bind(text, &self.names(b), sql)?;
            bounded(text, sql, &expr)?;
            Ok(expr)
        });
        all.collect()
    }

    /// What an expression comes to in each branch: of one type.
    pub fn each(&self, text: Text<'_>, sql: &Sql) -> Result<Vec<Expr>, QueryError> {
        self.bound(text, sql, as_it_is)
    }

    /// A condition in each branch.
    pub fn conditions(&self, text: Text<'_>, sql: &Sql) -> Result<Vec<Expr>, QueryError> {
        self.bound(text, sql, |text, names, sql| {
            expression::bind_condition(text, names, sql)
        })
    }

    /// The row's column for an expression.
    pub fn expression(&mut self, text: Text<'_>, sql: &Sql) -> Result<usize, QueryError> {
        let exprs = self.bound(text, sql, |text, names, sql| {
            expression::bind(text, names, sql)
        })?;
        if exprs[0].kind == Type::Null {
            let found = format!("`{sql}`, which has no type");
            return Err(text.error(sql.span(), found, "CAST(NULL AS STRING)"));
        }
        self.column(text, exprs, sql)
    }

    /// The row's column for what each branch gives.
    pub fn column(
        &mut self,
        text: Text<'_>,
        exprs: Vec<Expr>,
        sql: &Sql,
    ) -> Result<usize, QueryError> {
        if matches!(reads(&exprs[0]), Reads::Bounds | Reads::Both) {
            let found = format!("`{sql}`: bounds of the window in what is computed of a row");
            let allowed = "a row can be in several windows: bounds stand in GROUP BY, in PARTITION BY and in what is \
                           computed of a group";
            return Err(text.error(sql.span(), found, allowed));
        }
        Ok(self.add(&sql.to_string(), exprs))
    }

    /// The row's column for what each branch gives, by a name for messages.
    pub fn add(&mut self, name: &str, exprs: Vec<Expr>) -> usize {
        let known = self.columns.iter().position(|c| c.exprs == exprs);
        known.unwrap_or_else(|| {
            let name = match (&exprs[0].node, self.branches.first()) {
                // By its name in the table, which a view may have changed.
                (Node::Column(n), Some(of)) => {
                    let columns = &self.sources.tables[of.table].columns;
                    columns.get(*n).map_or(name, |c| &c.name).to_owned()
                }
                _ => name.to_owned(),
            };
            self.columns.push(Draft { name, exprs });
            self.columns.len() - 1
        })
    }

    /// The row's column for two conditions of it together.
    pub fn both(&mut self, one: usize, other: usize) -> usize {
        let all = self.columns[one]
            .exprs
            .iter()
            .zip(&self.columns[other].exprs);
        let exprs = all.map(|(one, other)| both(Some(one.clone()), other.clone()));
        let exprs = exprs.collect();
        self.add("WHERE", exprs)
    }

    /// The row's column for a condition.
    pub fn condition(&mut self, text: Text<'_>, sql: &Sql) -> Result<usize, QueryError> {
        let exprs = self.conditions(text, sql)?;
        self.column(text, exprs, sql)
    }
}

/// An expression; a column that is passed on as it is may be a ROW.
pub fn as_it_is(text: Text<'_>, names: &Names<'_>, sql: &Sql) -> Result<Expr, QueryError> {
    let alone = match sql {
        Sql::Identifier(ident) => names.place(None, &ident.value),
        Sql::CompoundIdentifier(parts) => match &parts[..] {
            [of, name] if names.qualifiers.contains(&of.value.as_str()) => {
                names.place(Some(&of.value), &name.value)
            }
            _ => None,
        },
        _ => None,
    };
    match alone {
        Some(position) if names.columns[position].1.kind.is_nested() => {
            Ok(names.columns[position].1.clone())
        }
        _ => expression::bind(text, names, sql),
    }
}

/// Refuses an expression that has grown beyond what is evaluated.
pub fn bounded(text: Text<'_>, sql: &Sql, expr: &Expr) -> Result<(), QueryError> {
    let (parts, depth) = expr.size();
    if parts <= LARGEST.0 && depth <= LARGEST.1 {
        return Ok(());
    }
    let found = "an expression that grows too large when what it reads is put into it".to_owned();
    let allowed = format!(
        "at most {} parts, nested at most {} deep: name a part of it once, as a computed column of the table",
        LARGEST.0, LARGEST.1
    );
    Err(text.error(sql.span(), found, allowed))
}

/// Two conditions as one.
pub fn both(left: Option<Expr>, right: Expr) -> Expr {
    let Some(left) = left else {
        return right;
    };
    let mut all = Vec::new();
    for part in [left, right] {
        match part.node {
            Node::And(parts) => all.extend(parts),
            _ => all.push(part),
        }
    }
    Expr {
        nullable: all.iter().any(|e| e.nullable),
        node: Node::And(all),
        kind: Type::Boolean,
    }
}
