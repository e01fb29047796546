//! One value of a record, as its column takes it.

use standings_model::value::{Real, Value};

use super::super::columns::Kind;
use super::super::error;
use super::super::scalar::{self, Scalar, of_twos_complement};
use super::super::zone::Zone;
use super::convert::{Convert, Unit, Whole};
use super::input::{Broken, Input};
use super::schema::Schema;
use super::values;

/// A value.
pub(super) enum Out<'a> {
    Null,
    Int(i64),
    Decimal(i128),
    Double(Real),
    /// As they lie in the record, and the last that was read of it.
    Bytes(&'a [u8]),
    /// A text of the schema.
    Symbol(&'a str),
    /// A text that was made.
    Text(String),
    /// Made of others.
    Value(Value),
}

/// Why there is none.
pub(super) enum Fault {
    /// The record is not one of its schema.
    Broken(Broken),
    /// The value is not the column's: reason, what was found, what was expected.
    Refused(Box<(&'static str, String, String)>),
    /// A field of a row that must be there: where, below the column.
    Missing(String),
}

impl From<Broken> for Fault {
    fn from(broken: Broken) -> Self {
        Fault::Broken(broken)
    }
}

type Read<'o> = Result<Out<'o>, Fault>;

#[cold]
pub(super) fn refused<T>(
    reason: &'static str,
    found: impl Into<String>,
    expected: impl Into<String>,
) -> Result<T, Fault> {
    Err(Fault::Refused(Box::new((
        reason,
        found.into(),
        expected.into(),
    ))))
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// Reads a value.
#[inline]
pub(super) fn read<'o, 'a: 'o, 'c: 'o>(
    convert: &'c Convert,
    schema: &Schema,
    input: &mut Input<'a>,
    zone: &Zone,
) -> Read<'o> {
    match convert {
        Convert::Option { null, some } => match input.choice(2)? == *null {
            true => Ok(Out::Null),
            false => plain(some, schema, input, zone),
        },
        convert => plain(convert, schema, input, zone),
    }
}

#[inline]
fn whole(of: Whole, input: &mut Input<'_>) -> Result<i64, Broken> {
    match of {
        Whole::Int => input.int(),
        Whole::Long => input.long(),
    }
}

fn sized<'a>(size: Option<usize>, input: &mut Input<'a>) -> Result<&'a [u8], Broken> {
    match size {
        None => input.sized(),
        Some(n) => input.take(n),
    }
}

fn plain<'o, 'a: 'o, 'c: 'o>(
    convert: &'c Convert,
    schema: &Schema,
    input: &mut Input<'a>,
    zone: &Zone,
) -> Read<'o> {
    match convert {
        Convert::Integer { whole: of, width } => {
            let n = whole(*of, input)?;
            match width.holds(i128::from(n)) {
                true => Ok(Out::Int(n)),
                false => refused(
                    error::WRONG_TYPE,
                    n.to_string(),
                    "an integer of the column's type; declare BIGINT",
                ),
            }
        }
        Convert::Text { size, most } => {
            let bytes = sized(*size, input)?;
            text(bytes, *most)?;
            Ok(Out::Bytes(bytes))
        }
        Convert::Time {
            whole: of,
            unit,
            times,
            local,
        } => {
            let n = whole(*of, input)?;
            let us = match unit {
                Unit::Times(by) => n.checked_mul(*by),
                Unit::By(by) => Some(n.div_euclid(*by)),
            };
            let instant = |clock| match local {
                true => zone.instant(clock),
                false => Some(clock),
            };
            match us.and_then(|us| times.kept(instant(us)?)) {
                Some(us) => Ok(Out::Int(us)),
                None => refused(
                    error::TIME_OUT_OF_RANGE,
                    n.to_string(),
                    "a time of the years that its column takes",
                ),
            }
        }
        Convert::Decimal {
            size,
            from,
            precision,
            scale,
        } => rescaled(sized(*size, input)?, *from, *precision, *scale),
        Convert::Null => Ok(Out::Null),
        Convert::Refuse { found, expected } => refused(error::WRONG_TYPE, found, expected),
        Convert::Option { .. } => read(convert, schema, input, zone),
        Convert::Union(branches) => {
            let branch = input.choice(branches.len())?;
            read(&branches[branch], schema, input, zone)
        }
        Convert::Boolean => Ok(Out::Int(i64::from(input.boolean()?))),
        Convert::Array(part) => values::array(part, schema, input, zone).map(Out::Value),
        Convert::Map(key, part) => values::map(key, part, schema, input, zone).map(Out::Value),
        Convert::Row(row) => values::row(row, schema, input, zone).map(Out::Value),
        rare => seldom(rare, input, zone),
    }
}

/// What is read less often.
fn seldom<'o, 'a: 'o, 'c: 'o>(
    convert: &'c Convert,
    input: &mut Input<'a>,
    zone: &Zone,
) -> Read<'o> {
    match convert {
        Convert::WholeDecimal {
            whole: of,
            precision,
            scale,
        } => {
            let n = whole(*of, input)?;
            let scaled = 10i128.checked_pow(u32::from(*scale));
            let scaled = scaled.and_then(|by| i128::from(n).checked_mul(by));
            in_range(scaled, *precision, || n.to_string())
        }
        Convert::WholeDouble { whole: of } => {
            let n = whole(*of, input)?;
            match n.unsigned_abs() <= 1 << f64::MANTISSA_DIGITS {
                true => Ok(Out::Double(Real::new(n as f64))),
                false => refused(
                    error::WRONG_TYPE,
                    n.to_string(),
                    "a number that a DOUBLE is exactly; declare BIGINT",
                ),
            }
        }
        Convert::WholeText { whole: of } => Ok(Out::Text(whole(*of, input)?.to_string())),
        Convert::Date => {
            let n = input.int()?;
            // The years 1 to 9999.
            match (-719_162..=2_932_896).contains(&n) {
                true => Ok(Out::Int(n)),
                false => refused(
                    error::TIME_OUT_OF_RANGE,
                    n.to_string(),
                    "a day of the years 1 to 9999",
                ),
            }
        }
        Convert::Clock { whole: of, unit } => {
            let n = whole(*of, input)?;
            let us = match unit {
                Unit::Times(by) => n.checked_mul(*by),
                Unit::By(by) => Some(n.div_euclid(*by)),
            };
            match us.filter(|us| (0..DAY).contains(us)) {
                Some(us) => Ok(Out::Int(us)),
                None => refused(error::TIME_OUT_OF_RANGE, n.to_string(), "a time of day"),
            }
        }
        Convert::Double { single, to_single } => double(number(*single, input)?, *to_single),
        Convert::DoubleDecimal { single, kind } => {
            // Its shortest digits, as a person would write it.
            let text = number(*single, input)?.to_string();
            said(*kind, &text, &text, zone)
        }
        Convert::Padded { size, to } => padded(text(sized(*size, input)?, *to)?, *to),
        Convert::Bytes { size } => Ok(Out::Bytes(sized(*size, input)?)),
        Convert::Uuid { most } => uuid(input.take(16)?, *most),
        Convert::Symbols(all) => Ok(Out::Symbol(&all[input.choice(all.len())?])),
        Convert::Said(kind) => {
            let text = text(input.sized()?, u32::MAX)?;
            let json = serde_json::to_string(text).unwrap_or_default();
            said(*kind, &json, text, zone)
        }
        // The others are read before.
        _ => Ok(Out::Null),
    }
}

/// A floating point number, as wide as it was written.
enum Number {
    Single(f32),
    Double(f64),
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Number::Single(n) => n.fmt(f),
            Number::Double(n) => n.fmt(f),
        }
    }
}

fn number(single: bool, input: &mut Input<'_>) -> Result<Number, Broken> {
    Ok(match single {
        true => Number::Single(input.float()?),
        false => Number::Double(input.double()?),
    })
}

fn double(number: Number, to_single: bool) -> Read<'static> {
    // Of 32 bits by its own shortest digits, as of JSON.
    let n: Option<f64> = match number {
        Number::Single(n) => n.to_string().parse().ok(),
        Number::Double(n) if to_single => (n as f32).to_string().parse().ok(),
        Number::Double(n) => Some(n),
    };
    match n.filter(|n| n.is_finite()) {
        Some(n) => Ok(Out::Double(Real::new(n))),
        None => refused(
            error::WRONG_TYPE,
            number.to_string(),
            "a number that a floating point number can be",
        ),
    }
}

/// What a text says, by the rules of JSON.
fn said(kind: Kind, json: &str, found: &str, zone: &Zone) -> Read<'static> {
    match scalar::scalar(kind, json, zone) {
        Ok(Scalar::Int(n)) => Ok(Out::Int(n)),
        Ok(Scalar::Decimal(n)) => Ok(Out::Decimal(n)),
        Ok(_) => refused(error::WRONG_TYPE, found, "another type"),
        Err(no) => refused(no.reason, found, no.expected),
    }
}

/// Text of at most so many characters.
#[inline]
fn text(bytes: &[u8], most: u32) -> Result<&str, Fault> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refused(
            error::NOT_UTF8,
            String::from_utf8_lossy(bytes),
            "text in UTF-8",
        );
    };
    if memchr::memchr(0, bytes).is_some() {
        return refused(error::NUL_IN_TEXT, text, "text without U+0000");
    }
    if bytes.len() > most as usize && text.chars().count() > most as usize {
        return refused(
            error::TEXT_TOO_LONG,
            text,
            format!("at most {most} characters"),
        );
    }
    Ok(text)
}

fn padded(text: &str, to: u32) -> Read<'static> {
    let spaces = (to as usize).saturating_sub(text.chars().count());
    let mut text = text.to_owned();
    text.extend(std::iter::repeat_n(' ', spaces));
    Ok(Out::Text(text))
}

fn uuid(bytes: &[u8], most: u32) -> Read<'static> {
    let mut text = String::with_capacity(36);
    for (n, byte) in bytes.iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    match most < 36 {
        true => refused(
            error::TEXT_TOO_LONG,
            text,
            format!("at most {most} characters"),
        ),
        false => Ok(Out::Text(text)),
    }
}

/// Digits in two's complement, the highest first, at another scale.
#[inline]
fn rescaled(bytes: &[u8], from: u8, precision: u8, scale: u8) -> Read<'static> {
    let Some(n) = twos_complement(bytes) else {
        return refused(
            error::AMOUNT_OUT_OF_RANGE,
            format!("a decimal of {} bytes", bytes.len()),
            format!("at most {precision} digits in all"),
        );
    };
    let shown = || shown(n, from);
    if from <= scale {
        let by = 10i128.checked_pow(u32::from(scale - from));
        return in_range(by.and_then(|by| n.checked_mul(by)), precision, shown);
    }
    let by = 10i128.checked_pow(u32::from(from - scale));
    match by.map(|by| (n / by, n % by)) {
        Some((whole, 0)) => in_range(Some(whole), precision, shown),
        None if n == 0 => Ok(Out::Decimal(0)),
        _ => {
            let digits = from - (0..from).take_while(|d| is_tens(n, *d + 1)).count() as u8;
            let expected = format!(
                "at most {scale} fraction digits; declare DECIMAL(…, {digits}), or round it in a computed column"
            );
            refused(error::BAD_AMOUNT, shown(), expected)
        }
    }
}

/// Whether it ends with so many zeros.
fn is_tens(n: i128, zeros: u8) -> bool {
    10i128
        .checked_pow(u32::from(zeros))
        .is_some_and(|by| n % by == 0)
}

fn in_range(n: Option<i128>, precision: u8, shown: impl Fn() -> String) -> Read<'static> {
    let most = 10u128
        .checked_pow(u32::from(precision))
        .unwrap_or(u128::MAX);
    match n.filter(|n| n.unsigned_abs() < most) {
        Some(n) => Ok(Out::Decimal(n)),
        None => refused(
            error::AMOUNT_OUT_OF_RANGE,
            shown(),
            format!("at most {precision} digits in all"),
        ),
    }
}

/// Unscaled digits as they are read.
fn shown(n: i128, scale: u8) -> String {
    match scale {
        0..=38 => Value::decimal(n, scale).to_string(),
        _ => format!("{n}e-{scale}"),
    }
}

/// A number in two's complement, the highest byte first; none where it has more than 128 bits. Of no byte it is zero.
#[inline]
pub(super) fn twos_complement(bytes: &[u8]) -> Option<i128> {
    match bytes {
        [] => Some(0),
        bytes => of_twos_complement(bytes),
    }
}
