//! A compiled descriptor file (`protoc --include_imports --descriptor_set_out`) as messages that know each other by number.

use std::collections::HashMap;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    FileDescriptorSet,
};
use standings_model::table::protobuf::{Enum, Field, Kind, Message, Schema};

/// Bytes that a descriptor file may have.
const MOST_BYTES: usize = 16 << 20;
/// Messages in messages.
const DEPTH: usize = 64;

/// Why descriptors cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DescriptorError {
    /// Too many bytes.
    #[error("{0} bytes, at most {MOST_BYTES} are read")]
    TooLarge(usize),
    /// No set of descriptors.
    #[error("it is no set of descriptors: {0}")]
    NoSet(String),
    /// A file in it is of editions.
    #[error("{0} is written in an edition of Protobuf, and proto2 and proto3 are read")]
    Edition(String),
    /// A name that nothing in it has.
    #[error("{file} names {name}, which is not in it: compile it with --include_imports")]
    Unknown {
        /// The file that names it.
        file: String,
        /// The name.
        name: String,
    },
    /// A field that says not what it is, or with a number that no field has.
    #[error("the field {0} has no type or no number")]
    NoType(String),
    /// Messages in messages without end.
    #[error("{0} lies in more than {DEPTH} messages")]
    TooDeep(String),
}

/// The messages of a compiled descriptor file.
pub fn schema(bytes: &[u8]) -> Result<Schema, DescriptorError> {
    if bytes.len() > MOST_BYTES {
        return Err(DescriptorError::TooLarge(bytes.len()));
    }
    let set = FileDescriptorSet::decode(bytes);
    let set = set.map_err(|e| DescriptorError::NoSet(e.to_string()))?;
    if set.file.is_empty() {
        return Err(DescriptorError::NoSet("there is no file in it".to_owned()));
    }
    of_set(&set)
}

/// The messages of descriptors.
pub fn of_set(set: &FileDescriptorSet) -> Result<Schema, DescriptorError> {
    let mut found = Found::default();
    for file in &set.file {
        let is_proto3 = match file.syntax() {
            "" | "proto2" => false,
            "proto3" => true,
            _ => return Err(DescriptorError::Edition(file.name().to_owned())),
        };
        let package = match file.package() {
            "" => String::new(),
            package => format!("{package}."),
        };
        for message in &file.message_type {
            found.message(file, message, &package, is_proto3, 0)?;
        }
        for of in &file.enum_type {
            found.enumeration(of, &package, is_proto3);
        }
    }
    let messages = found.messages.iter();
    let messages = messages.map(|(name, of, ..)| Message {
        name: name.clone(),
        fields: Vec::with_capacity(of.field.len()),
        is_entry: is_entry(of),
    });
    let mut messages: Vec<Message> = messages.collect();
    for (number, (_, of, file, is_proto3)) in found.messages.iter().enumerate() {
        for field in &of.field {
            let field = found.field(file, of, field, *is_proto3)?;
            messages[number].fields.push(field);
        }
    }
    Ok(Schema {
        messages,
        enums: found.enums,
    })
}

fn is_entry(of: &DescriptorProto) -> bool {
    of.options.as_ref().is_some_and(|o| o.map_entry())
}

/// All that have a name.
#[derive(Default)]
struct Found<'a> {
    messages: Vec<(String, &'a DescriptorProto, &'a FileDescriptorProto, bool)>,
    enums: Vec<Enum>,
    message_numbers: HashMap<String, usize>,
    enum_numbers: HashMap<String, usize>,
}

impl<'a> Found<'a> {
    fn message(
        &mut self,
        file: &'a FileDescriptorProto,
        of: &'a DescriptorProto,
        before: &str,
        is_proto3: bool,
        depth: usize,
    ) -> Result<(), DescriptorError> {
        let name = format!("{before}{}", of.name());
        if depth > DEPTH {
            return Err(DescriptorError::TooDeep(name));
        }
        let inside = format!("{name}.");
        for message in &of.nested_type {
            self.message(file, message, &inside, is_proto3, depth + 1)?;
        }
        for inner in &of.enum_type {
            self.enumeration(inner, &inside, is_proto3);
        }
        self.message_numbers
            .insert(name.clone(), self.messages.len());
        self.messages.push((name, of, file, is_proto3));
        Ok(())
    }

    fn enumeration(&mut self, of: &EnumDescriptorProto, before: &str, is_proto3: bool) {
        let name = format!("{before}{}", of.name());
        let values = of.value.iter();
        self.enum_numbers.insert(name.clone(), self.enums.len());
        self.enums.push(Enum {
            name,
            values: values.map(|v| (v.name().to_owned(), v.number())).collect(),
            is_closed: !is_proto3,
        });
    }

    fn field(
        &self,
        file: &FileDescriptorProto,
        message: &DescriptorProto,
        of: &FieldDescriptorProto,
        is_proto3: bool,
    ) -> Result<Field, DescriptorError> {
        let full = || format!("{}.{}", message.name(), of.name());
        let number = u32::try_from(of.number()).unwrap_or_default();
        if !(1..1 << 29).contains(&number) || of.r#type.is_none() {
            return Err(DescriptorError::NoType(full()));
        }
        let kind = self.kind(file, of)?;
        let repeated = of.label() == Label::Repeated;
        let in_entry = is_entry(message);
        let explicit = !is_proto3 || of.proto3_optional() || of.oneof_index.is_some();
        Ok(Field {
            name: of.name().to_owned(),
            number,
            kind,
            repeated,
            presence: !repeated && !in_entry && (explicit || kind.message().is_some()),
            default: of.default_value.clone().or_else(|| self.first(kind)),
            // One of its own is there to say that it has presence.
            oneof: of
                .oneof_index
                .filter(|_| !of.proto3_optional())
                .and_then(|n| u32::try_from(n).ok()),
        })
    }

    /// What an enum is by default: its first value.
    fn first(&self, kind: Kind) -> Option<String> {
        let Kind::Enum(number) = kind else {
            return None;
        };
        let values = &self.enums.get(number)?.values;
        values.first().map(|(name, _)| name.clone())
    }

    fn kind(
        &self,
        file: &FileDescriptorProto,
        of: &FieldDescriptorProto,
    ) -> Result<Kind, DescriptorError> {
        let name = of.type_name().trim_start_matches('.');
        let known = |numbers: &HashMap<String, usize>| {
            numbers
                .get(name)
                .copied()
                .ok_or_else(|| DescriptorError::Unknown {
                    file: file.name().to_owned(),
                    name: name.to_owned(),
                })
        };
        Ok(match of.r#type() {
            Type::Double => Kind::Double,
            Type::Float => Kind::Float,
            Type::Int64 => Kind::Int64,
            Type::Uint64 => Kind::Uint64,
            Type::Int32 => Kind::Int32,
            Type::Fixed64 => Kind::Fixed64,
            Type::Fixed32 => Kind::Fixed32,
            Type::Bool => Kind::Bool,
            Type::String => Kind::String,
            Type::Group => Kind::Group(known(&self.message_numbers)?),
            Type::Message => Kind::Message(known(&self.message_numbers)?),
            Type::Bytes => Kind::Bytes,
            Type::Uint32 => Kind::Uint32,
            Type::Enum => Kind::Enum(known(&self.enum_numbers)?),
            Type::Sfixed32 => Kind::Sfixed32,
            Type::Sfixed64 => Kind::Sfixed64,
            Type::Sint32 => Kind::Sint32,
            Type::Sint64 => Kind::Sint64,
        })
    }
}
