//! Messages behind a schema's id and their place in its text.
//!
//! ```text
//! 0  0 0 0 7  4 2 0  bytes …     schema 7: of its second message the first one inside (how many numbers, then each: zigzag)
//! 0  0 0 0 7  0      bytes …     its first message
//! ```

use standings_model::schema::{FRAME, Schema, unframed};
use standings_model::table::Table;
use standings_protobuf::Written;

use super::plan::Plan;
use crate::avro::not_framed;
use crate::cell::Cell;
use crate::error::{self, DecodeError};
use crate::made::Made;

/// Messages in messages.
const DEPTH: usize = 64;

/// The records of a table whose schemas come by their ids.
#[derive(Debug)]
pub(super) struct Framed {
    table: Table,
    /// The message that all records are to be, where the table says so.
    wanted: Option<String>,
    read_defaults: bool,
    /// By id.
    schemas: Vec<(u32, Result<Messages, DecodeError>)>,
    /// The place in the list of the one that was used last.
    last: usize,
}

/// A message's plan, or why there is none.
type Planned = Result<Plan, DecodeError>;

/// The messages of a schema that came so far.
#[derive(Debug)]
struct Messages {
    written: Written,
    /// By how their places are written.
    plans: Vec<(Box<[u8]>, Planned)>,
}

impl Framed {
    pub(super) fn new(table: &Table, wanted: Option<&str>, read_defaults: bool) -> Self {
        Framed {
            table: table.clone(),
            wanted: wanted.map(str::to_owned),
            read_defaults,
            schemas: Vec::new(),
            last: 0,
        }
    }

    /// Takes a schema; of one that cannot be used each record is told why.
    pub(super) fn learn(&mut self, id: u32, schema: &Schema) {
        let messages = super::written(schema)
            .map(|written| Messages {
                written,
                plans: Vec::new(),
            })
            .map_err(|e| DecodeError::new(error::BAD_SCHEMA, format!("schema {id}: {e}")));
        match self.schemas.iter_mut().find(|(known, _)| *known == id) {
            Some((_, known)) => *known = messages,
            None => self.schemas.push((id, messages)),
        }
    }

    pub(super) fn decode(
        &mut self,
        record: &[u8],
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        let (id, rest) = unframed(record).ok_or_else(|| not_framed(record))?;
        let (place, length) = place(rest)?;
        if self.schemas.get(self.last).is_none_or(|s| s.0 != id) {
            let found = self.schemas.iter().position(|(known, _)| *known == id);
            self.last = found.ok_or_else(|| {
                let detail = format!("the schema {id} that it was written with has not come");
                DecodeError::new(error::UNKNOWN_SCHEMA, detail)
            })?;
        }
        let Framed {
            table,
            wanted,
            read_defaults,
            schemas,
            last,
        } = self;
        let messages = match &mut schemas[*last].1 {
            Ok(messages) => messages,
            Err(e) => return Err(e.clone()),
        };
        let written = &rest[..length];
        let known = messages.plans.iter().position(|(of, _)| **of == *written);
        let known = known.unwrap_or_else(|| {
            let plan = messages.plan(table, (id, &place), wanted.as_deref(), *read_defaults);
            // What crafted records name is not kept.
            if messages.plans.len() > DEPTH {
                messages.plans.clear();
            }
            messages.plans.push((written.into(), plan));
            messages.plans.len() - 1
        });
        match &mut messages.plans[known].1 {
            Ok(plan) => plan.decode((record, FRAME + length), cells, made),
            Err(e) => Err(e.clone()),
        }
    }
}

impl Messages {
    /// The plan of a message; why there is none is told of each of its records.
    fn plan(
        &self,
        table: &Table,
        (id, place): (u32, &[usize]),
        wanted: Option<&str>,
        read_defaults: bool,
    ) -> Planned {
        let Some(message) = self.written.at(place) else {
            let detail = format!("schema {id} has no message at its place {place:?}");
            return Err(DecodeError::new(error::MALFORMED, detail));
        };
        let schema = &self.written.schema;
        let name = &schema.messages[message].name;
        if let Some(wanted) = wanted.filter(|wanted| wanted != name) {
            let detail = format!(
                "the message {name}, expected {wanted} ('protobuf-confluent.message-name')"
            );
            return Err(DecodeError::new(error::WRONG_TYPE, detail));
        }
        let (plan, problems) = Plan::new(schema, message, table, read_defaults);
        match problems.iter().find(|p| !p.is_missing) {
            None => Ok(plan),
            Some(problem) => {
                let detail = format!(
                    "schema {id}: {}, expected {}",
                    problem.found, problem.allowed
                );
                Err(DecodeError::new(error::WRONG_TYPE, detail))
            }
        }
    }
}

/// The place of a message, and how many bytes say it.
fn place(bytes: &[u8]) -> Result<(Vec<usize>, usize), DecodeError> {
    let broken = || {
        let detail = "the place of its message in the schema is none".to_owned();
        Err(DecodeError::new(error::MALFORMED, detail))
    };
    let mut at = 0;
    let mut number = || {
        let mut n = 0u64;
        for shift in [0, 7, 14, 21, 28] {
            let byte = bytes.get(at)?;
            at += 1;
            n |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                // Zigzag; none of these numbers is negative.
                return (n & 1 == 0).then_some((n >> 1) as usize);
            }
        }
        None
    };
    let Some(count) = number() else {
        return broken();
    };
    // None is short for the first message.
    if count == 0 {
        return Ok((vec![0], at));
    }
    if count > DEPTH {
        return broken();
    }
    let place: Option<Vec<usize>> = (0..count).map(|_| number()).collect();
    match place {
        Some(place) => Ok((place, at)),
        None => broken(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_as_they_are_written() {
        for (bytes, want, length) in [
            (&[0, 9][..], &[0][..], 1),
            (&[2, 0, 9], &[0], 2),
            (&[4, 2, 0, 9], &[1, 0], 3),
            (&[2, 0x80, 2], &[128], 3),
        ] {
            assert_eq!(place(bytes).unwrap(), (want.to_vec(), length), "{bytes:?}");
        }
        for bytes in [
            &[][..],
            &[2],
            &[1, 0],
            &[2, 1],
            &[0xff; 9],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0],
            &[0x84, 2, 0],
        ] {
            assert!(place(bytes).is_err(), "{bytes:?}");
        }
    }
}
