//! What the tables' `WITH` says of how a topic is read, beside the flags of the same meaning.
//!
//! ```text
//! 'properties.…' ── ${…} filled in ──► settings of librdkafka   ◄── --kafka-properties, --kafka-property
//! 'scan.startup.mode' ───────────────► where reading begins     ◄── --start
//! 'scan.bounded.mode' ───────────────► whether it ends          ◄── --until-end
//! ```
//!
//! Invariants:
//! 1. What both say is the same, or nothing starts.
//! 2. A secret is filled in here and nowhere else, and no error repeats it.

use std::path::{Path, PathBuf};

use standings_edge::source::{SourceUrl, Start, properties};
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_model::table::jaas::Login;
use standings_model::table::secret::Reference;
use standings_model::table::{Connector, Startup};
use standings_process::exit::Failure;

use super::tables::Sources;

/// Bytes of a file that holds a secret.
const SECRET_BYTES: u64 = 64 << 10;

/// What the flags say.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// Settings of the file and the flags.
    pub properties: &'a [(String, String)],
    /// `--start`.
    pub start: Option<Start>,
    /// `--until-end`.
    pub until_end: bool,
    /// `--secrets`.
    pub secrets: Option<&'a Path>,
}

/// How what is read is read. Not `Debug`: settings may be secrets.
pub struct Reading {
    /// Settings of the source's client.
    pub properties: Vec<(String, String)>,
    /// What of them the tables say themselves.
    pub declared: Declared,
    /// Where to begin without a memory.
    pub start: Start,
    /// Whether reading ends at what is there at the start.
    pub until_end: bool,
}

/// Settings as tables say them, with the secrets' names: filled in once more, they are those of now. Not `Debug`: a table
/// may say a secret itself.
#[derive(Clone, Default)]
pub struct Declared {
    /// Table, name, value.
    settings: Vec<(String, String, String)>,
    secrets: Option<PathBuf>,
}

impl Declared {
    /// What they are now, as librdkafka takes them.
    ///
    /// # Errors
    /// A secret that is not there; a setting that is not taken.
    pub fn now(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut all = Vec::new();
        for (table, name, value) in &self.settings {
            all.extend(settings(table, name, value, self.secrets.as_deref())?);
        }
        Ok(all)
    }
}

fn wrong(message: String) -> Failure {
    Failure::of(&codes::source::SETTINGS, message)
}

/// How what is read is read.
///
/// # Errors
/// A flag that says something else than a table; a secret that is not there; a setting that is not taken.
pub fn reading(plan: &Plan, sources: &Sources, given: &Given<'_>) -> Result<Reading, Failure> {
    let mut declared = Declared {
        secrets: given.secrets.map(Path::to_owned),
        ..Declared::default()
    };
    let (mut start, mut until_end) = (given.start, given.until_end);
    one_for_all(plan, sources)?;
    let all = sources.urls.iter().zip(&sources.of).zip(&sources.is_other);
    for ((url, of), is_other) in all {
        let table = &plan.tables[*of];
        let (SourceUrl::Kafka { .. }, Some(connector)) = (url, &table.connector) else {
            continue;
        };
        let Connector::Kafka {
            properties: own,
            start: begin,
            bounded,
            ..
        } = connector
        else {
            continue;
        };
        until_end |= bounded;
        if let Some(begin) = begin.map(begins) {
            if start.is_some_and(|flag| flag != begin) {
                return Err(wrong(format!(
                    "--start says another place than 'scan.startup.mode' of the table {}; leave one out",
                    table.name
                )));
            }
            start = Some(begin);
        }
        // Another place has its own.
        if !is_other {
            let of = |(name, value): &(String, String)| {
                (table.name.clone(), name.clone(), value.clone())
            };
            declared.settings.extend(own.iter().map(of));
        }
    }
    let mut properties = declared.now()?;
    for (name, value) in &properties {
        let flag = given.properties.iter().rev().find(|(flag, _)| flag == name);
        if flag.is_some_and(|(_, flag)| flag != value) {
            return Err(wrong(format!(
                "the Kafka setting {name} of the flags is another than that of the table's WITH; leave one out"
            )));
        }
    }
    properties.extend(given.properties.iter().cloned());
    Ok(Reading {
        properties,
        declared,
        start: start.unwrap_or(Start::Earliest),
        until_end,
    })
}

/// Refuses tables of several topics that say different things of what is one for a run: its client, where it begins, whether it
/// ends.
fn one_for_all(plan: &Plan, sources: &Sources) -> Result<(), Failure> {
    let mut first: Option<(&str, Said<'_>)> = None;
    let all = sources.urls.iter().zip(&sources.of).zip(&sources.is_other);
    for ((url, of), is_other) in all {
        let table = &plan.tables[*of];
        let (
            SourceUrl::Kafka { .. },
            Some(Connector::Kafka {
                properties,
                start,
                bounded,
                ..
            }),
        ) = (url, &table.connector)
        else {
            continue;
        };
        // Another place has its own.
        let mut properties: Vec<_> = properties.iter().filter(|_| !is_other).collect();
        properties.sort();
        let said: Said<'_> = (*start, *bounded, properties);
        match &first {
            Some((other, theirs)) if *theirs != said => {
                let what = match (theirs.0 == said.0, theirs.1 == said.1) {
                    (false, _) => "'scan.startup.mode'",
                    (_, false) => "'scan.bounded.mode'",
                    _ => "'properties.…'",
                };
                return Err(wrong(format!(
                    "the tables {other} and {} say different things by {what}: the topics of one run have one client's settings, one \
                     beginning and one end; say the same in both, or leave it out and give the flag",
                    table.name
                )));
            }
            Some(_) => {}
            None => first = Some((&table.name, said)),
        }
    }
    Ok(())
}

/// What a table says of what is one for a run.
type Said<'a> = (Option<Startup>, bool, Vec<&'a (String, String)>);

fn begins(startup: Startup) -> Start {
    match startup {
        Startup::Earliest => Start::Earliest,
        Startup::Latest => Start::Latest,
        Startup::Timestamp(ms) => Start::Time(ms),
    }
}

/// The settings that a property is, as librdkafka takes them.
fn settings(
    table: &str,
    name: &str,
    value: &str,
    secrets: Option<&Path>,
) -> Result<Vec<(String, String)>, Failure> {
    let of = |problem: &dyn std::fmt::Display| {
        wrong(format!(
            "'properties.{name}' of the table {table}: {problem}"
        ))
    };
    properties::allowed(name).map_err(|e| of(&e))?;
    let value = match Reference::parse(value) {
        Ok(None) => value.to_owned(),
        Ok(Some(reference)) => filled(&reference, secrets).map_err(|e| of(&e))?,
        Err(_) => return Err(of(&"a ${…} that is none")),
    };
    if name != "sasl.jaas.config" {
        return Ok(vec![(name.to_owned(), value)]);
    }
    let login = Login::parse(&value).map_err(|e| of(&e))?;
    Ok(vec![
        ("sasl.username".to_owned(), login.username),
        ("sasl.password".to_owned(), login.password),
    ])
}

/// A secret that cannot be filled in. Nothing of it is shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotFilled {
    #[error("the variable {0} is not set")]
    Unset(String),
    #[error("${{file:{0}}} needs --secrets DIR, the folder that it is in")]
    NoFolder(String),
    #[error("{path}: {source}", path = path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{path}: more than 64 KiB, or no UTF-8", path = path.display())]
    NoSecret { path: PathBuf },
}

pub(super) fn filled(reference: &Reference, secrets: Option<&Path>) -> Result<String, NotFilled> {
    match reference {
        Reference::Env(name) => std::env::var(name).map_err(|_| NotFilled::Unset(name.clone())),
        Reference::File(name) => {
            let folder = secrets.ok_or_else(|| NotFilled::NoFolder(name.clone()))?;
            // An absolute path is one below the folder too.
            let path = folder.join(name.trim_start_matches('/'));
            let failed = |source| NotFilled::File {
                path: path.clone(),
                source,
            };
            if std::fs::metadata(&path).map_err(failed)?.len() > SECRET_BYTES {
                return Err(NotFilled::NoSecret { path });
            }
            let text = std::fs::read(&path).map_err(failed)?;
            let text = String::from_utf8(text).map_err(|_| NotFilled::NoSecret { path })?;
            Ok(text.trim_end_matches(['\r', '\n']).to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use standings_model::table::Table;

    use super::*;

    /// One table read from Kafka, by these words.
    fn plan(properties: &[(&str, &str)], start: Option<Startup>) -> (Plan, Sources) {
        let mut table = Table::sales();
        let own = properties.iter();
        table.connector = Some(Connector::Kafka {
            topics: vec!["t".to_owned()],
            servers: Some("h:1".to_owned()),
            properties: own
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
            start,
            bounded: true,
        });
        let plan = Plan {
            tables: vec![table],
            rankings: Vec::new(),
            hidden: Vec::new(),
            checks: Vec::new(),
            max_key_bytes: usize::MAX,
            zone: None,
        };
        let sources = super::super::tables::sources(&plan, &[], &[]).unwrap();
        (plan, sources)
    }

    fn given(properties: &[(String, String)]) -> Given<'_> {
        Given {
            properties,
            start: None,
            until_end: false,
            secrets: None,
        }
    }

    fn said(of: Result<Reading, Failure>) -> String {
        match of {
            Ok(_) => panic!("accepted"),
            Err(e) => e.to_string(),
        }
    }

    #[test]
    fn the_table_says_it_where_no_flag_does() {
        let (plan, sources) = plan(&[("client.id", "a")], Some(Startup::Timestamp(5)));
        let reading = reading(&plan, &sources, &given(&[])).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(reading.start, Start::Time(5));
        assert!(reading.until_end);
        assert_eq!(
            reading.properties,
            [("client.id".to_owned(), "a".to_owned())]
        );
    }

    #[test]
    fn a_flag_that_says_something_else_is_refused() {
        let (plan, sources) = plan(&[("client.id", "a")], Some(Startup::Latest));
        let flag = [("client.id".to_owned(), "b".to_owned())];
        assert!(said(reading(&plan, &sources, &given(&flag))).contains("client.id of the flags"));
        let mut earlier = given(&[]);
        earlier.start = Some(Start::Earliest);
        assert!(said(reading(&plan, &sources, &earlier)).contains("'scan.startup.mode'"));
        earlier.start = Some(Start::Latest);
        assert!(reading(&plan, &sources, &earlier).is_ok());
    }

    #[test]
    fn secrets_are_filled_in_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let config = "org.apache.kafka.common.security.plain.PlainLoginModule required \
                      username=\"ana\" password=\"hush\";\n";
        std::fs::write(folder.path().join("jaas"), config).unwrap();
        let (plan, sources) = plan(&[("sasl.jaas.config", "${file:jaas}")], None);
        let mut with = given(&[]);
        assert!(said(reading(&plan, &sources, &with)).contains("--secrets DIR"));
        with.secrets = Some(folder.path());
        let found = reading(&plan, &sources, &with).unwrap_or_else(|e| panic!("{e}"));
        let value = |name: &str| {
            let mut all = found.properties.iter();
            all.find(|(k, _)| k == name).map(|(_, v)| v.as_str())
        };
        assert_eq!(value("sasl.username"), Some("ana"));
        assert_eq!(value("sasl.password"), Some("hush"));
        // It is another one by now.
        let changed = config.replace("hush", "hist");
        std::fs::write(folder.path().join("jaas"), changed).unwrap();
        let now = found.declared.now().unwrap_or_else(|e| panic!("{e}"));
        assert!(now.contains(&("sasl.password".to_owned(), "hist".to_owned())));
        std::fs::write(folder.path().join("jaas"), "hush").unwrap();
        let wrong = said(reading(&plan, &sources, &with));
        assert!(
            wrong.contains("PlainLoginModule") && !wrong.contains("hush"),
            "{wrong}"
        );
        std::fs::remove_file(folder.path().join("jaas")).unwrap();
        assert!(said(reading(&plan, &sources, &with)).contains("jaas"));
    }
}
