//! Parts of a text, borrowed from it where it is borrowed.

use std::borrow::Cow;

/// A part of a text, by a range of bytes that lies at characters.
fn part<'a>(text: Cow<'a, str>, from: usize, to: usize) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(&text[from..to]),
        Cow::Owned(mut text) => {
            text.truncate(to);
            text.drain(..from);
            Cow::Owned(text)
        }
    }
}

/// From which sides is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both.
    Both,
    /// The begin.
    Start,
    /// The end.
    End,
}

/// Without the characters of a set at its ends.
pub fn trim<'a>(text: Cow<'a, str>, side: Side, set: &str) -> Cow<'a, str> {
    // Of many characters each is looked for among sorted ones: a set may be as long as the text.
    let mut many: Vec<char> = Vec::new();
    if set.len() > 32 {
        many.extend(set.chars());
        many.sort_unstable();
    }
    let is_cut = |c: char| match many.is_empty() {
        true => set.contains(c),
        false => many.binary_search(&c).is_ok(),
    };
    let start = match side {
        Side::End => 0,
        _ => text.len() - text.trim_start_matches(is_cut).len(),
    };
    let end = match side {
        Side::Start => text.len(),
        _ => text[start..].trim_end_matches(is_cut).len() + start,
    };
    part(text, start, end)
}

/// The byte of a character by its number from 0, at most the end.
fn byte(text: &str, character: usize) -> usize {
    if text.is_ascii() {
        return character.min(text.len());
    }
    let mut all = text.char_indices();
    all.nth(character).map_or(text.len(), |(at, _)| at)
}

/// `SUBSTRING(text FROM start FOR length)` as Flink has it: characters count from 1, 0 is 1, and what is negative counts
/// from the end. None where the length is negative.
pub fn substring(text: Cow<'_, str>, start: i128, length: Option<i128>) -> Option<Cow<'_, str>> {
    if length.is_some_and(|n| n < 0) {
        return None;
    }
    let size = i128::try_from(char_length(&text)).unwrap_or(i128::MAX);
    let from = match start {
        1.. => start - 1,
        0 => 0,
        _ if -start > size => return Some(Cow::Borrowed("")),
        _ => size + start,
    };
    let to = length.map_or(size, |n| from.saturating_add(n)).min(size);
    let from = from.min(to);
    // Both are at most the text's length.
    let (from, to) = (byte(&text, from as usize), byte(&text, to as usize));
    Some(part(text, from, to))
}

/// Its first characters.
pub fn left(text: Cow<'_, str>, count: i128) -> Cow<'_, str> {
    let end = byte(&text, usize::try_from(count.max(0)).unwrap_or(usize::MAX));
    part(text, 0, end)
}

/// Its last characters.
pub fn right(text: Cow<'_, str>, count: i128) -> Cow<'_, str> {
    let size = char_length(&text);
    let skip = size.saturating_sub(usize::try_from(count.max(0)).unwrap_or(usize::MAX));
    let (from, end) = (byte(&text, skip), text.len());
    part(text, from, end)
}

/// How many characters.
pub fn char_length(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars().count()
}

/// The number of the character from which a text is in another one, from 1; 0 where it is not.
pub fn position(of: &str, within: &str) -> usize {
    within
        .find(of)
        .map_or(0, |at| char_length(&within[..at]) + 1)
}

/// What is between separators, by its number from 0; none where there is no such one.
pub fn split_index<'a>(text: Cow<'a, str>, separator: &str, index: i128) -> Option<Cow<'a, str>> {
    let index = usize::try_from(index).ok()?;
    if text.is_empty() {
        return None;
    }
    if separator.is_empty() {
        // Without a separator nothing is between any.
        return (index == 0).then_some(text);
    }
    let mut from = 0;
    for _ in 0..index {
        from += text[from..].find(separator)? + separator.len();
    }
    let to = text[from..]
        .find(separator)
        .map_or(text.len(), |n| from + n);
    Some(part(text, from, to))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sub(text: &str, start: i128, length: Option<i128>) -> Option<String> {
        let owned = substring(Cow::Owned(text.to_owned()), start, length);
        let borrowed = substring(Cow::Borrowed(text), start, length);
        assert_eq!(owned, borrowed);
        borrowed.map(Cow::into_owned)
    }

    #[test]
    fn substrings() {
        for (text, start, length, want) in [
            ("abcdef", 1, Some(2), Some("ab")),
            ("abcdef", 3, None, Some("cdef")),
            ("abcdef", 0, Some(2), Some("ab")),
            ("abcdef", -2, Some(2), Some("ef")),
            ("abcdef", -10, Some(3), Some("")),
            ("abcdef", 2, Some(-1), None),
            ("abcdef", 7, None, Some("")),
            ("abcdef", 5, Some(i128::MAX), Some("ef")),
            ("añoß", 2, Some(2), Some("ño")),
            ("añoß", -1, None, Some("ß")),
            ("", 1, Some(1), Some("")),
        ] {
            assert_eq!(
                sub(text, start, length).as_deref(),
                want,
                "{text} {start} {length:?}"
            );
        }
        assert_eq!(sub("abc", i128::MIN + 1, None).as_deref(), Some(""));
    }

    #[test]
    fn parts() {
        let b = |t| Cow::Borrowed(t);
        assert_eq!(trim(b("  a b\t "), Side::Both, " "), "a b\t");
        assert_eq!(trim(b("xxaxx"), Side::Start, "x"), "axx");
        assert_eq!(trim(b("xxaxyx"), Side::End, "xy"), "xxa");
        assert_eq!(trim(Cow::Owned("  ".to_owned()), Side::Both, " "), "");
        let set: String = ('a'..='z').chain('à'..='ö').collect();
        assert_eq!(trim(b("zña-bé"), Side::Both, &set), "-");
        assert_eq!((left(b("añb"), 2), left(b("a"), -1)), (b("añ"), b("")));
        assert_eq!((right(b("añb"), 2), right(b("a"), 9)), (b("ñb"), b("a")));
        assert_eq!(position("", "abc"), 1);
        assert_eq!(position("b", "äb"), 2);
        assert_eq!(position("x", "abc"), 0);
        assert_eq!(split_index(b("a,b,,c"), ",", 1), Some(b("b")));
        assert_eq!(split_index(b("a,b,,c"), ",", 2), Some(b("")));
        assert_eq!(split_index(b("a,b,,c"), ",", 4), None);
        assert_eq!(split_index(b("a,b"), ",", -1), None);
        assert_eq!(
            split_index(Cow::Owned("a--b".to_owned()), "--", 1),
            Some(b("b"))
        );
    }

    proptest! {
        #[test]
        fn a_substring_is_those_characters(text in "\\PC{0,12}", start in -15i128..15, length in proptest::option::of(0i128..15)) {
            let all: Vec<char> = text.chars().collect();
            let size = all.len() as i128;
            let from = if start > 0 { start - 1 } else if start == 0 { 0 } else { size + start };
            let want: String = if from < 0 { String::new() } else {
                all.iter().skip(from as usize).take(length.unwrap_or(size) as usize).collect()
            };
            prop_assert_eq!(sub(&text, start, length), Some(want));
        }
    }
}
