//! A schema's text as a list of types that know each other by number.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use standings_model::schema::{self, Language};

use super::declare::declaration;
use super::input::Input;
use super::logical::{self, Logical};
use super::names;

/// How deep a schema, or a record, may be.
pub(super) const DEPTH: usize = 64;
/// Bytes of a schema's text.
const MOST: usize = 1 << 20;

/// A type by its place in [`Schema::types`].
pub(super) type Id = usize;

/// What a value is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Of a name that is not described yet.
    Open,
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    Text,
    Fixed(usize),
    Enum(Vec<String>),
    Array(Id),
    Map(Id),
    Union(Vec<Id>),
    Record(Vec<Field>),
}

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: String,
    /// What it was called before.
    pub(super) aliases: Vec<String>,
    pub(super) of: Id,
}

/// A type: what it is made of, what it means, what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Type {
    pub(super) node: Node,
    pub(super) logical: Option<Logical>,
    /// For a person: `long`, `shop.Sale`.
    pub(super) name: String,
}

/// A writer's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    pub(super) types: Vec<Type>,
    pub(super) root: Id,
}

/// Why a text is no schema that is read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadSchema {
    /// Of another language.
    #[error("it is {0}, and the table's format reads AVRO")]
    Other(&'static str),
    /// No JSON.
    #[error("no JSON: {0}")]
    Json(String),
    /// Longer than any may be.
    #[error("{0} bytes; at most 1 MiB are taken")]
    Long(usize),
    /// Types in types.
    #[error("deeper than {DEPTH} types in each other")]
    Deep,
    /// Not by the rules of Avro.
    #[error("{0}")]
    Rule(String),
    /// Records are not records.
    #[error("its records are of the type {0}; a record with fields is needed")]
    NoRecord(String),
}

fn rule<T>(text: impl Into<String>) -> Result<T, BadSchema> {
    Err(BadSchema::Rule(text.into()))
}

impl Schema {
    /// Reads a schema with all that it is built on.
    ///
    /// # Errors
    /// What is no schema of Avro.
    pub fn of(schema: &schema::Schema) -> Result<Self, BadSchema> {
        if schema.language != Language::Avro {
            return Err(BadSchema::Other(schema.language.word()));
        }
        let mut parser = Parser::default();
        for reference in &schema.references {
            parser.text(&reference.text)?;
        }
        let root = parser.text(&schema.text)?;
        let mut open = parser.types.iter().filter(|t| t.node == Node::Open);
        if let Some(open) = open.next() {
            return rule(format!("the type {} is named and not described", open.name));
        }
        Ok(Schema {
            types: parser.types,
            root,
        })
    }

    /// The same of a text alone.
    ///
    /// # Errors
    /// As [`Schema::of`].
    pub fn parse(text: &str) -> Result<Self, BadSchema> {
        Schema::of(&schema::Schema::new(Language::Avro, text))
    }

    /// The fields of its records, with the column types that take them; none where they are no records.
    pub fn fields(&self) -> Option<BTreeMap<String, String>> {
        let Node::Record(fields) = &self.types[self.root].node else {
            return None;
        };
        let all = fields.iter();
        let all = all.map(|f| (f.name.clone(), declaration(self, f.of, 0).into_owned()));
        Some(all.collect())
    }

    /// What the fields of its records are called, and were.
    pub fn names(&self) -> Vec<String> {
        let Node::Record(fields) = &self.types[self.root].node else {
            return Vec::new();
        };
        let all = fields.iter();
        all.flat_map(|f| std::iter::once(f.name.clone()).chain(f.aliases.iter().cloned()))
            .collect()
    }

    /// Where the record that begins at `at` ends: it is passed over. None where it is not whole, or not one.
    pub fn end_of(&self, bytes: &[u8], at: usize) -> Option<usize> {
        let mut input = Input::new(bytes, at, MOST);
        input.skip(self, self.root).ok()?;
        Some(input.at())
    }
}

#[derive(Default)]
struct Parser {
    types: Vec<Type>,
    named: BTreeMap<String, Id>,
}

impl Parser {
    fn text(&mut self, text: &str) -> Result<Id, BadSchema> {
        if text.len() > MOST {
            return Err(BadSchema::Long(text.len()));
        }
        let json: Value = match serde_json::from_str(text) {
            Ok(json) => json,
            // A bare name, as some registries keep them.
            Err(_) if names::is_full(text.trim()) => Value::String(text.trim().to_owned()),
            Err(e) => {
                return Err(BadSchema::Json(super::super::error::shorten(
                    &e.to_string(),
                )));
            }
        };
        self.read(&json, "", 0)
    }

    fn push(&mut self, node: Node, logical: Option<Logical>, name: &str) -> Id {
        self.types.push(Type {
            node,
            logical,
            name: name.to_owned(),
        });
        self.types.len() - 1
    }

    fn read(&mut self, json: &Value, namespace: &str, depth: usize) -> Result<Id, BadSchema> {
        if depth > DEPTH {
            return Err(BadSchema::Deep);
        }
        match json {
            Value::String(name) => self.by_name(name, namespace),
            Value::Array(branches) => {
                let all = branches.iter();
                let all: Result<Vec<Id>, _> =
                    all.map(|b| self.read(b, namespace, depth + 1)).collect();
                let all = all?;
                if all.is_empty() {
                    return rule("a union of nothing");
                }
                if all
                    .iter()
                    .any(|b| matches!(self.types[*b].node, Node::Union(_)))
                {
                    return rule("a union in a union");
                }
                Ok(self.push(Node::Union(all), None, "union"))
            }
            Value::Object(of) => self.object(of, namespace, depth),
            other => rule(format!("{other} is no type")),
        }
    }

    fn by_name(&mut self, name: &str, namespace: &str) -> Result<Id, BadSchema> {
        if let Some(node) = primitive(name) {
            return Ok(self.push(node, None, name));
        }
        let full = names::full(name, namespace);
        let known = self.named.get(&full).or_else(|| self.named.get(name));
        match known {
            Some(id) => Ok(*id),
            None => rule(format!("the type {full} is not known")),
        }
    }

    fn object(
        &mut self,
        of: &Map<String, Value>,
        namespace: &str,
        depth: usize,
    ) -> Result<Id, BadSchema> {
        let Some(kind) = of.get("type") else {
            return rule("a type without \"type\"");
        };
        let Value::String(word) = kind else {
            // `{"type": {"type": "long", …}}`, or a union in its own braces.
            return self.read(kind, namespace, depth + 1);
        };
        if let Some(node) = primitive(word) {
            let logical = logical::of(&node, of);
            let name = match of.get("logicalType").and_then(Value::as_str) {
                Some(meaning) => format!("{word} ({meaning})"),
                None => word.clone(),
            };
            return Ok(self.push(node, logical, &name));
        }
        match word.as_str() {
            "array" | "map" => {
                let part = if word == "array" { "items" } else { "values" };
                let Some(inner) = of.get(part) else {
                    return rule(format!("{word} without \"{part}\""));
                };
                let inner = self.read(inner, namespace, depth + 1)?;
                let node = match word.as_str() {
                    "array" => Node::Array(inner),
                    _ => Node::Map(inner),
                };
                Ok(self.push(node, None, word))
            }
            "record" | "error" | "enum" | "fixed" => self.described(word, of, namespace, depth),
            name => self.by_name(name, namespace),
        }
    }

    /// A type with a name of its own.
    fn described(
        &mut self,
        word: &str,
        of: &Map<String, Value>,
        namespace: &str,
        depth: usize,
    ) -> Result<Id, BadSchema> {
        let Some(name) = of.get("name").and_then(Value::as_str) else {
            return rule(format!("{word} without \"name\""));
        };
        let own = of.get("namespace").and_then(Value::as_str);
        let full = names::full(name, own.unwrap_or(namespace));
        if !names::is_full(&full) {
            return rule(format!("{full:?} is no name"));
        }
        let id = self.push(Node::Open, None, &full);
        if self.named.insert(full.clone(), id).is_some() {
            return rule(format!("the type {full} is described twice"));
        }
        let node = match word {
            "enum" => Node::Enum(symbols(of)?),
            "fixed" => match of.get("size").and_then(Value::as_u64) {
                Some(size) if size <= MOST as u64 => Node::Fixed(size as usize),
                _ => return rule(format!("{full}: a size of at most 1 MiB is needed")),
            },
            _ => {
                let inner = full.rsplit_once('.').map_or("", |(space, _)| space);
                Node::Record(self.fields(of, &full, inner, depth)?)
            }
        };
        self.types[id].logical = logical::of(&node, of);
        self.types[id].node = node;
        Ok(id)
    }

    fn fields(
        &mut self,
        of: &Map<String, Value>,
        record: &str,
        namespace: &str,
        depth: usize,
    ) -> Result<Vec<Field>, BadSchema> {
        let Some(all) = of.get("fields").and_then(Value::as_array) else {
            return rule(format!("{record} without \"fields\""));
        };
        let mut fields: Vec<Field> = Vec::with_capacity(all.len());
        let mut seen = std::collections::BTreeSet::new();
        for field in all {
            let name = field.get("name").and_then(Value::as_str);
            let (Some(name), Some(kind)) = (name, field.get("type")) else {
                return rule(format!("{record}: a field without \"name\" or \"type\""));
            };
            if !seen.insert(name) {
                return rule(format!("{record}: the field {name} stands twice"));
            }
            let mut id = self.read(kind, namespace, depth + 1)?;
            // Connect and older writers say what a value means beside its type.
            if let Some(attributes) = field.as_object()
                && self.types[id].logical.is_none()
                && let Some(meaning) = logical::beside(&self.types[id].node, attributes)
            {
                let (node, named) = (self.types[id].node.clone(), self.types[id].name.clone());
                id = self.push(node, Some(meaning), &named);
            }
            let aliases = field.get("aliases").and_then(Value::as_array);
            let aliases = aliases.into_iter().flatten().filter_map(Value::as_str);
            fields.push(Field {
                name: name.to_owned(),
                aliases: aliases.map(str::to_owned).collect(),
                of: id,
            });
        }
        Ok(fields)
    }
}

fn symbols(of: &Map<String, Value>) -> Result<Vec<String>, BadSchema> {
    let all = of.get("symbols").and_then(Value::as_array);
    let all = all.into_iter().flatten();
    let symbols: Option<Vec<String>> = all.map(|s| s.as_str().map(str::to_owned)).collect();
    match symbols {
        Some(symbols) if !symbols.is_empty() => Ok(symbols),
        _ => rule("an enum without symbols"),
    }
}

fn primitive(name: &str) -> Option<Node> {
    Some(match name {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int,
        "long" => Node::Long,
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::Text,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(text: &str) -> String {
        Schema::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn names_are_those_of_their_namespace() {
        let text = r#"{"type":"record","name":"shop.Sale","fields":[
            {"name":"a","type":{"type":"fixed","name":"Hash","size":4}},
            {"name":"b","type":"Hash"}, {"name":"c","type":"shop.Hash"},
            {"name":"d","type":{"type":"enum","name":"other.Kind","symbols":["x"]}},
            {"name":"e","type":["null","other.Kind"]},
            {"name":"next","type":["null","Sale"]}]}"#;
        let schema = Schema::parse(text).unwrap();
        let Node::Record(fields) = &schema.types[schema.root].node else {
            panic!("{schema:?}");
        };
        assert_eq!(fields[0].of, fields[1].of);
        assert_eq!(fields[0].of, fields[2].of);
        let Node::Union(next) = &schema.types[fields[5].of].node else {
            panic!("{schema:?}");
        };
        assert_eq!(next[1], schema.root);
        let built = schema::Schema {
            references: vec![schema::Reference {
                name: "shop.City".to_owned(),
                text: r#"{"type":"record","name":"shop.City","fields":[]}"#.to_owned(),
            }],
            ..schema::Schema::new(
                Language::Avro,
                r#"{"type":"record","name":"A","fields":[{"name":"c","type":"shop.City"}]}"#,
            )
        };
        assert!(Schema::of(&built).is_ok());
    }

    #[test]
    fn what_is_no_schema() {
        for (text, says) in [
            ("{", "no JSON"),
            ("7", "is no type"),
            ("[]", "a union of nothing"),
            (r#"["null",["int"]]"#, "a union in a union"),
            (r#"{"type":"record","name":"a"}"#, "without \"fields\""),
            (r#"{"type":"record","fields":[]}"#, "without \"name\""),
            (r#"{"type":"record","name":"a b","fields":[]}"#, "no name"),
            (r#"{"type":"array"}"#, "without \"items\""),
            (
                r#"{"type":"enum","name":"a","symbols":[]}"#,
                "without symbols",
            ),
            (r#"{"type":"fixed","name":"a","size":-1}"#, "a size"),
            (r#""no.such""#, "is not known"),
            (
                r#"{"type":"record","name":"a","fields":[{"name":"x","type":"int"},{"name":"x","type":"int"}]}"#,
                "stands twice",
            ),
            (
                r#"{"type":"record","name":"a","fields":[{"name":"x","type":{"type":"fixed","name":"a","size":1}}]}"#,
                "described twice",
            ),
        ] {
            assert!(wrong(text).contains(says), "{text}: {}", wrong(text));
        }
        let deep = format!(
            "{}\"int\"{}",
            "{\"type\":\"array\",\"items\":".repeat(60),
            "}".repeat(60)
        );
        assert!(Schema::parse(&deep).is_ok());
        let deep = format!(
            "{}\"int\"{}",
            "{\"type\":\"array\",\"items\":".repeat(70),
            "}".repeat(70)
        );
        assert_eq!(Schema::parse(&deep), Err(BadSchema::Deep));
        let long = format!("\"{}\"", "x".repeat(MOST));
        assert!(matches!(Schema::parse(&long), Err(BadSchema::Long(_))));
    }
}
