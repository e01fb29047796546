//! The API of a running engine against its change log, with real Kafka: what was, why it is, what came since, and that
//! who wrote something can read it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::support::calls::{call, follow, get};
use crate::support::{self, Bed, Dice, Folding, Process, Rows, keys_of, measures_of, sales};
use serde_json::Value;

struct Engine {
    _run: Process,
    bed: Bed,
    address: String,
}

impl Engine {
    fn start(partitions: i32, more: &[&str]) -> Self {
        let bed = Bed::new("api").topic(partitions).changes_file().http();
        let _run = bed.start(&[&["--http-rate", "0"], more].concat()).ready();
        let address = bed.address().to_owned();
        Engine { _run, bed, address }
    }

    fn json(&self, path: &str) -> Value {
        let answer = get(&self.address, path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer.json()
    }

    /// Lines of the change log, once the API shows everything before this token.
    fn log_at(&self, token: &str) -> Vec<String> {
        let path = format!("/api/v1/rankings/top_salesmen/windows?at_least={token}&wait=20s");
        let answer = get(&self.address, &path);
        assert_eq!(answer.status, 200, "{answer:?}");
        let text = self.bed.read("changes");
        text.lines().map(str::to_owned).collect()
    }
}

/// A window's bound as text; those of the shipped rankings are whole hours.
fn start_of(ms: i64) -> String {
    let mut days = ms.div_euclid(support::DAY);
    let hour = ms.rem_euclid(support::DAY) / support::HOUR;
    let day_of = |text: &str| support::millis(text) / support::DAY;
    let (mut year, mut month) = (1970, 1);
    while day_of(&format!("{:04}-01-01T00:00:00Z", year + 1)) <= days {
        year += 1;
    }
    while month < 12 && day_of(&format!("{year:04}-{:02}-01T00:00:00Z", month + 1)) <= days {
        month += 1;
    }
    days -= day_of(&format!("{year:04}-{month:02}-01T00:00:00Z"));
    format!("{year:04}-{month:02}-{:02}T{hour:02}:00:00Z", days + 1)
}

fn encoded(key: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric();
    key.bytes()
        .map(|b| {
            if safe(b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

/// The rows after each commit of a change log.
fn states(log: &[String]) -> BTreeMap<u64, Rows> {
    let (mut folding, mut states) = (Folding::default(), BTreeMap::new());
    for line in log {
        let change: Value = serde_json::from_str(line).unwrap();
        folding.line(line);
        states.insert(change["commit"].as_u64().unwrap(), folding.rows.clone());
    }
    states
}

/// Rows of the API as the fold has them.
fn rows_of(ranking: &str, start: i64, answer: &Value) -> Rows {
    let text = |v: &Value| v.as_str().unwrap().to_owned();
    let row = |row: &Value| {
        let key = keys_of(ranking).iter().map(|k| text(&row[*k])).collect();
        let measures = measures_of(ranking)
            .iter()
            .map(|m| row[*m].clone())
            .collect();
        (
            (ranking.to_owned(), start, key),
            (row["rank"].as_u64().unwrap(), measures),
        )
    };
    answer.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn what_was_and_why_it_is() {
    let engine = Engine::start(2, &["--allowed-lateness", "30d", "--idle-timeout", "1h"]);
    let mut dice = Dice::new(5);
    let mut sent = [0, 0];
    for round in 0..12 {
        let parts: Vec<Vec<String>> = (0..2)
            .map(|_| {
                sales(
                    &mut dice,
                    25,
                    1_769_130_000_000 + round * 7_000_000,
                    500_000,
                )
            })
            .collect();
        engine.bed.send(&parts);
        sent = [sent[0] + parts[0].len(), sent[1] + parts[1].len()];
        std::thread::sleep(Duration::from_millis(60));
    }
    let log = engine.log_at(&format!("0:{},1:{}", sent[0], sent[1]));
    let states = states(&log);
    let last = *states.keys().next_back().unwrap();
    assert!(states.len() > 5, "several commits: {}", states.len());

    // As it was, at every commit and in every window.
    let windows: std::collections::BTreeSet<(String, i64)> =
        states[&last].keys().map(|k| (k.0.clone(), k.1)).collect();
    let mut compared = 0;
    for (commit, rows) in &states {
        for (ranking, start) in windows.iter().step_by(3) {
            let path = format!(
                "/api/v1/rankings/{ranking}/windows/{}?at={commit}",
                start_of(*start)
            );
            let answer = get(&engine.address, &path);
            let want: Rows = rows
                .iter()
                .filter(|(k, _)| (&k.0, &k.1) == (ranking, start))
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect();
            if want.is_empty() {
                answer.problem(404);
                continue;
            }
            assert_eq!(
                answer.headers["standings-commit"],
                commit.to_string(),
                "{answer:?}"
            );
            assert_eq!(rows_of(ranking, *start, &answer.json()), want, "{path}");
            compared += want.len();
        }
    }
    assert!(compared > 100, "{compared}");
    let window = start_of(windows.first().unwrap().1);
    let path = format!(
        "/api/v1/rankings/{}/windows/{window}",
        windows.first().unwrap().0
    );
    get(&engine.address, &format!("{path}?at={}", last + 1)).problem(404);

    // Why: rank, neighbours, and the last line of the log for the key.
    let lines: Vec<Value> = log
        .iter()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let mut explained = 0;
    for ((ranking, start, key), (rank, measures)) in states[&last].iter().step_by(7) {
        let keys: Vec<String> = key.iter().map(|k| encoded(k)).collect();
        let path = format!(
            "/api/v1/rankings/{ranking}/windows/{}/keys/{}/why",
            start_of(*start),
            keys.join("/")
        );
        let why = engine.json(&path);
        assert_eq!(why["rank"], *rank, "{path}");
        assert_eq!(why["as_of"]["commit"], last);
        for (name, value) in measures_of(ranking).iter().zip(measures) {
            assert_eq!(why["row"][*name], *value, "{path}");
        }
        check_gap(&why, "above");
        check_gap(&why, "below");
        let start = start_of(*start);
        let of_row = |l: &&Value| {
            let is_key = |(name, value): (&&str, &String)| l["row"][*name] == **value;
            l["ranking"] == **ranking
                && l["window_start"] == start
                && keys_of(ranking).iter().zip(key).all(is_key)
        };
        let mine: Vec<&Value> = lines.iter().filter(of_row).collect();
        let (now, before) = (mine.last().unwrap(), mine.iter().rev().nth(1));
        let change = &why["last_change"];
        assert_eq!(change["commit"], now["commit"], "{path}");
        assert_eq!(
            (&change["rank"], &change["previous_rank"]),
            (&now["rank"], &now["previous_rank"])
        );
        let total = |l: &Value| {
            l["row"]["total_sales"]
                .as_str()
                .unwrap()
                .replace('.', "")
                .parse::<i64>()
                .unwrap()
        };
        if let Some(before) = before.filter(|b| b["op"] == "upsert") {
            let by = total(now) - total(before);
            let shown = change["delta"]["total_sales"]
                .as_str()
                .unwrap_or("+0.00")
                .replace(['.', '+'], "");
            assert_eq!(shown.parse::<i64>().unwrap(), by, "{path}: {why}");
        }
        check_movers(&why, now, &lines);
        for range in change["offsets"].as_object().unwrap().values() {
            assert!(range[0].as_u64() < range[1].as_u64(), "{why}");
        }
        explained += 1;
    }
    assert!(explained > 10);
    let nobody = get(
        &engine.address,
        &format!("/api/v1/rankings/top_salesmen/windows/{window}/keys/nobody/why"),
    );
    assert!(nobody.problem(404).contains("total_sales"), "{nobody:?}");

    // A key through the windows, newest first; and found by a part of it.
    let (_, _, key) = states[&last]
        .keys()
        .find(|k| k.0 == "top_salesmen")
        .unwrap();
    let history = engine.json(&format!("/api/v1/salesmen/{}/history", key[0]));
    let starts: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["window_start"].as_str().unwrap())
        .collect();
    let ranked = states[&last]
        .keys()
        .filter(|k| k.0 == "top_salesmen" && k.2 == *key)
        .count();
    assert_eq!(starts.len(), ranked);
    assert!(starts.windows(2).all(|w| w[0] > w[1]), "{starts:?}");
    let found = engine.json(&format!(
        "/api/v1/rankings/top_salesmen/search?q={}",
        key[0].to_lowercase()
    ));
    assert!(
        found["matches"]
            .as_array()
            .unwrap()
            .iter()
            .any(|m| m["key"]["salesman_id"] == key[0] && m["window_start"] == starts[0]),
        "{found}"
    );

    // Series end with what is shown.
    let path = format!(
        "/api/v1/rankings/top_sales_per_city/windows/{}",
        start_of(
            windows
                .iter()
                .rfind(|w| w.0 == "top_sales_per_city")
                .unwrap()
                .1
        )
    );
    let (rows, series) = (
        engine.json(&path),
        engine.json(&format!("{path}/series?limit=5")),
    );
    assert_eq!(series["points"].as_array().unwrap().len(), 40);
    for (row, one) in rows
        .as_array()
        .unwrap()
        .iter()
        .zip(series["series"].as_array().unwrap())
    {
        assert_eq!(one["key"][0], row["city"]);
        let values = one["values"].as_array().unwrap();
        let last = values.iter().rev().find(|v| !v.is_null()).unwrap();
        assert_eq!((values.len(), last), (40, &row["total_sales"]), "{series}");
    }

    // What holds windows open.
    let marks = engine.json("/api/v1/watermarks");
    assert_eq!(marks["partitions"].as_array().unwrap().len(), 2);
    let held: Vec<_> = marks["partitions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|p| p["holds"] == true)
        .collect();
    assert!(
        held.iter().all(|p| p["watermark"] == marks["watermark"]) && !held.is_empty(),
        "{marks}"
    );
    for window in marks["windows"].as_array().unwrap() {
        assert!(
            window["remaining_ms"].as_i64() > Some(0)
                && !window["waits_for"].as_array().unwrap().is_empty(),
            "{marks}"
        );
    }
}

/// Who moved a row, by the log: of its commit those that were above it and are not, or are and were not.
fn check_movers(why: &Value, now: &Value, lines: &[Value]) {
    let above = |other: &Value, own: &Value| match (other.as_u64(), own.as_u64()) {
        (Some(other), Some(own)) => other < own,
        (other, None) => other.is_some(),
        (None, _) => false,
    };
    let ranking = now["ranking"].as_str().unwrap();
    let key = |l: &Value| keys_of(ranking).iter().map(|k| l[*k].clone()).collect();
    let own: Vec<Value> = key(&now["row"]);
    let mut want = Vec::new();
    for line in lines {
        let same = |name: &str| line[name] == now[name];
        let among = ranking != "top_salesmen_per_city" || line["row"]["city"] == now["row"]["city"];
        let other: Vec<Value> = key(&line["row"]);
        if !["ranking", "commit", "window_start"]
            .iter()
            .all(|n| same(n))
            || !among
            || other == own
        {
            continue;
        }
        let was = above(&line["previous_rank"], &now["previous_rank"]);
        if was != above(&line["rank"], &now["rank"]) {
            want.push((line["rank"].as_u64().unwrap_or(u64::MAX), other));
        }
    }
    want.sort_by_key(|(rank, _)| *rank);
    want.truncate(5);
    let told = why["last_change"]["moved_by"].as_array().unwrap();
    let told: Vec<(u64, Vec<Value>)> = told
        .iter()
        .map(|m| (m["rank"].as_u64().unwrap_or(u64::MAX), key(&m["key"])))
        .collect();
    // Of those that left together any five.
    let ranks = |of: &[(u64, Vec<Value>)]| of.iter().map(|(rank, _)| *rank).collect::<Vec<_>>();
    assert_eq!(ranks(&told), ranks(&want), "{why}");
    let there = |mover: &&(u64, Vec<Value>)| mover.0 < u64::MAX;
    assert_eq!(
        told.iter().filter(there).collect::<Vec<_>>(),
        want.iter().filter(there).collect::<Vec<_>>(),
        "{why}"
    );
}

/// The gap to a neighbour is the difference of the ordering measures.
fn check_gap(why: &Value, side: &str) {
    let cents = |v: &Value| v.as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
    if why[side].is_object() {
        let own = cents(&why["row"]["total_sales"]);
        assert_eq!(
            (own - cents(&why[side]["value"])).abs(),
            cents(&why[side]["gap"]),
            "{why}"
        );
    } else if side == "above" {
        assert_eq!(why["rank"], 1, "{why}");
    }
}

#[test]
fn changes_go_on_after_a_gap_and_writes_can_be_read() {
    let engine = Engine::start(1, &[]);
    let sale = |i: usize| {
        format!(
            r#"{{"sale_id":"{i}","event_time":{},"city":"Lisbon","salesman_id":"S{}","salesman_name":"Ana","amount":1.00}}"#,
            1_769_130_000_000 + i as i64 * 1000,
            i % 3
        )
    };
    // Written, and read at once: each answer has the sale that was just written.
    let (mut waits, rounds) = (Vec::new(), 30);
    for i in 0..rounds {
        engine.bed.send(&[vec![sale(i)]]);
        let began = Instant::now();
        let path = format!("/api/v1/sales/city?at_least=0:{}&wait=10s", i + 1);
        let answer = get(&engine.address, &path);
        waits.push(began.elapsed());
        assert_eq!(answer.json()[0]["transaction_count"], i + 1, "{answer:?}");
        assert_eq!(answer.headers["standings-offsets"], format!("0:{}", i + 1));
    }
    waits.sort_unstable();
    println!("read your writes: median wait {:?}", waits[rounds / 2]);
    let began = Instant::now();
    let late = get(
        &engine.address,
        "/api/v1/sales/city?at_least=0:999&wait=300ms",
    );
    late.problem(503);
    assert!(late.headers.contains_key("retry-after") && began.elapsed() < Duration::from_secs(5));

    // One that follows, is away, and goes on: together everything, once.
    let path = "/api/v1/rankings/top_salesmen/changes";
    let mut seen: Vec<Value> = Vec::new();
    let mut last = None;
    follow(
        &engine.address,
        &format!("{path}?after=0"),
        &[],
        Duration::from_secs(5),
        |(event, id, data)| {
            assert_eq!((event.as_str(), id), ("change", data["commit"].as_u64()));
            seen.extend(data["changes"].as_array().unwrap().iter().cloned());
            last = id;
            seen.len() < 12
        },
    );
    for i in rounds..rounds + 10 {
        engine.bed.send(&[vec![sale(i)]]);
    }
    let log = engine.log_at(&format!("0:{}", rounds + 10));
    let id = last.unwrap().to_string();
    follow(
        &engine.address,
        path,
        &[("Last-Event-ID", &id)],
        Duration::from_millis(700),
        |(event, id, data)| {
            assert_eq!(event, "change");
            assert!(id > last);
            last = id;
            seen.extend(data["changes"].as_array().unwrap().iter().cloned());
            true
        },
    );
    let mine = |l: &Value| l["ranking"] == "top_salesmen";
    let want: Vec<Value> = log
        .iter()
        .map(|l| serde_json::from_str(l).unwrap())
        .filter(mine)
        .collect();
    assert_eq!(seen, want);

    // Of a commit that is not known: from the beginning, by a snapshot.
    let mut first = None;
    follow(
        &engine.address,
        path,
        &[("Last-Event-ID", "999999")],
        Duration::from_secs(5),
        |event| {
            first = Some(event);
            false
        },
    );
    let (event, id, data) = first.unwrap();
    assert_eq!((event.as_str(), id), ("snapshot", last));
    assert_eq!(data["rows"].as_array().unwrap().len(), 3);

    // The same over a WebSocket; a page of another origin may not.
    let upgrade = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ];
    let elsewhere = [&upgrade[..], &[("Origin", "https://elsewhere.example")]].concat();
    assert_eq!(call(&engine.address, "GET", path, &elsewhere).status, 403);
    let message = websocket(&engine.address, path, &upgrade);
    assert_eq!(message["event"], "snapshot");
    assert_eq!(message["rows"], data["rows"]);
}

/// The first message of a WebSocket.
fn websocket(address: &str, path: &str, headers: &[(&str, &str)]) -> Value {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    let mut byte = [0];
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    assert!(
        head.starts_with(b"HTTP/1.1 101"),
        "{}",
        String::from_utf8_lossy(&head)
    );
    let mut start = [0; 2];
    stream.read_exact(&mut start).unwrap();
    assert_eq!(start[0], 0x81, "one whole text message");
    let length = match start[1] {
        126 => {
            let mut long = [0; 2];
            stream.read_exact(&mut long).unwrap();
            usize::from(u16::from_be_bytes(long))
        }
        short => usize::from(short),
    };
    let mut message = vec![0; length];
    stream.read_exact(&mut message).unwrap();
    serde_json::from_slice(&message).unwrap()
}

#[test]
fn hostile_requests_are_refused_and_explained() {
    let engine = Engine::start(1, &[]);
    engine.bed.send(&[vec![
        r#"{"sale_id":1,"event_time":1769130000000,"city":"A/B c%","salesman_id":"S1","salesman_name":"<b>","amount":1}"#.to_owned(),
    ]]);
    engine.log_at("0:1");
    let day = "2026-01-23T00:00:00Z";
    for path in [
        "/api/v1/sales/city?date=2026-02-30".to_owned(),
        "/api/v1/sales/city?date=2026-1-1".to_owned(),
        "/api/v1/sales/city?limit=0".to_owned(),
        "/api/v1/sales/city?limit=99999999999999999999".to_owned(),
        "/api/v1/sales/city?limit=1&limit=2".to_owned(),
        "/api/v1/sales/city?limt=1".to_owned(),
        "/api/v1/sales/city?limit=%zz".to_owned(),
        "/api/v1/sales/city?limit=%ff".to_owned(),
        "/api/v1/sales/city?at_least=x".to_owned(),
        "/api/v1/sales/city?wait=31s".to_owned(),
        "/api/v1/sales/city?wait=-1s".to_owned(),
        "/api/v1/rankings?x=1".to_owned(),
        "/api/v1/rankings/top_salesmen/windows/yesterday".to_owned(),
        format!("/api/v1/rankings/top_salesmen/windows/{day}?at=-1"),
        format!("/api/v1/rankings/top_salesmen/windows/{day}?at=1e3"),
        format!("/api/v1/rankings/top_salesmen/search?q={}", "x".repeat(300)),
        "/api/v1/rankings/top_salesmen/changes?after=x".to_owned(),
        "/api/v1/salesmen/%ff/history".to_owned(),
        "/api/v1/rankings/%ff/windows".to_owned(),
    ] {
        get(&engine.address, &path).problem(400);
    }
    for path in [
        "/api/v1/nothing",
        "/api",
        "/api/v1/rankings/none/windows",
        "/api/v1/rankings/top_salesmen/windows/2020-01-01T00:00:00Z",
        "/api/v1/rankings/top_salesmen/keys/a/b/history",
        "/api/v1/rankings/top_salesmen/keys/a",
        "/nothing",
    ] {
        get(&engine.address, path).problem(404);
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = call(
            &engine.address,
            method,
            "/api/v1/sales/city",
            &[("Content-Length", "0")],
        );
        answer.problem(405);
        assert!(answer.headers["allow"].contains("GET"), "{answer:?}");
    }
    call(
        &engine.address,
        "POST",
        "/api/v1/sales/city",
        &[("Content-Length", "70000")],
    )
    .problem(413);

    // Keys are any text.
    let row = engine.json("/api/v1/rankings/top_sales_per_city/keys/A%2FB%20c%25/history");
    assert_eq!(row[0]["city"], "A/B c%");
    let why = engine.json(&format!(
        "/api/v1/rankings/top_sales_per_city/windows/{day}/keys/A%2FB%20c%25/why"
    ));
    assert_eq!(why["key"]["city"], "A/B c%");
    let two = engine.json("/api/v1/rankings/top_salesmen_per_city/keys/A%2FB%20c%25/S1/history");
    assert_eq!(two[0]["salesman_id"], "S1");
    assert_eq!(
        engine.json("/api/v1/salesmen/%00/history"),
        Value::Array(vec![])
    );

    // What every answer carries.
    let answer = get(&engine.address, "/api/v1/sales/city");
    assert_eq!(answer.headers["standings-offsets"], "0:1");
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(answer.headers[name], value);
    }
    assert!(answer.headers["content-security-policy"].starts_with("default-src 'none'"));
    assert!(!answer.headers.contains_key("access-control-allow-origin"));
    let head = call(&engine.address, "HEAD", "/api/v1/sales/city", &[]);
    assert_eq!((head.status, head.body.as_str()), (200, ""));

    // The description of all this, and the page to try it.
    let document = engine.json("/api/v1/openapi.json");
    assert!(
        document["openapi"].as_str().unwrap().starts_with("3.1"),
        "{}",
        document["openapi"]
    );
    assert_eq!(document["paths"].as_object().unwrap().len(), 22);
    for (path, item) in document["paths"].as_object().unwrap() {
        let summary = item["get"]["summary"].as_str().unwrap_or_default();
        assert!(
            summary.len() > 10 && !summary.contains(['/', '`']),
            "{path} is told in words: {summary:?}"
        );
    }
    let docs = get(&engine.address, "/docs/");
    assert!(
        docs.status == 200 && docs.body.contains("swagger-ui"),
        "{docs:?}"
    );
    assert!(docs.headers["content-security-policy"].contains("script-src 'self'"));
    let start = get(&engine.address, "/docs/swagger-initializer.js");
    assert!(
        start.body.contains("/api/v1/openapi.json"),
        "{}",
        start.body
    );
}
