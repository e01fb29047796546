//! A file looked at without a table: how it is compressed, what it is made of, and what it begins with.

use std::io::Read;

use encoding_rs::Encoding as Charset;

use super::avro;
use super::error::FileError;
use super::kind::Kind;
use super::look;
use super::parquet;
use super::site::Site;
use super::values::are_values;
use standings_model::table::Table;
use standings_model::types::Type;

/// What a file is.
#[derive(Debug)]
pub struct Peeked {
    /// How it is compressed.
    pub compression: Option<&'static str>,
    /// What is not as its name says, a sentence each.
    pub said: Vec<String>,
    /// What it is made of.
    pub content: Content,
}

/// What a file is made of.
#[derive(Debug)]
pub enum Content {
    /// JSON.
    Json(Values),
    /// Text that is no JSON: its first bytes, decompressed, in whatever charset.
    Text {
        /// These.
        bytes: Vec<u8>,
        /// Whether they are all.
        is_whole: bool,
    },
    /// Parquet: its columns; no type for one that is not read.
    Parquet(Vec<(String, Option<Type>)>),
    /// Avro: its columns, and what to declare them.
    Avro(Vec<(String, String)>),
}

/// How JSON values lie in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// One a line.
    Lines,
    /// The elements of an array.
    Array,
    /// One behind the other, over several lines.
    Spread,
}

/// Looks at a file; of text at `most` bytes.
///
/// # Errors
/// It cannot be read, or is of a kind that is not: the message says how it becomes one.
pub fn peek(site: &Site, most: usize) -> Result<Peeked, FileError> {
    let found = look::at(site, &Table::new("any", Vec::new()))?;
    let compression = found.compression;
    let said = found.said;
    let content = match found.kind {
        Kind::Parquet => Content::Parquet(parquet::declared(site)?),
        Kind::Avro => Content::Avro(avro::declared(site.path(), found.input)?),
        Kind::Json if begins_json(&found.head) => Content::Json(values(&found.head)),
        Kind::Json | Kind::Csv => {
            let mut bytes = Vec::new();
            let mut input = found.input.take(most as u64 + 1);
            let read = input.read_to_end(&mut bytes);
            read.map_err(FileError::reading(site.path()))?;
            let is_whole = bytes.len() <= most;
            bytes.truncate(most);
            Content::Text { bytes, is_whole }
        }
    };
    Ok(Peeked {
        compression: compression.map(|c| c.name()),
        said,
        content,
    })
}

/// Whether a text begins as JSON records do.
fn begins_json(head: &[u8]) -> bool {
    matches!(head.trim_ascii_start(), [b'{' | b'[', ..])
}

fn values(head: &[u8]) -> Values {
    match (are_values(head), head.trim_ascii_start().first()) {
        (true, Some(b'[')) => Values::Array,
        (true, _) => Values::Spread,
        _ => Values::Lines,
    }
}

/// Bytes as text by a charset, as `csv.charset` names it; what is no character is U+FFFD.
pub fn as_text(bytes: &[u8], charset: &str) -> Option<String> {
    let charset = Charset::for_label(charset.as_bytes())?;
    Some(charset.decode(bytes).0.into_owned())
}
