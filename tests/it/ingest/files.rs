//! Files into a topic.

use std::process::Stdio;
use std::time::Duration;

use super::{Room, names, terminate, words};
use crate::support::{Running, free_port, http, standings, until};

const CSV: &str = r#"
[sources.NAME]
type = "files"
path = "DIR/in"
format = "csv"
settle = "50ms"
topic = "TOPIC"
key = ["id"]
[sources.NAME.options]
"csv.field-delimiter" = ";"
[sources.NAME.types]
n = "BIGINT"
"#;

#[test]
fn a_folder_is_taken_once_row_by_row() {
    let room = Room::new("ingest_csv", CSV);
    room.write("b.csv", "id;n;amount\n007;9007199254740993;1.50\n8;2;\n");
    room.write("a.csv", "id;n;amount\n1;x;\"a \"\"b\"\"\"\n;3;1\n2;1\n");
    room.write("sub/c.csv", "id;n;amount\nc;1;1\n");
    room.write("bad.csv", "PAR1 is no text");
    room.once_well();
    let records = room.records();
    let values: Vec<&str> = records.iter().map(|r| r.value.as_str()).collect();
    assert_eq!(
        values,
        [
            // What is no number of its type stays a text.
            r#"{"id":"1","n":"x","amount":"a \"b\""}"#,
            r#"{"id":"007","n":9007199254740993,"amount":"1.50"}"#,
            r#"{"id":"8","n":2,"amount":null}"#,
            r#"{"id":"c","n":1,"amount":"1"}"#,
        ]
    );
    assert_eq!(records[1].key.as_deref(), Some(r#"{"id":"007"}"#));
    assert_eq!(records[1].header("source"), room.topic);
    assert_eq!(records[1].header("position"), "b.csv:0");
    assert!(
        records[1].header("read_at").ends_with('Z'),
        "{:?}",
        records[1]
    );
    let letters = room.letters();
    let reasons: Vec<(&str, &str)> = letters
        .iter()
        .map(|l| {
            (
                l["position"].as_str().unwrap(),
                l["reason"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        reasons,
        [
            ("a.csv:1", "no_key"),
            ("a.csv:2", "malformed"),
            ("bad.csv:0", "file")
        ]
    );
    assert_eq!(letters[1]["record"], "2;1");
    assert_eq!(names(&room.path("in/done")), ["a.csv", "b.csv", "sub"]);
    assert_eq!(names(&room.path("in/done/sub")), ["c.csv"]);
    assert_eq!(names(&room.path("in/failed")), ["bad.csv"]);
    let cursor = room.cursor(&room.topic);
    assert_eq!(cursor["format"], 1);
    assert_eq!(cursor["generation"], 1);
    assert!(
        cursor["fingerprint"].as_str().unwrap().len() == 32 && cursor["cursor"].is_object(),
        "{cursor}"
    );
    // Again: nothing is new.
    room.once_well();
    assert_eq!(room.records(), records);
    assert_eq!(room.cursor(&room.topic)["generation"], 2);
}

#[test]
fn the_same_name_with_other_content_says_so_or_is_a_new_file() {
    let room = Room::new("ingest_again", CSV);
    room.write("a.csv", "id;n\n1;1\n");
    room.once_well();
    // The same once more is the same; it goes, and its name in done/ is taken by itself.
    room.write("a.csv", "id;n\n1;1\n");
    room.once_well();
    assert_eq!(
        (room.records().len(), names(&room.path("in/done")).len()),
        (1, 1)
    );
    room.write("a.csv", "id;n\n2;2\n");
    let output = room.once();
    let said = words(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`a.csv` was taken before, with other content") && said.contains("S1202"),
        "{said}"
    );
    assert_eq!(room.records().len(), 1);
    room.configure(&CSV.replace("settle", "changed = \"new\"\nsettle"));
    room.once_well();
    assert_eq!(room.records().len(), 2);
    let done = names(&room.path("in/done"));
    assert!(
        done.len() == 2 && done.iter().any(|n| n.ends_with("-a.csv")),
        "{done:?}"
    );
}

#[test]
fn kept_deleted_and_marked() {
    let room = Room::new(
        "ingest_keep",
        &CSV.replace("settle", "after = \"keep\"\nmarker = \".ok\"\nsettle"),
    );
    room.write("a.csv", "id;n\n1;1\n");
    room.write("b.csv", "id;n\n2;2\n");
    room.write("a.csv.ok", "");
    let mut running = room.start(&[]);
    let topic_has = |n: usize| {
        until("rows", Duration::from_secs(30), || {
            std::panic::catch_unwind(|| room.records().len()).unwrap_or(0) == n
        });
    };
    topic_has(1);
    room.write("b.csv.ok", "");
    topic_has(2);
    assert_eq!(terminate(&mut running.0), 0);
    assert_eq!(
        names(&room.path("in")),
        ["a.csv", "a.csv.ok", "b.csv", "b.csv.ok"]
    );
    room.configure(&CSV.replace("settle", "after = \"delete\"\nsettle"));
    room.write("c.csv", "id;n\n3;3\n");
    room.once_well();
    assert_eq!(room.records().len(), 3);
    // What was taken before goes too, now that files go; a marker is a file as any other now, of no rows.
    assert_eq!(names(&room.path("in")), Vec::<String>::new());
}

#[test]
fn json_parquet_and_avro_bring_exact_numbers() {
    let room = Room::new(
        "ingest_kinds",
        "[sources.NAME]\ntype = \"files\"\npath = \"DIR/in\"\nsettle = \"0s\"\ntopic = \"TOPIC\"\nraw = \"DIR/raw\"\n",
    );
    room.write(
        "a.ndjson",
        "{\"n\":12345678901234567890.10}\n[1]\n{\"n\":1e400}\n",
    );
    room.write("b.json", "[{\"n\":1},\n {\"n\":2}]");
    room.write(
        "c.avro",
        std::fs::read("tests/fixtures/avro/sales.snappy.avro").unwrap(),
    );
    room.write(
        "d.parquet",
        std::fs::read("tests/fixtures/parquet/lz4.parquet").unwrap(),
    );
    room.once_well();
    let values: Vec<String> = room.records().into_iter().map(|r| r.value).collect();
    assert_eq!(
        values[..4],
        [
            r#"{"n":12345678901234567890.10}"#,
            r#"{"n":1e400}"#,
            r#"{"n":1}"#,
            r#"{"n":2}"#
        ]
    );
    assert_eq!(room.letters()[0]["position"], "a.ndjson:1");
    // As they came, by date.
    let days = names(&room.path("raw").join(&room.topic));
    assert_eq!(days.len(), 1, "{days:?}");
    let kept = names(&room.path("raw").join(&room.topic).join(&days[0]));
    assert!(kept.iter().any(|n| n.ends_with("-a.ndjson")), "{kept:?}");
}

#[test]
fn a_column_that_is_mapped_and_gone_stops_the_source_with_its_name() {
    let room = Room::new("ingest_drift", CSV);
    room.write("a.csv", "id;n\n1;1\n");
    room.once_well();
    room.write("b.csv", "id;n;new\n2;2;x\n");
    room.once_well();
    assert_eq!(
        room.records()[1].value,
        r#"{"id":"2","n":2,"new":"x"}"#,
        "a new column is passed on"
    );
    room.write("c.csv", "ID;n\n3;3\n");
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let running = room.start(&["--http", &address]);
    until("it is broken, and says so", Duration::from_secs(30), || {
        http::request("GET", &address, "/readyz", "").is_ok_and(|(status, body)| {
            status == 503 && body.contains("broken(") && body.contains("`id`")
        })
    });
    let sources = http::json(&address, "/api/v1/sources");
    let source = &sources["sources"][0];
    assert_eq!(
        (source["state"].as_str(), source["name"].as_str()),
        (Some("broken"), Some(&*room.topic))
    );
    assert!(
        source["reason"].as_str().unwrap().contains("c.csv"),
        "{source}"
    );
    let (_, metrics) = http::get(&address, "/metrics");
    assert!(
        metrics.contains(&format!(
            "standings_ingest_state{{source=\"{}\",state=\"broken\"}} 1",
            room.topic
        )),
        "{metrics}"
    );
    // The page of another process tells the same, as long as it is told.
    let page = format!("127.0.0.1:{}", free_port());
    let from = format!("http://{address}");
    let mut demo = standings(&["demo", "--for", "2m", "--rate", "1", "--http", &page]);
    demo.args(["--http-sources", &from]).stdout(Stdio::null());
    let _demo = Running(demo.spawn().unwrap());
    until("the page answers", Duration::from_secs(30), || {
        http::request("GET", &page, "/healthz", "").is_ok_and(|(status, _)| status == 200)
    });
    let passed_on = http::json(&page, "/api/v1/sources");
    assert_eq!(passed_on["sources"][0]["name"], source["name"]);
    assert_eq!(passed_on["sources"][0]["reason"], source["reason"]);
    drop(running);
    let (status, body) = http::get(&page, "/api/v1/sources");
    assert!(
        status == 503 && body.contains("ingestion at ") && body.contains("does not answer"),
        "{status}: {body}"
    );
    assert_eq!(room.records().len(), 2);
}
