//! Columns whose values are not known behind the decoder, and what is said of a record that goes aside all the same.
//!
//! ```text
//! cells of fields and key ──► masks ──► computed columns, rankings, rows that are kept, letters
//! record that goes aside  ──► its hash, its length, the columns that decode, masked       (never its bytes)
//! ```
//!
//! 1. A value is masked before anything is computed of it, kept or shown.
//! 2. What decodes says that it did by itself: a column is told though another of the record is wrong.

use standings_model::block::Home;
use standings_model::json::{push_string, push_value};
use standings_model::mask::Masking;
use standings_model::schema::Given;
use standings_model::table::{Changelog, Column, Origin, Table};

use super::about::About;
use super::cell::Cell;
use super::change::Change;
use super::keep::over::UNAVAILABLE;
use super::made::Made;
use super::{Decoder, Sale};

/// Of a table that masks columns.
#[derive(Debug)]
pub(super) struct Masked {
    masking: Masking,
    /// What Debezium writes for a value that it left out is none, and stays.
    may_lack: bool,
    /// A mask on its way into a cell.
    room: Vec<u8>,
    /// What tells of records that go aside.
    pub(super) aside: Option<Box<Aside>>,
}

impl Masked {
    pub(super) fn of(table: &Table) -> Option<Box<Self>> {
        (!table.masking.is_empty()).then(|| {
            Box::new(Masked {
                masking: table.masking.clone(),
                may_lack: table.changelog == Changelog::Debezium,
                room: Vec::new(),
                aside: None,
            })
        })
    }

    /// Masks cells.
    pub(super) fn apply(&mut self, record: &[u8], cells: &mut [Cell], made: &mut Made) {
        for (number, how) in &self.masking.columns {
            let Cell::Text {
                start,
                end,
                scratch,
            } = cells[*number]
            else {
                continue;
            };
            let lies = if scratch { &made.scratch[..] } else { record };
            let value = lies.get(start as usize..end as usize).unwrap_or_default();
            if self.may_lack && value == UNAVAILABLE {
                continue;
            }
            self.room.clear();
            self.masking.push(*how, value, &mut self.room);
            cells[*number] = made.bytes(&self.room);
        }
    }
}

/// Tells of records that go aside, with decoders of its own: none of it is counted or learned.
#[derive(Debug)]
pub(super) struct Aside {
    whole: Decoder,
    /// Each column by itself: its table, and its decoder.
    each: Vec<(Table, Decoder)>,
}

impl Aside {
    pub(super) fn of(table: &Table, zone: Option<&str>, most: usize) -> Box<Self> {
        let mut whole = Decoder::of_rows(table, zone, most);
        whole.change = Change::of(table, most);
        let columns = table.columns.iter().enumerate();
        let each = columns.filter(|(_, c)| is_read(c)).map(|(number, column)| {
            let alone = alone(table, number, column);
            let decoder = Decoder::of_rows(&alone, None, most);
            (alone, decoder)
        });
        Box::new(Aside {
            each: each.collect(),
            whole,
        })
    }

    pub(super) fn learn(&mut self, table: &Table, given: &Given) {
        self.whole.learn(table, given);
        for (alone, decoder) in &mut self.each {
            decoder.learn(alone, given);
        }
    }

    pub(super) fn at(&mut self, table: &Table, home: &Home) {
        self.whole.set_home(table, home);
        if let Some(change) = &mut self.whole.change {
            change.at(home);
        }
        for (alone, decoder) in &mut self.each {
            decoder.set_home(alone, home);
        }
    }

    /// Appends the columns of a record that decode, as the fields of a JSON object.
    fn columns(&mut self, record: &[u8], about: About<'_>, out: &mut Vec<u8>) {
        let has_envelope = self.whole.change.is_some() && !self.whole.is_whole_record();
        let lies = match has_envelope {
            true => match self.whole.changes(record, about) {
                Ok(1..) => self.whole.lies(),
                _ => return,
            },
            false => None,
        };
        if has_envelope && lies.is_none() {
            return;
        }
        let row = |decoder: &mut Decoder, tell: &mut dyn FnMut(&Sale<'_>)| {
            let sale = match lies {
                Some((place, schema)) => decoder.row(record, place, schema, about),
                None if record.is_empty() => decoder.no_row(about),
                None => decoder.decode_about(record, about),
            };
            sale.as_ref().map(tell).is_ok()
        };
        let mut fields = Fields { out, any: false };
        let is_whole = row(&mut self.whole, &mut |sale| {
            for (number, column) in sale.columns.iter().enumerate() {
                if !column.origin.is_of_rankings() && column.origin != Origin::Parts {
                    fields.push(sale, number);
                }
            }
        });
        if is_whole {
            return;
        }
        for (_, decoder) in &mut self.each {
            row(decoder, &mut |sale| {
                // What is not there is not known to be NULL.
                if sale.cells.first().is_some_and(|cell| *cell != Cell::Null) {
                    fields.push(sale, 0);
                }
            });
        }
    }
}

/// The fields of a JSON object.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
    any: bool,
}

impl Fields<'_> {
    fn push(&mut self, sale: &Sale<'_>, number: usize) {
        if std::mem::replace(&mut self.any, true) {
            self.out.push(b',');
        }
        push_string(self.out, &sale.columns[number].name);
        self.out.push(b':');
        push_value(self.out, &sale.value(number));
    }
}

/// Whether a column is read from a field.
fn is_read(column: &Column) -> bool {
    matches!(column.origin, Origin::Field(_) | Origin::KeyField(_))
}

/// A table of one column of another, which may be NULL.
fn alone(table: &Table, number: usize, column: &Column) -> Table {
    let column = Column {
        nullable: true,
        ..column.clone()
    };
    let mut alone = Table::new(&table.name, vec![column]);
    alone.is_named = true;
    alone.event_time = None;
    alone.format = table.format.clone();
    alone.key_format = table.key_format.clone();
    alone.changelog = match table.changelog {
        Changelog::Upsert => Changelog::Append,
        other => other,
    };
    alone.masking = table.masking.of_columns(&[number]);
    alone
}

impl Decoder {
    /// Whether its table masks columns: then a record's own bytes go nowhere.
    pub fn masks(&self) -> bool {
        self.masked.is_some()
    }

    /// What is said of a record that goes aside, in place of its bytes: the fields `record_sha256`, `record_bytes` and
    /// `columns` of a JSON object, without its braces. `record` is what is decoded, `original` what came.
    pub fn letter(&mut self, record: &[u8], original: &[u8], about: About<'_>) -> Vec<u8> {
        let hash = ring::digest::digest(&ring::digest::SHA256, original);
        let hash: String = hash.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let length = original.len();
        let said = format!("\"record_sha256\":\"{hash}\",\"record_bytes\":{length},\"columns\":{{");
        let mut out = said.into_bytes();
        let aside = self.masked.as_mut().and_then(|m| m.aside.as_mut());
        if let Some(aside) = aside {
            aside.columns(record, about, &mut out);
        }
        out.push(b'}');
        out
    }
}

#[cfg(test)]
mod tests;
