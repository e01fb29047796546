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
    assert!(first.contains("offset 2, of 2023-11-14"), "{first}");
    let reasons = finished["reasons"].as_str().unwrap();
    assert!(
        reasons.contains("malformed 1, first: partition 0, offset 3"),
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
        times.contains("look like seconds") && times.contains("2026-01-23"),
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
