//! What Debezium writes, record by record, as `tests/fixtures/debezium` has it: who reads those files reads what is really written.
//! `STANDINGS_UPDATE_FIXTURES=1` writes the files; what changed in them is to be looked at.

use super::connect::Connect;
use super::kept::{held, kept};
use super::shop::{Identity, Shop};

/// The life of a small table: each kind of change once.
pub(super) const CHANGES: [&str; 14] = [
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
pub(super) const FOUND: &str = "INSERT INTO {t} VALUES
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
pub(super) const TYPES: [&str; 6] = [
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

/// A table that is asked for once more while it is followed.
const AGAIN: [&str; 5] = [
    "CREATE TABLE signals (id TEXT PRIMARY KEY, type TEXT, data TEXT)",
    "CREATE TABLE again (id INT PRIMARY KEY, at TIMESTAMPTZ NOT NULL)",
    "INSERT INTO again VALUES (1, '2026-02-03T11:00:00Z'), (2, '2026-02-03T10:00:00Z')",
    "INSERT INTO again VALUES (3, '2026-02-03T12:00:00Z')",
    "INSERT INTO signals VALUES ('a', 'execute-snapshot', '{\"data-collections\": [\"public.again\"], \"type\": \"incremental\"}')",
];

#[test]
fn what_is_written_is_what_is_kept() {
    let shop = Shop::open(Identity::Default, 1);
    shop.run("CREATE TABLE whole (LIKE orders INCLUDING ALL)");
    shop.run("ALTER TABLE whole REPLICA IDENTITY FULL");
    for table in ["orders", "whole"] {
        shop.run(&FOUND.replace("{t}", table));
    }
    let early = TYPES.iter().chain(&LONG[..3]).chain(&KEYLESS[..2]);
    for sql in early.chain(&AGAIN[..3]) {
        shop.run(sql);
    }
    let connect = Connect::up();
    let all = "public.orders,public.whole,public.types,public.long,public.keyless,public.again";
    let text = [
        ("decimal.handling.mode", "string"),
        ("provide.transaction.metadata", "true"),
        ("heartbeat.interval.ms", "500"),
        ("signal.data.collection", "public.signals"),
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
    // All snapshots are done: what comes now is a change.
    for followed in [&plain, &unwrapped, &schemas, &isostring, &bare] {
        followed.has_offsets();
    }
    for table in ["orders", "whole"] {
        for sql in &CHANGES {
            shop.run(&sql.replace("{t}", table));
        }
    }
    let late = LONG[3..].iter().chain(&KEYLESS[2..]);
    for sql in late.chain(&AGAIN[3..]) {
        shop.run(sql);
    }
    let database = shop.url.rsplit('/').next().unwrap();
    let files = [
        kept(&plain, "public.orders", "default.ndjson", 0..19),
        kept(&plain, "public.whole", "full.ndjson", 0..19),
        kept(&schemas, "public.whole", "full-with-schemas.ndjson", 0..19),
        kept(
            &unwrapped,
            "public.orders",
            "unwrapped.upsert.ndjson",
            0..15,
        ),
        kept(&plain, "public.keyless", "keyless.ndjson", 0..5),
        kept(&plain, "public.again", "again.ndjson", 0..6),
        // What is left out, without what was there before.
        kept(&plain, "public.long", "long.ndjson", 1..2),
        kept(&bare, "public.types", "types.ndjson", 0..3),
        kept(&schemas, "public.types", "types-with-schemas.ndjson", 0..3),
        kept(&isostring, "public.types", "types-as-texts.ndjson", 0..3),
        kept(&plain, "message", "messages.ndjson", 0..1),
        kept(&plain, "transaction", "transactions.ndjson", 0..6),
        kept(&plain, "heartbeats", "heartbeats.ndjson", 0..1),
    ];
    held(database, &files);
}
