//! The file, read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use standings_model::kafka_url;
use standings_model::mask::Method;
use standings_query::toml::parse;
use toml_edit::{Item, TableLike};

use super::error::ConfigError;
use super::section::{Section, Text};
use super::{Config, Kind, Source, binlog, changes, files, mysql, postgres, rest, soap, webhook};
use crate::row::Shape;
use crate::row::mask::Masks;

/// Those that are.
const KINDS: &[&str] = &[
    "files",
    "webhook",
    "rest",
    "soap",
    "postgres",
    "postgres-cdc",
    "mysql",
    "mysql-cdc",
];

/// Reads a file. `to`: what the command line says in place of its `to`.
///
/// # Errors
/// The first thing that is wrong, with its place.
pub fn read(path: &Path, text: &str, to: Option<&str>) -> Result<Config, ConfigError> {
    let name = path.display().to_string();
    let document = parse(&name, text).map_err(|e| {
        let said = e.to_string();
        let (place, said) = said.split_once(": ").unwrap_or((&name, &said));
        ConfigError {
            place: place.to_owned(),
            said: said.to_owned(),
        }
    })?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let text = Text {
        name: &name,
        text,
        folder,
    };
    let top = Section::top(text, document.as_table());
    let own = top.str("to")?;
    let said = to.or(own.as_deref());
    let (brokers, topic) = match said {
        Some(url) => target(url).map_err(|said| match to {
            Some(_) => ConfigError {
                place: "--to".to_owned(),
                said,
            },
            None => top.wrong("to", &said),
        })?,
        None => {
            return Err(top.wrong(
                "to",
                "is missing: where records go, such as to = \"kafka://localhost:9092\"",
            ));
        }
    };
    let mask_key = top.str("mask-key")?.map(|path| folder.join(path));
    let of_all = Defaults { topic, mask_key };
    let sources = top.item("sources");
    top.nothing_else()?;
    let Some(all) = sources else {
        return Err(text.error(None, "there is no source; begin one with [sources.NAME]"));
    };
    let Some(all) = all.as_table_like() else {
        return Err(top.wrong("sources", "must be tables: [sources.NAME]"));
    };
    let mut found: Vec<Source> = Vec::new();
    for (name, item) in all.iter() {
        let Some(table) = item.as_table_like() else {
            return Err(text.error(
                item.span(),
                format!("`sources.{name}` must be a table: [sources.{name}]"),
            ));
        };
        found.push(source(text, name, item, table, &of_all)?);
    }
    if found.is_empty() {
        return Err(text.error(None, "there is no source; begin one with [sources.NAME]"));
    }
    alike(text, all, &found)?;
    Ok(Config {
        brokers,
        sources: found,
    })
}

/// `kafka://host:9092[,host:9092][/topic]`.
fn target(url: &str) -> Result<(String, Option<String>), String> {
    let example = "must be kafka://host:9092[,host:9092], with or without /topic";
    let rest = url
        .strip_prefix("kafka://")
        .ok_or_else(|| example.to_owned())?;
    if rest.contains(['@', '?']) {
        return Err(kafka_url::KafkaUrlError::Secrets.to_string());
    }
    let (brokers, topic) = rest.split_once('/').unwrap_or((rest, ""));
    if brokers.is_empty() || topic.contains('/') {
        return Err(example.to_owned());
    }
    Ok((
        brokers.to_owned(),
        (!topic.is_empty()).then(|| topic.to_owned()),
    ))
}

/// Names stand in keys, metrics, ids of transactions and paths.
fn is_name(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    !name.is_empty() && name.len() <= 100 && name.chars().all(fits)
}

fn is_topic(name: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= 249 && name.chars().all(fits) && name != "." && name != ".."
}

/// What holds where a source says nothing else.
struct Defaults {
    topic: Option<String>,
    mask_key: Option<PathBuf>,
}

fn source(
    text: Text<'_>,
    name: &str,
    item: &Item,
    table: &dyn TableLike,
    of_all: &Defaults,
) -> Result<Source, ConfigError> {
    if !is_name(name) {
        let said = format!("`{name}` is no name of a source; letters, digits, - and _ are");
        return Err(text.error(item.span(), said));
    }
    let section = Section::new(text, format!("sources.{name}"), item, table);
    section.wanted("type", "\"files\"")?;
    let words: Vec<(&str, &str)> = KINDS.iter().map(|k| (*k, *k)).collect();
    let kind = section.one_of("type", &words)?.unwrap_or_default();
    let topic = match (section.str("topic")?, &of_all.topic) {
        (Some(own), _) => own,
        (None, Some(topic)) => topic.clone(),
        (None, None) => section.wanted("topic", "\"sales\"")?,
    };
    let dead_letter = section.str("dead-letter")?;
    let dead_letter = dead_letter.unwrap_or_else(|| format!("{topic}-dead-letter"));
    for (key, topic) in [("topic", &topic), ("dead-letter", &dead_letter)] {
        if !is_topic(topic) {
            return Err(section.wrong(key, &format!("is `{topic}`, which is no name of a topic")));
        }
    }
    let shape = Shape {
        key: section.list("key")?,
        names: section.map("names")?,
        texts: Default::default(),
        masks: Masks {
            columns: masks(&section)?,
            by: None,
        },
    };
    let mask_key = section.str("mask-key")?.map(|path| section.path(&path));
    let mask_key = mask_key.or_else(|| of_all.mask_key.clone());
    if mask_key.is_none() && shape.masks.needs_key() {
        return Err(section.wrong(
            "mask",
            "needs a key: mask-key = \"FILE\", which `standings mask-key FILE` makes",
        ));
    }
    let partitions = section.count("partitions", 1, 100_000)?.unwrap_or(1);
    let raw = section.str("raw")?;
    if raw.is_some() && !shape.masks.is_empty() {
        return Err(section.wrong("raw", "would keep what `mask` hides: leave one of them out"));
    }
    let kind = kind_of(&section, kind, (name, &shape, raw.is_some()))?;
    section.nothing_else()?;
    Ok(Source {
        name: name.to_owned(),
        topic,
        partitions: i32::try_from(partitions).unwrap_or(1),
        dead_letter,
        raw,
        shape,
        mask_key,
        kind,
    })
}

/// What is of the kind alone.
fn kind_of(
    section: &Section<'_>,
    kind: &str,
    (name, shape, keeps_raw): (&str, &Shape, bool),
) -> Result<Kind, ConfigError> {
    let not_kept = |why: &str| section.wrong("raw", &format!("keeps files and answers; {why}"));
    Ok(match kind {
        "files" => Kind::Files(Box::new(files::read(section, shape)?)),
        "webhook" if keeps_raw => {
            return Err(not_kept("what is posted is in the topic as it came"));
        }
        "webhook" => Kind::Webhook(webhook::read(section, name)?),
        "postgres" | "postgres-cdc" | "mysql" | "mysql-cdc" if keeps_raw => {
            return Err(not_kept("rows are in their table"));
        }
        "postgres" => Kind::Postgres(Box::new(postgres::read(section)?)),
        "mysql" => Kind::MySql(Box::new(mysql::read(section)?)),
        "mysql-cdc" => Kind::Binlog(Box::new(binlog::read(section, name)?)),
        "soap" => Kind::Soap(Box::new(soap::read(section, shape)?)),
        "postgres-cdc" => Kind::Changes(Box::new(changes::read(section, name)?)),
        _ => Kind::Rest(Box::new(rest::read(section, shape)?)),
    })
}

/// `mask`: how, by column.
fn masks(section: &Section<'_>) -> Result<BTreeMap<String, Method>, ConfigError> {
    let all = section.map("mask")?.into_iter();
    let all = all.map(|(name, word)| match Method::named(&word) {
        Some(how) => Ok((name, how)),
        None => {
            let words = Method::ALL.map(Method::word).join(", ");
            let said = format!("has `{word}` for `{name}`; allowed are {words}");
            Err(section.wrong("mask", &said))
        }
    });
    all.collect()
}

/// Refuses two webhooks of one path: nobody could say whose a delivery is.
fn alike(text: Text<'_>, all: &dyn TableLike, found: &[Source]) -> Result<(), ConfigError> {
    let mut paths = std::collections::BTreeMap::new();
    for source in found {
        let Kind::Webhook(webhook) = &source.kind else {
            continue;
        };
        if let Some(other) = paths.insert(&webhook.path, &source.name) {
            let span = all.get(&source.name).and_then(Item::span);
            let said = format!(
                "`{}` and `{other}` listen at the same path `{}`",
                source.name, webhook.path
            );
            return Err(text.error(span, said));
        }
    }
    Ok(())
}
