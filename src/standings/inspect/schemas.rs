//! Records whose schema is not in them: those of an Avro file, and those of a topic that name their schema by its id.
//!
//! ```text
//! Avro file ──────────────────────────► its schema ┐
//! 0 id bytes ──► registry or folder ──► schema ────┴──► the columns' types, each record as JSON
//! ```

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::messages::{self, MESSAGES};
use super::sample::{Body, Limits, Record};
use crate::run::registries::registries;
use standings_decode::avro::Schema;
use standings_edge::registry::{Lookup, Registry, Side};
use standings_edge::source::{PlainBlocks, Site, plain_of};
use standings_model::error::{Failure, codes};
use standings_model::schema::{self, FRAME, Language, unframed};
use standings_model::table::Table;
use standings_model::types::Type;

/// How long a registry may take to say a schema.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where the schemas of framed records are.
#[derive(Args, Clone, Debug, Default)]
pub struct SchemaArgs {
    /// Where the schemas of Avro and Protobuf records are that name theirs by an id: the URL of the schema registry.
    #[arg(long, value_name = "URL", conflicts_with = "schemas_folder")]
    pub registry: Option<String>,
    /// The same as a folder with a file for each id: 7.avsc.
    #[arg(long, value_name = "DIR")]
    pub schemas_folder: Option<String>,
    /// What the Protobuf messages of a topic are that name no schema: the file that protoc --include_imports
    /// --descriptor_set_out=FILE writes.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["registry", "schemas_folder"])]
    pub descriptor_file: Option<PathBuf>,
    /// Which message of it they are, with its package: shop.Order. Not needed where one alone is part of no other.
    #[arg(long, value_name = "NAME", requires = "descriptor_file")]
    pub message_name: Option<String>,
}

/// The format that such records have.
pub(super) const FRAMED: &str = "avro-confluent";

impl SchemaArgs {
    /// As a table names it: the option, and its value.
    pub(super) fn option(&self, format: &str) -> Option<(String, String)> {
        let url = self.registry.as_ref().map(|url| ("url", url));
        let url = url.map(|(word, url)| (word, url.clone()));
        // In a table it is relative to the file that declares it, which has no place yet.
        let folder = self.schemas_folder.as_ref().map(|folder| {
            let whole = std::path::absolute(folder).unwrap_or_else(|_| folder.into());
            ("schemas-folder", whole.display().to_string())
        });
        let (word, value) = url.or(folder)?;
        Some((format!("{format}.{word}"), value))
    }
}

/// The type of a column, by what would be declared.
fn typed(columns: Vec<(String, String)>) -> Vec<(String, Option<Type>)> {
    let one = |text: &str| {
        let table =
            standings_query::parse_table("t", &format!("CREATE TABLE t (c {text})")).ok()?;
        Some(table.columns.first()?.kind.clone())
    };
    let columns = columns.into_iter();
    columns
        .map(|(name, kind)| {
            let kind = one(&kind);
            (name, kind)
        })
        .collect()
}

/// The first records of an Avro file, and whether they are all.
pub(super) fn of_file(site: &Site, limits: Limits) -> Result<(Body, bool), Failure> {
    let plain = plain_of(site, &Table::new("anything", Vec::new()))?;
    let (mut rows, mut all, mut bytes) = (plain.rows, Vec::new(), 0);
    let next = |rows: &mut PlainBlocks| {
        let failed = standings_edge::source::FileError::reading(site.path());
        rows.next_block().map_err(failed)
    };
    let mut is_all = true;
    'blocks: while let Some(block) = next(&mut rows)? {
        for record in &block.records {
            if all.len() >= limits.records || bytes > limits.bytes {
                is_all = false;
                break 'blocks;
            }
            let record = block.slice((record.start, record.end)).to_vec();
            bytes += record.len();
            all.push(Record {
                bytes: record,
                ..Record::default()
            });
        }
    }
    let columns = typed(plain.columns.unwrap_or_default());
    Ok((Body::Typed(all, columns, "avro"), is_all))
}

/// Framed records of a topic as JSON, with the types that the schema of the first says; `None` where they are none, or JSON.
pub(super) fn of_topic(records: &[Record], args: &SchemaArgs) -> Result<Option<Body>, Failure> {
    let Some((option, value)) = args.option(FRAMED) else {
        return Ok(None);
    };
    let is_framed = |record: &Record| {
        unframed(&record.bytes).is_some_and(|(_, rest)| !rest.trim_ascii_start().starts_with(b"{"))
    };
    let with_bytes = || records.iter().filter(|r| !r.bytes.is_empty());
    if with_bytes().next().is_none() || !with_bytes().all(is_framed) {
        return Ok(None);
    }
    let value = value.replace('\'', "''");
    let sql = format!(
        "CREATE TABLE anything (c STRING) WITH ('format' = '{FRAMED}', '{option}' = '{value}');
         SELECT c, n, rn FROM (SELECT c, n, ROW_NUMBER() OVER (ORDER BY n DESC) AS rn FROM (
           SELECT c, COUNT(*) AS n FROM anything GROUP BY c)) WHERE rn <= 1;"
    );
    let refused = |text: String| Failure::of(&codes::source::SETTINGS, text);
    let loaded = standings_query::load_texts(&[("registry", &sql)]);
    let loaded = loaded.map_err(|errors| {
        let first = errors.0.first().map(ToString::to_string);
        refused(first.unwrap_or_default())
    })?;
    let registries = registries(&loaded.plan, None, &Arc::default())?;
    let registry = registries.of(0, Side::Value);
    let registry = registry.ok_or_else(|| refused("no registry is named".to_owned()))?;
    let ask = |id: u32| known(registry, id);
    if let Some((first, _)) = with_bytes().find_map(|r| unframed(&r.bytes))
        && ask(first)?.language == Language::Protobuf
        && let Some((option, value)) = args.option(MESSAGES)
    {
        return messages::of_topic(records, ask, (&option, &value));
    }
    let mut schemas: Vec<(u32, Schema)> = Vec::new();
    let mut all = Vec::new();
    for record in with_bytes() {
        let Some((id, rest)) = unframed(&record.bytes) else {
            continue;
        };
        let known = schemas.iter().position(|(known, _)| *known == id);
        let place = match known {
            Some(place) => place,
            None => {
                schemas.push((id, schema(registry, id)?));
                schemas.len() - 1
            }
        };
        let mut json = Vec::new();
        // One that is not what its schema says is shown as it is.
        if schemas[place].1.push_json(rest, &mut json).is_err() {
            json = record.bytes[FRAME..].to_vec();
        }
        all.push(Record {
            bytes: json,
            ..record.clone()
        });
    }
    let columns = schemas.first().and_then(|(_, first)| first.fields());
    let columns = typed(columns.into_iter().flatten().collect());
    Ok(Some(Body::Typed(all, columns, FRAMED)))
}

/// The Avro schema of an id.
fn schema(registry: &Registry, id: u32) -> Result<Schema, Failure> {
    Schema::of(&*known(registry, id)?).map_err(|e| {
        let text = format!("the schema {id} of the registry is not read as Avro: {e}");
        Failure::of(&codes::source::FORMAT, text)
    })
}

/// The schema of an id, as the registry has it.
fn known(registry: &Registry, id: u32) -> Result<Arc<schema::Schema>, Failure> {
    let until = Instant::now() + PATIENCE;
    loop {
        match registry.get(id) {
            Lookup::Known(schema) => return Ok(schema),
            Lookup::None(reason, why) => {
                let text = format!("the schema {id}: {reason}: {why}");
                return Err(Failure::of(&codes::source::FORMAT, text));
            }
            Lookup::Waits if Instant::now() < until => {
                std::thread::sleep(Duration::from_millis(10))
            }
            Lookup::Waits => {
                let text = format!(
                    "the schema registry {} has not said in {} s what the schema {id} is",
                    registry.name(),
                    PATIENCE.as_secs()
                );
                return Err(Failure::of(&codes::source::SILENT, text));
            }
        }
    }
}
