//! The log of a real Postgres: what is in a table, and every change of it, once, whoever is killed meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::postgres::Session;
use super::{Room, kills, terminate};
use crate::support::kafka::unique;
use crate::support::{Dice, service, until};

/// A schema with a table `sales`; it goes with this, and what follows it.
pub(super) struct Shop {
    pub(super) schema: String,
    pub(super) session: Session,
}

impl Shop {
    pub(super) fn new() -> Self {
        let schema = unique("cdc");
        let session = Session::new(&schema);
        session.run(&format!(
            "CREATE SCHEMA {schema};
             CREATE TABLE sales (id BIGINT PRIMARY KEY, at TIMESTAMPTZ, amount NUMERIC(12, 2), note TEXT);
             ALTER TABLE sales ALTER note SET STORAGE EXTERNAL;
             ALTER TABLE sales REPLICA IDENTITY FULL"
        ));
        Shop { schema, session }
    }

    pub(super) fn run(&self, sql: &str) {
        self.session.run(sql);
    }

    /// Another connection to it.
    fn other(&self) -> Session {
        Session::new(&self.schema)
    }

    pub(super) fn room(&self, more: &str) -> Room {
        let room = Room::new("ingest_cdc", "");
        std::fs::write(room.path("url"), service("POSTGRES_URL")).unwrap();
        let schema = &self.schema;
        room.configure(&format!(
            "[sources.NAME]\ntype = \"postgres-cdc\"\nurl-file = \"DIR/url\"\ntable = \"{schema}.sales\"\ntopic = \"TOPIC\"\nheartbeat = \"300ms\"\n\
             slot = \"{schema}\"\npublication = \"{schema}\"\n{more}"
        ));
        room
    }

    /// Up to where its slot is acknowledged.
    fn confirmed(&self) -> Option<String> {
        let schema = &self.schema;
        let rows = self.session.query(&format!(
            "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{schema}'"
        ));
        rows.first().map(|row| row.get(0))
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let schema = &self.schema;
        for gone in [
            "SET lock_timeout = '5s'".to_owned(),
            format!(
                "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{schema}' AND active"
            ),
            "SELECT pg_sleep(0.2)".to_owned(),
            format!(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '{schema}'"
            ),
            format!("DROP PUBLICATION IF EXISTS {schema}"),
            format!("DROP SCHEMA {schema} CASCADE"),
        ] {
            self.session.tried(&gone);
        }
    }
}

/// Each record of a topic but tombstones.
fn told(room: &Room) -> Vec<Value> {
    let records = room.records();
    let told = records.iter().filter(|seen| !seen.value.is_empty());
    told.map(super::Seen::json).collect()
}

/// `op` and the id of the row before and after.
fn ops(all: &[Value]) -> Vec<String> {
    let id = |row: &Value| {
        row["id"]
            .as_i64()
            .map_or("-".to_owned(), |id| id.to_string())
    };
    let op = |v: &Value| {
        format!(
            "{} {} {}",
            v["op"].as_str().unwrap(),
            id(&v["before"]),
            id(&v["after"])
        )
    };
    all.iter().map(op).collect()
}

#[test]
fn what_is_there_comes_first_in_the_order_of_event_time() {
    let shop = Shop::new();
    let room = shop.room("event-time = \"at\"\n");
    shop.run("INSERT INTO sales VALUES (2, '2026-01-01T00:00:00Z', 1, NULL), (1, '2026-01-02T00:00:00Z', 2.50, NULL), (3, NULL, NULL, NULL)");
    room.once_well();
    shop.run("UPDATE sales SET amount = 3 WHERE id = 2");
    room.once_well();
    room.once_well();
    let all = told(&room);
    // In the order of event time; what has none comes first.
    assert_eq!(ops(&all), ["r - 3", "r - 2", "r - 1", "u 2 2"]);
    let snapshots: Vec<&Value> = all.iter().map(|v| &v["source"]["snapshot"]).collect();
    assert_eq!(snapshots, ["first", "true", "last", "false"]);
    let ours = &all[3];
    let source = &ours["source"];
    assert_eq!(
        source["ts_us"].as_i64().unwrap() / 1000,
        source["ts_ms"].as_i64().unwrap()
    );
    let sequence: Value = serde_json::from_str(source["sequence"].as_str().unwrap()).unwrap();
    assert_eq!(sequence[1], source["lsn"].to_string());
    assert_eq!(
        ours["before"],
        json!({ "id": 2, "at": "2026-01-01T00:00:00.000000Z", "amount": "1.00", "note": null })
    );
    assert_eq!(ours["after"]["amount"], "3.00");
    assert_eq!(room.records()[3].key.as_deref(), Some(r#"{"id":2}"#));
}

#[test]
fn values_are_as_exact_as_in_the_log() {
    let shop = Shop::new();
    shop.run(
        "CREATE TYPE mood AS ENUM ('sad', 'ok'); CREATE DOMAIN euro AS NUMERIC(20, 2);
         ALTER TABLE sales ADD e euro, ADD b BOOLEAN, ADD d DATE, ADD t TIME, ADD ts TIMESTAMP, ADD ts3 TIMESTAMP(3), ADD j JSONB, ADD u UUID,
           ADD y BYTEA, ADD m mood, ADD f DOUBLE PRECISION, ADD tags TEXT[], ADD ns NUMERIC[], ADD ms mood[], ADD iv INTERVAL, ADD c CHAR(4),
           ADD mo MONEY, ADD v BIT(3), ADD v1 BIT(1), ADD tz TIMETZ, ADD g INT GENERATED ALWAYS AS (1) STORED",
    );
    let row = "INSERT INTO sales VALUES (ID, 'infinity', 'NaN', 'é\"', 123456789012345678.90, true, '2026-01-23', '10:15:00.5',
        '2026-01-23 10:15:00.000001', '2026-01-23 10:15:00.123', '{\"a\": 1.10}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '\\x00ff', 'ok',
        '-Infinity', '{a,\"b,c\",NULL}', '{1.10,NaN}', '{sad}', '1 year 2 days', 'ab', '-1234.5', b'101', b'1', '10:15:00+02')";
    shop.run(&row.replace("ID", "1"));
    let room = shop.room("");
    room.once_well();
    shop.run(&row.replace("ID", "2"));
    room.once_well();
    let all = told(&room);
    let want = |id: i64| {
        json!({ "id": id, "at": "infinity", "amount": "NaN", "note": "é\"", "e": "123456789012345678.90", "b": true, "d": 20476, "t": 36_900_500_000_i64,
            "ts": 1_769_163_300_000_001_i64, "ts3": 1_769_163_300_123_i64, "j": "{\"a\": 1.10}", "u": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "y": "AP8=", "m": "ok", "f": "-Infinity", "tags": ["a", "b,c", null], "ns": ["1.10", "NaN"], "ms": ["sad"], "iv": 31_730_400_000_000_i64,
            "c": "ab  ", "mo": "-1234.50", "v": "BQ==", "v1": true, "tz": "08:15:00Z" })
    };
    // One way to write a value, by the snapshot and by the log.
    assert_eq!(all[0]["after"], want(1));
    assert_eq!(all[1]["after"], want(2));
}

#[test]
fn changes_come_in_the_order_of_commits() {
    let shop = Shop::new();
    let room = shop.room("");
    let mut running = room.start(&[]);
    until("the slot is there", Duration::from_secs(30), || {
        shop.confirmed().is_some()
    });
    let slow = shop.other();
    slow.run("BEGIN; INSERT INTO sales VALUES (1, now(), 1, NULL)");
    shop.run("INSERT INTO sales VALUES (2, now(), 2, repeat('x', 9000))");
    shop.run("BEGIN; INSERT INTO sales VALUES (3); SAVEPOINT s; INSERT INTO sales VALUES (4); ROLLBACK TO s; UPDATE sales SET amount = 1 WHERE id = 3; COMMIT");
    shop.run("BEGIN; DELETE FROM sales; ROLLBACK");
    slow.run("UPDATE sales SET amount = 5 WHERE id = 1; COMMIT");
    // Its long value is not in the log.
    shop.run("UPDATE sales SET amount = 6 WHERE id = 2");
    shop.run("UPDATE sales SET id = 20 WHERE id = 2");
    shop.run("ALTER TABLE sales ADD channel TEXT DEFAULT 'web'; INSERT INTO sales VALUES (5)");
    shop.run("DELETE FROM sales WHERE id = 5; TRUNCATE sales; INSERT INTO sales VALUES (6)");
    let of_all = || {
        let mut all = told(&room);
        all.sort_by_key(|v| v["source"]["lsn"].as_i64());
        all
    };
    until("all is there", Duration::from_secs(30), || {
        ops(&of_all()).iter().any(|op| op == "c - 6")
    });
    assert_eq!(terminate(&mut running.0), 0);
    let all = of_all();
    let mut want = vec![
        "c - 1", "u 1 1", "c - 2", "c - 3", "u 3 3", "u 2 2", "d 2 -", "c - 20", "c - 5", "d 5 -",
        "t - -", "c - 6",
    ];
    let mut found = ops(&all);
    // A slow transaction's changes are at earlier places than others that were committed before.
    found.sort();
    want.sort();
    assert_eq!(found, want);
    let of = |op: &str| {
        all.iter()
            .find(|v| ops(std::slice::from_ref(v))[0] == op)
            .unwrap()
    };
    assert_eq!(of("u 2 2")["after"]["note"], "x".repeat(9000));
    assert_eq!(of("c - 20")["after"]["note"], "x".repeat(9000));
    assert_eq!(of("c - 5")["after"]["channel"], "web");
    let tombstones = room.records();
    let tombstones = tombstones.iter().filter(|seen| seen.value.is_empty());
    let mut tombstones: Vec<&str> = tombstones.filter_map(|seen| seen.key.as_deref()).collect();
    tombstones.sort_unstable();
    assert_eq!(tombstones, [r#"{"id":2}"#, r#"{"id":5}"#]);
}

#[test]
fn partitions_are_their_table() {
    let shop = Shop::new();
    shop.run(
        "DROP TABLE sales;
         CREATE TABLE sales (id BIGINT, day INT, n INT, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
         CREATE TABLE a PARTITION OF sales FOR VALUES FROM (0) TO (10);
         CREATE TABLE b PARTITION OF sales FOR VALUES FROM (10) TO (20);
         ALTER TABLE a REPLICA IDENTITY FULL",
    );
    let room = shop.room("");
    let output = room.once();
    let said = super::words(&output);
    assert!(
        said.contains(&format!(
            "ALTER TABLE {}.b REPLICA IDENTITY FULL",
            shop.schema
        )),
        "{said}"
    );
    // The server writes old rows as the table says, of what its partition has in the log.
    assert!(
        said.contains(&format!(
            "ALTER TABLE {}.sales REPLICA IDENTITY FULL",
            shop.schema
        )),
        "{said}"
    );
    shop.run("ALTER TABLE sales REPLICA IDENTITY FULL; ALTER TABLE b REPLICA IDENTITY FULL; INSERT INTO sales VALUES (1, 1, 1)");
    room.once_well();
    shop.run("INSERT INTO sales VALUES (2, 12, 1); UPDATE sales SET day = 11 WHERE id = 1; UPDATE sales SET n = 2; TRUNCATE sales");
    room.once_well();
    let all = told(&room);
    assert_eq!(
        ops(&all),
        [
            "r - 1", "c - 2", "d 1 -", "c - 1", "u 2 2", "u 1 1", "t - -"
        ]
    );
    assert!(all.iter().all(|v| v["source"]["table"] == "sales"));
    assert_eq!(
        room.records()[0].key.as_deref(),
        Some(r#"{"id":1,"day":1}"#)
    );
}

/// The table says nothing, and its neighbour much: the log is let go of all the same.
#[test]
fn a_quiet_table_keeps_no_log() {
    let shop = Shop::new();
    shop.run("CREATE TABLE noise (n INT)");
    let room = shop.room("");
    let mut running = room.start(&[]);
    until("the slot is there", Duration::from_secs(30), || {
        shop.confirmed().is_some()
    });
    let before = shop.confirmed();
    shop.run("INSERT INTO noise SELECT n FROM generate_series(1, 20000) n");
    until("the slot moves on", Duration::from_secs(30), || {
        shop.confirmed() != before
    });
    let rows = shop.session.query(&format!(
        "SELECT (pg_current_wal_lsn() - confirmed_flush_lsn)::bigint FROM pg_replication_slots WHERE slot_name = '{}'",
        shop.schema
    ));
    let behind: i64 = rows[0].get(0);
    assert!(behind < 1 << 24, "{behind} bytes are kept");
    terminate(&mut running.0);
    assert!(told(&room).is_empty());
}

/// Takes a record into the rows that those before it have made.
fn follow(rows: &mut BTreeMap<i64, Value>, record: &Value) {
    let (before, after, op) = (
        &record["before"],
        &record["after"],
        record["op"].as_str().unwrap(),
    );
    if matches!(op, "u" | "d") {
        let was = before["id"].as_i64().and_then(|id| rows.remove(&id));
        assert_eq!(was.as_ref(), Some(before), "{record}");
    }
    if matches!(op, "r" | "c" | "u") {
        let was = rows.insert(after["id"].as_i64().unwrap(), after.clone());
        assert!(was.is_none(), "{record}");
    }
}

/// Transactions at random, and kills, in the snapshot too: each record follows from those before it, and in the end the table is there.
/// A slot waits for the transactions that run: who asks the source to stop does not.
#[test]
fn who_waits_for_others_transactions_ends_when_asked_to() {
    let shop = Shop::new();
    shop.run("INSERT INTO sales VALUES (1, '2026-01-01T00:00:00Z', 1, NULL)");
    let room = shop.room("event-time = \"at\"\n");
    let other = shop.other();
    other.run("BEGIN; INSERT INTO sales VALUES (2, '2026-01-02T00:00:00Z', 2, NULL)");
    let schema = &shop.schema;
    let slot =
        format!("SELECT 1 FROM pg_replication_slots WHERE slot_name = '{schema}' AND active");
    for _ in 0..2 {
        let mut running = room.start(&[]);
        until("the slot is being made", Duration::from_secs(30), || {
            !shop.session.query(&slot).is_empty()
        });
        // It has none of it yet, and nothing ends that but the other's transaction.
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(terminate(&mut running.0), 0);
    }
    other.run("COMMIT");
    room.once_well();
    assert_eq!(ops(&told(&room)), ["r - 1", "r - 2"]);
}

#[test]
fn what_is_killed_loses_nothing_and_tells_nothing_twice() {
    let shop = Shop::new();
    shop.run(
        "INSERT INTO sales SELECT n, '2026-01-01'::timestamptz + n * 7919 % 777600 * interval '1 second', n, repeat('y', 100)
         FROM generate_series(1, 30000) n",
    );
    let room = shop.room("event-time = \"at\"\n");
    let mut dice = Dice::new(27);
    let mut others: Vec<(Session, bool)> = (0..4).map(|_| (shop.other(), false)).collect();
    let (kills, mut n) = (kills(), 100_000);
    for kill in 0..kills {
        let mut running = room.start(&[]);
        for _ in 0..25 + dice.roll(20) {
            let at = dice.roll(others.len() as u64) as usize;
            let (session, is_open) = &mut others[at];
            n += 1;
            // Each changes what is its own: two that wait for each other would wait for ever.
            let own = format!("id % 4 = {at} AND id % 97 = {}", dice.roll(97));
            let statement = match (*is_open, dice.roll(8)) {
                (false, _) => "BEGIN".to_owned(),
                (true, 0 | 1) => "COMMIT".to_owned(),
                (true, 2) => format!(
                    "INSERT INTO sales VALUES ({n}0 * 4 + {at}, now(), {n}, repeat('z', 5000))"
                ),
                (true, 3) => format!("DELETE FROM sales WHERE {own}"),
                (true, 4) => format!(
                    "SAVEPOINT s; UPDATE sales SET amount = 0 WHERE {own}; ROLLBACK TO s; UPDATE sales SET at = now() WHERE {own}"
                ),
                (true, 5) => {
                    format!("UPDATE sales SET id = id + 4000000000 WHERE {own} AND id < 4000000000")
                }
                (true, 6) if kill % 4 == 3 => {
                    format!("UPDATE sales SET amount = amount + 1 WHERE id % 4 = {at}")
                }
                (true, _) => format!("UPDATE sales SET amount = {n} WHERE {own}"),
            };
            *is_open = statement != "COMMIT";
            session.run(&statement);
            std::thread::sleep(Duration::from_millis(dice.roll(40)));
        }
        // Each fourth is asked to stop.
        match kill % 4 {
            0 if kill > 0 => assert_eq!(terminate(&mut running.0), 0),
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
    let all = told(&room);
    let mut rows = BTreeMap::new();
    for record in &all {
        follow(&mut rows, record);
    }
    let found: BTreeMap<i64, String> = rows
        .iter()
        .map(|(id, row)| (*id, row["amount"].as_str().unwrap().to_owned()))
        .collect();
    let table = shop.session.query("SELECT id, amount::text FROM sales");
    let want: BTreeMap<i64, String> = table.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(want.len() > 20_000);
    assert_eq!(found, want);
    println!(
        "{kills} kills, {} records, {} rows: 0 lost, 0 twice",
        all.len(),
        want.len()
    );
}
