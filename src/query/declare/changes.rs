//! What a table whose rows change says of columns that there must be.

use crate::error::{QueryError, Text};
use crate::statement::Declaration;
use standings_model::table::format::Encoding;
use standings_model::table::{Origin, Table};

/// Refuses a `delete.field` that no record could have.
pub(super) fn check(
    text: Text<'_>,
    declared: &Declaration,
    table: &Table,
) -> Result<(), QueryError> {
    let Some(field) = &table.delete_field else {
        return Ok(());
    };
    let option = declared.options.iter().find(|o| o.key == "delete.field");
    let at = option.map_or(declared.span, |o| o.value_span);
    let is_it =
        |origin: &Origin| matches!(origin, Origin::Field(path) if path[..] == [field.clone()]);
    let columns = table.declared().iter().enumerate();
    let column = columns
        .into_iter()
        .find(|(_, c)| is_it(&c.origin) || c.name == *field);
    match column {
        Some((number, column)) if table.primary_key.contains(&number) || !is_it(&column.origin) => {
            let found = format!("'delete.field' = '{field}'");
            let allowed = "a field of the value, which is no part of the primary key";
            Err(text.error(at, found, allowed))
        }
        Some((_, column)) if column.kind.is_nested() => {
            let found = format!("'delete.field' = '{field}', a {}", column.kind);
            Err(text.error(at, found, "a field with a simple type"))
        }
        Some(_) => Ok(()),
        None if matches!(table.format.encoding, Encoding::ByName | Encoding::Json(_)) => Ok(()),
        None => {
            let found = format!("'delete.field' = '{field}', which is no column");
            let allowed = format!("`{field}` as a column: of these values only columns are read");
            Err(text.error(at, found, allowed))
        }
    }
}
