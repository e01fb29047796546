//! How a column is declared that takes what a writer's type holds.

use std::borrow::Cow;

use super::logical::Logical;
use super::schema::{Id, Node, Schema};

/// The type that takes all values of a writer's.
pub(super) fn declaration(schema: &Schema, id: Id, depth: usize) -> Cow<'static, str> {
    if depth > 3 {
        return "…".into();
    }
    let written = &schema.types[id];
    let inner = |id: Id| declaration(schema, id, depth + 1);
    let seconds = |digits: u8| digits.min(6);
    match (&written.node, written.logical) {
        (_, Some(Logical::Decimal { scale })) => format!("DECIMAL(38, {})", scale.min(38)).into(),
        (_, Some(Logical::Uuid)) => "STRING".into(),
        (_, Some(Logical::Date)) => "DATE".into(),
        (_, Some(Logical::Clock { .. })) => "TIME".into(),
        (_, Some(Logical::Instant { digits })) => {
            format!("TIMESTAMP_LTZ({})", seconds(digits)).into()
        }
        (_, Some(Logical::Local { digits })) => format!("TIMESTAMP({})", seconds(digits)).into(),
        (Node::Null | Node::Open, _) => "any type".into(),
        (Node::Boolean, _) => "BOOLEAN".into(),
        (Node::Int, _) => "INT".into(),
        (Node::Long, _) => "BIGINT".into(),
        (Node::Float, _) => "FLOAT, or a DECIMAL of enough digits".into(),
        (Node::Double, _) => "DOUBLE, or a DECIMAL of enough digits".into(),
        (Node::Bytes | Node::Fixed(_), _) => "BYTES".into(),
        (Node::Text | Node::Enum(_), _) => "STRING".into(),
        (Node::Array(of), _) => format!("ARRAY<{}>", inner(*of)).into(),
        (Node::Map(of), _) => format!("MAP<STRING, {}>", inner(*of)).into(),
        (Node::Union(branches), _) => {
            let is_null = |b: &&Id| schema.types[**b].node != Node::Null;
            branches
                .iter()
                .find(is_null)
                .map_or("any type".into(), |b| inner(*b))
        }
        (Node::Record(fields), _) => {
            let shown = fields.iter().take(4);
            let mut all: Vec<String> = shown
                .map(|f| format!("{} {}", f.name, inner(f.of)))
                .collect();
            if fields.len() > all.len() {
                all.push("…".to_owned());
            }
            format!("ROW<{}>", all.join(", ")).into()
        }
    }
}
