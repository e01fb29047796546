//! A dead letter as it is kept: `sink::json` writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use crate::output::{Cell, Column};
use standings_model::error::{Code, Coded, codes};
use standings_model::printable::printable;
use standings_model::table::Table;

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// `PARTITION:OFFSET` in a topic, `LINE` in a file.
    pub(super) place: String,
    /// When it was written to its topic, ms; files do not say.
    pub(super) time: Option<i64>,
    pub(super) reason: String,
    pub(super) check: Option<String>,
    pub(super) detail: String,
    /// The table that it was for; none is said of sales.
    pub(super) of: Option<String>,
    /// Where the record was.
    pub(super) partition: u32,
    pub(super) offset: u64,
    /// The record, or its beginning.
    pub(super) bytes: Vec<u8>,
    /// It is of a table that masks columns: its record is not kept.
    pub(super) is_masked: bool,
    /// How many bytes the record had, if they are not all here.
    pub(super) cut_from: Option<u64>,
    /// The letter itself.
    pub(super) json: String,
}

#[derive(Deserialize)]
struct Kept {
    reason: String,
    check: Option<String>,
    #[serde(default)]
    detail: String,
    table: Option<String>,
    partition: u32,
    offset: u64,
    #[serde(alias = "sale")]
    record: Option<String>,
    #[serde(alias = "sale_base64")]
    record_base64: Option<String>,
    record_sha256: Option<String>,
    cut_from: Option<u64>,
}

/// The columns of a table of letters.
pub(super) fn columns() -> Vec<Column> {
    let names = [
        ("place", true),
        ("reason", true),
        ("check", true),
        ("table", true),
        ("partition", false),
        ("offset", false),
        ("detail", true),
    ];
    let column = |(name, is_text): (&str, bool)| Column {
        name: name.to_owned(),
        is_text,
    };
    names.map(column).to_vec()
}

/// Something else than a dead letter.
#[derive(Debug, thiserror::Error)]
#[error("what is at {place} is no dead letter: {source}")]
pub struct NoLetter {
    /// Where.
    place: String,
    /// What is wrong with it.
    source: LetterProblem,
}

impl Coded for NoLetter {
    fn code(&self) -> &'static Code {
        &codes::checks::NOT_A_LETTER
    }
}

/// Why it is none.
#[derive(Debug, thiserror::Error)]
pub enum LetterProblem {
    /// No JSON of one.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Its record is not what was written.
    #[error(transparent)]
    Base64(#[from] base64::DecodeError),
    /// It has no record.
    #[error("it holds no record")]
    NoRecord,
}

impl Letter {
    /// Reads a letter; what is wrong otherwise.
    pub(super) fn read(place: String, time: Option<i64>, json: &[u8]) -> Result<Self, NoLetter> {
        let read = || -> Result<(Kept, Vec<u8>), LetterProblem> {
            let mut kept: Kept = serde_json::from_slice(json)?;
            let bytes = match (kept.record.take(), kept.record_base64.take()) {
                (Some(text), _) => text.into_bytes(),
                (None, Some(text)) => STANDARD.decode(text)?,
                (None, None) if kept.record_sha256.is_some() => Vec::new(),
                (None, None) => return Err(LetterProblem::NoRecord),
            };
            Ok((kept, bytes))
        };
        let (kept, bytes) = match read() {
            Ok(read) => read,
            Err(source) => return Err(NoLetter { place, source }),
        };
        Ok(Letter {
            time,
            reason: kept.reason,
            check: kept.check,
            detail: kept.detail,
            of: kept.table,
            partition: kept.partition,
            offset: kept.offset,
            bytes,
            is_masked: kept.record_sha256.is_some(),
            cut_from: kept.cut_from,
            json: String::from_utf8_lossy(json).into_owned(),
            place,
        })
    }

    /// The number of the table that it was for; the first where it names none that is there.
    pub(super) fn table_number(&self, tables: &[Table]) -> usize {
        let named = |table: &Table| self.of.as_ref().is_some_and(|name| *name == table.name);
        let found = tables.iter().position(named);
        found.unwrap_or_else(|| tables.iter().position(|t| !t.is_named).unwrap_or_default())
    }

    /// The table that it was for.
    pub(super) fn table<'t>(&self, tables: &'t [Table]) -> &'t Table {
        &tables[self.table_number(tables)]
    }

    /// For a table of them: its columns are [`columns`].
    pub(super) fn cells(&self) -> Vec<Cell> {
        let text = |text: &str| Cell::Text(text.to_owned());
        vec![
            text(&self.place),
            text(&self.reason),
            self.check.as_deref().map_or(Cell::Null, text),
            self.of.as_deref().map_or(Cell::Null, text),
            Cell::Bare(self.partition.to_string()),
            Cell::Bare(self.offset.to_string()),
            text(&self.detail),
        ]
    }

    /// For a list.
    pub(super) fn line(&self) -> String {
        format!(
            "{:<12} {:<14} {:<20} {:>4}:{:<10} {}",
            self.place,
            printable(&self.reason),
            printable(self.check.as_deref().unwrap_or("-")),
            self.partition,
            self.offset,
            printable(&self.detail)
        )
    }
}
