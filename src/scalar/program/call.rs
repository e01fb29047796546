//! What functions come to.

use std::borrow::Cow;

use standings_model::expr::TimeUnit;
use standings_model::types::{Type, Width};
use standings_model::value::Value;

use super::prepare::Prepared;
use crate::number::{double, exact};
use crate::time::pattern::Pattern;
use crate::time::{DAY, calendar, in_range, text as moment};
use crate::{Datum, Fault, Zone, json, text};

/// The most arguments of a function; `CONCAT` and its like have none of their own.
pub(super) const MOST_ARGUMENTS: usize = 4;

type Arguments<'a> = [Datum<'a>; MOST_ARGUMENTS];
type Outcome<'a> = Result<Datum<'a>, Fault>;

fn maybe(text: Option<Cow<'_, str>>) -> Datum<'_> {
    text.map_or(Datum::Null, Datum::Text)
}

fn owned(text: String) -> Datum<'static> {
    Datum::Text(Cow::Owned(text))
}

fn count(n: usize) -> Datum<'static> {
    Datum::Integer(n as i128)
}

impl Prepared {
    /// Of `given` arguments; those that it is strict in are not NULL. `kind` is the type of what comes out.
    pub fn apply<'a>(&'a self, arguments: Arguments<'a>, given: usize, kind: &Type) -> Outcome<'a> {
        match self {
            Prepared::Negate
            | Prepared::Abs
            | Prepared::Sign(_)
            | Prepared::Floor(_)
            | Prepared::Ceil(_)
            | Prepared::Round(_) => self.number(&arguments, given, kind),
            Prepared::Extract(..)
            | Prepared::FloorTo(..)
            | Prepared::CeilTo(..)
            | Prepared::DateFormat(..)
            | Prepared::ToDate(_)
            | Prepared::ToTimestamp(_)
            | Prepared::InstantOfNumber(_)
            | Prepared::InstantOfText(_) => self.time(&arguments, given, kind),
            Prepared::JsonValue(_)
            | Prepared::Json { .. }
            | Prepared::Element
            | Prepared::Cardinality => self.nested(arguments),
            _ => self.text(arguments, given),
        }
    }

    fn number(&self, arguments: &Arguments<'_>, given: usize, kind: &Type) -> Outcome<'static> {
        let [first, second, ..] = arguments;
        if let Datum::Double(n) = first {
            return Ok(Datum::Double(match self {
                Prepared::Negate => -n,
                Prepared::Abs => n.abs(),
                Prepared::Sign(_) if *n == 0.0 => 0.0,
                Prepared::Sign(_) => n.signum(),
                Prepared::Floor(_) => n.floor(),
                Prepared::Ceil(_) => n.ceil(),
                _ => rounded(*n, if given > 1 { second.digits() } else { 0 }),
            }));
        }
        let n = first.digits();
        let found = match self {
            Prepared::Negate => n.checked_neg(),
            Prepared::Abs => n.checked_abs(),
            Prepared::Sign(scale) => Some(n.signum() * exact::ten(*scale) as i128),
            Prepared::Floor(scale) => Some(exact::floor(n, *scale)),
            Prepared::Ceil(scale) => Some(exact::ceil(n, *scale)),
            Prepared::Round(scale) => {
                let digits = if given > 1 { second.digits() } else { 0 };
                let digits = digits.clamp(-100, 100) as i64;
                exact::round(n, *scale, digits)
                    .and_then(|n| exact::rescale(n, *scale, kind.scale()))
            }
            _ => None,
        };
        exactly(found, kind)
    }

    fn text<'a>(&'a self, arguments: Arguments<'a>, given: usize) -> Outcome<'a> {
        let [first, second, third, _] = arguments;
        let (two, three) = (second.digits(), third.digits());
        Ok(match self {
            Prepared::Upper => Datum::Text(text::upper(first.into_text())),
            Prepared::Lower => Datum::Text(text::lower(first.into_text())),
            Prepared::Initcap => owned(text::initcap(first.as_text())),
            Prepared::Reverse => owned(text::reverse(first.as_text())),
            Prepared::CharLength => count(text::char_length(first.as_text())),
            Prepared::Trim(side) => {
                let set = if given > 1 { second.as_text() } else { " " };
                Datum::Text(text::trim(first.into_text(), *side, set))
            }
            Prepared::Substring => {
                let length = (given > 2).then_some(three);
                maybe(text::substring(first.into_text(), two, length))
            }
            Prepared::Position => count(text::position(first.as_text(), second.as_text())),
            Prepared::Replace => {
                let (what, with) = (second.as_text(), third.as_text());
                Datum::Text(text::replace(first.into_text(), what, with)?)
            }
            Prepared::Left => Datum::Text(text::left(first.into_text(), two)),
            Prepared::Right => Datum::Text(text::right(first.into_text(), two)),
            Prepared::Pad { is_before } => {
                let with = if given > 2 { third.as_text() } else { " " };
                text::pad(first.as_text(), two, with, *is_before)?.map_or(Datum::Null, owned)
            }
            Prepared::SplitIndex => maybe(text::split_index(
                first.into_text(),
                second.as_text(),
                three,
            )),
            Prepared::Repeat => owned(text::repeat(first.as_text(), two)?),
            Prepared::Regexp(Some(pattern)) => {
                let group = if given > 2 { three } else { 0 };
                maybe(usize::try_from(group).ok().and_then(|group| {
                    let text = first.into_text();
                    let range = pattern.captures(&text)?.get(group)?.range();
                    Some(match text {
                        Cow::Borrowed(text) => Cow::Borrowed(&text[range]),
                        Cow::Owned(text) => Cow::Owned(text[range].to_owned()),
                    })
                }))
            }
            _ => Datum::Null,
        })
    }

    fn nested<'a>(&'a self, arguments: Arguments<'a>) -> Outcome<'a> {
        let [first, second, third, fourth] = arguments;
        Ok(match self {
            Prepared::JsonValue(path) => match first {
                Datum::Text(Cow::Borrowed(document)) => {
                    json_value(document, path.as_ref(), third, fourth)
                }
                other => {
                    let found = json_value(other.as_text(), path.as_ref(), third, fourth);
                    kept(found)
                }
            },
            Prepared::Json { is_text } => match first {
                Datum::Text(Cow::Borrowed(document)) => json_part(document, &second, *is_text),
                other => kept(json_part(other.as_text(), &second, *is_text)),
            },
            Prepared::Element => match &second {
                Datum::Integer(n) => {
                    let at = usize::try_from(*n - 1).ok();
                    let whole = second.digits();
                    first.part(|value| match value {
                        Value::Array(all) => all.get(at?),
                        Value::Map(all) => entry(all, &Value::Integer(whole)),
                        _ => None,
                    })
                }
                key => {
                    // Keys are texts but for whole numbers.
                    let key = key.borrowed().into_value(&Type::STRING);
                    first.part(|value| match value {
                        Value::Map(all) => entry(all, &key),
                        _ => None,
                    })
                }
            },
            Prepared::Cardinality => match first {
                Datum::Nested(value) => match &*value {
                    Value::Array(all) => count(all.len()),
                    Value::Map(all) => count(all.len()),
                    _ => Datum::Null,
                },
                _ => Datum::Null,
            },
            _ => Datum::Null,
        })
    }

    fn time(&self, arguments: &Arguments<'_>, given: usize, kind: &Type) -> Outcome<'static> {
        let [first, second, third, _] = arguments;
        let format = |known| pattern(known, (given > 1).then(|| second.as_text()));
        Ok(match self {
            Prepared::Extract(unit, zone) => {
                let at = match (unit, first) {
                    // An instant's, not that of the clock on the wall.
                    (TimeUnit::Epoch, Datum::Instant(us)) => *us,
                    _ => local(first, zone),
                };
                Datum::Integer(i128::from(calendar::extract(*unit, at)))
            }
            Prepared::FloorTo(unit, zone) => {
                cut(first, *unit, zone, false).ok_or_else(|| Fault::range(kind))?
            }
            Prepared::CeilTo(unit, zone) => {
                cut(first, *unit, zone, true).ok_or_else(|| Fault::range(kind))?
            }
            Prepared::DateFormat(pattern, zone) => match format(pattern)? {
                Some(pattern) => owned(pattern.format(local(first, zone))),
                None => Datum::Null,
            },
            Prepared::ToDate(pattern) => {
                let days = match format(pattern)? {
                    Some(pattern) => pattern
                        .read(first.as_text())
                        .map(|(us, _)| us.div_euclid(DAY)),
                    None => moment::date(first.as_text()).map(i64::from),
                };
                days.and_then(|d| i32::try_from(d).ok())
                    .map_or(Datum::Null, Datum::Date)
            }
            Prepared::ToTimestamp(pattern) => {
                let us = match format(pattern)? {
                    Some(pattern) => pattern.read(first.as_text()).map(|(us, _)| us),
                    None => moment::timestamp(first.as_text()),
                };
                us.map_or(Datum::Null, |us| Datum::Timestamp(to_digits(us, kind)))
            }
            Prepared::InstantOfNumber(scale) => {
                let digits = if given > 1 { second.digits() } else { 3 };
                let us = instant_of_number(first, *scale, digits);
                us.map_or(Datum::Null, |us| Datum::Instant(to_digits(us, kind)))
            }
            Prepared::InstantOfText(pattern) => {
                let zone = match given {
                    0..=2 => Some(Zone::UTC),
                    _ => Zone::named(third.as_text()),
                };
                let text = first.as_text();
                let us = match (format(pattern)?, zone) {
                    (_, None) => None,
                    (Some(pattern), Some(zone)) => pattern.read(text).map(|(us, offset)| {
                        offset.map_or_else(|| zone.instant(us), |offset| us - offset)
                    }),
                    (None, Some(zone)) => moment::instant(text)
                        .or_else(|| moment::timestamp(text).map(|us| zone.instant(us))),
                };
                us.map_or(Datum::Null, |us| Datum::Instant(to_digits(us, kind)))
            }
            _ => Datum::Null,
        })
    }
}

/// A pattern that is known, or that of a text; none where neither is.
fn pattern<'a>(
    known: &'a Option<Pattern>,
    text: Option<&str>,
) -> Result<Option<Cow<'a, Pattern>>, Fault> {
    match (known, text) {
        (Some(pattern), _) => Ok(Some(Cow::Borrowed(pattern))),
        (None, Some(text)) => Pattern::parse(text).map(|p| Some(Cow::Owned(p))),
        (None, None) => Ok(None),
    }
}

/// In its type, or an error.
fn exactly(n: Option<i128>, kind: &Type) -> Outcome<'static> {
    let fits = |n: &i128| match kind {
        Type::Integer(width) => width.holds(*n),
        Type::Decimal { precision, .. } => exact::fits(*n, *precision),
        _ => Width::Big.holds(*n),
    };
    let n = n.filter(fits).ok_or_else(|| Fault::range(kind))?;
    Ok(match kind {
        Type::Decimal { .. } => Datum::Decimal(n),
        _ => Datum::Integer(n),
    })
}

/// Half away from zero, by the shortest text.
fn rounded(n: f64, digits: i128) -> f64 {
    let places = u8::try_from(digits.max(0)).unwrap_or(u8::MAX);
    match double::to_exact(n, places.min(38)) {
        Some(exactly) if digits >= 0 => double::of_exact(exactly, places.min(38)),
        Some(exactly) => {
            let cut = exact::round(exactly, 0, digits.max(-100) as i64);
            cut.map_or(n, |n| double::of_exact(n, 0))
        }
        // Greater than any digit that could be cut.
        None => n,
    }
}

/// What a clock on the wall shows.
fn local(time: &Datum<'_>, zone: &Zone) -> i64 {
    match time {
        Datum::Date(days) => i64::from(*days).saturating_mul(DAY),
        Datum::Time(us) | Datum::Timestamp(us) => *us,
        Datum::Instant(us) => zone.local(*us),
        _ => 0,
    }
}

/// A time cut down (or up) to a unit. Of an instant, what is no longer than an hour is counted from the instant itself, so
/// that the two hours that a clock shows alike in autumn stay two.
fn cut(time: &Datum<'_>, unit: TimeUnit, zone: &Zone, up: bool) -> Option<Datum<'static>> {
    let to = |us: i64| match up {
        true => calendar::ceil(unit, us),
        false => calendar::floor(unit, us),
    };
    Some(match time {
        Datum::Instant(us) => {
            let at = zone.local(*us);
            Datum::Instant(within(match calendar::length(unit) {
                Some(_) => us + (to(at) - at),
                None => zone.instant(to(at)),
            })?)
        }
        Datum::Timestamp(us) => Datum::Timestamp(within(to(*us))?),
        Datum::Time(us) => Datum::Time(to(*us).rem_euclid(DAY)),
        Datum::Date(days) => {
            let first = within(to(i64::from(*days).saturating_mul(DAY)))?;
            Datum::Date(i32::try_from(first.div_euclid(DAY)).ok()?)
        }
        _ => return None,
    })
}

/// None beyond the years 0000 to 9999.
fn within(us: i64) -> Option<i64> {
    in_range(us).then_some(us)
}

/// To the digits of a second of its type, cut down.
fn to_digits(us: i64, kind: &Type) -> i64 {
    let digits = match kind {
        Type::Timestamp(p) | Type::Instant(p) => *p,
        _ => 6,
    };
    us - us.rem_euclid(10i64.pow(u32::from(6 - digits.min(6))))
}

/// Since the Unix epoch, in seconds (0), milliseconds (3), … nanoseconds (9).
fn instant_of_number(n: &Datum<'_>, scale: u8, digits: i128) -> Option<i64> {
    let digits = u8::try_from(digits).ok().filter(|d| *d <= 9)?;
    let (n, scale) = match n {
        Datum::Double(n) => (double::to_exact(*n, 6)?, 6),
        n => (n.digits(), scale),
    };
    // n / 10^(scale + digits) seconds, in microseconds, cut down.
    let behind = digits + scale;
    let us = match 6u8.checked_sub(behind) {
        Some(up) => n.checked_mul(exact::ten(up) as i128)?,
        None => exact::floor(n, (behind - 6).min(38)),
    };
    let us = i64::try_from(us).ok()?;
    in_range(us).then_some(us)
}

fn entry<'a>(all: &'a [(Value, Value)], key: &Value) -> Option<&'a Value> {
    // Of several with one key the last, as of a JSON object.
    all.iter().rev().find(|(k, _)| k == key).map(|(_, v)| v)
}

/// The same, borrowed from nothing.
fn kept(found: Datum<'_>) -> Datum<'static> {
    match found {
        Datum::Text(text) => owned(text.into_owned()),
        _ => Datum::Null,
    }
}

fn json_value<'a>(
    document: &'a str,
    path: Option<&json::Path>,
    on_empty: Datum<'a>,
    on_error: Datum<'a>,
) -> Datum<'a> {
    let (Some(path), Some(_)) = (path, json::whole(document)) else {
        return on_error;
    };
    match path.find(document) {
        None => on_empty,
        Some("null") => Datum::Null,
        Some(part) => json::scalar(part).map_or(on_error, Datum::Text),
    }
}

fn json_part<'a>(document: &'a str, key: &Datum<'_>, is_text: bool) -> Datum<'a> {
    let Some(document) = json::whole(document) else {
        return Datum::Null;
    };
    let part = match key {
        Datum::Text(name) => json::member(document, name),
        number => json::element_from(document, number.digits()),
    };
    match is_text {
        true => maybe(part.and_then(json::text)),
        false => part.map_or(Datum::Null, Datum::text),
    }
}
