//! What a column's type is to a reader of Debezium's records: which of its encodings a value has.

use std::collections::BTreeMap;

use super::pgoutput::Column;

/// A type, as the catalog has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Of a domain: the type that it is of, and what that is limited to.
    pub base: Option<(u32, i32)>,
    /// Of an array: the type of its elements, and what stands between them.
    pub element: Option<(u32, char)>,
}

/// All types that were asked for, by their numbers.
pub type Types = BTreeMap<u32, Type>;

/// How a value is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true`.
    Bool,
    /// A number with its own digits.
    Number,
    /// A number, or a text where it is none.
    Float,
    /// `1,234.50 €`, without what is around the number.
    Money,
    /// Base64.
    Bytes,
    /// Days since 1970.
    Date,
    /// Since midnight: ms with up to three digits, µs with more.
    Time {
        /// In ms.
        ms: bool,
    },
    /// `10:15:00Z`.
    ZonedTime,
    /// Since 1970 without a zone: ms with up to three digits, µs with more.
    Timestamp {
        /// In ms.
        ms: bool,
        /// Behind the point.
        digits: usize,
    },
    /// `2026-01-23T10:15:00.000000Z`.
    ZonedTimestamp {
        /// Behind the point.
        digits: usize,
    },
    /// µs.
    Interval,
    /// One bit: `true`; more: base64, the lowest first.
    Bits {
        /// One.
        one: bool,
    },
    /// `2026-01-23Z`, `10:15:00Z`, `2026-01-23T10:15:00.000000Z`: what has no zone, as if it were UTC.
    IsoDate,
    /// A time of a day.
    IsoTime,
    /// A moment.
    IsoTimestamp {
        /// Behind the point.
        digits: usize,
    },
    /// Values in brackets.
    List(Box<Kind>, char),
    /// As the server writes it.
    Text,
}

/// A domain of a domain of …: more of them are not followed.
const DEEP: usize = 32;

impl Kind {
    /// Of a column.
    pub fn of(column: &Column, types: &Types) -> Kind {
        Kind::found(column.kind, column.modifier, types, DEEP)
    }

    /// Dates and times as texts, and not as numbers.
    pub fn iso(self) -> Kind {
        match self {
            Kind::Date => Kind::IsoDate,
            Kind::Time { .. } => Kind::IsoTime,
            Kind::Timestamp { digits, .. } => Kind::IsoTimestamp { digits },
            Kind::List(of, between) => Kind::List(Box::new(of.iso()), between),
            other => other,
        }
    }

    fn found(number: u32, modifier: i32, types: &Types, deep: usize) -> Kind {
        let Some(found) = types.get(&number).filter(|_| deep > 0) else {
            return Kind::Text;
        };
        if let Some((base, limit)) = found.base {
            return Kind::found(base, limit, types, deep - 1);
        }
        if let Some((element, between)) = found.element {
            let of = Kind::found(element, modifier, types, deep - 1);
            return Kind::List(Box::new(of), between);
        }
        if found.schema != "pg_catalog" {
            return Kind::Text;
        }
        // Without a limit it has six digits.
        let ms = (0..=3).contains(&modifier);
        let digits = usize::try_from(modifier).map_or(6, |digits| digits.min(6));
        match found.name.as_str() {
            "bool" => Kind::Bool,
            "int2" | "int4" | "int8" | "oid" => Kind::Number,
            "float4" | "float8" => Kind::Float,
            "money" => Kind::Money,
            "bytea" => Kind::Bytes,
            "date" => Kind::Date,
            "time" => Kind::Time { ms },
            "timetz" => Kind::ZonedTime,
            "timestamp" => Kind::Timestamp { ms, digits },
            "timestamptz" => Kind::ZonedTimestamp { digits },
            "interval" => Kind::Interval,
            "bit" => Kind::Bits { one: modifier == 1 },
            "varbit" => Kind::Bits { one: false },
            _ => Kind::Text,
        }
    }
}

/// `numeric`, `shop.mood[]`: for people, and to see that a type is another one.
pub fn name(column: &Column, types: &Types) -> String {
    let Some(of) = types.get(&column.kind) else {
        return format!("type {}", column.kind);
    };
    match of.schema.as_str() {
        "pg_catalog" => of.name.clone(),
        schema => format!("{schema}.{}", of.name),
    }
}
