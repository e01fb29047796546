//! Parts of a JSON document that is text, as it is written: numbers keep their digits.
//!
//! A document is looked through once a step of the path, and never built. What is no JSON, or deeper than 128, has no parts.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// One step into a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A member of an object; of several with one name the last.
    Member(String),
    /// An element of an array, from 0.
    Element(usize),
}

/// A path such as `$.a.b[0]['c d']`, with `lax` or `strict` before it or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path(Vec<Step>);

impl Path {
    /// Of its text; else what is wrong with it.
    pub fn parse(text: &str) -> Result<Path, String> {
        let trimmed = text.trim();
        let bare = ["lax", "strict"]
            .iter()
            .find_map(|m| trimmed.strip_prefix(m))
            .unwrap_or(trimmed);
        let mut rest = bare
            .trim_start()
            .strip_prefix('$')
            .ok_or_else(|| "it begins with `$`".to_owned())?;
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let (step, after) = step(rest)?;
            steps.push(step);
            rest = after;
        }
        Ok(Path(steps))
    }

    /// The part of a document that this leads to.
    pub fn find<'a>(&self, document: &'a str) -> Option<&'a str> {
        let mut part = whole(document)?;
        for step in &self.0 {
            part = match step {
                Step::Member(name) => member(part, name)?,
                Step::Element(number) => element(part, *number)?,
            };
        }
        Some(part)
    }
}

const KNOWN: &str = "behind `$` there are `.name`, `['name']` and `[0]`";

fn step(text: &str) -> Result<(Step, &str), String> {
    if let Some(rest) = text.strip_prefix('.') {
        if rest.starts_with('"') {
            return quoted(rest);
        }
        let end = rest.find(['.', '[']).unwrap_or(rest.len());
        let name = rest[..end].trim();
        if name.is_empty() || name.contains(['*', '(', ')', '?', '@', ' ', ']']) {
            return Err(format!("`{}`: {KNOWN}", &rest[..end]));
        }
        return Ok((Step::Member(name.to_owned()), &rest[end..]));
    }
    let Some(rest) = text.strip_prefix('[') else {
        return Err(format!("`{text}`: {KNOWN}"));
    };
    let rest = rest.trim_start();
    if rest.starts_with(['\'', '"']) {
        let (step, rest) = quoted(rest)?;
        let rest = rest.trim_start().strip_prefix(']');
        return Ok((step, rest.ok_or_else(|| KNOWN.to_owned())?));
    }
    let (number, rest) = rest.split_once(']').ok_or_else(|| KNOWN.to_owned())?;
    let number = number.trim().parse();
    let number = number.map_err(|_| format!("`[{text}`: {KNOWN}"))?;
    Ok((Step::Element(number), rest))
}

fn quoted(text: &str) -> Result<(Step, &str), String> {
    let mut all = text.char_indices();
    let quote = all.next().map(|(_, c)| c);
    let mut name = String::new();
    while let Some((at, c)) = all.next() {
        if Some(c) == quote {
            return Ok((Step::Member(name), &text[at + 1..]));
        }
        match (c, all.clone().next()) {
            ('\\', Some((_, next))) => {
                name.push(next);
                all.next();
            }
            _ => name.push(c),
        }
    }
    Err(format!("`{text}`: the quote does not end"))
}

/// The whole document, if it is JSON.
pub fn whole(document: &str) -> Option<&str> {
    serde_json::from_str::<&RawValue>(document)
        .ok()
        .map(RawValue::get)
}

/// A member of an object.
pub fn member<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    struct Members<'n>(&'n str);
    impl<'de> Visitor<'de> for Members<'_> {
        type Value = Option<&'de RawValue>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut found = None;
            while let Some(key) = map.next_key::<Cow<'de, str>>()? {
                if key == self.0 {
                    found = Some(map.next_value()?);
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(found)
        }
    }
    if !document.trim_start().starts_with('{') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(document);
    let found = reader.deserialize_map(Members(name)).ok()??;
    Some(found.get())
}

/// The elements of an array of which `take` wants one, by its number and how many there are.
fn of_array(document: &str, take: impl Fn(usize) -> bool) -> Option<(Option<&str>, usize)> {
    struct Elements<F>(F);
    impl<'de, F: Fn(usize) -> bool> Visitor<'de> for Elements<F> {
        type Value = (Option<&'de RawValue>, usize);
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an array")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut all: A) -> Result<Self::Value, A::Error> {
            let (mut found, mut count) = (None, 0);
            while let Some(next) = all.next_element::<&RawValue>()? {
                if (self.0)(count) {
                    found = Some(next);
                }
                count += 1;
            }
            Ok((found, count))
        }
    }
    if !document.trim_start().starts_with('[') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(document);
    let (found, count) = reader.deserialize_seq(Elements(take)).ok()?;
    Some((found.map(RawValue::get), count))
}

/// An element of an array, from 0.
pub fn element(document: &str, number: usize) -> Option<&str> {
    of_array(document, |n| n == number)?.0
}

/// An element of an array, from 0; what is negative counts from the end.
pub fn element_from(document: &str, number: i128) -> Option<&str> {
    if let Ok(number) = usize::try_from(number) {
        return element(document, number);
    }
    let (_, count) = of_array(document, |_| false)?;
    element(document, usize::try_from(count as i128 + number).ok()?)
}

/// A scalar as text: a number as it is written (with an exponent as Java's decimals), a text without quotes; none of NULL,
/// of an object and of an array.
pub fn scalar(part: &str) -> Option<Cow<'_, str>> {
    match part.as_bytes().first()? {
        b'"' => string(part),
        b'{' | b'[' | b'n' => None,
        b't' | b'f' => Some(Cow::Borrowed(part)),
        _ => Some(number(part)),
    }
}

/// As `->>` gives it: a scalar as text, else the JSON itself; none of NULL.
pub fn text(part: &str) -> Option<Cow<'_, str>> {
    match part.as_bytes().first()? {
        b'"' => string(part),
        b'n' => None,
        _ => Some(Cow::Borrowed(part)),
    }
}

/// A text that Postgres could not keep is none.
fn string(part: &str) -> Option<Cow<'_, str>> {
    struct Text;
    impl<'de> Visitor<'de> for Text {
        type Value = Cow<'de, str>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text")
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok(Cow::Borrowed(text))
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            Ok(Cow::Owned(text.to_owned()))
        }
    }
    let mut reader = serde_json::Deserializer::from_str(part);
    let text = reader.deserialize_str(Text).ok()?;
    (!text.contains('\0')).then_some(text)
}

/// A number with an exponent as Java's `BigDecimal` writes it: `1e3` is `1E+3`, `1.5e1` is `15`, `1e-3` is `0.001`.
fn number(part: &str) -> Cow<'_, str> {
    let Some((digits, exponent)) = part.split_once(['e', 'E']) else {
        return Cow::Borrowed(part);
    };
    let Ok(exponent) = exponent.parse::<i64>() else {
        return Cow::Borrowed(part);
    };
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let all = match all.trim_start_matches('0') {
        "" => "0",
        significant => significant,
    };
    // Java's scale: the digits behind the point. Beyond a thousand nothing is written out.
    let scale = (fraction.len() as i64).saturating_sub(exponent);
    let adjusted = (all.len() as i64 - 1).saturating_sub(scale);
    if scale == 0 {
        return Cow::Owned(format!("{sign}{all}"));
    }
    if scale > 0 && adjusted >= -6 {
        let width = scale as usize + 1;
        let all = format!("{all:0>width$}");
        let (whole, fraction) = all.split_at(all.len() - scale as usize);
        return Cow::Owned(format!("{sign}{whole}.{fraction}"));
    }
    let (first, others) = all.split_at(1);
    let point = if others.is_empty() { "" } else { "." };
    let plus = if adjusted >= 0 { "+" } else { "" };
    Cow::Owned(format!("{sign}{first}{point}{others}E{plus}{adjusted}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DOCUMENT: &str = r#" {"a": {"b": [1.50, {"c d": "x\ny"}]}, "n": null, "t": true, "e": 1e3, "a.b": 7, "n": 2} "#;

    #[test]
    fn paths() {
        for (path, want) in [
            ("$.a.b[0]", Some("1.50")),
            ("lax $.a.b[1]['c d']", Some("x\ny")),
            ("$.a.b[1].\"c d\"", Some("x\ny")),
            ("$['a.b']", Some("7")),
            ("$.t", Some("true")),
            ("$.e", Some("1E+3")),
            ("$.n", Some("2")),
            ("$.a", None),
            ("$.a.b", None),
            ("$.x", None),
            ("$.a.b[2]", None),
            ("$.a.b.c", None),
            ("$[0]", None),
            ("$", None),
        ] {
            let found = Path::parse(path).unwrap().find(DOCUMENT).and_then(scalar);
            assert_eq!(found.as_deref(), want, "{path}");
        }
        for path in [
            "",
            "a",
            "$a",
            "$.",
            "$.*",
            "$[*]",
            "$[-1]",
            "$['a'",
            "$['a",
            "$..a",
            "$.a?(@.b)",
        ] {
            assert!(Path::parse(path).is_err(), "{path}");
        }
        for document in [
            "",
            "{",
            "{\"a\":}",
            "nonsense",
            "{\"a\":1} x",
            "\"\\u0000\"",
        ] {
            assert_eq!(
                Path::parse("$").unwrap().find(document).and_then(scalar),
                None
            );
        }
        let deep = "[".repeat(100_000);
        assert_eq!(Path::parse("$[0][0]").unwrap().find(&deep), None);
    }

    #[test]
    fn arrows() {
        assert_eq!(
            member(DOCUMENT, "a"),
            Some(r#"{"b": [1.50, {"c d": "x\ny"}]}"#)
        );
        assert_eq!(
            element_from("[1, \"a\", null]", 1)
                .and_then(text)
                .as_deref(),
            Some("a")
        );
        assert_eq!(element_from("[1, 2, 3]", -1), Some("3"));
        assert_eq!(element_from("[1, 2, 3]", -4), None);
        assert_eq!(element_from("[null]", 0).and_then(text), None);
        assert_eq!(element("{}", 0), None);
        assert_eq!(text("{\"a\": 1}").as_deref(), Some("{\"a\": 1}"));
    }

    #[test]
    fn numbers_as_java_writes_them() {
        for (text, want) in [
            ("1.50", "1.50"),
            ("1e3", "1E+3"),
            ("1.5e1", "15"),
            ("1.5e0", "1.5"),
            ("-1e-3", "-0.001"),
            ("1e-7", "1E-7"),
            ("12e-8", "1.2E-7"),
            ("123E+5", "1.23E+7"),
            ("0e5", "0E+5"),
            ("1e99999999999999999999", "1e99999999999999999999"),
        ] {
            assert_eq!(number(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(path in "[$.\\[\\]'\"a0 \\\\]{0,12}", document in "[{}\\[\\]\",:0-9eE.ntu \\\\-]{0,24}") {
            if let Ok(path) = Path::parse(&path) {
                path.find(&document).and_then(scalar);
            }
            whole(&document).and_then(text);
            scalar(&document);
        }
    }
}
