//! Where the fields of an envelope lie: one look over the top level of a record's JSON.
//!
//! What lies in between is passed over and checked, so that a record is refused for what is wrong anywhere in it. The fast way
//! never refuses: what it does not recognise (an escape, more than 64 values in each other) goes to the full parser.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Place;
use crate::error::{self, DecodeError, shorten};
use crate::layout::unknown_end;
use crate::scan::string_end;

/// Where the fields that are asked for lie, in the order that they are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fields<const N: usize> {
    pub(super) at: [Option<Place>; N],
    /// How many fields there are in all.
    pub(super) count: usize,
}

/// Finds fields of an object that lies at a place of a record.
pub(super) fn fields<const N: usize>(
    record: &[u8],
    (start, end): Place,
    names: &[&str; N],
) -> Result<Fields<N>, DecodeError> {
    let object = record.get(..end as usize).unwrap_or_default();
    match fast(object, start as usize, names) {
        Some(found) => Ok(found),
        None => slow(object, start as usize, names),
    }
}

fn space(record: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = record.get(at) {
        at += 1;
    }
    at
}

/// Behind the colon of the name that begins at a place, and the name.
fn name(record: &[u8], at: usize) -> Option<(usize, &[u8])> {
    if record.get(at) != Some(&b'"') {
        return None;
    }
    let end = string_end(record, at + 1)?;
    let colon = space(record, end + 1);
    (record.get(colon) == Some(&b':')).then(|| (space(record, colon + 1), &record[at + 1..end]))
}

fn fast<const N: usize>(record: &[u8], at: usize, names: &[&str; N]) -> Option<Fields<N>> {
    let mut found = Fields {
        at: [None; N],
        count: 0,
    };
    let mut at = space(record, at);
    if record.get(at) != Some(&b'{') {
        return None;
    }
    at = space(record, at + 1);
    if record.get(at) != Some(&b'}') {
        loop {
            let (start, name) = name(record, at)?;
            at = value_end(record, start)?;
            found.count += 1;
            let asked = names.iter().position(|n| n.as_bytes() == name);
            if let Some(asked) = asked
                && found.at[asked].replace((start as u32, at as u32)).is_some()
            {
                return None;
            }
            at = space(record, at);
            match record.get(at) {
                Some(b',') => at = space(record, at + 1),
                Some(b'}') => break,
                _ => return None,
            }
        }
    }
    (space(record, at + 1) == record.len()).then_some(found)
}

/// Where the value that begins at a place ends.
fn value_end(record: &[u8], mut at: usize) -> Option<usize> {
    // Of the values around the place: how many, and a bit for each that is an object, the innermost lowest.
    let (mut depth, mut objects) = (0, 0u64);
    loop {
        match *record.get(at)? {
            open @ (b'{' | b'[') => {
                if depth == u64::BITS {
                    return None;
                }
                let is_object = open == b'{';
                depth += 1;
                objects = objects << 1 | u64::from(is_object);
                at = space(record, at + 1);
                let is_empty = *record.get(at)? == if is_object { b'}' } else { b']' };
                if !is_empty {
                    if is_object {
                        at = name(record, at)?.0;
                    }
                    continue;
                }
            }
            _ => at = unknown_end(record, at)?,
        }
        // Behind a value, or where one that is empty closes.
        loop {
            if depth == 0 {
                return Some(at);
            }
            at = space(record, at);
            let is_object = objects & 1 == 1;
            match *record.get(at)? {
                b',' => {
                    at = space(record, at + 1);
                    if is_object {
                        at = name(record, at)?.0;
                    }
                    break;
                }
                b'}' if is_object => {}
                b']' if !is_object => {}
                _ => return None,
            }
            (depth, objects, at) = (depth - 1, objects >> 1, at + 1);
        }
    }
}

/// Names and values of an object, in order.
pub(super) type Entries<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// All fields of an object, by the full parser.
pub(super) fn entries(object: &str) -> Result<Entries<'_>, DecodeError> {
    #[derive(Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    struct All;
    impl<'de> Visitor<'de> for All {
        type Value = Entries<'de>;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a JSON object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut all = Vec::new();
            while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                // A raw value is skipped without recursion, whatever its depth.
                all.push((name, map.next_value::<&'de RawValue>()?.get()));
            }
            Ok(all)
        }
    }
    let mut json = serde_json::Deserializer::from_str(object);
    (&mut json)
        .deserialize_map(All)
        .and_then(|all| json.end().map(|()| all))
        .map_err(|e| DecodeError::new(error::MALFORMED, shorten(&e.to_string())))
}

/// Where a part of a text lies, of which the text begins at a place of the record.
pub(super) fn place(text: &str, start: usize, part: &str) -> Place {
    // It borrows from the text, so its place is the difference of the addresses.
    let at = start + part.as_ptr().addr() - text.as_ptr().addr();
    // The decoder refuses records of 4 GiB and more: places fit.
    (at as u32, (at + part.len()) as u32)
}

/// The whole number that lies somewhere.
pub(super) fn number(record: &[u8], place: Place) -> Option<i64> {
    std::str::from_utf8(super::slice(record, place))
        .ok()?
        .parse()
        .ok()
}

/// Bytes as text.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str, DecodeError> {
    std::str::from_utf8(bytes).map_err(|e| {
        let detail = format!("byte {} is not part of UTF-8 text", e.valid_up_to());
        DecodeError::new(error::NOT_UTF8, detail)
    })
}

fn slow<const N: usize>(
    record: &[u8],
    start: usize,
    names: &[&str; N],
) -> Result<Fields<N>, DecodeError> {
    let text = utf8(record.get(start..).unwrap_or_default())?;
    let all = entries(text)?;
    let mut found = Fields {
        at: [None; N],
        count: all.len(),
    };
    for (name, value) in all {
        let Some(asked) = names.iter().position(|n| *n == name) else {
            continue;
        };
        if found.at[asked].replace(place(text, start, value)).is_some() {
            let detail = format!("field {:?} stands twice", shorten(&name));
            return Err(DecodeError::new(error::REPEATED_FIELD, detail));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: [&str; 3] = ["op", "after", "before"];

    fn both(record: &[u8]) -> (Option<Fields<3>>, Result<Fields<3>, DecodeError>) {
        (fast(record, 0, &NAMES), slow(record, 0, &NAMES))
    }

    #[test]
    fn the_two_ways_agree() {
        for (record, is_fast, is_taken) in [
            (
                r#"{"op":"c","after":{"a":[1,{"b":[]},{}],"c":{}},"x":[[],[1,2]]}"#,
                true,
                true,
            ),
            (" { \"op\" : \"c\" , \"before\" : null }\n", true, true),
            ("{}", true, true),
            (r#"{"o\u0070":"c"}"#, false, true),
            (r#"{"x":"a\nb","op":"d"}"#, false, true),
            (r#"{"op":1,"op":2}"#, false, false),
            (r#"{"op":1,"x":1,"x":2}"#, true, true),
            (r#"{"op":1,}"#, false, false),
            (r#"{"op":[1,]}"#, false, false),
            (r#"{"op":{"a":1,}}"#, false, false),
            (r#"{"op":{"a"}}"#, false, false),
            (r#"{"op":[1}}"#, false, false),
            (r#"{"op":{1]}"#, false, false),
            (r#"{"op":01}"#, false, false),
            (r#"{"op":nul}"#, false, false),
            (r#"{"op":1} x"#, false, false),
            (r#"[{"op":1}]"#, false, false),
            (r#"{"op":"c""#, false, false),
            ("null", false, false),
            ("", false, false),
        ] {
            let (fast, slow) = both(record.as_bytes());
            assert_eq!(
                (fast.is_some(), slow.is_ok()),
                (is_fast, is_taken),
                "{record}"
            );
            if let Some(fast) = fast {
                assert_eq!(Ok(fast), slow, "{record}");
            }
        }
        let deep = format!(r#"{{"op":{}{}}}"#, "[".repeat(65), "]".repeat(65));
        let (fast, slow) = both(deep.as_bytes());
        assert!(fast.is_none() && slow.is_ok());
    }

    proptest! {
        #[test]
        fn whatever_comes(parts in proptest::collection::vec(prop_oneof![
            Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("\"op\""), Just("\"after\""), Just("1"),
            Just("null"), Just("\"\\u0041\""), Just(" "), Just("-0.5e3"), Just("\"é\""), Just("tru"),
        ], 0..24)) {
            let text = parts.concat();
            let (fast, slow) = both(text.as_bytes());
            if let Some(fast) = fast {
                prop_assert_eq!(Ok(fast), slow);
            }
        }
    }
}
