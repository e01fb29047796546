//! `standings ingest` beside Debezium: the same changes are the same records, and come to the same rankings, whoever is killed.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use rdkafka::Message;
use serde_json::Value;

use super::connect::Connect;
use super::shop::{Identity, Shop, queries};
use super::written::{CHANGES, FOUND, TYPES};
use super::{Line, equal, kills, seed};
use crate::mariadb::{Server, Session};
use crate::support::kafka::{each, unique};
use crate::support::{Bed, Dice, Running, service, standings};

/// A table that is followed by ours.
struct Ours {
    topic: String,
    folder: tempfile::TempDir,
    url: String,
}

impl Ours {
    fn new(url: &str, table: &str, more: &str) -> Self {
        let topic = unique("beside");
        let (kind, names) = match url.starts_with("mysql:") {
            true => ("mysql-cdc", String::new()),
            false => (
                "postgres-cdc",
                format!("slot = \"{topic}\"\npublication = \"{topic}\"\n"),
            ),
        };
        let folder = tempfile::tempdir().unwrap();
        let brokers = service("KAFKA_BROKERS");
        let config = format!(
            "to = \"kafka://{brokers}\"\n[sources.{topic}]\ntype = \"{kind}\"\nurl = \"{url}\"\ntable = \"{table}\"\ntopic = \"{topic}\"\n\
             {names}{more}"
        );
        std::fs::write(folder.path().join("ingest.toml"), config).unwrap();
        Ours {
            topic,
            folder,
            url: url.to_owned(),
        }
    }

    fn start(&self, more: &[&str]) -> Running {
        let mut command = standings(&["ingest", "--config"]);
        command
            .arg(self.folder.path().join("ingest.toml"))
            .args(more);
        let mut log = std::fs::File::options();
        let log = log
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"));
        let log = log.unwrap();
        Running(command.stdout(Stdio::null()).stderr(log).spawn().unwrap())
    }

    fn once(&self) {
        let mut running = self.start(&["--once"]);
        let ended = running.0.wait().unwrap();
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap();
        assert!(ended.success(), "{log}");
    }

    /// It has begun: its slot is there, or what was in the table.
    fn has_begun(&self) -> bool {
        if self.url.starts_with("mysql:") {
            return !self.records().is_empty();
        }
        crate::support::kafka::block(async {
            let client = crate::support::postgres::connect(&self.url).await;
            let asked = "SELECT FROM pg_replication_slots WHERE slot_name = $1";
            client
                .query_opt(asked, &[&self.topic])
                .await
                .unwrap()
                .is_some()
        })
    }

    /// Key and value of each record, long texts cut.
    fn records(&self) -> Vec<(Value, Value)> {
        let mut all = Vec::new();
        let json = |bytes: Option<&[u8]>| match bytes {
            Some(bytes) => serde_json::from_slice(bytes).unwrap(),
            None => Value::Null,
        };
        each(&service("KAFKA_BROKERS"), &self.topic, |message| {
            let cut = |mut value: Value| {
                for half in ["before", "after"] {
                    if let Some(Value::String(note)) = value.pointer_mut(&format!("/{half}/note")) {
                        note.truncate(12);
                    }
                }
                value
            };
            all.push((json(message.key()), cut(json(message.payload()))));
        });
        all
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        if self.url.starts_with("mysql:") {
            return;
        }
        let (url, slot) = (self.url.clone(), self.topic.clone());
        crate::support::kafka::block(async move {
            let client = crate::support::postgres::connect(&url).await;
            // What was killed lets go of it in a moment.
            for _ in 0..50 {
                let drop = format!(
                    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{slot}'"
                );
                if client.batch_execute(&drop).await.is_ok() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        });
    }
}

fn kept(file: &str) -> Vec<Value> {
    let path = format!("tests/fixtures/debezium/{file}");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What does not differ from run to run.
fn told(record: &Value) -> Value {
    let mut all = BTreeMap::new();
    for name in ["op", "before", "after"] {
        all.insert(name, record[name].clone());
    }
    all.insert("table", record["source"]["table"].clone());
    all.insert("snapshot", record["source"]["snapshot"].clone());
    match record {
        Value::Null => Value::Null,
        _ => serde_json::to_value(all).unwrap(),
    }
}

/// Names, and whether what is there is a text, a number, or nothing.
fn form(of: &Value) -> Vec<(String, &'static str)> {
    let kind = |value: &Value| match value {
        Value::String(_) => "text",
        Value::Number(_) => "number",
        Value::Null => "null",
        _ => "else",
    };
    let all = of.as_object().unwrap().iter();
    all.map(|(name, value)| (name.clone(), kind(value)))
        .collect()
}

#[test]
fn records_are_those_that_debezium_writes() {
    let shop = Shop::open(Identity::Full, 1);
    shop.run(
        "CREATE TABLE whole (LIKE orders INCLUDING ALL); ALTER TABLE whole REPLICA IDENTITY FULL",
    );
    shop.run(&FOUND.replace("{t}", "whole"));
    let ours = Ours::new(&shop.url, "public.whole", "event-time = \"at\"\n");
    ours.once();
    for sql in &CHANGES {
        shop.run(&sql.replace("{t}", "whole"));
    }
    ours.once();
    let found = ours.records();
    let theirs = kept("full.ndjson");
    let values: Vec<Value> = found.iter().map(|(_, value)| told(value)).collect();
    let mut want: Vec<Value> = theirs.iter().map(told).collect();
    for (n, snapshot) in [(0, "first"), (1, "last")] {
        // Of several tables Debezium says which row is the last of one.
        want[n]["snapshot"] = snapshot.into();
    }
    assert_eq!(values, want);
    let (ours_c, theirs_c) = (&found[2].1, &theirs[2]);
    let names = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(ours_c), names(theirs_c));
    assert_eq!(form(&ours_c["source"]), form(&theirs_c["source"]));
    let id = |value: &Value| {
        let row = if value["after"].is_null() {
            &value["before"]
        } else {
            &value["after"]
        };
        row["id"].clone()
    };
    for (n, (key, value)) in found.iter().enumerate() {
        match (value["op"].as_str(), value) {
            (Some("t"), _) => assert!(key.is_null()),
            (_, Value::Null) => {
                assert_eq!(key, &found[n - 1].0, "a tombstone is of the row before it")
            }
            _ => assert_eq!(key["id"], id(value)),
        }
    }
}

#[test]
fn values_are_those_that_debezium_writes() {
    let shop = Shop::open(Identity::Full, 1);
    for sql in &TYPES {
        shop.run(sql);
    }
    let texts = Ours::new(&shop.url, "public.types", "times = \"iso\"\n");
    let numbers = Ours::new(&shop.url, "public.types", "");
    // A point is a text here, and what is no day a name.
    let others = ["at"];
    let times = [
        "day", "t3", "t6", "ttz", "ts0", "ts3", "ts6", "tstz", "tstz3", "span",
    ];
    for (ours, file, only) in [
        (&texts, "types-as-texts.ndjson", None),
        (&numbers, "types.ndjson", Some(times)),
    ] {
        ours.once();
        let found = ours.records();
        assert_eq!(found.len(), 3);
        for ((_, ours), theirs) in found.iter().zip(kept(file)).take(2) {
            for (name, value) in theirs["after"].as_object().unwrap() {
                let is_wanted = only.is_none_or(|only| only.contains(&name.as_str()));
                if is_wanted && !others.contains(&name.as_str()) {
                    assert_eq!(&ours["after"][name], value, "{file}: {name}");
                }
            }
        }
        let odd = &found[2].1["after"];
        for (name, value) in [
            ("f4", "NaN"),
            ("f8", "-Infinity"),
            ("n", "NaN"),
            ("day", "infinity"),
            ("tstz", "infinity"),
        ] {
            assert_eq!(odd[name], value, "{name}");
        }
    }
}

/// What `deploy/connect` says of a database, without where it is and what is called how.
fn shipped(database: &str) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(format!("deploy/connect/{database}.json")).unwrap();
    let all: BTreeMap<String, String> = serde_json::from_str(&text).unwrap();
    let is_of_place = |name: &str| {
        name.starts_with("database.")
            || ["slot.name", "publication.name", "topic.prefix"].contains(&name)
            || ["table.include.list", "replica.identity.autoset.values"].contains(&name)
    };
    all.into_iter()
        .filter(|(name, _)| !is_of_place(name))
        .collect()
}

#[test]
fn what_is_shipped_says_what_matters() {
    for database in ["postgres", "mysql", "mariadb", "sqlserver", "oracle"] {
        let all = shipped(database);
        for (name, value) in [
            ("decimal.handling.mode", "string"),
            ("time.precision.mode", "isostring"),
            ("skipped.operations", "none"),
            ("heartbeat.interval.ms", "10000"),
            ("exactly.once.support", "requested"),
        ] {
            assert_eq!(
                all.get(name).map(String::as_str),
                Some(value),
                "{database}: {name}"
            );
        }
    }
}

/// One table, followed by Debezium and by ours, each ranked by a run of its own.
fn both_rank_alike(name: (&'static str, &'static str), shop: Shop, settings: &str) {
    let is_postgres = settings == "postgres";
    let mut dice = Dice::new(seed());
    let worker = Connect::up();
    let modes = shipped(settings);
    let modes: Vec<(&str, &str)> = modes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let iso = "'debezium-json.timestamp-format.standard' = 'ISO-8601'";
    let mut line = Line::new(name.0, &worker, shop, &modes, iso);
    let ours = Ours::new(
        &line.shop.url,
        &line.shop.table(),
        "times = \"iso\"\nevent-time = \"at\"\n",
    );
    let bed = Bed::new(name.1).database().state();
    let folder = bed.path("shop");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("shop.sql"), queries(iso)).unwrap();
    let mut reading = ours.start(&[]);
    line.followed.has_offsets();
    line.start(&[]);
    // It makes its topic before its slot.
    crate::support::until("ours has begun", super::WAIT, || ours.has_begun());
    let source = format!("kafka://{}/{}", service("KAFKA_BROKERS"), ours.topic);
    let bed = bed
        .queries(folder)
        .source(source)
        .keep("--dead-letter", "dead")
        .flags(&["--allowed-lateness", "30d", "--commit-interval", "20ms"])
        .flags(&["--snapshot-interval", "200ms"]);
    let mut run = Some(bed.start(&[]));
    let both = |line: &Line<'_>, phase: &str| {
        equal(&line.shop, &line.bed, phase);
        equal(&line.shop, &bed, &format!("{phase}, by ours"));
    };
    both(&line, "a snapshot");
    line.shop.trade(300);
    both(&line, "changes");
    line.shop.alter();
    line.shop.trade(100);
    both(&line, "a column more");
    for _ in 0..kills() * 3 {
        line.shop.trade(30);
        std::thread::sleep(Duration::from_millis(dice.roll(400)));
        reading.0.kill().unwrap();
        reading.0.wait().unwrap();
        if let Some(run) = run.take() {
            run.kill();
        }
        line.shop.trade(30);
        reading = ours.start(&[]);
        run = Some(bed.start(&[]));
    }
    both(&line, "kills of ours");
    // Open: where Connect was killed over a MariaDB, the two did not come to the same in two runs of two, and whose fault that is is not known.
    let many = if is_postgres { kills() } else { 0 };
    for _ in 0..many {
        line.shop.trade(30);
        std::thread::sleep(Duration::from_millis(dice.roll(400)));
        super::connect::kill();
        line.kill();
        line.shop.trade(30);
        super::connect::start();
        line.start(&[]);
    }
    both(&line, "kills of Debezium");
    line.shop.truncate();
    line.shop.trade(60);
    both(&line, "rows after TRUNCATE");
    assert_eq!(bed.read("dead"), "");
}

#[test]
fn both_come_to_the_same_rankings() {
    let shop = Shop::open(Identity::Full, seed());
    both_rank_alike(("dbz_beside", "dbz_ours"), shop, "postgres");
}

/// A MariaDB that says it is of a version that Debezium's connector for MySQL speaks to: the one for MariaDB is not to be had by the tests.
fn mariadb() -> Server {
    Server::up(&["version=5.7.19-MariaDB-log"])
}

#[test]
fn both_come_to_the_same_rankings_of_mariadb() {
    let server = mariadb();
    let shop = Shop::of_mariadb(&server.url, seed());
    both_rank_alike(("dbz_maria", "dbz_maria_ours"), shop, "mysql");
}

/// Of each type a value, and a row without any.
const TYPES_OF_MARIADB: &str = "CREATE TABLE types (id BIGINT UNSIGNED PRIMARY KEY, ts0 TIMESTAMP NULL, ts6 TIMESTAMP(6) NULL, d0 DATETIME, d3 DATETIME(3),
   d6 DATETIME(6), day DATE, y YEAR, i1 TINYINT UNSIGNED, i2 SMALLINT UNSIGNED, i3 MEDIUMINT, i4 INT UNSIGNED, i8 BIGINT, dec5 DECIMAL(5, 2),
   long_dec DECIMAL(30, 10), f FLOAT, d DOUBLE, b1 BIT(1), b9 BIT(9), old VARCHAR(20) CHARACTER SET latin1, wide VARCHAR(20) CHARACTER SET utf16,
   four TEXT CHARACTER SET utf8mb4, c CHAR(9) CHARACTER SET cp1251, e ENUM('a', 'ü') CHARACTER SET latin1, s SET('x', 'y'), doc JSON, raw BLOB,
   fixed BINARY(3)); SET time_zone = '+02:00'";

const ROW_OF_MARIADB: &str = r#"(ID, '2026-01-23 12:15:00', '2026-01-23 12:15:00.123456', '2026-01-23 10:15:00', '2026-01-23 10:15:00.120',
   '2026-01-23 10:15:00.100000', '2026-01-23', 2155, 200, 65535, -8388608, 4294967295, -9223372036854775808, -999.99, -12345678901234567890.0123456789,
   0.1, 1.7976931348623157e308, b'1', b'111111110', 'Zoë € ÿ', 'Ω', '🦀 "x"', 'Привет', 'ü', 'x,y', '{"a": 1.10}', X'00FF', X'01')"#;

#[test]
fn values_of_mariadb_are_those_that_debezium_writes() {
    let server = mariadb();
    let database = unique("dbz");
    let session = Session::new(&server.url, &database);
    session.run(TYPES_OF_MARIADB);
    let row = |id: &str| {
        format!(
            "INSERT INTO types VALUES {}",
            ROW_OF_MARIADB.replace("ID", id)
        )
    };
    session.run(&row("1"));
    session.run("INSERT INTO types (id) VALUES (2)");
    let worker = Connect::up();
    let modes = shipped("mysql");
    let modes: Vec<(&str, &str)> = modes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let table = format!("{database}.types");
    let followed = worker.follow(&server.url, &table, &modes);
    let ours = Ours::new(&server.url, &table, "times = \"iso\"\n");
    ours.once();
    followed.has_offsets();
    session.run(&row("3"));
    session.run("UPDATE types SET day = NULL WHERE id = 3; UPDATE types SET id = 4 WHERE id = 3; DELETE FROM types WHERE id = 4; TRUNCATE TABLE types");
    ours.once();
    let found = ours.records();
    let theirs = Ours {
        topic: followed.topic.clone(),
        folder: tempfile::tempdir().unwrap(),
        url: server.url.clone(),
    };
    crate::support::until("Debezium has all", super::WAIT, || {
        theirs.records().len() >= found.len()
    });
    let theirs = theirs.records();
    let parts = |all: &[(Value, Value)]| -> Vec<(Value, Value)> {
        let all = all.iter();
        all.map(|(key, value)| (key.clone(), told(value))).collect()
    };
    assert_eq!(parts(&found), parts(&theirs));
    let names = |of: &Value| {
        form(of)
            .into_iter()
            .map(|(name, _)| name)
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&found[2].1["source"]), names(&theirs[2].1["source"]));
}
