//! XML as it comes from strangers: read within bounds, without entities and without a document type.
//!
//! ```text
//! bytes ──encoding──► text ──read──► Element ──path──► rows ──json──► the text of a row
//! ```
//!
//! 1. Nothing outside is ever opened, and nothing expands: a document type is refused, and a reference is one character.
//! 2. What is read is bound: bytes, depth, elements, attributes, names, namespaces ([`Bounds`]).
//! 3. A character or a reference that XML does not know spoils the elements that it is in, and nothing beside them: they are told with
//!    the reason. What spoils the order of elements spoils the whole.

pub mod encoding;
pub mod json;
pub mod path;
mod read;
pub mod write;

use std::ops::Range;
use std::sync::Arc;

pub(crate) use read::is_name;
pub use read::read;

/// The namespace of `xsi:nil`.
pub const INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";

/// What a document may have at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Bytes of its text.
    pub bytes: usize,
    /// Elements in each other.
    pub depth: usize,
    /// Elements.
    pub elements: usize,
    /// Attributes of an element.
    pub attributes: usize,
    /// Bytes of a name.
    pub name: usize,
    /// Namespaces that are declared at once.
    pub namespaces: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds {
            bytes: 64 << 20,
            depth: 64,
            elements: 1_000_000,
            attributes: 64,
            name: 1_024,
            namespaces: 256,
        }
    }
}

/// A name, and the namespace that it is of; empty: of none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    /// The namespace.
    pub space: Arc<str>,
    /// The name without its prefix.
    pub local: String,
}

impl Name {
    /// Whether it is this one.
    pub fn is(&self, space: &str, local: &str) -> bool {
        &*self.space == space && self.local == local
    }
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// Another one.
    Element(Element),
    /// Text, with its references resolved.
    Text(String),
}

/// An element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name.
    pub name: Name,
    /// Its attributes, without declarations of namespaces.
    pub attributes: Vec<(Name, String)>,
    /// What it holds.
    pub nodes: Vec<Node>,
    /// The prefixes that are declared at it; the namespace of an empty one is the default.
    pub declared: Vec<(String, Arc<str>)>,
    /// Where it stands in the text, bytes.
    pub span: Range<usize>,
    /// What of it, or of what is in it, cannot be taken.
    pub wrong: Option<String>,
}

impl Element {
    /// The elements that it holds.
    pub fn children(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The first of this name.
    pub fn child(&self, space: &str, local: &str) -> Option<&Element> {
        self.children().find(|child| child.name.is(space, local))
    }

    /// Its own text.
    pub fn text(&self) -> String {
        let texts = self.nodes.iter().filter_map(|node| match node {
            Node::Text(text) => Some(text.as_str()),
            Node::Element(_) => None,
        });
        texts.collect()
    }

    /// The value of an attribute of no namespace.
    pub fn attribute(&self, local: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(name, _)| name.is("", local));
        found.map(|(_, value)| value.as_str())
    }

    /// Whether it says that it has no value: `xsi:nil`.
    pub fn is_nil(&self) -> bool {
        let mut all = self.attributes.iter();
        all.any(|(name, value)| name.is(INSTANCE, "nil") && matches!(value.trim(), "true" | "1"))
    }
}

/// Why a document is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// It has a document type.
    #[error(
        "it has a document type (<!DOCTYPE …>), which is not read: entities could be declared there"
    )]
    DocType,
    /// It goes beyond a bound.
    #[error("it has more than {most} {what}")]
    Bound {
        /// Of what.
        what: &'static str,
        /// The bound.
        most: usize,
    },
    /// It is not well-formed.
    #[error("no XML at byte {at}: {said}")]
    Malformed {
        /// Where.
        at: usize,
        /// Why.
        said: String,
    },
    /// Its encoding is not known, or it is not in it.
    #[error("{0}")]
    Encoding(String),
}

#[cfg(test)]
mod tests;
