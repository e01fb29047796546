//! The columns of the record, and the leaves of `ROW` columns.

use std::sync::Arc;

use crate::error::{QueryError, Text};
use crate::options::Settings;
use crate::statement::{Body, Declaration};
use standings_model::expr::Expr;
use standings_model::table::{Column, Origin, Table};
use standings_model::types::{RowField, Type};
use standings_model::value::Value;

use super::metadata;

/// The declared columns; of computed ones the name alone, until they are bound.
pub(super) fn of_record(
    text: Text<'_>,
    declared: &Declaration,
    settings: &Settings,
) -> Result<Vec<Column>, QueryError> {
    let mut columns: Vec<Column> = Vec::new();
    for column in &declared.columns {
        let name = &column.name.value;
        if columns.iter().any(|c| c.name == *name) {
            let found = format!("the column `{name}` twice");
            return Err(text.error(column.name.span, found, "each column once"));
        }
        let (kind, nullable, origin) = match &column.body {
            Body::Physical { kind, nullable } => {
                (kind.clone(), *nullable, physical(name, kind, settings))
            }
            Body::Metadata {
                kind,
                nullable,
                at,
                key,
            } => {
                let origin = metadata::of(text, &column.name, key.as_ref(), (kind, *at), settings)?;
                (kind.clone(), *nullable, Origin::Metadata(origin))
            }
            Body::Computed(_) => {
                let nothing = Expr::literal(Value::Null, Type::Null);
                (Type::Null, true, Origin::Computed(nothing))
            }
        };
        columns.push(Column {
            name: name.clone(),
            kind,
            nullable,
            origin,
            comment: column.comment.clone(),
        });
    }
    if let Some(key) = &settings.key {
        for (field, at) in &key.fields {
            let is = |c: &&Column| {
                c.name == *field && !matches!(c.origin, Origin::Metadata(_) | Origin::Computed(_))
            };
            if !columns.iter().any(|c| is(&c)) {
                let found = format!("'key.fields' with `{field}`");
                return Err(text.error(*at, found, "columns of the record, with `;` between them"));
            }
        }
    }
    Ok(columns)
}

/// Where a column of the record is read: from the value, or from the key where the value has it not.
fn physical(name: &str, kind: &Type, settings: &Settings) -> Origin {
    if matches!(kind, Type::Row(_)) {
        return Origin::Parts;
    }
    field(vec![name.to_owned()], settings.key_field(name))
}

fn field(path: Vec<String>, in_key: Option<&str>) -> Origin {
    match in_key {
        None => Origin::Field(path.into()),
        Some(first) => {
            let mut path = path;
            first.clone_into(&mut path[0]);
            Origin::KeyField(path.into())
        }
    }
}

/// Adds the leaves of `ROW` columns behind the declared ones.
pub(super) fn add_leaves(
    text: Text<'_>,
    declared: &Declaration,
    settings: &Settings,
    table: &mut Table,
) -> Result<(), QueryError> {
    let rows: Vec<Column> = table
        .columns
        .iter()
        .filter(|c| c.origin == Origin::Parts)
        .cloned()
        .collect();
    for row in rows {
        let Type::Row(fields) = &row.kind else {
            continue;
        };
        let mut leaves = Vec::new();
        walk(
            &mut leaves,
            std::slice::from_ref(&row.name),
            fields,
            row.nullable,
        );
        for (path, kind, nullable) in leaves {
            let name = path.join(".");
            if table.leaf_named(&name).is_some() {
                let at = declared.columns.iter().find(|c| c.name.value == row.name);
                let at = at.map_or(declared.span, |c| c.name.span);
                let found = format!("two fields that are both called `{name}`");
                return Err(text.error(at, found, "fields whose names have no `.`"));
            }
            table.columns.push(Column {
                name,
                kind,
                nullable,
                origin: field(path, settings.key_field(&row.name)),
                comment: None,
            });
        }
    }
    Ok(())
}

/// A leaf: its path, its type, and whether it or a row around it may be NULL.
type Leaf = (Vec<String>, Type, bool);

fn walk(leaves: &mut Vec<Leaf>, path: &[String], fields: &Arc<[RowField]>, nullable: bool) {
    for field in fields.iter() {
        let path = [path, std::slice::from_ref(&field.name)].concat();
        let nullable = nullable || field.nullable;
        match &field.kind {
            Type::Row(fields) => walk(leaves, &path, fields, nullable),
            kind => leaves.push((path, kind.clone(), nullable)),
        }
    }
}
