//! `'protobuf.descriptor-file'` and what of it a record is.

use std::path::Path;
use std::sync::Arc;

use super::given::Given;
use crate::error::{QueryError, Text};
use crate::toml::nearest;
use standings_model::table::protobuf::{Messages, Protobuf, Schema};

/// How descriptors are compiled.
const PROTOC: &str = "protoc --include_imports --descriptor_set_out=shop.desc shop.proto";

/// What the options of the value's format say, or of the key's.
pub(super) fn settings(
    text: Text<'_>,
    given: &Given,
    of_key: bool,
) -> Result<Arc<Protobuf>, QueryError> {
    let format = given.get(if of_key { "key.format" } else { "format" });
    let format = format.map_or(sqlparser::tokenizer::Span::empty(), |v| v.at);
    let before = if of_key { "key." } else { "" };
    let Some(file) = given.of(of_key, "descriptor-file") else {
        let found = format!("'protobuf' without '{before}protobuf.descriptor-file'");
        return Err(text.error(
            format,
            found,
            format!("the file that this writes: {PROTOC}"),
        ));
    };
    // Beside the file that declares the table, wherever the program was started.
    let beside = Path::new(text.file).parent().unwrap_or(Path::new(""));
    let bytes = std::fs::read(beside.join(&file.text)).map_err(|e| {
        let found = format!("'{}', which cannot be read: {e}", file.text);
        text.error(
            file.at,
            found,
            format!("a file, relative to the one that declares the table: {PROTOC}"),
        )
    })?;
    let schema = standings_protobuf::schema(&bytes).map_err(|e| {
        text.error(
            file.at,
            format!("'{}': {e}", file.text),
            format!("the file that this writes: {PROTOC}"),
        )
    })?;
    let Some(name) = given.of(of_key, "message-name") else {
        let found = format!("'protobuf' without '{before}protobuf.message-name'");
        return Err(text.error(format, found, messages(&schema, "")));
    };
    let Some(message) = schema.find(&name.text) else {
        let found = format!("the message '{}', which '{}' has not", name.text, file.text);
        return Err(text.error(name.at, found, messages(&schema, &name.text)));
    };
    Ok(Arc::new(Protobuf {
        messages: Messages::Described {
            file: file.text.clone(),
            schema: Arc::new(schema),
            message,
        },
        read_defaults: given.is(of_key, "read-default-values", false),
    }))
}

/// What those of a registry's format say: a record says its message itself.
pub(super) fn registered(given: &Given, of_key: bool) -> Arc<Protobuf> {
    Arc::new(Protobuf {
        messages: Messages::Registered {
            message: given.text(of_key, "message-name"),
        },
        read_defaults: given.is(of_key, "read-default-values", false),
    })
}

/// The messages that there are, and which was probably meant.
fn messages(schema: &Schema, meant: &str) -> String {
    const SHOWN: usize = 20;
    let all = schema.messages.iter().filter(|m| !m.is_entry);
    let mut all: Vec<&str> = all.map(|m| m.name.as_str()).collect();
    let near = nearest(meant, all.iter().copied());
    // One without its package is as near as it gets.
    let short = |name: &&&str| name.rsplit('.').next() == Some(meant);
    let near = all.iter().find(short).copied().or(near);
    let near = near.map_or_else(String::new, |n| format!("did you mean '{n}'? "));
    let more = if all.len() > SHOWN { ", …" } else { "" };
    all.truncate(SHOWN);
    format!("{near}A message of it: {}{more}", all.join(", "))
}
