//! Stage: decode. The bytes of one record become a typed [`Sale`].
//!
//! ```text
//!            ┌─ fast: a remembered layout fits ──────────────┐
//! record ────┤                                               ├──► Sale, or DecodeError ──► dead letters
//!            └─ full: serde_json, then learn the layout ─────┘
//! ```
//!
//! Invariants:
//! 1. The answer is a function of the record's bytes and the schema. What a [`Decoder`] remembers changes its speed
//!    only: `decode` and `decode_full` always agree (`tests/it/decode.rs` and the fuzz target hold them to it).
//! 2. The fast path never refuses a record. What it does not recognise goes to the full path, which alone makes errors.
//! 3. Every byte that the fast path lets through is either equal to a byte of an accepted record at the same place of
//!    the layout, or part of a value that was checked in full.
//! 4. The fast path does not allocate (but for amounts in exponent form or beyond 18 digits).
//!
//! # Where to begin
//!
//! - [`Decoder`]: one partition's records, one by one. [`Sale`]: what comes out; its text borrows from the record.
//! - [`DecodeError`]: a stable reason, which is that of the dead letter, and what was found.
//!
//! # What it must never do
//!
//! Accept what the full parser refuses.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod cell;
mod columns;
mod error;
mod full;
mod layout;
mod number;
mod scan;
mod typed;

pub use cell::{Cell, Sale};
pub use error::DecodeError;

use columns::Columns;
use full::Full;
use layout::Layouts;
use scan::DayCache;

use standings_model::schema::Schema;

/// Decodes the records of one partition on one worker; remembers the layouts of recent records.
///
/// # Examples
///
/// ```
/// use standings_decode::Decoder;
/// use standings_model::schema::Schema;
///
/// let schema = Schema::sales();
/// let (city, amount) = (schema.find("city").unwrap(), schema.find("amount").unwrap());
/// let mut decoder = Decoder::new(&schema, &[city], 1 << 20);
///
/// let sale = decoder.decode(br#"{"event_time":"2026-01-23T10:15:00Z","city":"Lisbon","amount":"1e1"}"#).unwrap();
/// assert_eq!(sale.text(city), Some(&b"Lisbon"[..]));
/// assert_eq!(sale.value(amount).to_string(), "10.00");
///
/// // Exact, or not at all: no cent is rounded away.
/// let refused = decoder.decode(br#"{"event_time":1,"city":"Lisbon","amount":12.345}"#).unwrap_err();
/// assert_eq!(refused.reason, "bad_amount");
/// // A required column that is not there.
/// let refused = decoder.decode(br#"{"event_time":1,"amount":1}"#).unwrap_err();
/// assert_eq!(refused.reason, "missing_field");
/// ```
#[derive(Debug)]
pub struct Decoder {
    columns: Columns,
    max_record_bytes: usize,
    cells: Vec<Cell>,
    days: DayCache,
    layouts: Layouts,
    full: Full,
}

impl Decoder {
    /// A decoder for `schema`. The columns numbered in `required` may not be missing or null, beside `event_time` and
    /// `amount`, which never may. Records of more than `max_record_bytes` are refused unread.
    pub fn new(schema: &Schema, required: &[usize], max_record_bytes: usize) -> Self {
        Decoder {
            columns: Columns::new(schema, required),
            // Places in a record are kept as `u32`.
            max_record_bytes: max_record_bytes.min(u32::MAX as usize),
            cells: vec![Cell::Null; schema.columns.len()],
            days: DayCache::default(),
            layouts: Layouts::default(),
            full: Full::default(),
        }
    }

    /// Decodes one record. The sale's cells are one per schema column; its text borrows from `record`, or from the
    /// decoder where it had to be unescaped.
    pub fn decode<'a>(&'a mut self, record: &'a [u8]) -> Result<Sale<'a>, DecodeError> {
        self.check_size(record)?;
        let event_time =
            match self
                .layouts
                .decode(record, &self.columns, &mut self.cells, &mut self.days)
            {
                Some(event_time) => event_time,
                None => {
                    let event_time = self.full.decode(record, &self.columns, &mut self.cells)?;
                    self.layouts
                        .learn(record, &self.columns, self.full.fields());
                    event_time
                }
            };
        Ok(Sale::new(
            event_time,
            &self.cells,
            record,
            self.full.scratch(),
        ))
    }

    /// Decodes one record by the full path only, and learns nothing: what [`Decoder::decode`] must agree with.
    pub fn decode_full<'a>(&'a mut self, record: &'a [u8]) -> Result<Sale<'a>, DecodeError> {
        self.check_size(record)?;
        let event_time = self.full.decode(record, &self.columns, &mut self.cells)?;
        Ok(Sale::new(
            event_time,
            &self.cells,
            record,
            self.full.scratch(),
        ))
    }

    fn check_size(&self, record: &[u8]) -> Result<(), DecodeError> {
        if record.is_empty() {
            return Err(DecodeError::new(
                error::EMPTY,
                "the record has no bytes".to_owned(),
            ));
        }
        if record.len() > self.max_record_bytes {
            let detail = format!(
                "{} bytes, at most {} are allowed",
                record.len(),
                self.max_record_bytes
            );
            return Err(DecodeError::new(error::TOO_LARGE, detail));
        }
        Ok(())
    }
}
