//! The rows of a record that was read: each through the decoder's usual way, on the part of the record where it lies.

use standings_model::table::{Changelog, Origin};

use super::key_only::push;
use super::overlay::overlay;
use super::{Change, Op, Place, Row, Was, slice};
use crate::about::About;
use crate::cell::Cell;
use crate::error::{self, DecodeError};
use crate::keep::over::UNAVAILABLE;
use crate::wire::Wire;
use crate::{Decoder, Sale};

impl Decoder {
    /// Whether its table's rows change.
    pub fn has_changes(&self) -> bool {
        self.change.is_some()
    }

    /// Reads what a record does; how many rows it is of. Of a table whose rows stay it is one.
    ///
    /// # Errors
    /// What is no record of the table's format is a dead letter.
    pub fn changes(&mut self, record: &[u8], about: About<'_>) -> Result<usize, DecodeError> {
        if !record.is_empty() {
            self.check_size(record)?;
        }
        let Some(mut change) = self.change.take() else {
            return Ok(1);
        };
        let read = match &self.wire {
            Some(Wire::Avro(avro)) if change.how == Changelog::Debezium => {
                change.avro(avro, record, self.max_record_bytes)
            }
            _ => change.read(record, about),
        };
        let rows = change.rows.len();
        self.change = Some(change);
        read.map(|()| rows)
    }

    fn nth(&self, n: usize) -> Row {
        let row = self.change.as_ref().and_then(|c| c.rows.get(n));
        row.copied().unwrap_or(Row::of(Op::Skip))
    }

    /// What the record that was read last does to the row with this number.
    pub fn op(&self, n: usize) -> Op {
        match self.change {
            Some(_) => self.nth(n).op,
            None => Op::Put,
        }
    }

    /// When the change that was read last was made, by its own word, ms: in the database, else when the connector took it.
    pub fn changed_at(&self, record: &[u8]) -> Option<i64> {
        let change = self.change.as_ref()?;
        change.telling.when(change.said(record))
    }

    /// The row as it is now, of [`Op::Put`] and [`Op::Found`]. Where the source left a value out ([`Keep::lacks`](crate::Keep::lacks))
    /// nothing is computed, and its time is none: [`Decoder::completed`] is the row.
    ///
    /// # Errors
    /// A row that does not decode is a dead letter.
    pub fn now<'a>(
        &'a mut self,
        record: &'a [u8],
        about: About<'_>,
        n: usize,
    ) -> Result<Sale<'a>, DecodeError> {
        let Some(change) = &mut self.change else {
            return self.decode_about(record, about);
        };
        change.decoded += 1;
        let (how, schema) = (change.how, change.schema);
        let row = self.nth(n);
        let Some(place) = row.now else {
            return Err(error::no_row());
        };
        if how == Changelog::Upsert {
            return self.decode_about(record, about);
        }
        let of = self.fill(record, place, schema)?;
        self.tell(record)?;
        if how == Changelog::Debezium && self.lacks(of) {
            // What is computed of a value that is not there is nothing, and so may its time be.
            self.beside(of, about, true)?;
            return Ok(self.sale(of, 0));
        }
        let event_time = self.beside_and_time(of, about)?;
        Ok(self.sale(of, event_time))
    }

    /// Whether the source left a value out.
    fn lacks(&self, of: &[u8]) -> bool {
        let sale = self.sale(of, 0);
        let is_left_out = |(number, cell): (usize, &Cell)| {
            matches!(cell, Cell::Text { .. })
                && matches!(self.table[number].origin, Origin::Field(_))
                && sale.bytes(number) == Some(UNAVAILABLE)
        };
        self.cells.iter().enumerate().any(is_left_out)
    }

    /// The key of the row that ends: only the primary key's cells are filled, the others are NULL, and so is the time.
    ///
    /// # Errors
    /// A key that is null, or does not decode.
    pub fn ended<'a>(
        &'a mut self,
        record: &'a [u8],
        about: About<'_>,
        n: usize,
    ) -> Result<Sale<'a>, DecodeError> {
        let row = self.nth(n);
        let Some(change) = &mut self.change else {
            return Err(error::no_row());
        };
        if row.gone.is_none() && !change.ends_by_key {
            return Err(before_missing("it ends a row, and does not say which: "));
        }
        let lies = (record, row.gone, change.schema);
        let into = (&mut self.cells[..], &mut self.made);
        change.key_only.read(lies, about, into)?;
        Ok(self.sale(record, 0))
    }

    /// The row as it was, where the record says all of it: every column decodes, and its event time is there.
    ///
    /// # Errors
    /// `key_changed` where it had another primary key; `before_missing` where the table has none and the row is not all there.
    pub fn before<'a>(
        &'a mut self,
        record: &'a [u8],
        about: About<'_>,
        n: usize,
    ) -> Result<Option<Sale<'a>>, DecodeError> {
        let row = self.nth(n);
        let Some(change) = &self.change else {
            return Ok(None);
        };
        let is_keyed = !change.primary_key.is_empty();
        if row.was == Was::Unsaid && (is_keyed || !(row.is_update || row.op == Op::End)) {
            return Ok(None);
        }
        // A time that no clock shows is counted of rows as they are, not of what they were.
        let odd = self.odd;
        let full = self.was(record, about, row.was);
        self.odd = odd;
        let full = match full {
            Ok(found) => Some(found),
            Err(e) if !is_keyed => {
                return Err(before_missing(&format!("{}: {}: ", e.reason, e.detail)));
            }
            Err(_) => None,
        };
        if row.is_update && is_keyed {
            self.check_key(record, about, row, full)?;
        }
        Ok(full.map(|(of, event_time)| self.sale(of, event_time)))
    }

    /// Fills the cells with the row as it was: what its texts lie in, and its event time.
    fn was<'r>(
        &mut self,
        record: &'r [u8],
        about: About<'_>,
        was: Was,
    ) -> Result<(&'r [u8], i64), DecodeError> {
        let Some(change) = &mut self.change else {
            return Err(error::no_row());
        };
        change.decoded += 1;
        let schema = change.schema;
        match was {
            Was::Unsaid => Err(DecodeError::new(
                error::MISSING_FIELD,
                "no row before it".to_owned(),
            )),
            Was::There(place) => {
                let of = self.fill(record, place, schema)?;
                self.tell(record)?;
                Ok((of, self.beside_and_time(of, about)?))
            }
            Was::Under(data, old) => {
                let mut merged = std::mem::take(&mut change.merged);
                let filled = overlay(slice(record, data), slice(record, old), &mut merged)
                    .and_then(|()| self.fill(&merged, super::whole(&merged), None).map(drop));
                self.keep_texts(&merged);
                if let Some(change) = &mut self.change {
                    change.merged = merged;
                }
                filled?;
                self.tell(record)?;
                let of = slice(record, data);
                Ok((of, self.beside_and_time(of, about)?))
            }
        }
    }

    /// Holds the primary key of the row before against that of the row now; the cells are as they were.
    fn check_key(
        &mut self,
        record: &[u8],
        about: About<'_>,
        row: Row,
        full: Option<(&[u8], i64)>,
    ) -> Result<(), DecodeError> {
        let Some(mut change) = self.change.take() else {
            return Ok(());
        };
        let is_other = change.is_other(record, about, row, || {
            let (of, time) = full?;
            Some(self.sale(of, time))
        });
        self.change = Some(change);
        match is_other {
            true => Err(key_changed()),
            false => Ok(()),
        }
    }

    /// Where the first row of the record that was read last lies, and its schema.
    pub(crate) fn lies(&self) -> Option<(Place, Option<Place>)> {
        let change = self.change.as_ref()?;
        let row = change.rows.first()?;
        let was = match row.was {
            Was::There(place) | Was::Under(place, _) => Some(place),
            Was::Unsaid => None,
        };
        Some((row.now.or(row.gone).or(was)?, change.schema))
    }

    /// Whether a record is a row, and not an envelope around rows.
    pub(crate) fn is_whole_record(&self) -> bool {
        let change = self.change.as_ref();
        change.is_none_or(|change| change.how == Changelog::Upsert)
    }

    /// Reads one row that lies somewhere.
    pub(crate) fn row<'a>(
        &'a mut self,
        record: &'a [u8],
        place: Place,
        schema: Option<Place>,
        about: About<'_>,
    ) -> Result<Sale<'a>, DecodeError> {
        let of = self.fill(record, place, schema)?;
        let event_time = self.beside_and_time(of, about)?;
        Ok(self.sale(of, event_time))
    }

    /// The same of a record whose value says nothing: its key alone.
    pub(crate) fn no_row(&mut self, about: About<'_>) -> Result<Sale<'_>, DecodeError> {
        self.made.clear();
        self.cells.fill(Cell::Null);
        let event_time = self.beside_and_time(b"", about)?;
        Ok(self.sale(b"", event_time))
    }

    /// Fills the cells of the columns that are read from fields; gives what their texts lie in.
    fn fill<'r>(
        &mut self,
        record: &'r [u8],
        place: Place,
        schema: Option<Place>,
    ) -> Result<&'r [u8], DecodeError> {
        self.made.clear();
        if let Some(Wire::Avro(avro)) = &mut self.wire {
            let into = (&mut self.cells[..], &mut self.made);
            avro.decode_row(record, place, into, self.max_record_bytes)?;
            return Ok(record);
        }
        let of = slice(record, place);
        let full = (&mut self.full, &mut self.made);
        match schema {
            None => {
                let cells = (&mut self.cells[..], &mut self.days);
                self.form.decode(of, cells, full)?;
            }
            Some(schema) => {
                let schema = slice(record, schema);
                let cells = (&mut self.cells[..], &mut self.days);
                self.form.decode_described(of, schema, cells, full)?;
            }
        }
        Ok(of)
    }

    /// Fills the columns of what the envelope says.
    fn tell(&mut self, record: &[u8]) -> Result<(), DecodeError> {
        match &self.change {
            Some(change) => {
                let into = (&mut self.cells[..], &mut self.made);
                change.telling.fill(change.said(record), &self.table, into)
            }
            None => Ok(()),
        }
    }

    /// Copies texts that lie in bytes which do not stay.
    fn keep_texts(&mut self, bytes: &[u8]) {
        for cell in &mut self.cells {
            if let Cell::Text {
                start,
                end,
                scratch: false,
            } = *cell
            {
                *cell = self.made.bytes(slice(bytes, (start, end)));
            }
        }
    }
}

impl Change {
    /// Whether the primary key of the row before decodes, and is another than that of the row now.
    fn is_other<'a>(
        &mut self,
        record: &[u8],
        about: About<'_>,
        row: Row,
        full: impl FnOnce() -> Option<Sale<'a>>,
    ) -> bool {
        let schema = self.schema;
        self.other.clear();
        match full() {
            Some(sale) => {
                for number in &self.primary_key {
                    push(&sale, *number, &mut self.other);
                }
            }
            None => {
                // Its key alone may decode.
                let mut merged = std::mem::take(&mut self.merged);
                let noted = match row.was {
                    Was::There(place) => {
                        let lies = (record, place, schema);
                        self.key_only.note(lies, about, &mut self.other).is_ok()
                    }
                    Was::Under(data, old) => {
                        overlay(slice(record, data), slice(record, old), &mut merged).is_ok() && {
                            let lies = (&merged[..], super::whole(&merged), None);
                            self.key_only.note(lies, about, &mut self.other).is_ok()
                        }
                    }
                    Was::Unsaid => false,
                };
                self.merged = merged;
                if !noted {
                    return false;
                }
            }
        }
        let Some(now) = row.now else { return false };
        let noted = self
            .key_only
            .note((record, now, schema), about, &mut self.note);
        noted.is_ok() && self.note != self.other
    }
}

#[cold]
fn before_missing(why: &str) -> DecodeError {
    let detail = format!(
        "{why}\"before\" must have the whole row (Postgres: REPLICA IDENTITY FULL), or the table a PRIMARY KEY"
    );
    DecodeError::new(error::BEFORE_MISSING, detail)
}

#[cold]
fn key_changed() -> DecodeError {
    let detail = "the row before the update has another primary key: a row that gets another key ends, and begins anew";
    DecodeError::new(error::KEY_CHANGED, detail.to_owned())
}
