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
mod fast;
mod input;
mod logical;
mod names;
mod program;
mod read;
mod schema;
mod values;

use std::sync::Arc;

use standings_model::schema::{FRAME, Language, Schema as Written, unframed};
use standings_model::table::Table;
use standings_model::table::format::Encoding;

use self::input::Input;
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
    /// By id; of records that are not framed one, of 0.
    programs: Vec<(u32, Result<Program, DecodeError>)>,
    /// The place in the list of the one that was used last.
    last: usize,
}

impl Avro {
    pub(super) fn new(table: &Table, framed: bool) -> Self {
        Avro {
            columns: Arc::new(Columns::new(table, true)),
            framed,
            programs: Vec::new(),
            last: 0,
        }
    }

    /// Takes a schema; of one that cannot be used each record is told why.
    pub(super) fn learn(&mut self, id: u32, schema: &Written) {
        let program = Schema::of(schema)
            .and_then(|schema| Program::new(&Arc::new(schema), &self.columns))
            .map_err(|e| {
                let detail = match self.framed {
                    true => format!("schema {id}: {e}"),
                    false => format!("schema: {e}"),
                };
                DecodeError::new(error::BAD_SCHEMA, detail)
            });
        match self.programs.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = program,
            None => self.programs.push((id, program)),
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
            self.last = place.ok_or_else(|| {
                let detail = format!("the schema {id} that it was written with has not come");
                DecodeError::new(error::UNKNOWN_SCHEMA, detail)
            })?;
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
    let program = Program::new(&Arc::new(Schema::of(schema)?), &columns)?;
    Ok(program.fit())
}
