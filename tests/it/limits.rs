//! What a record and a process may take: a record beyond it goes to the dead letters with the reason, and the rest is
//! ranked; a process beyond it says so and ends.

use std::path::Path;
use std::process::Stdio;

use crate::support::kafka::block;
use crate::support::postgres::{connect, database};
use crate::support::{free_port, standings};
use serde_json::Value;

const DAY_ONE: i64 = 1_769_126_400_000; // 2026-01-23T00:00:00Z

fn sale(city: &str) -> String {
    serde_json::json!({"event_time": DAY_ONE, "city": city, "salesman_id": "S", "amount": 1})
        .to_string()
}

/// Text that does not compress: Postgres would take a key that does.
fn noise(length: usize, mut seed: u64) -> String {
    (0..length)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            char::from(b'!' + (seed >> 33) as u8 % 90)
        })
        .map(|c| if c == '"' || c == '\\' { 'q' } else { c })
        .collect()
}

/// Runs to the end; exit code, what it said, and the dead letters' reasons.
fn run(dir: &Path, lines: &[String], flags: &[&str]) -> (Option<i32>, String, Vec<String>) {
    let (sales, dead) = (dir.join("sales.ndjson"), dir.join("dead.ndjson"));
    std::fs::write(&sales, lines.join("\n")).unwrap();
    let _ = std::fs::remove_file(&dead);
    let out = standings(&["run", "--queries", "queries", "--until-end"])
        .args(["--source", &format!("file:{}", sales.display())])
        .args(["--dead-letter", &format!("file:{}", dead.display())])
        .args(flags)
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let reasons = std::fs::read_to_string(&dead)
        .unwrap_or_default()
        .lines()
        .map(|l| {
            serde_json::from_str::<Value>(l).unwrap()["reason"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    let text = String::from_utf8_lossy(&out.stderr).into_owned();
    (out.status.code(), text, reasons)
}

#[test]
fn a_key_that_postgres_cannot_index_is_a_dead_letter() {
    let dir = tempfile::tempdir().unwrap();
    let url = database();
    let (most, over) = (noise(2600 - 1, 7), noise(2600, 9));
    // salesmen per city: the salesman's one byte counts too.
    let lines = [
        sale("Porto"),
        sale(&most),
        sale(&over),
        sale(&noise(500_000, 3)),
        sale("Lisbon"),
    ];
    let (code, text, reasons) = run(
        dir.path(),
        &lines,
        &["--sink", &url, "--max-key-bytes", "2600"],
    );
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(reasons, ["key_too_large", "key_too_large"]);
    let mut cities: Vec<String> = block(async {
        let rows = connect(&url)
            .await
            .query("SELECT city FROM top_sales_per_city", &[])
            .await
            .unwrap();
        rows.iter().map(|r| r.get(0)).collect()
    });
    cities.sort();
    let mut want = vec!["Lisbon".to_owned(), "Porto".to_owned(), most];
    want.sort();
    assert_eq!(cities, want);
    // What was ranked is what `verify` finds.
    let verified = standings(&["verify", "--queries", "queries", "--all", "--sink", &url])
        .args([
            "--max-key-bytes",
            "2600",
            "--source",
            &format!("file:{}", dir.path().join("sales.ndjson").display()),
        ])
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stderr)
    );
}

#[test]
fn the_longest_key_can_be_changed_where_postgres_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let lines = [sale("Porto"), sale(&noise(2600, 9)), sale(&noise(5000, 3))];
    let changes = format!("file:{}", dir.path().join("changes").display());
    // That nothing was ranked is a failure.
    for (most, dead, ends) in [("5001", 0, 0), ("2601", 1, 0), ("5", 3, 1)] {
        let (code, text, reasons) = run(
            dir.path(),
            &lines,
            &["--sink", &changes, "--max-key-bytes", most],
        );
        assert_eq!((code, reasons.len()), (Some(ends), dead), "{most}: {text}");
    }
    // Without it every key is ranked; what Postgres cannot index is refused by it alone, which says what to do.
    let (code, text, reasons) = run(dir.path(), &lines, &["--sink", &changes]);
    assert_eq!((code, reasons.len()), (Some(0), 0), "{text}");
    let (code, text, reasons) = run(dir.path(), &lines, &["--sink", &database()]);
    assert_eq!(code, Some(0), "{text}");
    assert!(!reasons.is_empty() && reasons.iter().all(|r| r == "sink_refused"));
    assert!(text.contains("--max-key-bytes 2600"), "{text}");
}

/// However deep: what no column is made of is skipped without recursion, and what a column is made of is a wrong type.
#[test]
fn depth_is_no_danger() {
    let dir = tempfile::tempdir().unwrap();
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    let whole = sale("Porto");
    let beside = format!("{{\"x\":{},{}", deep(400_000), &whole[1..]);
    let lines = [
        beside,
        format!(
            "{{\"city\":{},\"event_time\":{DAY_ONE},\"salesman_id\":\"S\",\"amount\":1}}",
            deep(200_000)
        ),
        "[".repeat(900_000),
        "{\"x\":".repeat(150_000),
        whole,
    ];
    let changes = dir.path().join("changes");
    let (code, text, reasons) = run(
        dir.path(),
        &lines,
        &["--sink", &format!("file:{}", changes.display())],
    );
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(reasons.len(), 3, "{reasons:?}");
    let written = std::fs::read_to_string(changes).unwrap();
    assert!(
        written.contains(r#""transaction_count":2"#),
        "both of Porto are counted"
    );
}

#[test]
fn too_much_memory_ends_the_process_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..300_000)
        .map(|i| sale(&format!("a city with quite a long name, number {i}")))
        .collect();
    let changes = format!("file:{}", dir.path().join("changes").display());
    let (code, text, _) = run(
        dir.path(),
        &lines,
        &["--sink", &changes, "--max-memory-bytes", "20000000"],
    );
    assert!(
        code == Some(1) && text.contains("--max-memory-bytes"),
        "{code:?} {text}"
    );
}

/// The one line that says why it ended.
fn refusal(text: &str) -> &str {
    let errors: Vec<&str> = text.lines().filter(|l| l.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{text}");
    errors[0]
}

#[test]
fn more_keys_than_allowed_end_the_process_and_the_record_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let url = database();
    // 2,000 cities, 2,000 salesmen of a city, one salesman in the country.
    let lines: Vec<String> = (0..2_000).map(|i| sale(&format!("city {i}"))).collect();
    let with = |most: &str, more: &[&str]| {
        let flags = [&["--max-keys", most, "--sink", &url], more].concat();
        run(dir.path(), &lines, &flags)
    };
    for flags in [&["-w", "1"][..], &["-w", "2"]] {
        let (code, text, _) = with("4000", flags);
        assert_eq!(code, Some(1), "{text}");
        let said = refusal(&text);
        for word in ["4001 keys", "--max-keys (4000)", "`top_sales", "-n"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
    block(async {
        let client = connect(&url).await;
        let sql = "SELECT outcome, error, counts->>'commits', configuration->>'max_keys' FROM standings_runs";
        for row in client.query(sql, &[]).await.unwrap() {
            let text = |i: usize| row.get::<_, String>(i);
            assert_eq!((&text(0)[..], &text(3)[..]), ("failed", "4000"));
            assert!(text(1).contains("--max-keys (4000)"), "{}", text(1));
            assert_eq!(
                text(2),
                "0",
                "nothing of the epoch that was too much is committed"
            );
        }
        let rows = client.query("SELECT FROM top_sales_per_city", &[]);
        assert!(rows.await.unwrap().is_empty());
    });
    // One more is enough, and nothing was lost: the same command goes on.
    let (code, text, dead) = with("4001", &["-w", "2"]);
    assert_eq!((code, dead.len()), (Some(0), 0), "{text}");
    block(async {
        let sql = "SELECT sum(total_sales)::bigint FROM top_salesmen";
        let row = connect(&url).await.query_one(sql, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), 2_000);
    });
}

/// Whichever process it is: the record, which process 0 keeps, names the limit and the process.
#[test]
fn a_limit_broken_in_another_process_is_in_the_record() {
    let dir = tempfile::tempdir().unwrap();
    let url = database();
    let sales = dir.path().join("sales.ndjson");
    let lines: Vec<String> = (0..2_000).map(|i| sale(&format!("city {i}"))).collect();
    std::fs::write(&sales, lines.join("\n")).unwrap();
    let hosts = dir.path().join("hosts");
    let lines = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}\n"));
    std::fs::write(&hosts, lines.concat()).unwrap();
    // Process 0 reads the file; the keys are shared out.
    let start = |process: &str, most: &str| {
        standings(&["run", "--queries", "queries", "--sink", &url, "-n", "2"])
            .args(["--source", &format!("file:{}", sales.display())])
            .args(["--hosts", &hosts.display().to_string()])
            .args(["-p", process, "--max-keys", most])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let both = [start("0", "0"), start("1", "100")];
    let said = both.map(|process| {
        let out = process.wait_with_output().unwrap();
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(1), "{text}");
        refusal(&text).to_owned()
    });
    assert!(said[1].starts_with("error: this process holds"), "{said:?}");
    let want = "process 1 of the cluster failed: this process holds";
    assert!(said[0].contains(want), "{said:?}");
    let sql = "SELECT error FROM standings_runs WHERE outcome = 'failed'";
    let rows = block(async { connect(&url).await.query(sql, &[]).await.unwrap() });
    let errors: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].starts_with(want) && errors[0].contains("--max-keys (100)"),
        "{errors:?}"
    );
}

#[test]
fn more_windows_than_allowed_end_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (0..60)
        .map(|day| {
            let at = DAY_ONE + day * 86_400_000;
            sale("Porto").replace(&DAY_ONE.to_string(), &at.to_string())
        })
        .collect();
    let changes = format!("file:{}", dir.path().join("changes").display());
    // All of them open at once.
    let with = |most: &str| {
        let flags = [
            "--sink",
            &changes,
            "--out-of-orderness",
            "90d",
            "--max-windows",
            most,
        ];
        run(dir.path(), &lines, &flags)
    };
    let (code, text, _) = with("59");
    assert_eq!(code, Some(1), "{text}");
    let said = refusal(&text);
    for word in ["60 open windows", "--max-windows (59)", "`top_sales"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    for enough in ["60", "0"] {
        let (code, text, _) = with(enough);
        assert_eq!(code, Some(0), "{text}");
    }
}

/// Thirty-eight digits, and one more: no other number is written in its place.
#[test]
fn a_sum_of_more_digits_than_a_decimal_has_ends_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let queries = dir.path().join("queries");
    std::fs::create_dir(&queries).unwrap();
    let sql = |measure: &str| {
        format!(
            "CREATE TABLE debts (who STRING, owed DECIMAL(38, 0), event_time TIMESTAMP_LTZ(3));
             INSERT INTO owing SELECT window_start, window_end, who, m, n FROM (
               SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY m DESC) AS n FROM (
                 SELECT window_start, window_end, who, {measure} AS m
                 FROM TABLE(TUMBLE(TABLE debts, DESCRIPTOR(event_time), INTERVAL '1' DAY))
                 GROUP BY window_start, window_end, who)) WHERE n <= 3;"
        )
    };
    let most = "9".repeat(38);
    let debt = |owed: &str| format!(r#"{{"who":"a b","owed":"{owed}","event_time":{DAY_ONE}}}"#);
    let input = dir.path().join("debts.ndjson");
    let run = |measure: &str, debts: &[&str]| {
        std::fs::write(queries.join("q.sql"), sql(measure)).unwrap();
        let lines: Vec<String> = debts.iter().map(|d| debt(d)).collect();
        std::fs::write(&input, lines.join("\n")).unwrap();
        let out = standings(&["run", "--until-end", "--sink", "stdout", "--queries"])
            .arg(&queries)
            .args(["--source", &format!("file:{}", input.display())])
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.code(), text(&out.stdout), text(&out.stderr))
    };
    let (code, rows, _) = run("SUM(owed)", &[&most, "-1", "1"]);
    assert!(code == Some(0) && rows.contains(&most), "{rows}");
    for (measure, debts) in [
        ("SUM(owed)", &[&most[..], "1"][..]),
        ("SUM(owed)", &[&most[..], &most, &most]),
        ("AVG(owed)", &[&most[..]]),
    ] {
        let (code, rows, text) = run(measure, debts);
        assert_eq!((code, rows.as_str()), (Some(1), ""), "{text}");
        let said = refusal(&text);
        for word in ["38 digits", "`owing`", "who a b", "S1004"] {
            assert!(said.contains(word), "{word}: {said}");
        }
    }
}

/// What is in force is said once.
#[test]
fn memory_is_limited_by_default() {
    let dir = tempfile::tempdir().unwrap();
    let changes = format!("file:{}", dir.path().join("changes").display());
    let (code, text, _) = run(
        dir.path(),
        &[sale("Porto")],
        &["--sink", &changes, "--log=info", "--log-format=json"],
    );
    assert_eq!(code, Some(0), "{text}");
    let told: Vec<Value> = text
        .lines()
        .filter_map(|l| serde_json::from_str::<Value>(l).ok())
        .filter(|l| l["event"] == "limits")
        .collect();
    assert_eq!(told.len(), 1, "{text}");
    let bytes = told[0]["memory_bytes"].as_u64().unwrap();
    assert!((64 << 20..1 << 50).contains(&bytes), "{bytes}");
    let shown = standings(&["config", "show", "--", "run", "--queries", "queries"])
        .args(["--source", "file:x.ndjson", "--sink", "stdout"])
        .output()
        .unwrap();
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    let line = shown.lines().find(|l| l.contains("max-memory-bytes"));
    let here = line.and_then(|l| l.split("90%, here ").nth(1));
    let digits = here.and_then(|l| l.split(|c: char| !c.is_ascii_digit()).next());
    let here: u64 = digits
        .and_then(|d| d.parse().ok())
        .unwrap_or_else(|| panic!("{shown}"));
    // What is free is another amount a moment later.
    assert!(here.abs_diff(bytes) < bytes / 2, "{bytes}: {shown}");
}

/// 0 is no limit, or it is refused; a number that no machine has is refused everywhere.
#[test]
fn limits_mean_one_thing() {
    let run = ["check", "--", "run", "--queries", "queries"];
    let serve = ["serve", "--queries", "queries", "--from", "postgres://h/d"];
    for (before, flag, value, taken) in [
        (&run[..], "--max-key-bytes", "0", true),
        (&run, "--max-keys", "0", true),
        (&run, "--max-windows", "0", true),
        (&run, "--max-memory-bytes", "0", true),
        (&run, "--http-rate", "0", true),
        (&run, "--max-record-bytes", "0", false),
        (&run, "--in-flight-bytes", "0", false),
        (&run, "--epoch-bytes", "0", false),
        (&run, "--peer-timeout", "0s", false),
        (&serve, "--statement-timeout", "0s", false),
        (&serve, "--statement-timeout", "400000d", false),
        (&serve, "--follow-interval", "0s", false),
        (&run, "--max-key-bytes", "18446744073709551615", false),
        (&run, "--max-record-bytes", "18446744073709551615", false),
        (&run, "--in-flight-bytes", "18446744073709551615", false),
        (&run, "--epoch-bytes", "1..18446744073709551615", false),
        (&run, "--max-keys", "18446744073709551616", false),
    ] {
        let mut command = standings(before);
        if before == run {
            command.args(["--source", "file:/dev/null", "--sink", "stdout"]);
        }
        let output = command.args([flag, value]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let code = if taken { 0 } else { 2 };
        assert_eq!(output.status.code(), Some(code), "{flag} {value}: {text}");
        assert!(taken || text.contains(flag), "{flag} {value}: {text}");
    }
}
