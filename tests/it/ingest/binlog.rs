//! The log of a real MariaDB: what was in a table, then each change of it once, whoever is killed; as the table has it, to the row.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::mysql::Shop;
use super::{Room, Seen, kills, terminate, words};
use crate::mariadb::Session;
use crate::support::{Dice, until};

pub(super) fn room(shop: &Shop, more: &str) -> Room {
    let room = Room::new("ingest_binlog", "");
    std::fs::write(room.path("url"), &shop.url).unwrap();
    let text = format!(
        "[sources.NAME]\ntype = \"mysql-cdc\"\nurl-file = \"DIR/url\"\ntopic = \"TOPIC\"\nheartbeat = \"200ms\"\n{more}"
    );
    room.configure(&text.replace("SCHEMA", &shop.database));
    room
}

/// The records that have a value.
fn envelopes(room: &Room) -> Vec<Value> {
    let all = room.records();
    all.iter()
        .filter(|seen| !seen.value.is_empty())
        .map(Seen::json)
        .collect()
}

const TYPES: &str = "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY, at TIMESTAMP(6) NULL, `a``b` DECIMAL(30, 10), old VARCHAR(20) CHARACTER SET latin1,
   three TEXT CHARACTER SET utf8mb3, four TEXT CHARACTER SET utf8mb4, wide VARCHAR(20) CHARACTER SET utf16, tiny TINYINT UNSIGNED, f FLOAT, d DOUBLE,
   one BIT(1), nine BIT(9), y YEAR, day DATE, local DATETIME(3), fine DATETIME(6), span TIME(2), e ENUM('a', 'ü') CHARACTER SET latin1,
   s SET('x', 'y'), doc JSON, raw BLOB, fixed BINARY(3), c CHAR(200) CHARACTER SET cp1251, small DECIMAL(9, 0), m MEDIUMINT, g TEXT CHARACTER SET gbk);
 SET time_zone = '+02:00'; SET sql_mode = ''";

const ROW: &str = r#"(18446744073709551615, '2026-01-23 12:15:00.123456', -12345678901234567890.0123456789, 'Zoë € ÿ', 'ščř', '🦀 "x"', 'Ω',
   200, 0.1, 1.7976931348623157e308, b'1', b'111111110', 2155, '2026-01-23', '2026-01-23 10:15:00.120', '1969-12-31 23:59:59.999999', '-838:59:58.5', 'ü',
   'x,y', '{"a": 1.10}', X'00FF', X'01', 'Привет', -123456789, -8388608, '汉')"#;

#[test]
fn a_row_is_the_same_from_the_table_and_from_the_log() {
    let shop = Shop::new(TYPES);
    let room = room(&shop, "table = \"SCHEMA.t\"\nevent-time = \"at\"\n");
    shop.run(&format!("INSERT INTO t VALUES {ROW}; INSERT INTO t (id, day, local, at) VALUES (1, '0000-00-00', '2026-00-10', 0)"));
    room.once_well();
    shop.run(&format!(
        "DELETE FROM t; INSERT INTO t VALUES {ROW}; INSERT INTO t (id, day, local, at) VALUES (1, '0000-00-00', '2026-00-10', 0)"
    ));
    room.once_well();
    let all = envelopes(&room);
    let of = |op: &str, key: u64| -> Vec<&Value> {
        let side = if op == "d" { "before" } else { "after" };
        let found = all.iter().filter(|e| e["op"] == op);
        found
            .map(|e| &e[side])
            .filter(|row| row["id"].as_u64() == Some(key))
            .collect()
    };
    for key in [u64::MAX, 1] {
        assert_eq!(of("r", key).len(), 1, "{all:?}");
        assert_eq!(of("r", key), of("c", key));
        assert_eq!(of("r", key), of("d", key));
    }
    let want = r#"{"id":18446744073709551615,"at":"2026-01-23T10:15:00.123456Z","a`b":"-12345678901234567890.0123456789","old":"Zoë € ÿ","three":"ščř","four":"🦀 \"x\"","wide":"Ω","tiny":200,"f":0.1,"d":1.7976931348623157e308,"one":true,"nine":"/gE=","y":2155,"day":20476,"local":1769163300120,"fine":-1,"span":-3020398500000,"e":"ü","s":"x,y","doc":"{\"a\": 1.10}","raw":"AP8=","fixed":"AQAA","c":"Привет","small":"-123456789","m":-8388608,"g":"汉"}"#;
    let want: Value = serde_json::from_str(want).unwrap();
    assert_eq!(of("r", u64::MAX), [&want]);
    let empty = of("r", 1)[0];
    assert!(
        empty["day"].is_null() && empty["local"].is_null() && empty["at"].is_null(),
        "{empty}"
    );
    let source = &all.last().unwrap()["source"];
    assert_eq!(
        (&source["connector"], &source["table"]),
        (&json!("mariadb"), &json!("t"))
    );
    assert!(
        source["gtid"].as_str().unwrap().starts_with("0-1-"),
        "{source}"
    );
}

#[test]
fn keys_change_tables_are_emptied_columns_come_and_go() {
    let shop = Shop::new("CREATE TABLE sales (id INT PRIMARY KEY, amount INT, note TEXT)");
    let room = room(
        &shop,
        "table = \"SCHEMA.sales\"\n[sources.NAME.names]\namount = \"total\"\n",
    );
    shop.run("INSERT INTO sales VALUES (1, 10, 'a'), (2, 20, 'b')");
    room.once_well();
    let rolled_back = shop.other();
    rolled_back.run("BEGIN; INSERT INTO sales VALUES (9, 9, 'x'); ROLLBACK");
    shop.run(
        "UPDATE sales SET id = 3 WHERE id = 1;
         SET binlog_format = 'ROW';
         ALTER TABLE sales ADD COLUMN more INT DEFAULT 7 FIRST;
         UPDATE sales SET amount = 21 WHERE id = 2;
         ALTER TABLE sales DROP COLUMN note;
         DELETE FROM sales WHERE id = 2;
         TRUNCATE TABLE sales;
         INSERT INTO sales VALUES (8, 4, 40)",
    );
    room.once_well();
    let all: Vec<(String, Value, Value)> = envelopes(&room)
        .iter()
        .map(|e| {
            (
                e["op"].as_str().unwrap().to_owned(),
                e["before"].clone(),
                e["after"].clone(),
            )
        })
        .collect();
    let row = |id: i64, total: i64, note: &str| json!({"id": id, "total": total, "note": note});
    let want = [
        ("r", Value::Null, row(1, 10, "a")),
        ("r", Value::Null, row(2, 20, "b")),
        ("d", row(1, 10, "a"), Value::Null),
        ("c", Value::Null, row(3, 10, "a")),
        (
            "u",
            json!({"more": 7, "id": 2, "total": 20, "note": "b"}),
            json!({"more": 7, "id": 2, "total": 21, "note": "b"}),
        ),
        ("d", json!({"more": 7, "id": 2, "total": 21}), Value::Null),
        ("t", Value::Null, Value::Null),
        ("c", Value::Null, json!({"more": 8, "id": 4, "total": 40})),
    ];
    let want: Vec<(String, Value, Value)> = want
        .into_iter()
        .map(|(op, before, after)| (op.to_owned(), before, after))
        .collect();
    assert_eq!(all, want);
    // A column that the configuration names is another, then gone.
    shop.run("ALTER TABLE sales MODIFY amount DECIMAL(10, 2); INSERT INTO sales VALUES (1, 5, 50)");
    let said = words(&room.once());
    assert!(
        said.contains("`amount`") && said.contains("was a number and is DECIMAL"),
        "{said}"
    );
}

/// What the topic says, record by record: each is of the row as the one before left it.
pub(super) fn replayed(room: &Room) -> BTreeMap<i64, Value> {
    let mut rows: BTreeMap<i64, Value> = BTreeMap::new();
    for (n, envelope) in envelopes(room).iter().enumerate() {
        let (before, after) = (&envelope["before"], &envelope["after"]);
        let id = |row: &Value| row["id"].as_i64().unwrap();
        match envelope["op"].as_str().unwrap() {
            "r" | "c" => {
                let was = rows.insert(id(after), after.clone());
                assert!(was.is_none(), "record {n} comes twice: {envelope}");
            }
            "u" => {
                let was = rows.insert(id(after), after.clone());
                assert_eq!(was.as_ref(), Some(before), "record {n}: {envelope}");
            }
            "d" => assert_eq!(
                rows.remove(&id(before)).as_ref(),
                Some(before),
                "record {n}: {envelope}"
            ),
            "t" => rows.clear(),
            other => panic!("{other}"),
        }
    }
    rows
}

fn something(session: &Session, dice: &mut Dice, (own, n): (u64, u64)) {
    let key = |dice: &mut Dice| own * 100_000 + dice.roll(60);
    let statement = match dice.roll(8) {
        0 | 1 => format!(
            "INSERT IGNORE INTO sales VALUES ({}, {n}, 'ä{n}')",
            key(dice)
        ),
        2 | 3 => format!("UPDATE sales SET amount = {n} WHERE id = {}", key(dice)),
        4 => format!(
            "UPDATE IGNORE sales SET id = {}, amount = {n} WHERE id = {}",
            key(dice),
            key(dice)
        ),
        5 => format!("DELETE FROM sales WHERE id = {}", key(dice)),
        6 => format!(
            "UPDATE sales SET note = '{n}' WHERE id BETWEEN {} AND {}",
            own * 100_000,
            own * 100_000 + 20
        ),
        _ => format!(
            "SAVEPOINT s; DELETE FROM sales WHERE id = {}; ROLLBACK TO SAVEPOINT s",
            key(dice)
        ),
    };
    session.tried(&statement);
}

/// Transactions at random over a table that is being read, and kills in its snapshot and after it.
#[test]
fn what_was_killed_loses_nothing_and_writes_nothing_twice() {
    let shop = Shop::new(
        "CREATE TABLE sales (id INT PRIMARY KEY, amount INT, note VARCHAR(50) CHARACTER SET latin1)",
    );
    // Large enough for a snapshot that is broken off.
    shop.run("INSERT INTO sales SELECT 900000 + seq, seq % 997, 'x' FROM seq_1_to_60000");
    let room = room(&shop, "table = \"SCHEMA.sales\"\nevent-time = \"amount\"\n");
    let mut dice = Dice::new(29);
    let mut others: Vec<(Session, bool)> = (0..4).map(|_| (shop.other(), false)).collect();
    let (kills, mut n) = (kills(), 0u64);
    let mut in_snapshot = 0;
    for kill in 0..kills {
        let mut running = room.start(&[]);
        let steps = if kill < kills / 2 { 8 } else { 40 };
        for _ in 0..steps {
            let at = dice.roll(others.len() as u64);
            let (session, is_open) = &mut others[at as usize];
            n += 1;
            match (*is_open, dice.roll(5)) {
                (false, _) => session.run("BEGIN"),
                (true, 0) => session.run("COMMIT"),
                (true, 1) if dice.roll(3) == 0 => session.run("ROLLBACK; BEGIN"),
                (true, _) => {
                    something(session, &mut dice, (at, n));
                    // What was there before is changed as well.
                    let id = 900_000 + at * 15_000 + dice.roll(15_000);
                    session.tried(&format!(
                        "UPDATE sales SET amount = {} WHERE id = {id}",
                        dice.roll(997)
                    ));
                }
            }
            *is_open = !(*is_open && dice.roll(9) == 0);
            if !*is_open {
                session.run("COMMIT");
            }
            std::thread::sleep(Duration::from_millis(dice.roll(60)));
        }
        running.0.kill().unwrap();
        running.0.wait().unwrap();
        in_snapshot += u64::from(room.records().len() < 60_000);
    }
    for (session, _) in &others {
        session.run("COMMIT");
    }
    room.once_well();
    let rows: Vec<(i64, i64, String)> = shop.session.query("SELECT id, amount, note FROM sales");
    let want: BTreeMap<i64, Value> = rows
        .into_iter()
        .map(|(id, amount, note)| (id, json!({"id": id, "amount": amount, "note": note})))
        .collect();
    let found = replayed(&room);
    assert_eq!(found.len(), want.len());
    assert_eq!(found, want);
    println!(
        "{kills} kills, {in_snapshot} of them in the snapshot, {} rows: 0 lost, 0 twice",
        want.len()
    );
}

/// A transaction that ran long, and one that is larger than a transaction of Kafka's.
#[test]
fn slow_and_large_transactions() {
    let shop = Shop::new("CREATE TABLE sales (id INT PRIMARY KEY, amount INT)");
    let room = room(&shop, "table = \"SCHEMA.sales\"\n");
    let slow = shop.other();
    slow.run("BEGIN; INSERT INTO sales VALUES (1, 1)");
    let mut running = room.start(&[]);
    shop.run("INSERT INTO sales VALUES (2, 2)");
    until("the fast one is there", Duration::from_secs(40), || {
        envelopes(&room).len() == 1
    });
    slow.run("INSERT INTO sales SELECT seq + 10, seq FROM seq_1_to_20000; COMMIT");
    until(
        "some of the large one is there",
        Duration::from_secs(40),
        || envelopes(&room).len() > 5_000,
    );
    running.0.kill().unwrap();
    running.0.wait().unwrap();
    room.once_well();
    assert_eq!(replayed(&room).len(), 20_002);
    let mut again = room.start(&[]);
    shop.run("UPDATE sales SET amount = amount + 1 WHERE id < 3");
    until("the last ones are there", Duration::from_secs(40), || {
        envelopes(&room).len() == 20_004
    });
    assert_eq!(terminate(&mut again.0), 0);
}

#[test]
fn what_cannot_be_read_says_what_to_do() {
    let shop = Shop::new(
        "CREATE TABLE sales (id INT PRIMARY KEY, amount INT); CREATE TABLE bare (n INT); CREATE TABLE aria (id INT PRIMARY KEY) ENGINE = Aria;
         CREATE TABLE places (id INT PRIMARY KEY, p POINT); CREATE TABLE odd (id INT PRIMARY KEY, t TEXT CHARACTER SET swe7)",
    );
    for (table, said) in [
        ("nothing", "there is no table"),
        ("bare", "has no primary key"),
        ("aria", "ENGINE = InnoDB"),
        ("places", "`p` is point, which is not read from the log"),
        ("odd", "the character set swe7"),
    ] {
        let output = room(&shop, &format!("table = \"SCHEMA.{table}\"\n")).once();
        assert!(
            !output.status.success() && words(&output).contains(said),
            "{table}: {}",
            words(&output)
        );
    }
    for (statements, said) in [
        (
            "SET binlog_row_image = 'MINIMAL'; UPDATE sales SET amount = 2",
            "binlog_row_image was not FULL",
        ),
        (
            "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET binlog_format = 'STATEMENT'; UPDATE sales SET amount = 3",
            "the log does not say which rows",
        ),
        (
            "RENAME TABLE sales TO other, other TO sales",
            "is called otherwise",
        ),
    ] {
        shop.run("DELETE FROM sales; INSERT INTO sales VALUES (1, 1)");
        let room = room(&shop, "table = \"SCHEMA.sales\"\n");
        room.once_well();
        shop.other().run(statements);
        let said_by = words(&room.once());
        assert!(said_by.contains(said), "{statements}: {said_by}");
    }
}
