//! XML Schema, as far as it says what an element holds: sequences, choices, all, extensions, groups, references. What restricts values
//! is passed over.
//!
//! 1. A type that holds itself is gone into up to a depth, and a schema up to so many fields: both have bounds.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::{Documents, Qualified, XSD, resolved};
use crate::xml::path::{Named, Path};
use crate::xml::{Element, is_name};

/// How deep types are gone into.
const DEPTH: usize = 12;
/// Fields of an element, with those in them.
const MOST: usize = 20_000;

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A text, of a type of this name.
    Text(String),
    /// Other fields.
    Fields(Vec<Field>),
    /// What the schema does not say, or what is too deep.
    Anything,
}

/// A field of an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its namespace, where it stands with one.
    pub space: Option<String>,
    /// It is an attribute.
    pub is_attribute: bool,
    /// It may be missing.
    pub is_optional: bool,
    /// There may be several.
    pub is_many: bool,
    /// What it holds.
    pub holds: Holds,
}

/// A component of a schema with its scope.
#[derive(Clone)]
struct Part<'a> {
    element: &'a Element,
    scope: Vec<&'a Element>,
    target: &'a str,
    /// Local elements stand with the namespace.
    is_qualified: bool,
}

impl<'a> Part<'a> {
    fn inner(&self, element: &'a Element) -> Part<'a> {
        let mut scope = self.scope.clone();
        scope.push(element);
        Part {
            element,
            scope,
            ..*self
        }
    }

    fn children(&self) -> impl Iterator<Item = Part<'a>> + '_ {
        let all = self
            .element
            .children()
            .filter(|child| &*child.name.space == XSD);
        all.map(|child| self.inner(child))
    }

    fn named(&self, attribute: &str) -> Option<Qualified> {
        let name = self.element.attribute(attribute)?;
        Some(resolved(&self.scope, name))
    }

    fn local(&self) -> &'a str {
        &self.element.name.local
    }
}

/// All schemas of a WSDL.
pub(super) struct Schemas<'a> {
    elements: BTreeMap<Qualified, Part<'a>>,
    types: BTreeMap<Qualified, Part<'a>>,
    groups: BTreeMap<Qualified, Part<'a>>,
    left: Cell<usize>,
}

impl<'a> Schemas<'a> {
    pub(super) fn read(documents: &'a Documents) -> Self {
        let mut schemas = Schemas {
            elements: BTreeMap::new(),
            types: BTreeMap::new(),
            groups: BTreeMap::new(),
            left: Cell::new(MOST),
        };
        for (_, root) in &documents.all {
            schemas.look(root, &mut Vec::new());
        }
        schemas
    }

    /// Looks for schemas.
    fn look(&mut self, element: &'a Element, scope: &mut Vec<&'a Element>) {
        scope.push(element);
        if element.name.is(XSD, "schema") {
            let target = element.attribute("targetNamespace").unwrap_or("");
            for child in element.children() {
                let mut scope = scope.clone();
                scope.push(child);
                let part = Part {
                    element: child,
                    scope,
                    target,
                    is_qualified: element.attribute("elementFormDefault") == Some("qualified"),
                };
                let Some(name) = child.attribute("name") else {
                    continue;
                };
                let name = (target.to_owned(), name.to_owned());
                match part.local() {
                    "element" => self.elements.insert(name, part),
                    "complexType" | "simpleType" => self.types.insert(name, part),
                    "group" => self.groups.insert(name, part),
                    _ => None,
                };
            }
        } else {
            element.children().for_each(|child| self.look(child, scope));
        }
        scope.pop();
    }

    /// What a global element holds.
    pub(super) fn of_element(&self, name: &Qualified) -> Vec<Field> {
        self.left.set(MOST);
        match self.elements.get(name).map(|part| self.holds(part, DEPTH)) {
            Some(Holds::Fields(fields)) => fields,
            _ => Vec::new(),
        }
    }

    /// A part of a message that has a type.
    pub(super) fn of_part(&self, name: &str, kind: &Qualified) -> Field {
        self.left.set(MOST);
        Field {
            name: name.to_owned(),
            space: None,
            is_attribute: false,
            is_optional: false,
            is_many: false,
            holds: self.of_type(kind, DEPTH),
        }
    }

    fn of_type(&self, name: &Qualified, depth: usize) -> Holds {
        if name.0 == XSD {
            return match name.1.as_str() {
                "anyType" => Holds::Anything,
                kind => Holds::Text(kind.to_owned()),
            };
        }
        match self.types.get(name) {
            Some(part) if depth > 0 => self.of_definition(part, depth - 1),
            _ => Holds::Anything,
        }
    }

    /// What an element that is declared holds.
    fn holds(&self, part: &Part<'a>, depth: usize) -> Holds {
        if let Some(name) = part.named("type") {
            return self.of_type(&name, depth);
        }
        let inner = part
            .children()
            .find(|c| matches!(c.local(), "complexType" | "simpleType"));
        match inner {
            Some(inner) if depth > 0 => self.of_definition(&inner, depth - 1),
            _ => Holds::Anything,
        }
    }

    /// What a type that is defined holds.
    fn of_definition(&self, part: &Part<'a>, depth: usize) -> Holds {
        if part.local() == "simpleType" {
            let base = part
                .children()
                .find_map(|c| c.named("base").or_else(|| c.named("itemType")));
            return match base {
                Some(base) if depth > 0 => self.of_type(&base, depth),
                _ => Holds::Text("string".to_owned()),
            };
        }
        let mut fields = Vec::new();
        let is_open = self.content(part, depth, (false, false), &mut fields);
        match (fields.is_empty(), is_open) {
            (true, true) => Holds::Anything,
            _ => Holds::Fields(fields),
        }
    }

    /// What stands in a type, a sequence, a choice, an extension; whether it may hold more than it says.
    fn content(
        &self,
        part: &Part<'a>,
        depth: usize,
        (optional, many): (bool, bool),
        fields: &mut Vec<Field>,
    ) -> bool {
        let mut is_open = false;
        for child in part.children() {
            let Some(left) = self.left.get().checked_sub(1) else {
                return true;
            };
            self.left.set(left);
            let min = child.element.attribute("minOccurs").unwrap_or("1");
            let max = child.element.attribute("maxOccurs").unwrap_or("1");
            let inner = (optional || min == "0", many || !matches!(max, "0" | "1"));
            match child.local() {
                // What is no name can stand in no document.
                "element" => {
                    let field = self.field(&child, depth, inner);
                    fields.extend(Some(field).filter(|field| is_name(&field.name)));
                }
                "attribute" => fields.extend(attribute(&child)),
                "sequence" | "all" => is_open |= self.content(&child, depth, inner, fields),
                "choice" => is_open |= self.content(&child, depth, (true, inner.1), fields),
                "complexContent" | "simpleContent" | "restriction" => {
                    is_open |= self.content(&child, depth, (optional, many), fields);
                }
                "extension" => {
                    if let Some(base) = child.named("base").filter(|_| depth > 0) {
                        match self.of_type(&base, depth - 1) {
                            Holds::Fields(base) => fields.extend(base),
                            Holds::Anything => is_open = true,
                            Holds::Text(_) => {}
                        }
                    }
                    is_open |= self.content(&child, depth, (optional, many), fields);
                }
                "group" => match child.named("ref").and_then(|name| self.groups.get(&name)) {
                    Some(group) if depth > 0 => {
                        is_open |= self.content(group, depth - 1, inner, fields);
                    }
                    _ => is_open = true,
                },
                "any" | "anyAttribute" => is_open = true,
                _ => {}
            }
        }
        is_open
    }

    fn field(&self, part: &Part<'a>, depth: usize, (is_optional, is_many): (bool, bool)) -> Field {
        let base = Field {
            name: String::new(),
            space: None,
            is_attribute: false,
            is_optional,
            is_many,
            holds: Holds::Anything,
        };
        if let Some(name) = part.named("ref") {
            let found = self.elements.get(&name).filter(|_| depth > 0);
            return Field {
                holds: found.map_or(Holds::Anything, |found| self.holds(found, depth - 1)),
                name: name.1,
                space: Some(name.0),
                ..base
            };
        }
        let form = part.element.attribute("form");
        let is_qualified = form.map_or(part.is_qualified, |form| form == "qualified");
        Field {
            name: part.element.attribute("name").unwrap_or("").to_owned(),
            space: is_qualified.then(|| part.target.to_owned()),
            holds: self.holds(part, depth),
            ..base
        }
    }
}

fn attribute(part: &Part<'_>) -> Option<Field> {
    let name = part.element.attribute("name")?;
    let kind = part
        .named("type")
        .map_or_else(|| "string".to_owned(), |(_, local)| local);
    Some(Field {
        name: name.to_owned(),
        space: None,
        is_attribute: true,
        is_optional: part.element.attribute("use") != Some("required"),
        is_many: false,
        holds: Holds::Text(kind),
    })
}

/// Whether something can stand at a path in an element.
pub(super) fn may_have(element: &str, fields: &[Field], path: &Path) -> bool {
    // An envelope as the schema has it: a path may begin at any of its levels.
    let level = |name: &str, inner: Vec<Field>| Field {
        name: name.to_owned(),
        space: None,
        is_attribute: false,
        is_optional: false,
        is_many: false,
        holds: Holds::Fields(inner),
    };
    let body = level("Body", vec![level(element, fields.to_vec())]);
    path.may_be_in(&level("Envelope", vec![body]))
}

impl Named for Field {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_attribute(&self) -> bool {
        self.is_attribute
    }

    fn inner(&self) -> Option<&[Self]> {
        match &self.holds {
            Holds::Fields(fields) => Some(fields),
            Holds::Text(_) => Some(&[]),
            Holds::Anything => None,
        }
    }
}
