//! Protobuf: messages by a descriptor file, or by the schema whose id is before each.
//!
//! ```text
//! protobuf              message                                        by the table's descriptors: one plan
//! protobuf-confluent    0  id (4 bytes)  place of the message  message by the id's text: a plan for each of its messages
//! ```

mod framed;
mod known;
mod literal;
mod piece;
mod plan;
mod value;

use standings_model::schema::{Language, Schema};
use standings_model::table::Table;
use standings_model::table::format::Encoding;
use standings_model::table::protobuf::Messages;
use standings_protobuf::Written;

use super::cell::Cell;
use super::error::DecodeError;
use super::made::Made;
use framed::Framed;
use plan::Plan;

/// The messages of a schema that a registry has.
pub(super) fn written(schema: &Schema) -> Result<Written, String> {
    let imports = schema.references.iter();
    let imports: Vec<_> = imports
        .map(|r| (r.name.as_str(), r.text.as_str()))
        .collect();
    match schema.language {
        Language::Protobuf => Written::compile(&schema.text, &imports).map_err(|e| e.to_string()),
        other => Err(format!("it is of {}, and not of PROTOBUF", other.word())),
    }
}

/// How the messages of a table are read.
#[derive(Debug)]
pub(super) struct Protobuf(Way);

#[derive(Debug)]
enum Way {
    /// All are one message.
    Described(Plan),
    /// Each says which it is.
    Framed(Box<Framed>),
}

impl Protobuf {
    /// For a table of this format.
    pub(super) fn of(table: &Table) -> Option<Box<Self>> {
        let Encoding::Protobuf(of) = &table.format.encoding else {
            return None;
        };
        Some(Box::new(Protobuf(match &of.messages {
            Messages::Described {
                schema, message, ..
            } => {
                // What does not fit was refused when the table was declared.
                let (plan, _) = Plan::new(schema, *message, table, of.read_defaults);
                Way::Described(plan)
            }
            Messages::Registered { message } => {
                let framed = Framed::new(table, message.as_deref(), of.read_defaults);
                Way::Framed(Box::new(framed))
            }
        })))
    }

    /// A schema has come.
    pub(super) fn learn(&mut self, id: u32, schema: &Schema) {
        if let Way::Framed(framed) = &mut self.0 {
            framed.learn(id, schema);
        }
    }

    /// Fills the cells of the columns that are read from fields.
    #[inline]
    pub(super) fn decode(
        &mut self,
        record: &[u8],
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        match &mut self.0 {
            Way::Described(plan) => plan.decode((record, 0), cells, made),
            Way::Framed(framed) => framed.decode(record, cells, made),
        }
    }
}
