//! The template of a request, and an envelope made of it.
//!
//! ```text
//! template ──parse──► text, its places, what is left out without a cursor, where headers go ──fill──► an envelope
//! ```
//!
//! 1. What a place is filled with is escaped, and is not looked into.
//! 2. An element that holds `{cursor}` or `{since}` and nothing else is left out where there is none: services take one that is empty
//!    for another. With a comment beside the place it stays.
//! 3. Headers that the template has are not made a second time.
//! 4. What this version does not do (signatures, encryption, ReliableMessaging, MTOM) is refused by name.

use std::ops::Range;

use super::{ADDRESSING, Version, WSSE};
use crate::xml::write::escaped;
use crate::xml::{Bounds, Element, Node, encoding, read};

/// The places that a template may have.
pub const PLACES: [&str; 14] = [
    "cursor",
    "page",
    "offset",
    "limit",
    "since",
    "username",
    "password",
    "nonce",
    "created",
    "expires",
    "digest",
    "message-id",
    "action",
    "to",
];

/// What is refused, by the namespace that says it.
const REFUSED: [(&str, &str); 4] = [
    ("http://www.w3.org/2000/09/xmldsig#", "an X.509 signature"),
    ("http://www.w3.org/2001/04/xmlenc#", "encryption"),
    (
        "http://docs.oasis-open.org/ws-rx/wsrm/",
        "WS-ReliableMessaging",
    ),
    ("http://www.w3.org/2004/08/xop/include", "MTOM"),
];

/// A template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    text: String,
    /// What is left out where its place is empty.
    optional: Vec<(Range<usize>, &'static str)>,
    /// Where headers are put, and how.
    header: Header,
    /// Which SOAP it is.
    pub version: Version,
    /// It has a `wsse:Security` of its own.
    pub has_security: bool,
    /// It has WS-Addressing of its own.
    pub has_addressing: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Header {
    /// Into the one that is there, here.
    Into(usize),
    /// Into the one that is there, which is `<s:Header/>`: it gets a beginning and an end of this name.
    Empty(Range<usize>, String),
    /// There is none: before the body.
    New(usize),
}

impl Template {
    /// Reads one: a whole envelope, or what its body holds. `said`: the version, where the configuration says one.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(bytes: &[u8], said: Option<Version>) -> Result<Self, String> {
        let text = encoding::text(bytes, None).map_err(|e| e.to_string())?;
        let text = match text.trim_start().strip_prefix("<?xml") {
            Some(rest) => rest
                .split_once("?>")
                .map_or("", |(_, rest)| rest)
                .to_owned(),
            None => text,
        };
        let text = text.trim().to_owned();
        let root = read(&text, &Bounds::default()).map_err(|e| e.to_string())?;
        let (text, root) = match root.name.local.as_str() {
            "Envelope" => (text, root),
            _ => {
                let space = said.unwrap_or_default().space();
                let text =
                    format!("<s:Envelope xmlns:s=\"{space}\"><s:Body>{text}</s:Body></s:Envelope>");
                let root = read(&text, &Bounds::default()).map_err(|e| e.to_string())?;
                (text, root)
            }
        };
        let version = Version::of(&root.name.space)
            .ok_or("its Envelope is of a namespace that is none of SOAP 1.1 or 1.2")?;
        if said.is_some_and(|said| said != version) {
            return Err(format!(
                "it is of SOAP {version}, and `version` says another: leave one of them out"
            ));
        }
        checked(&text, &root)?;
        let space = version.space();
        let body = root
            .child(space, "Body")
            .ok_or("its Envelope has no Body")?;
        let own = root.child(space, "Header");
        let has = |space: &str| own.is_some_and(|h| h.children().any(|c| &*c.name.space == space));
        let (has_security, has_addressing) = (has(WSSE), has(ADDRESSING));
        let header = match own {
            None => Header::New(body.span.start),
            Some(element) => {
                let written = &text[element.span.clone()];
                match written.strip_suffix("/>") {
                    Some(start) => {
                        let name = start[1..]
                            .split([' ', '\t', '\r', '\n'])
                            .next()
                            .unwrap_or("");
                        Header::Empty(element.span.clone(), name.to_owned())
                    }
                    None => {
                        let inner = written.rfind("</").unwrap_or(0);
                        Header::Into(element.span.start + inner)
                    }
                }
            }
        };
        let mut optional = Vec::new();
        left_out(body, &text, &mut optional);
        Ok(Template {
            text,
            optional,
            header,
            version,
            has_security,
            has_addressing,
        })
    }

    /// Whether it has a place.
    pub fn has(&self, place: &str) -> bool {
        self.text.contains(&format!("{{{place}}}"))
    }

    /// The envelope: places by their names, and headers that are put in.
    pub fn filled(&self, places: &[(&str, &str)], headers: &str) -> String {
        let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
        let of = |name: &str| places.iter().find(|(n, _)| *n == name).map(|(_, v)| *v);
        let mut cuts: Vec<(Range<usize>, String)> = Vec::new();
        for (span, place) in &self.optional {
            if of(place).unwrap_or("").is_empty() {
                cuts.push((span.clone(), String::new()));
            }
        }
        let space = self.version.space();
        cuts.push(match &self.header {
            Header::Into(at) => (*at..*at, headers.to_owned()),
            Header::Empty(span, name) => {
                let start = self.text[span.clone()].trim_end_matches("/>");
                (span.clone(), format!("{start}>{headers}</{name}>"))
            }
            Header::New(at) if !headers.is_empty() => (
                *at..*at,
                format!("<h:Header xmlns:h=\"{space}\">{headers}</h:Header>"),
            ),
            Header::New(at) => (*at..*at, String::new()),
        });
        cuts.sort_by_key(|(span, _)| span.start);
        let mut at = 0;
        for (span, instead) in cuts {
            out += &fill(&self.text[at..span.start], &of);
            out += &instead;
            at = span.end;
        }
        out + &fill(&self.text[at..], &of)
    }
}

/// A text with its places filled, from left to right, once.
fn fill<'a>(text: &str, of: &impl Fn(&str) -> Option<&'a str>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        out.push_str(&rest[..at]);
        let inner = &rest[at + 1..];
        let name = inner.split('}').next().unwrap_or("");
        match of(name).filter(|_| PLACES.contains(&name) && inner.len() > name.len()) {
            Some(value) => {
                out.push_str(&escaped(value));
                rest = &inner[name.len() + 1..];
            }
            None => {
                out.push('{');
                rest = inner;
            }
        }
    }
    out + rest
}

/// Refuses what is not done, places that are none, and places where nothing can be escaped.
fn checked(text: &str, root: &Element) -> Result<(), String> {
    if text.contains("<![CDATA[") {
        return Err(
            "it has CDATA, in which nothing that is filled in can be escaped: write &lt; and &amp;"
                .to_owned(),
        );
    }
    if text.contains("<?") {
        return Err(
            "it has a processing instruction (<?…?>), which SOAP does not allow".to_owned(),
        );
    }
    refused(root)?;
    if let Some(why) = &root.wrong {
        return Err(format!("it has {why}"));
    }
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        rest = &rest[at + 1..];
        let Some(end) = rest.find('}') else { break };
        let name = &rest[..end];
        let is_word = !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
        if is_word && !PLACES.contains(&name) {
            return Err(format!(
                "it has the place {{{name}}}, which is not known; known are {}",
                PLACES.join(", ")
            ));
        }
    }
    Ok(())
}

fn refused(element: &Element) -> Result<(), String> {
    let found = REFUSED
        .iter()
        .find(|(space, _)| element.name.space.starts_with(space));
    if let Some((_, what)) = found {
        return Err(format!("it has {what}, which this version does not do"));
    }
    element.children().try_for_each(refused)
}

/// The elements that hold a place which may be empty, and nothing else: no comment either.
fn left_out(element: &Element, text: &str, found: &mut Vec<(Range<usize>, &'static str)>) {
    for child in element.children() {
        let is = |place: &&str| match &child.nodes[..] {
            [Node::Text(own)] => own.trim() == format!("{{{place}}}"),
            _ => false,
        };
        let is_bare = child.attributes.is_empty() && !text[child.span.clone()].contains("<!--");
        if let Some(place) = ["cursor", "since"].into_iter().find(is).filter(|_| is_bare) {
            found.push((child.span.clone(), place));
        }
        left_out(child, text, found);
    }
}
