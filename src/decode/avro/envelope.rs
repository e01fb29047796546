//! Debezium's envelope in Avro: where the row lies before and after a change.
//!
//! A topic has records of other schemas too, which are of no row: heartbeats, borders of transactions, changes of a schema.

use super::input::{Broken, Input};
use super::program::malformed;
use super::schema::{BadSchema, Id, Node, Schema};
use super::told;
use crate::error::DecodeError;
use standings_model::json;

/// What a field of an envelope is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Op,
    Before,
    After,
    Source,
    Taken,
    Other,
}

/// How records of a schema say what changed.
#[derive(Debug)]
pub(crate) struct Envelope {
    /// Its fields, in their order; none of records that are of no row.
    parts: Vec<(Part, Id)>,
}

/// What a record says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// None where it is of no row.
    pub(crate) op: Option<String>,
    pub(crate) before: Option<(u32, u32)>,
    pub(crate) after: Option<(u32, u32)>,
    /// Where its `source` begins, and where its `ts_ms`: each with the type that it is of.
    source: Option<(usize, Id)>,
    taken: Option<(usize, Id)>,
}

/// The record among the branches of a type that may be null.
fn record_of(schema: &Schema, id: Id) -> Option<Id> {
    match &schema.types[id].node {
        Node::Record(_) => Some(id),
        Node::Union(branches) => {
            let is_record = |id: &&Id| matches!(schema.types[**id].node, Node::Record(_));
            branches.iter().find(is_record).copied()
        }
        _ => None,
    }
}

impl Envelope {
    /// The envelope of a schema, and the type of its rows where it has any.
    pub(super) fn of(schema: &Schema) -> Result<(Self, Option<Id>), BadSchema> {
        let root = &schema.types[schema.root];
        let Node::Record(fields) = &root.node else {
            return Err(BadSchema::NoRecord(root.name.clone()));
        };
        let of = |name: &str| fields.iter().find(|f| f.name == name);
        if of("op").is_none() {
            let is_known = of("databaseName").is_some()
                || of("status").is_some() && of("id").is_some()
                || of("ts_ms").is_some() && fields.len() == 1;
            if is_known {
                return Ok((Envelope { parts: Vec::new() }, None));
            }
            let why = format!(
                "{} is no envelope of Debezium: it has no field op",
                root.name
            );
            return Err(BadSchema::Rule(why));
        }
        let row = |name: &str| of(name).and_then(|field| record_of(schema, field.of));
        let (before, after) = (row("before"), row("after"));
        // What records of such an envelope could say, a message alone, is of no row.
        let Some(row) = after.or(before) else {
            let why = format!("{} has no record as its field after", root.name);
            return Err(BadSchema::Rule(why));
        };
        if before.is_some_and(|before| before != row) {
            let why = format!("before and after of {} are not of one type", root.name);
            return Err(BadSchema::Rule(why));
        }
        let parts = fields.iter().map(|field| {
            let part = match field.name.as_str() {
                "op" => Part::Op,
                "before" => Part::Before,
                "after" => Part::After,
                "source" => Part::Source,
                "ts_ms" => Part::Taken,
                _ => Part::Other,
            };
            (part, field.of)
        });
        let parts = parts.collect();
        Ok((Envelope { parts }, Some(row)))
    }

    /// Finds the parts of a record that begins at a place.
    pub(super) fn find(
        &self,
        schema: &Schema,
        record: &[u8],
        start: usize,
        budget: usize,
    ) -> Result<Found, DecodeError> {
        let mut input = Input::new(record, start, budget);
        let mut found = Found::default();
        for (part, id) in &self.parts {
            let at = Some((input.at(), *id));
            match part {
                Part::Source => found.source = at,
                Part::Taken => found.taken = at,
                _ => {}
            }
            let read = match part {
                Part::Other | Part::Source | Part::Taken => input.skip(schema, *id),
                Part::Op => text(&mut input, schema, *id).map(|op| found.op = Some(op)),
                Part::Before => row(&mut input, schema, *id).map(|at| found.before = at),
                Part::After => row(&mut input, schema, *id).map(|at| found.after = at),
            };
            read.map_err(|broken| broken_at(broken, &input))?;
        }
        if !self.parts.is_empty() && input.rest() > 0 {
            return Err(malformed(format!(
                "{} bytes are left behind the envelope: it was written with another schema",
                input.rest()
            )));
        }
        Ok(found)
    }
}

impl Envelope {
    /// Appends what a record says beside its rows, as the JSON that it would be.
    pub(super) fn tell(
        schema: &Schema,
        (record, budget): (&[u8], usize),
        found: &Found,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        let parts = [("source", found.source), ("ts_ms", found.taken)];
        out.push(b'{');
        for (name, (at, id)) in parts
            .iter()
            .filter_map(|(name, part)| Some((name, (*part)?)))
        {
            if out.len() > 1 {
                out.push(b',');
            }
            json::push_string(out, name);
            out.push(b':');
            let mut input = Input::new(record, at, budget);
            let told = told::push(&mut input, schema, id, out);
            told.map_err(|broken| broken_at(broken, &input))?;
        }
        out.push(b'}');
        Ok(())
    }
}

/// The branch of a value that is one of several.
pub(super) fn branch(input: &mut Input<'_>, schema: &Schema, id: Id) -> Result<Id, Broken> {
    match &schema.types[id].node {
        Node::Union(branches) => Ok(branches[input.choice(branches.len())?]),
        _ => Ok(id),
    }
}

/// A text, or the name of a symbol; of what is neither nothing.
fn text(input: &mut Input<'_>, schema: &Schema, id: Id) -> Result<String, Broken> {
    let id = branch(input, schema, id)?;
    match &schema.types[id].node {
        Node::Text | Node::Bytes => Ok(String::from_utf8_lossy(input.sized()?).into_owned()),
        Node::Enum(symbols) => Ok(symbols[input.choice(symbols.len())?].clone()),
        _ => input.skip(schema, id).map(|()| String::new()),
    }
}

/// Where a row lies; none where it is null.
fn row(input: &mut Input<'_>, schema: &Schema, id: Id) -> Result<Option<(u32, u32)>, Broken> {
    let id = branch(input, schema, id)?;
    let start = input.at();
    input.skip(schema, id)?;
    let is_row = matches!(schema.types[id].node, Node::Record(_));
    // The decoder refuses records of 4 GiB and more: places fit.
    Ok(is_row.then_some((start as u32, input.at() as u32)))
}

#[cold]
fn broken_at(broken: Broken, input: &Input<'_>) -> DecodeError {
    super::program::cut(broken, input, None)
}
