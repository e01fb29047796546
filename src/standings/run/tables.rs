//! Which table is read from where, and how far out of order it may be: flags and what `CREATE TABLE` says, together.
//!
//! ```text
//! --source-override TABLE=URL ──► beats
//! --source [TABLE=]URL ─────────► is it, and must agree with
//! WITH ('connector' …) ─────────► is it where no flag is
//!
//! --out-of-orderness TABLE=1m ──► beats ──► --out-of-orderness 1m ──► beats ──► WATERMARK ──► else 1m
//!                                                                               files to their end: stands still
//! ```

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use standings_edge::source::{
    Expanded, ObjectUrlError, Site, SourceUrl, SourceUrlError, is_object,
};
use standings_engine::event_time::partition::{Policy, STANDS_STILL};
use standings_model::duration::{DurationError, format_duration, parse_duration};
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_model::table::{Connector, Table};
use standings_process::exit::Failure;

/// Out of order, where nothing says how far.
const MINUTE: Duration = Duration::from_secs(60);

/// `[TABLE=]VALUE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfTable<T> {
    /// The table's name; it may be left out where there is one table, or all are meant.
    pub table: Option<String>,
    /// What is said of it.
    pub value: T,
}

/// `--source`.
pub type TableSource = OfTable<SourceUrl>;
/// `--out-of-orderness`.
pub type TableDuration = OfTable<Duration>;

impl<T> OfTable<T> {
    /// The name before the first `=`, if what stands there is none of a URL.
    fn parts(text: &str) -> (Option<String>, &str) {
        match text.split_once('=') {
            Some((name, rest)) if !name.is_empty() && !name.contains([':', '/']) => {
                (Some(name.to_owned()), rest)
            }
            _ => (None, text),
        }
    }
}

impl FromStr for TableSource {
    type Err = SourceUrlError;

    fn from_str(text: &str) -> Result<Self, SourceUrlError> {
        let (table, url) = Self::parts(text);
        Ok(OfTable {
            table,
            value: url.parse()?,
        })
    }
}

impl FromStr for TableDuration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let (table, time) = Self::parts(text);
        Ok(OfTable {
            table,
            value: parse_duration(time)?,
        })
    }
}

impl<T: fmt::Display> fmt::Display for OfTable<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.table {
            Some(table) => write!(f, "{table}={}", self.value),
            None => self.value.fmt(f),
        }
    }
}

/// `--source-override`: of which the table must be named.
pub fn parse_override(text: &str) -> Result<TableSource, OverrideError> {
    let source: TableSource = text.parse()?;
    match source.table {
        Some(_) => Ok(source),
        None => Err(OverrideError::NoTable),
    }
}

/// A text that is no override.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverrideError {
    /// It does not say of which table.
    #[error("write it as TABLE=URL: it names the table whose WITH it beats")]
    NoTable,
    /// No URL of a source.
    #[error(transparent)]
    Url(#[from] SourceUrlError),
}

/// What is read: URLs, and the table that each is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// In the order of the flags, then of the tables.
    pub urls: Vec<SourceUrl>,
    /// Table numbers.
    pub of: Vec<usize>,
    /// Whether a flag beat what its table says.
    pub is_other: Vec<bool>,
    /// The folder that a path is relative to, where it came of a folder or a pattern.
    pub roots: Vec<Option<PathBuf>>,
}

impl Sources {
    fn push(&mut self, url: SourceUrl, of: usize, is_other: bool) {
        self.urls.push(url);
        self.of.push(of);
        self.is_other.push(is_other);
    }

    /// The same with the files of folders and patterns in their place.
    fn expanded(self) -> Result<Self, Failure> {
        let mut all = Sources::default();
        for ((url, of), is_other) in self.urls.into_iter().zip(self.of).zip(self.is_other) {
            let (urls, root) = match &url {
                SourceUrl::File(site) => {
                    let Expanded { files, root } = site.expand()?;
                    (files.into_iter().map(SourceUrl::File).collect(), root)
                }
                _ => (vec![url], None),
            };
            for url in urls {
                all.push(url, of, is_other);
                all.roots.push(root.clone());
            }
        }
        Ok(all)
    }
}

fn wrong(message: String) -> Failure {
    Failure::of(&codes::source::SETTINGS, message)
}

/// The number of a named table; of the only one where none is named.
fn number(plan: &Plan, flag: &str, table: Option<&str>) -> Result<usize, Failure> {
    let names = || {
        let names: Vec<&str> = plan.read().map(|(_, t)| t.name.as_str()).collect();
        names.join(", ")
    };
    let read = plan.read().map(|(number, _)| number);
    let read: Vec<usize> = read.collect();
    let named = |name: &str| plan.table(name).filter(|number| read.contains(number));
    match (table, &read[..]) {
        (Some(name), _) => named(name).ok_or_else(|| {
            let near = standings_query::toml::nearest(name, plan.read().map(|(_, t)| &t.name[..]));
            let meant = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            wrong(format!(
                "{flag}: there is no table `{name}`; there are: {}{meant}",
                names()
            ))
        }),
        (None, [only]) => Ok(*only),
        (None, _) => Err(wrong(format!(
            "{flag}: say of which table it is, {flag} TABLE=URL; the queries read: {}",
            names()
        ))),
    }
}

/// What is read, by flags and by what the tables say.
pub fn sources(
    plan: &Plan,
    given: &[TableSource],
    overrides: &[TableSource],
) -> Result<Sources, Failure> {
    let mut found = Sources::default();
    let mut beaten = vec![false; plan.tables.len()];
    for source in overrides {
        let of = number(plan, "--source-override", source.table.as_deref())?;
        beaten[of] = true;
        found.push(source.value.clone(), of, true);
    }
    for source in given {
        let of = number(plan, "--source", source.table.as_deref())?;
        let table = &plan.tables[of];
        if beaten[of] {
            return Err(wrong(format!(
                "--source {source} and --source-override are both of the table {}; leave one out",
                table.name
            )));
        }
        agrees(table, source)?;
        found.push(source.value.clone(), of, false);
    }
    for (number, table) in plan.read() {
        if !found.of.contains(&number) {
            for url in declared(table)? {
                found.push(url, number, false);
            }
        } else if !beaten[number] {
            all_topics(table, &found, number)?;
        }
    }
    found.expanded()
}

/// Refuses a flag that says another place than the table. A connector alone, and a recording or a file of a topic's records,
/// never disagree: there the connector says what the records are.
fn agrees(table: &Table, source: &TableSource) -> Result<(), Failure> {
    let differs = match (&table.connector, &source.value) {
        (None, _) => None,
        (
            Some(Connector::Kafka {
                topics, servers, ..
            }),
            SourceUrl::Kafka { brokers, topic },
        ) => {
            let other = !topics.is_empty() && !topics.contains(topic);
            let elsewhere = servers.as_ref().is_some_and(|servers| servers != brokers);
            (other || elsewhere).then(|| {
                let servers = servers.as_deref().unwrap_or("its brokers");
                format!("topic {} at {servers}", topics.join(";"))
            })
        }
        (Some(Connector::Kafka { topics, .. }), _) => {
            (!topics.is_empty()).then(|| format!("topic {}", topics.join(";")))
        }
        (Some(Connector::Files { path: Some(path) }), SourceUrl::File(given)) => {
            (at(path).ok().as_ref() != Some(given)).then(|| format!("path {path}"))
        }
        (Some(Connector::Files { path: Some(path) }), _) => Some(format!("path {path}")),
        (Some(Connector::Files { path: None }), _) => None,
    };
    match differs {
        None => Ok(()),
        Some(declared) => Err(wrong(format!(
            "--source {source} is another place than WITH of the table {} says, {declared}; make them one, or beat it: \
             --source-override {}={}",
            table.name, table.name, source.value
        ))),
    }
}

/// Refuses flags that say some of a table's topics and not the others.
fn all_topics(table: &Table, found: &Sources, number: usize) -> Result<(), Failure> {
    let Some(Connector::Kafka { topics, .. }) = &table.connector else {
        return Ok(());
    };
    let given = found
        .urls
        .iter()
        .zip(&found.of)
        .filter(|(_, of)| **of == number);
    let given: Vec<&str> = given
        .filter_map(|(url, _)| match url {
            SourceUrl::Kafka { topic, .. } => Some(topic.as_str()),
            _ => None,
        })
        .collect();
    let lacking = topics.iter().find(|topic| !given.contains(&topic.as_str()));
    match lacking {
        Some(lacking) if !given.is_empty() => Err(wrong(format!(
            "--source names {} of the table {}, and its WITH {} too: name all of them, or leave the flag out",
            given.join(", "),
            table.name,
            lacking
        ))),
        _ => Ok(()),
    }
}

/// Where a table's `'path'` is.
fn at(path: &str) -> Result<Site, PathError> {
    let path = path.strip_prefix("file://").unwrap_or(path);
    match path.split_once("://") {
        _ if is_object(path) => Ok(Site::Object(path.parse()?)),
        Some((scheme, _)) if scheme.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            Err(PathError::Scheme(scheme.to_owned()))
        }
        _ => Ok(Site::from(path)),
    }
}

/// A `'path'` that names no files.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum PathError {
    /// No objects.
    #[error(transparent)]
    Object(#[from] ObjectUrlError),
    /// A kind of store that is not read.
    #[error(
        "{0}:// is not read; a path, and s3://BUCKET/KEY are (of other stores by their interface of S3: AWS_ENDPOINT)"
    )]
    Scheme(String),
}

/// Where a table is by its own words.
fn declared(table: &Table) -> Result<Vec<SourceUrl>, Failure> {
    let name = &table.name;
    match &table.connector {
        Some(Connector::Files { path: Some(path) }) => {
            let at = at(path).map_err(|e| wrong(format!("'path' of the table {name}: {e}")))?;
            Ok(vec![SourceUrl::File(at)])
        }
        Some(Connector::Kafka {
            topics,
            servers: Some(servers),
            ..
        }) if !topics.is_empty() => {
            let url = |topic: &String| SourceUrl::Kafka {
                brokers: servers.clone(),
                topic: topic.clone(),
            };
            Ok(topics.iter().map(url).collect())
        }
        _ => Err(wrong(format!(
            "nothing says where the table {name} is read from: --source {name}=URL, or 'connector' and what belongs to it \
             in its WITH"
        ))),
    }
}

/// How event time is judged in each table, beside what is the same in all.
pub fn policies(
    plan: &Plan,
    sources: &Sources,
    given: &[TableDuration],
    until_end: bool,
    common: Policy,
) -> Result<Vec<Policy>, Failure> {
    for one in given {
        if let Some(name) = &one.table {
            number(plan, "--out-of-orderness", Some(name))?;
        }
    }
    let is_file = |url: &SourceUrl| matches!(url, SourceUrl::File(_));
    let bounded = until_end && sources.urls.iter().all(is_file);
    let all = plan.tables.iter().map(|table| {
        let named = given
            .iter()
            .rev()
            .find(|g| g.table.as_deref() == Some(&table.name));
        let plain = given.iter().rev().find(|g| g.table.is_none());
        let out_of_orderness = match (named.or(plain), table.out_of_orderness) {
            (Some(flag), _) => ms(flag.value),
            (None, Some(watermark)) => watermark,
            (None, None) if bounded => STANDS_STILL,
            (None, None) => ms(MINUTE),
        };
        Policy {
            out_of_orderness,
            ..common
        }
    });
    Ok(all.collect())
}

/// What the policies say of out-of-orderness, a line a table.
pub fn said(plan: &Plan, policies: &[Policy]) -> Vec<String> {
    let tables = plan
        .read()
        .map(|(number, table)| (table, &policies[number]));
    let one = |(table, policy): (&Table, &Policy)| match policy.out_of_orderness {
        STANDS_STILL => format!(
            "{}: nothing is late; all windows close at the end, and are held until then",
            table.name
        ),
        bound => {
            let bound = Duration::from_millis(bound.unsigned_abs());
            format!("{}: {} out of order", table.name, format_duration(bound))
        }
    };
    tables.map(one).collect()
}

fn ms(d: Duration) -> i64 {
    // Durations are at most 400000 days, which fits.
    d.as_millis() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stands_before_the_url() {
        let parse = |text: &str| text.parse::<TableSource>().unwrap();
        assert_eq!(parse("file:a=b.ndjson").table, None);
        let named = parse("post town=file:a=b.ndjson");
        assert_eq!(named.table.as_deref(), Some("post town"));
        assert_eq!(named.value, SourceUrl::File("a=b.ndjson".into()));
        assert_eq!(named.to_string(), "post town=file:a=b.ndjson");
        assert_eq!(parse("kafka://h:1/t").table, None);
        assert_eq!(parse_override("file:x"), Err(OverrideError::NoTable));
        let time = "orders=90s".parse::<TableDuration>().unwrap();
        assert_eq!(
            (time.table.as_deref(), time.value),
            (Some("orders"), Duration::from_secs(90))
        );
        assert_eq!("1m".parse::<TableDuration>().unwrap().table, None);
    }

    #[test]
    fn a_path_is_a_path_or_names_objects() {
        let text = |path: &str| at(path).map(|site| site.path().display().to_string());
        for path in ["sales/*.csv", "/a b", "a:b", "C:\\x"] {
            assert_eq!(text(path).as_deref(), Ok(path));
        }
        assert_eq!(text("file:///a").as_deref(), Ok("/a"));
        assert_eq!(text("s3a://b/x/*.csv").as_deref(), Ok("s3://b/x/*.csv"));
        let refused = |path: &str| at(path).unwrap_err().to_string();
        assert!(refused("gs://b/x").contains("gs:// is not read"));
        assert!(refused("s3://").contains("needs a bucket"));
        let secret = refused("s3://key:canary@b/x");
        assert!(
            secret.contains("environment") && !secret.contains("canary"),
            "{secret}"
        );
    }

    #[test]
    fn flags_beat_the_watermark_and_files_to_their_end_need_none() {
        let mut table = Table::sales();
        table.out_of_orderness = None;
        let mut other = Table::new("orders", Vec::new());
        other.out_of_orderness = Some(5_000);
        let plan = Plan {
            tables: vec![table, other],
            rankings: Vec::new(),
            hidden: Vec::new(),
            checks: Vec::new(),
            max_key_bytes: usize::MAX,
            zone: None,
        };
        let sources = Sources {
            urls: vec![SourceUrl::File("a".into()), SourceUrl::File("b".into())],
            of: vec![0, 1],
            is_other: vec![false; 2],
            roots: Vec::new(),
        };
        let of = |flags: &[&str], until_end| {
            let flags: Vec<TableDuration> = flags.iter().map(|f| f.parse().unwrap()).collect();
            let all = policies(&plan, &sources, &flags, until_end, Policy::default()).unwrap();
            (all[0].out_of_orderness, all[1].out_of_orderness)
        };
        assert_eq!(of(&[], true), (STANDS_STILL, 5_000));
        assert_eq!(of(&[], false), (60_000, 5_000));
        assert_eq!(of(&["2s"], true), (2_000, 2_000));
        assert_eq!(of(&["2s", "orders=3s"], true), (2_000, 3_000));
        assert!(
            policies(
                &plan,
                &sources,
                &["ordes=3s".parse().unwrap()],
                true,
                Policy::default()
            )
            .is_err()
        );
    }
}
