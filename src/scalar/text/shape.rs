//! Texts made of others.

use std::borrow::Cow;

use super::{MOST, char_length};
use crate::error::Fault;

/// In capitals; a text that is in them already is not copied.
pub fn upper(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_done = text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_lowercase());
    if is_done {
        text
    } else {
        Cow::Owned(text.to_uppercase())
    }
}

/// In small letters.
pub fn lower(text: Cow<'_, str>) -> Cow<'_, str> {
    let is_done = text
        .bytes()
        .all(|b| b.is_ascii() && !b.is_ascii_uppercase());
    if is_done {
        text
    } else {
        Cow::Owned(text.to_lowercase())
    }
}

/// Each word with a capital first; words are runs of letters and digits.
pub fn initcap(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_within = false;
    for c in text.chars() {
        if is_within {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        is_within = c.is_alphanumeric();
    }
    out
}

/// With each place of a text replaced; an empty one is between all characters, as in Java.
pub fn replace<'a>(text: Cow<'a, str>, what: &str, with: &str) -> Result<Cow<'a, str>, Fault> {
    let places = text.matches(what).count();
    if places == 0 {
        return Ok(text);
    }
    if text.len().saturating_add(places.saturating_mul(with.len())) > MOST {
        return Err(Fault::TooLong);
    }
    Ok(Cow::Owned(text.replace(what, with)))
}

/// So often.
pub fn repeat(text: &str, count: i128) -> Result<String, Fault> {
    let count = usize::try_from(count.max(0)).unwrap_or(usize::MAX);
    if text.len().saturating_mul(count) > MOST {
        return Err(Fault::TooLong);
    }
    Ok(text.repeat(if text.is_empty() { 0 } else { count }))
}

/// The characters from the last to the first.
pub fn reverse(text: &str) -> String {
    text.chars().rev().collect()
}

/// Filled up to a length with a text before or behind it, or cut to it; none where the length is negative, or where there
/// is nothing to fill up with.
pub fn pad(text: &str, length: i128, with: &str, is_before: bool) -> Result<Option<String>, Fault> {
    let Ok(length) = usize::try_from(length) else {
        return Ok(None);
    };
    let size = char_length(text);
    if length <= size {
        return Ok(Some(text.chars().take(length).collect()));
    }
    if with.is_empty() {
        return Ok(None);
    }
    if length > MOST / 4 {
        return Err(Fault::TooLong);
    }
    let filling = with.chars().cycle().take(length - size);
    Ok(Some(match is_before {
        true => filling.chain(text.chars()).collect(),
        false => text.chars().chain(filling).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases() {
        assert_eq!(upper(Cow::Borrowed("straße é")), "STRASSE É");
        assert!(matches!(upper(Cow::Borrowed("AB 1")), Cow::Borrowed(_)));
        assert_eq!(lower(Cow::Borrowed("ÀB")), "àb");
        assert_eq!(initcap("hELLO wORLD-x 2nd"), "Hello World-X 2nd");
    }

    #[test]
    fn others() {
        assert_eq!(replace(Cow::Borrowed("abc"), "", "x").unwrap(), "xaxbxcx");
        assert_eq!(replace(Cow::Borrowed("aXbX"), "X", "").unwrap(), "ab");
        let long = "a".repeat(1 << 18);
        assert_eq!(
            replace(Cow::Borrowed(&long), "a", "01234"),
            Err(Fault::TooLong)
        );
        assert_eq!(repeat("ab", 3).unwrap(), "ababab");
        assert_eq!(repeat("ab", -3).unwrap(), "");
        assert_eq!(repeat("", i128::MAX).unwrap(), "");
        assert_eq!(repeat("ab", i128::MAX), Err(Fault::TooLong));
        assert_eq!(reverse("añb"), "bña");
        let pad = |t, n, w, b| pad(t, n, w, b).unwrap();
        assert_eq!(pad("7", 3, "0", true).as_deref(), Some("007"));
        assert_eq!(pad("hi", 5, "xy", false).as_deref(), Some("hixyx"));
        assert_eq!(pad("hello", 2, "x", true).as_deref(), Some("he"));
        assert_eq!(pad("a", -1, "x", true), None);
        assert_eq!(pad("a", 3, "", true), None);
    }
}
