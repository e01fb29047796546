//! A dead letter as it is kept: `sink::json` writes it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use standings_model::printable::printable;

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
    /// Where the record was.
    pub(super) partition: u32,
    pub(super) offset: u64,
    /// The record, or its beginning.
    pub(super) bytes: Vec<u8>,
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
    partition: u32,
    offset: u64,
    #[serde(alias = "sale")]
    record: Option<String>,
    #[serde(alias = "sale_base64")]
    record_base64: Option<String>,
    cut_from: Option<u64>,
}

impl Letter {
    /// Reads a letter; what is wrong otherwise.
    pub(super) fn read(place: String, time: Option<i64>, json: &[u8]) -> Result<Self, String> {
        let wrong = |e: String| format!("what is at {place} is no dead letter: {e}");
        let kept: Kept = serde_json::from_slice(json).map_err(|e| wrong(e.to_string()))?;
        let bytes = match (kept.record, kept.record_base64) {
            (Some(text), _) => text.into_bytes(),
            (None, Some(text)) => STANDARD.decode(text).map_err(|e| wrong(e.to_string()))?,
            (None, None) => return Err(wrong("it holds no record".to_owned())),
        };
        Ok(Letter {
            time,
            reason: kept.reason,
            check: kept.check,
            detail: kept.detail,
            partition: kept.partition,
            offset: kept.offset,
            bytes,
            cut_from: kept.cut_from,
            json: String::from_utf8_lossy(json).into_owned(),
            place,
        })
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
