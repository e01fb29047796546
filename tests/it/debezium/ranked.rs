//! The kept records, read as files: what the rankings come to, by hand. Nothing has to run for it.

use std::path::Path;

use crate::support::standings;

/// A table with what its records need, ranked as it is.
struct Read<'a> {
    columns: &'a str,
    options: &'a str,
    ranking: &'a str,
}

const BY_CITY: &str = "SELECT city, SUM(amount) AS total, COUNT(*) AS n, SUM(CHAR_LENGTH(note)) AS written FROM t GROUP BY city";
const ISO: &str = "'debezium-json.timestamp-format.standard' = 'ISO-8601'";

/// The rows of the first lines of a file, `a b c` each, and behind them the reasons of its dead letters.
fn comes_to(read: &Read<'_>, file: &str, lines: usize) -> Vec<String> {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/debezium");
    let text = std::fs::read_to_string(kept.join(file)).unwrap();
    let text: String = text.split_inclusive('\n').take(lines).collect();
    of_text(read, file, &text)
}

/// The same of a text.
fn of_text(read: &Read<'_>, file: &str, text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path(file), text).unwrap();
    std::fs::create_dir(path("queries")).unwrap();
    let Read {
        columns,
        options,
        ranking,
    } = read;
    let order = ranking.split([' ', ',']).nth(1).unwrap();
    let sql = format!(
        "CREATE TABLE t ({columns}) WITH ('connector' = 'kafka', {options});
         SELECT * FROM (SELECT *, ROW_NUMBER() OVER (ORDER BY {order}) AS place FROM ({ranking})) WHERE place <= 9;"
    );
    std::fs::write(path("queries/r.sql"), sql).unwrap();
    let url = |name: &str| format!("file:{}", path(name).display());
    let mut run = standings(&["run", "--until-end", "--allowed-lateness", "30d"]);
    run.arg("--queries").arg(path("queries"));
    run.args(["--source-override", &format!("t={}", url(file))]);
    run.args(["--sink", &url("changes"), "--dead-letter", &url("dead")]);
    let done = run.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{file}: {said}");
    let json = |name: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path(name)).unwrap_or_default();
        let parsed = text.lines().map(|l| serde_json::from_str(l).unwrap());
        parsed.collect()
    };
    let mut places = std::collections::BTreeMap::new();
    for change in json("changes") {
        assert_ne!(
            change["rank"],
            serde_json::Value::Null,
            "one commit has no deletes"
        );
        let cells = change["row"].as_object().unwrap().clone();
        places.insert(change["rank"].as_u64(), cells);
    }
    let names = shown(ranking);
    let cell = |row: &serde_json::Map<String, serde_json::Value>, name: &&str| match &row[*name] {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let row = |row: &serde_json::Map<_, _>| -> String {
        let cells: Vec<String> = names.iter().map(|name| cell(row, name)).collect();
        cells.join(" ")
    };
    let letters = json("dead")
        .into_iter()
        .map(|l| l["reason"].as_str().unwrap().to_owned());
    places.values().map(row).chain(letters).collect()
}

/// The names of what a ranking selects, in order.
fn shown(ranking: &str) -> Vec<&str> {
    let (select, _) = ranking.split_once(" FROM t").unwrap();
    let columns = select.trim_start_matches("SELECT ").split(", ");
    columns
        .map(|c| c.rsplit(' ').next().unwrap().trim_matches('`'))
        .collect()
}

const ORDERS: &str = "id BIGINT, at TIMESTAMP_LTZ(6), city STRING NOT NULL, amount DECIMAL(12, 2) NOT NULL, note STRING,
    PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at";

#[test]
fn rows_of_which_only_the_key_is_told() {
    let options = format!("'format' = 'debezium-json', {ISO}");
    let read = Read {
        columns: ORDERS,
        options: &options,
        ranking: BY_CITY,
    };
    let file = "default.ndjson";
    // The snapshot, and an update that leaves the text out: it is as it was.
    assert_eq!(
        comes_to(&read, file, 5),
        [
            "Faro 7.00 1 null",
            "Lisbon 13.00 1 12",
            "Porto -0.05 1 null"
        ]
    );
    // The same row by another key: the text is not in the record, and no row of that key is there.
    let without = [
        "Beja 8.00 1 null",
        "Porto -0.05 1 null",
        "unavailable_value",
    ];
    assert_eq!(comes_to(&read, file, 16), without);
    // Once it is said, the row is there.
    let with = [
        "Beja 8.00 1 null",
        "Lisbon 14.00 1 5",
        "Porto -0.05 1 null",
        "unavailable_value",
    ];
    assert_eq!(comes_to(&read, file, 17), with);
    assert_eq!(
        comes_to(&read, file, 19),
        ["Faro 9.00 1 null", "unavailable_value"]
    );
    // Who does not read the text misses nothing.
    let read = Read {
        ranking: "SELECT city, SUM(amount) AS total FROM t GROUP BY city",
        columns: &ORDERS.replace("note STRING,", ""),
        ..read
    };
    assert_eq!(
        comes_to(&read, file, 16),
        ["Beja 8.00", "Lisbon 14.00", "Porto -0.05"]
    );
}

#[test]
fn rows_that_are_told_whole_with_and_without_schemas() {
    let plain = format!("'format' = 'debezium-json', {ISO}");
    let schemas = format!("{plain}, 'debezium-json.schema-include' = 'true'");
    for (file, options) in [
        ("full.ndjson", &plain),
        ("full-with-schemas.ndjson", &schemas),
    ] {
        let read = Read {
            columns: ORDERS,
            options,
            ranking: BY_CITY,
        };
        let early = [
            "Faro 7.00 1 null",
            "Lisbon 13.00 1 12",
            "Porto -0.05 1 null",
        ];
        assert_eq!(comes_to(&read, file, 5), early, "{file}");
        let keyed = [
            "Beja 8.00 1 null",
            "Lisbon 14.00 1 12",
            "Porto -0.05 1 null",
        ];
        assert_eq!(comes_to(&read, file, 16), keyed, "{file}");
        assert_eq!(comes_to(&read, file, 19), ["Faro 9.00 1 null"], "{file}");
    }
}

#[test]
fn rows_without_their_envelope() {
    let options = "'format' = 'json', 'changelog' = 'upsert', 'delete.field' = '__deleted',
                   'json.timestamp-format.standard' = 'ISO-8601'";
    let read = Read {
        columns: ORDERS,
        options,
        ranking: BY_CITY,
    };
    let file = "unwrapped.upsert.ndjson";
    // TRUNCATE is not written there.
    let all = [
        "Beja 8.00 1 null",
        "Faro 9.00 1 null",
        "Lisbon 14.00 1 5",
        "Porto -0.05 1 null",
        "unavailable_value",
    ];
    assert_eq!(comes_to(&read, file, 15), all);
}

#[test]
fn rows_without_a_key_and_rows_that_are_found_again() {
    let options = format!("'format' = 'debezium-json', {ISO}");
    let read = Read {
        columns: "city STRING, amount DECIMAL(12, 2)",
        options: &options,
        ranking: "SELECT city, SUM(amount) AS total, COUNT(*) AS n FROM t GROUP BY city",
    };
    let file = "keyless.ndjson";
    // Two equal rows; one of them becomes another, which ends.
    let states = [
        "Faro 2.00 1",
        "Faro 4.00 2",
        "Faro 5.00 2",
        "Faro 2.00 1",
        "Faro 2.00 1",
    ];
    for (n, state) in states.iter().enumerate() {
        assert_eq!(comes_to(&read, file, n + 1), [*state], "{n}");
    }
    let read = Read {
        columns: "id INT, at TIMESTAMP_LTZ(6), PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at",
        options: &options,
        ranking: "SELECT id, at FROM t",
    };
    let rows = [
        "1 2026-02-03T11:00:00Z",
        "2 2026-02-03T10:00:00Z",
        "3 2026-02-03T12:00:00Z",
    ];
    assert_eq!(comes_to(&read, "again.ndjson", 6), rows);
}

#[test]
fn of_each_type_a_value() {
    let options =
        format!("'format' = 'debezium-json', 'debezium-json.schema-include' = 'true', {ISO}");
    let columns = "id INT, yes BOOLEAN, i8 BIGINT, f8 DOUBLE, n52 DECIMAL(5, 2), price DECIMAL(12, 2), `day` DATE, t3 TIME(3), t6 TIME,
        ts3 TIMESTAMP(3), ts6 TIMESTAMP(6), tstz TIMESTAMP_LTZ(6), span BIGINT, b BYTES, PRIMARY KEY (id) NOT ENFORCED";
    let read = Read {
        columns,
        options: &options,
        ranking: "SELECT id, yes, i8, f8, n52, price, `day`, t3, t6, ts3, ts6, tstz, span, b FROM t",
    };
    let value = "1 true 9223372036854775807 0.1 -999.99 12.34 2026-02-03 10:05:06.123 10:05:06.123456 2026-02-03T10:05:06.123 \
        2026-02-03T10:05:06.123456 2026-02-03T08:05:06.123456Z 37091106789000 AP8=";
    let nothing = format!("2{}", " null".repeat(13));
    // What is no number and no day is no row.
    assert_eq!(
        comes_to(&read, "types-with-schemas.ndjson", 3),
        [value, &nothing, "wrong_type"]
    );
}

/// What is computed of a text that the source left out is computed of the text: also where what stands in its place cannot be.
#[test]
fn what_is_computed_of_a_text_that_did_not_change() {
    let columns = "id BIGINT, city STRING, note STRING, n AS CAST(note AS INT), PRIMARY KEY (id) NOT ENFORCED";
    let read = Read {
        columns,
        options: "'format' = 'debezium-json'",
        ranking: "SELECT city, SUM(n) AS total, COUNT(*) AS many FROM t WHERE n > 3 OR city = 'Lagos' GROUP BY city",
    };
    let row = |id: i64, city: &str, note: &str| {
        format!(r#"{{"id":{id},"city":"{city}","note":"{note}"}}"#)
    };
    let left_out = "__debezium_unavailable_value";
    let change = |op: &str, after: String| {
        format!(r#"{{"before":null,"after":{after},"op":"{op}"}}"#) + "\n"
    };
    let text = [
        change("c", row(1, "Porto", "12")),
        change("c", row(2, "Porto", "2")),
        change("c", row(3, "Faro", "7")),
        change("u", row(1, "Beja", left_out)),
        // No ranking takes it, and it is known all the same: now one does.
        change("u", row(2, "Beja", left_out)),
        change("u", row(2, "Lagos", left_out)),
        // Its value does not fit, and the row stays.
        change("u", row(3, "Beja", "seven")),
        // Nobody knows it: it never came, or ended.
        change("u", row(4, "Beja", left_out)),
        change("c", row(5, "Porto", "1")),
        r#"{"before":{"id":5},"after":null,"op":"d"}"#.to_owned() + "\n",
        change("u", row(5, "Lagos", left_out)),
    ];
    let unknown = "unavailable_value";
    let want = [
        "Beja 12 1",
        "Faro 7 1",
        "Lagos 2 1",
        "value_error",
        unknown,
        unknown,
    ];
    assert_eq!(of_text(&read, "t.ndjson", &text.concat()), want);
}
