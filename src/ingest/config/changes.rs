//! `type = "postgres-cdc"`: where the database is, which table's log is read, by which slot and publication.

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::duration::format_duration;

use super::SecretAt;
use super::error::ConfigError;
use super::postgres::{checked, named};
use super::section::Section;
use crate::postgres::changes::{Names, Reading};

/// A table whose changes are read.
#[derive(Clone, Debug)]
pub struct Changes {
    /// The URL; or where it is, if it is a secret.
    pub url: Result<String, SecretAt>,
    /// What is called how.
    pub names: Names,
    /// How it is read.
    pub reading: Reading,
    /// As written, for people: without secrets.
    shown: BTreeMap<String, String>,
}

/// Records of a transaction.
const BATCH: usize = 5_000;
/// Bytes of a name in Postgres.
const LONGEST: usize = 63;

impl Changes {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        self.shown.clone()
    }

    pub(super) fn words(&self) -> String {
        let names = &self.names;
        let order = match &self.reading.event_time {
            Some(column) => format!("of {column}"),
            None => "of its primary key (give event-time, so that no row of it is late)".to_owned(),
        };
        format!(
            "the changes of the table {}.{}: what is in it, in the order {order}, then its log\n  by the slot {} and the publication {}, which are \
             made if they are missing; a quiet log is moved on every {}\n  at {}",
            names.schema,
            names.table,
            names.slot,
            names.publication,
            format_duration(self.reading.heartbeat),
            self.shown.get("url").map_or("", String::as_str)
        )
    }
}

pub(super) fn read(section: &Section<'_>, source: &str) -> Result<Changes, ConfigError> {
    let mut shown = BTreeMap::new();
    let check = |url: &str| checked(section, url);
    let url = section.url(&mut shown, check, "postgres://USER@HOST/DATABASE")?;
    let written = section.wanted("table", "\"public.sales\"")?;
    let (schema, table) = named(section, &written)?;
    let made = format!("standings_{source}")
        .to_lowercase()
        .replace('-', "_");
    let slot = section.str("slot")?.unwrap_or_else(|| made.clone());
    let is_slot = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if slot.is_empty() || slot.len() > LONGEST || !slot.chars().all(is_slot) {
        let said = format!(
            "is `{slot}`: a slot's name has 1 to {LONGEST} characters, a to z, 0 to 9 and _"
        );
        return Err(section.wrong("slot", &said));
    }
    let publication = section.str("publication")?.unwrap_or(made);
    if publication.is_empty() || publication.len() > LONGEST || publication.contains('\0') {
        let said = format!("is `{publication}`: a publication's name has 1 to {LONGEST} bytes");
        return Err(section.wrong("publication", &said));
    }
    let event_time = section.str("event-time")?;
    let heartbeat = section.duration("heartbeat", Duration::from_secs(10))?;
    if heartbeat < Duration::from_millis(100) {
        return Err(section.wrong("heartbeat", "must be 100ms or more"));
    }
    let tombstones = section.flag("tombstones")?.unwrap_or(true);
    let words = [("numbers", false), ("iso", true)];
    let is_iso = section.one_of("times", &words)?.unwrap_or(false);
    for (key, value) in [
        ("table", &written),
        ("slot", &slot),
        ("publication", &publication),
    ] {
        shown.insert(key.to_owned(), value.clone());
    }
    Ok(Changes {
        url,
        names: Names {
            source: source.to_owned(),
            schema,
            table,
            slot,
            publication,
        },
        reading: Reading {
            event_time,
            heartbeat,
            tombstones,
            is_iso,
            batch: BATCH,
        },
        shown,
    })
}
