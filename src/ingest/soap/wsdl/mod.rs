//! WSDL 1.1: which operations a service has, at which address, with which action, and what their messages hold.
//!
//! ```text
//! location ──Load──► documents (imports and includes too) ──► services, ports ──► bindings ──► operations ──► messages
//!                                                                                                  elements ──► schema
//! ```
//!
//! 1. Documents are read by who is asked for them, and nowhere else: below a folder, or of a configured host.
//! 2. There is a bound of documents, and each has those of [`Bounds`].

mod describe;
mod propose;
mod schema;

use std::collections::BTreeSet;
use std::fmt;

use super::Version;
use crate::xml::{Bounds, Element, encoding, path::Path, read};

pub use propose::{Proposal, propose};
pub use schema::{Field, Holds};

/// Documents that are read at most.
const MOST: usize = 100;

const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const WSDL2: &str = "http://www.w3.org/ns/wsdl";
const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// A name with its namespace.
pub type Qualified = (String, String);

/// Gives documents.
pub trait Load {
    /// A document, and where it is, so that it is read once. `from`: the document that names it; empty for the first.
    ///
    /// # Errors
    /// It is not there, or lies where nothing may be read; in words.
    fn load(&mut self, location: &str, from: &str) -> Result<(String, Vec<u8>), String>;
}

/// Something about a WSDL that does not go, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoWsdl(pub String);

impl fmt::Display for NoWsdl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An operation at an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name.
    pub name: String,
    /// The port that has it.
    pub port: String,
    /// Which SOAP that speaks.
    pub version: Version,
    /// Where it is.
    pub url: String,
    /// Its action; empty: none.
    pub action: String,
    /// The element of its request, and what it holds.
    pub input: Option<(Qualified, Vec<Field>)>,
    /// The element of its answer, and what it holds.
    pub output: Option<(Qualified, Vec<Field>)>,
    /// Why it cannot be asked, where it cannot.
    pub refused: Option<String>,
}

/// What a WSDL says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// The operations of all ports that speak SOAP.
    pub operations: Vec<Operation>,
}

/// The documents of a WSDL.
struct Documents {
    all: Vec<(String, Element)>,
}

impl Documents {
    fn read(location: &str, load: &mut dyn Load) -> Result<Self, NoWsdl> {
        let mut documents = Documents { all: Vec::new() };
        let mut seen = BTreeSet::new();
        let mut wanted = vec![(location.to_owned(), String::new())];
        while let Some((location, from)) = wanted.pop() {
            let (place, bytes) = load.load(&location, &from).map_err(NoWsdl)?;
            if !seen.insert(place.clone()) {
                continue;
            }
            if seen.len() > MOST {
                return Err(NoWsdl(format!("it leads to more than {MOST} documents")));
            }
            let no = |e: &dyn fmt::Display| NoWsdl(format!("{place}: {e}"));
            let text = encoding::text(&bytes, None).map_err(|e| no(&e))?;
            let root = read(&text, &Bounds::default()).map_err(|e| no(&e))?;
            if &*root.name.space == WSDL2 {
                return Err(NoWsdl(format!(
                    "{place}: it is WSDL 2.0, which is not read: ask for the one of 1.1"
                )));
            }
            imports(&root, &mut |location| {
                wanted.push((location.to_owned(), place.clone()))
            });
            documents.all.push((place, root));
        }
        let is_wsdl = |root: &Element| root.name.is(WSDL, "definitions");
        match documents.all.first().is_some_and(|(_, root)| is_wsdl(root)) {
            true => Ok(documents),
            false => Err(NoWsdl(
                "it is no WSDL: its element is not `definitions`".to_owned(),
            )),
        }
    }

    /// The definitions, each with the namespace that its names are of.
    fn definitions(&self) -> impl Iterator<Item = (&Element, &str)> {
        let all = self.all.iter().map(|(_, root)| root);
        let all = all.filter(|root| root.name.is(WSDL, "definitions"));
        all.map(|root| (root, root.attribute("targetNamespace").unwrap_or("")))
    }
}

/// What a document names that is read too.
fn imports(element: &Element, found: &mut dyn FnMut(&str)) {
    let space = &*element.name.space;
    let location = match (space, element.name.local.as_str()) {
        (WSDL, "import") => element.attribute("location"),
        (XSD, "import" | "include" | "redefine") => element.attribute("schemaLocation"),
        _ => None,
    };
    location.into_iter().for_each(&mut *found);
    element.children().for_each(|child| imports(child, found));
}

/// Prefixes in scope: elements from the outermost to the innermost.
fn resolved(scope: &[&Element], name: &str) -> Qualified {
    let (prefix, local) = name.trim().split_once(':').unwrap_or(("", name.trim()));
    let declared = scope
        .iter()
        .rev()
        .flat_map(|element| element.declared.iter().rev());
    let mut found = declared.filter(|(p, _)| p == prefix);
    let space = found.next().map_or("", |(_, space)| &**space);
    (space.to_owned(), local.to_owned())
}

impl Description {
    /// Reads a WSDL and what it leads to.
    ///
    /// # Errors
    /// It is none, or a document of it is not read.
    pub fn read(location: &str, load: &mut dyn Load) -> Result<Self, NoWsdl> {
        let documents = Documents::read(location, load)?;
        let operations = describe::operations(&documents);
        match operations.is_empty() {
            true => Err(NoWsdl(
                "it has no operation at an address of SOAP over HTTP".to_owned(),
            )),
            false => Ok(Description { operations }),
        }
    }

    /// An operation by its name. `version`: of the port; not said: the first that has it.
    ///
    /// # Errors
    /// There is none, or it cannot be asked; in words.
    pub fn operation(&self, name: &str, version: Option<Version>) -> Result<&Operation, NoWsdl> {
        let named: Vec<&Operation> = self.operations.iter().filter(|o| o.name == name).collect();
        if named.is_empty() {
            let all: BTreeSet<&str> = self.operations.iter().map(|o| o.name.as_str()).collect();
            let all: Vec<&str> = all.into_iter().take(50).collect();
            return Err(NoWsdl(format!(
                "there is no operation `{name}`; there are {}",
                all.join(", ")
            )));
        }
        let mut fitting = named
            .iter()
            .filter(|o| version.is_none_or(|v| v == o.version));
        let Some(found) = fitting.next() else {
            let versions: Vec<String> = named.iter().map(|o| o.version.to_string()).collect();
            return Err(NoWsdl(format!(
                "the operation `{name}` is there for SOAP {}: say version = \"…\"",
                versions.join(", ")
            )));
        };
        match &found.refused {
            Some(why) => Err(NoWsdl(format!(
                "the operation `{name}` asks for {why}, which this version does not do"
            ))),
            None => Ok(found),
        }
    }
}

impl Operation {
    /// Whether something can stand at a path in its answer, as far as the schema says; `true` where it does not say.
    pub fn may_have(&self, path: &Path) -> bool {
        match &self.output {
            Some(((_, element), fields)) => schema::may_have(element, fields, path),
            None => true,
        }
    }
}

#[cfg(test)]
mod tests;
