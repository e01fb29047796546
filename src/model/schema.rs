//! Schemas that records are written with, and the framing that says which.
//!
//! ```text
//! 0  a b c d  bytes …         Confluent's: a zero, the schema's id in a registry (big-endian), the record
//! ```
//!
//! Who reads a source sees to it that a partition's worker has a schema before the first record that needs it: it comes with
//! the block. So what a record decodes to depends on nothing but what came before it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Bytes before a framed record.
pub const FRAME: usize = 5;

/// What a schema is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// Avro.
    Avro,
    /// JSON Schema.
    Json,
    /// Protobuf.
    Protobuf,
}

impl Language {
    /// As a registry names it.
    pub fn word(self) -> &'static str {
        match self {
            Language::Avro => "AVRO",
            Language::Json => "JSON",
            Language::Protobuf => "PROTOBUF",
        }
    }
}

/// A schema that another one is built on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// What it is called there: a type's name, a file, a URL.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// A schema.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// What it is written in.
    pub language: Language,
    /// Its text.
    pub text: String,
    /// All that it is built on, each once, and behind what it is built on itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// The registry's subject that has it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
}

impl Schema {
    /// One of a text alone.
    pub fn new(language: Language, text: impl Into<String>) -> Self {
        Schema {
            language,
            text: text.into(),
            references: Vec::new(),
            subject: None,
        }
    }
}

/// A schema that a partition's records need from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// Whether it is of their keys.
    pub of_key: bool,
    /// Its id, and the registry's name; none where all records of the partition are of it.
    pub id: Option<(Arc<str>, u32)>,
    /// The schema.
    pub schema: Arc<Schema>,
}

/// A schema as a snapshot keeps it, so that a later run need not ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The registry that has it, by its address.
    pub registry: Arc<str>,
    /// Its id there.
    pub id: u32,
    /// The schema.
    pub schema: Arc<Schema>,
}

/// The id that a record's framing says, and what is behind it; none where it is not framed.
///
/// # Examples
///
/// ```
/// use standings_model::schema::unframed;
///
/// assert_eq!(unframed(b"\0\0\0\x01\x02{}"), Some((258, &b"{}"[..])));
/// assert_eq!(unframed(b"{\"city\":\"Faro\"}"), None);
/// ```
#[inline]
pub fn unframed(record: &[u8]) -> Option<(u32, &[u8])> {
    match record {
        [0, a, b, c, d, rest @ ..] => Some((u32::from_be_bytes([*a, *b, *c, *d]), rest)),
        _ => None,
    }
}
