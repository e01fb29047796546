//! The row that a ranking is made of: what it computes of its table's rows becomes columns of the table.

use std::cell::RefCell;

use sqlparser::ast::{Expr as Sql, Spanned};

use super::error::{QueryError, Text};
use super::expression;
use super::fingerprint;
use super::scope::{Names, Relation};
use super::window::Sources;
use standings_model::expr::{Expr, Node};
use standings_model::plan::{Input, RowColumn};
use standings_model::table::{Metadata, Origin, Table};
use standings_model::types::Type;

/// A row in the making.
pub struct Row<'a> {
    /// What it is made of.
    relation: &'a Relation,
    /// The table, with what is computed of its rows.
    table: Table,
    /// The table's column of each of the row's.
    columns: Vec<usize>,
    /// What passes.
    filter: Option<Expr>,
    /// What was taken for what it nearly says.
    notes: &'a RefCell<Vec<String>>,
}

impl<'a> Row<'a> {
    /// A row of a relation, still without a column.
    pub fn new(sources: Sources<'a>, relation: &'a Relation) -> Self {
        Row {
            relation,
            table: sources.tables[relation.table].clone(),
            notes: sources.notes,
            columns: Vec::new(),
            filter: relation.filter.clone(),
        }
    }

    /// The type of a column of the row.
    pub fn kind(&self, column: usize) -> &Type {
        &self.table.columns[self.columns[column]].kind
    }

    /// The name of a column of the row, for messages.
    pub fn name(&self, column: usize) -> &str {
        &self.table.columns[self.columns[column]].name
    }

    /// Whether the relation has a column of this name.
    pub fn has(&self, name: &str) -> bool {
        self.names().position(name).is_some()
    }

    fn names(&self) -> Names<'_> {
        Names {
            table: &self.table,
            qualifiers: vec![&self.relation.name],
            columns: &self.relation.columns,
            notes: self.notes,
        }
    }

    /// The row's column for an expression.
    pub fn expression(&mut self, text: Text<'_>, sql: &Sql) -> Result<usize, QueryError> {
        let expr = expression::bind(text, &self.names(), sql)?;
        if expr.kind == Type::Null {
            let found = format!("`{sql}`, which has no type");
            return Err(text.error(sql.span(), found, "CAST(NULL AS STRING)"));
        }
        Ok(self.column(expr, sql))
    }

    fn column(&mut self, expr: Expr, sql: &Sql) -> usize {
        let at = self.in_table(expr, sql);
        let known = self.columns.iter().position(|c| *c == at);
        known.unwrap_or_else(|| {
            self.columns.push(at);
            self.columns.len() - 1
        })
    }

    /// The row's column for a condition.
    pub fn condition(&mut self, text: Text<'_>, sql: &Sql) -> Result<usize, QueryError> {
        let expr = expression::bind_condition(text, &self.names(), sql)?;
        Ok(self.column(expr, sql))
    }

    /// `WHERE`: what passes, beside what the relation lets pass.
    pub fn filter(&mut self, text: Text<'_>, sql: &Sql) -> Result<(), QueryError> {
        let expr = expression::bind_condition(text, &self.names(), sql)?;
        self.filter = Some(both(self.filter.take(), expr));
        Ok(())
    }

    fn in_table(&mut self, expr: Expr, sql: &Sql) -> usize {
        match expr.node {
            Node::Column(number) => number,
            _ => self.table.derive(&sql.to_string(), expr),
        }
    }

    /// What it comes to: the row's columns, how its table gives them, and the table with what is computed.
    pub fn finish(mut self) -> (Vec<RowColumn>, Input, Table) {
        let filter_meaning = self.filter.as_ref();
        let filter_meaning = filter_meaning.map(|f| fingerprint::of_expression(&self.table, f));
        let filter = self.filter.take().map(|expr| match expr.node {
            Node::Column(number) => number,
            _ => self.table.derive("WHERE", expr),
        });
        let columns = self.columns.iter().map(|c| {
            let column = &self.table.columns[*c];
            RowColumn {
                kind: column.kind.clone(),
                nullable: column.nullable,
                meaning: fingerprint::of_column(&self.table, *c),
                is_row_id: column.origin == Origin::Metadata(Metadata::RowId),
            }
        });
        let columns = columns.collect();
        let input = Input {
            table: self.relation.table,
            filter,
            filter_meaning,
            columns: self.columns,
            unnest: None,
        };
        (columns, input, self.table)
    }
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
