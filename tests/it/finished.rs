//! What a run says of itself at its end: the event `finished`, and exit code 1 where all was in vain.

use std::process::Output;

use crate::support::standings;
use serde_json::Value;

const SALE: &str = r#"{"sale_id":"s1","event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","salesman_name":"Ana","amount":1}"#;

fn run(lines: &[&str], args: &[&str]) -> (Option<i32>, Value, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("in.ndjson");
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let output: Output = standings(&["run", "--queries", "queries", "--until-end"])
        .args([
            "--sink",
            "stdout",
            "--source",
            &format!("file:{}", path.display()),
        ])
        .args(args)
        .env("STANDINGS_LOG", "info")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let mut events = said
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok());
    let finished = events.rfind(|e| e["event"] == "finished");
    let error = said.lines().find(|l| l.starts_with("error: "));
    (
        output.status.code(),
        finished.unwrap_or_default(),
        error.unwrap_or_default().to_owned(),
    )
}

#[test]
fn a_run_says_what_it_did() {
    let late = SALE.replace("1769126400000", "1700000000000");
    let (code, finished, _) = run(&[SALE, SALE, &late, "{", "{}"], &[]);
    assert_eq!(code, Some(0));
    for (name, n) in [
        ("read", 5),
        ("ranked", 2),
        ("late", 1),
        ("dead", 2),
        ("filtered", 0),
    ] {
        assert_eq!(finished[name], n, "{name} in {finished}");
    }
    assert!(finished["changes"].as_u64().unwrap() >= 3, "{finished}");
    assert!(finished["seconds"].as_f64().unwrap() > 0.0, "{finished}");
    let first = finished["first_late"].as_str().unwrap();
    assert!(
        first.contains("line 3, of 2023-11-14, two years behind"),
        "{first}"
    );
    let reasons = finished["reasons"].as_str().unwrap();
    assert!(
        reasons.contains("malformed 1, first: line 4: "),
        "{reasons}"
    );
    assert!(reasons.contains("missing_field 1"), "{reasons}");
}

#[test]
fn what_was_read_in_vain_is_a_failure() {
    let (code, finished, error) = run(&["{", "no"], &[]);
    assert_eq!(code, Some(1), "{error}");
    assert_eq!(finished["dead"], 2);
    assert!(
        error.contains("none was ranked") && error.contains("malformed 2"),
        "{error}"
    );
    // Nothing read is no failure.
    assert_eq!(run(&[], &[]).0, Some(0));
    // Seconds, taken for milliseconds.
    let seconds = SALE.replace("1769126400000", "1769126400");
    let (code, finished, _) = run(&[&seconds], &[]);
    assert_eq!(code, Some(0));
    let times = finished["times"].as_str().unwrap();
    assert!(
        times.contains("1 records are of a time before 1990 or after 2100")
            && times.contains("look like seconds")
            && times.contains("2026-01-23"),
        "{times}"
    );
}

#[test]
fn a_share_ends_a_run() {
    let lines = [SALE, SALE, SALE, "{"];
    assert_eq!(run(&lines, &["--fail-on", "dead=25%,late=0%"]).0, Some(0));
    let (code, _, error) = run(&lines, &["--fail-on", "dead=24.9%"]);
    assert_eq!(code, Some(1));
    assert!(
        error.contains("of 4 records 1 were dead") && error.contains("24.9%"),
        "{error}"
    );
    let late = SALE.replace("1769126400000", "1700000000000");
    assert_eq!(run(&[SALE, &late], &["--fail-on", "late=10%"]).0, Some(1));
    assert_eq!(
        run(&lines, &["--fail-on", "dead=3"]).0,
        Some(2),
        "a share has a %"
    );
}

#[test]
fn the_report_has_every_count_of_every_table() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let queries = at("queries");
    std::fs::create_dir(&queries).unwrap();
    let sql = "CREATE TABLE orders (at TIMESTAMP_LTZ(3), city STRING, n BIGINT, WATERMARK FOR at AS at) WITH ('format' = 'json');
        CREATE TABLE visits (at TIMESTAMP_LTZ(3), city STRING, WATERMARK FOR at AS at) WITH ('format' = 'json');";
    let ranking = |name: &str, of: &str| {
        format!(
            "INSERT INTO {name} SELECT window_start, window_end, city, n, place FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY \
             window_start, window_end ORDER BY n DESC) AS place FROM (SELECT window_start, window_end, city, COUNT(*) AS n FROM \
             TABLE(TUMBLE(TABLE {of}, DESCRIPTOR(at), INTERVAL '1' HOUR)) WHERE city <> 'x' GROUP BY window_start, window_end, \
             city)) WHERE place <= 3;"
        )
    };
    let text = [
        sql.to_owned(),
        ranking("a", "orders"),
        ranking("b", "visits"),
    ]
    .join("\n");
    std::fs::write(queries.join("all.sql"), text).unwrap();
    let row = |at: &str, city: &str| format!(r#"{{"at":"{at}","city":"{city}","n":1}}"#);
    let orders = [
        row("2026-01-23T10:00:00Z", "a"),
        row("2026-01-23T10:00:01Z", "x"),
        "{".to_owned(),
    ];
    let visits = [
        row("2026-01-25T10:00:00Z", "a"),
        row("2026-01-23T10:00:00Z", "a"),
    ];
    std::fs::write(at("orders"), orders.join("\n")).unwrap();
    std::fs::write(at("visits"), visits.join("\n")).unwrap();
    let source = |table: &str| format!("{table}=file:{}", at(table).display());
    let run = |report: &str| {
        standings(&[
            "run",
            "--until-end",
            "--sink",
            "stdout",
            "--queries",
            queries.to_str().unwrap(),
        ])
        .args(["--source", &source("orders"), "--source", &source("visits")])
        .args(["--report", at(report).to_str().unwrap()])
        .output()
        .unwrap()
    };
    let output = run("report");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&std::fs::read(at("report")).unwrap()).unwrap();
    let counts = |table: &str| {
        let of = report["tables"][table].as_object().unwrap();
        let all = of.iter().filter(|(_, n)| **n != 0);
        let all: Vec<String> = all.map(|(name, n)| format!("{name} {n}")).collect();
        (of.len(), all.join(", "))
    };
    let all = |text: &str| (13, text.to_owned());
    assert_eq!(
        counts("orders"),
        all("dead_lettered 1, filtered 1, ranked 1, read 3")
    );
    assert_eq!(counts("visits"), all("late 1, ranked 1, read 2"));
    // It is written over nothing that is read.
    assert_eq!(run("orders").status.code(), Some(2));
}
