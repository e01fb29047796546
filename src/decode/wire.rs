//! Values whose bytes are not JSON from the first on: raw, behind a schema's id, Avro, Protobuf.

use standings_model::schema::{Given, unframed};
use standings_model::table::Table;
use standings_model::table::format::Encoding;

use super::avro::{Avro, not_framed};
use super::error::DecodeError;
use super::json_schema::Described;
use super::protobuf::Protobuf;
use super::raw::Raw;

/// How such a value is read.
#[derive(Debug)]
pub(super) enum Wire {
    /// It is the one column.
    Raw(Raw),
    /// JSON behind a schema's id.
    Json(Described),
    /// Avro.
    Avro(Box<Avro>),
    /// A Protobuf message.
    Protobuf(Box<Protobuf>),
}

impl Wire {
    /// What a table's values are; none where they are JSON.
    pub(super) fn of(table: &Table) -> Option<Self> {
        let framed = table.format.registry.is_some();
        match &table.format.encoding {
            Encoding::Raw => Raw::of(table).map(Wire::Raw),
            Encoding::Avro => Some(Wire::Avro(Box::new(Avro::new(table, framed)))),
            Encoding::Json(_) if framed => Some(Wire::Json(Described::default())),
            _ => Protobuf::of(table).map(Wire::Protobuf),
        }
    }

    /// A schema has come. A file says by its first bytes that it is Avro, whatever the table's words are.
    pub(super) fn learn(wire: &mut Option<Self>, table: &Table, given: &Given) {
        let id = given.id.as_ref().map_or(0, |(_, id)| *id);
        if let Some(Wire::Protobuf(protobuf)) = wire {
            return protobuf.learn(id, &given.schema);
        }
        if let (Some(Wire::Json(described)), Some(_)) = (&mut *wire, &given.id) {
            return described.learn(id, &given.schema);
        }
        if given.id.is_none() && !matches!(wire, Some(Wire::Avro(_))) {
            let mut as_avro = table.clone();
            as_avro.format.encoding = Encoding::Avro;
            *wire = Some(Wire::Avro(Box::new(Avro::new(&as_avro, false))));
        }
        if let Some(Wire::Avro(avro)) = wire {
            avro.learn(id, &given.schema);
        }
    }
}

/// A schema's id, and the JSON behind it.
#[inline]
pub(super) fn json_of(record: &[u8]) -> Result<(u32, &[u8]), DecodeError> {
    match unframed(record) {
        Some(framed) => Ok(framed),
        None => Err(not_framed(record)),
    }
}
