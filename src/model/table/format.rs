//! How the bytes of a record are read: `'format'` and its options.

use std::sync::Arc;

use super::protobuf::Protobuf;

/// How times without a zone are written: `'….timestamp-format.standard'`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimestampStandard {
    /// Not said: RFC 3339, and an offset is needed.
    #[default]
    Offset,
    /// `SQL`: `2026-01-23 08:00:00[.f]`; without an offset UTC, or the table's `scan.time-zone`.
    Sql,
    /// `ISO-8601`: with `T`; likewise.
    Iso,
    /// `ISO-8601-WITH-OFFSET`.
    IsoWithOffset,
}

impl TimestampStandard {
    /// Whether a time without an offset is taken.
    pub fn is_local(self) -> bool {
        self != TimestampStandard::Offset
    }
}

/// What wraps the fields of a JSON record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum JsonEnvelope {
    /// Nothing.
    #[default]
    None,
    /// `json.schema-include`: Kafka Connect's `{"schema": …, "payload": …}`.
    Connect,
    /// `json.envelope` is `cloudevents`, structured or binary.
    CloudEvents,
}

/// JSON.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Json {
    /// `json.timestamp-format.standard`.
    pub timestamps: TimestampStandard,
    /// What is around the fields.
    pub envelope: JsonEnvelope,
    /// `json.coerce-to-string`: a number or boolean is taken for a text as it is written.
    pub coerce_to_string: bool,
    /// `json.decimal-format` is `base64`.
    pub base64_decimals: bool,
    /// Of `canal-json`: numbers and booleans are texts.
    pub texts: bool,
}

/// CSV.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csv {
    /// `csv.field-delimiter`; not said: by the file's name, else a comma.
    pub delimiter: Option<u8>,
    /// `csv.quote-character`.
    pub quote: Option<u8>,
    /// `csv.escape-character`.
    pub escape: Option<u8>,
    /// `csv.header`: whether the first line has the columns' names; else they are in the order of the table.
    pub header: bool,
    /// `csv.allow-comments`: lines that begin with `#` are none.
    pub comments: bool,
    /// `csv.null-literal`: what stands for NULL; not said: a field that is empty and not quoted.
    pub null: Option<String>,
    /// `csv.charset`, as encoding_rs names it; not said: UTF-8.
    pub charset: Option<String>,
    /// `csv.trim`: spaces around a field that is not quoted are no part of it.
    pub trim: bool,
    /// `csv.timestamp-format`: a pattern.
    pub timestamp_pattern: Option<String>,
    /// `csv.timestamp-format.standard`.
    pub timestamps: TimestampStandard,
    /// `csv.decimal-separator`.
    pub decimal_separator: char,
    /// `csv.thousands-separator`.
    pub thousands_separator: Option<char>,
}

impl Default for Csv {
    fn default() -> Self {
        Csv {
            delimiter: None,
            quote: Some(b'"'),
            escape: None,
            header: true,
            comments: false,
            null: None,
            charset: None,
            trim: false,
            timestamp_pattern: None,
            timestamps: TimestampStandard::default(),
            decimal_separator: '.',
            thousands_separator: None,
        }
    }
}

/// Which format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// Not said: by the file's name, else JSON.
    #[default]
    ByName,
    /// `json`, and the payload of `debezium-json` and the like.
    Json(Json),
    /// `csv`.
    Csv(Csv),
    /// `parquet`.
    Parquet,
    /// `avro`: object container files; with a registry `avro-confluent`.
    Avro,
    /// `raw`: the whole value is the one column.
    Raw,
    /// `protobuf`.
    Protobuf(Arc<Protobuf>),
    /// One that is declared and not read yet, by its name.
    Other(String),
}

/// Where the schemas of framed records are. What is a secret is still `${…}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    /// `….url`; without one, and without a folder, no schema is asked for.
    pub url: Option<String>,
    /// `….schemas-folder`, from the file that declares the table.
    pub folder: Option<String>,
    /// `….basic-auth.user-info`.
    pub user_info: Option<String>,
    /// `….bearer-auth.token`.
    pub token: Option<String>,
    /// `….subject`.
    pub subject: Option<String>,
    /// `….ssl.truststore.location`, a PEM file.
    pub truststore: Option<String>,
    /// `….ssl.keystore.location`, a PEM file.
    pub keystore: Option<String>,
}

impl Registry {
    /// Whether schemas are asked for.
    pub fn is_asked(&self) -> bool {
        self.url.is_some() || self.folder.is_some()
    }
}

/// A format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Format {
    /// Which.
    pub encoding: Encoding,
    /// Whose ids are before each record: `….-confluent`.
    pub registry: Option<Registry>,
    /// `scan.time-zone`: of times without an offset, by its name; not said: UTC.
    pub zone: Option<String>,
}

impl Format {
    /// Whether records are JSON and nothing before it, as far as the table says it.
    pub fn is_json(&self) -> bool {
        matches!(self.encoding, Encoding::ByName | Encoding::Json(_)) && self.registry.is_none()
    }
}
