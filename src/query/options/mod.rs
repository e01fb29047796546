//! `WITH (…)`: every option is honoured, or refused with its place and what stands instead.
//!
//! ```text
//! 'value.json.x' = 'y' ──► words (one list) ──► known, of this connector and format, of the right kind ──► Settings
//! 'properties.x' = 'y' ──► properties (Java's words) ──► librdkafka's
//! ```
//!
//! 1. A literal where a secret must stand is refused and not repeated; `${…}` is taken nowhere else.
//! 2. What is not in a list is refused with the nearest word that is.

mod changes;
mod given;
mod kafka;
mod key;
mod page;
mod properties;
mod protobuf;
mod registry;
mod settings;
mod words;

use sqlparser::tokenizer::Span;

pub use self::page::page;
pub use self::settings::read;
use standings_model::table::format::Format;
use standings_model::table::{Changelog, Connector};

/// Formats, as Flink names them.
pub(crate) const FORMATS: &[&str] = &[
    "json",
    "csv",
    "parquet",
    "avro",
    "avro-confluent",
    "json-schema-confluent",
    "protobuf",
    "protobuf-confluent",
    "debezium-json",
    "debezium-avro-confluent",
    "maxwell-json",
    "canal-json",
    "raw",
];

/// Other names of formats.
const ALIASES: &[(&str, &str)] = &[
    ("avro-registry", "avro-confluent"),
    ("json-registry", "json-schema-confluent"),
    ("proto-registry", "protobuf-confluent"),
];

/// What an option's value must be.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Takes {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Count,
    /// One character.
    Character,
    /// Names with `;` between them.
    Names,
    /// One of these, in any case.
    OneOf(&'static [&'static str]),
    /// The name of a time zone.
    Zone,
    /// `https://…`, whose user and password are a secret.
    Url,
    /// A secret: where it is, not what it is.
    Secret,
}

/// What an option does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Does {
    /// What its line says.
    Is,
    /// It may have this value, which is so anyway; instead of another one something else stands.
    Only(&'static str, &'static str),
    /// It is refused, and this stands in its place.
    Not(&'static str),
}

/// An option.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) name: &'static str,
    /// The connectors or formats that it is of; none: every table.
    pub(crate) of: &'static [&'static str],
    pub(crate) takes: Takes,
    pub(crate) does: Does,
    pub(crate) doc: &'static str,
}

/// What the key of a record holds.
#[derive(Clone, Debug)]
pub struct KeySettings {
    /// How it is read.
    pub format: Format,
    /// The columns that are in it, and where they are named.
    pub fields: Vec<(String, Span)>,
    /// What their names begin with, here alone.
    pub prefix: String,
    /// Whether they are in the value too, and are read there.
    pub in_value: bool,
}

/// What the options of a table say.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where its records are.
    pub connector: Option<Connector>,
    /// How it changes.
    pub changelog: Changelog,
    /// How a value is read.
    pub format: Format,
    /// How a key is read.
    pub key: Option<KeySettings>,
    /// `delete.field`.
    pub delete_field: Option<String>,
    /// `delete.value`.
    pub delete_value: Option<String>,
    /// `scan.bootstrap` is `unordered`.
    pub bootstrap_unordered: bool,
    /// `dedup.within`, ms.
    pub dedup_within: Option<i64>,
    /// `….database.include`.
    pub database_include: Option<String>,
    /// `….table.include`.
    pub table_include: Option<String>,
    /// `noun`.
    pub noun: Option<String>,
    /// `unit`.
    pub unit: Option<String>,
    /// `mask`.
    pub mask: Option<String>,
}

impl Settings {
    /// The name that a column has in the key, where it is read there.
    pub fn key_field<'a>(&'a self, column: &'a str) -> Option<&'a str> {
        let key = self.key.as_ref().filter(|k| !k.in_value)?;
        let is_in = key.fields.iter().any(|(name, _)| name == column);
        is_in.then(|| column.strip_prefix(key.prefix.as_str()).unwrap_or(column))
    }
}

#[cfg(test)]
mod tests;
