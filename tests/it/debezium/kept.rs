//! Records as a file keeps them, one a line. What differs from run to run is made the same: times of Debezium's, positions in the log,
//! numbers of transactions, the connector's name. Long texts are cut.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use super::connect::{Followed, WAIT};
use crate::support::{service, until};

/// A file of `tests/fixtures/debezium`, and whose topic it is of.
pub struct Kept<'a> {
    file: &'static str,
    followed: &'a Followed<'a>,
    topic: String,
    /// These records; of what goes on for ever, the first.
    records: Range<usize>,
}

/// What a connector writes of this table, or into its topic of this name.
pub fn kept<'a>(
    followed: &'a Followed<'a>,
    of: &str,
    file: &'static str,
    records: Range<usize>,
) -> Kept<'a> {
    let name = followed.name();
    let topic = match of {
        "heartbeats" => format!("__debezium-heartbeat.{name}"),
        _ => format!("{name}.{of}"),
    };
    Kept {
        file,
        followed,
        topic,
        records,
    }
}

/// A record: key, and value.
type Record = (Option<String>, Option<String>);

/// All that is in these topics now; none before each of them is there. One reader for all of them: to begin takes longer than to read.
fn records(topics: &[&str]) -> BTreeMap<String, Vec<Record>> {
    let reader: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .set("group.id", "written")
        .set("enable.partition.eof", "true")
        .set("enable.auto.commit", "false")
        .create()
        .unwrap();
    let told = reader.fetch_metadata(None, WAIT).unwrap();
    let there: BTreeSet<&str> = told.topics().iter().map(|t| t.name()).collect();
    let mut all = BTreeMap::new();
    if !topics.iter().all(|t| there.contains(t)) {
        return all;
    }
    let mut list = TopicPartitionList::new();
    for topic in topics {
        let first = list.add_partition_offset(topic, 0, Offset::Beginning);
        first.unwrap();
    }
    reader.assign(&list).unwrap();
    let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8(b.to_vec()).unwrap());
    let mut ends = 0;
    while ends < topics.len() {
        match reader.poll(WAIT).expect("the end of each topic") {
            Ok(record) => {
                let of: &mut Vec<Record> = all.entry(record.topic().to_owned()).or_default();
                of.push((text(record.key()), text(record.payload())));
            }
            Err(KafkaError::PartitionEOF(_)) => ends += 1,
            Err(e) => panic!("{e}"),
        }
    }
    all
}

/// Where the value behind this key ends: of a text, or of a number.
fn end_of(value: &str) -> usize {
    match value.strip_prefix('"') {
        Some(text) => {
            let mut escaped = false;
            let end = text.find(|c| {
                let ends = c == '"' && !escaped;
                escaped = c == '\\' && !escaped;
                ends
            });
            end.expect("a text that ends") + 2
        }
        None => value.find([',', '}']).expect("an object that ends"),
    }
}

/// Each value behind this key, as `with` makes it.
fn replaced(json: &str, key: &str, mut with: impl FnMut(&str) -> String) -> String {
    let key = format!("\"{key}\":");
    let (mut rest, mut out) = (json, String::new());
    while let Some(at) = rest.find(&key) {
        let (before, value) = rest.split_at(at + key.len());
        let (value, after) = value.split_at(end_of(value));
        out.push_str(before);
        out.push_str(&with(value));
        rest = after;
    }
    out + rest
}

/// Numbers by when they first came.
#[derive(Default)]
struct Ordinals(BTreeMap<String, usize>);

impl Ordinals {
    fn of(&mut self, name: &str, from: usize) -> String {
        let next = from + self.0.len();
        self.0.entry(name.to_owned()).or_insert(next).to_string()
    }
}

/// Texts of more than 60 letters of one kind, cut to 12.
fn cut(json: &str) -> String {
    let (mut out, mut run, mut last) = (String::new(), 0, '\0');
    for c in json.chars() {
        run = if c == last { run + 1 } else { 1 };
        last = c;
        if run <= 12 {
            out.push(c);
        }
    }
    out
}

/// The lines of a file, without what differs from run to run.
fn lines(file: &Kept<'_>, database: &str, all: &[Record]) -> String {
    let (mut transactions, mut positions) = (Ordinals::default(), Ordinals::default());
    let mut text = String::new();
    for (n, (key, value)) in all[file.records.clone()].iter().enumerate() {
        let mut clean = |json: &str| {
            let mut json = json.replace(file.followed.name(), "shop");
            json = json.replace(database, "shop");
            let ms = 1_770_112_800_000 + 1000 * n;
            json = replaced(&json, "ts_ms", |_| ms.to_string());
            json = replaced(&json, "__source_ts_ms", |_| ms.to_string());
            json = replaced(&json, "ts_us", |_| format!("{ms}000"));
            json = replaced(&json, "ts_ns", |_| format!("{ms}000000"));
            json = replaced(&json, "sequence", |_| "\"[null,\\\"1000\\\"]\"".to_owned());
            json = replaced(&json, "txId", |id| match id {
                "null" => id.to_owned(),
                _ => transactions.of(id, 700),
            });
            json = replaced(&json, "lsn", |lsn| positions.of(lsn, 1000));
            // Of the transactions' topic, and of what is in one: number and position.
            json = replaced(&json, "id", |id| {
                match id.trim_matches('"').split_once(':') {
                    Some((id, _)) => format!("\"{}:1000\"", transactions.of(id, 700)),
                    None => id.to_owned(),
                }
            });
            cut(&json)
        };
        let value = value.as_deref().map_or("null".to_owned(), &mut clean);
        if file.file.contains(".upsert.") {
            let key = key.as_deref().map_or("null".to_owned(), &mut clean);
            writeln!(text, r#"{{"key":{key},"value":{value}}}"#).unwrap();
        } else {
            writeln!(text, "{value}").unwrap();
        }
    }
    text
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium")
}

/// Compares with what is kept, or writes it.
pub fn held(database: &str, files: &[Kept<'_>]) {
    let topics: Vec<&str> = files.iter().map(|f| f.topic.as_str()).collect();
    let mut all = BTreeMap::new();
    until("the records of all files", WAIT, || {
        all = records(&topics);
        let enough = |f: &Kept<'_>| all.get(&f.topic).is_some_and(|a| a.len() >= f.records.end);
        files.iter().all(enough)
    });
    let is_written = std::env::var_os("STANDINGS_UPDATE_FIXTURES").is_some();
    for file in files {
        let found = lines(file, database, &all[&file.topic]);
        let path = folder().join(file.file);
        if is_written {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &found).unwrap();
        }
        let want = std::fs::read_to_string(&path).unwrap_or_default();
        for (n, (found, want)) in found.lines().zip(want.lines()).enumerate() {
            assert_eq!(found, want, "{} line {}", file.file, n + 1);
        }
        assert_eq!(found.len(), want.len(), "{}", file.file);
    }
}
