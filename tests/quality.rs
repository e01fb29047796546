//! Data-quality checks: against a reference that knows them on its own; in dead letters, metrics and `--fail-on`.

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use support::{Dice, fold, reference, run, sales, standings, until};

const CHECKS: &str = "\
[amount-range]
column = \"amount\"
min = -1.00
max = 15
action = \"dead-letter\"

[known-salesman]
column = \"salesman_id\"
pattern = \"S[0-9]|S1[0-9]\"
action = \"dead-letter\"

[short-city]
column = \"city\"
max-length = 6
action = \"dead-letter\"

[named]
column = \"salesman_name\"
not-null = true

[our-cities]
column = \"city\"
allowed = [\"Lisbon\", \"Porto\", \"Zürich\", \"東京\"]

[never]
column = \"city\"
allowed = [\"Atlantis\"]
action = \"pass\"
";

/// The shipped queries and some checks.
fn queries(dir: &Path, checks: &str) -> String {
    let folder = dir.join("queries");
    std::fs::create_dir(&folder).unwrap();
    for entry in std::fs::read_dir("queries").unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    std::fs::write(folder.join("sales.checks.toml"), checks).unwrap();
    folder.display().to_string()
}

/// The checks that a sale fails, in the order of [`CHECKS`], by other means than the engine's.
fn failed(line: &str) -> Vec<&'static str> {
    let Ok(sale) = serde_json::from_str::<Value>(line) else {
        return Vec::new();
    };
    let mut failed = Vec::new();
    let amount = match &sale["amount"] {
        Value::String(text) => text.parse::<f64>().unwrap(),
        number => number.as_f64().unwrap(),
    };
    let cents = (amount * 100.0).round() as i64;
    if !(-100..=1500).contains(&cents) {
        failed.push("amount-range");
    }
    let salesman = sale["salesman_id"].as_str().unwrap();
    if salesman[1..].parse::<u32>().unwrap() >= 20 {
        failed.push("known-salesman");
    }
    let city = sale["city"].as_str().unwrap();
    if city.chars().count() > 6 {
        failed.push("short-city");
    }
    if sale["salesman_name"].is_null() {
        failed.push("named");
    }
    if !["Lisbon", "Porto", "Zürich", "東京"].contains(&city) {
        failed.push("our-cities");
    }
    failed
}

fn is_dead(check: &str) -> bool {
    ["amount-range", "known-salesman", "short-city"].contains(&check)
}

#[test]
fn rankings_dead_letters_and_counts_are_the_reference_s() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let queries = queries(dir.path(), CHECKS);
    let mut dice = Dice::new(11);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut first: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    let (mut partitions, mut left) = (Vec::new(), Vec::new());
    let mut args = vec!["--queries".to_owned(), queries.clone()];
    for p in 0..2 {
        let lines = sales(&mut dice, 1500, 1_769_126_400_000, 40_000);
        let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
        std::fs::write(at(&format!("{p}.ndjson")), text).unwrap();
        args.extend([
            "--source".to_owned(),
            format!("file:{}", at(&format!("{p}.ndjson"))),
        ]);
        // What fails is to the reference what is no sale.
        let mut kept = lines.clone();
        for (o, line) in lines.iter().enumerate() {
            if reference(&[vec![line.clone()]], 0, 0).dead > 0 {
                continue;
            }
            let found = failed(line);
            found
                .iter()
                .for_each(|check| *counts.entry(check).or_default() += 1);
            if let Some(check) = found.into_iter().find(|check| is_dead(check)) {
                first.insert((p, o), check);
                kept[o] = "{".to_owned();
            }
        }
        partitions.push(lines);
        left.push(kept);
    }
    assert!(
        counts.len() == 5 && counts.values().all(|n| *n > 50),
        "{counts:?}"
    );
    let want = reference(&left, 60_000, 3_600_000);
    let (sink, dead) = (
        format!("file:{}", at("changes")),
        format!("file:{}", at("dead")),
    );
    let mut whole = vec![
        "run",
        "-w",
        "2",
        "--until-end",
        "--sink",
        &sink,
        "--dead-letter",
        &dead,
    ];
    whole.extend(args.iter().map(String::as_str));
    run(&whole);

    let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    let changes = read("changes");
    assert!(fold(changes.lines()).0 == want.rows, "the rows");
    let letters = read("dead");
    assert_eq!(letters.lines().count() as u64, want.dead);
    let mut checked = 0;
    for letter in letters.lines() {
        let letter: Value = serde_json::from_str(letter).unwrap();
        let place = |name: &str| letter[name].as_u64().unwrap() as usize;
        let (p, o) = (place("partition"), place("offset"));
        assert_eq!(letter["record"], partitions[p][o], "the original bytes");
        match first.get(&(p, o)) {
            Some(check) => {
                checked += 1;
                assert_eq!(
                    (&letter["reason"], &letter["check"]),
                    (&"check".into(), &(*check).into())
                );
                assert!(
                    letter["detail"].as_str().unwrap().contains("must be"),
                    "{letter}"
                );
            }
            None => assert!(
                letter["check"].is_null() && letter["reason"] != "check",
                "{letter}"
            ),
        }
    }
    assert_eq!(checked, first.len());

    // `verify` asks the same; without the checks it sees other rankings.
    let mut verify = vec!["verify", "--sink", &sink];
    verify.extend(args.iter().map(String::as_str));
    run(&verify);
    std::fs::remove_file(Path::new(&queries).join("sales.checks.toml")).unwrap();
    let output = standings(&verify).output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// So many good sales, each five seconds after the other, and after them one that fails.
fn good_then_bad(path: &str, good: usize, bad: usize) {
    let line = |i: usize, amount: &str| {
        let time = 1_769_126_400_000 + 5_000 * i as i64;
        format!(
            "{{\"event_time\":{time},\"city\":\"Lisbon\",\"salesman_id\":\"S1\",\"amount\":{amount}}}\n"
        )
    };
    let text: String = (0..good + bad)
        .map(|i| line(i, if i < good { "1" } else { "99" }))
        .collect();
    std::fs::write(path, text).unwrap();
}

#[test]
fn too_many_failures_end_the_run_after_what_is_right() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let queries = queries(dir.path(), CHECKS);
    good_then_bad(&at("sales.ndjson"), 10, 3);
    let (source, sink) = (
        format!("file:{}", at("sales.ndjson")),
        format!("file:{}", at("changes")),
    );
    let args = [
        "run",
        "--queries",
        &queries,
        "--source",
        &source,
        "--sink",
        &sink,
        "--until-end",
    ];
    let ends = |limit: &str| {
        let output = standings(&args)
            .args(["--fail-on", limit])
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert_eq!(ends("amount-range=3").0, Some(0), "as many as are allowed");
    let (code, said) = ends("amount-range=2");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("check `amount-range` failed 3 times, and its fail-on allows 2"),
        "{said}"
    );
    let changes = std::fs::read_to_string(at("changes")).unwrap();
    let rows = fold(changes.lines()).0;
    let city = rows
        .iter()
        .find(|(at, _)| at.0 == "top_sales_per_city")
        .unwrap();
    assert_eq!(
        city.1.1[..2],
        [Value::from("10.00"), Value::from(10)],
        "{rows:?}"
    );

    let (code, said) = ends("amount=2");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("there is no check `amount`; declared are amount-range, known-salesman"),
        "{said}"
    );
}

#[test]
fn checks_are_explained_and_refused_with_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let folder = queries(dir.path(), CHECKS);
    let check = || {
        let output = standings(&["check", "--queries", &folder])
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        (output.status.code(), text)
    };
    let (code, text) = check();
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "check amount-range\n  amount is -1.00 to 15.00; else the sale is a dead letter",
        "  salesman_id is of the form S[0-9]|S1[0-9]; else",
        "  salesman_name is there; else it is counted",
        "  city is one of Atlantis; not asked (action pass)",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    let path = Path::new(&folder).join("sales.checks.toml");
    std::fs::write(&path, "[a]\ncolumn = \"town\"\nnot-null = true\n").unwrap();
    let (code, text) = check();
    assert_eq!(code, Some(2), "{text}");
    let expected = format!(
        "{}:2: a: there is no column `town`; allowed are sale_id, event_time, city",
        path.display()
    );
    assert!(text.contains(&expected), "{text}");
}

#[test]
fn metrics_count_the_failures() {
    let dir = tempfile::tempdir().unwrap();
    let queries = queries(dir.path(), CHECKS);
    let sales = dir.path().join("sales.ndjson").display().to_string();
    good_then_bad(&sales, 10, 3);
    // Followed, not to its end: so that the process is there to be asked.
    let port = support::free_port();
    let address = format!("127.0.0.1:{port}");
    let args = [
        "run",
        "--queries",
        &queries,
        "--source",
        &format!("file:{sales}"),
        "--sink",
        "stdout",
        "--http",
        &address,
    ];
    let mut command = standings(&args);
    let _running = support::Running(command.stdout(std::process::Stdio::null()).spawn().unwrap());
    let metrics = || {
        support::http::request("GET", &address, "/metrics", "")
            .map_or_else(|_| String::new(), |(_, text)| text)
    };
    let want = [
        "standings_check_failures_total{check=\"amount-range\",action=\"dead-letter\"} 3",
        "standings_check_failures_total{check=\"named\",action=\"count\"} 13",
        "standings_check_failures_total{check=\"our-cities\",action=\"count\"} 0",
    ];
    until("the failures are counted", Duration::from_secs(20), || {
        let text = metrics();
        want.iter().all(|line| text.contains(line))
    });
}
