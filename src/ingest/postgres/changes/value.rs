//! A value's text as Debezium's JSON has it (`decimal.handling.mode = string`, times as the column declares them).
//!
//! 1. No number passes through floating point: its digits are those of the server.
//! 2. What is not as its type says stands there as a text: nothing is left out, and nothing is made up.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::kind::Kind;
use super::times;
use crate::row::push_text;

/// Appends a value.
pub(super) fn push(out: &mut Vec<u8>, kind: &Kind, text: &str) {
    match plain(kind, text) {
        Some(plain) => out.extend_from_slice(plain.as_bytes()),
        None => match kind {
            Kind::List(of, between) => match list(text, *between) {
                Some(all) => push_list(out, of, &all),
                None => push_text(out, text),
            },
            _ => push_text(out, &said(kind, text).unwrap_or_else(|| text.to_owned())),
        },
    }
}

/// What stands without quotes.
fn plain(kind: &Kind, text: &str) -> Option<String> {
    let number = |n: Option<i64>| n.map(|n| n.to_string());
    match kind {
        Kind::Bool => match text {
            "t" => Some("true".to_owned()),
            "f" => Some("false".to_owned()),
            _ => None,
        },
        Kind::Bits { one: true } => match text {
            "1" => Some("true".to_owned()),
            "0" => Some("false".to_owned()),
            _ => None,
        },
        Kind::Number | Kind::Float => is_number(text).then(|| text.to_owned()),
        Kind::Date => number(times::days(text)),
        Kind::Time { ms } => number(times::micros(text).map(|us| of(us, *ms))),
        Kind::Timestamp { ms, .. } => {
            let us = times::timestamp(text)?;
            // What is behind all time is the same number in both.
            Some(of(us, *ms && !text.ends_with("infinity")).to_string())
        }
        Kind::Interval => number(times::interval(text)),
        _ => None,
    }
}

fn of(us: i64, ms: bool) -> i64 {
    match ms {
        true => us.div_euclid(1_000),
        false => us,
    }
}

/// A number of JSON.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit())
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
}

/// What stands in quotes, where that is not the text itself.
fn said(kind: &Kind, text: &str) -> Option<String> {
    match kind {
        Kind::Money => Some(money(text)),
        Kind::Bytes => unhex(text).map(|bytes| STANDARD.encode(bytes)),
        Kind::ZonedTimestamp { digits } => times::zoned_timestamp(text, *digits),
        Kind::ZonedTime => times::zoned_time(text),
        Kind::IsoTimestamp { digits } => times::zoned_timestamp(&zoned(text), *digits),
        Kind::IsoTime => times::zoned_time(&zoned(text)),
        Kind::IsoDate => times::days(text).map(|_| format!("{text}Z")),
        Kind::Bits { .. } => bits(text).map(|bytes| STANDARD.encode(bytes)),
        _ => None,
    }
}

/// `-$1,234.50` and `($1,234.50)` as `-1234.50`.
fn money(text: &str) -> String {
    let is_less = text.contains('-') || text.starts_with('(');
    let digits: String = text
        .chars()
        .filter(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    match is_less {
        true => format!("-{digits}"),
        false => digits,
    }
}

/// With the zone that it does not have, before ` BC`; what is behind or before all time stays.
fn zoned(text: &str) -> String {
    match text.strip_suffix(" BC") {
        _ if text.ends_with("infinity") => text.to_owned(),
        Some(time) => format!("{time}+00 BC"),
        None => format!("{text}+00"),
    }
}

/// `\x00ff`
fn unhex(text: &str) -> Option<Vec<u8>> {
    let hex = text.strip_prefix("\\x")?.as_bytes();
    let digit = |b: u8| char::from(b).to_digit(16);
    hex.chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(digit(*high)? << 4 | digit(*low)?).ok(),
            _ => None,
        })
        .collect()
}

/// `101` as bytes, the lowest first.
fn bits(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0u8; text.len().div_ceil(8)];
    for (n, bit) in text.bytes().rev().enumerate() {
        match bit {
            b'1' => bytes[n / 8] |= 1 << (n % 8),
            b'0' => {}
            _ => return None,
        }
    }
    Some(bytes)
}

/// An element of a list: a value, NULL, or a list.
#[derive(Debug, PartialEq, Eq)]
enum Element {
    Null,
    Text(String),
    List(Vec<Element>),
}

/// Lists in lists: more of them Postgres does not have.
const DEEP: usize = 8;

/// `{1,NULL,"a\"b",{…}}`; bounds before it, as in `[2:3]={1,2}`, are passed over.
fn list(text: &str, between: char) -> Option<Vec<Element>> {
    let text = match text.strip_prefix('[') {
        Some(_) => text.split_once('=')?.1,
        None => text,
    };
    let mut chars = text.chars().peekable();
    (chars.next() == Some('{')).then_some(())?;
    let all = elements(&mut chars, between, DEEP)?;
    chars.next().is_none().then_some(all)
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// Behind the bracket that opens, to the one that closes.
fn elements(chars: &mut Chars<'_>, between: char, deep: usize) -> Option<Vec<Element>> {
    let mut all = Vec::new();
    if chars.next_if_eq(&'}').is_some() {
        return Some(all);
    }
    loop {
        all.push(match chars.peek()? {
            '{' if deep > 0 => {
                chars.next();
                Element::List(elements(chars, between, deep - 1)?)
            }
            '"' => {
                chars.next();
                Element::Text(quoted(chars)?)
            }
            _ => {
                let mut bare = String::new();
                while let Some(c) = chars.next_if(|c| *c != between && *c != '}') {
                    match c {
                        '\\' => bare.push(chars.next()?),
                        c => bare.push(c),
                    }
                }
                match bare.as_str() {
                    "NULL" => Element::Null,
                    _ => Element::Text(bare),
                }
            }
        });
        match chars.next()? {
            '}' => return Some(all),
            c if c == between => {}
            _ => return None,
        }
    }
}

fn quoted(chars: &mut Chars<'_>) -> Option<String> {
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(text),
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
}

fn push_list(out: &mut Vec<u8>, kind: &Kind, all: &[Element]) {
    out.push(b'[');
    for (n, element) in all.iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        match element {
            Element::Null => out.extend_from_slice(b"null"),
            Element::Text(text) => push(out, kind, text),
            Element::List(inner) => push_list(out, kind, inner),
        }
    }
    out.push(b']');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(kind: &Kind, text: &str) -> String {
        let mut out = Vec::new();
        push(&mut out, kind, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values() {
        let list = |of| Kind::List(Box::new(of), ',');
        for (kind, text, want) in [
            (Kind::Bool, "t", "true"),
            (Kind::Number, "-9007199254740993", "-9007199254740993"),
            (Kind::Float, "1e-07", "1e-07"),
            (Kind::Float, "NaN", "\"NaN\""),
            (Kind::Float, "-Infinity", "\"-Infinity\""),
            (
                Kind::Text,
                "12345678901234567890.10",
                "\"12345678901234567890.10\"",
            ),
            (Kind::Money, "-$1,234.50", "\"-1234.50\""),
            (Kind::Bytes, "\\x00ff", "\"AP8=\""),
            (Kind::Date, "2026-01-23", "20476"),
            (Kind::Time { ms: true }, "10:15:00.123", "36900123"),
            (
                Kind::Timestamp {
                    ms: false,
                    digits: 6,
                },
                "2026-01-23 10:15:00",
                "1769163300000000",
            ),
            (
                Kind::Timestamp {
                    ms: true,
                    digits: 3,
                },
                "2026-01-23 10:15:00.5",
                "1769163300500",
            ),
            (
                Kind::Timestamp {
                    ms: true,
                    digits: 3,
                },
                "infinity",
                "9223372036825200000",
            ),
            (
                Kind::IsoTimestamp { digits: 6 },
                "2026-01-23 10:15:00.5",
                "\"2026-01-23T10:15:00.500000Z\"",
            ),
            (
                Kind::IsoTimestamp { digits: 6 },
                "-infinity",
                "\"-infinity\"",
            ),
            (Kind::IsoTime, "10:15:00", "\"10:15:00Z\""),
            (Kind::IsoDate, "2026-01-23", "\"2026-01-23Z\""),
            (Kind::Bits { one: true }, "1", "true"),
            (Kind::Bits { one: false }, "100000001", "\"AQE=\""),
            (list(Kind::Number), "{}", "[]"),
            (list(Kind::Number), "{1,NULL,3}", "[1,null,3]"),
            (
                list(Kind::Text),
                r#"{a,"b,\"}",NULL,"NULL",""}"#,
                r#"["a","b,\"}",null,"NULL",""]"#,
            ),
            (list(Kind::Number), "{{1,2},{3,4}}", "[[1,2],[3,4]]"),
            (list(Kind::Bool), "[2:3]={t,f}", "[true,false]"),
            // What is not as its type says.
            (list(Kind::Number), "{1,2", "\"{1,2\""),
            (Kind::Bool, "maybe", "\"maybe\""),
            (Kind::Date, "soon", "\"soon\""),
        ] {
            assert_eq!(written(&kind, text), want, "{kind:?} {text}");
        }
    }
}
