//! Columns of a table against the messages that they are read from.

use crate::error::{QueryError, Text};
use crate::statement::Declaration;
use standings_model::table::Table;
use standings_model::table::format::Encoding;
use standings_model::table::protobuf::Messages;

/// Refuses what no field fills, of the value and of the key.
pub(super) fn check(
    text: Text<'_>,
    declared: &Declaration,
    table: &Table,
    errors: &mut Vec<QueryError>,
) {
    one(text, declared, table, "", errors);
    if let Some((key, _)) = table.of_key() {
        let before = declared
            .options
            .iter()
            .find(|o| o.key == "key.fields-prefix");
        let before = before.map_or("", |o| o.value.as_str());
        one(text, declared, &key, before, errors);
    }
}

/// `before`: what the columns' names begin with in the declaration alone.
fn one(
    text: Text<'_>,
    declared: &Declaration,
    table: &Table,
    before: &str,
    errors: &mut Vec<QueryError>,
) {
    let Encoding::Protobuf(of) = &table.format.encoding else {
        return;
    };
    let Messages::Described {
        schema, message, ..
    } = &of.messages
    else {
        return;
    };
    let (_, problems) = standings_protobuf::fit(schema, *message, table, of.read_defaults);
    for problem in problems {
        let is_it = |name: &str| name.strip_prefix(before) == Some(&problem.column);
        let column = declared.columns.iter().find(|c| is_it(&c.name.value));
        let at = column.map_or(declared.span, |c| c.name.span);
        errors.push(text.error(at, problem.found, problem.allowed));
    }
}
