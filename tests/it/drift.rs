//! Fields of JSON records that come, go or change their type are an event and a metric, once each.

use serde_json::Value;

use crate::support::standings;

#[test]
fn fields_that_come_and_go_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let queries = at("queries");
    std::fs::create_dir(&queries).unwrap();
    let sql = "CREATE TABLE orders (at TIMESTAMP_LTZ(3), city STRING, amount DECIMAL(10, 2)) WITH ('format' = 'json');
        INSERT INTO cities SELECT window_start, window_end, city, n, place FROM (
          SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS place FROM (
            SELECT window_start, window_end, city, COUNT(*) AS n
            FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(event_time), INTERVAL '1' DAY))
            GROUP BY window_start, window_end, city)) WHERE place <= 3;";
    let sql = sql.replace("(at TIMESTAMP_LTZ(3)", "(event_time TIMESTAMP_LTZ(3)");
    std::fs::write(queries.join("all.sql"), sql).unwrap();
    let usual = r#"{"event_time":"2026-01-23T10:00:00Z","city":"Porto","amount":"1.50","note":"what is there from the begin is no drift"}"#;
    let other = r#"{"event_time":"2026-01-23T10:00:00Z","city":"Porto","shop":"a field that no column takes, and none for the amount"}"#;
    let lines = std::iter::repeat_n(usual, 20_000).chain(std::iter::repeat_n(other, 30_000));
    std::fs::write(at("orders.ndjson"), lines.collect::<Vec<_>>().join("\n")).unwrap();
    let output = standings(&[
        "run",
        "--until-end",
        "-w",
        "2",
        "--sink",
        "stdout",
        "--queries",
        queries.to_str().unwrap(),
    ])
    .args([
        "--source",
        &format!("file:{}", at("orders.ndjson").display()),
    ])
    .output()
    .unwrap();
    let log = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{log}");
    let events = log
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok());
    let told = events.filter(|e| e["event"] == "schema_drift");
    let told: Vec<String> = told
        .map(|e| format!("{} {} {}", e["table"], e["kind"], e["column"]))
        .collect();
    assert_eq!(
        told,
        [
            r#""orders" "added" "shop""#,
            r#""orders" "dropped" "amount""#
        ]
    );
}
