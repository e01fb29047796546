//! Messages as they are written in `.proto` text, which is what a registry has.
//!
//! A registry's record says which message it is by its place in the text: the second message's first nested one is 1, 0.
//! Entries of maps, which nobody wrote, are not counted.

use std::sync::Arc;

use prost_types::DescriptorProto;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use standings_model::table::protobuf::Schema;

use crate::descriptors::{DescriptorError, of_set};

/// What the text itself is called while it is compiled.
const MAIN: &str = "standings.main.proto";

/// What registries have built in, and serve to nobody: of these types the fields alone.
const BUILT_IN: &[(&str, &str)] = &[
    (
        "confluent/meta.proto",
        r#"syntax = "proto3";
package confluent;
import "google/protobuf/descriptor.proto";
message Meta { string doc = 1; map<string, string> params = 2; repeated string tags = 3; }
extend google.protobuf.FileOptions { Meta file_meta = 1088; }
extend google.protobuf.MessageOptions { Meta message_meta = 1088; }
extend google.protobuf.FieldOptions { Meta field_meta = 1088; }
extend google.protobuf.EnumOptions { Meta enum_meta = 1088; }
extend google.protobuf.EnumValueOptions { Meta enum_value_meta = 1088; }
"#,
    ),
    (
        "confluent/type/decimal.proto",
        r#"syntax = "proto3";
package confluent.type;
message Decimal { bytes value = 1; uint32 precision = 2; int32 scale = 3; }
"#,
    ),
    (
        "google/type/date.proto",
        r#"syntax = "proto3";
package google.type;
message Date { int32 year = 1; int32 month = 2; int32 day = 3; }
"#,
    ),
    (
        "google/type/timeofday.proto",
        r#"syntax = "proto3";
package google.type;
message TimeOfDay { int32 hours = 1; int32 minutes = 2; int32 seconds = 3; int32 nanos = 4; }
"#,
    ),
    (
        "google/type/decimal.proto",
        r#"syntax = "proto3";
package google.type;
message Decimal { string value = 1; }
"#,
    ),
    (
        "google/type/money.proto",
        r#"syntax = "proto3";
package google.type;
message Money { string currency_code = 1; int64 units = 2; int32 nanos = 3; }
"#,
    ),
    (
        "google/type/latlng.proto",
        r#"syntax = "proto3";
package google.type;
message LatLng { double latitude = 1; double longitude = 2; }
"#,
    ),
];

/// A text and the texts that it imports, by the names that it imports them by.
struct Texts<'a> {
    main: &'a str,
    others: &'a [(&'a str, &'a str)],
}

/// Owned, as the compiler needs it.
struct Imports(Vec<(String, String)>);

impl FileResolver for Imports {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.iter().find(|(known, _)| known == name) {
            Some((_, text)) => File::from_source(name, text),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// The messages of a text, and their places in it.
#[derive(Clone, Debug)]
pub struct Written {
    /// All messages, those of what it imports too.
    pub schema: Arc<Schema>,
    roots: Vec<Place>,
}

/// A message of the text.
#[derive(Clone, Debug)]
struct Place {
    message: usize,
    inside: Vec<Place>,
}

/// Why a text has no messages.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrittenError {
    /// It is not the language.
    #[error("{0}")]
    Syntax(String),
    /// What it describes cannot be used.
    #[error(transparent)]
    Described(#[from] DescriptorError),
}

impl Written {
    /// Compiles a text; `others`: what it imports, each by its name.
    pub fn compile(main: &str, others: &[(&str, &str)]) -> Result<Self, WrittenError> {
        Texts { main, others }.compile()
    }

    /// The message at a place: its number.
    pub fn at(&self, indexes: &[usize]) -> Option<usize> {
        let (last, before) = indexes.split_last()?;
        let mut places = &self.roots;
        for index in before {
            places = &places.get(*index)?.inside;
        }
        places.get(*last).map(|place| place.message)
    }
}

impl Texts<'_> {
    fn compile(self) -> Result<Written, WrittenError> {
        // What comes with the text is nearer than what is built in.
        let mut imports = vec![(MAIN.to_owned(), self.main.to_owned())];
        let others = self.others.iter().chain(BUILT_IN);
        imports.extend(others.map(|(name, text)| ((*name).to_owned(), (*text).to_owned())));
        let mut resolver = ChainFileResolver::new();
        resolver.add(Imports(imports));
        resolver.add(GoogleFileResolver::new());
        let mut compiler = Compiler::with_file_resolver(resolver);
        compiler.include_imports(true);
        // Of what is wrong the first line says all; others draw it.
        let wrong = |e: protox::Error| {
            let shown = e.to_string();
            WrittenError::Syntax(shown.lines().next().unwrap_or_default().to_owned())
        };
        compiler.open_file(MAIN).map_err(wrong)?;
        let set = compiler.file_descriptor_set();
        let schema = of_set(&set)?;
        let main = set.file.iter().find(|file| file.name() == MAIN);
        let roots = main.map(|file| {
            let before = match file.package() {
                "" => String::new(),
                package => format!("{package}."),
            };
            places(&schema, &file.message_type, &before)
        });
        Ok(Written {
            roots: roots.unwrap_or_default(),
            schema: Arc::new(schema),
        })
    }
}

fn places(schema: &Schema, messages: &[DescriptorProto], before: &str) -> Vec<Place> {
    let is_written = |m: &&DescriptorProto| !m.options.as_ref().is_some_and(|o| o.map_entry());
    let messages = messages.iter().filter(is_written);
    let place = |of: &DescriptorProto| {
        let name = format!("{before}{}", of.name());
        Some(Place {
            message: schema.find(&name)?,
            inside: places(schema, &of.nested_type, &format!("{name}.")),
        })
    };
    messages.filter_map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN_TEXT: &str = r#"
syntax = "proto3";
package shop;
import "money.proto";
import "confluent/meta.proto";
import "google/type/date.proto";
import "google/protobuf/timestamp.proto";
message First { map<string, int32> counts = 1; message In { money.Cents cents = 1; } In in = 2; }
message Second { option (confluent.message_meta).doc = "x"; google.type.Date due = 1; google.protobuf.Timestamp at = 2; }
"#;
    const MONEY: &str = r#"syntax = "proto3"; package money; message Cents { int64 n = 1; }"#;

    #[test]
    fn messages_by_their_places() {
        let written = Written::compile(MAIN_TEXT, &[("money.proto", MONEY)]).unwrap();
        let name = |indexes: &[usize]| {
            let message = written.at(indexes)?;
            Some(written.schema.messages[message].name.as_str())
        };
        assert_eq!(name(&[0]), Some("shop.First"));
        assert_eq!(name(&[1]), Some("shop.Second"));
        assert_eq!(name(&[0, 0]), Some("shop.First.In"));
        for none in [&[][..], &[2], &[0, 1], &[1, 0], &[0, 0, 0]] {
            assert_eq!(name(none), None, "{none:?}");
        }
    }

    #[test]
    fn texts_that_are_none() {
        let wrong = |text: &str| Written::compile(text, &[]).unwrap_err().to_string();
        assert!(wrong(MAIN_TEXT).contains("money.proto"));
        assert!(!wrong("message {").is_empty());
        assert!(!wrong("{\"type\": \"record\"}").is_empty());
        let deep = format!(
            "syntax = \"proto3\"; {}{}",
            "message M {".repeat(5000),
            "}".repeat(5000)
        );
        assert!(!wrong(&deep).is_empty());
        let long = format!(
            "syntax = \"proto3\"; message M {{ option x = {}1; }}",
            "{a:".repeat(20_000)
        );
        assert!(!wrong(&long).is_empty());
    }
}
