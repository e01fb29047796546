//! `CAST`: what becomes of a value as another type.
//!
//! As Flink's, but for what does not fit: that is an error, where Flink wraps, or gives NULL.

use std::borrow::Cow;

use standings_model::digits;
use standings_model::types::{Type, Width};

use super::datum::Datum;
use super::error::Fault;
use super::number::{double, exact, parse};
use super::time::{DAY, calendar, in_range, text as moment};
use super::zone::Zone;

/// Whether there is a cast between two types.
pub fn is_known(from: &Type, to: &Type) -> bool {
    let is_plain = |t: &Type| t.is_number() || t.is_text() || *t == Type::Boolean;
    let is_time = Type::is_event_time;
    if *from == Type::Null || from == to {
        return true;
    }
    match (from, to) {
        (a, b) if is_plain(a) && is_plain(b) => true,
        (a, b) if a.is_text() => is_time(b) || matches!(b, Type::Time | Type::Bytes),
        (a, b) if b.is_text() => is_time(a) || matches!(a, Type::Time | Type::Bytes),
        (a, b) if is_time(a) && is_time(b) => true,
        (Type::Timestamp(_) | Type::Instant(_), Type::Time) => true,
        (Type::Time, Type::Timestamp(_) | Type::Instant(_)) => true,
        _ => false,
    }
}

/// A cast, by its types.
#[derive(Clone, Debug)]
pub struct Cast {
    from: Type,
    to: Type,
    zone: Zone,
}

impl Cast {
    /// Between two types; local times are those of a zone.
    pub fn new(from: &Type, to: &Type, zone: &Zone) -> Cast {
        Cast {
            from: from.clone(),
            to: to.clone(),
            zone: zone.clone(),
        }
    }

    /// The value as the other type.
    pub fn apply<'a>(&self, value: Datum<'a>) -> Result<Datum<'a>, Fault> {
        if value.is_null() {
            return Ok(Datum::Null);
        }
        match &self.to {
            Type::Integer(width) => self.integer(&value, *width),
            Type::Decimal { precision, scale } => self.decimal(&value, *precision, *scale),
            Type::Float | Type::Double => self.double(&value),
            Type::Boolean => self.boolean(&value),
            Type::Text(_) | Type::Char(_) => self.text(value),
            Type::Bytes => Ok(match value {
                Datum::Text(Cow::Borrowed(text)) => Datum::Bytes(Cow::Borrowed(text.as_bytes())),
                Datum::Text(Cow::Owned(text)) => Datum::Bytes(Cow::Owned(text.into_bytes())),
                other => other,
            }),
            Type::Date => self.date(&value),
            Type::Time => self.clock(&value),
            Type::Timestamp(precision) => self
                .timestamp(&value)
                .map(|us| Datum::Timestamp(cut(us, *precision))),
            Type::Instant(precision) => self
                .instant(&value)
                .map(|us| Datum::Instant(cut(us, *precision))),
            _ => Ok(value),
        }
    }

    fn integer(&self, value: &Datum<'_>, width: Width) -> Result<Datum<'static>, Fault> {
        let whole = match value {
            Datum::Text(text) => {
                parse::whole(text).map_err(|_| Fault::malformed(text, &self.to))?
            }
            Datum::Double(n) => double::to_whole(*n),
            other => Some(exact::truncate(other.digits(), self.from.scale())),
        };
        let fits = whole.filter(|n| width.holds(*n));
        fits.map(Datum::Integer).ok_or_else(|| self.beyond(value))
    }

    fn decimal(
        &self,
        value: &Datum<'_>,
        precision: u8,
        scale: u8,
    ) -> Result<Datum<'static>, Fault> {
        let found = match value {
            Datum::Text(text) => {
                parse::decimal(text, scale).map_err(|_| Fault::malformed(text, &self.to))?
            }
            Datum::Double(n) => double::to_exact(*n, scale),
            other => exact::rescale(other.digits(), self.from.scale(), scale),
        };
        let fits = found.filter(|n| exact::fits(*n, precision));
        fits.map(Datum::Decimal).ok_or_else(|| self.beyond(value))
    }

    fn double(&self, value: &Datum<'_>) -> Result<Datum<'static>, Fault> {
        let n = match value {
            Datum::Text(text) => {
                parse::double(text).map_err(|_| Fault::malformed(text, &self.to))?
            }
            other => other.double(self.from.scale()),
        };
        Ok(Datum::Double(match self.to {
            Type::Float => f64::from(n as f32),
            _ => n,
        }))
    }

    fn boolean(&self, value: &Datum<'_>) -> Result<Datum<'static>, Fault> {
        let text = match value {
            Datum::Text(text) => text,
            Datum::Double(n) => return Ok(Datum::Boolean(*n != 0.0)),
            other => return Ok(Datum::Boolean(other.digits() != 0)),
        };
        let word = parse::trimmed(text);
        let is = |words: &[&str]| words.iter().any(|w| w.eq_ignore_ascii_case(word));
        if is(&["true", "t", "yes", "y", "1"]) {
            Ok(Datum::Boolean(true))
        } else if is(&["false", "f", "no", "n", "0"]) {
            Ok(Datum::Boolean(false))
        } else {
            Err(Fault::malformed(text, &self.to))
        }
    }

    fn text<'a>(&self, value: Datum<'a>) -> Result<Datum<'a>, Fault> {
        let text = match value {
            Datum::Text(text) => text,
            Datum::Bytes(bytes) => {
                let wrong = |_| Fault::malformed("bytes", &self.to);
                match bytes {
                    Cow::Borrowed(bytes) => {
                        Cow::Borrowed(std::str::from_utf8(bytes).map_err(wrong)?)
                    }
                    Cow::Owned(bytes) => Cow::Owned(
                        String::from_utf8(bytes)
                            .map_err(|_| Fault::malformed("bytes", &self.to))?,
                    ),
                }
            }
            other => Cow::Owned(written(&other, &self.from, &self.zone)),
        };
        // Postgres cannot keep it.
        if text.contains('\0') {
            return Err(Fault::malformed(&text, &self.to));
        }
        Ok(Datum::Text(fitted(text, &self.to)))
    }

    fn date(&self, value: &Datum<'_>) -> Result<Datum<'static>, Fault> {
        let day = |us: i64| i32::try_from(calendar::day(us)).map_err(|_| self.beyond(value));
        Ok(Datum::Date(match value {
            Datum::Text(text) => {
                moment::date(text).ok_or_else(|| Fault::malformed(text, &self.to))?
            }
            Datum::Timestamp(us) => day(*us)?,
            Datum::Instant(us) => day(self.zone.local(*us))?,
            other => return Ok(other_date(other)),
        }))
    }

    fn clock(&self, value: &Datum<'_>) -> Result<Datum<'static>, Fault> {
        Ok(Datum::Time(match value {
            Datum::Text(text) => {
                moment::clock(text).ok_or_else(|| Fault::malformed(text, &self.to))?
            }
            Datum::Timestamp(us) => us.rem_euclid(DAY),
            Datum::Instant(us) => self.zone.local(*us).rem_euclid(DAY),
            Datum::Time(us) => *us,
            _ => 0,
        }))
    }

    /// A local time.
    fn timestamp(&self, value: &Datum<'_>) -> Result<i64, Fault> {
        Ok(match value {
            Datum::Text(text) => {
                moment::timestamp(text).ok_or_else(|| Fault::malformed(text, &self.to))?
            }
            Datum::Date(days) => self.of_day(*days)?,
            Datum::Timestamp(us) | Datum::Time(us) => *us,
            Datum::Instant(us) => self.zone.local(*us),
            _ => 0,
        })
    }

    fn instant(&self, value: &Datum<'_>) -> Result<i64, Fault> {
        Ok(match value {
            Datum::Text(text) => match moment::instant(text) {
                Some(us) => us,
                None => {
                    let local = moment::timestamp(text);
                    let local = local.ok_or_else(|| Fault::malformed(text, &self.to))?;
                    self.zone.instant(local)
                }
            },
            Datum::Instant(us) => *us,
            other => self.zone.instant(self.timestamp(other)?),
        })
    }

    fn of_day(&self, days: i32) -> Result<i64, Fault> {
        let us = i64::from(days).checked_mul(DAY).filter(|us| in_range(*us));
        us.ok_or_else(|| Fault::range(&self.to))
    }

    fn beyond(&self, value: &Datum<'_>) -> Fault {
        Fault::beyond(shown(&written(value, &self.from, &self.zone)), &self.to)
    }
}

fn other_date(value: &Datum<'_>) -> Datum<'static> {
    match value {
        Datum::Date(days) => Datum::Date(*days),
        _ => Datum::Null,
    }
}

/// A number or a short text for a message.
fn shown(text: &str) -> String {
    match text.char_indices().nth(48) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// To so many digits of a second, cut down.
fn cut(us: i64, precision: u8) -> i64 {
    let unit = 10i64.pow(u32::from(6 - precision.min(6)));
    us - us.rem_euclid(unit)
}

/// A text in its type: cut to its length, and of `CHAR` filled up to it.
fn fitted<'a>(text: Cow<'a, str>, kind: &Type) -> Cow<'a, str> {
    let (length, is_padded) = match kind {
        Type::Text(Some(n)) => (*n, false),
        Type::Char(n) => (*n, true),
        _ => return text,
    };
    let length = length as usize;
    let size = crate::text::char_length(&text);
    if size > length {
        return crate::text::left(text, length as i128);
    }
    if is_padded && size < length {
        let mut text = text.into_owned();
        text.extend(std::iter::repeat_n(' ', length - size));
        return Cow::Owned(text);
    }
    text
}

/// A value as `CAST(… AS STRING)` writes it.
pub fn written(value: &Datum<'_>, kind: &Type, zone: &Zone) -> String {
    match value {
        Datum::Text(text) => text.to_string(),
        Datum::Boolean(b) => if *b { "TRUE" } else { "FALSE" }.to_owned(),
        Datum::Integer(n) => n.to_string(),
        Datum::Decimal(n) => digits::text(|out| digits::push_decimal(out, *n, kind.scale())),
        Datum::Double(n) => double::java(*n, *kind == Type::Float),
        Datum::Date(days) => digits::text(|out| digits::push_date(out, i64::from(*days))),
        Datum::Time(us) => {
            digits::text(|out| moment::push_clock(out, *us, moment::clock_digits(*us)))
        }
        Datum::Timestamp(us) => {
            digits::text(|out| moment::push_timestamp(out, *us, second_digits(kind)))
        }
        Datum::Instant(us) => {
            let local = zone.local(*us);
            digits::text(|out| moment::push_timestamp(out, local, second_digits(kind)))
        }
        other => other.borrowed().into_value(kind).to_string(),
    }
}

fn second_digits(kind: &Type) -> u8 {
    match kind {
        Type::Timestamp(p) | Type::Instant(p) => *p,
        _ => 6,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use standings_model::value::Value;

    use super::*;

    fn cast(value: &Value, from: &Type, to: &Type) -> Result<Value, String> {
        let cast = Cast::new(from, to, &Zone::UTC);
        let done = cast.apply(Datum::of(value));
        done.map(|d| d.into_value(to)).map_err(|e| e.to_string())
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        let (tiny, int) = (Type::Integer(Width::Tiny), Type::Integer(Width::Int));
        let d = Type::decimal;
        for (value, from, to, want) in [
            (
                Value::Integer(300),
                &int,
                &tiny,
                Err("300 is beyond TINYINT"),
            ),
            (Value::Integer(-128), &int, &tiny, Ok(Value::Integer(-128))),
            (
                Value::decimal(-29, 1),
                &d(2, 1),
                &int,
                Ok(Value::Integer(-2)),
            ),
            (
                Value::decimal(25, 1),
                &d(2, 1),
                &d(3, 0),
                Ok(Value::decimal(3, 0)),
            ),
            (
                Value::Integer(1000),
                &int,
                &d(3, 0),
                Err("1000 is beyond DECIMAL(3, 0)"),
            ),
            (
                Value::double(2.9),
                &Type::Double,
                &int,
                Ok(Value::Integer(2)),
            ),
            (
                Value::double(0.1),
                &Type::Double,
                &d(3, 2),
                Ok(Value::decimal(10, 2)),
            ),
            (
                Value::double(f64::NAN),
                &Type::Double,
                &int,
                Err("NaN is beyond INT"),
            ),
            (
                Value::double(1e40),
                &Type::Double,
                &d(38, 0),
                Err("1.0E40 is beyond DECIMAL(38, 0)"),
            ),
            (
                Value::Boolean(true),
                &Type::Boolean,
                &int,
                Ok(Value::Integer(1)),
            ),
            (
                Value::Integer(0),
                &int,
                &Type::Boolean,
                Ok(Value::Boolean(false)),
            ),
            (
                Value::double(1e7),
                &Type::Double,
                &Type::STRING,
                Ok(Value::text("1.0E7")),
            ),
            (
                Value::text("a\u{7}"),
                &Type::STRING,
                &int,
                Err("'a\\u{7}' is no INT"),
            ),
            (
                Value::Bytes([0xff].into()),
                &Type::Bytes,
                &Type::STRING,
                Err("'bytes' is no STRING"),
            ),
            (
                Value::Bytes([0].into()),
                &Type::Bytes,
                &Type::STRING,
                Err("'\\u{0}' is no STRING"),
            ),
            (
                Value::text("añ"),
                &Type::STRING,
                &Type::Bytes,
                Ok(Value::Bytes("añ".as_bytes().into())),
            ),
            (Value::Null, &Type::STRING, &int, Ok(Value::Null)),
            (
                Value::text("x".repeat(80).as_str()),
                &Type::STRING,
                &Type::Date,
                Err(
                    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…' is no DATE",
                ),
            ),
        ] {
            let found = cast(&value, from, to);
            assert_eq!(found, want.map_err(str::to_owned), "{value} as {to}");
        }
    }

    #[test]
    fn an_expression_is_ready_in_any_thread() {
        fn is_ready<T: Send + Sync>() {}
        is_ready::<crate::Program>();
    }

    proptest! {
        #[test]
        fn through_a_text_and_back(n: i64, digits in -10i128.pow(38) + 1..10i128.pow(38), scale in 0..38u8, f: f64, us in -62_167_219_200_000_000i64..253_402_300_800_000_000) {
            let day = i32::try_from(us.div_euclid(DAY)).unwrap();
            for (value, kind) in [
                (Value::Integer(n.into()), Type::BIGINT),
                (Value::decimal(digits, scale), Type::decimal(38, scale)),
                (Value::double(f), Type::Double),
                (Value::Date(day), Type::Date),
                (Value::Time(us.rem_euclid(DAY)), Type::Time),
                (Value::Timestamp(us), Type::Timestamp(6)),
                (Value::Instant(us), Type::Instant(6)),
                (Value::Boolean(n > 0), Type::Boolean),
            ] {
                let text = cast(&value, &kind, &Type::STRING).unwrap();
                prop_assert_eq!(cast(&text, &Type::STRING, &kind), Ok(value), "{}", text);
            }
        }

        #[test]
        fn any_text_is_a_value_or_none(text in "\\PC*", number in "[-+0-9.eE ]{0,45}") {
            for text in [text, number] {
                let value = Value::text(text.as_str());
                for kind in [Type::BIGINT, Type::decimal(38, 9), Type::Double, Type::Date, Type::Time, Type::Timestamp(3), Type::Instant(3), Type::Boolean, Type::Char(4)] {
                    if let Ok(Value::Decimal(d)) = cast(&value, &Type::STRING, &kind) {
                        prop_assert!(exact::fits(d.unscaled, 38));
                    }
                }
            }
        }
    }
}
