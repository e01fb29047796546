//! What Debezium writes, record by record, as `tests/fixtures/debezium` has it: who reads those files reads what is really written.
//!
//! What differs from run to run is made the same: times of Debezium's, positions in the log, numbers of transactions, the connector's
//! name. Long texts are cut. `STANDINGS_UPDATE_FIXTURES=1` writes the files; what changed in them is to be looked at.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rdkafka::Message;

use super::connect::{Connect, Followed, WAIT};
use super::shop::{Identity, Shop};
use crate::support::kafka::each;
use crate::support::{service, until};

/// The life of a small table: each kind of change once.
const CHANGES: [&str; 14] = [
    "INSERT INTO {t} VALUES (3, '2026-02-03T10:07:00Z', 'Faro', 'Zé \"o\" 1', 7, DEFAULT, NULL)",
    // The long text stays.
    "UPDATE {t} SET amount = 13 WHERE id = 1",
    // Nothing changes.
    "UPDATE {t} SET amount = 13 WHERE id = 1",
    "UPDATE {t} SET id = 20 WHERE id = 2",
    // Another key, and the long text stays.
    "UPDATE {t} SET id = 10, amount = amount + 1 WHERE id = 1",
    "BEGIN; INSERT INTO {t} VALUES (4, '2026-02-03T10:08:00Z', 'Faro', 'Rui', 8, DEFAULT, NULL); ROLLBACK",
    "BEGIN; INSERT INTO {t} VALUES (5, '2026-02-03T10:09:00Z', 'Faro', 'Rui', 8, DEFAULT, NULL);
     SAVEPOINT a; DELETE FROM {t}; ROLLBACK TO a; UPDATE {t} SET city = 'Beja' WHERE id = 5; COMMIT",
    "ALTER TABLE {t} ADD COLUMN channel TEXT NOT NULL DEFAULT 'shop'",
    "UPDATE {t} SET channel = 'web' WHERE id = 3",
    "DELETE FROM {t} WHERE id = 3",
    "UPDATE {t} SET note = 'short' WHERE id = 10",
    "TRUNCATE {t}",
    "INSERT INTO {t} VALUES (7, '2026-02-03T10:10:00Z', 'Faro', 'Rui', 9, DEFAULT, NULL, 'web')",
    "SELECT pg_logical_emit_message(true, 'note', 'hello')",
];

/// Two rows that a snapshot finds.
const FOUND: &str = "INSERT INTO {t} VALUES
    (1, '2026-02-03T10:05:00.123456Z', 'Lisbon', 'Ana', 12.30, '2026-02-03T11:00:00.5', repeat('n', 9000)),
    (2, '2026-02-03T10:06:00Z', 'Porto', NULL, -0.05, DEFAULT, NULL)";

/// A table without a key, whose rows are whole.
const KEYLESS: [&str; 5] = [
    "CREATE TABLE keyless (city TEXT, amount NUMERIC(12, 2))",
    "ALTER TABLE keyless REPLICA IDENTITY FULL",
    "INSERT INTO keyless VALUES ('Faro', 2), ('Faro', 2)",
    "UPDATE keyless SET amount = 3 WHERE ctid = (SELECT min(ctid) FROM keyless)",
    "DELETE FROM keyless WHERE amount = 3",
];

/// Of each type a value, a row without any, and what is no number or no date.
const TYPES: [&str; 6] = [
    "CREATE TYPE mood AS ENUM ('sad', 'ok')",
    "CREATE TABLE types (id INT PRIMARY KEY, yes BOOLEAN, i2 SMALLINT, i8 BIGINT, f4 REAL, f8 DOUBLE PRECISION, n NUMERIC,
       n52 NUMERIC(5, 2), price MONEY, vc VARCHAR(10), c CHAR(4), day DATE, t3 TIME(3), t6 TIME, ttz TIMETZ, ts0 TIMESTAMP(0),
       ts3 TIMESTAMP(3), ts6 TIMESTAMP, tstz TIMESTAMPTZ, tstz3 TIMESTAMPTZ(3), span INTERVAL, b BYTEA, u UUID, j JSON, jb JSONB,
       i4s INT[], texts TEXT[], ns NUMERIC(5, 2)[], m mood, ip INET, at POINT, bits BIT(4), bit BIT(1), r INT4RANGE)",
    "ALTER TABLE types REPLICA IDENTITY FULL",
    "INSERT INTO types VALUES (1, true, -32768, 9223372036854775807, 1.1, 0.1, '123456789012345678901234567890.123456789', -999.99,
       '12.34', 'abc', 'ab', '2026-02-03', '10:05:06.123', '10:05:06.123456', '10:05:06.123456+02', '2026-02-03 10:05:06',
       '2026-02-03 10:05:06.123', '2026-02-03 10:05:06.123456', '2026-02-03 10:05:06.123456+02', '2026-02-03 10:05:06.120+02',
       '1 year 2 mons 3 days 04:05:06.789', '\\x00ff', '0e37df36-f698-11e6-8dd4-cb9ced3df976', '{\"a\": 1,  \"b\": [1]}', '{\"a\": 1}',
       '{1,NULL,3}', '{a,NULL,\"b c\"}', '{1.5,NULL}', 'ok', '10.0.0.1/8', '(1,2)', B'1010', B'1', '[1,5)')",
    "INSERT INTO types (id) VALUES (2)",
    "INSERT INTO types (id, f4, f8, n, n52, day, ts6, tstz) VALUES (3, 'NaN', '-Infinity', 'NaN', 'NaN', 'infinity', 'infinity', 'infinity')",
];

/// A long value of each type that has one; then another column changes.
const LONG: [&str; 4] = [
    "CREATE TABLE long (id INT PRIMARY KEY, n INT, t TEXT, v VARCHAR, j JSON, jb JSONB, b BYTEA, ts TEXT[], i4s INT[], days DATE[],
       us UUID[], num NUMERIC, nums NUMERIC(5, 2)[], fs FLOAT8[])",
    "DO $$ BEGIN EXECUTE (SELECT string_agg(format('ALTER TABLE long ALTER %I SET STORAGE EXTERNAL', attname), ';')
       FROM pg_attribute WHERE attrelid = 'long'::regclass AND attnum > 2); END $$",
    "INSERT INTO long SELECT 1, 1, repeat('a', 9000), repeat('a', 9000), to_json(repeat('a', 9000)), to_jsonb(repeat('a', 9000)),
       decode(repeat('ff', 9000), 'hex'), array_agg('a' || g), array_agg(g), array_agg(date '2026-01-01' + g),
       array_agg(gen_random_uuid()), repeat('9', 9000)::numeric, array_agg(1.5), array_agg(g::float8) FROM generate_series(1, 3000) g",
    "UPDATE long SET n = 2",
];

/// A file of `tests/fixtures/debezium`, and the topic that it is of.
struct Kept {
    file: &'static str,
    topic: String,
    /// These records; of what goes on for ever, the first.
    records: Range<usize>,
    is_keyed: bool,
}

fn kept(file: &'static str, topic: impl Into<String>, records: Range<usize>) -> Kept {
    let topic = topic.into();
    let is_keyed = file.contains(".upsert.");
    Kept {
        file,
        topic,
        records,
        is_keyed,
    }
}

/// A record: key, value, the time that it carries.
type Record = (Option<String>, Option<String>);

fn records(topic: &str) -> Vec<Record> {
    let mut all = Vec::new();
    let text = |bytes: Option<&[u8]>| bytes.map(|b| String::from_utf8(b.to_vec()).unwrap());
    each(&service("KAFKA_BROKERS"), topic, |message| {
        all.push((text(message.key()), text(message.payload())));
    });
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
fn lines(followed: &Followed<'_>, database: &str, file: &Kept, all: &[Record]) -> String {
    let (mut transactions, mut positions) = (Ordinals::default(), Ordinals::default());
    let mut text = String::new();
    for (n, (key, value)) in all[file.records.clone()].iter().enumerate() {
        let mut clean = |json: &str| {
            let mut json = json.replace(followed.name(), "shop");
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
        if file.is_keyed {
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
fn held(followed: &Followed<'_>, database: &str, files: &[Kept]) {
    for file in files {
        let mut all = Vec::new();
        until(&format!("the records of {}", file.file), WAIT, || {
            all = records(&file.topic);
            all.len() >= file.records.end
        });
        let found = lines(followed, database, file, &all);
        let path = folder().join(file.file);
        if std::env::var_os("STANDINGS_UPDATE_FIXTURES").is_some() {
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

#[test]
fn what_is_written_is_what_is_kept() {
    let shop = Shop::open(Identity::Default, 1);
    shop.run("CREATE TABLE whole (LIKE orders INCLUDING ALL)");
    shop.run("ALTER TABLE whole REPLICA IDENTITY FULL");
    for table in ["orders", "whole"] {
        shop.run(&FOUND.replace("{t}", table));
    }
    for sql in TYPES.iter().chain(&LONG[..3]).chain(&KEYLESS[..2]) {
        shop.run(sql);
    }
    let connect = Connect::up();
    let all = "public.orders,public.whole,public.types,public.long,public.keyless";
    let text = [
        ("decimal.handling.mode", "string"),
        ("provide.transaction.metadata", "true"),
        ("heartbeat.interval.ms", "500"),
    ];
    let plain = connect.follow(&shop.url, all, &text);
    let unwrap = [
        ("decimal.handling.mode", "string"),
        ("transforms", "unwrap"),
        (
            "transforms.unwrap.type",
            "io.debezium.transforms.ExtractNewRecordState",
        ),
        (
            "transforms.unwrap.delete.tombstone.handling.mode",
            "rewrite",
        ),
        ("transforms.unwrap.add.fields", "op,source.ts_ms"),
    ];
    let unwrapped = connect.follow(&shop.url, "public.orders", &unwrap);
    let schema = [
        ("key.converter.schemas.enable", "true"),
        ("value.converter.schemas.enable", "true"),
    ];
    let schemas = connect.follow(&shop.url, "public.whole,public.types", &schema);
    let text_modes = [
        ("time.precision.mode", "isostring"),
        ("decimal.handling.mode", "string"),
    ];
    let isostring = connect.follow(&shop.url, "public.types", &text_modes);
    let bare = connect.follow(&shop.url, "public.types", &[]);
    let of = |f: &Followed<'_>, table: &str| format!("{}.{table}", f.name());
    for followed in [&plain, &unwrapped, &schemas, &isostring, &bare] {
        followed.runs();
    }
    // All snapshots are done: what comes now is a change.
    for (followed, table, rows) in [
        (&plain, "public.types", 3),
        (&unwrapped, "public.orders", 2),
        (&schemas, "public.types", 3),
        (&isostring, "public.types", 3),
        (&bare, "public.types", 3),
    ] {
        let topic = of(followed, table);
        until("a snapshot", WAIT, || records(&topic).len() >= rows);
    }
    for table in ["orders", "whole"] {
        for sql in &CHANGES {
            shop.run(&sql.replace("{t}", table));
        }
    }
    for sql in LONG[3..].iter().chain(&KEYLESS[2..]) {
        shop.run(sql);
    }
    let base = shop.url.rsplit('/').next().unwrap().to_owned();
    held(
        &plain,
        &base,
        &[
            kept("default.ndjson", of(&plain, "public.orders"), 0..19),
            kept("full.ndjson", of(&plain, "public.whole"), 0..19),
            kept("keyless.ndjson", of(&plain, "public.keyless"), 0..5),
            kept("long.ndjson", of(&plain, "public.long"), 1..2),
            kept("messages.ndjson", of(&plain, "message"), 0..1),
            kept("transactions.ndjson", of(&plain, "transaction"), 0..6),
            kept(
                "heartbeats.ndjson",
                format!("__debezium-heartbeat.{}", plain.name()),
                0..1,
            ),
        ],
    );
    held(
        &unwrapped,
        &base,
        &[kept(
            "unwrapped.upsert.ndjson",
            of(&unwrapped, "public.orders"),
            0..14,
        )],
    );
    held(
        &schemas,
        &base,
        &[
            kept(
                "full-with-schemas.ndjson",
                of(&schemas, "public.whole"),
                0..19,
            ),
            kept(
                "types-with-schemas.ndjson",
                of(&schemas, "public.types"),
                0..3,
            ),
        ],
    );
    held(
        &isostring,
        &base,
        &[kept(
            "types-as-texts.ndjson",
            of(&isostring, "public.types"),
            0..3,
        )],
    );
    held(
        &bare,
        &base,
        &[kept("types.ndjson", of(&bare, "public.types"), 0..3)],
    );
}
