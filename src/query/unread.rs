//! What can be declared and is not read yet: refused while loading, so that no record of it is read as something else.

use standings_model::table::format::Encoding;
use standings_model::table::{Changelog, Connector, Origin, Table};
use standings_model::types::Type;

use crate::error::{QueryError, Text};
use crate::statement::Declaration;

/// What of a table is not read yet.
pub(super) fn unread(text: Text<'_>, declared: &Declaration, table: &Table) -> Option<QueryError> {
    let at = |keys: &[&str]| {
        let mut options = declared.options.iter();
        let option = options.find(|o| keys.contains(&o.key.as_str()));
        option.map_or(declared.span, |o| o.value_span)
    };
    if table.changelog != Changelog::Append {
        let span = match table.changelog {
            Changelog::Upsert => at(&["changelog", "connector"]),
            _ => at(&["format", "value.format"]),
        };
        let found = format!(
            "`{}` is a table whose rows change ({}), which is not counted yet",
            table.name,
            changelog(table.changelog)
        );
        return Some(text.error(
            span,
            found,
            "a table whose records are rows that stay: each would be added up",
        ));
    }
    for (format, keys) in [
        (Some(&table.format), &["format", "value.format"][..]),
        (table.key_format.as_ref(), &["key.format"][..]),
    ] {
        if let Some(Encoding::Other(name)) = format.map(|f| &f.encoding) {
            let found = format!("'{name}' of `{}`, which is not read yet", table.name);
            return Some(text.error(at(keys), found, "'json', 'csv', 'parquet' or 'raw'"));
        }
    }
    let wrong =
        |keys: &[&str], found: String, allowed: &str| Some(text.error(at(keys), found, allowed));
    if let Some(of) = table.key_format.as_ref()
        && matches!(of.encoding, Encoding::Csv(_) | Encoding::Parquet)
    {
        let found = format!("the format of the key of `{}`", table.name);
        return wrong(&["key.format"], found, "'json' or 'raw'");
    }
    let from_topic = matches!(table.connector, Some(Connector::Kafka { .. }));
    if from_topic && matches!(table.format.encoding, Encoding::Csv(_) | Encoding::Parquet) {
        let found = format!(
            "the format of `{}`, which is not read from a topic yet",
            table.name
        );
        return wrong(&["format", "value.format"], found, "'json' or 'raw'");
    }
    let fields = |of: fn(&Origin) -> bool| {
        let columns = table.columns.iter().filter(|c| of(&c.origin));
        columns.map(|c| &c.kind).collect::<Vec<_>>()
    };
    let is_raw = |of: &[&Type]| matches!(of, [Type::Text(_) | Type::Bytes]);
    let allowed = "one column of type STRING or BYTES: the bytes as they are";
    if table.format.encoding == Encoding::Raw {
        let value = fields(|of| matches!(of, Origin::Field(_) | Origin::Parts));
        if !is_raw(&value) {
            let found = format!("'raw' of `{}`, which has {}", table.name, columns(&value));
            return wrong(&["format", "value.format"], found, allowed);
        }
    }
    if table
        .key_format
        .as_ref()
        .is_some_and(|of| of.encoding == Encoding::Raw)
    {
        let key = fields(|of| matches!(of, Origin::KeyField(_)));
        if !key.is_empty() && !is_raw(&key) {
            let found = format!(
                "'raw' of the key of `{}`, which has {}",
                table.name,
                columns(&key)
            );
            return wrong(&["key.format"], found, allowed);
        }
    }
    None
}

/// How many and of which types, for a person.
fn columns(of: &[&Type]) -> String {
    match of {
        [] => "no column of its own".to_owned(),
        [one] => format!("a column of type {one}"),
        more => format!("{} columns", more.len()),
    }
}

fn changelog(of: Changelog) -> &'static str {
    match of {
        Changelog::Append => "append",
        Changelog::Upsert => "upsert",
        Changelog::Debezium => "Debezium",
        Changelog::Maxwell => "Maxwell",
        Changelog::Canal => "Canal",
    }
}
