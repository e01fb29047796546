//! Data-quality checks: against a reference that knows them on its own; in dead letters, metrics and `--fail-on`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{
    Bed, Dice, HOUR, Rows, duplicates, reference, sales, standings, until, with_repeated_ids,
};
use serde_json::Value;

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

/// Over these partitions, a file each, into `changes` and `dead`.
fn over_files(checks: &str, partitions: &[Vec<String>]) -> Bed {
    let mut bed = Bed::new("quality").checks(checks).changes_file();
    for (p, lines) in partitions.iter().enumerate() {
        let file = format!("{p}.ndjson");
        bed.write(&file, lines);
        bed = bed.file(&file);
    }
    bed.keep("--dead-letter", "dead")
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
    let mut dice = Dice::new(11);
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut first: BTreeMap<(usize, usize), &str> = BTreeMap::new();
    let (mut partitions, mut left) = (Vec::new(), Vec::new());
    for p in 0..2 {
        let lines = sales(&mut dice, 1500, 1_769_126_400_000, 40_000);
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
    let bed = over_files(CHECKS, &partitions);
    bed.to_end(&["-w", "2"]);
    assert!(bed.folded() == want.rows, "the rows");
    let letters = bed.read("dead");
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
    let (code, text) = bed.say("verify", &[]);
    assert_eq!(code, Some(0), "{text}");
    std::fs::remove_file(bed.path("queries/sales.checks.toml")).unwrap();
    let (code, text) = bed.say("verify", &[]);
    assert_eq!(code, Some(1), "{text}");
}

/// Over so many good sales, each five seconds after the other, and after them some that fail.
fn good_then_bad(good: usize, bad: usize) -> Bed {
    let line = |i: usize, amount: &str| {
        let time = 1_769_126_400_000 + 5_000 * i as i64;
        format!(
            "{{\"event_time\":{time},\"city\":\"Lisbon\",\"salesman_id\":\"S1\",\"amount\":{amount}}}"
        )
    };
    let lines: Vec<_> = (0..good + bad)
        .map(|i| line(i, if i < good { "1" } else { "99" }))
        .collect();
    let bed = Bed::new("quality").checks(CHECKS).file("sales.ndjson");
    bed.write("sales.ndjson", &lines);
    bed
}

#[test]
fn too_many_failures_end_the_run_after_what_is_right() {
    let bed = good_then_bad(10, 3).changes_file();
    let ends = |limit: &str| bed.ends(&["--fail-on", limit]);
    assert_eq!(ends("amount-range=3").0, Some(0), "as many as are allowed");
    let (code, said) = ends("amount-range=2");
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("check `amount-range` failed 3 times, and its fail-on allows 2"),
        "{said}"
    );
    let rows = bed.folded();
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
    let bed = Bed::new("quality").checks(CHECKS);
    let check = || bed.say("check", &[]);
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
    let path = bed.path("queries/sales.checks.toml");
    std::fs::write(&path, format!("{ONCE}fail-share = \"0.5%\"\n{WINDOWS}")).unwrap();
    let (code, text) = check();
    assert_eq!(code, Some(0), "{text}");
    for line in [
        "check sale-once\n  sale_id is another than that of every earlier sale of the partition within 2h; else the sale is a",
        "  an hour in which more than 0.5% of the sales fail has failed\n",
        "check volume\n  each window of 1h has 50% to 150% of the sales of the one 1d before it, if that had 10 or more\n",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
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
    // Followed, not to its end: so that the process is there to be asked.
    let bed = good_then_bad(10, 3).sink("stdout").http();
    let _run = bed.start(&[]);
    let want = [
        "standings_check_failures_total{check=\"amount-range\",action=\"dead-letter\"} 3",
        "standings_check_failures_total{check=\"named\",action=\"count\"} 13",
        "standings_check_failures_total{check=\"our-cities\",action=\"count\"} 0",
    ];
    until("the failures are counted", Duration::from_secs(20), || {
        let text = bed.metrics();
        want.iter().all(|line| text.contains(line))
    });
}

const ONCE: &str = "\
[sale-once]
column = \"sale_id\"
unique-within = \"2h\"
action = \"dead-letter\"

[busy-salesman]
column = \"salesman_id\"
unique-within = \"1m\"
";

/// Partitions of sales with repeated ids, and what is left of them for the reference, to which a duplicate is no sale.
fn repeated(seed: u64, partitions: usize, n: usize) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let mut dice = Dice::new(seed);
    let (mut all, mut left) = (Vec::new(), Vec::new());
    for _ in 0..partitions {
        let mut lines = sales(&mut dice, n, 1_769_126_400_000, 120_000);
        with_repeated_ids(&mut dice, &mut lines);
        let mut kept = lines.clone();
        for offset in duplicates(&lines, 2 * HOUR, 60_000) {
            kept[offset] = "{".to_owned();
        }
        all.push(lines);
        left.push(kept);
    }
    (all, left)
}

/// Partition and offset of the dead letters with this reason.
fn places(letters: &str, reason: &str) -> Vec<(u64, u64)> {
    let letters = letters.lines().map(|l| serde_json::from_str(l).unwrap());
    let mut found: Vec<(u64, u64)> = letters
        .filter(|letter: &Value| letter["reason"] == reason)
        .map(|letter| {
            assert_eq!(letter["check"], "sale-once", "{letter}");
            let place = |name: &str| letter[name].as_u64().unwrap();
            (place("partition"), place("offset"))
        })
        .collect();
    found.sort_unstable();
    found
}

/// Where a duplicate must be.
fn expected(partitions: &[Vec<String>]) -> Vec<(u64, u64)> {
    let of = |(p, lines): (u64, &Vec<String>)| {
        let found = duplicates(lines, 2 * HOUR, 60_000).into_iter();
        found.map(|o| (p, o as u64)).collect::<Vec<_>>()
    };
    (0..).zip(partitions).flat_map(of).collect()
}

#[test]
fn duplicates_of_a_file_are_refused_and_those_of_another_are_not() {
    let (partitions, left) = repeated(21, 2, 1200);
    // Both files have the same ids: across them none is a duplicate.
    let bed = over_files(ONCE, &partitions);
    bed.to_end(&["-w", "2"]);
    let want = reference(&left, 60_000, HOUR);
    assert!(bed.folded() == want.rows, "the rows");
    let letters = bed.read("dead");
    let found = expected(&partitions);
    assert!(found.len() > 100, "{}", found.len());
    assert_eq!(places(&letters, "duplicate"), found);
    assert_eq!(letters.lines().count() as u64, want.dead);
    assert!(
        letters.contains("as of an earlier sale within 2h"),
        "{letters:.500}"
    );
    // What says the same by itself agrees.
    let (code, text) = bed.say("verify", &[]);
    assert_eq!(code, Some(0), "{text}");
    // A duplicate that was not mended is not sent again.
    let output = standings(&[
        "dead-letter",
        "replay",
        "--from",
        &bed.url("dead"),
        "--reason",
        "duplicate",
    ])
    .args(["--to", &bed.url("again"), "--dry-run", "--queries"])
    .arg(bed.path("queries"))
    .arg("--progress")
    .arg(bed.path("progress"))
    .output()
    .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        said.contains("it is as it was, and would be one again"),
        "{said}"
    );
    assert!(said.contains("0 would be sent"), "{said}");
}

#[test]
fn a_restart_knows_the_ids_that_came_before_it() {
    let (partitions, left) = repeated(22, 2, 900);
    let bed = over_files(ONCE, &partitions).state();
    // A part of the files, with a snapshot at its end; then some more of it.
    for (step, share) in [300, 301, 620].into_iter().enumerate() {
        for (p, lines) in partitions.iter().enumerate() {
            bed.write(&format!("{p}.ndjson"), &lines[..share]);
        }
        let workers = ["1", "3", "2"][step];
        let run = bed.start(&["-w", workers, "--snapshot-interval", "50ms"]);
        let offsets = format!("\"offsets\":{{\"0\":{share},\"1\":{share}}}");
        bed.snapshot_with(&[&offsets, "\"ids_from\":{\"0\":"]);
        run.kill();
    }
    for (p, lines) in partitions.iter().enumerate() {
        bed.write(&format!("{p}.ndjson"), lines);
    }
    bed.to_end(&["-w", "2"]);
    assert_eq!(
        places(&bed.read("dead"), "duplicate"),
        expected(&partitions)
    );
    let want = reference(&left, 60_000, HOUR);
    let day = |rows| of_day(rows, 1_769_126_400_000);
    assert!(day(want.rows.clone()).len() > 20);
    assert!(day(bed.folded()) == day(want.rows), "the rows");
}

/// Rows of a day's rankings: a change log that begins with a snapshot has no window that was dropped before it.
fn of_day(mut rows: Rows, start: i64) -> Rows {
    rows.retain(|at, _| at.0 != "top_salesmen_per_city" && at.1 == start);
    rows
}

const WINDOWS: &str = "\
[volume]
volume-of = \"1h\"
against = \"1d\"
min-share = \"50%\"
max-share = \"150%\"
min-sales = 10

[amount-range]
column = \"amount\"
max = 15
fail-share = \"10%\"
";

/// Sales by hour: how many, and how many of them have too large an amount.
fn by_hour(hours: &[(i64, usize, usize)]) -> Vec<String> {
    let line = |time: i64, amount: u32| {
        format!(
            "{{\"event_time\":{time},\"city\":\"Lisbon\",\"salesman_id\":\"S1\",\"amount\":{amount}}}"
        )
    };
    let of = |(hour, all, bad): &(i64, usize, usize)| {
        let start = 1_769_126_400_000 + hour * HOUR;
        let lines =
            (0..*all).map(|i| line(start + i as i64 * 1_000, if i < *bad { 99 } else { 1 }));
        lines.collect::<Vec<_>>()
    };
    hours.iter().flat_map(of).collect()
}

#[test]
fn windows_that_fail_are_told_also_after_a_restart() {
    let bed = Bed::new("quality").checks(WINDOWS).file("sales.ndjson");
    let bed = bed.changes_file().state();
    // Hour 2 has as many as it may; of hour 25 one part comes before the restart.
    let first = by_hour(&[
        (0, 20, 0),
        (1, 20, 5),
        (2, 20, 2),
        (3, 4, 0),
        (24, 20, 0),
        (25, 4, 1),
    ]);
    let rest = by_hour(&[(25, 3, 0), (26, 31, 0), (27, 1, 0), (29, 10, 0)]);
    bed.write("sales.ndjson", &first);
    let run = bed.start(&["--snapshot-interval", "50ms"]);
    // One from before the windows of what was read were judged has these judged again, and told: what is told then is told at least once.
    let offsets = format!("\"offsets\":{{\"0\":{}}}", first.len());
    bed.snapshot_with(&[&offsets, "\"judged_to\":1"]);
    let before = run.kill();
    let told = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|l| l.contains("window_check_failed"));
        let names = ["check", "window_start", "sales", "failed", "earlier"];
        let one = |line: &str| {
            let line: Value = serde_json::from_str(line).unwrap();
            names
                .map(|name| line[name].to_string().replace('"', ""))
                .join(" ")
        };
        lines.map(one).collect()
    };
    assert_eq!(
        told(&before),
        ["amount-range 2026-01-23T01:00:00Z 20 5 null"],
        "{before}"
    );

    let mut all = first.clone();
    all.extend(rest);
    bed.write("sales.ndjson", &all);
    let (code, said) = bed.ends(&["--fail-on", "volume=window"]);
    assert_eq!(
        told(&said),
        [
            "volume 2026-01-24T01:00:00Z 7 0 20",
            "amount-range 2026-01-24T01:00:00Z 7 1 null",
            "volume 2026-01-24T02:00:00Z 31 0 20",
        ],
        "{said}"
    );
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("check `volume` failed in the window that starts at 2026-01-24T01:00:00Z: it has 7 sales, and the one before it had 20"),
        "{said}"
    );
    let rows = bed.folded();
    let want = reference(&[all], 60_000, HOUR).rows;
    for start in [1_769_126_400_000, 1_769_212_800_000] {
        let (rows, want) = (of_day(rows.clone(), start), of_day(want.clone(), start));
        assert!(rows == want && !rows.is_empty(), "as without checks");
    }
}

#[test]
fn windows_are_in_the_metrics() {
    let bed = Bed::new("quality").checks(WINDOWS).file("sales.ndjson");
    let bed = bed.sink("stdout").http();
    bed.write(
        "sales.ndjson",
        &by_hour(&[(0, 20, 5), (1, 20, 1), (24, 5, 0), (25, 25, 0), (27, 1, 0)]),
    );
    let _run = bed.start(&[]);
    let want = [
        "standings_window_checks_total{check=\"amount-range\",outcome=\"passed\"} 3",
        "standings_window_checks_total{check=\"amount-range\",outcome=\"failed\"} 1",
        "standings_window_checks_total{check=\"amount-range\",outcome=\"unknown\"} 0",
        "standings_window_check_failed_share{check=\"amount-range\"} 0.0",
        "standings_window_checks_total{check=\"volume\",outcome=\"passed\"} 1",
        "standings_window_checks_total{check=\"volume\",outcome=\"failed\"} 1",
        "standings_window_checks_total{check=\"volume\",outcome=\"unknown\"} 2",
        "standings_window_check_volume_share{check=\"volume\"} 1.25",
        "standings_records_duplicate_total{partition=\"0\"} 0",
    ];
    until("the windows are counted", Duration::from_secs(20), || {
        let text = bed.metrics();
        want.iter().all(|line| text.contains(line))
    });
}
