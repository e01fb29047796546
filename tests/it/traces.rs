//! Traces as an OTLP receiver gets them.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use crate::support::receiver::Receiver;
use crate::support::{self, Bed, Dice, sales, until};
use serde_json::Value;

fn attributes(of: &Value) -> BTreeMap<String, String> {
    let pair = |a: &Value| {
        let value = a["value"].as_object().unwrap().values().next().unwrap();
        (
            a["key"].as_str().unwrap().to_owned(),
            value.as_str().unwrap().to_owned(),
        )
    };
    of["attributes"]
        .as_array()
        .unwrap()
        .iter()
        .map(pair)
        .collect()
}

fn spans(receiver: &Receiver) -> Vec<Value> {
    let mut all = Vec::new();
    for request in receiver.posted() {
        assert_eq!(request.path, "/v1/traces");
        for resource in request.body["resourceSpans"].as_array().unwrap() {
            let about = attributes(&resource["resource"]);
            assert_eq!(about["service.name"], "standings");
            assert_eq!(about["service.version"], env!("CARGO_PKG_VERSION"));
            assert_eq!(about["service.instance.id"].len(), 36);
            for scope in resource["scopeSpans"].as_array().unwrap() {
                all.extend(scope["spans"].as_array().unwrap().iter().cloned());
            }
        }
    }
    all
}

fn times(span: &Value) -> (u128, u128) {
    let time = |name: &str| span[name].as_str().unwrap().parse().unwrap();
    (time("startTimeUnixNano"), time("endTimeUnixNano"))
}

#[test]
fn a_sampled_commit_is_a_trace_with_its_stages() {
    let receiver = Receiver::start();
    let bed = Bed::new("traces").topic(2).database().sink("stdout");
    let to = format!("http://127.0.0.1:{}", receiver.port);
    let began = std::time::SystemTime::now();
    let mut command = bed.run(&["-w", "2", "--trace", &to]);
    command
        .args(["--trace-sample", "1s", "--commit-interval", "10ms"])
        .env("STANDINGS_TRACE_TOKEN", "trace-token");
    let run = bed.spawn(&mut command);
    let mut dice = Dice::new(12);
    let mut sent = 0;
    until("three traces", Duration::from_secs(40), || {
        let at = 1_769_126_400_000 + sent * 60_000;
        bed.send(&[sales(&mut dice, 5, at, 900), sales(&mut dice, 5, at, 900)]);
        sent += 5;
        let all = spans(&receiver);
        all.iter().filter(|s| s["name"] == "commit").count() >= 3
    });
    let passed = began.elapsed().unwrap();
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");

    let bearer = receiver.posted()[0].authorization.clone();
    assert_eq!(bearer.as_deref(), Some("Bearer trace-token"));
    let all = spans(&receiver);
    let is_root = |s: &&Value| s["name"] == "commit";
    let roots: Vec<&Value> = all.iter().filter(is_root).collect();
    // Many commits were made; one a second is traced, and one before the first second has passed.
    let most = passed.as_secs() as usize + 3;
    assert!(roots.len() <= most, "{} traces in {passed:?}", roots.len());
    let ids: std::collections::BTreeSet<_> = all.iter().map(|s| s["spanId"].to_string()).collect();
    assert_eq!(ids.len(), all.len());
    let mut numbers = Vec::new();
    for root in &roots {
        assert_eq!(root["parentSpanId"], Value::Null);
        let (begin, end) = times(root);
        let about = attributes(root);
        numbers.push(about["standings.commit"].parse::<u64>().unwrap());
        if about["standings.changes"] == "0" {
            // The last of a run, which records how far the input was read.
            continue;
        }
        assert!(about["standings.offsets"].contains("0:"), "{about:?}");
        let children: Vec<&Value> = all
            .iter()
            .filter(|s| s["parentSpanId"] == root["spanId"])
            .collect();
        let mut by_name: BTreeMap<&str, Vec<(u128, u128)>> = BTreeMap::new();
        for child in &children {
            assert_eq!(child["traceId"], root["traceId"]);
            let (from, to) = times(child);
            // Stamps of two clocks of one machine: to a millisecond.
            assert!(
                from + 1_000_000 >= begin && to <= end + 1_000_000,
                "{child} of {root}"
            );
            by_name
                .entry(child["name"].as_str().unwrap())
                .or_default()
                .push((from, to));
        }
        let names: Vec<_> = by_name
            .keys()
            .copied()
            .filter(|n| *n != "write rejects")
            .collect();
        let stages = [
            "decode and combine",
            "exchange, total, rank, gather",
            "read",
            "write",
        ];
        assert_eq!(names, stages);
        assert_eq!(by_name["write"].len(), 2, "one for each sink");
        // One stage after the other: the fold ends where the dataflow begins, and is written after both.
        let (fold, flow) = (by_name["decode and combine"][0], by_name[stages[1]][0]);
        assert_eq!(fold.1, flow.0);
        assert!(
            by_name["write"]
                .iter()
                .all(|(from, _)| from + 1_000_000 >= flow.1)
        );
        assert!(by_name["read"][0].1 <= fold.1);
    }
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );
    let sinks: std::collections::BTreeSet<String> = all
        .iter()
        .filter(|s| s["name"] == "write")
        .map(|s| attributes(s)["standings.sink"].clone())
        .collect();
    assert!(sinks.contains("stdout") && sinks.len() == 2, "{sinks:?}");
}

#[test]
fn a_receiver_that_is_away_holds_nothing_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sales.ndjson");
    let lines = sales(&mut Dice::new(13), 300, 1_769_126_400_000, 20_000);
    std::fs::write(&path, lines.join("\n")).unwrap();
    let began = std::time::Instant::now();
    let to = format!("http://127.0.0.1:{}", support::free_port());
    let output = support::to_stdout(&format!("file:{}", path.display()))
        .args(["--trace", &to])
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success() && began.elapsed() < Duration::from_secs(15),
        "{log}"
    );
    assert!(log.contains("traces_"), "{log}");
}
