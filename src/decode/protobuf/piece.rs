//! One value of a field that is not made of others, as its column takes it.

use std::borrow::Cow;

use standings_model::table::protobuf::{Kind, Schema};
use standings_model::types::Type;
use standings_model::value::Real;
use standings_protobuf::{Filled, Raw, Take};

use super::{known, literal};
use crate::columns::{Kind as JsonKind, kind as json_kind};
use crate::error::{self, DecodeError};
use crate::scalar::{Refused, Scalar, refuse, scalar as of_json};
use crate::times::Times;
use crate::zone::Zone;

/// The value of a field; none where it is as if the field were absent.
#[inline]
pub(super) fn scalar<'a>(
    schema: &'a Schema,
    kind: Kind,
    take: &Take,
    raw: Raw<'a>,
    zone: &Zone,
) -> Result<Option<Scalar<'a>>, Refused> {
    if let (Take::Text(most), Raw::Bytes(bytes)) = (take, raw) {
        return text(bytes, *most).map(|text| Some(Scalar::Text(Cow::Borrowed(text))));
    }
    match raw {
        Raw::Varint(_) | Raw::Eight(_) | Raw::Four(_) => number(schema, kind, take, raw, zone),
        Raw::Bytes(bytes) if kind.message().is_some() => known::scalar(schema, take, bytes, zone),
        Raw::Group(bytes) if kind.message().is_some() => known::scalar(schema, take, bytes, zone),
        Raw::Bytes(bytes) => of_bytes(kind, take, bytes, zone).map(Some),
        Raw::Group(_) => refuse(error::WRONG_TYPE, expected(kind)),
    }
}

/// What a field of a kind is on the wire.
fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => "four bytes, by its descriptor",
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => "eight bytes, by its descriptor",
        Kind::String | Kind::Bytes | Kind::Message(_) => "bytes with a length, by its descriptor",
        Kind::Group(_) => "a group, by its descriptor",
        _ => "a varint, by its descriptor",
    }
}

fn number<'a>(
    schema: &'a Schema,
    kind: Kind,
    take: &Take,
    raw: Raw<'_>,
    zone: &Zone,
) -> Result<Option<Scalar<'a>>, Refused> {
    if let Some(n) = whole(kind, raw) {
        if let Kind::Enum(number) = kind {
            return of_enum(schema, number, take, n);
        }
        return of_whole(take, n).map(Some);
    }
    let (n, single) = match (kind, raw) {
        (Kind::Float, Raw::Four(bits)) => (f64::from(f32::from_bits(bits)), true),
        (Kind::Double, Raw::Eight(bits)) => (f64::from_bits(bits), false),
        _ => return refuse(error::WRONG_TYPE, expected(kind)),
    };
    real(take, n, single, zone).map(Some)
}

/// A whole number, or that of an enum, or 0 and 1 of a boolean.
#[inline]
fn whole(kind: Kind, raw: Raw<'_>) -> Option<i128> {
    let turned = |n: u64| (n >> 1) as i64 ^ -((n & 1) as i64);
    // Of a field of 32 bits the others are cut off: a negative number has ten bytes.
    Some(match (kind, raw) {
        (Kind::Bool, Raw::Varint(n)) => i128::from(n != 0),
        (Kind::Int32 | Kind::Enum(_), Raw::Varint(n)) => i128::from(n as i32),
        (Kind::Sint32, Raw::Varint(n)) => i128::from(turned(u64::from(n as u32)) as i32),
        (Kind::Uint32, Raw::Varint(n)) => i128::from(n as u32),
        (Kind::Int64, Raw::Varint(n)) => i128::from(n as i64),
        (Kind::Sint64, Raw::Varint(n)) => i128::from(turned(n)),
        (Kind::Uint64, Raw::Varint(n)) | (Kind::Fixed64, Raw::Eight(n)) => i128::from(n),
        (Kind::Fixed32, Raw::Four(n)) => i128::from(n),
        (Kind::Sfixed32, Raw::Four(n)) => i128::from(n as i32),
        (Kind::Sfixed64, Raw::Eight(n)) => i128::from(n as i64),
        _ => return None,
    })
}

fn of_enum<'a>(
    schema: &'a Schema,
    number: usize,
    take: &Take,
    n: i128,
) -> Result<Option<Scalar<'a>>, Refused> {
    let Some(of) = schema.enums.get(number) else {
        return Ok(None);
    };
    let named = of.values.iter().find(|(_, of)| i128::from(*of) == n);
    match (named, take) {
        // Of a closed enum it is as a field that is not known.
        (None, _) if of.is_closed => Ok(None),
        (None, Take::Name(_)) => {
            let allowed = format!(
                "a number that {} names; take newer descriptors, or declare INT",
                of.name
            );
            refuse(error::WRONG_TYPE, allowed)
        }
        (Some((name, _)), Take::Name(most)) => {
            let name = text(name.as_bytes(), *most)?;
            Ok(Some(Scalar::Text(Cow::Borrowed(name))))
        }
        (_, take) => of_whole(take, n).map(Some),
    }
}

fn of_whole<'a>(take: &Take, n: i128) -> Result<Scalar<'a>, Refused> {
    match take {
        // It is 0 or 1.
        Take::Flag => Ok(Scalar::Int(n as i64)),
        Take::Whole(width) => match i64::try_from(n) {
            Ok(small) if width.holds(n) => Ok(Scalar::Int(small)),
            _ => refuse(
                error::WRONG_TYPE,
                format!("a number that {} holds", Type::Integer(*width)),
            ),
        },
        Take::Digits { precision, scale } => {
            let unscaled = n.checked_mul(10i128.pow(u32::from(*scale)));
            let most = 10u128.pow(u32::from(*precision));
            match unscaled.filter(|n| n.unsigned_abs() < most) {
                Some(n) => Ok(Scalar::Decimal(n)),
                None => refuse(
                    error::AMOUNT_OUT_OF_RANGE,
                    format!("at most {precision} digits in all, {scale} of them a fraction"),
                ),
            }
        }
        Take::Millis(of) => {
            let times = times(of);
            let us = i64::try_from(n).ok().and_then(|ms| ms.checked_mul(1000));
            match us.and_then(|us| times.kept(us)) {
                Some(us) => Ok(Scalar::Int(us)),
                None => refuse(
                    error::TIME_OUT_OF_RANGE,
                    "milliseconds of the years 1 to 9999; of other units TO_TIMESTAMP_LTZ(n, 0 to 9) makes a time",
                ),
            }
        }
        _ => refuse(error::WRONG_TYPE, "another type of column"),
    }
}

/// Which times a column takes.
#[inline]
pub(super) fn times(of: &Type) -> Times {
    let digits = match of {
        Type::Timestamp(digits) | Type::Instant(digits) => *digits,
        _ => 6,
    };
    Times::new(digits, false, Default::default())
}

fn real<'a>(take: &Take, n: f64, single: bool, zone: &Zone) -> Result<Scalar<'a>, Refused> {
    if !n.is_finite() {
        return refuse(error::WRONG_TYPE, "a number that is finite");
    }
    // Of 32 bits by their own shortest digits, as everywhere here.
    let shortest = || match single {
        true => (n as f32).to_string(),
        false => n.to_string(),
    };
    match take {
        Take::Real { .. } if single => {
            let n = shortest().parse().unwrap_or(n);
            Ok(Scalar::Double(Real::new(n)))
        }
        Take::Real { .. } => Ok(Scalar::Double(Real::new(n))),
        &Take::RealDigits { precision, scale } => {
            let kind = JsonKind::Decimal {
                precision,
                scale,
                zeros: true,
            };
            match of_json(kind, &shortest(), zone)? {
                Scalar::Decimal(n) => Ok(Scalar::Decimal(n)),
                _ => refuse(error::BAD_AMOUNT, "a number"),
            }
        }
        _ => refuse(error::WRONG_TYPE, "another type of column"),
    }
}

fn of_bytes<'a>(
    kind: Kind,
    take: &Take,
    bytes: &'a [u8],
    zone: &Zone,
) -> Result<Scalar<'a>, Refused> {
    match (kind, take) {
        (Kind::Bytes, Take::Raw) => Ok(Scalar::Bytes(bytes.to_vec())),
        (Kind::String, Take::Padded(to)) => {
            let text = text(bytes, *to)?;
            let spaces = (*to as usize).saturating_sub(text.chars().count());
            Ok(Scalar::Text(Cow::Owned(format!(
                "{text}{}",
                " ".repeat(spaces)
            ))))
        }
        (Kind::String, Take::Written(of)) => {
            let text = text(bytes, u32::MAX)?;
            let quoted = serde_json::to_string(text).unwrap_or_default();
            match of_json(json_kind(of, false, &Default::default()), &quoted, zone)? {
                Scalar::Int(n) => Ok(Scalar::Int(n)),
                Scalar::Decimal(n) => Ok(Scalar::Decimal(n)),
                _ => refuse(error::WRONG_TYPE, "another type of column"),
            }
        }
        _ => refuse(error::WRONG_TYPE, expected(kind)),
    }
}

/// A text that a column keeps.
#[inline]
fn text(bytes: &[u8], most: u32) -> Result<&str, Refused> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refuse(error::NOT_UTF8, "text in UTF-8");
    };
    if memchr::memchr(0, bytes).is_some() {
        return refuse(error::NUL_IN_TEXT, "text without U+0000");
    }
    if bytes.len() > most as usize && text.chars().count() > most as usize {
        return refuse(error::TEXT_TOO_LONG, format!("at most {most} characters"));
    }
    Ok(text)
}

/// The least value of a kind: what a field without presence is where it is absent.
pub(super) fn least(kind: Kind) -> Raw<'static> {
    match kind {
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => Raw::Four(0),
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => Raw::Eight(0),
        Kind::String | Kind::Bytes | Kind::Message(_) | Kind::Group(_) => Raw::Bytes(&[]),
        _ => Raw::Varint(0),
    }
}

/// What a column is where its field is absent; none for NULL.
pub(super) fn default(schema: &Schema, field: &Filled, take: &Take) -> Option<Scalar<'static>> {
    let text = field.default.as_deref()?;
    let mut bytes = Vec::new();
    let raw = match text {
        "" => least(field.kind),
        text => literal::raw(schema, field.kind, text, &mut bytes)?,
    };
    // A default that the column cannot hold is none: an empty text is no number.
    let found = scalar(schema, field.kind, take, raw, &Zone::default());
    found.ok().flatten().map(own)
}

/// A value that borrows nothing.
fn own(scalar: Scalar<'_>) -> Scalar<'static> {
    match scalar {
        Scalar::Null => Scalar::Null,
        Scalar::Int(n) => Scalar::Int(n),
        Scalar::Decimal(n) => Scalar::Decimal(n),
        Scalar::Double(n) => Scalar::Double(n),
        Scalar::Text(text) => Scalar::Text(Cow::Owned(text.into_owned())),
        Scalar::Bytes(bytes) => Scalar::Bytes(bytes),
    }
}

/// Why a value is not taken, for its dead letter.
#[cold]
pub(super) fn error(no: Refused, kind: Kind, name: &str, raw: Raw<'_>) -> DecodeError {
    DecodeError::field(no.reason, name, &shown(kind, raw), &no.expected)
}

fn shown(kind: Kind, raw: Raw<'_>) -> String {
    match (kind, raw) {
        (Kind::Float, Raw::Four(bits)) => f32::from_bits(bits).to_string(),
        (Kind::Double, Raw::Eight(bits)) => f64::from_bits(bits).to_string(),
        (Kind::String, Raw::Bytes(bytes)) => format!("{:?}", String::from_utf8_lossy(bytes)),
        (Kind::Bytes, Raw::Bytes(bytes)) => format!("{} bytes", bytes.len()),
        (kind, Raw::Bytes(_) | Raw::Group(_)) if kind.message().is_some() => {
            "this message".to_owned()
        }
        (kind, raw) => match whole(kind, raw) {
            Some(n) => n.to_string(),
            None => raw.name().to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_of_every_kind() {
        for (kind, raw, n) in [
            (Kind::Int32, Raw::Varint(u64::MAX), -1),
            (Kind::Int32, Raw::Varint(0xffff_ffff), -1),
            (Kind::Uint32, Raw::Varint(u64::MAX), 0xffff_ffff),
            (Kind::Sint32, Raw::Varint(0xffff_ffff), i128::from(i32::MIN)),
            (Kind::Sint64, Raw::Varint(u64::MAX), i128::from(i64::MIN)),
            (Kind::Sint64, Raw::Varint(2), 1),
            (Kind::Uint64, Raw::Varint(u64::MAX), i128::from(u64::MAX)),
            (Kind::Fixed32, Raw::Four(u32::MAX), 0xffff_ffff),
            (Kind::Sfixed32, Raw::Four(u32::MAX), -1),
            (Kind::Sfixed64, Raw::Eight(u64::MAX), -1),
            (Kind::Bool, Raw::Varint(2), 1),
        ] {
            assert_eq!(whole(kind, raw), Some(n), "{kind:?}");
        }
        assert_eq!(whole(Kind::Int32, Raw::Four(1)), None);
    }
}
