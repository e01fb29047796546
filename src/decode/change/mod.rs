//! Records that say what became of rows: which row, and whether it comes, is another now, or ends.
//!
//! ```text
//! upsert     key and value ─────────────────┐ value: Put        no value, or `delete.field`: End
//! Debezium   op, before, after ─────────────┤ c u: Put   r: Found   d: End   t: Empty   the rest: Skip
//! Maxwell    type, data, old ───────────────┤ insert, update: Put   bootstrap-insert: Found   delete: End
//! Canal      type, data[], old[] (more rows)┘ INSERT, UPDATE: Put   DELETE: End   TRUNCATE: Empty
//! ```
//!
//! What a row was is known to who keeps rows; a record says it again where its format does, and that is compared.
//!
//! ```text
//! record ── changes() ──► where each row lies ── now(), before() ──► the decoder's usual way, on that part of the record
//!                                             └─ ended() ──────────► only the primary key
//! ```

mod avro;
mod canal;
mod debezium;
mod key_only;
mod line;
mod maxwell;
mod overlay;
mod rows;
mod scan;
mod told;
mod upsert;

#[cfg(test)]
mod tests;

use standings_model::block::Home;
use standings_model::schema::Given;
use standings_model::table::{Changelog, Table};

use self::key_only::KeyOnly;
pub use self::line::{Line, line, unquoted};
use self::told::Telling;
use super::about::About;
use super::error::{self, DecodeError};

/// What a record does to one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The row is this now, whether or not it was there.
    Put,
    /// As [`Op::Put`], found by a snapshot, which goes through a table in no order of time: it moves no watermark.
    Found,
    /// The row ends.
    End,
    /// All rows of the partition end.
    Empty,
    /// It is of no row.
    Skip,
}

/// Bytes of the record.
pub(crate) type Place = (u32, u32);

/// What a record says of the row before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Was {
    /// Nothing.
    Unsaid,
    /// It was what lies there.
    There(Place),
    /// It was what lies in the first place, but for the fields in the second.
    Under(Place, Place),
}

/// One row of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    op: Op,
    /// Where the row as it is now lies.
    now: Option<Place>,
    /// Where the key of the row that ends lies, beside what the record's key says.
    gone: Option<Place>,
    was: Was,
    /// It was there before, by the record's word.
    is_update: bool,
}

impl Row {
    fn of(op: Op) -> Self {
        Row {
            op,
            now: None,
            gone: None,
            was: Was::Unsaid,
            is_update: false,
        }
    }

    /// The row is what lies there now.
    fn put(op: Op, now: Place) -> Self {
        Row {
            now: Some(now),
            ..Row::of(op)
        }
    }
}

/// What a decoder of a table that changes has beside that of one that does not.
#[derive(Debug)]
pub(super) struct Change {
    how: Changelog,
    /// Whether Kafka Connect's schema and payload are around a record.
    has_schema: bool,
    /// All of the primary key lies in the record's key, which then alone says which row ends.
    ends_by_key: bool,
    /// `delete.field`.
    deletes: bool,
    /// The primary key's columns in the table.
    primary_key: Vec<usize>,
    key_only: Box<KeyOnly>,
    /// The table that it is of, where a file's is another than the declared one.
    pub(super) table: Option<Box<Table>>,
    telling: Telling,
    /// Of a record in Avro what its envelope says beside the rows, as JSON.
    told: Option<Vec<u8>>,
    include: maxwell::Include,
    /// Of the record that was read last.
    rows: Vec<Row>,
    /// Where its schema lies.
    schema: Option<Place>,
    /// The keys of the row now and of the row before.
    note: Vec<u8>,
    other: Vec<u8>,
    /// A row that was put together.
    merged: Vec<u8>,
    /// Rows that were decoded since it was last asked.
    decoded: u64,
}

impl Change {
    /// Of a table whose rows change.
    pub(super) fn of(table: &Table, max_record_bytes: usize) -> Option<Box<Self>> {
        if !table.changes() {
            return None;
        }
        Some(Box::new(Change {
            how: table.changelog,
            has_schema: table.is_connect(),
            ends_by_key: table.ends_by_key(),
            deletes: table.delete_field.is_some(),
            primary_key: table.primary_key.clone(),
            key_only: Box::new(KeyOnly::new(table, max_record_bytes)),
            table: None,
            telling: Telling::of(table),
            told: None,
            include: maxwell::Include::of(table),
            rows: Vec::new(),
            schema: None,
            note: Vec::new(),
            other: Vec::new(),
            merged: Vec::new(),
            decoded: 0,
        }))
    }

    /// Finds the rows of a record.
    fn read(&mut self, record: &[u8], about: About<'_>) -> Result<(), DecodeError> {
        self.rows.clear();
        self.schema = None;
        match self.how {
            Changelog::Append => Ok(()),
            Changelog::Upsert => self.upsert(record, about),
            Changelog::Debezium => self.debezium(record),
            Changelog::Maxwell => self.maxwell(record),
            Changelog::Canal => self.canal(record),
        }
    }

    /// Takes a schema that records are written with.
    pub(super) fn learn(&mut self, given: &Given) {
        self.key_only.learn(given);
    }

    /// For records of one partition.
    pub(super) fn at(&mut self, home: &Home) {
        self.key_only.at(home);
    }

    /// Of so many records, of which this is the last: how many rows were read, and the last of them.
    pub(super) fn settled<'r>(&mut self, records: u64, last: &'r [u8]) -> (u64, &'r [u8]) {
        let decoded = std::mem::take(&mut self.decoded);
        if self.how == Changelog::Upsert {
            return (records.min(decoded), last);
        }
        let rows = self.read(last, About::default()).map(|()| self.rows.last());
        let now = rows.ok().flatten().and_then(|row| row.now);
        (decoded, now.map_or(b"", |now| slice(last, now)))
    }

    /// Where what the record that was read last says beside its rows lies.
    fn said<'r>(&'r self, record: &'r [u8]) -> &'r [u8] {
        self.told.as_deref().unwrap_or(record)
    }

    fn one(&mut self, row: Row) -> Result<(), DecodeError> {
        self.rows.push(row);
        Ok(())
    }
}

/// Whether a record is the tombstone of a topic whose records say themselves what they do.
fn is_tombstone(record: &[u8]) -> bool {
    record.is_empty() || record.trim_ascii() == b"null"
}

/// The whole of a record.
fn whole(record: &[u8]) -> Place {
    (0, record.len() as u32)
}

/// The bytes of a place.
fn slice(record: &[u8], (start, end): Place) -> &[u8] {
    record.get(start as usize..end as usize).unwrap_or_default()
}

/// Whether a value that there must be is there: an object, or a list of them.
fn is_there(record: &[u8], place: Option<Place>) -> Option<Place> {
    place.filter(|place| slice(record, *place) != b"null")
}

/// Where an object lies that is there and not null; what is something else is refused.
fn object(record: &[u8], name: &str, place: Option<Place>) -> Result<Option<Place>, DecodeError> {
    let Some(place) = is_there(record, place) else {
        return Ok(None);
    };
    match slice(record, place).first() {
        Some(b'{') => Ok(Some(place)),
        _ => {
            let found = String::from_utf8_lossy(slice(record, place));
            let (reason, expected) = (error::WRONG_TYPE, "an object");
            Err(DecodeError::field(reason, name, &found, expected))
        }
    }
}

/// A text that lies somewhere; none of what is no text.
fn text(record: &[u8], place: Option<Place>) -> Option<std::borrow::Cow<'_, str>> {
    let raw = slice(record, place?);
    if let [b'"', plain @ .., b'"'] = raw
        && memchr::memchr2(b'\\', b'"', plain).is_none()
    {
        return std::str::from_utf8(plain).ok().map(Into::into);
    }
    serde_json::from_slice::<String>(raw).ok().map(Into::into)
}

#[cold]
fn missing_row(name: &str, op: &str) -> DecodeError {
    let detail = format!("{op:?} without {name:?}: there is no row");
    DecodeError::new(error::AFTER_MISSING, detail)
}

#[cold]
fn unknown_op(detail: String) -> DecodeError {
    DecodeError::new(error::UNKNOWN_OP, detail)
}
