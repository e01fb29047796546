//! A schema with all that it is built on.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::client::{Answer, Client};
use super::{BAD, UNKNOWN};
use standings_model::schema::{Language, Reference, Schema};

/// Bytes of a schema.
const MOST: usize = 1 << 20;
/// References of references.
const DEPTH: usize = 64;
/// References in all.
const ALL: usize = 100;

/// Why a schema does not come.
pub(super) enum NotFetched {
    /// The reason of a dead letter, and its detail.
    None(&'static str, String),
    /// It may be asked again.
    Later(String),
}

/// As a registry says it.
#[derive(Deserialize)]
struct Document {
    schema: String,
    #[serde(rename = "schemaType")]
    kind: Option<String>,
    #[serde(default)]
    references: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    subject: String,
    version: i64,
}

/// Asks for a schema by its id.
pub(super) fn fetch(client: &Client, id: u32, subject: Option<&str>) -> Result<Schema, NotFetched> {
    let number = id.to_string();
    let query = subject.map(|s| ("subject", s));
    let document = match ask(client, &["schemas", "ids", &number], query)? {
        Ok(document) => document,
        Err(says) => {
            let detail = format!("the registry has no schema {id}: {says}");
            return Err(NotFetched::None(UNKNOWN, detail));
        }
    };
    let language = match document.kind.as_deref() {
        None | Some("AVRO") => Language::Avro,
        Some("JSON") => Language::Json,
        Some("PROTOBUF") => Language::Protobuf,
        Some(other) => {
            let other: String = other.chars().take(40).collect();
            return Err(bad(
                id,
                &format!("it is written in {other:?}, which is not read"),
            ));
        }
    };
    let mut tree = Tree {
        client,
        id,
        seen: BTreeSet::new(),
        found: Vec::new(),
    };
    tree.references(document.references, 1)?;
    Ok(Schema {
        language,
        text: document.schema,
        references: tree.found,
        subject: subject.map(str::to_owned),
    })
}

#[cold]
fn bad(id: u32, why: &str) -> NotFetched {
    NotFetched::None(BAD, format!("schema {id}: {why}"))
}

/// Asks for a document; an error in place of one that there is not.
fn ask(
    client: &Client,
    path: &[&str],
    query: Option<(&str, &str)>,
) -> Result<Result<Document, String>, NotFetched> {
    let shown = path.join("/");
    match client.get(path, query) {
        Answer::Found(text) => match serde_json::from_str::<Document>(&text) {
            Ok(document) if document.schema.len() > MOST => Err(NotFetched::None(
                BAD,
                format!(
                    "{shown}: {} bytes; at most 1 MiB are taken",
                    document.schema.len()
                ),
            )),
            Ok(document) => Ok(Ok(document)),
            Err(e) => Err(NotFetched::Later(format!(
                "{shown}: the answer is not a registry's: {e}"
            ))),
        },
        Answer::Missing(says) => Ok(Err(says)),
        Answer::Long => Err(NotFetched::None(
            BAD,
            format!("{shown}: the answer has more than 4 MiB"),
        )),
        Answer::Later(problem) => Err(NotFetched::Later(format!("{shown}: {problem}"))),
    }
}

struct Tree<'c> {
    client: &'c Client,
    id: u32,
    seen: BTreeSet<(String, i64)>,
    /// Each behind what it is built on.
    found: Vec<Reference>,
}

impl Tree<'_> {
    fn references(&mut self, all: Vec<Named>, depth: usize) -> Result<(), NotFetched> {
        if depth > DEPTH {
            let why = format!("references deeper than {DEPTH} in each other");
            return Err(bad(self.id, &why));
        }
        for named in all {
            if !self.seen.insert((named.subject.clone(), named.version)) {
                continue;
            }
            if self.seen.len() > ALL {
                return Err(bad(self.id, &format!("more than {ALL} references")));
            }
            let version = named.version.to_string();
            let path = ["subjects", &named.subject, "versions", &version];
            let document = match ask(self.client, &path, None)? {
                Ok(document) => document,
                Err(says) => {
                    let why = format!("what it is built on, {}, is not there: {says}", named.name);
                    return Err(bad(self.id, &why));
                }
            };
            self.references(document.references, depth + 1)?;
            self.found.push(Reference {
                name: named.name,
                text: document.schema,
            });
        }
        Ok(())
    }
}
