//! `CROSS JOIN UNNEST(array) AS u (a, b)`: the elements of an array, each beside all else of its row.
//!
//! Elements are a column of the table ([`Table::elements`]), NULL but where a ranking unnests; so what is made of them is an
//! expression like any other.
//!
//! [`Table::elements`]: standings_model::table::Table::elements

use sqlparser::ast::{
    Expr as Sql, FunctionArg, FunctionArgExpr, Ident, Join, JoinConstraint, JoinOperator, Select,
    Spanned, TableFactor, TableWithJoins, Value as Literal,
};

use super::Shape;
use crate::error::QueryError;
use crate::flow::{Columns, Flow, Stage};
use crate::row::as_it_is;
use crate::scope::Names;
use standings_model::expr::{Expr, Node};
use standings_model::table::Table;
use standings_model::types::{Type, Width};

const WRITTEN: &str = "FROM t CROSS JOIN UNNEST(array) AS u (column, …)";

/// An UNNEST.
struct Unnest<'a> {
    factor: &'a TableFactor,
    array: &'a Sql,
    /// Its name, and those of its columns.
    name: Option<&'a Ident>,
    columns: Vec<&'a Ident>,
    ordinality: bool,
}

/// Whether something to read from is an UNNEST, which the parser takes for a function that gives rows.
fn is_unnest(factor: &TableFactor) -> bool {
    match factor {
        TableFactor::UNNEST { .. } => true,
        TableFactor::Table {
            name,
            args: Some(_),
            ..
        } => name.to_string().eq_ignore_ascii_case("UNNEST"),
        _ => false,
    }
}

/// Whether a condition is TRUE, written so.
fn is_true(sql: &Sql) -> bool {
    match sql {
        Sql::Value(v) => v.value == Literal::Boolean(true),
        Sql::Nested(inner) => is_true(inner),
        _ => false,
    }
}

/// Whether a join takes every row with every element.
fn is_cross(join: &Join) -> bool {
    match &join.join_operator {
        JoinOperator::CrossJoin(JoinConstraint::None) => true,
        JoinOperator::Join(JoinConstraint::On(on))
        | JoinOperator::Inner(JoinConstraint::On(on)) => is_true(on),
        _ => false,
    }
}

impl Shape<'_> {
    /// What is read where UNNEST stands in a FROM; `None` where it does not.
    pub(super) fn unnested(
        &self,
        select: &Select,
        one: &TableWithJoins,
        rest: &[TableWithJoins],
    ) -> Result<Option<Flow>, QueryError> {
        let joins = one.joins.iter().chain(rest.iter().flat_map(|r| &r.joins));
        let joined: Vec<&Join> = joins.collect();
        let others = joined.iter().map(|join| &join.relation);
        let others = others.chain(rest.iter().map(|r| &r.relation));
        let others: Vec<&TableFactor> = others.collect();
        if is_unnest(&one.relation) {
            return self.wrong(
                &one.relation,
                "UNNEST of nothing that stands before it",
                WRITTEN,
            );
        }
        if !others.iter().any(|f| is_unnest(f)) {
            return Ok(None);
        }
        if let Some(other) = others.iter().find(|f| !is_unnest(f)) {
            let found = "UNNEST beside a join, which is not computed yet";
            return self.wrong(*other, found, WRITTEN);
        }
        if let Some(join) = joined.iter().find(|join| !is_cross(join)) {
            let found = format!("`{join}`");
            let allowed = "CROSS JOIN UNNEST(…): a row without elements gives no row; LEFT JOIN, which keeps it, is not computed yet";
            return self.wrong_at(join.relation.span(), found, allowed);
        }
        let [factor] = others[..] else {
            let found = "several UNNEST in one FROM, which are not computed yet";
            return self.wrong(others[1], found, WRITTEN);
        };
        let flow = self.factor(&one.relation)?;
        let unnest = self.unnest(factor)?;
        let flow = self.with_elements(select, flow, &unnest)?;
        Ok(Some(flow))
    }

    fn unnest<'q>(&self, factor: &'q TableFactor) -> Result<Unnest<'q>, QueryError> {
        let (alias, arrays, ordinality) = match factor {
            TableFactor::UNNEST {
                with_offset: true, ..
            } => {
                let allowed =
                    "UNNEST(array) WITH ORDINALITY AS u (element, number), which counts from 1";
                return self.wrong(factor, "WITH OFFSET", allowed);
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_ordinality,
                ..
            } => (alias, array_exprs.iter().collect(), *with_ordinality),
            TableFactor::Table {
                alias,
                args: Some(args),
                with_ordinality,
                ..
            } => {
                let arrays = args.args.iter().map(|argument| match argument {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(array)) => Ok(array),
                    _ => self.wrong(factor, format!("`{argument}` in UNNEST"), WRITTEN),
                });
                (
                    alias,
                    arrays.collect::<Result<Vec<_>, _>>()?,
                    *with_ordinality,
                )
            }
            _ => return self.wrong(factor, format!("`{factor}`"), WRITTEN),
        };
        let [array] = arrays[..] else {
            return self.wrong(factor, "UNNEST of several arrays", WRITTEN);
        };
        let columns = alias.iter().flat_map(|a| &a.columns);
        Ok(Unnest {
            factor,
            array,
            name: alias.as_ref().map(|a| &a.name),
            columns: columns.map(|c| &c.name).collect(),
            ordinality,
        })
    }

    /// The same rows, each as often as its array has elements, with these.
    fn with_elements(
        &self,
        select: &Select,
        mut flow: Flow,
        unnest: &Unnest<'_>,
    ) -> Result<Flow, QueryError> {
        let Stage::Rows(rows) = &mut flow.stage else {
            let found = "UNNEST of groups, which is not computed yet";
            return self.wrong(unnest.factor, found, WRITTEN);
        };
        let mut known = Vec::new();
        for branch in &mut rows.branches {
            let table = &self.sources.tables[branch.table];
            if branch.unnest.is_some() {
                let found = "UNNEST of what is unnested already, which is not computed yet";
                return self.wrong(unnest.factor, found, WRITTEN);
            }
            let names = Names {
                table,
                qualifiers: flow.qualifiers.iter().map(String::as_str).collect(),
                columns: &branch.columns,
                joined: self.sources.joined(&branch.joins),
                parts: &branch.parts,
                notes: self.sources.notes,
            };
            let array = as_it_is(self.text, &names, unnest.array)?;
            let (number, element, ordinal) = self.elements(table, unnest, &array)?;
            let columns = self.element_columns(table, unnest, element, ordinal)?;
            let names = |columns: &Columns| columns.iter().map(|(n, _)| n.clone()).collect();
            known = vec![names(&branch.columns), names(&columns)];
            branch.columns.extend(columns);
            branch.unnest = Some(number);
        }
        self.ambiguous(select, &known)?;
        flow.qualifiers.extend(unnest.name.map(|n| n.value.clone()));
        flow.at.clear();
        Ok(flow)
    }

    /// The numbers of an array column, of its elements and of their numbers.
    fn elements(
        &self,
        table: &Table,
        unnest: &Unnest<'_>,
        array: &Expr,
    ) -> Result<(usize, usize, usize), QueryError> {
        let sql = unnest.array;
        if !matches!(array.kind, Type::Array(_)) {
            let found = format!("UNNEST of `{sql}`, a {}", array.kind);
            return self.wrong(sql, found, "UNNEST of an ARRAY");
        }
        let column = match array.node {
            Node::Column(column) => table.elements(column).map(|(e, o)| (column, e, o)),
            _ => None,
        };
        match column {
            Some(found) => Ok(found),
            None => {
                let found = format!("UNNEST of `{sql}`, which is no column of `{}`", table.name);
                let allowed =
                    "a computed column of the table: its name AS the expression, in CREATE TABLE";
                self.wrong(sql, found, allowed)
            }
        }
    }

    /// What an element gives: the fields of a row, or itself; and its number where it is asked for.
    fn element_columns(
        &self,
        table: &Table,
        unnest: &Unnest<'_>,
        element: usize,
        ordinal: usize,
    ) -> Result<Columns, QueryError> {
        let kind = &table.columns[element].kind;
        let whole = Expr::column(element, kind.clone(), true);
        let mut all: Columns = match kind {
            Type::Row(fields) => {
                let field = |(number, field): (usize, &standings_model::types::RowField)| {
                    let expr = Expr {
                        node: Node::Field {
                            of: Box::new(whole.clone()),
                            field: number,
                        },
                        kind: field.kind.clone(),
                        nullable: true,
                    };
                    (field.name.clone(), expr)
                };
                fields.iter().enumerate().map(field).collect()
            }
            _ => {
                let name = unnest.name.map_or("element", |name| &name.value);
                vec![(name.to_owned(), whole)]
            }
        };
        if unnest.ordinality {
            let number = Expr::column(ordinal, Type::Integer(Width::Int), false);
            all.push(("ordinality".to_owned(), number));
        }
        let (given, have) = (unnest.columns.len(), all.len());
        if given > 0 && given != have {
            let names: Vec<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
            let found = format!(
                "{given} names for the {have} columns that the elements of `{}` give",
                unnest.array
            );
            let allowed = format!("a name for each of {}, or none", names.join(", "));
            return self.wrong(unnest.factor, found, allowed);
        }
        for ((name, _), given) in all.iter_mut().zip(&unnest.columns) {
            name.clone_from(&given.value);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
