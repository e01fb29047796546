//! `standings ingest` against real Kafka: what a user sees of it, killed at any moment, posted to by strangers.

mod binlog;
mod bucket;
mod changes;
mod changes_broken;
mod failover;
mod files;
mod hooks;
mod kills;
mod masks;
mod mysql;
mod passes;
mod postgres;
mod rest;
mod said;
mod served;
mod sftp;
mod soap;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use rdkafka::Message;
use rdkafka::message::Headers;
use serde_json::Value;

use crate::support::kafka::{each, unique};
use crate::support::{Running, service, standings, until};

/// A folder with a file of sources, whose topics and names nobody else has.
struct Room {
    folder: tempfile::TempDir,
    topic: String,
}

/// A record as a reader of committed records sees it.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    key: Option<String>,
    value: String,
    headers: Vec<(String, String)>,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(n, _)| n == name);
        &found
            .unwrap_or_else(|| panic!("no header {name}: {self:?}"))
            .1
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.value).unwrap_or_else(|e| panic!("{e}: {}", self.value))
    }
}

impl Room {
    /// `NAME` and `TOPIC` stand for what is unique, `DIR` for the folder.
    fn new(name: &str, sources: &str) -> Self {
        let room = Room {
            folder: tempfile::tempdir().unwrap(),
            topic: unique(name),
        };
        std::fs::create_dir(room.path("in")).unwrap();
        room.configure(sources);
        room
    }

    fn configure(&self, sources: &str) {
        let text = sources
            .replace("NAME", &self.topic)
            .replace("TOPIC", &self.topic)
            .replace("DIR", &self.folder.path().display().to_string());
        let text = format!("to = \"kafka://{}\"\n{text}", service("KAFKA_BROKERS"));
        std::fs::write(self.path("ingest.toml"), text).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        // As a careful writer does it.
        let hidden = self.path(".writing");
        std::fs::write(&hidden, text).unwrap();
        let to = self.path("in").join(name);
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::rename(hidden, to).unwrap();
    }

    fn command(&self, flags: &[&str]) -> Command {
        let mut command = standings(&["ingest", "--config"]);
        command.arg(self.path("ingest.toml")).args(flags);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// To its end.
    fn once(&self) -> Output {
        self.command(&["--once"]).output().unwrap()
    }

    /// To its end, which must be a good one.
    fn once_well(&self) {
        let output = self.once();
        assert!(output.status.success(), "{}", words(&output));
    }

    fn start(&self, flags: &[&str]) -> Running {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .unwrap();
        let mut command = self.command(flags);
        Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn records(&self) -> Vec<Seen> {
        seen(&self.topic)
    }

    fn letters(&self) -> Vec<Value> {
        seen(&format!("{}-dead-letter", self.topic))
            .iter()
            .map(Seen::json)
            .collect()
    }

    /// The newest cursor.
    fn cursor(&self, source: &str) -> Value {
        let all = seen("standings-ingest");
        let own = all.iter().rev().find(|s| s.key.as_deref() == Some(source));
        own.unwrap_or_else(|| panic!("no cursor of {source}"))
            .json()
    }
}

/// How many times a process is killed: few, or as many as `STANDINGS_TEST_KILLS` says.
fn kills() -> u64 {
    let said = std::env::var("STANDINGS_TEST_KILLS").ok();
    said.and_then(|n| n.parse().ok()).unwrap_or(10)
}

/// Each committed record of a topic of one partition.
fn seen(topic: &str) -> Vec<Seen> {
    let mut all = Vec::new();
    each(&service("KAFKA_BROKERS"), topic, |message| {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let headers = message.headers().into_iter().flat_map(|h| h.iter());
        let headers = headers.map(|h| (h.key.to_owned(), text(h.value.unwrap_or_default())));
        all.push(Seen {
            key: message.key().map(text),
            value: message.payload().map(text).unwrap_or_default(),
            headers: headers.collect(),
        });
    });
    all
}

fn words(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn terminate(child: &mut Child) -> i32 {
    let id = libc::pid_t::try_from(child.id()).unwrap();
    // SAFETY: a signal to a child that has not been waited for.
    unsafe { libc::kill(id, libc::SIGTERM) };
    let mut code = None;
    until("it ends when asked to", Duration::from_secs(20), || {
        code = child.try_wait().unwrap();
        code.is_some()
    });
    code.and_then(|c| c.code()).unwrap_or(-1)
}
