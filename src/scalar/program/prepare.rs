//! Functions with what is the same for every row: patterns that are literals, scales, zones.

use regex::Regex;
use standings_model::expr::{Expr, Function, Node, TimeUnit};
use standings_model::types::Type;
use standings_model::value::Value;

use crate::Zone;
use crate::json::Path;
use crate::text::Side;
use crate::time::pattern::Pattern;

/// A function, ready.
#[derive(Debug)]
pub(super) enum Prepared {
    Negate,
    Abs,
    Sign(u8),
    /// Whole numbers at a scale, doubles.
    Floor(u8),
    Ceil(u8),
    /// From a scale to that of what comes out.
    Round(u8),
    Upper,
    Lower,
    Initcap,
    Reverse,
    CharLength,
    Trim(Side),
    Substring,
    Position,
    Replace,
    Left,
    Right,
    Pad {
        is_before: bool,
    },
    SplitIndex,
    Repeat,
    Regexp(Option<Regex>),
    Extract(TimeUnit, Zone),
    FloorTo(TimeUnit, Zone),
    CeilTo(TimeUnit, Zone),
    /// The pattern where it is a literal.
    DateFormat(Option<Pattern>, Zone),
    ToDate(Option<Pattern>),
    ToTimestamp(Option<Pattern>),
    /// Of a number at this scale.
    InstantOfNumber(u8),
    InstantOfText(Option<Pattern>),
    JsonValue(Option<Path>),
    Json {
        is_text: bool,
    },
    Element,
    Cardinality,
    /// What no query can say: NULL.
    Nothing,
}

/// A literal text among arguments.
fn literal(arguments: &[Expr], at: usize) -> Option<&str> {
    match &arguments.get(at)?.node {
        Node::Literal(Value::Text(text)) => Some(text),
        _ => None,
    }
}

impl Prepared {
    pub fn of(function: Function, arguments: &[Expr], zone: &Zone) -> Prepared {
        let first = arguments.first().map_or(&Type::Null, |a| &a.kind);
        let scale = first.scale();
        // One that is no pattern is looked at again where it is used, and is an error there.
        let pattern = || literal(arguments, 1).and_then(|text| Pattern::parse(text).ok());
        match function {
            Function::Negate => Prepared::Negate,
            Function::Abs => Prepared::Abs,
            Function::Sign => Prepared::Sign(scale),
            Function::Floor => Prepared::Floor(scale),
            Function::Ceil => Prepared::Ceil(scale),
            Function::Round => Prepared::Round(scale),
            Function::Upper => Prepared::Upper,
            Function::Lower => Prepared::Lower,
            Function::Initcap => Prepared::Initcap,
            Function::Reverse => Prepared::Reverse,
            Function::CharLength => Prepared::CharLength,
            Function::Trim => Prepared::Trim(Side::Both),
            Function::TrimStart => Prepared::Trim(Side::Start),
            Function::TrimEnd => Prepared::Trim(Side::End),
            Function::Substring => Prepared::Substring,
            Function::Position => Prepared::Position,
            Function::Replace => Prepared::Replace,
            Function::Left => Prepared::Left,
            Function::Right => Prepared::Right,
            Function::PadLeft => Prepared::Pad { is_before: true },
            Function::PadRight => Prepared::Pad { is_before: false },
            Function::SplitIndex => Prepared::SplitIndex,
            Function::Repeat => Prepared::Repeat,
            Function::RegexpExtract => {
                Prepared::Regexp(literal(arguments, 1).and_then(|text| Regex::new(text).ok()))
            }
            Function::Extract(unit) => Prepared::Extract(unit, zone.clone()),
            Function::FloorTo(unit) => Prepared::FloorTo(unit, zone.clone()),
            Function::CeilTo(unit) => Prepared::CeilTo(unit, zone.clone()),
            Function::DateFormat => Prepared::DateFormat(pattern(), zone.clone()),
            Function::ToDate => Prepared::ToDate(pattern()),
            Function::ToTimestamp => Prepared::ToTimestamp(pattern()),
            Function::ToInstant if first.is_text() => Prepared::InstantOfText(pattern()),
            Function::ToInstant => Prepared::InstantOfNumber(scale),
            Function::JsonValue => {
                Prepared::JsonValue(literal(arguments, 1).and_then(|text| Path::parse(text).ok()))
            }
            Function::JsonGet => Prepared::Json { is_text: false },
            Function::JsonGetText => Prepared::Json { is_text: true },
            Function::Element => Prepared::Element,
            Function::Cardinality => Prepared::Cardinality,
            // Those that `compile` makes of itself.
            _ => Prepared::Nothing,
        }
    }
}

/// Of how many arguments NULL gives NULL.
pub(super) fn strict(function: &Prepared, arguments: usize) -> usize {
    match function {
        // What comes out of nothing may be NULL.
        Prepared::JsonValue(_) => 1,
        _ => arguments,
    }
}
