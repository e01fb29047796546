//! Values as the JSON that they would be: what an envelope says beside its rows is then read as that of envelopes in JSON.
//!
//! Bytes, lists and maps are null: no connector's `source` has them where somebody asks.

use std::io::Write;

use super::envelope::branch;
use super::input::{Broken, Input};
use super::schema::{Id, Node, Schema};
use standings_model::json;

/// Appends a value.
pub(super) fn push(
    input: &mut Input<'_>,
    schema: &Schema,
    id: Id,
    out: &mut Vec<u8>,
) -> Result<(), Broken> {
    let id = branch(input, schema, id)?;
    // Writing to a Vec cannot fail, here and below.
    match &schema.types[id].node {
        Node::Boolean => drop(write!(out, "{}", input.boolean()?)),
        Node::Int => drop(write!(out, "{}", input.int()?)),
        Node::Long => drop(write!(out, "{}", input.long()?)),
        Node::Float => number(out, f64::from(input.float()?)),
        Node::Double => number(out, input.double()?),
        Node::Text => json::push_string(out, &String::from_utf8_lossy(input.sized()?)),
        Node::Enum(symbols) => json::push_string(out, &symbols[input.choice(symbols.len())?]),
        Node::Record(fields) => {
            input.deeper()?;
            out.push(b'{');
            for (n, field) in fields.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                json::push_string(out, &field.name);
                out.push(b':');
                push(input, schema, field.of, out)?;
            }
            out.push(b'}');
            input.depth -= 1;
        }
        _ => {
            input.skip(schema, id)?;
            out.extend_from_slice(b"null");
        }
    }
    Ok(())
}

fn number(out: &mut Vec<u8>, n: f64) {
    match n.is_finite() {
        true => drop(write!(out, "{n}")),
        false => out.extend_from_slice(b"null"),
    }
}
