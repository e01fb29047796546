//! Messages that name no schema, by the descriptors that `--descriptor-file` names.
//!
//! Which message they are is said by `--message-name`. Without it the one is taken that is part of no other, if there is but one: bytes
//! of Protobuf say nothing of themselves, and many a message reads those of another.

use std::collections::BTreeSet;
use std::path::Path;

use super::super::sample::{Body, Record};
use super::super::schemas::SchemaArgs;
use super::{Word, fields, object, table, typed};
use standings_decode::Decoder;
use standings_model::error::{Failure, codes};
use standings_model::table::Table;
use standings_model::table::protobuf::Schema;

/// The format that such records have.
pub(in super::super) const DESCRIBED: &str = "protobuf";

/// How descriptors are compiled.
const PROTOC: &str = "protoc --include_imports --descriptor_set_out=shop.desc shop.proto";

/// So many messages are named where one must be chosen.
const SHOWN: usize = 20;

/// A table of the message, and what it says of where that is described.
#[derive(Clone, Debug)]
pub(in super::super) struct Described {
    table: Table,
    /// The options of the table.
    pub(in super::super) options: Vec<Word>,
}

impl Described {
    /// What the command line names; none where it names no descriptors.
    pub(in super::super) fn of(args: &SchemaArgs) -> Result<Option<Self>, Failure> {
        let Some(file) = &args.descriptor_file else {
            return Ok(None);
        };
        let wrong = |code, why: String| Failure::of(code, format!("{}: {why}", file.display()));
        let bytes =
            std::fs::read(file).map_err(|e| wrong(&codes::source::SETTINGS, e.to_string()))?;
        let schema = standings_protobuf::schema(&bytes);
        let schema = schema.map_err(|e| {
            wrong(
                &codes::source::FORMAT,
                format!("{e}; {PROTOC} writes what is read"),
            )
        })?;
        let name = chosen(&schema, args.message_name.as_deref());
        let name = name.map_err(|why| wrong(&codes::source::SETTINGS, why))?;
        let message = schema.find(&name).map(|number| &schema.messages[number]);
        let columns = message.map_or_else(Vec::new, |message| fields(&schema, message));
        let options = options(file, &name);
        let table = table(&columns, DESCRIBED, &options)?;
        Ok(Some(Described { table, options }))
    }

    /// Records as JSON, with the types of their columns.
    pub(in super::super) fn body(&self, records: &[Record]) -> Body {
        let mut decoder = Decoder::new(&self.table, None, usize::MAX);
        let json = |record: &Record| match decoder.decode(&record.bytes) {
            Ok(sale) => object(&self.table, &sale),
            // One that is not what the descriptors say is shown as it is.
            Err(_) => record.bytes.clone(),
        };
        let all: Vec<Vec<u8>> = records.iter().map(json).collect();
        let all = all.into_iter().zip(records).map(|(bytes, record)| Record {
            bytes,
            ..record.clone()
        });
        Body::Typed(all.collect(), typed(&self.table), DESCRIBED)
    }
}

/// How a table names them. A relative path is of the file that declares the table, which has no place yet.
fn options(file: &Path, message: &str) -> Vec<Word> {
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    let word = |name: &str, value: String| (format!("{DESCRIBED}.{name}"), value);
    vec![
        word("descriptor-file", whole.display().to_string()),
        word("message-name", message.to_owned()),
    ]
}

/// Whether a message is of what everybody imports: wrappers, times.
fn is_of_library(name: &str) -> bool {
    ["google.", "confluent."]
        .iter()
        .any(|package| name.starts_with(package))
}

/// The message that was named, or the only one that is part of no other.
fn chosen(schema: &Schema, named: Option<&str>) -> Result<String, String> {
    let all = || {
        schema
            .messages
            .iter()
            .enumerate()
            .filter(|(_, m)| !m.is_entry)
    };
    let parts = || {
        let fields = all().flat_map(|(n, message)| message.fields.iter().map(move |f| (n, f)));
        // What is a part of itself alone may be what a record is.
        let parts = fields.filter_map(|(n, field)| field.kind.message().filter(|part| *part != n));
        // The values of a map are parts of its entries.
        let entries = schema.messages.iter().filter(|m| m.is_entry);
        let values = entries.flat_map(|entry| &entry.fields);
        let values = values.filter_map(|field| field.kind.message());
        parts.chain(values).collect::<BTreeSet<usize>>()
    };
    let names = |of: Vec<&str>| {
        let more = if of.len() > SHOWN { ", …" } else { "" };
        format!("{}{more}", of[..of.len().min(SHOWN)].join(", "))
    };
    let every = || names(all().map(|(_, m)| m.name.as_str()).collect());
    if let Some(named) = named {
        return match schema.find(named) {
            Some(_) => Ok(named.to_owned()),
            None => Err(format!("it has no message {named:?}, it has {}", every())),
        };
    }
    let parts = parts();
    let whole: Vec<&str> = all()
        .filter(|(n, message)| !parts.contains(n) && !is_of_library(&message.name))
        .map(|(_, m)| m.name.as_str())
        .collect();
    match &whole[..] {
        [only] => Ok((*only).to_owned()),
        [] => Err(format!(
            "--message-name must say which message a record is: {}",
            every()
        )),
        _ => Err(format!(
            "--message-name must say which message a record is: {}",
            names(whole)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    const FILE: &str = "tests/fixtures/protobuf/orders.desc";

    fn args(message: Option<&str>) -> SchemaArgs {
        SchemaArgs {
            descriptor_file: Some(FILE.into()),
            message_name: message.map(str::to_owned),
            ..SchemaArgs::default()
        }
    }

    #[test]
    fn messages_are_rows_by_their_descriptors() {
        let described = Described::of(&args(Some("shop.Order"))).unwrap().unwrap();
        let text = std::fs::read_to_string("tests/fixtures/protobuf/orders.ndjson").unwrap();
        let bytes = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            STANDARD.decode(line["bytes"].as_str().unwrap()).unwrap()
        };
        let mut records: Vec<Record> = text
            .lines()
            .map(|line| Record {
                bytes: bytes(line),
                ..Record::default()
            })
            .collect();
        // Half a message.
        let torn = records[0].bytes[..9].to_vec();
        records.push(Record {
            bytes: torn.clone(),
            ..Record::default()
        });
        let Body::Typed(rows, columns, DESCRIBED) = described.body(&records) else {
            panic!("no types");
        };
        assert_eq!(rows.len(), records.len());
        assert_eq!(rows.last().unwrap().bytes, torn);
        let first: serde_json::Value = serde_json::from_slice(&rows[0].bytes).unwrap();
        assert!(
            first["id"].is_string() && first["cents"].is_number(),
            "{first}"
        );
        assert!(
            first["lines"].is_array() && first["address"].is_object(),
            "{first}"
        );
        let kind = |name: &str| {
            let found = columns.iter().find(|(n, _)| n == name).unwrap();
            found.1.as_ref().unwrap().to_string()
        };
        assert_eq!(kind("placed"), "TIMESTAMP_LTZ(6)");
        assert_eq!(kind("cents"), "BIGINT");
    }

    #[test]
    fn the_message_is_named_or_is_the_only_one_that_is_no_part() {
        let schema = standings_protobuf::schema(&std::fs::read(FILE).unwrap()).unwrap();
        assert_eq!(chosen(&schema, Some("shop.Order")).unwrap(), "shop.Order");
        let why = chosen(&schema, Some("Order")).unwrap_err();
        assert!(
            why.contains("no message \"Order\", it has") && why.contains("shop.Order"),
            "{why}"
        );
        assert_eq!(chosen(&schema, None).unwrap(), "shop.Order");
        let mut two = schema.clone();
        two.messages[schema.find("shop.Order").unwrap()]
            .fields
            .clear();
        let why = chosen(&two, None).unwrap_err();
        assert!(
            why.contains("shop.Order") && why.contains("shop.Line"),
            "{why}"
        );
    }

    #[test]
    fn descriptors_that_are_none_say_how_they_are_written() {
        let mut no_file = args(None);
        no_file.descriptor_file = Some("nowhere.desc".into());
        assert!(
            Described::of(&no_file)
                .unwrap_err()
                .to_string()
                .contains("nowhere.desc")
        );
        no_file.descriptor_file = Some("Cargo.toml".into());
        let why = Described::of(&no_file).unwrap_err().to_string();
        assert!(why.contains("--descriptor_set_out"), "{why}");
        assert!(Described::of(&SchemaArgs::default()).unwrap().is_none());
    }
}
