//! `METADATA`: what is known of a record beside its value.

use sqlparser::ast::Ident;
use sqlparser::tokenizer::Span;

use crate::error::{QueryError, Text};
use crate::options::Settings;
use crate::toml::nearest;
use standings_model::table::format::Encoding;
use standings_model::table::{Connector, Metadata, Told};
use standings_model::types::{Type, Width};

/// Names in `FROM '…'`, what they are, and the type that they have.
const KEYS: &[(&str, Metadata, &str)] = &[
    ("timestamp", Metadata::Timestamp, "TIMESTAMP_LTZ(3)"),
    ("timestamp-type", Metadata::TimestampType, "STRING"),
    ("partition", Metadata::Partition, "INT"),
    ("offset", Metadata::Offset, "BIGINT"),
    ("leader-epoch", Metadata::LeaderEpoch, "INT"),
    ("topic", Metadata::Topic, "STRING"),
    ("headers", Metadata::Headers, "MAP<STRING, BYTES>"),
    ("key", Metadata::Key, "BYTES"),
    ("file.name", Metadata::FileName, "STRING"),
    ("file.path", Metadata::FilePath, "STRING"),
    ("file.size", Metadata::FileSize, "BIGINT"),
    (
        "file.modification-time",
        Metadata::FileModified,
        "TIMESTAMP_LTZ(3)",
    ),
];

/// Whether a column of this type holds it.
fn holds(what: Metadata, kind: &Type) -> bool {
    match what {
        Metadata::Timestamp
        | Metadata::FileModified
        | Metadata::Told(Told::Ingested | Told::Made) => matches!(kind, Type::Instant(3..)),
        Metadata::Partition | Metadata::LeaderEpoch => {
            matches!(kind, Type::Integer(Width::Int | Width::Big))
        }
        Metadata::Offset | Metadata::FileSize => *kind == Type::BIGINT,
        Metadata::Headers => {
            matches!(kind, Type::Map(of) if of.0 == Type::STRING && of.1 == Type::Bytes)
        }
        Metadata::Key => *kind == Type::Bytes,
        Metadata::Told(Told::Properties) => {
            matches!(kind, Type::Map(of) if of.0 == Type::STRING && of.1 == Type::STRING)
        }
        Metadata::Told(Told::KeyNames) => {
            matches!(kind, Type::Array(of) if **of == Type::STRING)
        }
        Metadata::Told(Told::SqlTypes) => {
            matches!(kind, Type::Map(of) if of.0 == Type::STRING && of.1 == Type::Integer(Width::Int))
        }
        Metadata::Told(_) => *kind == Type::STRING,
        Metadata::TimestampType | Metadata::Topic | Metadata::FileName | Metadata::FilePath => {
            *kind == Type::STRING
        }
        // It is no key of the list above.
        Metadata::RowId => false,
    }
}

/// What a column reads: by `FROM`, else by its own name.
pub(super) fn of(
    text: Text<'_>,
    column: &Ident,
    key: Option<&(String, Span)>,
    (kind, kind_at): (&Type, Span),
    settings: &Settings,
) -> Result<Metadata, QueryError> {
    let (name, at) = key.map_or((&column.value, column.span), |(name, at)| (name, *at));
    let told = Told::of(settings.changelog);
    // Of Avro the registry has it.
    let is_avro = settings.format.encoding == Encoding::Avro;
    let all = || {
        let told = told
            .iter()
            .filter(|(_, of)| !is_avro || *of != Told::Schema);
        let told = told.map(|(name, of)| (*name, Metadata::Told(*of)));
        let told = told.map(|(name, of)| (name, of, type_of(of)));
        KEYS.iter().copied().chain(told)
    };
    let Some((_, what, wanted)) = all().find(|(known, _, _)| known == name) else {
        let names = || all().map(|(name, _, _)| name);
        let list = names().collect::<Vec<_>>().join(", ");
        let near = nearest(name, names());
        let near = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
        let allowed = format!("{near}Of a record is known: {list}");
        return Err(text.error(at, format!("METADATA FROM '{name}'"), allowed));
    };
    let of_files = name.starts_with("file.");
    if of_files && matches!(settings.connector, Some(Connector::Kafka { .. })) {
        let found = format!("METADATA FROM '{name}' of a topic");
        return Err(text.error(at, found, "'connector' = 'filesystem', or 'topic'"));
    }
    if !holds(what, kind) {
        let found = format!("METADATA FROM '{name}' as {kind}");
        let allowed = format!("`{}` {wanted} METADATA FROM '{name}'", column.value);
        return Err(text.error(kind_at, found, allowed));
    }
    Ok(what)
}

/// The type of such a column.
fn type_of(of: Metadata) -> &'static str {
    match of {
        Metadata::Told(Told::Ingested | Told::Made) => "TIMESTAMP_LTZ(3)",
        Metadata::Told(Told::Properties) => "MAP<STRING, STRING>",
        Metadata::Told(Told::KeyNames) => "ARRAY<STRING>",
        Metadata::Told(Told::SqlTypes) => "MAP<STRING, INT>",
        _ => "STRING",
    }
}
