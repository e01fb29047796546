//! How a field of one kind becomes a value of one type: the list of what is taken.
//!
//! | field | type of the column |
//! | --- | --- |
//! | whole numbers | integers, if each value fits; DECIMAL; of 64 bits a time, as milliseconds |
//! | `float`, `double` | FLOAT, DOUBLE; DECIMAL by its shortest digits |
//! | `bool`, `bytes` | BOOLEAN, BYTES |
//! | `string` | texts; DECIMAL and times as they are written |
//! | enum | its name as a text, or its number |
//! | `google.protobuf.Timestamp` | TIMESTAMP, TIMESTAMP_LTZ |
//! | `google.type.Date`, `TimeOfDay` | DATE, TIME |
//! | `google.type.Decimal`, `confluent.type.Decimal` | DECIMAL |
//! | `google.protobuf.StringValue` … | what its value becomes; NULL where it is absent |
//! | any other message, these too | ROW, by the names of its fields |

use standings_model::table::protobuf::{Kind, Schema};
use standings_model::types::Type;

use crate::reader::Take;

/// Messages of one value, by the kind of that.
const WRAPPERS: &[(&str, Kind)] = &[
    ("google.protobuf.DoubleValue", Kind::Double),
    ("google.protobuf.FloatValue", Kind::Float),
    ("google.protobuf.Int64Value", Kind::Int64),
    ("google.protobuf.UInt64Value", Kind::Uint64),
    ("google.protobuf.Int32Value", Kind::Int32),
    ("google.protobuf.UInt32Value", Kind::Uint32),
    ("google.protobuf.BoolValue", Kind::Bool),
    ("google.protobuf.StringValue", Kind::String),
    ("google.protobuf.BytesValue", Kind::Bytes),
];

/// The kind of the value that a message of this name wraps.
pub(crate) fn wrapped(name: &str) -> Option<Kind> {
    let found = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name);
    found.map(|(_, kind)| *kind)
}

/// Whether a kind is a whole number, and of how many bits.
pub(crate) fn bits(kind: Kind) -> Option<u32> {
    match kind {
        Kind::Int32 | Kind::Sint32 | Kind::Uint32 | Kind::Fixed32 | Kind::Sfixed32 => Some(32),
        Kind::Int64 | Kind::Sint64 | Kind::Uint64 | Kind::Fixed64 | Kind::Sfixed64 => Some(64),
        _ => None,
    }
}

/// How one value that is not made of others is taken; none if it is not.
pub(crate) fn plain(schema: &Schema, kind: Kind, of: &Type) -> Option<Take> {
    if let Some(message) = kind.message() {
        return of_message(&schema.messages.get(message)?.name, of);
    }
    Some(match (of, kind) {
        (Type::Boolean, Kind::Bool) => Take::Flag,
        (Type::Integer(width), Kind::Enum(_)) => Take::Whole(*width),
        (Type::Integer(width), kind) if bits(kind).is_some() => Take::Whole(*width),
        (&Type::Decimal { precision, scale }, kind) if bits(kind).is_some() => {
            Take::Digits { precision, scale }
        }
        (&Type::Decimal { precision, scale }, Kind::Float | Kind::Double) => {
            Take::RealDigits { precision, scale }
        }
        (Type::Float, Kind::Float) => Take::Real { single: true },
        (Type::Double, Kind::Float) => Take::Real { single: true },
        (Type::Double, Kind::Double) => Take::Real { single: false },
        (Type::Text(most), Kind::String) => Take::Text(most.unwrap_or(u32::MAX)),
        (Type::Char(to), Kind::String) => Take::Padded(*to),
        (Type::Text(most), Kind::Enum(_)) => Take::Name(most.unwrap_or(u32::MAX)),
        (Type::Bytes, Kind::Bytes) => Take::Raw,
        (
            Type::Decimal { .. } | Type::Date | Type::Time | Type::Timestamp(_) | Type::Instant(_),
            Kind::String,
        ) => Take::Written(of.clone()),
        (Type::Timestamp(_) | Type::Instant(_), kind) if bits(kind) == Some(64) => {
            Take::Millis(of.clone())
        }
        _ => return None,
    })
}

fn of_message(name: &str, of: &Type) -> Option<Take> {
    Some(match (name, of) {
        ("google.protobuf.Timestamp", Type::Timestamp(_) | Type::Instant(_)) => {
            Take::Instant(of.clone())
        }
        ("google.type.Date", Type::Date) => Take::Day,
        ("google.type.TimeOfDay", Type::Time) => Take::Clock,
        ("google.type.Decimal", Type::Decimal { .. }) => Take::DecimalText(of.clone()),
        ("confluent.type.Decimal", &Type::Decimal { precision, scale }) => {
            Take::DecimalBytes { precision, scale }
        }
        (name, of) => {
            let kind = wrapped(name)?;
            let take = plain(&Schema::default(), kind, of)?;
            Take::Wrapped(kind, Box::new(take))
        }
    })
}
