//! `INSERT INTO name (columns) SELECT …`, and the `CREATE TABLE` of that name: whether the columns are those of the SELECT.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;

use super::Compiled;
use super::finish::{Output, Shown};
use crate::error::{QueryError, Text};
use crate::statement::{Body, Declaration};
use standings_model::types::Type;

/// Compares the columns of a target with those of the query, by position.
pub(crate) fn check(
    text: Text<'_>,
    at: Span,
    columns: &[Ident],
    declared: Option<(Text<'_>, &Declaration)>,
    compiled: &Compiled,
) -> Result<(), QueryError> {
    let outputs = &compiled.outputs;
    if !columns.is_empty() {
        let names: Vec<(&str, Span)> = columns.iter().map(|c| (c.value.as_str(), c.span)).collect();
        same_names(text, at, &names, outputs)?;
    }
    let Some((text, declared)) = declared else {
        return Ok(());
    };
    let all = || declared.columns.iter();
    let names: Vec<(&str, Span)> = all()
        .map(|c| (c.name.value.as_str(), c.name.span))
        .collect();
    same_names(text, declared.span, &names, outputs)?;
    for (column, output) in all().zip(outputs) {
        let kind = match &column.body {
            Body::Physical { kind, .. } | Body::Metadata { kind, .. } => kind,
            Body::Computed(_) => {
                let found = format!(
                    "the computed column `{}` of what is written",
                    column.name.value
                );
                return Err(text.error(
                    column.name.span,
                    found,
                    "the columns of the SELECT, with their types",
                ));
            }
        };
        let (family, wanted) = shown(compiled, output);
        if !fits(family, kind) {
            let found = format!("`{}` as {kind}", column.name.value);
            return Err(text.error(
                column.name.span,
                found,
                format!("`{}` {wanted}", output.name),
            ));
        }
    }
    Ok(())
}

fn same_names(
    text: Text<'_>,
    at: Span,
    names: &[(&str, Span)],
    outputs: &[Output],
) -> Result<(), QueryError> {
    let list: Vec<&str> = outputs.iter().map(|o| o.name.as_str()).collect();
    let allowed = format!(
        "the columns of the SELECT, in its order: {}",
        list.join(", ")
    );
    for ((name, at), output) in names.iter().zip(outputs) {
        if *name != output.name {
            let found = format!("`{name}` where the SELECT has `{}`", output.name);
            return Err(text.error(*at, found, allowed));
        }
    }
    if names.len() != outputs.len() {
        let found = format!(
            "{} columns, and {} in the SELECT",
            names.len(),
            outputs.len()
        );
        return Err(text.error(at, found, allowed));
    }
    Ok(())
}

/// Types that stand for each other where rows are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    Exact,
    Real,
    Text,
    Bytes,
    Boolean,
    Date,
    Time,
    Instant,
    Nested,
}

fn family(kind: &Type) -> Family {
    match kind {
        Type::Integer(_) | Type::Decimal { .. } => Family::Exact,
        Type::Float | Type::Double => Family::Real,
        Type::Text(_) | Type::Char(_) | Type::Null => Family::Text,
        Type::Bytes => Family::Bytes,
        Type::Boolean => Family::Boolean,
        Type::Date => Family::Date,
        Type::Time | Type::Months | Type::Span => Family::Time,
        Type::Timestamp(_) | Type::Instant(_) => Family::Instant,
        Type::Row(_) | Type::Array(_) | Type::Map(_) => Family::Nested,
    }
}

/// What a column of the query is, and how it would be declared.
fn shown(compiled: &Compiled, output: &Output) -> (Family, Type) {
    let kind = match output.shown {
        Shown::Bound => Type::Timestamp(3),
        Shown::Rank => Type::BIGINT,
        Shown::Field(field) => compiled.ranking.field_type(field).0,
    };
    (family(&kind), kind)
}

fn fits(of_query: Family, declared: &Type) -> bool {
    of_query == family(declared)
}
