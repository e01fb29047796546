//! What becomes of a writer's value in a column: chosen once for both types.

use std::sync::Arc;

use standings_model::types::{self, Width};

use super::super::columns::{Kind, kind};
use super::super::times::Times;
use super::declare::declaration;
use super::logical::Logical;
use super::schema::{DEPTH, Id, Node, Schema};
use standings_model::table::format::Json;

/// How a value is read.
#[derive(Clone, Debug)]
pub(super) enum Convert {
    /// It is null.
    Null,
    /// It never is the column's: what it is, and what to declare.
    Refuse {
        found: String,
        expected: String,
    },
    /// Null in one branch, and in the other this.
    Option {
        null: usize,
        some: Box<Convert>,
    },
    /// By branch.
    Union(Vec<Convert>),
    Boolean,
    /// A whole number as it is.
    Integer {
        whole: Whole,
        width: Width,
    },
    /// A whole number as a decimal.
    WholeDecimal {
        whole: Whole,
        precision: u8,
        scale: u8,
    },
    /// A whole number as a floating point one.
    WholeDouble {
        whole: Whole,
    },
    /// A whole number as text: `sale_id`.
    WholeText {
        whole: Whole,
    },
    /// A whole number as microseconds.
    Time {
        whole: Whole,
        unit: Unit,
        times: Times,
        /// It is what a clock shows, and the column an instant.
        local: bool,
    },
    /// A day.
    Date,
    /// A time of day.
    Clock {
        whole: Whole,
        unit: Unit,
    },
    /// A floating point number.
    Double {
        single: bool,
        to_single: bool,
    },
    /// Its shortest digits as a decimal.
    DoubleDecimal {
        single: bool,
        kind: Kind,
    },
    /// Text, or bytes that are UTF-8.
    Text {
        size: Option<usize>,
        most: u32,
    },
    /// Text filled up with spaces.
    Padded {
        size: Option<usize>,
        to: u32,
    },
    /// Bytes, or those of a text.
    Bytes {
        size: Option<usize>,
    },
    /// Sixteen bytes as the text of a UUID.
    Uuid {
        most: u32,
    },
    /// One of these texts.
    Symbols(Vec<String>),
    /// Text that says something else, by the rules of JSON's strings.
    Said(Kind),
    /// Digits in two's complement.
    Decimal {
        size: Option<usize>,
        from: u8,
        precision: u8,
        scale: u8,
    },
    Array(Box<Typed>),
    /// Its keys, as texts that say what they are; its values.
    Map(Box<Typed>, Box<Typed>),
    /// The fields of a row inside of an array or a map.
    Row(Box<RowOf>),
}

/// A part of an array, a map or a row: how it is read, and what it is then.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) convert: Convert,
    pub(super) kind: types::Type,
}

/// Of a whole number: how many bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Int,
    Long,
}

/// What a unit is in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Times(i64),
    By(i64),
}

impl Unit {
    fn of(digits: u8) -> Self {
        match digits {
            9 => Unit::By(1000),
            6 => Unit::Times(1),
            _ => Unit::Times(1000),
        }
    }
}

/// A day in microseconds.
const DAY: Unit = Unit::Times(86_400_000_000);

/// A record inside of an array or a map.
#[derive(Clone, Debug)]
pub(super) struct RowOf {
    /// How the writer's fields are read, in its order: passed over, or into the place of the row.
    pub(super) fields: Vec<(Id, Option<(usize, Typed)>)>,
    /// Of each field of the row: its name, and whether it must have a value.
    pub(super) names: Vec<(String, bool)>,
}

/// Chooses; `schema` is the writer's.
pub(super) struct Chooser<'s> {
    pub(super) schema: &'s Arc<Schema>,
}

impl Chooser<'_> {
    /// How a value of the writer's type is read for a column.
    pub(super) fn choose(&self, id: Id, kind: Kind, of: &types::Type, depth: usize) -> Convert {
        if depth > DEPTH {
            return self.refuse(id, of);
        }
        let written = &self.schema.types[id];
        let meaning = written.logical;
        match &written.node {
            Node::Null | Node::Open => Convert::Null,
            Node::Union(branches) => self.union(branches, kind, of, depth),
            Node::Boolean if kind == Kind::Boolean => Convert::Boolean,
            Node::Int => self.whole(id, Whole::Int, meaning, kind, of),
            Node::Long => self.whole(id, Whole::Long, meaning, kind, of),
            Node::Float | Node::Double => {
                let single = written.node == Node::Float;
                match kind {
                    Kind::Double { single: to_single } => Convert::Double { single, to_single },
                    Kind::Decimal { .. } => Convert::DoubleDecimal { single, kind },
                    _ => self.refuse(id, of),
                }
            }
            Node::Text => self.text(id, None, kind, of),
            Node::Enum(symbols) => match kind {
                Kind::Text { .. } | Kind::Id | Kind::Padded { .. } => self.symbols(symbols, of),
                _ => self.refuse(id, of),
            },
            Node::Bytes => self.bytes(id, None, meaning, kind, of),
            Node::Fixed(size) => self.bytes(id, Some(*size), meaning, kind, of),
            Node::Array(inner) => match of {
                types::Type::Array(part) => {
                    Convert::Array(Box::new(self.part(*inner, part, depth)))
                }
                _ => self.refuse(id, of),
            },
            Node::Map(inner) => match of {
                types::Type::Map(kinds) => Convert::Map(
                    Box::new(self.key(id, &kinds.0)),
                    Box::new(self.part(*inner, &kinds.1, depth)),
                ),
                _ => self.refuse(id, of),
            },
            Node::Record(_) => match of {
                types::Type::Row(fields) => self.row(id, fields, depth),
                _ => self.refuse(id, of),
            },
            Node::Boolean => self.refuse(id, of),
        }
    }

    fn part(&self, id: Id, of: &types::Type, depth: usize) -> Typed {
        let kind = kind(of, false, &Json::default());
        Typed {
            convert: self.choose(id, kind, of, depth + 1),
            kind: of.clone(),
        }
    }

    fn union(&self, branches: &[Id], to: Kind, of: &types::Type, depth: usize) -> Convert {
        let is_null = |id: &Id| self.schema.types[*id].node == Node::Null;
        if let ([one, other], Some(null)) = (branches, branches.iter().position(is_null)) {
            let some = if null == 0 { other } else { one };
            let some = Box::new(self.choose(*some, to, of, depth + 1));
            return Convert::Option { null, some };
        }
        let all = branches.iter();
        Convert::Union(all.map(|b| self.choose(*b, to, of, depth + 1)).collect())
    }

    fn whole(
        &self,
        id: Id,
        whole: Whole,
        meaning: Option<Logical>,
        to: Kind,
        of: &types::Type,
    ) -> Convert {
        let is_instant = matches!(of, types::Type::Instant(_));
        let time = |unit, local| match to {
            Kind::Time(times) => Convert::Time {
                whole,
                unit,
                times,
                local,
            },
            _ => self.refuse(id, of),
        };
        match (meaning, to) {
            // The number itself, whatever it means.
            (_, Kind::Integer { width }) => Convert::Integer { whole, width },
            (Some(Logical::Date), Kind::Date) => Convert::Date,
            (Some(Logical::Date), _) => time(DAY, is_instant),
            (Some(Logical::Clock { digits }), Kind::Clock) => Convert::Clock {
                whole,
                unit: Unit::of(digits),
            },
            (Some(Logical::Instant { digits }), _) => time(Unit::of(digits), false),
            (Some(Logical::Local { digits }), _) => time(Unit::of(digits), is_instant),
            (Some(_), _) => self.refuse(id, of),
            (
                None,
                Kind::Decimal {
                    precision, scale, ..
                },
            ) => Convert::WholeDecimal {
                whole,
                precision,
                scale,
            },
            (None, Kind::Double { .. }) => Convert::WholeDouble { whole },
            (None, Kind::Id) => Convert::WholeText { whole },
            // Milliseconds, as of JSON.
            (None, Kind::Time(_)) => time(Unit::Times(1000), false),
            (None, _) => self.refuse(id, of),
        }
    }

    fn text(&self, id: Id, size: Option<usize>, to: Kind, of: &types::Type) -> Convert {
        match to {
            Kind::Text { most } => Convert::Text { size, most },
            Kind::Id | Kind::Written => Convert::Text {
                size,
                most: u32::MAX,
            },
            Kind::Padded { to } => Convert::Padded { size, to },
            Kind::Bytes => Convert::Bytes { size },
            Kind::Decimal { .. } | Kind::Time(_) | Kind::Date | Kind::Clock if size.is_none() => {
                Convert::Said(to)
            }
            _ => self.refuse(id, of),
        }
    }

    fn bytes(
        &self,
        id: Id,
        size: Option<usize>,
        meaning: Option<Logical>,
        to: Kind,
        of: &types::Type,
    ) -> Convert {
        match (meaning, to) {
            (
                Some(Logical::Decimal { scale: from }),
                Kind::Decimal {
                    precision, scale, ..
                },
            ) => Convert::Decimal {
                size,
                from,
                precision,
                scale,
            },
            (Some(Logical::Uuid), Kind::Text { most }) => Convert::Uuid { most },
            (_, Kind::Bytes) => Convert::Bytes { size },
            (None, Kind::Text { .. } | Kind::Padded { .. } | Kind::Id) => {
                self.text(id, size, to, of)
            }
            _ => self.refuse(id, of),
        }
    }

    /// The symbols of an enum as the column keeps texts.
    fn symbols(&self, symbols: &[String], of: &types::Type) -> Convert {
        let kept = |symbol: &String| match of {
            types::Type::Char(to) => {
                let spaces = (*to as usize).saturating_sub(symbol.chars().count());
                symbol.clone() + &" ".repeat(spaces.min(1 << 16))
            }
            _ => symbol.clone(),
        };
        Convert::Symbols(symbols.iter().map(kept).collect())
    }

    /// A map's keys are texts.
    fn key(&self, map: Id, of: &types::Type) -> Typed {
        let convert = match kind(of, false, &Json::default()) {
            Kind::Text { most } => Convert::Text { size: None, most },
            Kind::Padded { to } => Convert::Padded { size: None, to },
            Kind::Bytes => Convert::Bytes { size: None },
            to @ (Kind::Decimal { .. } | Kind::Time(_) | Kind::Date | Kind::Clock) => {
                Convert::Said(to)
            }
            _ => self.refuse(map, of),
        };
        Typed {
            convert,
            kind: of.clone(),
        }
    }

    fn row(&self, id: Id, fields: &[types::RowField], depth: usize) -> Convert {
        let Node::Record(written) = &self.schema.types[id].node else {
            return Convert::Null;
        };
        let read = written.iter().map(|field| {
            let place = fields.iter().position(|f| {
                f.name == field.name
                    || field.aliases.contains(&f.name)
                        && !written.iter().any(|other| other.name == f.name)
            });
            let into = place.map(|place| (place, self.part(field.of, &fields[place].kind, depth)));
            (field.of, into)
        });
        let names = fields.iter().map(|f| (f.name.clone(), !f.nullable));
        Convert::Row(Box::new(RowOf {
            fields: read.collect(),
            names: names.collect(),
        }))
    }

    /// It never is the column's.
    pub(super) fn refuse(&self, id: Id, of: &types::Type) -> Convert {
        let written = &self.schema.types[id];
        let declare = declaration(self.schema, id, 0);
        let is_number = matches!(written.node, Node::Int | Node::Long);
        let also = match &written.node {
            Node::Bytes | Node::Fixed(_) if written.logical.is_none() && is_decimal(of) => {
                " (its schema does not say that these bytes are a decimal)"
            }
            _ if is_number && of.is_text() => ", and CAST it in a computed column",
            _ => "",
        };
        Convert::Refuse {
            found: format!("Avro's {}", written.name),
            expected: format!("{of}; declare {declare}{also}"),
        }
    }
}

fn is_decimal(of: &types::Type) -> bool {
    matches!(of, types::Type::Decimal { .. })
}
