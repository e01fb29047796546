//! What a version of the engine left behind: a store, two tables' worth of Postgres, two topics, and the input they came
//! from. `fixtures/version-N` holds one; here it is put back into real services, and taken out of them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::config::ClientConfig;
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};

use super::kafka::{block, each, produce, topic};
use super::postgres::{connect, database};
use super::{service, until};

const PATIENCE: Duration = Duration::from_secs(30);

/// The fixtures there are.
pub fn fixtures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let all = std::fs::read_dir(folder).unwrap().flatten();
    let is_version =
        |e: &std::fs::DirEntry| e.file_name().to_string_lossy().starts_with("version-");
    let mut found: Vec<PathBuf> = all.filter(is_version).map(|e| e.path()).collect();
    found.sort();
    found
}

/// A fixture, put back: the same rows, records at the same offsets, the same objects.
pub struct Left {
    /// A copy of the fixture's folder: `queries` and `state` are in it.
    pub folder: tempfile::TempDir,
    /// The sales of each partition.
    pub input: Vec<Vec<String>>,
    /// The source topic.
    pub source: String,
    /// The topic of changes.
    pub changes: String,
    /// The database.
    pub postgres: String,
}

impl Left {
    /// Puts a fixture back.
    pub fn restored(fixture: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        copy(fixture, folder.path());
        // As its owner is told: what may not be NULL says so now.
        std::fs::copy("queries/sales.sql", folder.path().join("queries/sales.sql")).unwrap();
        let input = input(fixture);
        let source = topic("left", input.len() as i32);
        produce(&source, &input);
        moved(folder.path(), &source);
        let changes = topic("left_changes", 1);
        restore_topics(folder.path(), &changes);
        let postgres = database();
        let mut dump = std::fs::read_to_string(fixture.join("postgres.sql")).unwrap();
        if dump.contains("standings_identity") {
            dump += &moved_rows(&source);
        }
        block(async { connect(&postgres).await.batch_execute(&dump).await.unwrap() });
        Left {
            folder,
            input,
            source,
            changes,
            postgres,
        }
    }

    /// A path in the copy.
    pub fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// The flags of a run that goes on with it.
    pub fn flags(&self) -> Vec<String> {
        let brokers = service("KAFKA_BROKERS");
        let flags = [
            ("--queries", self.path("queries")),
            ("--source", format!("kafka://{brokers}/{}", self.source)),
            ("--sink", self.postgres.clone()),
            ("--sink", format!("kafka://{brokers}/{}", self.changes)),
            ("--state", format!("file:{}", self.path("state"))),
        ];
        let words = |(flag, value): (&str, String)| [flag.to_owned(), value];
        flags.into_iter().flat_map(words).collect()
    }

    /// The generation that the database is at.
    pub fn generation(&self) -> i64 {
        let sql = "SELECT generation FROM standings_commit";
        block(async {
            let client = connect(&self.postgres).await;
            client.query_one(sql, &[]).await.unwrap().get(0)
        })
    }
}

/// Copies a folder.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The lines of each partition.
fn input(fixture: &Path) -> Vec<Vec<String>> {
    let partition = |p: usize| {
        let text = std::fs::read_to_string(fixture.join(format!("input/{p}.ndjson"))).ok()?;
        Some(text.lines().map(str::to_owned).collect())
    };
    (0..).map_while(partition).collect()
}

/// What it is of was on other servers: the source has another name here, and of what only the servers have, such as ids,
/// nothing is known, as where a role may not ask for them. The start finds them, and takes them over.
fn moved(folder: &Path, source: &str) {
    let place = |at: &mut Value| {
        if let Some(kafka) = at.get_mut("kafka").and_then(Value::as_object_mut) {
            kafka.insert("topic".to_owned(), source.into());
            kafka.insert("id".to_owned(), Value::Null);
            kafka.insert("cluster".to_owned(), Value::Null);
        }
    };
    let path = folder.join("progress.ndjson");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let mut value: Value = serde_json::from_str(line["value"].as_str().unwrap()).unwrap();
        if value.get("known").is_none() {
            return line.to_string() + "\n";
        }
        place(&mut value["known"]["source"]);
        value["sink"] = Value::Null;
        line["value"] = value.to_string().into();
        line.to_string() + "\n"
    });
    let text: String = lines.collect();
    std::fs::write(&path, text).unwrap();
    for entry in std::fs::read_dir(folder.join("state/manifests")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let (json, _) = text.split_once('\n').unwrap();
        let mut json: Value = serde_json::from_str(json).unwrap();
        if json.get("source").is_some_and(|source| !source.is_null()) {
            place(&mut json["source"]);
            let json = json.to_string();
            let sum = xxhash_rust::xxh3::xxh3_64(json.as_bytes());
            std::fs::write(&path, format!("{json}\n{sum:016x}\n")).unwrap();
        }
    }
}

/// The same of the database's rows.
fn moved_rows(source: &str) -> String {
    format!(
        "\nUPDATE standings_identity SET sink = '{{\"schema\":\"public\",\"tables\":{{}}}}', source = jsonb_set(source, \
         '{{kafka}}', '{{\"topic\":\"{source}\",\"id\":null,\"cluster\":null}}');\n"
    )
}

/// One record of a topic, as a line of a fixture.
struct Kept {
    offset: i64,
    commit: u64,
    line: Value,
}

fn kept(path: &Path) -> Vec<Kept> {
    let text = std::fs::read_to_string(path).unwrap();
    let one = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        Kept {
            offset: line["offset"].as_i64().unwrap(),
            commit: line["headers"]["standings-commit"]
                .as_str()
                .and_then(|n| n.parse().ok())
                .unwrap(),
            line,
        }
    };
    text.lines().map(one).collect()
}

/// Writes the records of both topics anew, a transaction for each commit, at the offsets that they had: the marker that
/// ends a transaction takes one too, and so does what was given up in between.
fn restore_topics(fixture: &Path, changes: &str) {
    let progress = topic_named(&format!("{changes}-progress"));
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .set("transactional.id", format!("standings-{changes}"))
        .create()
        .unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    let mut commits: BTreeMap<u64, Vec<(&str, Kept)>> = BTreeMap::new();
    for (file, topic) in [
        ("progress.ndjson", &progress[..]),
        ("changes.ndjson", changes),
    ] {
        for record in kept(&fixture.join(file)) {
            let commit = commits.entry(record.commit).or_default();
            commit.push((topic, record));
        }
    }
    let mut next: BTreeMap<&str, i64> = BTreeMap::new();
    for records in commits.values() {
        for topic in [&progress[..], changes] {
            let at = next.entry(topic).or_default();
            if let Some((_, first)) = records.iter().find(|(t, _)| *t == topic)
                && first.offset > *at
            {
                producer.begin_transaction().unwrap();
                for _ in *at + 1..first.offset {
                    send(
                        &producer,
                        topic,
                        &json!({"key": "", "value": "", "headers": {}}),
                    );
                }
                producer.flush(PATIENCE).unwrap();
                producer.abort_transaction(PATIENCE).unwrap();
                *at = first.offset;
            }
        }
        producer.begin_transaction().unwrap();
        for (topic, record) in records {
            let at = next.entry(topic).or_default();
            assert_eq!(*at, record.offset, "{topic}: {}", record.line);
            *at += 1;
            send(&producer, topic, &record.line);
        }
        producer.flush(PATIENCE).unwrap();
        producer.commit_transaction(PATIENCE).unwrap();
        for topic in [&progress[..], changes] {
            let has = records.iter().any(|(t, _)| *t == topic);
            *next.entry(topic).or_default() += i64::from(has);
        }
    }
    for (file, topic) in [
        ("progress.ndjson", &progress[..]),
        ("changes.ndjson", changes),
    ] {
        let want = std::fs::read_to_string(fixture.join(file)).unwrap();
        // The marker of the last transaction reaches its partition a moment after its commit was answered.
        until("the topic is as it was", PATIENCE, || {
            records(topic).join("\n") == want.trim_end()
        });
    }
}

fn send(producer: &BaseProducer, topic: &str, line: &Value) {
    let mut headers = OwnedHeaders::new();
    for (key, value) in line["headers"].as_object().unwrap() {
        let value = value.as_str();
        headers = headers.insert(Header { key, value });
    }
    let record = BaseRecord::to(topic)
        .partition(0)
        .key(line["key"].as_str().unwrap())
        .payload(line["value"].as_str().unwrap())
        .headers(headers);
    producer.send(record).map_err(|(e, _)| e).unwrap();
}

/// Adds a record to the progress topic, as a version that knows nothing of transactions would.
pub fn tell_progress(topic: &str, value: &str) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let record = BaseRecord::to(topic).key("progress").payload(value);
    producer.send(record).map_err(|(e, _)| e).unwrap();
    producer.flush(PATIENCE).unwrap();
}

/// A compacted topic of one partition, as the engine makes it.
fn topic_named(name: &str) -> String {
    use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let new = NewTopic::new(name, 1, TopicReplication::Fixed(1)).set("cleanup.policy", "compact");
    block(admin.create_topics([&new], &AdminOptions::new()))
        .unwrap()
        .remove(0)
        .unwrap();
    name.to_owned()
}

/// The committed records of a topic of one partition, as lines of a fixture.
pub fn records(topic: &str) -> Vec<String> {
    let mut out = Vec::new();
    each(&service("KAFKA_BROKERS"), topic, |message| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut headers = serde_json::Map::new();
        for header in message.headers().into_iter().flat_map(Headers::iter) {
            let value = text(header.value.unwrap());
            headers.insert(header.key.to_owned(), value.into());
        }
        out.push(
            json!({"offset": message.offset(), "headers": headers,
                   "key": text(message.key().unwrap()), "value": text(message.payload().unwrap())})
            .to_string(),
        );
    });
    out
}

/// What Postgres holds, as SQL that any client can run: `pg_dump`'s, without its settings of the session.
pub fn dump(url: &str) -> String {
    let output = std::process::Command::new(pg_dump())
        .args([
            "--inserts",
            "--no-owner",
            "--no-privileges",
            "--no-comments",
        ])
        .arg(url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let is_ours = |line: &&str| {
        let session = ["--", "\\", "SET ", "SELECT pg_catalog.set_config"];
        !line.is_empty() && !session.iter().any(|s| line.starts_with(s))
    };
    text.lines()
        .filter(is_ours)
        .map(|l| format!("{l}\n"))
        .collect()
}

/// Debian keeps it beside the server, which may be newer than the one in the path.
fn pg_dump() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql");
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path().join("bin/pg_dump"))
        .filter(|p| p.exists())
        .collect();
    found.sort();
    found.pop().unwrap_or_else(|| "pg_dump".into())
}
