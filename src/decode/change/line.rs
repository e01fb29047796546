//! A line of a file of keys and values: `{"key": {…}, "value": {…} or null, "timestamp": ms}`.

use super::{Place, is_there, scan, slice, whole};
use crate::error::{self, DecodeError, shorten};

/// What a line says of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where the key lies in the line; none where it is null.
    pub key: Option<Place>,
    /// Where the value lies; none where it is null.
    pub value: Option<Place>,
    /// The record's timestamp, ms.
    pub timestamp: Option<i64>,
}

/// Reads a line.
///
/// # Errors
/// What is no such line: a record whose value is missing is not one whose value is null.
///
/// # Examples
///
/// ```
/// let line = br#"{"key":{"id":1},"value":null,"timestamp":1769155200000}"#;
/// let found = standings_decode::change::line(line).unwrap();
/// assert_eq!(found.key, Some((7, 15)));
/// assert_eq!((found.value, found.timestamp), (None, Some(1_769_155_200_000)));
/// assert_eq!(standings_decode::change::line(br#"{"key":{"id":1}}"#).unwrap_err().reason, "malformed");
/// ```
pub fn line(line: &[u8]) -> Result<Line, DecodeError> {
    let found = scan::fields(line, whole(line), &["key", "value", "timestamp"])?;
    let [key, value, timestamp] = found.at;
    let known = [key, value, timestamp].iter().flatten().count();
    if key.is_none() || value.is_none() || known < found.count {
        return Err(DecodeError::new(error::MALFORMED, odd(&found)));
    }
    let timestamp = match is_there(line, timestamp) {
        None => None,
        Some(place) => match scan::number(line, place) {
            Some(ms) => Some(ms),
            None => {
                let found = String::from_utf8_lossy(slice(line, place));
                let (reason, expected) = (error::BAD_TIME, "milliseconds, a whole number");
                return Err(DecodeError::field(reason, "timestamp", &found, expected));
            }
        },
    };
    Ok(Line {
        key: is_there(line, key),
        value: is_there(line, value),
        timestamp,
    })
}

#[cold]
fn odd(found: &scan::Fields<3>) -> String {
    let what = match found.at {
        [None, ..] => "it has no \"key\"",
        [_, None, _] => "it has no \"value\" (null, where the row ends)",
        _ => "it has other fields",
    };
    let line = "{\"key\": …, \"value\": …, \"timestamp\": ms}";
    format!(
        "{what}: a line of a file *.upsert.ndjson is {}",
        shorten(line)
    )
}

/// What is in the quotes of a JSON string: the bytes that it stands for. None for what is no string.
pub fn unquoted(json: &[u8]) -> Option<Vec<u8>> {
    let text = super::text(json, Some(whole(json)))?;
    Some(text.into_owned().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_such_line() {
        for (text, want) in [
            (r#"{"value":{}}"#, "no \"key\""),
            (r#"{"key":{}}"#, "no \"value\""),
            (r#"{"key":{},"value":{},"headers":{}}"#, "other fields"),
            (r#"{"key":{},"value":{},"timestamp":"x"}"#, "timestamp"),
            (r#"{"key":{},"key":{},"value":{}}"#, "stands twice"),
            ("[]", "object"),
            ("null", "object"),
            ("{", "EOF"),
        ] {
            let e = line(text.as_bytes()).unwrap_err();
            assert!(e.detail.contains(want), "{text}: {e}");
        }
        let found = line(br#" {"timestamp":null,"value":"x","key":null} "#).unwrap();
        assert_eq!((found.key, found.timestamp), (None, None));
        assert_eq!(found.value, Some((27, 30)));
        assert_eq!(unquoted(br#""a\"b""#).as_deref(), Some(&b"a\"b"[..]));
        assert_eq!(unquoted(b"1"), None);
    }
}
