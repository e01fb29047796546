//! Where JSON values end, without reading them: elements of an array, and values one behind the other.

use std::ops::Range;

/// The way through one value.
#[derive(Clone, Debug, Default)]
pub struct Extent {
    /// What closes the arrays and objects that are open.
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    started: bool,
}

/// So deep nothing is nested that is read.
const DEEPEST: usize = 1024;

impl Extent {
    /// Goes on through `bytes`, which come behind those of the last call; where the value ends, if it does. Of a value that is
    /// broken the end is where it cannot go on: at the end of a line inside a string, or at a bracket of the wrong kind.
    pub fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if self.in_string {
                let (length, is_whole) = self.string(&bytes[at..])?;
                at += length;
                if self.open.is_empty() || !is_whole {
                    return Some(at);
                }
                continue;
            }
            let b = bytes[at];
            match b {
                b'"' => self.in_string = true,
                b'{' if self.open.len() < DEEPEST => self.open.push(b'}'),
                b'[' if self.open.len() < DEEPEST => self.open.push(b']'),
                b'}' | b']' => {
                    if self.open.last() != Some(&b) {
                        // Alone it is a value that is none.
                        return Some(if self.started { at } else { at + 1 });
                    }
                    self.open.pop();
                    if self.open.is_empty() {
                        return Some(at + 1);
                    }
                }
                b',' | b'\n' if self.open.is_empty() => return Some(at),
                _ => {}
            }
            self.started = true;
            at += 1;
        }
        None
    }

    /// The end of a string that is open, and whether it is one: behind its quote, or before the end of a line, which no string
    /// has.
    fn string(&mut self, bytes: &[u8]) -> Option<(usize, bool)> {
        for (at, b) in bytes.iter().enumerate() {
            match b {
                b'\n' => {
                    (self.in_string, self.escaped) = (false, false);
                    return Some((at, false));
                }
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    return Some((at + 1, true));
                }
                _ => {}
            }
        }
        None
    }
}

/// The elements of an array that is all of `bytes`; `None` if that is no array, or has no end.
///
/// # Examples
///
/// ```
/// use standings_model::json_values::elements;
///
/// let array = br#" [{"a":"]"}, 7 ,[1,2]] "#;
/// let texts: Vec<&[u8]> = elements(array).unwrap().into_iter().map(|e| &array[e]).collect();
/// assert_eq!(texts, [&br#"{"a":"]"}"#[..], b"7", b"[1,2]"]);
/// assert_eq!(elements(b"[]"), Some(vec![]));
/// // Where an element is missing there is one of no bytes, which is none.
/// assert_eq!(elements(b"[1,]").map(|e| e.len()), Some(2));
/// assert_eq!(elements(b"[1"), None);
/// assert_eq!(elements(b"{}"), None);
/// ```
pub fn elements(bytes: &[u8]) -> Option<Vec<Range<usize>>> {
    let blank = |from: usize| {
        let rest = bytes.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|b| b.is_ascii_whitespace()).count()
    };
    let mut at = blank(0);
    if bytes.get(at) != Some(&b'[') {
        return None;
    }
    at = blank(at + 1);
    let mut all = Vec::new();
    if bytes.get(at) != Some(&b']') {
        loop {
            let start = at;
            let ends = matches!(bytes.get(at), Some(b',' | b']'));
            if !ends {
                at += Extent::default().end(&bytes[at..])?;
            }
            let text = bytes[start..at].trim_ascii_end();
            all.push(start..start + text.len());
            at = blank(at);
            match bytes.get(at)? {
                b',' => at = blank(at + 1),
                b']' => break,
                // A broken element: what is behind it is another one.
                _ => {}
            }
        }
    }
    (blank(at + 1) == bytes.len()).then_some(all)
}
