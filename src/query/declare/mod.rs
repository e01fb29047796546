//! `CREATE TABLE` as a table of the plan.
//!
//! ```text
//! Declaration ──► options ──► columns of the record ──► leaves of rows ──► computed columns ──► keys, event time
//! ```
//!
//! Columns have their numbers before the first expression is bound: the declared ones in their order, then leaves.

mod changes;
mod columns;
mod event_time;
mod mask;
mod metadata;
mod protobuf;

use std::cell::RefCell;

use sqlparser::ast::{Ident, Spanned};

use super::error::{QueryError, Text};
use super::expression;
use super::options::{self, Settings};
use super::scope::{Names, Relation};
use super::statement::{Body, Declaration};
use standings_model::table::{Connector, Origin, Table};

/// What was taken for what it nearly says.
type Notes = RefCell<Vec<String>>;

/// The table that a declaration means; what is wrong with it is added to the errors.
pub fn table(
    text: Text<'_>,
    declared: &Declaration,
    notes: &Notes,
    errors: &mut Vec<QueryError>,
) -> Option<Table> {
    let before = errors.len();
    let settings = options::read(text, declared, errors);
    match build(text, declared, settings, notes) {
        Ok(table) => {
            protobuf::check(text, declared, &table, errors);
            (errors.len() == before).then_some(table)
        }
        Err(error) => {
            errors.push(error);
            None
        }
    }
}

fn build(
    text: Text<'_>,
    declared: &Declaration,
    settings: Settings,
    notes: &Notes,
) -> Result<Table, QueryError> {
    let name = &declared.name;
    if name.value.is_empty() || name.value.contains(['=', '"', '\0', '/']) {
        let allowed = "a name without = \" and /: it stands in --source NAME=URL";
        return Err(text.error(name.span, format!("the table `{}`", name.value), allowed));
    }
    let mut table = Table::new(&name.value, columns::of_record(text, declared, &settings)?);
    table.is_declared = true;
    table.is_named = name.value != "sales";
    table.connector = settings.connector.clone();
    table.changelog = settings.changelog;
    table.format = settings.format.clone();
    table.key_format = settings.key.as_ref().map(|k| k.format.clone());
    table.delete_field = settings.delete_field.clone();
    table.delete_value = settings.delete_value.clone();
    table.bootstrap_unordered = settings.bootstrap_unordered;
    table.dedup_within = settings.dedup_within;
    table.database_include = settings.database_include.clone();
    table.table_include = settings.table_include.clone();
    table.noun = settings.noun.clone();
    table.unit = settings.unit.clone();
    table.comment = declared.comment.clone();
    columns::add_leaves(text, declared, &settings, &mut table)?;
    computed(text, declared, notes, &mut table)?;
    table.add_elements();
    for part in &declared.partitioned_by {
        partition(text, part, &mut table)?;
    }
    for key in &declared.primary_key {
        primary_key(text, key, &mut table)?;
    }
    event_time::find(text, declared, &mut table)?;
    changes::check(text, declared, &table)?;
    table.masking = mask::masking(text, declared, &settings, &table)?;
    Ok(table)
}

/// Binds computed columns in their order: each may read what is of the record, and those before it.
fn computed(
    text: Text<'_>,
    declared: &Declaration,
    notes: &Notes,
    table: &mut Table,
) -> Result<(), QueryError> {
    for (number, column) in declared.columns.iter().enumerate() {
        let Body::Computed(sql) = &column.body else {
            continue;
        };
        let whole = Relation::of_table(0, table);
        let mut known = whole.columns;
        let is_open = |n: usize| {
            let of = declared.columns.get(n);
            n >= number && of.is_some_and(|c| matches!(c.body, Body::Computed(_)))
        };
        let mut n = 0;
        known.retain(|_| {
            n += 1;
            !is_open(n - 1)
        });
        let names = Names {
            table,
            qualifiers: vec![&table.name],
            columns: &known,
            joined: Vec::new(),
            parts: &[],
            notes,
        };
        let expr = expression::bind(text, &names, sql)?;
        if expr.kind == standings_model::types::Type::Null {
            let found = format!("`{sql}`, which has no type");
            return Err(text.error(sql.span(), found, "CAST(NULL AS STRING)"));
        }
        let column = &mut table.columns[number];
        column.kind = expr.kind.clone();
        column.nullable = expr.nullable;
        column.origin = Origin::Computed(expr);
    }
    Ok(())
}

/// A column that is a part of the path.
fn partition(text: Text<'_>, name: &Ident, table: &mut Table) -> Result<(), QueryError> {
    if matches!(table.connector, Some(Connector::Kafka { .. })) {
        let allowed = "'connector' = 'filesystem': a topic has no folders";
        return Err(text.error(name.span, "PARTITIONED BY of a topic", allowed));
    }
    let number = declared_column(text, name, table)?;
    let column = &mut table.columns[number];
    if !matches!(column.origin, Origin::Field(_)) || column.kind.is_nested() {
        let found = format!("PARTITIONED BY `{}`", name.value);
        let allowed = "a column with a simple type, which is neither computed nor METADATA";
        return Err(text.error(name.span, found, allowed));
    }
    column.origin = Origin::Path;
    Ok(())
}

/// A part of the primary key, which is never NULL.
fn primary_key(text: Text<'_>, name: &Ident, table: &mut Table) -> Result<(), QueryError> {
    let number = declared_column(text, name, table)?;
    let column = &table.columns[number];
    let allowed = "columns of the record with a simple type, each once";
    let is_physical = matches!(
        column.origin,
        Origin::Field(_) | Origin::KeyField(_) | Origin::Path
    );
    if !is_physical || column.kind.is_nested() {
        let found = format!("PRIMARY KEY with `{}`, a {}", name.value, column.kind);
        return Err(text.error(name.span, found, allowed));
    }
    if table.primary_key.contains(&number) {
        let found = format!("`{}` twice in PRIMARY KEY", name.value);
        return Err(text.error(name.span, found, allowed));
    }
    table.columns[number].nullable = false;
    table.primary_key.push(number);
    Ok(())
}

/// The number of a declared column.
fn declared_column(text: Text<'_>, name: &Ident, table: &Table) -> Result<usize, QueryError> {
    let whole = Relation::of_table(0, table);
    let names = Names {
        table,
        qualifiers: vec![&table.name],
        columns: &whole.columns,
        joined: Vec::new(),
        parts: &[],
        notes: &RefCell::default(),
    };
    names.position(&name.value).ok_or_else(|| {
        let unknown = names.missing(&name.value);
        text.error(name.span, unknown.found, unknown.allowed)
    })
}

#[cfg(test)]
mod tests;
