//! A table of a real Postgres, written by transactions that take ids in one order and commit in another, and killed while it is read: what
//! the table has is in Kafka once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::{Room, kills, terminate, words};
use crate::support::kafka::unique;
use crate::support::postgres::connect;
use crate::support::{Dice, service, until};

/// A connection to a schema, with what drives it.
pub(super) struct Session {
    runtime: tokio::runtime::Runtime,
    client: tokio_postgres::Client,
}

impl Session {
    pub(super) fn new(schema: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let client = runtime.block_on(connect(&service("POSTGRES_URL")));
        let session = Session { runtime, client };
        session.run(&format!("SET search_path = {schema}"));
        session
    }

    pub(super) fn run(&self, sql: &str) {
        let done = self.runtime.block_on(self.client.batch_execute(sql));
        done.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
    }

    /// A statement that may fail.
    pub(super) fn tried(&self, sql: &str) {
        let _ = self.runtime.block_on(self.client.batch_execute(sql));
    }

    pub(super) fn query(&self, sql: &str) -> Vec<tokio_postgres::Row> {
        self.runtime.block_on(self.client.query(sql, &[])).unwrap()
    }
}

/// A schema with a table `sales`; it goes with this.
struct Shop {
    schema: String,
    session: Session,
}

impl Shop {
    fn new() -> Self {
        let schema = unique("shop");
        let session = Session::new(&schema);
        session.run(&format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE sales (id BIGSERIAL PRIMARY KEY, updated_at TIMESTAMPTZ DEFAULT now(), amount NUMERIC(30, 10), \"Name\" TEXT, tags TEXT[],
               raw BYTEA, day DATE, ok BOOLEAN, doc JSONB)"
        ));
        Shop { schema, session }
    }

    fn run(&self, sql: &str) {
        self.session.run(sql);
    }

    /// Another connection to it.
    fn other(&self) -> Session {
        Session::new(&self.schema)
    }

    fn room(&self, more: &str) -> Room {
        let room = Room::new("ingest_postgres", "");
        let url = service("POSTGRES_URL");
        std::fs::write(room.path("url"), url).unwrap();
        let schema = &self.schema;
        room.configure(
            &format!(
                "[sources.NAME]\ntype = \"postgres\"\nurl-file = \"DIR/url\"\nevery = \"50ms\"\ntopic = \"TOPIC\"\nkey = [\"id\"]\n{more}"
            )
            .replace("SCHEMA", schema),
        );
        room
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let gone = format!(
            "SET lock_timeout = '5s'; DROP SCHEMA {} CASCADE",
            self.schema
        );
        // A test that failed has connections in the midst of something.
        let client = &self.session.client;
        let _ = self.session.runtime.block_on(client.batch_execute(&gone));
    }
}

const TABLE: &str = "table = \"SCHEMA.sales\"\ncursor = [\"updated_at\", \"id\"]\n";

/// The last value of each key, and all there are.
fn ids(room: &Room) -> (BTreeMap<i64, Value>, Vec<Value>) {
    let all: Vec<Value> = room.records().iter().map(super::Seen::json).collect();
    let by_id = all
        .iter()
        .map(|row| (row["id"].as_i64().unwrap(), row.clone()));
    (by_id.collect(), all)
}

#[test]
fn a_row_is_as_exact_as_in_its_table() {
    let shop = Shop::new();
    shop.run(
        r#"INSERT INTO sales (updated_at, amount, "Name", tags, raw, day, ok, doc) VALUES
           ('2026-01-23T10:15:00.123456Z', 12345678901234567890.0123456789, 'Zoë "x" \', '{a,NULL}', '\x00ff', '2026-01-23', true, '{"a": 1.10}'),
           (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"#,
    );
    let room = shop.room(TABLE);
    room.once_well();
    room.once_well();
    let (_, all) = ids(&room);
    // What has no cursor comes first.
    let want = [
        r#"{"id":2,"updated_at":null,"amount":null,"Name":null,"tags":null,"raw":null,"day":null,"ok":null,"doc":null}"#,
        r#"{"id":1,"updated_at":"2026-01-23T10:15:00.123456+00:00","amount":"12345678901234567890.0123456789","Name":"Zoë \"x\" \\","tags":["a",null],"raw":"\\x00ff","day":"2026-01-23","ok":true,"doc":{"a": 1.10}}"#,
    ];
    let want: Vec<Value> = want
        .iter()
        .map(|row| serde_json::from_str(row).unwrap())
        .collect();
    assert_eq!(all, want);
    let first = &room.records()[1];
    assert_eq!(first.key.as_deref(), Some(r#"{"id":1}"#));
    assert!(
        first.value.contains(r#""doc":{"a": 1.10}"#),
        "{}",
        first.value
    );
    assert!(
        first
            .header("position")
            .starts_with(&format!("{}.sales, transaction ", shop.schema))
    );
}

/// The id was taken, others were given out and read, and only then it is there.
#[test]
fn a_slow_transaction_loses_no_row() {
    let shop = Shop::new();
    let room = shop.room(TABLE);
    let mut running = room.start(&[]);
    let slow = shop.other();
    slow.run("BEGIN; INSERT INTO sales (amount) VALUES (1)");
    // Its id is taken before the transaction has a number at all.
    let slower = shop.other();
    slower.run("BEGIN; SELECT nextval('sales_id_seq')");
    let there = |room: &Room, n: usize| {
        until("they are there", Duration::from_secs(30), || {
            ids(room).1.len() == n
        });
    };
    shop.run("INSERT INTO sales (amount) SELECT 2 FROM generate_series(1, 50)");
    there(&room, 50);
    slower.run("INSERT INTO sales (id, amount) VALUES (2, 3); COMMIT");
    there(&room, 51);
    shop.run("UPDATE sales SET amount = 9 WHERE id = 10");
    there(&room, 52);
    slow.run("COMMIT");
    there(&room, 53);
    let (by_id, all) = ids(&room);
    assert_eq!(by_id.len(), 52);
    assert_eq!(by_id[&10]["amount"], "9.0000000000");
    terminate(&mut running.0);
    room.once_well();
    assert_eq!(ids(&room).1.len(), all.len(), "nothing is there twice");
}

/// Transactions at random, and kills: the table is in the topic, and no version of a row twice.
#[test]
fn what_was_killed_loses_nothing_and_writes_nothing_twice() {
    let shop = Shop::new();
    let room = shop.room(TABLE);
    let mut dice = Dice::new(27);
    let mut others: Vec<(Session, bool)> = (0..6).map(|_| (shop.other(), false)).collect();
    let kills = kills();
    let mut n = 0u64;
    for kill in 0..kills {
        let mut running = room.start(&[]);
        for _ in 0..60 {
            let at = dice.roll(others.len() as u64) as usize;
            let (session, is_open) = &mut others[at];
            n += 1;
            let statement = match (*is_open, dice.roll(4)) {
                (false, _) => "BEGIN".to_owned(),
                (true, 0) => "COMMIT".to_owned(),
                (true, 1) => {
                    format!("INSERT INTO sales (amount) SELECT {n} FROM generate_series(1, 40)")
                }
                // Two that wait for each other would wait for ever: each changes what is its own.
                (true, 2) => format!(
                    "UPDATE sales SET amount = {n}, updated_at = clock_timestamp() WHERE id % 6 = {at} AND id % 7 = 0"
                ),
                (true, _) => format!("SAVEPOINT s; INSERT INTO sales (amount) VALUES ({n})"),
            };
            *is_open = statement != "COMMIT";
            session.run(&statement);
            std::thread::sleep(Duration::from_millis(dice.roll(40)));
        }
        // Each third is asked to stop.
        match kill % 3 {
            0 => assert_eq!(terminate(&mut running.0), 0),
            _ => {
                running.0.kill().unwrap();
                running.0.wait().unwrap();
            }
        }
    }
    for (session, is_open) in &others {
        if *is_open {
            session.run("COMMIT");
        }
    }
    room.once_well();
    let (by_id, all) = ids(&room);
    let rows = shop.session.query("SELECT id, amount::text FROM sales");
    assert!(rows.len() > 200, "{}", rows.len());
    let want: BTreeMap<i64, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let found: BTreeMap<i64, String> = by_id
        .iter()
        .map(|(id, row)| (*id, row["amount"].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(found, want);
    let different: BTreeSet<String> = all.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), all.len(), "a version is there twice");
    println!(
        "{kills} kills, {} rows, {} versions: 0 lost, 0 twice",
        want.len(),
        all.len()
    );
}

#[test]
fn a_query_is_read_from_before_its_greatest_cursor() {
    let shop = Shop::new();
    shop.run(
        "CREATE VIEW large AS SELECT id, updated_at, amount FROM sales WHERE amount > 10;
         INSERT INTO sales (updated_at, amount) VALUES ('2026-01-01T00:00:00Z', 11), ('2026-01-01T00:10:00Z', 12), ('2026-01-01T00:10:00Z', 1)",
    );
    let room = shop.room("query = \"SELECT * FROM SCHEMA.large\"\ncursor = [\"updated_at\", \"id\"]\noverlap = \"6m\"\n");
    room.once_well();
    assert_eq!(ids(&room).1.len(), 2);
    // Within the overlap, and a row that is another now; before it nothing is looked for.
    shop.run(
        "INSERT INTO sales (updated_at, amount) VALUES ('2026-01-01T00:05:00Z', 13), ('2026-01-01T00:03:00Z', 14);
         UPDATE sales SET amount = 15 WHERE amount = 12",
    );
    room.once_well();
    room.once_well();
    let amounts: Vec<Value> = ids(&room)
        .1
        .iter()
        .map(|row| row["amount"].clone())
        .collect();
    let amounts: Vec<&str> = amounts
        .iter()
        .filter_map(|a| a.as_str()?.split('.').next())
        .collect();
    assert_eq!(amounts, ["11", "12", "13", "15"]);
}

#[test]
fn what_cannot_be_read_says_why() {
    let shop = Shop::new();
    shop.run("CREATE TABLE bare (n INT); CREATE VIEW seen AS SELECT * FROM sales");
    for (more, said) in [
        ("table = \"SCHEMA.nothing\"\n", "does not exist"),
        ("table = \"SCHEMA.bare\"\n", "has no primary key"),
        ("table = \"SCHEMA.seen\"\n", "is no table of its own"),
        (
            "table = \"SCHEMA.sales\"\ncursor = [\"at\"]\n",
            "there is no column `at`",
        ),
        (
            "query = \"SELECT id FROM SCHEMA.sales\"\ncursor = [\"id\"]\n",
            "`overlap` is a time",
        ),
        (
            "query = \"SELECT FROM\"\ncursor = [\"id\"]\n",
            "syntax error",
        ),
    ] {
        let output = shop.room(more).once();
        assert!(!output.status.success(), "{more}");
        assert!(words(&output).contains(said), "{more}: {}", words(&output));
    }
    for (more, said) in [
        ("table = \"a\"\nquery = \"b\"\n", "two sources"),
        ("", "table = \\\"public.sales\\\""),
        ("query = \"SELECT 1\"\n", "`cursor` is missing"),
        ("table = \"a.b\"\noverlap = \"5m\"\n", "belongs to `query`"),
        (
            "table = \"a.b\"\nraw = \"DIR/raw\"\n",
            "rows are in their table",
        ),
    ] {
        let output = shop.room(more).once();
        assert_eq!(output.status.code(), Some(2), "{more}");
        let text = words(&output);
        assert!(
            text.contains(said) || text.contains(&said.replace('\\', "")),
            "{more}: {text}"
        );
    }
    let room = Room::new(
        "ingest_secret",
        "[sources.NAME]\ntype = \"postgres\"\nurl = \"postgres://u:s3cret@h/d\"\ntable = \"a.b\"\ntopic = \"TOPIC\"\n",
    );
    let text = words(&room.once());
    assert!(
        text.contains("url-file") && !text.contains("s3cret"),
        "{text}"
    );
}
