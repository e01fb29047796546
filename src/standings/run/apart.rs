//! Keeps what is written apart from what is read, and from everything else that is written.
//!
//! ```text
//! flags ──► places: files, folders, topics, tables ──► each pair: the same one? ──► refused, both named
//! ```
//!
//! 1. Nothing is opened before: opening a file for a change log empties it.
//! 2. A file is known by its path without links, and by its number on its disk: a hard link is the same file.
//! 3. What keeps nothing (`/dev/null`, a pipe) may be named as often as one likes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Metadata;
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lineage::LineageUrl;
use standings_edge::sink::url::SinkUrl;
use standings_edge::sink::{SinkOptions, kafka};
use standings_edge::source::{Site, SourceUrl};
use standings_edge::store::StateUrl;
use standings_model::error::codes;
use standings_postgres::Target;
use standings_process::exit::Failure;

/// How long a cluster may take to say which it is.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything that a command reads and writes.
#[derive(Default)]
pub struct Apart(Vec<Endpoint>);

/// One place, and what is done there.
struct Endpoint {
    /// As it was given: `--sink file:changes`.
    said: String,
    is_written: bool,
    all: Vec<At>,
}

/// Where something is.
#[derive(Debug, PartialEq, Eq)]
enum At {
    /// A file that keeps what is written to it, or will be one.
    File {
        path: PathBuf,
        /// Device and number, once it is there.
        number: Option<(u64, u64)>,
    },
    /// The folder of snapshots.
    State(PathBuf),
    /// An object of a bucket.
    Object { bucket: String, key: String },
    /// Snapshots in a bucket, below their prefix.
    Below { bucket: String, prefix: String },
    Topic {
        brokers: BTreeSet<String>,
        topic: String,
    },
    /// Tables, by what leads to them.
    Tables(String),
}

impl Apart {
    /// A source.
    pub fn source(mut self, flag: &str, url: &SourceUrl) -> Self {
        let all = match url {
            SourceUrl::File(Site::Disk(path)) | SourceUrl::Recording { path, .. } => file(path),
            SourceUrl::File(Site::Object(object)) => {
                vec![At::object(object.bucket(), object.key())]
            }
            SourceUrl::Kafka { brokers, topic } => vec![At::topic(brokers, topic)],
        };
        self.push(format!("{flag} {url}"), false, all);
        self
    }

    /// A file that is read.
    pub fn reads(mut self, flag: &str, path: Option<&PathBuf>) -> Self {
        if let Some(path) = path {
            self.push(format!("{flag} {}", path.display()), false, file(path));
        }
        self
    }

    /// Letters, or a change log, that are read.
    pub fn reads_lines(mut self, flag: &str, url: &SinkUrl) -> Self {
        self.push(format!("{flag} {url}"), false, written(url, false));
        self
    }

    /// A sink; one that keeps its progress in a topic beside the changes has two places.
    pub fn sink(mut self, flag: &str, url: &SinkUrl) -> Self {
        self.push(format!("{flag} {url}"), true, written(url, true));
        self
    }

    /// A late or dead-letter output, or where records are sent to.
    pub fn output(mut self, flag: &str, url: Option<&SinkUrl>) -> Self {
        if let Some(url) = url {
            self.push(format!("{flag} {url}"), true, written(url, false));
        }
        self
    }

    /// A file that is written.
    pub fn writes(mut self, flag: &str, path: &Path) -> Self {
        self.push(format!("{flag} {}", path.display()), true, file(path));
        self
    }

    /// Snapshots.
    pub fn state(mut self, url: Option<&StateUrl>) -> Self {
        let Some(url) = url else { return self };
        let all = match url {
            StateUrl::File(path) => At::State(whole(path)),
            StateUrl::S3 { bucket, prefix } => At::Below {
                bucket: bucket.clone(),
                prefix: prefix.clone(),
            },
        };
        self.push(format!("--state {url}"), true, vec![all]);
        self
    }

    /// Run events.
    pub fn lineage(mut self, url: Option<&LineageUrl>) -> Self {
        let Some(url) = url else { return self };
        let all = match url {
            LineageUrl::File(path) => file(path),
            LineageUrl::Kafka { brokers, topic } => vec![At::topic(brokers, topic)],
            LineageUrl::Http(_) => Vec::new(),
        };
        self.push(format!("--lineage {url}"), true, all);
        self
    }

    fn push(&mut self, said: String, is_written: bool, all: Vec<At>) {
        self.0.push(Endpoint {
            said,
            is_written,
            all,
        });
    }

    /// Refuses what is one topic by two addresses of its cluster. Only topics of one name are asked about; a cluster that does
    /// not say which it is is taken for another.
    pub fn check_clusters(&self, options: &SinkOptions) -> Result<(), Failure> {
        let topics = self.0.iter().enumerate().flat_map(|(number, place)| {
            let of = place.all.iter().filter_map(|at| match at {
                At::Topic { brokers, topic } => Some((brokers, topic)),
                _ => None,
            });
            of.map(move |(brokers, topic)| (number, brokers, topic))
        });
        let topics: Vec<_> = topics.collect();
        let mut known: BTreeMap<&BTreeSet<String>, Option<String>> = BTreeMap::new();
        for (at, (number, brokers, topic)) in topics.iter().enumerate() {
            for (other, others, name) in &topics[at + 1..] {
                if number == other || topic != name || !brokers.is_disjoint(others) {
                    continue;
                }
                let ids = [*brokers, *others].map(|brokers| {
                    let ask = || {
                        let list: Vec<&str> = brokers.iter().map(String::as_str).collect();
                        kafka::cluster(&list.join(","), options, PATIENCE)
                    };
                    known.entry(brokers).or_insert_with(ask).clone()
                });
                if ids[0].is_some() && ids[0] == ids[1] {
                    let place = format!("the topic `{topic}` of one cluster");
                    let text = refusal(&self.0[*number], &self.0[*other], &place);
                    return Err(Failure::of(&codes::line::TWICE, text));
                }
            }
        }
        Ok(())
    }

    /// Refuses what would destroy, or count twice.
    pub fn check(&self) -> Result<(), Failure> {
        // Files that are read may be very many: of two of them it is only asked whether they are one.
        let (many, few): (Vec<_>, Vec<_>) = self.0.iter().partition(|one| one.is_read_file());
        if let Some((one, other, place)) = read_twice(&many) {
            return Err(Failure::of(
                &codes::line::TWICE,
                refusal(one, other, &place),
            ));
        }
        let across = many
            .iter()
            .flat_map(|one| few.iter().map(move |other| (one, other)));
        let within = few.iter().enumerate();
        let within = within.flat_map(|(n, one)| few[n + 1..].iter().map(move |other| (one, other)));
        for (one, other) in across.chain(within) {
            let same = one.all.iter().find_map(|a| {
                let mut others = other.all.iter();
                others.find_map(|b| a.is(b))
            });
            let Some(place) = same else { continue };
            return Err(Failure::of(
                &codes::line::TWICE,
                refusal(one, other, &place),
            ));
        }
        Ok(())
    }
}

impl Endpoint {
    fn is_read_file(&self) -> bool {
        let is_file = |at: &At| matches!(at, At::File { .. } | At::Object { .. });
        !self.is_written && self.all.iter().all(is_file)
    }
}

/// Two that read one file, and which.
fn read_twice<'e>(many: &[&'e Endpoint]) -> Option<(&'e Endpoint, &'e Endpoint, String)> {
    let mut paths: BTreeMap<&Path, &Endpoint> = BTreeMap::new();
    let mut numbers: BTreeMap<(u64, u64), &Endpoint> = BTreeMap::new();
    let mut objects: BTreeMap<(&str, &str), &Endpoint> = BTreeMap::new();
    for one in many {
        for at in &one.all {
            let other = match at {
                At::File { path, number } => {
                    let same = number.and_then(|number| numbers.insert(number, one));
                    paths.insert(path, one).or(same)
                }
                At::Object { bucket, key } => objects.insert((bucket, key), one),
                _ => None,
            };
            if let Some(other) = other {
                return Some((other, one, at.is(at)?));
            }
        }
    }
    None
}

/// What is said of two that are the same.
fn refusal(one: &Endpoint, other: &Endpoint, place: &str) -> String {
    let why = match (one.is_written, other.is_written) {
        (false, false) => "each record would be counted twice: name it once",
        (true, true) => "two outputs in one place would write over each other: give each its own",
        _ => "what is read would be written over: give the output a place of its own",
    };
    format!(
        "{} and {} are the same: both are {place}; {why}. Nothing was read or written",
        one.said, other.said
    )
}

impl At {
    fn topic(brokers: &str, topic: &str) -> Self {
        let host = |broker: &str| {
            let broker = broker.trim().to_lowercase();
            let broker = broker.rsplit("://").next().unwrap_or_default().to_owned();
            let (host, port) = broker.rsplit_once(':').unwrap_or((&broker, "9092"));
            match host {
                "localhost" | "[::1]" => format!("127.0.0.1:{port}"),
                host => format!("{host}:{port}"),
            }
        };
        At::Topic {
            brokers: brokers.split(',').map(host).collect(),
            topic: topic.to_owned(),
        }
    }

    fn object(bucket: &str, key: &str) -> Self {
        At::Object {
            bucket: bucket.to_owned(),
            key: key.trim_matches('/').to_owned(),
        }
    }

    /// What both are; `None` if they are not the same.
    fn is(&self, other: &At) -> Option<String> {
        match (self, other) {
            (At::File { path, number }, At::File { path: b, number: n }) => {
                let same = path == b || number.is_some() && number == n;
                same.then(|| format!("the file {}", path.display()))
            }
            (At::State(folder), At::File { path, .. })
            | (At::File { path, .. }, At::State(folder)) => {
                let own = [folder.join("manifests"), folder.join("parts")];
                let inside = path == folder || own.iter().any(|own| path.starts_with(own));
                inside.then(|| format!("{}, which is for snapshots", path.display()))
            }
            (
                At::Topic { brokers, topic },
                At::Topic {
                    brokers: b,
                    topic: t,
                },
            ) => {
                let same = topic == t && !brokers.is_disjoint(b);
                same.then(|| format!("the topic `{topic}`"))
            }
            (At::Object { bucket, key }, At::Object { bucket: b, key: k }) => {
                (bucket == b && key == k).then(|| format!("the object s3://{bucket}/{key}"))
            }
            (At::Object { bucket, key }, At::Below { bucket: b, prefix })
            | (At::Below { bucket: b, prefix }, At::Object { bucket, key }) => {
                let own = ["manifests/", "parts/"].map(|own| match &prefix[..] {
                    "" => own.to_owned(),
                    prefix => format!("{prefix}/{own}"),
                });
                let inside = bucket == b && own.iter().any(|own| key.starts_with(own));
                inside.then(|| format!("s3://{bucket}/{key}, which is for snapshots"))
            }
            (At::Tables(one), At::Tables(other)) => {
                (one == other).then(|| "the tables of one database".to_owned())
            }
            _ => None,
        }
    }
}

/// Where an output writes.
fn written(url: &SinkUrl, keeps_progress: bool) -> Vec<At> {
    match url {
        SinkUrl::File { path, .. } => file(path),
        SinkUrl::Kafka { brokers, topic } => {
            let mut all = vec![At::topic(brokers, topic)];
            if keeps_progress {
                all.push(At::topic(brokers, &format!("{topic}-progress")));
            }
            all
        }
        SinkUrl::Postgres(url) => {
            let tables = Target::parse(url).ok().map(|target| target.tables());
            tables.map(At::Tables).into_iter().collect()
        }
        // Lines of several outputs on one terminal, or in one pipe, are told apart by what they hold.
        SinkUrl::Stdout { .. } => {
            std::fs::metadata(format!("/dev/fd/{}", std::io::stdout().as_raw_fd()))
                .ok()
                .filter(Metadata::is_file)
                .map(|found| At::File {
                    path: PathBuf::from("/dev/stdout"),
                    number: Some((found.dev(), found.ino())),
                })
                .into_iter()
                .collect()
        }
    }
}

/// A file, unless it is one that keeps nothing.
fn file(path: &Path) -> Vec<At> {
    let number = match std::fs::metadata(path) {
        Ok(found) if !found.is_file() && !found.is_dir() => return Vec::new(),
        Ok(found) => Some((found.dev(), found.ino())),
        Err(_) => None,
    };
    vec![At::File {
        path: whole(path),
        number,
    }]
}

/// Links that are followed to a file that is not there yet.
const LINKS: usize = 40;

/// The path without links and dots, as far as it is there.
fn whole(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        if let Ok(found) = path.canonicalize() {
            return found;
        }
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        // A link to what is not there: it will be made where the link says.
        if let Ok(to) = path.read_link() {
            path = parent.join(to);
            continue;
        }
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        let parent = match parent == path {
            true => return path,
            false => parent
                .canonicalize()
                .or_else(|_| std::path::absolute(&parent)),
        };
        return parent.map_or(path.clone(), |parent| parent.join(name));
    }
    path
}

#[cfg(test)]
mod tests;
