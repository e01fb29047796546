//! What a declaration may say and nobody reads yet: refused by name, so that no value is NULL or wrong without a word.

use sqlparser::tokenizer::Span;

use super::error::{QueryError, Text};
use super::statement::Declaration;
use standings_model::table::format::{Encoding, JsonEnvelope};
use standings_model::table::{Changelog, Connector, Metadata, Origin, Table};

/// The first thing of a table that is not read yet.
pub fn refusal(text: Text<'_>, declared: &Declaration, table: &Table) -> Option<QueryError> {
    let name = &table.name;
    let (at, found, allowed) = rows_that_change(declared, table)
        .or_else(|| format(declared, table))
        .or_else(|| column(declared, table))?;
    Some(text.error(
        at,
        format!("{found} of `{name}`, which is not read yet"),
        allowed,
    ))
}

/// Where, what, and what would do.
type Unread = (Span, String, &'static str);

/// Where the value of the first of these options stands.
fn at(declared: &Declaration, keys: &[&str]) -> Span {
    let mut options = declared.options.iter();
    let option = options.find(|o| keys.contains(&o.key.as_str()));
    option.map_or(declared.span, |o| o.value_span)
}

const FORMAT: [&str; 2] = ["format", "value.format"];

/// Each record would be added up, where it stands for another.
fn rows_that_change(declared: &Declaration, table: &Table) -> Option<Unread> {
    let (span, how) = match table.changelog {
        Changelog::Append => return None,
        Changelog::Upsert => {
            let is_ours = declared.options.iter().any(|o| o.key == "changelog");
            let key = if is_ours { "changelog" } else { "connector" };
            (at(declared, &[key]), "upsert")
        }
        Changelog::Debezium => (at(declared, &FORMAT), "Debezium"),
        Changelog::Maxwell => (at(declared, &FORMAT), "Maxwell"),
        Changelog::Canal => (at(declared, &FORMAT), "Canal"),
    };
    let found = format!("rows that change ({how})");
    Some((
        span,
        found,
        "a table whose records are rows that stay: each is added up",
    ))
}

fn format(declared: &Declaration, table: &Table) -> Option<Unread> {
    let allowed = "'json'; of files 'csv' and 'parquet' too";
    let is_kafka = matches!(table.connector, Some(Connector::Kafka { .. }));
    let value = at(declared, &FORMAT);
    let in_key = |c: &standings_model::table::Column| matches!(c.origin, Origin::KeyField(_));
    match &table.format.encoding {
        Encoding::Other(name) => return Some((value, format!("'{name}'"), allowed)),
        Encoding::Raw => return Some((value, "'raw'".to_owned(), allowed)),
        Encoding::Csv(_) if is_kafka => {
            return Some((value, "'csv' in a topic".to_owned(), allowed));
        }
        Encoding::Parquet if is_kafka => {
            return Some((value, "'parquet' in a topic".to_owned(), allowed));
        }
        Encoding::Json(json) if json.envelope == JsonEnvelope::CloudEvents => {
            let span = at(declared, &["json.envelope", "value.json.envelope"]);
            return Some((
                span,
                "CloudEvents".to_owned(),
                "records whose fields are at their top",
            ));
        }
        _ => {}
    }
    if let Some(column) = table.columns.iter().find(|c| in_key(c)) {
        let found = format!("the column `{}` in the key", column.name);
        return Some((
            at(declared, &["key.format"]),
            found,
            "columns of the value; `key` BYTES METADATA is the whole key",
        ));
    }
    None
}

fn column(declared: &Declaration, table: &Table) -> Option<Unread> {
    let (number, what) = table.declared().iter().enumerate().find_map(|(n, c)| {
        let what = match c.origin {
            Origin::Metadata(Metadata::Headers) => "headers",
            Origin::Metadata(Metadata::TimestampType) => "timestamp-type",
            Origin::Metadata(Metadata::LeaderEpoch) => "leader-epoch",
            _ => return None,
        };
        Some((n, what))
    })?;
    let span = declared
        .columns
        .get(number)
        .map_or(declared.span, |c| c.name.span);
    let allowed = "timestamp, partition, offset, topic, key, file.name, file.path, file.size, file.modification-time";
    Some((span, format!("METADATA FROM '{what}'"), allowed))
}
