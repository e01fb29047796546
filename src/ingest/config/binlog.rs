//! `type = "mysql-cdc"`: where the database is, and which table's log is read.

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::duration::format_duration;
use xxhash_rust::xxh3::xxh3_64;

use super::SecretAt;
use super::error::ConfigError;
use super::mysql::{checked, named};
use super::section::Section;
use crate::mysql::changes::known::Times;
use crate::mysql::changes::{Names, Reading};
use crate::mysql::value::ZeroDates;

/// A table whose changes are read.
#[derive(Clone, Debug)]
pub struct Binlog {
    /// The URL; or where it is, if it is a secret.
    pub url: Result<String, SecretAt>,
    /// What is called how. The database is empty where the URL says it.
    pub names: Names,
    /// How it is read.
    pub reading: Reading,
    /// By what number it is known to the server: no two replicas may have the same.
    pub server_id: u32,
    /// As written, for people: without secrets.
    shown: BTreeMap<String, String>,
}

/// Records of a transaction.
const BATCH: usize = 5_000;

impl Binlog {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        self.shown.clone()
    }

    pub(super) fn words(&self) -> String {
        let shown = |key: &str| self.shown.get(key).map_or("", String::as_str);
        let order = match &self.reading.event_time {
            Some(column) => format!("of {column}"),
            None => "of its primary key (give event-time, so that no row of it is late)".to_owned(),
        };
        format!(
            "the changes of the table {}: what is in it, in the order {order}, then the log of MariaDB, by GTID; a quiet log is moved on every {}\n  \
             known to the server as replica {}\n  at {}",
            shown("table"),
            format_duration(self.reading.heartbeat),
            self.server_id,
            shown("url")
        )
    }
}

pub(super) fn read(section: &Section<'_>, source: &str) -> Result<Binlog, ConfigError> {
    let mut shown = BTreeMap::new();
    let check = |url: &str| checked(section, url);
    let url = section.url(&mut shown, check, "mysql://USER@HOST/DATABASE")?;
    let written = section.wanted("table", "\"shop.sales\"")?;
    let (database, table) = named(section, &written)?;
    shown.insert("table".to_owned(), written);
    let event_time = section.str("event-time")?;
    let heartbeat = section.duration("heartbeat", Duration::from_secs(10))?;
    if heartbeat < Duration::from_millis(100) {
        return Err(section.wrong("heartbeat", "must be 100ms or more"));
    }
    let tombstones = section.flag("tombstones")?.unwrap_or(true);
    let words = [("null", ZeroDates::Null), ("refuse", ZeroDates::Refuse)];
    let zero_dates = section
        .one_of("zero-dates", &words)?
        .unwrap_or(ZeroDates::Null);
    let words = [("numbers", false), ("iso", true)];
    let is_iso = section.one_of("times", &words)?.unwrap_or(false);
    let server_id = section.count("server-id", 1, i64::from(u32::MAX))?;
    // Above what people number their servers by.
    let usual = 1_000_000_000 + xxh3_64(source.as_bytes()) % 3_000_000_000;
    let server_id = server_id.and_then(|n| u32::try_from(n).ok());
    Ok(Binlog {
        url,
        names: Names {
            source: source.to_owned(),
            database: database.unwrap_or_default(),
            table,
        },
        reading: Reading {
            event_time,
            heartbeat,
            tombstones,
            times: Times { is_iso, zero_dates },
            batch: BATCH,
        },
        server_id: server_id.unwrap_or(u32::try_from(usual).unwrap_or(u32::MAX)),
        shown,
    })
}
