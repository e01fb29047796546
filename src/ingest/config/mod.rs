//! `ingest.toml`: which sources there are, and where their records go.
//!
//! 1. What is unknown is refused with its place and the nearest word that is known; so is what is of the wrong kind.
//! 2. No secret stands in the file: it says where each is, in a file or in the environment.
//! 3. What a cursor depends on is in [`Source::about`]: where that changes, the cursor is refused.

mod binlog;
mod changes;
mod error;
mod files;
mod mysql;
mod postgres;
mod read;
mod rest;
mod section;
mod sftp;
mod soap;
mod webhook;

use std::path::PathBuf;

pub use binlog::Binlog;
pub use changes::Changes;
pub use error::ConfigError;
pub use files::{After, Files, Where};
pub use mysql::{MySql, Read as MySqlOf};
pub use postgres::{Of, Overlap, Postgres};
pub use read::read;
pub use rest::{Auth, Rest};
pub use sftp::{Proof, Sftp};
pub use soap::{Soap, WsdlAt};
pub use webhook::Webhook;

use super::cursor::About;
use super::row::Shape;

/// All of a file.
#[derive(Clone, Debug)]
pub struct Config {
    /// `host:port`, separated by commas.
    pub brokers: String,
    /// The sources, in the order of the file.
    pub sources: Vec<Source>,
}

/// A source.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its name.
    pub name: String,
    /// Where its records go.
    pub topic: String,
    /// Partitions of that topic, where it is made.
    pub partitions: i32,
    /// Where what cannot be taken goes: a topic.
    pub dead_letter: String,
    /// Where what was read is kept as it came: `s3://…`, or a folder.
    pub raw: Option<String>,
    /// Its key, its names, what is masked.
    pub shape: Shape,
    /// The file of keys of what is masked.
    pub mask_key: Option<PathBuf>,
    /// What it is.
    pub kind: Kind,
}

/// What a source is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A folder, a bucket, or a folder of a server.
    Files(Box<Files>),
    /// What others post.
    Webhook(Webhook),
    /// An API that is asked.
    Rest(Box<Rest>),
    /// A service of SOAP that is asked.
    Soap(Box<Soap>),
    /// A table or a query of Postgres.
    Postgres(Box<Postgres>),
    /// The changes of a table of Postgres.
    Changes(Box<Changes>),
    /// A table or a query of MySQL or MariaDB.
    MySql(Box<MySql>),
    /// The changes of a table of MariaDB.
    Binlog(Box<Binlog>),
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretAt {
    /// A file; a line each where there may be several.
    File(PathBuf),
    /// A variable of the environment.
    Env(String),
}

impl Kind {
    /// Its `type`.
    pub fn word(&self) -> &'static str {
        match self {
            Kind::Files(_) => "files",
            Kind::Webhook(_) => "webhook",
            Kind::Rest(_) => "rest",
            Kind::Soap(_) => "soap",
            Kind::Postgres(_) => "postgres",
            Kind::Changes(_) => "postgres-cdc",
            Kind::MySql(_) => "mysql",
            Kind::Binlog(_) => "mysql-cdc",
        }
    }
}

impl Source {
    /// What its cursor depends on.
    pub fn about(&self) -> About {
        let mut configuration = match &self.kind {
            Kind::Files(files) => files.about(),
            Kind::Webhook(webhook) => webhook.about(),
            Kind::Rest(rest) => rest.about(),
            Kind::Soap(soap) => soap.about(),
            Kind::Postgres(postgres) => postgres.about(),
            Kind::Changes(changes) => changes.about(),
            Kind::MySql(mysql) => mysql.about(),
            Kind::Binlog(binlog) => binlog.about(),
        };
        configuration.insert("type".to_owned(), self.kind.word().to_owned());
        configuration.insert("topic".to_owned(), self.topic.clone());
        About {
            name: self.name.clone(),
            configuration,
        }
    }

    /// What would be read and written, in words.
    pub fn words(&self) -> String {
        let key = match self.shape.key.is_empty() {
            true => "without a key".to_owned(),
            false => format!("keyed by {}", self.shape.key.join(", ")),
        };
        let masks = self.shape.masks.columns.iter();
        let masks: Vec<String> = masks
            .map(|(name, how)| format!("{name} by {}", how.word()))
            .collect();
        let masked = match masks.is_empty() {
            true => String::new(),
            false => format!("\n  masked: {}", masks.join(", ")),
        };
        let raw = match &self.raw {
            Some(place) => format!(
                "\n  as it came: kept at {}",
                standings_model::redact::text(place)
            ),
            None => String::new(),
        };
        let what = match &self.kind {
            Kind::Files(files) => files.words(),
            Kind::Webhook(webhook) => webhook.words(&self.name),
            Kind::Rest(rest) => rest.words(),
            Kind::Soap(soap) => soap.words(),
            Kind::Postgres(postgres) => postgres.words(),
            Kind::Changes(changes) => changes.words(),
            Kind::MySql(mysql) => mysql.words(),
            Kind::Binlog(binlog) => binlog.words(),
        };
        format!(
            "{}: {what}\n  into the topic {}, {key}; what is no record into {}{masked}{raw}",
            self.name, self.topic, self.dead_letter
        )
    }
}

#[cfg(test)]
mod tests;
