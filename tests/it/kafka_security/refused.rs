//! A broker that lets a run in, and then for a while not any more: its password is another one, or it lacks a right. Commits
//! wait, that is said, and nothing is lost or written twice; what was never right ends it at once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::support::kafka::consume_at;
use crate::support::{Bed, Process, fold, free_port, http, reference, standings, until};

use serde_json::Value;

use super::broker::*;

/// What comes by itself; what comes when something was given up.
const SOON: Duration = Duration::from_secs(20);
const LATER: Duration = Duration::from_secs(60);

const USER: &str = "rotated";

/// A sale of a second of its own (from 2026-01-23T10:00:00Z, in the only form of a time that the reference reads), in a city of
/// its own.
fn sale(n: usize, city: &str) -> String {
    let at = 1_769_162_400_000 + 1000 * n;
    format!(
        r#"{{"event_time":{at},"sale_id":"{n}","city":"{city}","salesman_id":"S{n}","amount":1}}"#
    )
}

/// A broker, a user of it with its rights, and a run that logs in as that user.
struct Room {
    own: String,
    bed: Bed,
    dir: tempfile::TempDir,
    properties: String,
    ca: String,
    address: String,
    sink: String,
    sent: std::cell::RefCell<Vec<String>>,
    _ends: Ends,
}

impl Room {
    /// A run with some flags more.
    fn new(flags: &[&str]) -> Self {
        let ends = Ends::later();
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_owned();
        let trusted = authority("ours");
        let write = |name: &str, text: &str| std::fs::write(dir.join(name), text).unwrap();
        let (key, cert) = certificate(&trusted, "localhost");
        write("broker.pem", &format!("{key}{cert}"));
        write("ca.pem", &trusted.pem());
        let address = broker(&dir);
        let own = address("KAFKA_OWN");
        set_password(&own, USER, "the first");
        let mut rights: Vec<Right<'_>> = ["sales", "changes", "changes-progress", "dead"]
            .iter()
            .flat_map(|topic| {
                let right = |o| {
                    (
                        USER,
                        Resource::RD_KAFKA_RESOURCE_TOPIC,
                        (*topic).to_owned(),
                        o,
                    )
                };
                [
                    right(Operation::RD_KAFKA_ACL_OPERATION_READ),
                    right(Operation::RD_KAFKA_ACL_OPERATION_WRITE),
                ]
            })
            .collect();
        rights.extend(ids());
        let group = Resource::RD_KAFKA_RESOURCE_GROUP;
        let read = Operation::RD_KAFKA_ACL_OPERATION_READ;
        rights.push((USER, group, "standings".to_owned(), read));
        allow(&own, &rights);
        make(&own, &["sales", "changes", "changes-progress", "dead"]);
        let page = format!("127.0.0.1:{}", free_port());
        let ca = dir.join("ca.pem").display().to_string();
        let properties = dir.join("client.properties").display().to_string();
        let sasl = address("KAFKA_SASL_SSL");
        let sink = format!("kafka://{sasl}/changes");
        let bed = Bed::new("r")
            .source(format!("kafka://{sasl}/sales"))
            .sink(sink.clone())
            .flags(&["--kafka-properties", &properties, "--http", &page])
            .flags(&["--stop-timeout", "3s"])
            .flags(&["--dead-letter", &format!("kafka://{sasl}/dead")])
            .flags(flags);
        let room = Room {
            own,
            bed,
            properties,
            ca,
            address: page,
            sink,
            sent: std::cell::RefCell::default(),
            dir: folder,
            _ends: ends,
        };
        room.password("the first");
        room
    }

    /// A run that also says what is well.
    fn start(&self) -> Process {
        let mut command = self.bed.run(&[]);
        self.bed.spawn(command.env("STANDINGS_LOG", "info"))
    }

    /// What the file of settings says from now on.
    fn password(&self, password: &str) {
        let lines = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", "SCRAM-SHA-512"),
            ("sasl.username", USER),
            ("sasl.password", password),
            ("ssl.ca.location", &self.ca),
        ];
        let made = settings(self.dir.path(), &lines);
        std::fs::rename(Path::new(&made), &self.properties).unwrap();
    }

    fn send(&self, city: &str) {
        let n = self.sent.borrow().len();
        self.send_line(sale(n, city));
    }

    fn send_line(&self, line: String) {
        let n = self.sent.borrow().len();
        let file = self.dir.path().join(format!("{n}.ndjson"));
        std::fs::write(&file, format!("{line}\n")).unwrap();
        let out = standings(&["load", "replay"])
            .arg(&file)
            .args(["--partitions", "1", "--to"])
            .arg(format!("kafka://{}/sales", self.own))
            .output()
            .unwrap();
        assert!(out.status.success());
        self.sent.borrow_mut().push(line);
    }

    /// Waits until a city's sale is committed.
    fn shows(&self, city: &str, limit: Duration) {
        until(&format!("{city} is committed"), limit, || {
            consume_at(&self.own, "changes")
                .iter()
                .any(|change| change.contains(city))
        });
    }

    /// Waits until `/readyz` says that the sink is waited for, and why.
    fn waits(&self, why: &str) {
        let began = Instant::now();
        loop {
            let (status, body) = http::get(&self.address, "/readyz");
            let is_said = body.contains("waiting for the sink kafka://") && body.contains(why);
            if status == 503 && is_said {
                return;
            }
            assert!(began.elapsed() < LATER, "it waits: {why}: {status} {body}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The right to write by the transactional ids.
fn ids() -> Vec<Right<'static>> {
    let id = Resource::RD_KAFKA_RESOURCE_TRANSACTIONAL_ID;
    let write = Operation::RD_KAFKA_ACL_OPERATION_WRITE;
    let names = ["standings-changes", "standings-changes:2"];
    names.map(|name| (USER, id, name.to_owned(), write)).into()
}

fn to_write(topic: &str) -> Right<'static> {
    let write = Operation::RD_KAFKA_ACL_OPERATION_WRITE;
    (
        USER,
        Resource::RD_KAFKA_RESOURCE_TOPIC,
        topic.to_owned(),
        write,
    )
}

#[test]
fn who_was_let_in_and_is_not_for_a_while_is_waited_for() {
    let room = Room::new(&[]);
    room.send("Lisbon");
    let run = room.start();
    room.shows("Lisbon", SOON);

    // A right that is gone, and comes again.
    forbid(&room.own, &ids());
    room.send("Porto");
    room.waits("transactional id");
    allow(&room.own, &ids());
    room.shows("Porto", LATER);
    let topic = [to_write("changes")];
    forbid(&room.own, &topic);
    room.send("Faro");
    room.waits("WRITE on the topics `changes`");
    allow(&room.own, &topic);
    room.shows("Faro", LATER);

    // A password that is another one at the brokers first, and in the file a while later: for the source and for the sink, which
    // has something to write by then.
    forbid(&room.own, &ids());
    room.send("Braga");
    room.waits("transactional id");
    set_password(&room.own, USER, "the second");
    allow(&room.own, &ids());
    room.waits("uthentication");
    room.password("the second");
    room.shows("Braga", LATER);
    until("the source is back", LATER, || {
        run.log().contains("source_back")
    });
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");

    let changes = consume_at(&room.own, "changes");
    // Each commit is there once, and what they show together is what the reference says of all sales.
    let once: BTreeSet<&String> = changes.iter().collect();
    assert_eq!(once.len(), changes.len(), "{changes:?}");
    let commit = |line: &String| -> Option<u64> {
        let change: Value = serde_json::from_str(line).unwrap();
        change["commit"].as_u64()
    };
    let commits: BTreeSet<u64> = changes.iter().filter_map(commit).collect();
    assert_eq!(commits.len(), 4, "{changes:?}");
    let is_change = |line: &&str| line.contains("\"ranking\"");
    let rows = fold(changes.iter().map(String::as_str).filter(is_change)).0;
    let sent = room.sent.borrow().clone();
    assert_eq!(sent.len(), 4);
    assert_eq!(rows, reference(&[sent], 60_000, 3_600_000).rows);

    // Asked to stop while it is not let in, it ends in time and says what it waits for.
    let run = room.start();
    // Once it has written: a right that a start lacks ends it.
    room.send("Evora");
    room.shows("Evora", SOON);
    forbid(&room.own, &ids());
    room.send("Viseu");
    room.waits("transactional id");
    set_password(&room.own, USER, "the third");
    room.waits("uthentication");
    let (code, took, text) = run.stop();
    assert_eq!(code, Some(1), "{text}");
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(text.contains("stopped_uncommitted"), "{text}");

    // What was never right ends it: a setting.
    let bed = Bed::new("r").file("sales.ndjson").sink(room.sink.clone());
    bed.write("sales.ndjson", &[sale(1, "Lisbon")]);
    let (code, text) = bed.ends(&["--kafka-properties", &room.properties]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("uthentication") && text.contains("[S0610]"),
        "{text}"
    );
}

/// Nothing that waits in the client is given up: it is told the new password, and what lacked a right is given again.
#[test]
fn what_is_written_at_least_once_and_letters_wait_too() {
    // An idle connection is closed soon, and what was read is written some seconds later: the sink has to log in again by then.
    let idle = "connections.max.idle.ms=1000";
    let flags = [
        "--delivery",
        "at-least-once",
        "--kafka-property",
        idle,
        "--commit-interval",
        "6s",
    ];
    let room = Room::new(&flags);
    room.send("Lisbon");
    let run = room.start();
    room.shows("Lisbon", SOON);

    let topic = [to_write("changes")];
    forbid(&room.own, &topic);
    room.send("Porto");
    room.waits("WRITE on topic `changes`");
    allow(&room.own, &topic);
    room.shows("Porto", LATER);

    room.send("Faro");
    room.send_line("no sale".to_owned());
    set_password(&room.own, USER, "the second");
    room.waits("uthentication");
    room.password("the second");
    room.shows("Faro", LATER);
    until("the letter is there", LATER, || {
        !consume_at(&room.own, "dead").is_empty()
    });
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
    let changes = consume_at(&room.own, "changes");
    let rows = fold(changes.iter().map(String::as_str)).0;
    let sent = room.sent.borrow().clone();
    assert_eq!(rows, reference(&[sent], 60_000, 3_600_000).rows);

    // What was never right is no wait.
    room.password("another");
    let bed = Bed::new("r").file("sales.ndjson").sink(room.sink.clone());
    bed.write("sales.ndjson", &[sale(1, "Lisbon")]);
    let (code, text) = bed.ends(&[
        "--kafka-properties",
        &room.properties,
        "--delivery",
        "at-least-once",
    ]);
    assert_eq!(code, Some(2), "{text}");
    assert!(
        text.contains("uthentication") && text.contains("[S0610]"),
        "{text}"
    );
}
