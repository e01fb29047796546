//! Tables as they are declared, and what is refused where.

use crate::{QueryErrors, parse_table};
use standings_model::table::format::{Encoding, JsonEnvelope, TimestampStandard};
use standings_model::table::{Changelog, Connector, Metadata, Origin, Startup, Table};
use standings_model::types::{Type, Width};

fn table(sql: &str) -> Table {
    parse_table("t.sql", sql).unwrap_or_else(|e| panic!("{sql}\n{}", QueryErrors(vec![e]).render()))
}

fn refused(sql: &str) -> String {
    match parse_table("t.sql", sql) {
        Ok(_) => panic!("accepted: {sql}"),
        Err(e) => QueryErrors(vec![e]).render(),
    }
}

#[test]
fn every_type_is_read() {
    for (written, kind) in [
        ("BOOLEAN", Type::Boolean),
        ("TINYINT", Type::Integer(Width::Tiny)),
        ("SMALLINT", Type::Integer(Width::Small)),
        ("INT", Type::Integer(Width::Int)),
        ("INTEGER", Type::Integer(Width::Int)),
        ("bigint", Type::BIGINT),
        ("DECIMAL", Type::decimal(10, 0)),
        ("DEC(5)", Type::decimal(5, 0)),
        ("NUMERIC(38, 38)", Type::decimal(38, 38)),
        ("FLOAT", Type::Float),
        ("DOUBLE PRECISION", Type::Double),
        ("STRING", Type::STRING),
        ("VARCHAR", Type::Text(Some(1))),
        ("VARCHAR(20)", Type::Text(Some(20))),
        ("VARCHAR(2147483647)", Type::STRING),
        ("CHARACTER VARYING(3)", Type::Text(Some(3))),
        ("CHAR(3)", Type::Char(3)),
        ("BYTES", Type::Bytes),
        ("VARBINARY(2147483647)", Type::Bytes),
        ("DATE", Type::Date),
        ("TIME", Type::Time),
        ("TIME(3) WITHOUT TIME ZONE", Type::Time),
        ("TIMESTAMP", Type::Timestamp(6)),
        ("TIMESTAMP(3) WITHOUT TIME ZONE", Type::Timestamp(3)),
        ("TIMESTAMP(3) WITH LOCAL TIME ZONE", Type::Instant(3)),
        ("TIMESTAMP(0) WITH TIME ZONE", Type::Instant(0)),
        ("TIMESTAMP_LTZ(3)", Type::Instant(3)),
        ("STRING ARRAY", Type::Array(Type::STRING.into())),
        (
            "ARRAY<ARRAY<INT>>",
            Type::Array(Type::Array(Type::Integer(Width::Int).into()).into()),
        ),
        (
            "MAP<STRING NOT NULL, BYTES>",
            Type::Map((Type::STRING, Type::Bytes).into()),
        ),
    ] {
        let table = table(&format!(
            "CREATE TABLE t (a {written}, b {written} NOT NULL)"
        ));
        assert_eq!(table.columns[0].kind, kind, "{written}");
        assert!(
            table.columns[0].nullable && !table.columns[1].nullable,
            "{written}"
        );
    }
}

#[test]
fn fields_of_rows_are_columns_behind_the_others() {
    let table = table(
        "CREATE TABLE t (
           id STRING,
           ship ROW<place ROW(town STRING NOT NULL, `post code` STRING 'with a space') NOT NULL, tags ARRAY<STRING>> NOT NULL,
           lines ARRAY<ROW<sku STRING, price DECIMAL(10, 3)>>
         )",
    );
    let all: Vec<(&str, bool)> = table
        .columns
        .iter()
        .map(|c| (&*c.name, c.nullable))
        .collect();
    let wanted = [
        ("id", true),
        ("ship", false),
        ("lines", true),
        ("ship.place.town", false),
        ("ship.place.post code", true),
        ("ship.tags", true),
        ("lines[n]", true),
        ("n of lines", true),
        ("ship.tags[n]", true),
        ("n of ship.tags", true),
    ];
    assert_eq!((&all[..], table.declared), (&wanted[..], 3));
    assert_eq!(table.columns[1].origin, Origin::Parts);
    let path: Vec<String> = ["ship", "place", "town"].map(str::to_owned).into();
    assert_eq!(table.leaf(&path), Some(3));
    assert_eq!(table.columns[3].origin, Origin::Field(path.into()));
}

#[test]
fn every_clause_of_a_table_is_read() {
    let table = table(
        "CREATE TEMPORARY TABLE IF NOT EXISTS `orders` (
           id STRING COMMENT 'its number',
           at BIGINT,
           ts TIMESTAMP_LTZ(3),
           again AS ts COMMENT 'the same',
           part INT METADATA FROM 'partition' VIRTUAL,
           `offset` BIGINT METADATA,
           h MAP<STRING, BYTES> METADATA FROM 'headers',
           CONSTRAINT pk PRIMARY KEY (id, at) NOT ENFORCED,
           WATERMARK FOR again AS `again` - INTERVAL '1.5' SECOND
         ) COMMENT 'what was ordered' WITH (
           'connector' = 'kafka', 'topic' = 'a; b', 'properties.bootstrap.servers' = 'h:9092',
           'properties.fetch.max.wait.ms' = '5', 'properties.sasl.password' = '${ENV:STANDINGS_SECRET_K}',
           'scan.startup.mode' = 'timestamp', 'scan.startup.timestamp-millis' = '7', 'scan.bounded.mode' = 'latest-offset',
           'value.format' = 'json', 'value.json.timestamp-format.standard' = 'sql', 'json.schema-include' = 'TRUE',
           'key.format' = 'csv', 'key.fields' = 'id', 'value.fields-include' = 'EXCEPT_KEY', 'key.csv.field-delimiter' = '\\t',
           'scan.time-zone' = 'Europe/Lisbon', 'noun' = 'orders', 'unit' = 'EUR',
         )",
    );
    assert_eq!(
        (table.name.as_str(), table.is_declared, table.is_named),
        ("orders", true, true)
    );
    assert_eq!(
        (table.event_time, table.out_of_orderness),
        (Some(3), Some(1_500))
    );
    assert_eq!(table.columns[3].kind, Type::Instant(3));
    assert!(matches!(table.columns[3].origin, Origin::Computed(_)));
    assert_eq!(
        table.columns[4].origin,
        Origin::Metadata(Metadata::Partition)
    );
    assert_eq!(table.columns[5].origin, Origin::Metadata(Metadata::Offset));
    assert_eq!(table.primary_key, [0, 1]);
    assert!(!table.columns[0].nullable, "a key is never NULL");
    assert!(matches!(table.columns[0].origin, Origin::KeyField(_)));
    assert_eq!(table.columns[0].comment.as_deref(), Some("its number"));
    let Some(Connector::Kafka {
        topics,
        servers,
        properties,
        start,
        bounded,
    }) = &table.connector
    else {
        panic!("{:?}", table.connector);
    };
    assert_eq!(
        (&topics[..], servers.as_deref()),
        (&["a".to_owned(), "b".to_owned()][..], Some("h:9092"))
    );
    assert_eq!((*start, *bounded), (Some(Startup::Timestamp(7)), true));
    let have = |name: &str, value: &str| properties.contains(&(name.to_owned(), value.to_owned()));
    assert!(have("fetch.wait.max.ms", "5") && have("sasl.password", "${ENV:STANDINGS_SECRET_K}"));
    let Encoding::Json(json) = &table.format.encoding else {
        panic!("{:?}", table.format);
    };
    assert_eq!(
        (json.timestamps, json.envelope),
        (TimestampStandard::Sql, JsonEnvelope::Connect)
    );
    let Some(Encoding::Csv(csv)) = table.key_format.map(|f| f.encoding) else {
        panic!("no format of the key");
    };
    assert_eq!(csv.delimiter, Some(b'\t'));
    assert_eq!(table.format.zone.as_deref(), Some("Europe/Lisbon"));
    assert_eq!(
        (table.noun.as_deref(), table.unit.as_deref()),
        (Some("orders"), Some("EUR"))
    );
    assert_eq!(table.changelog, Changelog::Append);
}

#[test]
fn what_a_table_may_not_be_is_refused_at_its_place() {
    for (sql, place, words) in [
        (
            "CREATE TABLE t (a MONEY)",
            "1:19",
            "`MONEY` did you mean DECIMAL(18, 2)?",
        ),
        ("CREATE TABLE t (a STRNG)", "1:19", "did you mean STRING?"),
        ("CREATE TABLE t (a DECIMAL(39, 2))", "1:19", "1 to 38"),
        ("CREATE TABLE t (a DECIMAL(3, 4))", "1:19", "DECIMAL(3, 4)"),
        ("CREATE TABLE t (a TIMESTAMP(7))", "1:29", "0 to 6"),
        ("CREATE TABLE t (a VARBINARY(9))", "1:19", "BYTES"),
        ("CREATE TABLE t (a ARRAY<INT NOT NULL>)", "1:25", "NOT NULL"),
        ("CREATE TABLE t (a MAP<ROW<x INT>, INT>)", "1:23", "a key"),
        ("CREATE TABLE t (a ROW<x INT, x INT>)", "1:30", "`x` twice"),
        ("CREATE TABLE t (a INT, a INT)", "1:24", "`a` twice"),
        ("CREATE TABLE t (a INT,\n b AS c)", "2:7", "no column `c`"),
        ("CREATE TABLE t (a AS b, b AS a)", "1:22", "no column `b`"),
        (
            "CREATE TABLE t (a INT METADATA)",
            "1:17",
            "METADATA FROM 'a'",
        ),
        (
            "CREATE TABLE t (a INT METADATA FROM 'ofset')",
            "1:37",
            "did you mean 'offset'?",
        ),
        (
            "CREATE TABLE t (a INT METADATA FROM 'offset')",
            "1:19",
            "BIGINT METADATA FROM 'offset'",
        ),
        (
            "CREATE TABLE t (a INT, PRIMARY KEY (a))",
            "1:24",
            "NOT ENFORCED",
        ),
        (
            "CREATE TABLE t (a INT, PRIMARY KEY (b) NOT ENFORCED)",
            "1:37",
            "no column `b`",
        ),
        (
            "CREATE TABLE t (a TIMESTAMP(3), WATERMARK FOR a AS a + INTERVAL '1' SECOND)",
            "1:52",
            "`a` - INTERVAL",
        ),
        (
            "CREATE TABLE t (a TIMESTAMP(3), WATERMARK FOR a AS a - INTERVAL '1' MONTH)",
            "1:",
            "INTERVAL '1' DAY",
        ),
        (
            "CREATE TABLE t (a STRING, WATERMARK FOR a AS a)",
            "1:41",
            "TO_TIMESTAMP",
        ),
        ("CREATE TABLE t (a INT) LIKE u", "1:24", "LIKE"),
        (
            "CREATE TABLE t (a INT) FORMAT PLAIN ENCODE JSON",
            "1:24",
            "'format' = 'json'",
        ),
        (
            "CREATE TABLE t (a INT, INCLUDE offset AS o)",
            "1:24",
            "METADATA FROM",
        ),
        ("CREATE TABLE t (a INT CHECK)", "1:23", "CHECK"),
        ("CREATE TABLE a.t (a INT)", "1:15", "without a catalog"),
        (
            "CREATE TABLE t (a INT",
            "1:19",
            "is missing at the end of the statement",
        ),
        (
            "CREATE TABLE t (a INT) PARTITIONED BY (b)",
            "1:40",
            "no column `b`",
        ),
        ("CREATE TABEL t (a INT)", "1:8", "CREATE TABEL"),
        ("CRATE TABLE t (a INT)", "1:1", "did you mean CREATE?"),
    ] {
        let shown = refused(sql);
        assert!(
            shown.contains(&format!("t.sql:{place}")),
            "{sql}: wanted {place}\n{shown}"
        );
        for word in words.split(" did ").map(|w| w.trim()) {
            let word = word
                .strip_prefix("you")
                .map_or(word.to_owned(), |w| format!("did you{w}"));
            assert!(shown.contains(&word), "{sql}: wanted {word}\n{shown}");
        }
    }
}

#[test]
fn a_type_without_end_is_refused() {
    let nested = |n: usize| {
        format!(
            "CREATE TABLE t (a {}INT{})",
            "ARRAY<".repeat(n),
            ">".repeat(n)
        )
    };
    table(&nested(60));
    assert!(refused(&nested(70)).contains("64 deep"));
    assert!(refused(&nested(5_000)).contains("t.sql:1:"));
}
