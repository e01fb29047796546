//! Stage: decode. The bytes of one record become a typed [`Sale`]: a cell for each column of its table.
//!
//! ```text
//!            ┌─ fast: a remembered layout fits ──────────────┐
//! record ────┤                                               ├──► metadata ──► computed columns ──► what rankings ──► Sale
//!            └─ full: serde_json, then learn the layout ─────┘        │               │             compute
//!                          └──────────────────────────────────────────┴───────────────┴──► DecodeError ──► dead letters
//! ```
//!
//! Invariants:
//! 1. The answer is a function of the record and the table. What a [`Decoder`] remembers changes its speed
//!    only: `decode` and `decode_full` always agree (`tests/it/decode.rs` and the fuzz target hold them to it).
//! 2. The fast path never refuses a record. What it does not recognise goes to the full path, which alone makes errors.
//! 3. Every byte that the fast path lets through is either equal to a byte of an accepted record at the same place of
//!    the layout, or part of a value that was checked in full.
//! 4. The fast path does not allocate (but for numbers in exponent form or beyond 18 digits).
//! 5. An error in what a ranking computes is that ranking's alone: it lies in its cell, and the record is decoded.
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

mod about;
pub mod avro;
mod cell;
pub mod change;
mod columns;
mod compute;
mod connect;
pub mod direct;
pub mod drift;
mod error;
mod form;
mod full;
mod json_schema;
mod keep;
mod key;
mod layout;
mod made;
mod masked;
mod names;
mod nested;
mod number;
mod odd;
mod protobuf;
mod raw;
mod sale;
mod scalar;
mod scan;
mod seen;
mod times;
mod typed;
mod wire;
mod zone;

pub use about::About;
pub use cell::Cell;
pub use error::DecodeError;
pub use keep::{Ends, Keep};
pub use odd::Odd;
pub use sale::Sale;
pub use seen::Drift;

use about::Known;
use change::Change;
use compute::Compute;
use form::Form;
use full::Full;
use key::Key;
use made::{Made, Mark};
use masked::{Aside, Masked};
use odd::event_time;
use scan::DayCache;
use wire::Wire;

use standings_model::block::Home;
use standings_model::schema::Given;
use standings_model::table::{Column, Table};
use standings_model::types::Type;

/// Decodes the records of one partition on one worker; remembers the layouts of recent records.
///
/// # Examples
///
/// ```
/// use standings_decode::Decoder;
/// use standings_model::table::Table;
///
/// let mut table = Table::sales();
/// let (city, amount) = (table.find("city").unwrap(), table.find("amount").unwrap());
/// table.columns[city].nullable = false;
/// let mut decoder = Decoder::new(&table, None, 1 << 20);
///
/// let sale = decoder.decode(br#"{"event_time":"2026-01-23T10:15:00Z","city":"Lisbon","amount":"1e1"}"#).unwrap();
/// assert_eq!(sale.bytes(city), Some(&b"Lisbon"[..]));
/// assert_eq!(sale.value(amount).to_string(), "10.00");
///
/// // Exact, or not at all: no cent is rounded away.
/// let refused = decoder.decode(br#"{"event_time":1,"city":"Lisbon","amount":12.345}"#).unwrap_err();
/// assert_eq!(refused.reason, "bad_amount");
/// // A column that may not be NULL, and is not there.
/// let refused = decoder.decode(br#"{"event_time":1,"amount":1}"#).unwrap_err();
/// assert_eq!(refused.reason, "missing_field");
/// ```
#[derive(Debug)]
pub struct Decoder {
    table: Vec<Column>,
    /// The column of the event time, and whether it is a `DATE`.
    time: Option<(usize, bool)>,
    form: Form,
    /// Of records whose envelope is in their headers.
    bare: Option<Box<Form>>,
    /// Values that are not JSON from their first byte on.
    wire: Option<Wire>,
    key: Option<Box<Key>>,
    known: Result<Known, DecodeError>,
    compute: Compute,
    /// None of these three has a column: what most tables need nothing of is asked once.
    is_plain: bool,
    max_record_bytes: usize,
    cells: Vec<Cell>,
    days: DayCache,
    full: Full,
    made: Made,
    /// What was made of the record without its elements.
    whole: Mark,
    odd: Odd,
    /// Where its table's rows change.
    change: Option<Box<Change>>,
    /// Where its table masks columns.
    masked: Option<Box<Masked>>,
}

impl Decoder {
    /// A decoder for a table; `zone` is that of local time in what is computed (UTC where there is none). Records of more
    /// than `max_record_bytes` are refused unread.
    pub fn new(table: &Table, zone: Option<&str>, max_record_bytes: usize) -> Self {
        let mut decoder = Decoder::of_rows(table, zone, max_record_bytes);
        decoder.change = Change::of(table, decoder.max_record_bytes);
        if let Some(masked) = &mut decoder.masked {
            masked.aside = Some(Aside::of(table, zone, decoder.max_record_bytes));
        }
        decoder
    }

    /// The same, whatever becomes of the rows.
    fn of_rows(table: &Table, zone: Option<&str>, max_record_bytes: usize) -> Self {
        let session = zone.and_then(standings_scalar::Zone::named);
        let time = table.event_time.map(|number| {
            let is_date = table.columns[number].kind == Type::Date;
            (number, is_date)
        });
        let mut decoder = Decoder {
            time,
            is_plain: false,
            form: Form::new(table, false),
            bare: table
                .is_cloud_events()
                .then(|| Box::new(Form::new(table, true))),
            wire: Wire::of(table),
            key: Key::of(table, max_record_bytes),
            known: Known::new(table, &Home::default()),
            compute: Compute::new(table, &session.unwrap_or(standings_scalar::Zone::UTC)),
            // Places in a record are kept as `u32`.
            max_record_bytes: max_record_bytes.min(u32::MAX as usize),
            cells: vec![Cell::Null; table.columns.len()],
            days: DayCache::default(),
            full: Full::default(),
            made: Made {
                zone: zone::Zone::new(table.format.zone.as_deref()),
                ..Made::default()
            },
            table: table.columns.clone(),
            whole: Mark::default(),
            odd: Odd::default(),
            change: None,
            masked: Masked::of(table),
        };
        decoder.is_plain = decoder.is_plain();
        decoder
    }

    /// Takes a schema that records of this table, which is the decoder's, are written with from here on.
    pub fn learn(&mut self, table: &Table, given: &Given) {
        let own = self.change.as_mut().and_then(|change| {
            change.learn(given);
            change.table.clone()
        });
        let table = own.as_deref().unwrap_or(table);
        if let Some(aside) = self.masked.as_mut().and_then(|m| m.aside.as_mut()) {
            aside.learn(table, given);
        }
        match (given.of_key, &mut self.key) {
            (false, _) => Wire::learn(&mut self.wire, table, given),
            (true, Some(key)) => key.learn(table, given),
            // Nothing of the key is read.
            (true, None) => {}
        }
    }

    /// The same for records of one partition, which may say something of a column.
    pub fn at(mut self, table: &Table, home: &Home) -> Self {
        let own = self.change.is_some().then(|| table.of_home(home)).flatten();
        if let Some(masked) = self.masked.as_mut().filter(|m| m.aside.is_some()) {
            let table = own.as_ref().unwrap_or(table);
            let mut aside = Aside::of(table, None, self.max_record_bytes);
            aside.at(table, home);
            masked.aside = Some(aside);
        }
        if let Some(own) = &own {
            self.form = Form::new(own, false);
            self.wire = Wire::of(own);
            self.key = Key::of(own, self.max_record_bytes);
            self.table = own.columns.clone();
            self.change = Change::of(own, self.max_record_bytes);
        }
        self.set_home(own.as_ref().unwrap_or(table), home);
        if let Some(change) = &mut self.change {
            change.at(home);
            change.table = own.map(Box::new);
        }
        self
    }

    fn set_home(&mut self, table: &Table, home: &Home) {
        self.known = Known::new(table, home);
        self.is_plain = self.is_plain();
    }

    /// Decodes one record of which nothing is known but its value. The sale's cells are one per column of the table; its
    /// text borrows from `record`, or from the decoder where it had to be unescaped or was computed.
    pub fn decode<'a>(&'a mut self, record: &'a [u8]) -> Result<Sale<'a>, DecodeError> {
        self.decode_about(record, About::default())
    }

    /// Decodes one record.
    pub fn decode_about<'a>(
        &'a mut self,
        record: &'a [u8],
        about: About<'_>,
    ) -> Result<Sale<'a>, DecodeError> {
        self.check_size(record)?;
        self.made.clear();
        let record = match &mut self.wire {
            None => record,
            Some(Wire::Json(described)) => {
                let (id, json) = wire::json_of(record)?;
                if let Some(schema) = described.of(id) {
                    let cells = (&mut self.cells[..], &mut self.days);
                    let full = (&mut self.full, &mut self.made);
                    self.form
                        .decode_described(json, schema.as_bytes(), cells, full)?;
                    return self.rest(json, about);
                }
                json
            }
            Some(_) => {
                self.other(record)?;
                return self.rest(record, about);
            }
        };
        let form = match &mut self.bare {
            Some(bare) if about.is_cloud_event() => &mut **bare,
            _ => &mut self.form,
        };
        let cells = (&mut self.cells[..], &mut self.days);
        form.decode(record, cells, (&mut self.full, &mut self.made))?;
        self.rest(record, about)
    }

    /// Fills the cells from a value that is no JSON.
    fn other(&mut self, record: &[u8]) -> Result<(), DecodeError> {
        let (cells, made) = (&mut self.cells[..], &mut self.made);
        match &mut self.wire {
            Some(Wire::Raw(raw)) => raw.decode(record, cells),
            Some(Wire::Avro(avro)) => avro.decode(record, cells, made, self.max_record_bytes),
            Some(Wire::Protobuf(protobuf)) => protobuf.decode(record, cells, made),
            Some(Wire::Json(_)) | None => Ok(()),
        }
    }

    /// Decodes one record by the full path only, and learns nothing: what [`Decoder::decode`] must agree with.
    pub fn decode_full<'a>(&'a mut self, record: &'a [u8]) -> Result<Sale<'a>, DecodeError> {
        self.check_size(record)?;
        self.made.clear();
        let record = match &self.wire {
            None => record,
            Some(Wire::Json(described)) => {
                let (id, json) = wire::json_of(record)?;
                if let Some(schema) = described.of(id) {
                    self.full.describe(schema);
                }
                json
            }
            Some(_) => {
                self.other(record)?;
                return self.rest(record, About::default());
            }
        };
        let full = (&mut self.full, &mut self.made);
        let decoded = self.form.decode_full(record, &mut self.cells, full);
        self.full.forget_schema();
        decoded?;
        self.rest(record, About::default())
    }

    /// What does not lie in the value's fields.
    #[inline(always)]
    fn rest<'a>(&'a mut self, record: &'a [u8], about: About<'_>) -> Result<Sale<'a>, DecodeError> {
        let event_time = self.beside_and_time(record, about)?;
        Ok(self.sale(record, event_time))
    }

    /// Fills the cells that are not of the value's fields; the event time.
    #[inline(always)]
    fn beside_and_time(&mut self, record: &[u8], about: About<'_>) -> Result<i64, DecodeError> {
        if !self.is_plain {
            self.beside(record, about, false)?;
        }
        self.time_of_cells()
    }

    /// The event time, by its cell.
    #[inline(always)]
    fn time_of_cells(&mut self) -> Result<i64, DecodeError> {
        match self.time {
            Some((number, is_date)) => {
                let name = &self.table[number].name;
                event_time(self.cells[number], is_date, name, &mut self.odd)
            }
            None => Ok(0),
        }
    }

    /// What is in the cells.
    #[inline(always)]
    fn sale<'a>(&'a self, record: &'a [u8], event_time: i64) -> Sale<'a> {
        Sale {
            event_time,
            cells: &self.cells,
            columns: &self.table,
            record,
            made: &self.made,
            row: None,
        }
    }

    /// The columns that are not read from the value's fields; `lacks`: not those that are computed of them.
    fn beside(&mut self, record: &[u8], about: About<'_>, lacks: bool) -> Result<(), DecodeError> {
        let Decoder {
            table,
            key,
            known,
            compute,
            cells,
            made,
            masked,
            ..
        } = self;
        if let Some(key) = key {
            key.fill(about.key(), table, cells, made)?;
        }
        match known {
            Ok(known) => known.fill(about, table, cells, made)?,
            Err(e) => return Err(e.clone()),
        }
        if let Some(masked) = masked {
            masked.apply(record, cells, made);
        }
        if lacks {
            compute.forget(cells);
            return Ok(());
        }
        compute.columns(record, table, cells, made)?;
        compute.derived(record, table, cells, made);
        self.whole = self.made.mark();
        Ok(())
    }

    /// The record that was decoded last, as it is with an element of an array: its number from 0. `None` behind the last one,
    /// and for what is no array. `record` and `event_time` are those of the record.
    pub fn element<'a>(
        &'a mut self,
        (record, event_time): (&'a [u8], i64),
        array: usize,
        nth: usize,
    ) -> Option<Sale<'a>> {
        let Decoder {
            table,
            compute,
            cells,
            made,
            whole,
            ..
        } = self;
        // What was made of the element before is not needed any more.
        made.back_to(*whole);
        if !compute.element((array, nth), record, table, cells, made) {
            return None;
        }
        Some(Sale {
            event_time,
            cells: &self.cells,
            columns: &self.table,
            record,
            made: &self.made,
            row: None,
        })
    }

    /// Whether all columns are read from the value's fields.
    fn is_plain(&self) -> bool {
        self.key.is_none()
            && self.masked.is_none()
            && self.known.as_ref().is_ok_and(Known::is_empty)
            && self.compute.is_empty()
    }

    /// After a block of so many records, of which this is the last: what became of their fields is added up.
    pub fn settle(&mut self, records: u64, last: &[u8]) {
        let (records, last) = match &mut self.change {
            Some(change) => change.settled(records, last),
            None => (records, last),
        };
        let last = match self.wire {
            None => Ok(last),
            Some(Wire::Json(_)) => wire::json_of(last).map(|(_, json)| json),
            Some(_) => return,
        };
        // What is in no frame is a dead letter, and says nothing of fields.
        if records > 0
            && let Ok(last) = last
        {
            self.form.settle(records, last);
        }
    }

    /// Event times before 1990 and after 2100 since it was last asked.
    pub fn odd(&mut self) -> Option<Odd> {
        (self.odd.count > 0).then(|| std::mem::take(&mut self.odd))
    }

    /// Fields of JSON records that came, went or changed their type since it was last asked, each once.
    pub fn drifts(&mut self) -> Vec<(String, Drift)> {
        self.form.drifts()
    }

    #[inline]
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
