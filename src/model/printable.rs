//! Text from outside, as a terminal may be given it: what would move its cursor, recolour it, reorder or hide letters is
//! shown as its number.
//!
//! 1. What people read is passed through here last; what machines read (JSON, files, topics) is not, and stays exact.
//! 2. Text that has nothing of the kind is not changed, and not copied.

use std::borrow::Cow;
use std::fmt::Write;

/// On one line: line breaks are shown too.
pub fn printable(text: &str) -> Cow<'_, str> {
    shown(text, "")
}

/// Several lines: line breaks and tabs stay.
pub fn printable_lines(text: &str) -> Cow<'_, str> {
    shown(text, "\n\t")
}

fn shown<'a>(text: &'a str, kept: &str) -> Cow<'a, str> {
    let mut before = '\0';
    let mut all = text.char_indices().peekable();
    let mut out: Option<String> = None;
    while let Some((at, c)) = all.next() {
        let after = all.peek().map_or('\0', |(_, c)| *c);
        let stays = kept.contains(c) || !is_hidden(c) || is_joiner(before, c, after);
        before = c;
        if stays {
            if let Some(out) = &mut out {
                out.push(c);
            }
            continue;
        }
        let out = out.get_or_insert_with(|| text[..at].to_owned());
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a string cannot fail.
            c => drop(write!(out, "\\u{{{:x}}}", u32::from(c))),
        }
    }
    out.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Controls (C0, DEL, C1), what changes the direction of text, what has no width, separators of lines, and fillers.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// A joiner between two letters of a script that needs it (Persian, Hindi …), or between two parts of one emoji.
fn is_joiner(before: char, c: char, after: char) -> bool {
    let script = |c: char| matches!(c, '\u{620}'..='\u{109f}');
    let emoji =
        |c: char| matches!(c, '\u{2190}'..='\u{2bff}' | '\u{fe0f}' | '\u{1f000}'..='\u{1faff}');
    match c {
        '\u{200c}' => script(before) && script(after),
        '\u{200d}' => (script(before) && script(after)) || (emoji(before) && emoji(after)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_fool_a_terminal_is_shown_as_its_number() {
        for (text, shown) in [
            ("\x1b]0;OWNED\x07", "\\u{1b}]0;OWNED\\u{7}"),
            ("\x1b[2J\x1b[31mred", "\\u{1b}[2J\\u{1b}[31mred"),
            ("a\x08b\x00c\x7fd", "a\\u{8}b\\u{0}c\\u{7f}d"),
            (
                "C1: \u{9b}31m \u{85}\u{90}",
                "C1: \\u{9b}31m \\u{85}\\u{90}",
            ),
            ("one\r\ntwo\tthree", "one\\r\\ntwo\\tthree"),
            ("\u{202e}cba\u{202c}", "\\u{202e}cba\\u{202c}"),
            (
                "\u{2066}a\u{2069} \u{200e}\u{200f}\u{61c}",
                "\\u{2066}a\\u{2069} \\u{200e}\\u{200f}\\u{61c}",
            ),
            (
                "Por\u{200b}to\u{feff} a\u{2060}b\u{ad}c",
                "Por\\u{200b}to\\u{feff} a\\u{2060}b\\u{ad}c",
            ),
            ("a\u{200d}b\u{200c}c", "a\\u{200d}b\\u{200c}c"),
            ("a\u{2028}b\u{2029}", "a\\u{2028}b\\u{2029}"),
            ("\u{e0041}\u{3164}\u{115f}", "\\u{e0041}\\u{3164}\\u{115f}"),
        ] {
            assert_eq!(printable(text), shown);
            assert!(!printable(text).chars().any(is_hidden));
        }
    }

    #[test]
    fn what_people_write_stays_as_it_is() {
        for text in [
            "",
            "São Paulo, Łódź, 東京, Zürich, Ελλάδα",
            "a\\nb is two letters, and \"quoted\" stays",
            "\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}",
            "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} \u{2764}\u{fe0f}\u{200d}\u{1f525}",
            "עברית العربية हिन्दी",
        ] {
            assert!(
                matches!(printable(text), Cow::Borrowed(t) if t == text),
                "{text}"
            );
        }
        assert_eq!(printable_lines("a\n\tb\r\x1b"), "a\n\tb\\r\\u{1b}");
    }
}
