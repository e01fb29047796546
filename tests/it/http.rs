//! What a process serves on --http: rows as in the change log, events that fold to the same, metrics that add up, probes.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::support::{self, Bed, Dice, fold, http, sales, until};
use serde_json::{Map, Value};

/// Rows of a page that follows the events: by ranking, window and keys.
type Page = BTreeMap<String, Map<String, Value>>;

fn key(ranking: &str, window: &Value, row: &Map<String, Value>) -> String {
    let keys: Vec<_> = support::keys_of(ranking).iter().map(|k| &row[*k]).collect();
    format!("{ranking} {window} {keys:?}")
}

fn metric(text: &str, name: &str) -> f64 {
    let of = |line: &str| {
        let (labelled, value) = line.rsplit_once(' ')?;
        let bare = labelled.split('{').next()?;
        (bare == name).then(|| value.parse::<f64>().ok()).flatten()
    };
    text.lines().filter_map(of).sum()
}

#[test]
fn the_api_the_events_and_the_metrics_agree_with_the_change_log() {
    let bed = Bed::new("http").topic(3).changes_file().http();
    let run = bed.start(&["-w", "2"]).ready();
    let address = bed.address().to_owned();
    assert_eq!(http::get(&address, "/healthz").0, 200);
    assert_eq!(
        http::json(&address, "/api/v1/sales/city"),
        Value::Array(vec![])
    );

    // A page that follows from before the first sale.
    let follower = {
        let address = address.clone();
        std::thread::spawn(move || {
            let (mut page, mut commit, mut health) = (Page::new(), 0, 0);
            http::events(&address, "/api/v1/events", |event, data| {
                match event {
                    "snapshot" => {
                        commit = data["commit"].as_u64().unwrap();
                        assert!(
                            data["rankings"]
                                .as_array()
                                .unwrap()
                                .iter()
                                .all(|r| r["rows"] == Value::Array(vec![]))
                        );
                    }
                    "commit" => {
                        assert!(data["commit"].as_u64().unwrap() > commit);
                        commit = data["commit"].as_u64().unwrap();
                        for change in data["changes"].as_array().unwrap() {
                            let row = change["row"].as_object().unwrap();
                            let at = key(
                                change["ranking"].as_str().unwrap(),
                                &change["window_start"],
                                row,
                            );
                            if change["op"] == "delete" {
                                page.remove(&at);
                            } else {
                                let mut row = row.clone();
                                row.insert("rank".to_owned(), change["rank"].clone());
                                page.insert(at, row);
                            }
                        }
                    }
                    _ => {
                        health += 1;
                        if data["read"] == 900 && data["changes"].as_u64() > Some(0) {
                            return false;
                        }
                    }
                }
                health < 40
            });
            page
        })
    };
    let mut dice = Dice::new(11);
    let parts: Vec<_> = (0..3)
        .map(|_| sales(&mut dice, 300, 1_769_130_000_000, 20_000))
        .collect();
    bed.send(&parts);
    until("all read", Duration::from_secs(30), || {
        metric(
            &http::get(&address, "/metrics").1,
            "standings_records_read_total",
        ) == 900.0
    });
    let page = follower.join().unwrap();

    let text = http::get(&address, "/metrics").1;
    let sum = |names: &[&str]| {
        names
            .iter()
            .map(|n| metric(&text, &format!("standings_records_{n}_total")))
            .sum::<f64>()
    };
    assert_eq!(
        sum(&["read"]),
        sum(&[
            "ranked",
            "late",
            "retired",
            "dead_lettered",
            "duplicate",
            "filtered"
        ])
    );
    assert!(
        sum(&["dead_lettered"]) > 0.0 && sum(&["ranked"]) > 500.0,
        "{text}"
    );
    until(
        "the lag is known, and none",
        Duration::from_secs(10),
        || {
            let text = http::get(&address, "/metrics").1;
            text.matches("standings_source_lag_records{").count() == 3
                && metric(&text, "standings_source_lag_records") == 0.0
        },
    );
    assert!(metric(&text, "standings_read_to_commit_seconds_count") == 900.0);
    assert!(text.ends_with("# EOF\n"));

    let log = bed.read("changes");
    let (rows, _) = fold(log.lines());
    assert_eq!(
        metric(&text, "standings_rows_written_total"),
        log.lines().count() as f64
    );
    assert_eq!(page.len(), rows.len());

    // Every window of every ranking, as the API shows it.
    let mut served = 0;
    for ranking in http::json(&address, "/api/v1/rankings").as_array().unwrap() {
        let name = ranking["name"].as_str().unwrap();
        let windows = http::json(&address, &format!("/api/v1/rankings/{name}/windows"));
        for window in windows.as_array().unwrap() {
            let start = window["window_start"].as_str().unwrap();
            let path = format!("/api/v1/rankings/{name}/windows/{start}");
            for row in http::json(&address, &path).as_array().unwrap() {
                served += 1;
                let row = row.as_object().unwrap();
                let key: Vec<String> = support::keys_of(name)
                    .iter()
                    .map(|k| row[*k].as_str().unwrap().to_owned())
                    .collect();
                let (rank, measures) =
                    &rows[&(name.to_owned(), support::millis(start), key.clone())];
                assert_eq!(row["rank"], *rank);
                let shown: Vec<_> = support::measures_of(name)
                    .iter()
                    .map(|m| row[*m].clone())
                    .collect();
                assert_eq!(&shown, measures, "{name} {start} {key:?}");
                let followed = &page[&self::key(name, &window["window_start"], row)];
                assert!(followed.iter().all(|(field, value)| row[field] == *value));
            }
        }
    }
    assert_eq!(served, rows.len());

    // The two by date: the newest window by default, in rank order, as many as asked for.
    let all = http::json(&address, "/api/v1/sales/city");
    let day = &all[0]["window_start"].as_str().unwrap()[..10];
    let newest = rows
        .keys()
        .filter(|k| k.0 == "top_sales_per_city")
        .map(|k| k.1)
        .max()
        .unwrap();
    assert_eq!(
        support::millis(all[0]["window_start"].as_str().unwrap()),
        newest
    );
    let two = http::json(&address, &format!("/api/v1/sales/city?date={day}&limit=2"));
    assert_eq!(two.as_array().unwrap()[..], all.as_array().unwrap()[..2]);
    assert_eq!(two[1]["rank"], 2);
    assert_eq!(
        http::json(&address, "/api/v1/salesmen/top?date=1999-01-01"),
        Value::Array(vec![])
    );
    for bad in [
        "?date=yesterday",
        "?date=2026-02-30",
        "?limit=0",
        "?limit=x",
    ] {
        let (status, body) = http::get(&address, &format!("/api/v1/salesmen/top{bad}"));
        assert!(
            status == 400 && body.contains("\"detail\""),
            "{bad}: {status} {body}"
        );
    }
    assert_eq!(http::get(&address, "/api/v1/rankings/none/windows").0, 404);
    assert_eq!(http::get(&address, "/nothing").0, 404);

    // The page and what it loads come from the binary.
    for (path, part) in [
        ("/", "<title>Standings"),
        ("/page/stream.js", "Last-Event-ID"),
        ("/page/base.css", "--ink"),
    ] {
        let (status, body) = http::get(&address, path);
        assert!(status == 200 && body.contains(part), "{path}");
    }
    run.kill();
}

#[test]
fn a_taken_address_is_wrong_configuration() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let bed = Bed::new("http").file("sales.ndjson").sink("stdout");
    bed.write("sales.ndjson", &["{}".to_owned()]);
    let mut run = bed.start(&["--http", &address]);
    let code = run.wait(Duration::from_secs(20));
    let text = run.log();
    assert!(code == Some(2) && text.contains("--http"), "{text}");
}
