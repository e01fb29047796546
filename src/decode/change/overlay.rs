//! The row before an update, where a record says what it is now and what some fields were.

use super::scan::{entries, utf8};
use crate::error::DecodeError;

/// `data` with the fields of `old` in their place, as JSON.
pub(super) fn overlay(data: &[u8], old: &[u8], into: &mut Vec<u8>) -> Result<(), DecodeError> {
    let (data, old) = (entries(utf8(data)?)?, entries(utf8(old)?)?);
    into.clear();
    let mut field = |name: &str, value: &str| {
        into.push(if into.is_empty() { b'{' } else { b',' });
        // A text is always JSON.
        into.extend_from_slice(serde_json::to_string(name).unwrap_or_default().as_bytes());
        into.push(b':');
        into.extend_from_slice(value.as_bytes());
    };
    for (name, now) in &data {
        let was = old.iter().find(|(other, _)| other == name);
        field(name, was.map_or(now, |(_, was)| was));
    }
    for (name, was) in &old {
        if !data.iter().any(|(other, _)| other == name) {
            field(name, was);
        }
    }
    if into.is_empty() {
        into.push(b'{');
    }
    into.push(b'}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_that_were_others() {
        let mut out = Vec::new();
        let mut of = |data: &str, old: &str| {
            overlay(data.as_bytes(), old.as_bytes(), &mut out).unwrap();
            String::from_utf8(out.clone()).unwrap()
        };
        assert_eq!(
            of(
                r#"{"a":1,"b":{"c":[2]},"é\"":3}"#,
                r#"{"b":null,"d":"x","é\"":4}"#
            ),
            r#"{"a":1,"b":null,"é\"":4,"d":"x"}"#
        );
        assert_eq!(of("{}", "{}"), "{}");
        assert_eq!(of("{}", r#"{"a":1}"#), r#"{"a":1}"#);
        // What stands twice stays so: it is refused where it is read.
        assert_eq!(of(r#"{"a":1,"a":2}"#, "{}"), r#"{"a":1,"a":2}"#);
    }
}
