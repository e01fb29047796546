//! Protobuf: what a table says of it, and the messages that descriptors describe.
//!
//! A message names others by their number, so that one may be a part of itself.

use std::sync::Arc;

/// `protobuf` and `protobuf-confluent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protobuf {
    /// What records are.
    pub messages: Messages,
    /// `protobuf.read-default-values`: a field that can be absent, and is, has its default.
    pub read_defaults: bool,
}

/// What records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Messages {
    /// One message, by descriptors.
    Described {
        /// `protobuf.descriptor-file`, as it is written.
        file: String,
        /// What it describes.
        schema: Arc<Schema>,
        /// The message, by its number.
        message: usize,
    },
    /// Each says which it is, by the id of a schema.
    Registered {
        /// `protobuf-confluent.message-name`: the only one that is taken.
        message: Option<String>,
    },
}

/// Messages and enums.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Messages.
    pub messages: Vec<Message>,
    /// Enums.
    pub enums: Vec<Enum>,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its name, with its package: `shop.Sale`.
    pub name: String,
    /// Its fields, in their order.
    pub fields: Vec<Field>,
    /// An entry of a map: fields 1 and 2 are its key and its value.
    pub is_entry: bool,
}

/// An enum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enum {
    /// Its name, with its package.
    pub name: String,
    /// Names and numbers, in their order.
    pub values: Vec<(String, i32)>,
    /// Of proto2: a number that has no name is as if the field were absent.
    pub is_closed: bool,
}

/// A field of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its number on the wire.
    pub number: u32,
    /// What it holds.
    pub kind: Kind,
    /// Whether it can be there more than once.
    pub repeated: bool,
    /// Whether a message says if it is there; else a field that is not has its default.
    pub presence: bool,
    /// Its default, where another one is declared (proto2), as descriptors write it.
    pub default: Option<String>,
    /// The `oneof` that it is of, by number in its message.
    pub oneof: Option<u32>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `bool`.
    Bool,
    /// `int32`.
    Int32,
    /// `sint32`.
    Sint32,
    /// `uint32`.
    Uint32,
    /// `fixed32`.
    Fixed32,
    /// `sfixed32`.
    Sfixed32,
    /// `int64`.
    Int64,
    /// `sint64`.
    Sint64,
    /// `uint64`.
    Uint64,
    /// `fixed64`.
    Fixed64,
    /// `sfixed64`.
    Sfixed64,
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `string`.
    String,
    /// `bytes`.
    Bytes,
    /// An enum, by its number.
    Enum(usize),
    /// A message, by its number.
    Message(usize),
    /// The same as a group.
    Group(usize),
}

impl Kind {
    /// Whether several of it can lie in one field, without a tag each.
    pub fn is_packable(self) -> bool {
        !matches!(
            self,
            Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Group(_)
        )
    }

    /// The message that it is.
    pub fn message(self) -> Option<usize> {
        match self {
            Kind::Message(number) | Kind::Group(number) => Some(number),
            _ => None,
        }
    }
}

impl Schema {
    /// The number of the message with this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.messages.iter().position(|m| m.name == name)
    }

    /// A kind as it is declared, for a person.
    pub fn name_of(&self, kind: Kind) -> &str {
        let message = |n: usize| self.messages.get(n).map_or("message", |m| &m.name);
        match kind {
            Kind::Bool => "bool",
            Kind::Int32 => "int32",
            Kind::Sint32 => "sint32",
            Kind::Uint32 => "uint32",
            Kind::Fixed32 => "fixed32",
            Kind::Sfixed32 => "sfixed32",
            Kind::Int64 => "int64",
            Kind::Sint64 => "sint64",
            Kind::Uint64 => "uint64",
            Kind::Fixed64 => "fixed64",
            Kind::Sfixed64 => "sfixed64",
            Kind::Float => "float",
            Kind::Double => "double",
            Kind::String => "string",
            Kind::Bytes => "bytes",
            Kind::Enum(n) => self.enums.get(n).map_or("enum", |e| &e.name),
            Kind::Message(n) | Kind::Group(n) => message(n),
        }
    }
}

impl Message {
    /// The field with this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }
}
