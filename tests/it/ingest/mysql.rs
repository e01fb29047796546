//! A table of a real MariaDB: every type, characters of every set, and transactions that take ids in one order and commit in another, killed
//! while they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::{Room, kills, terminate, words};
use crate::mariadb::Session;
use crate::support::kafka::unique;
use crate::support::{Dice, service, until};

/// A database with a table `sales`; it goes with this.
pub(super) struct Shop {
    pub(super) url: String,
    pub(super) database: String,
    pub(super) session: Session,
}

const SALES: &str = "CREATE TABLE sales (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY,
    updated_at TIMESTAMP(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6), amount DECIMAL(30, 10))";

impl Shop {
    pub(super) fn new(tables: &str) -> Self {
        Shop::at(&service("MARIADB_URL"), tables)
    }

    /// On this server.
    pub(super) fn at(url: &str, tables: &str) -> Self {
        let database = unique("shop");
        let session = Session::new(url, &database);
        session.run(tables);
        Shop {
            url: url.to_owned(),
            database,
            session,
        }
    }

    pub(super) fn run(&self, sql: &str) {
        self.session.run(sql);
    }

    /// Another connection to it.
    pub(super) fn other(&self) -> Session {
        Session::new(&self.url, &self.database)
    }

    pub(super) fn room(&self, more: &str) -> Room {
        let room = Room::new("ingest_mysql", "");
        std::fs::write(room.path("url"), &self.url).unwrap();
        let text = format!(
            "[sources.NAME]\ntype = \"mysql\"\nurl-file = \"DIR/url\"\nevery = \"50ms\"\ntopic = \"TOPIC\"\nkey = [\"id\"]\n{more}"
        );
        room.configure(&text.replace("SCHEMA", &self.database));
        room
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        // A test that failed has connections in the midst of something, and a server of its own may be gone.
        let gone = format!("SET lock_wait_timeout = 5; DROP DATABASE {}", self.database);
        self.session.perhaps(&gone);
    }
}

const TABLE: &str = "table = \"SCHEMA.sales\"\ncursor = [\"updated_at\", \"id\"]\n";

/// The last value of each key, and all there are.
fn ids(room: &Room) -> (BTreeMap<u64, Value>, Vec<Value>) {
    let all: Vec<Value> = room.records().iter().map(super::Seen::json).collect();
    let by_id = all
        .iter()
        .map(|row| (row["id"].as_u64().unwrap(), row.clone()));
    (by_id.collect(), all)
}

#[test]
fn a_row_is_as_exact_as_in_its_table() {
    let shop = Shop::new(
        "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, at TIMESTAMP(6) NULL, `a``b` DECIMAL(30, 10), old VARCHAR(20) CHARACTER SET latin1,
           three TEXT CHARACTER SET utf8mb3, four TEXT CHARACTER SET utf8mb4, wide VARCHAR(20) CHARACTER SET utf16, tiny TINYINT(1), f FLOAT, d DOUBLE,
           one BIT(1), nine BIT(9), y YEAR, day DATE, local DATETIME(3), span TIME(2), e ENUM('a', 'ü') CHARACTER SET latin1,
           s SET('x', 'y'), doc JSON, raw BLOB, fixed BINARY(3));
         SET time_zone = '+02:00';
         SET sql_mode = ''",
    );
    shop.run(
        r#"INSERT INTO t VALUES (18446744073709551615, '2026-01-23 12:15:00.123456', 12345678901234567890.0123456789, 'Zoë € ÿ', 'ščř', '🦀 "x"', 'Ω',
             2, 0.1, 1.7976931348623157e308, b'1', b'111111111', 2155, '2026-01-23', '2026-01-23 10:15:00.120', '-838:59:59', 'ü', 'x,y', '{"a": 1.10}', X'00FF', X'01');
           INSERT INTO t (id, at) VALUES (1, NULL);
           INSERT INTO t (id, at, day, local) VALUES (2, '2026-01-23 12:15:01', '0000-00-00', '2026-00-10 00:00:00')"#,
    );
    let room = shop.room("table = \"SCHEMA.t\"\ncursor = [\"at\", \"id\"]\n");
    room.once_well();
    room.once_well();
    let all: Vec<String> = room
        .records()
        .iter()
        .map(|seen| seen.value.clone())
        .collect();
    let nulls = r#""f":null,"d":null,"one":null,"nine":null,"y":null,"day":null,"local":null,"span":null,"e":null,"s":null,"doc":null,"raw":null,"fixed":null}"#;
    let texts = r#""a`b":null,"old":null,"three":null,"four":null,"wide":null,"tiny":null"#;
    let want = [
        // What has no cursor comes first, and comes once.
        format!(r#"{{"id":1,"at":null,{texts},{nulls}"#),
        r#"{"id":18446744073709551615,"at":"2026-01-23T10:15:00.123456+00:00","a`b":"12345678901234567890.0123456789","old":"Zoë € ÿ","three":"ščř","four":"🦀 \"x\"","wide":"Ω","tiny":2,"f":0.1,"d":1.7976931348623157e308,"one":true,"nine":511,"y":2155,"day":"2026-01-23","local":"2026-01-23T10:15:00.120","span":"-838:59:59.00","e":"ü","s":"x,y","doc":"{\"a\": 1.10}","raw":"AP8=","fixed":"AQAA"}"#.to_owned(),
        format!(r#"{{"id":2,"at":"2026-01-23T10:15:01.000000+00:00",{texts},{nulls}"#),
    ];
    assert_eq!(all, want);
    let refused = shop
        .room("table = \"SCHEMA.t\"\ncursor = [\"at\", \"id\"]\nzero-dates = \"refuse\"\n")
        .once();
    assert!(
        words(&refused).contains("a date that is none"),
        "{}",
        words(&refused)
    );
}

/// The id was taken, others were given out and read, and only then it is there.
#[test]
fn a_slow_transaction_loses_no_row() {
    // Neither the time nor the overlap helps: the cursor is the id, and the overlap nothing.
    let shop = Shop::new(SALES);
    let room = shop.room("table = \"SCHEMA.sales\"\ncursor = [\"id\"]\noverlap = \"0\"\n");
    let mut running = room.start(&[]);
    let there = |n: usize| {
        until("they are there", Duration::from_secs(40), || {
            ids(&room).1.len() == n
        });
    };
    shop.run("INSERT INTO sales (amount) VALUES (0)");
    there(1);
    let (slow, rolled_back) = (shop.other(), shop.other());
    slow.run("BEGIN; INSERT INTO sales (amount) VALUES (1)");
    rolled_back.run("BEGIN; INSERT INTO sales (amount) VALUES (1)");
    for n in 0..30 {
        shop.run(&format!("INSERT INTO sales (amount) VALUES ({n})"));
        std::thread::sleep(Duration::from_millis(100));
    }
    there(31);
    rolled_back.run("ROLLBACK");
    slow.run("COMMIT");
    there(32);
    terminate(&mut running.0);
    room.once_well();
    assert_eq!(ids(&room).1.len(), 32, "nothing is there twice");
    assert_eq!(ids(&room).0.len(), 32);
}

/// Transactions at random, and kills: the table is in the topic, and no version of a row twice.
#[test]
fn what_was_killed_loses_nothing_and_writes_nothing_twice() {
    let shop = Shop::new(SALES);
    let room = shop.room(&format!("{TABLE}overlap = \"0s\"\n"));
    // The first pass waits for all that is being written: here it is over.
    shop.run("INSERT INTO sales (amount) VALUES (0)");
    room.once_well();
    let mut dice = Dice::new(28);
    let mut others: Vec<(Session, bool)> = (0..5).map(|_| (shop.other(), false)).collect();
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
                (true, 1) => format!("INSERT INTO sales (amount) VALUES ({n}), ({n}), ({n})"),
                // Each changes what is its own: two that wait for each other would wait for ever.
                (true, 2) => {
                    let id = dice.roll(n) * 5 + at as u64;
                    format!("UPDATE sales SET amount = {n} WHERE id = {id}")
                }
                (true, _) => format!("SAVEPOINT s; INSERT INTO sales (amount) VALUES ({n})"),
            };
            *is_open = statement != "COMMIT";
            session.tried(&statement);
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
    let rows: Vec<(u64, String)> = shop
        .session
        .query("SELECT id, CAST(amount AS CHAR) FROM sales");
    assert!(rows.len() > 100, "{}", rows.len());
    let want: BTreeMap<u64, String> = rows.into_iter().collect();
    let found = by_id
        .iter()
        .map(|(id, row)| (*id, row["amount"].as_str().unwrap().to_owned()));
    assert_eq!(found.collect::<BTreeMap<_, _>>(), want);
    let different: BTreeSet<String> = all.iter().map(Value::to_string).collect();
    assert_eq!(different.len(), all.len(), "a version is there twice");
    assert!(
        all.len() > want.len(),
        "no row was changed after it was read"
    );
    println!(
        "{kills} kills, {} rows, {} versions: 0 lost, 0 twice",
        want.len(),
        all.len()
    );
}

#[test]
fn a_query_is_read_from_before_its_greatest_cursor() {
    let shop = Shop::new(SALES);
    shop.run(
        "CREATE VIEW large AS SELECT id, updated_at, amount FROM sales WHERE amount > 10;
         INSERT INTO sales (updated_at, amount) VALUES ('2026-01-01 00:00:00', 11), ('2026-01-01 00:10:00', 12), ('2026-01-01 00:10:00', 1)",
    );
    let room = shop.room("query = \"SELECT * FROM SCHEMA.large\"\ncursor = [\"updated_at\", \"id\"]\noverlap = \"6m\"\n");
    room.once_well();
    assert_eq!(ids(&room).1.len(), 2);
    // Within the overlap, and a row that is another now; before it nothing is looked for.
    shop.run(
        "INSERT INTO sales (updated_at, amount) VALUES ('2026-01-01 00:05:00', 13), ('2026-01-01 00:03:00', 14);
         UPDATE sales SET amount = 15, updated_at = updated_at WHERE amount = 12",
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
    let shop = Shop::new(SALES);
    shop.run(
        "CREATE TABLE bare (n INT); CREATE VIEW seen AS SELECT * FROM sales; CREATE TABLE aria (id INT PRIMARY KEY) ENGINE = Aria;
         CREATE TABLE doubles (id DOUBLE PRIMARY KEY)",
    );
    for (more, said) in [
        (
            "table = \"SCHEMA.nothing\"\ncursor = [\"id\"]\n",
            "there is no table",
        ),
        (
            "table = \"SCHEMA.bare\"\ncursor = [\"n\"]\n",
            "has no primary key",
        ),
        (
            "table = \"SCHEMA.seen\"\ncursor = [\"id\"]\n",
            "no table of InnoDB",
        ),
        (
            "table = \"SCHEMA.aria\"\ncursor = [\"id\"]\n",
            "no table of InnoDB",
        ),
        (
            "table = \"SCHEMA.doubles\"\ncursor = [\"id\"]\n",
            "rows cannot be gone on from",
        ),
        (
            "table = \"SCHEMA.sales\"\ncursor = [\"at\"]\n",
            "there is no column `at`",
        ),
        (
            "table = \"SCHEMA.sales\"\ncursor = [\"id\"]\noverlap = \"5m\"\n",
            "`overlap` is a time",
        ),
        (
            "query = \"SELECT FROM\"\ncursor = [\"id\"]\n",
            "error in your SQL syntax",
        ),
    ] {
        let output = shop.room(more).once();
        assert!(!output.status.success(), "{more}");
        assert!(words(&output).contains(said), "{more}: {}", words(&output));
    }
    for (more, said) in [
        ("table = \"a\"\nquery = \"b\"\n", "two sources"),
        ("", "`table` is missing"),
        ("table = \"a\"\n", "`cursor` is missing"),
        (
            "table = \"a.b\"\ncursor = [\"id\"]\nraw = \"DIR/raw\"\n",
            "rows are in their table",
        ),
    ] {
        let output = shop.room(more).once();
        assert_eq!(output.status.code(), Some(2), "{more}");
        assert!(words(&output).contains(said), "{more}: {}", words(&output));
    }
    let room = Room::new(
        "ingest_secret",
        "[sources.NAME]\ntype = \"mysql\"\nurl = \"mysql://u:s3cret@h/d\"\ntable = \"a.b\"\ncursor = [\"id\"]\ntopic = \"TOPIC\"\n",
    );
    let text = words(&room.once());
    assert!(
        text.contains("url-file") && !text.contains("s3cret"),
        "{text}"
    );
}

/// A user that may only read is told what that means; another machine is not asked without TLS.
#[test]
fn least_rights_and_other_machines() {
    let shop = Shop::new(SALES);
    let user = &shop.database;
    shop.run(&format!(
        "CREATE USER {user}@'127.0.0.1' IDENTIFIED BY 's3cret';
         GRANT SELECT ON {user}.sales TO {user}@'127.0.0.1';
         INSERT INTO sales (amount) VALUES (1)"
    ));
    let room = shop.room(TABLE);
    let url = service("MARIADB_URL").replace("standings@", &format!("{user}:s3cret@"));
    let url = url.rsplit_once('/').unwrap().0.to_owned();
    std::fs::write(room.path("url"), format!("{url}/{user}")).unwrap();
    let output = room.once();
    let said = words(&output);
    assert!(
        output.status.success() && said.contains("source_transactions_unseen"),
        "{said}"
    );
    assert_eq!(ids(&room).1.len(), 1);
    std::fs::write(room.path("url"), format!("{url}/{user}?sslmode=require")).unwrap();
    let said = words(&room.once());
    assert!(
        said.contains("does not speak TLS") && !said.contains("s3cret"),
        "{said}"
    );
    shop.run(&format!("DROP USER {user}@'127.0.0.1'"));
}
