//! A real Prometheus scrapes a cluster of two processes under load: every rule and every panel's query is evaluated there,
//! without error, and with data where there must be some. Needs Debian's `prometheus` package (deploy/check installs it).

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Bed, Running, free_port, http, until};
use serde_json::Value;

const WAIT: Duration = Duration::from_secs(40);
const DAY_ONE: i64 = 1_769_126_400_000; // 2026-01-23T00:00:00Z

/// Panels that may show nothing in a run in which nothing fails: there is no series of it, or it divides by nothing.
const MAY_BE_EMPTY: [&str; 10] = [
    // Of `standings ingest`, which is another process.
    "standings_ingest_",
    // No window before the first.
    "window=\"previous\"",
    // Only with a check that has windows.
    "standings_window_check",
    // Only of tables whose rows change.
    "standings_records_updated",
    "standings_records_unchanged",
    "standings_records_deleted",
    "standings_records_skipped",
    "standings_changes_contradicted",
    "standings_keys_moved",
    // `> 0` keeps out what had no event yet.
    "rate6h",
];

fn line(n: i64, amount: &str) -> String {
    let city = ["Lisbon", "Porto", "Faro", "Braga"][n as usize % 4];
    format!(
        r#"{{"sale_id":"a-{n}","event_time":{},"city":"{city}","salesman_id":"S{}","salesman_name":"Ana","amount":{amount}}}"#,
        DAY_ONE + n,
        n % 50
    )
}

fn encoded(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes()
        .map(|b| {
            if plain(b) {
                (b as char).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// What Prometheus answers. By HTTP 1.0, which has no chunks.
fn ask(prometheus: &str, path: &str) -> String {
    let mut stream = std::net::TcpStream::connect(prometheus).unwrap();
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {prometheus}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

/// The result of an instant query, or the server's words.
fn query(prometheus: &str, expr: &str) -> Result<Vec<Value>, String> {
    let path = format!("/api/v1/query?query={}", encoded(expr));
    let body = ask(prometheus, &path);
    let answer: Value = serde_json::from_str(&body).map_err(|e| format!("{e}: {body}"))?;
    match answer["data"]["result"].as_array() {
        Some(found) if answer["status"] == "success" => Ok(found.clone()),
        _ => Err(body),
    }
}

fn value(prometheus: &str, expr: &str) -> f64 {
    let found = query(prometheus, expr).unwrap();
    assert_eq!(found.len(), 1, "{expr}: {found:?}");
    found[0]["value"][1].as_str().unwrap().parse().unwrap()
}

/// A panel's query as Grafana would send it.
fn filled(expr: &str) -> String {
    expr.replace("$__rate_interval", "10s")
        .replace("$__range", "1m")
        .replace("$job", ".*")
        .replace("$instance", ".*")
}

#[test]
fn every_rule_and_panel_is_evaluated_by_a_real_prometheus() {
    let bed = Bed::new("metrics").topic(4).database().changes_file();
    let bed = bed.state();
    // Two neighbouring ports: process 1 serves one above process 0.
    let port = loop {
        let port = free_port();
        if std::net::TcpListener::bind(("127.0.0.1", port + 1)).is_ok() {
            break port;
        }
    };
    let flags = [
        ["--late", "file:/dev/null"],
        ["--dead-letter", "file:/dev/null"],
        ["--snapshot-interval", "1s"],
        ["--http", &format!("127.0.0.1:{port}")],
        ["--slo-latency-p99", "10s"],
        ["--slo-freshness", "30s"],
        ["--slo-completeness", "99"],
        ["--slo-lateness", "1"],
    ];
    let cluster = bed.cluster("2", &[], &flags.concat());
    let ours = [
        format!("127.0.0.1:{port}"),
        format!("127.0.0.1:{}", port + 1),
    ];
    for address in &ours {
        until("ready", WAIT, || {
            http::request("GET", address, "/readyz", "").is_ok_and(|r| r.0 == 200)
        });
    }

    let web = format!("127.0.0.1:{}", free_port());
    let configuration = format!(
        "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [{}]\nscrape_configs:\n- job_name: standings\n  \
         static_configs:\n  - targets: [\"{}\", \"{}\"]\n",
        rules_that_hurry(bed.folder()).display(),
        ours[0],
        ours[1]
    );
    let path = bed.path("prometheus.yml");
    std::fs::write(&path, configuration).unwrap();
    let log = std::fs::File::create(bed.path("prometheus.log")).unwrap();
    let server = Command::new("prometheus")
        .arg(format!("--config.file={}", path.display()))
        .arg(format!(
            "--storage.tsdb.path={}",
            bed.path("tsdb").display()
        ))
        .arg(format!("--web.listen-address={web}"))
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .expect("prometheus is not installed: run deploy/check");
    let _server = Running(server);
    until("Prometheus is ready", WAIT, || {
        http::request("GET", &web, "/-/ready", "").is_ok_and(|r| r.0 == 200)
    });

    // Load while it is scraped: 2,000 sales a second for some seconds, one in 200 of them no sale.
    let mut sent = 0;
    for _ in 0..12 {
        let parts: Vec<Vec<String>> = (0..4)
            .map(|p| {
                (0..500)
                    .map(|i| match (sent + p * 500 + i, i) {
                        (_, 7) | (_, 77) => "{".to_owned(),
                        (n, _) => line(n, &format!("{}.50", n % 1000)),
                    })
                    .collect()
            })
            .collect();
        bed.send(&parts);
        sent += 2000;
        std::thread::sleep(Duration::from_millis(900));
    }
    let read = "sum(standings_records_read_total)";
    until("all is read, scraped and recorded", WAIT, || {
        let lags = query(&web, "sum(standings_source_lag_records) == 0").unwrap();
        !lags.is_empty()
            && value(&web, read) == sent as f64
            && !query(&web, "standings_snapshot_last_success_timestamp_seconds")
                .unwrap()
                .is_empty()
            && !query(&web, "job_objective:standings_slo_burn:rate6h")
                .unwrap()
                .is_empty()
    });

    // What is known of the input is what Prometheus shows.
    let dead = 12.0 * 4.0 * 2.0;
    assert_eq!(
        value(&web, "sum(standings_records_dead_lettered_total)"),
        dead
    );
    assert_eq!(
        value(&web, "sum(standings_records_ranked_total)"),
        sent as f64 - dead
    );
    assert_eq!(
        value(&web, "standings_window_sales{window=\"newest\"}"),
        sent as f64 - dead
    );
    let amounts: Vec<f64> = ["min", "p25", "median", "p75", "max"]
        .iter()
        .map(|s| {
            value(
                &web,
                &format!("standings_window_amount{{window=\"newest\",stat=\"{s}\"}}"),
            )
        })
        .collect();
    assert_eq!((amounts[0], amounts[4]), (0.5, 999.5));
    for (found, exact) in amounts[1..4].iter().zip([250.0, 500.0, 750.0]) {
        assert!((found - exact).abs() / exact < 0.03, "{amounts:?}");
    }
    assert_eq!(
        value(
            &web,
            "sum(standings_slo_events_total{objective=\"completeness\"})"
        ),
        sent as f64
    );
    assert_eq!(
        value(
            &web,
            "sum(standings_slo_good_events_total{objective=\"completeness\"})"
        ),
        sent as f64 - dead
    );
    let burn = value(
        &web,
        "standings_slo_burn_rate{objective=\"completeness\",span=\"1h\",instance=~\".*\"} > 0",
    );
    assert!((burn - 0.4).abs() < 0.2, "{burn}"); // 0.4 % bad where 1 % may be
    assert_eq!(
        value(&web, "count(process_resident_memory_bytes > 1e6)"),
        2.0
    );
    assert!(
        value(&web, "min(standings_sink_up)") == 1.0
            && value(&web, "count(standings_sink_up)") >= 1.0
    );

    every_rule_is_healthy(&web);
    every_panel_answers(&web);
    for address in &ours {
        openmetrics_are_well_formed(address);
    }
    let metrics = http::get(&ours[0], "/metrics").1;
    every_metric_is_documented(&metrics);

    let (code, _, text) = cluster.stop();
    assert_eq!(code, Some(0), "{text}");
}

/// The rules as they are, evaluated each second instead of every quarter of a minute.
fn rules_that_hurry(dir: &Path) -> std::path::PathBuf {
    let rules = std::fs::read_to_string("deploy/prometheus/rules.yml").unwrap();
    let path = dir.join("rules.yml");
    std::fs::write(&path, rules.replace("interval: 15s", "interval: 1s")).unwrap();
    path
}

fn every_rule_is_healthy(prometheus: &str) {
    let answer: Value = serde_json::from_str(&ask(prometheus, "/api/v1/rules")).unwrap();
    let groups = &answer["data"]["groups"];
    let mut alerts = 0;
    for rule in groups
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|g| g["rules"].as_array().unwrap())
    {
        let name = rule["name"].as_str().unwrap();
        assert_eq!(rule["health"], "ok", "{name}: {rule}");
        let expr = rule["query"].as_str().unwrap();
        let found = query(prometheus, expr).unwrap_or_else(|e| panic!("{name}: {e}"));
        if rule["type"] == "recording" {
            let empty = MAY_BE_EMPTY.iter().any(|e| name.contains(e));
            assert!(empty || !found.is_empty(), "{name} records nothing");
        } else {
            alerts += 1;
            // A cluster that is well, but for four dead letters in a thousand.
            let expected = name == "StandingsDeadLetters";
            assert!(found.is_empty() != expected, "{name}: {found:?}");
        }
    }
    assert!(alerts >= 21, "{alerts}");
}

fn every_panel_answers(prometheus: &str) {
    let mut panels = 0;
    for entry in std::fs::read_dir("deploy/grafana/dashboards").unwrap() {
        let path = entry.unwrap().path();
        let board: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().into_iter().flatten() {
                let expr = filled(target["expr"].as_str().unwrap());
                let found = query(prometheus, &expr)
                    .unwrap_or_else(|e| panic!("{}: {expr}: {e}", path.display()));
                let empty = MAY_BE_EMPTY.iter().any(|e| expr.contains(e));
                assert!(
                    empty || !found.is_empty(),
                    "{}: {}: no data for {expr}",
                    path.display(),
                    panel["title"]
                );
                panels += 1;
            }
        }
    }
    assert!(panels > 90, "{panels}");
}

/// `promtool check metrics` reads the older text format, of which this is one but for the last line.
fn openmetrics_are_well_formed(address: &str) {
    let text = http::get(address, "/metrics").1;
    let Some(body) = text.strip_suffix("# EOF\n") else {
        panic!("no end of file: {text}");
    };
    let mut names = BTreeSet::new();
    for line in body.lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
        assert!(names.insert(line.split(' ').next()), "twice: {line}");
    }
    // In that format a counter's family has its suffix, and there are no units.
    let older: String = body
        .lines()
        .filter(|l| !l.starts_with("# UNIT"))
        .map(|l| match l.split(' ').collect::<Vec<_>>()[..] {
            ["#", "TYPE", name, "counter"] => format!("# TYPE {name}_total counter\n"),
            ["#", "TYPE", name, "info"] => format!("# TYPE {name}_info gauge\n"),
            ["#", "HELP", name, ..] if body.contains(&format!("# TYPE {name} counter")) => {
                l.replacen(name, &format!("{name}_total"), 1) + "\n"
            }
            ["#", "HELP", name, ..] if body.contains(&format!("# TYPE {name} info")) => {
                l.replacen(name, &format!("{name}_info"), 1) + "\n"
            }
            _ => format!("{l}\n"),
        })
        .collect();
    let mut check = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    check
        .stdin
        .take()
        .unwrap()
        .write_all(older.as_bytes())
        .unwrap();
    let done = check.wait_with_output().unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn every_metric_is_documented(metrics: &str) {
    let docs = std::fs::read_to_string("docs/metrics.md").unwrap();
    for family in metrics.lines().filter_map(|l| l.strip_prefix("# TYPE ")) {
        let (name, kind) = family.split_once(' ').unwrap();
        let name = match kind {
            "counter" => format!("{name}_total"),
            "info" => format!("{name}_info"),
            _ => name.to_owned(),
        };
        assert!(
            docs.contains(&format!("`{name}`")),
            "docs/metrics.md does not say what {name} is"
        );
    }
}
