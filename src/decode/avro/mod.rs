//! Avro: records in binary, by the schema that they were written with.
//!
//! ```text
//! schema of the writer ─┐
//! columns of the table ─┴─► Program: what to read, what to pass over ──► cells
//! ```
//!
//! 1. A schema is compiled against the table once; a record is then read in one go, from its first byte to its last, into
//!    the cells, without a tree in between. Texts stay where they lie.
//! 2. Columns are found by name, in rows by path: what the table has not got is passed over, what the record has not got is
//!    NULL.
//! 3. A record that is cut off, or longer than its schema says, is refused; no number in it is a size before it was held
//!    against what is there.

mod convert;
mod declare;
mod envelope;
mod fast;
mod input;
mod json;
mod logical;
mod names;
mod program;
mod read;
mod schema;
mod told;
mod values;

use std::sync::Arc;

use standings_model::schema::{FRAME, Language, Schema as Written, unframed};
use standings_model::table::format::Encoding;
use standings_model::table::{Changelog, Table};

use self::envelope::{Envelope, Found};
use self::input::Input;
pub use self::json::NotWritten;
use self::program::Program;
pub use self::schema::{BadSchema, Schema};
use super::cell::Cell;
use super::columns::Columns;
use super::error::{self, DecodeError};
use super::made::Made;

/// The records of a partition whose values, or keys, are Avro.
#[derive(Debug)]
pub(super) struct Avro {
    columns: Arc<Columns>,
    /// Whether a schema's id is before each record.
    framed: bool,
    /// By id, where records are envelopes: what is around the rows.
    envelopes: Option<Vec<(u32, Result<Around, DecodeError>)>>,
    /// By id; of records that are not framed one, of 0.
    programs: Vec<(u32, Result<Program, DecodeError>)>,
    /// The place in the list of the one that was used last.
    last: usize,
}

/// What is around the rows of a schema's records.
#[derive(Debug)]
struct Around {
    schema: Arc<Schema>,
    envelope: Envelope,
}

impl Avro {
    pub(super) fn new(table: &Table, framed: bool) -> Self {
        Avro {
            columns: Arc::new(Columns::new(table, true)),
            framed,
            envelopes: (table.changelog == Changelog::Debezium).then(Vec::new),
            programs: Vec::new(),
            last: 0,
        }
    }

    /// Takes a schema; of one that cannot be used each record is told why.
    pub(super) fn learn(&mut self, id: u32, schema: &Written) {
        let framed = self.framed;
        let bad = |e| {
            let detail = match framed {
                true => format!("schema {id}: {e}"),
                false => format!("schema: {e}"),
            };
            DecodeError::new(error::BAD_SCHEMA, detail)
        };
        if self.envelopes.is_some() {
            return self.learn_envelope(id, schema, bad);
        }
        let program = Schema::of(schema)
            .and_then(|schema| Program::new(&Arc::new(schema), &self.columns))
            .map_err(bad);
        match self.programs.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = program,
            None => self.programs.push((id, program)),
        }
    }

    fn learn_envelope(
        &mut self,
        id: u32,
        schema: &Written,
        bad: impl Fn(BadSchema) -> DecodeError,
    ) {
        let read = Schema::of(schema).and_then(|schema| {
            let (envelope, row) = Envelope::of(&schema)?;
            let schema = Arc::new(schema);
            let program = match row {
                Some(row) => Some(Program::of(&schema, row, &self.columns)?),
                None => None,
            };
            Ok((Around { schema, envelope }, program))
        });
        let (around, program) = match read {
            Ok((around, program)) => (Ok(around), program.map(Ok)),
            Err(e) => (Err(bad(e)), None),
        };
        let envelopes = self.envelopes.get_or_insert_default();
        envelopes.retain(|(known, _)| *known != id);
        envelopes.push((id, around));
        self.programs.retain(|(known, _)| *known != id);
        self.programs.extend(program.map(|program| (id, program)));
    }

    /// What the envelope of a record says.
    pub(super) fn envelope(&self, record: &[u8], budget: usize) -> Result<Found, DecodeError> {
        let (id, start) = self.framing(record)?;
        let mut known = self.envelopes.iter().flatten();
        match known.find(|(known, _)| *known == id) {
            Some((_, Ok(of))) => of.envelope.find(&of.schema, record, start, budget),
            Some((_, Err(e))) => Err(e.clone()),
            None => Err(not_come(id)),
        }
    }

    /// Appends what the envelope of a record says beside its rows, as JSON.
    pub(super) fn tell(
        &self,
        record: &[u8],
        found: &Found,
        budget: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let (id, _) = self.framing(record)?;
        let mut known = self.envelopes.iter().flatten();
        match known.find(|(known, _)| *known == id) {
            Some((_, Ok(of))) => Envelope::tell(&of.schema, (record, budget), found, out),
            _ => Err(not_come(id)),
        }
    }

    /// Fills the cells from a row that lies in a record.
    pub(super) fn decode_row(
        &mut self,
        record: &[u8],
        (start, end): (u32, u32),
        (cells, made): (&mut [Cell], &mut Made),
        budget: usize,
    ) -> Result<(), DecodeError> {
        let (id, _) = self.framing(record)?;
        let row = record.get(..end as usize).unwrap_or_default();
        let input = Input::new(row, start as usize, budget);
        match self.programs.iter().find(|(known, _)| *known == id) {
            Some((_, Ok(program))) => program.run(input, &self.columns, cells, made),
            Some((_, Err(e))) => Err(e.clone()),
            None => Err(not_come(id)),
        }
    }

    /// The id of a record's schema, and where its value begins.
    fn framing(&self, record: &[u8]) -> Result<(u32, usize), DecodeError> {
        match self.framed {
            true => {
                let (id, _) = unframed(record).ok_or_else(|| not_framed(record))?;
                Ok((id, FRAME))
            }
            false => Ok((0, 0)),
        }
    }

    /// Fills the cells of the columns that are read from fields.
    #[inline]
    pub(super) fn decode(
        &mut self,
        record: &[u8],
        cells: &mut [Cell],
        made: &mut Made,
        budget: usize,
    ) -> Result<(), DecodeError> {
        let (id, start) = match self.framed {
            true => {
                let (id, _) = unframed(record).ok_or_else(|| not_framed(record))?;
                (id, FRAME)
            }
            false => (0, 0),
        };
        if self.programs.get(self.last).is_none_or(|p| p.0 != id) {
            let place = self.programs.iter().position(|(known, _)| *known == id);
            self.last = place.ok_or_else(|| not_come(id))?;
        }
        match &self.programs[self.last].1 {
            Ok(program) => {
                let input = Input::new(record, start, budget);
                program.run(input, &self.columns, cells, made)
            }
            Err(e) => Err(e.clone()),
        }
    }
}

#[cold]
fn not_come(id: u32) -> DecodeError {
    let detail = format!("the schema {id} that it was written with has not come");
    DecodeError::new(error::UNKNOWN_SCHEMA, detail)
}

/// Why a record that must say its schema does not.
#[cold]
pub(super) fn not_framed(record: &[u8]) -> DecodeError {
    let first = record.first().copied().unwrap_or_default();
    let detail = format!(
        "it begins with the byte {first:#04x}, and not with 0 and the four bytes of a schema's id: it was not written by a \
         registry's serializer"
    );
    DecodeError::new(error::NOT_FRAMED, detail)
}

/// What a schema says of a table's columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fit {
    /// Columns that records of the schema have not got.
    pub lacking: Vec<String>,
    /// Of these the first that may not be NULL.
    pub required: Option<String>,
    /// Columns whose values the writer's type never is, and why.
    pub misfits: Vec<(String, String)>,
}

/// How a writer's schema fits a table's columns, or those of them that lie in the key.
///
/// # Errors
/// What is no schema, or not one of a record.
pub fn fit(table: &Table, of_key: bool, schema: &Written) -> Result<Fit, BadSchema> {
    if schema.language != Language::Avro {
        return Err(BadSchema::Other(schema.language.word()));
    }
    let mut table = match of_key {
        false => table.clone(),
        true => match table.of_key() {
            Some((key, _)) => key,
            None => return Ok(Fit::default()),
        },
    };
    table.format.encoding = Encoding::Avro;
    let columns = Columns::new(&table, true);
    let schema = Arc::new(Schema::of(schema)?);
    if table.changelog == Changelog::Debezium {
        return match Envelope::of(&schema)?.1 {
            Some(row) => Ok(Program::of(&schema, row, &columns)?.fit()),
            None => Ok(Fit::default()),
        };
    }
    Ok(Program::new(&schema, &columns)?.fit())
}
