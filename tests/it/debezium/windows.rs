//! A text that Debezium left out, where rankings have windows of different lengths: by hand. Nothing has to run for it.

use crate::support::standings;

const QUERIES: &str = "CREATE TABLE t (id BIGINT, at TIMESTAMP(3) NOT NULL, city STRING, note STRING,
      PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at) WITH ('connector' = 'kafka', 'format' = 'debezium-json');
    INSERT INTO by_hour SELECT * FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, city) AS place FROM (
        SELECT window_start, window_end, city, COUNT(*) AS n FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '1' HOUR))
        WHERE city = 'Porto' GROUP BY window_start, window_end, city)) WHERE place <= 9;
    INSERT INTO by_day SELECT * FROM (
      SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC, city) AS place FROM (
        SELECT window_start, window_end, city, COUNT(*) AS n, SUM(CHAR_LENGTH(note)) AS written
        FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '1' DAY))
        WHERE city = 'Lagos' GROUP BY window_start, window_end, city)) WHERE place <= 9;";

/// A change of a row of a time of the day.
fn change(op: &str, id: u32, at: &str, city: &str, note: &str) -> String {
    let after =
        format!(r#"{{"id":{id},"at":"2026-02-03T{at}:00Z","city":"{city}","note":"{note}"}}"#);
    format!(r#"{{"before":null,"after":{after},"op":"{op}"}}"#) + "\n"
}

/// What is counted in the day's ranking, in the end, and what was refused.
fn by_day(records: &[String]) -> (Vec<(u64, u64)>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let url = |name: &str| format!("file:{}", path(name).display());
    std::fs::create_dir(path("queries")).unwrap();
    std::fs::write(path("queries/r.sql"), QUERIES).unwrap();
    std::fs::write(path("t.ndjson"), records.concat()).unwrap();
    let mut run = standings(&["run", "--until-end", "--allowed-lateness", "0s"]);
    run.args(["--out-of-orderness", "0s", "--queries"]);
    run.arg(path("queries"));
    run.args(["--source-override", &format!("t={}", url("t.ndjson"))]);
    run.args(["--sink", &url("changes"), "--dead-letter", &url("dead")]);
    let done = run.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
    let json = |name: &str| -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(path(name)).unwrap_or_default();
        text.lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect()
    };
    let of_day = json("changes")
        .into_iter()
        .filter(|c| c["ranking"] == "by_day");
    let rows = of_day.map(|c| {
        let cell = |name: &str| c["row"][name].as_u64().unwrap();
        (cell("n"), cell("written"))
    });
    let letters = json("dead").into_iter();
    let reasons = letters.map(|l| l["reason"].as_str().unwrap().to_owned());
    (rows.collect(), reasons.collect())
}

/// The hour in which the row was counted is over; the day, whose ranking takes what the row becomes, is not.
#[test]
fn a_row_is_known_as_long_as_any_window_of_its_time_can_change() {
    let left_out = "__debezium_unavailable_value";
    let mut records = vec![
        change("c", 1, "00:10", "Porto", "twelve"),
        change("c", 2, "03:00", "Faro", "x"),
    ];
    // Many more, so that rows are let go meanwhile.
    records.extend((10..4010).map(|id| change("c", id, "03:01", "Porto", "y")));
    records.push(change("u", 1, "00:10", "Lagos", left_out));
    let (rows, refused) = by_day(&records);
    assert_eq!(refused, Vec::<String>::new());
    assert_eq!(rows.last(), Some(&(1, 6)));
    // The day is over too: nobody knows the text any more, and no window would take it.
    let end = records.len() - 1;
    records.insert(end, change("c", 3, "23:59", "Porto", "z"));
    let next_day = change("c", 4, "00:01", "Porto", "z").replace("02-03", "02-04");
    records.insert(end + 1, next_day);
    let (rows, refused) = by_day(&records);
    assert_eq!(refused, ["unavailable_value"]);
    assert_eq!(rows, []);
}
