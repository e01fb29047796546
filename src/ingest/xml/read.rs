//! A text becomes elements.

use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{Bounds, Element, Name, Node, NotRead};

/// The namespace of the prefix `xml`, which is always declared.
const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Reads a document: its one element.
///
/// # Errors
/// It is not well-formed, has a document type, or more of something than `bounds` says. What stands there is not repeated.
pub fn read(text: &str, bounds: &Bounds) -> Result<Element, NotRead> {
    if text.len() > bounds.bytes {
        return Err(NotRead::Bound {
            what: "bytes",
            most: bounds.bytes,
        });
    }
    // Its decoder has taken the one that may be there; the reader would take another, and count from behind it.
    if text.starts_with('\u{feff}') {
        return Err(NotRead::Malformed {
            at: 0,
            said: "text outside of its element".to_owned(),
        });
    }
    let mut reader = Reader::from_str(text);
    reader.config_mut().enable_all_checks(true);
    let mut all = Open::new(bounds);
    loop {
        let before = at(&reader);
        let event = reader.read_event().map_err(|e| NotRead::Malformed {
            at: usize::try_from(reader.error_position()).unwrap_or(before),
            said: kind(&e),
        })?;
        all.at = before;
        match event {
            Event::Start(start) => all.start(&start, before)?,
            Event::Empty(start) => {
                all.start(&start, before)?;
                all.end(at(&reader))?;
            }
            Event::End(_) => all.end(at(&reader))?,
            Event::Text(piece) => {
                let piece = piece.xml10_content().map_err(|e| all.no(e.to_string()))?;
                all.text(&piece)?;
            }
            Event::CData(piece) => {
                let piece = piece.xml10_content().map_err(|e| all.no(e.to_string()))?;
                if all.open.is_empty() {
                    return Err(all.no("text outside of its element"));
                }
                all.text(&piece)?;
            }
            Event::GeneralRef(reference) => all.reference(&reference)?,
            Event::DocType(_) => return Err(NotRead::DocType),
            Event::Decl(_) if before > 0 => {
                return Err(all.no("a declaration that is not at the beginning"));
            }
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) => {}
            Event::Eof => return all.done(),
        }
    }
}

fn at(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

/// What is wrong, without what stands there.
fn kind(error: &quick_xml::Error) -> String {
    match error {
        quick_xml::Error::Syntax(e) => e.to_string(),
        quick_xml::Error::IllFormed(_) => {
            "tags that do not fit, or a sign that must not stand there".to_owned()
        }
        quick_xml::Error::InvalidAttr(_) => "an attribute that is none".to_owned(),
        _ => "not well-formed".to_owned(),
    }
}

/// Whether XML knows a character.
fn is_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// Whether a text is a name without a colon.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                '_' | '-' | '.' | '\u{b7}' | '\u{300}'
                    ..='\u{36f}' | '\u{200c}' | '\u{200d}' | '\u{203f}' | '\u{2040}'
            )
    };
    let first = |c: char| c == '_' || c.is_alphabetic();
    text.starts_with(first) && text.chars().all(fits)
}

/// The elements that have begun and not ended, and what is known of them.
struct Open<'a> {
    bounds: &'a Bounds,
    open: Vec<Element>,
    /// Prefixes that are declared, the newest last, and with the element that did.
    spaces: Vec<(usize, String, Arc<str>)>,
    none: Arc<str>,
    elements: usize,
    root: Option<Element>,
    /// Where the reader is.
    at: usize,
}

impl<'a> Open<'a> {
    fn new(bounds: &'a Bounds) -> Self {
        Open {
            bounds,
            open: Vec::new(),
            spaces: vec![(0, "xml".to_owned(), Arc::from(XML))],
            none: Arc::from(""),
            elements: 0,
            root: None,
            at: 0,
        }
    }

    fn no(&self, said: impl Into<String>) -> NotRead {
        NotRead::Malformed {
            at: self.at,
            said: said.into(),
        }
    }

    fn bound(&self, n: usize, most: usize, what: &'static str) -> Result<(), NotRead> {
        match n > most {
            true => Err(NotRead::Bound { what, most }),
            false => Ok(()),
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, from: usize) -> Result<(), NotRead> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(self.no("a second element beside the first"));
        }
        self.elements += 1;
        self.bound(self.elements, self.bounds.elements, "elements")?;
        let depth = self.open.len() + 1;
        self.bound(depth, self.bounds.depth, "elements in each other")?;
        let (mut raw, mut declared, mut wrong) = (Vec::new(), Vec::new(), None);
        for (n, attribute) in start.attributes().enumerate() {
            self.bound(n + 1, self.bounds.attributes, "attributes of an element")?;
            let attribute = attribute
                .map_err(|_| self.no("an attribute that is none, or stands there twice"))?;
            let name = self.checked(attribute.key.as_ref())?;
            let value = match attribute.normalized_value(XmlVersion::Implicit1_0) {
                Ok(value) if value.chars().all(is_char) => value.into_owned(),
                _ => {
                    wrong = Some(
                        "an attribute has a reference or a character that XML does not know"
                            .to_owned(),
                    );
                    String::new()
                }
            };
            match name.strip_prefix("xmlns") {
                Some("") => declared.push((String::new(), Arc::from(value))),
                Some(prefix) if prefix.starts_with(':') => {
                    declared.push((prefix[1..].to_owned(), Arc::from(value)));
                }
                _ => raw.push((name, value)),
            }
        }
        for (prefix, space) in &declared {
            self.spaces.push((depth, prefix.clone(), Arc::clone(space)));
        }
        let (spaces, most) = (self.spaces.len(), self.bounds.namespaces);
        self.bound(spaces, most, "namespaces that are declared at once")?;
        let name = self.checked(start.name().as_ref())?;
        let name = self.named(&name, true)?;
        let mut attributes: Vec<(Name, String)> = Vec::new();
        for (name, value) in raw {
            let name = self.named(&name, false)?;
            if attributes.iter().any(|(other, _)| *other == name) {
                return Err(self.no("an attribute that stands there twice"));
            }
            attributes.push((name, value));
        }
        self.open.push(Element {
            name,
            attributes,
            nodes: Vec::new(),
            declared,
            span: from..from,
            wrong,
        });
        Ok(())
    }

    /// A name as it is written, of a length that is allowed.
    fn checked(&self, raw: &[u8]) -> Result<String, NotRead> {
        self.bound(raw.len(), self.bounds.name, "bytes of a name")?;
        let name = std::str::from_utf8(raw).map_err(|_| self.no("a name that is no text"))?;
        let is_one = match name.split_once(':') {
            Some((prefix, local)) => is_name(prefix) && is_name(local),
            None => is_name(name),
        };
        match is_one {
            true => Ok(name.to_owned()),
            false => Err(self.no("a name that is none")),
        }
    }

    /// A name with its namespace. An attribute without a prefix is of none.
    fn named(&self, name: &str, is_element: bool) -> Result<Name, NotRead> {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        let found = self.spaces.iter().rev().find(|(_, p, _)| p == prefix);
        let space = match found {
            Some((.., space)) if !prefix.is_empty() || is_element => Arc::clone(space),
            None if !prefix.is_empty() => {
                return Err(self.no("a prefix that no namespace is declared for"));
            }
            _ => Arc::clone(&self.none),
        };
        Ok(Name {
            space,
            local: local.to_owned(),
        })
    }

    fn end(&mut self, to: usize) -> Result<(), NotRead> {
        let depth = self.open.len();
        let Some(mut element) = self.open.pop() else {
            return Err(self.no("an end without a beginning"));
        };
        self.spaces.retain(|(of, ..)| *of < depth);
        element.span.end = to;
        match self.open.last_mut() {
            Some(outer) => {
                if outer.wrong.is_none() {
                    outer.wrong.clone_from(&element.wrong);
                }
                outer.nodes.push(Node::Element(element));
            }
            None => self.root = Some(element),
        }
        Ok(())
    }

    fn text(&mut self, piece: &str) -> Result<(), NotRead> {
        let Some(element) = self.open.last_mut() else {
            let is_space = piece.chars().all(|c| " \t\r\n".contains(c));
            return match is_space {
                true => Ok(()),
                false => Err(self.no("text outside of its element")),
            };
        };
        if !piece.chars().all(is_char) && element.wrong.is_none() {
            element.wrong = Some("a character that XML does not know".to_owned());
        }
        match element.nodes.last_mut() {
            Some(Node::Text(text)) => text.push_str(piece),
            _ if piece.is_empty() => {}
            _ => element.nodes.push(Node::Text(piece.to_owned())),
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), NotRead> {
        if self.open.is_empty() {
            return Err(self.no("a reference outside of its element"));
        }
        let found = match reference.is_char_ref() {
            true => reference.resolve_char_ref().ok().flatten(),
            false => match &**reference {
                b"lt" => Some('<'),
                b"gt" => Some('>'),
                b"amp" => Some('&'),
                b"apos" => Some('\''),
                b"quot" => Some('"'),
                _ => None,
            },
        };
        match found.filter(|c| is_char(*c)) {
            Some(c) => self.text(c.encode_utf8(&mut [0; 4])),
            None => {
                let element = self.open.last_mut();
                if let Some(element) = element.filter(|element| element.wrong.is_none()) {
                    element.wrong = Some("a reference to what XML does not know (&…;)".to_owned());
                }
                Ok(())
            }
        }
    }

    fn done(mut self) -> Result<Element, NotRead> {
        if !self.open.is_empty() {
            return Err(self.no("it ends in the middle of an element"));
        }
        match self.root.take() {
            Some(root) => Ok(root),
            None => Err(self.no("it has no element")),
        }
    }
}
