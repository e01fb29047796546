//! The type that a column of a field is best declared with.

use standings_model::table::protobuf::{Field, Kind, Schema};

use crate::take::wrapped;

/// Rows in rows that are written out.
const DEPTH: usize = 2;
/// Fields of a row that are.
const FIELDS: usize = 16;

/// What a column of this field is best declared as: `ARRAY<ROW<sku STRING, quantity INT>>`.
pub fn declared(schema: &Schema, field: &Field) -> String {
    of_field(schema, field, DEPTH)
}

fn of_field(schema: &Schema, field: &Field, depth: usize) -> String {
    let message = field.kind.message().and_then(|n| schema.messages.get(n));
    if let Some(entry) = message.filter(|m| m.is_entry) {
        let of = |number: u32| {
            let part = entry.fields.iter().find(|f| f.number == number);
            part.map_or_else(|| "STRING".to_owned(), |f| of_field(schema, f, depth))
        };
        return format!("MAP<{}, {}>", of(1), of(2));
    }
    let one = of_kind(schema, field.kind, depth);
    match field.repeated {
        true => format!("ARRAY<{one}>"),
        false => one,
    }
}

fn of_kind(schema: &Schema, kind: Kind, depth: usize) -> String {
    let plain = match kind {
        Kind::Bool => "BOOLEAN",
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "INT",
        Kind::Uint32 | Kind::Fixed32 | Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "BIGINT",
        Kind::Uint64 | Kind::Fixed64 => "DECIMAL(20, 0)",
        Kind::Float => "FLOAT",
        Kind::Double => "DOUBLE",
        Kind::String | Kind::Enum(_) => "STRING",
        Kind::Bytes => "BYTES",
        Kind::Message(number) | Kind::Group(number) => {
            return of_message(schema, number, depth);
        }
    };
    plain.to_owned()
}

fn of_message(schema: &Schema, number: usize, depth: usize) -> String {
    let Some(message) = schema.messages.get(number) else {
        return "ROW<…>".to_owned();
    };
    let plain = match message.name.as_str() {
        "google.protobuf.Timestamp" => "TIMESTAMP_LTZ(6)",
        "google.type.Date" => "DATE",
        "google.type.TimeOfDay" => "TIME",
        "google.type.Decimal" | "confluent.type.Decimal" => "DECIMAL(38, 2)",
        name => match wrapped(name) {
            Some(kind) => return of_kind(schema, kind, depth),
            None => "",
        },
    };
    if !plain.is_empty() {
        return plain.to_owned();
    }
    // A message may be a part of itself.
    if depth == 0 || message.fields.is_empty() {
        return "ROW<…>".to_owned();
    }
    let fields = message.fields.iter().take(FIELDS);
    let fields = fields.map(|f| format!("{} {}", f.name, of_field(schema, f, depth - 1)));
    let more = if message.fields.len() > FIELDS {
        ", …"
    } else {
        ""
    };
    format!("ROW<{}{more}>", fields.collect::<Vec<_>>().join(", "))
}
