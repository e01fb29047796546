//! `standings serve` from real Postgres beside the engine that writes it: the same questions, the same answers.

use std::process::Stdio;
use std::time::Duration;

use crate::support::calls::{Answer, follow, get};
use crate::support::kafka::{block, produce, topic};
use crate::support::postgres::{connect, database};
use crate::support::{self, Dice, Running, free_port, sales, service, standings, until};
use serde_json::Value;

fn start(args: &[&str]) -> (Running, String) {
    let address = format!("127.0.0.1:{}", free_port());
    let child = standings(args)
        .args([
            "--queries",
            "queries",
            "--http",
            &address,
            "--http-rate",
            "0",
        ])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let running = Running(child);
    until("ready", Duration::from_secs(30), || {
        support::http::request("GET", &address, "/readyz", "").is_ok_and(|(s, _)| s == 200)
    });
    (running, address)
}

fn marks(answer: &Answer) -> [String; 3] {
    ["commit", "offsets", "watermark"].map(|n| answer.headers[&format!("standings-{n}")].clone())
}

#[test]
fn the_same_answers_as_the_engine() {
    let (topic, url) = (topic("serve", 2), database());
    let source = format!("kafka://{}/{topic}", service("KAFKA_BROKERS"));
    let (_engine, engine) = start(&["run", "--source", &source, "--sink", &url]);
    // A replica that is away: the database itself is asked.
    let away = format!(
        "postgres://nobody@127.0.0.1:{}/none?connect_timeout=1",
        free_port()
    );
    let (_serve, serve) = start(&[
        "serve",
        "--from",
        &url,
        "--replica",
        &away,
        "--follow-interval",
        "20ms",
    ]);

    // Somebody follows from before the first sale.
    let changes = "/api/v1/rankings/top_sales_per_city/changes";
    let follower =
        {
            let serve = serve.clone();
            std::thread::spawn(move || {
                let mut rows = std::collections::BTreeMap::new();
                follow(
                    &serve,
                    changes,
                    &[],
                    Duration::from_secs(3),
                    |(_, _, data)| {
                        for change in data["changes"].as_array().into_iter().flatten() {
                            let row = change["row"].as_object().unwrap();
                            let at = (change["window_start"].to_string(), row["city"].to_string());
                            match change["op"].as_str() {
                                Some("delete") => drop(rows.remove(&at)),
                                _ => drop(rows.insert(
                                    at,
                                    (change["rank"].clone(), row["total_sales"].clone()),
                                )),
                            }
                        }
                        true
                    },
                );
                rows
            })
        };
    let mut dice = Dice::new(3);
    let mut sent = [0, 0];
    for round in 0..6 {
        let parts: Vec<Vec<String>> = (0..2)
            .map(|_| {
                sales(
                    &mut dice,
                    60,
                    1_769_130_000_000 + round * 9_000_000,
                    200_000,
                )
            })
            .collect();
        produce(&topic, &parts);
        sent = [sent[0] + 60, sent[1] + 60];
        std::thread::sleep(Duration::from_millis(50));
    }
    let token = format!("0:{},1:{}", sent[0], sent[1]);
    let all = get(
        &engine,
        &format!("/api/v1/sales/city?at_least={token}&wait=20s"),
    );
    assert_eq!(all.status, 200, "{all:?}");
    let last = all.headers["standings-commit"].clone();
    until("the database is there too", Duration::from_secs(10), || {
        get(&serve, "/api/v1/watermarks").json()["as_of"]["commit"].as_u64() == last.parse().ok()
            && get(&serve, "/api/v1/sales/city").headers["standings-commit"] == last
    });
    // The last sales may have changed nothing, which a database is not told.
    let shown = get(&serve, "/api/v1/sales/city").headers["standings-offsets"].clone();
    assert_eq!(
        get(&serve, &format!("/api/v1/sales/city?at_least={shown}")).status,
        200
    );
    get(&serve, "/api/v1/sales/city?at_least=0:99999&wait=200ms").problem(503);

    let mut asked = 0;
    let mut same = |path: &str| {
        let (ours, theirs) = (get(&engine, path), get(&serve, path));
        assert_eq!(
            (ours.status, ours.json()),
            (theirs.status, theirs.json()),
            "{path}"
        );
        let (ours, theirs) = (marks(&ours), marks(&theirs));
        assert_eq!(ours[0], theirs[0], "{path}");
        asked += 1;
    };
    for path in [
        "/api/v1/sales/city",
        "/api/v1/sales/city?date=2026-01-23&limit=3",
        "/api/v1/salesmen/top?limit=7",
        "/api/v1/salesmen/top?date=1999-01-01",
        "/api/v1/rankings",
        "/api/v1/salesmen/S3/history",
        "/api/v1/salesmen/S3/history?limit=1",
        "/api/v1/salesmen/nobody/history",
        "/api/v1/salesmen/%00/history",
        "/api/v1/rankings/top_salesmen_per_city/keys/Lisbon/S3/history",
    ] {
        same(path);
    }
    for ranking in [
        "top_sales_per_city",
        "top_salesmen",
        "top_salesmen_per_city",
    ] {
        same(&format!("/api/v1/rankings/{ranking}/windows"));
        let windows = get(&engine, &format!("/api/v1/rankings/{ranking}/windows")).json();
        for window in windows.as_array().unwrap() {
            same(&format!(
                "/api/v1/rankings/{ranking}/windows/{}",
                window["window_start"].as_str().unwrap()
            ));
        }
        let search = |address: &str| {
            get(
                address,
                &format!("/api/v1/rankings/{ranking}/search?q=s&limit=5"),
            )
            .json()
        };
        assert_eq!(search(&engine)["matches"], search(&serve)["matches"]);
    }
    assert!(asked > 20, "{asked}");

    // Why: what rows say is the same; what only an engine sees is null.
    let row = &get(&engine, "/api/v1/sales/city").json()[1];
    let path = format!(
        "/api/v1/rankings/top_sales_per_city/windows/{}/keys/{}/why",
        row["window_start"].as_str().unwrap(),
        row["city"]
            .as_str()
            .unwrap()
            .bytes()
            .map(|b| format!("%{b:02X}"))
            .collect::<String>()
    );
    let (ours, theirs) = (get(&engine, &path).json(), get(&serve, &path).json());
    for member in ["rank", "row", "above", "below", "key", "order_by"] {
        assert_eq!(ours[member], theirs[member], "{member}");
    }
    assert_eq!(theirs["late"]["last"], Value::Null);

    // What was followed adds up to the rows.
    let followed = follower.join().unwrap();
    let mut count = 0;
    for window in get(&engine, "/api/v1/rankings/top_sales_per_city/windows")
        .json()
        .as_array()
        .unwrap()
    {
        let start = window["window_start"].as_str().unwrap();
        for row in get(
            &engine,
            &format!("/api/v1/rankings/top_sales_per_city/windows/{start}"),
        )
        .json()
        .as_array()
        .unwrap()
        {
            let at = (row["window_start"].to_string(), row["city"].to_string());
            assert_eq!(
                followed[&at],
                (row["rank"].clone(), row["total_sales"].clone()),
                "{at:?}"
            );
            count += 1;
        }
    }
    assert_eq!(followed.len(), count);

    // At an earlier commit: from when it began to follow, and not before.
    let now = get(
        &serve,
        &format!("/api/v1/rankings/top_salesmen/windows/2026-01-23T00:00:00Z?at={last}"),
    );
    assert_eq!(now.status, 200, "{now:?}");

    // Hostile keys are data, never SQL.
    for key in ["'%3B%20DROP%20TABLE%20top_salesmen--", "%22", "%5C'"] {
        assert_eq!(
            get(&serve, &format!("/api/v1/salesmen/{key}/history")).json(),
            Value::Array(vec![])
        );
    }

    // A table that is locked: given up in time, with a word on when to come back.
    let url = url.clone();
    block(async {
        let client = connect(&url).await;
        client
            .batch_execute("BEGIN; LOCK TABLE top_salesmen IN ACCESS EXCLUSIVE MODE")
            .await
            .unwrap();
        let began = std::time::Instant::now();
        let answer = tokio::task::spawn_blocking(move || get(&serve, "/api/v1/salesmen/top"))
            .await
            .unwrap();
        let detail = answer.problem(503);
        assert!(detail.contains("a table is locked"), "{detail}");
        assert!(answer.headers.contains_key("retry-after"), "{detail}");
        assert!(
            began.elapsed() < Duration::from_secs(8),
            "{:?}",
            began.elapsed()
        );
    });
}

/// A table, a column, a schema that is gone, a table that is locked: `/readyz` says no and why, and yes again when it is over.
#[test]
fn readiness_names_what_is_wrong_with_the_database() {
    let (topic, url) = (topic("serve-gone", 1), database());
    let source = format!("kafka://{}/{topic}", service("KAFKA_BROKERS"));
    let (engine, _) = start(&["run", "--source", &source, "--sink", &url]);
    // Nobody writes any more.
    drop(engine);
    let (_serve, serve) = start(&["serve", "--from", &url, "--statement-timeout", "1s"]);
    let told = || support::http::get(&serve, "/readyz");
    let says = |what: &str, status: u16, part: &str| {
        until(what, Duration::from_secs(20), || {
            let (code, text) = told();
            code == status && text.contains(part)
        });
    };
    let does = |sql: &'static str| {
        let url = url.clone();
        block(async move { connect(&url).await.batch_execute(sql).await.unwrap() });
    };
    says("ready", 200, "ready");
    for (wrong, part, right) in [
        (
            "ALTER TABLE top_salesmen RENAME TO elsewhere",
            "a table is missing in the database (or its schema): relation \"top_salesmen\" does not exist",
            "ALTER TABLE elsewhere RENAME TO top_salesmen",
        ),
        (
            "ALTER TABLE top_salesmen RENAME COLUMN total_sales TO other",
            "a column is missing in the database: column \"total_sales\" does not exist",
            "ALTER TABLE top_salesmen RENAME COLUMN other TO total_sales",
        ),
        (
            "ALTER SCHEMA public RENAME TO hidden",
            "a table is missing in the database (or its schema)",
            "ALTER SCHEMA hidden RENAME TO public",
        ),
    ] {
        does(wrong);
        says(wrong, 503, part);
        says("with its code", 503, " [S0516]\n");
        get(&serve, "/api/v1/salesmen/top").problem(503);
        let (_, document) = support::http::get(&serve, "/api/v1/salesmen/top");
        assert!(document.contains(r#""code":"S0516""#), "{document}");
        does(right);
        says(right, 200, "ready");
    }
    let detail = block(async {
        let client = connect(&url).await;
        let lock = "BEGIN; LOCK TABLE top_salesmen IN ACCESS EXCLUSIVE MODE";
        client.batch_execute(lock).await.unwrap();
        let serve = serve.clone();
        let asked = tokio::task::spawn_blocking(move || {
            until("the lock is told", Duration::from_secs(20), || {
                let (code, text) = support::http::get(&serve, "/readyz");
                code == 503 && text.contains("a table is locked")
            });
            get(&serve, "/api/v1/salesmen/top").problem(503)
        });
        asked.await.unwrap()
    });
    assert!(detail.contains("a table is locked"), "{detail}");
    says("the lock is gone", 200, "ready");
}

/// A copy that lacks a commit, here another database, as far as anybody can see from outside.
#[test]
fn how_far_a_replica_is_behind_is_a_metric() {
    let (url, copy) = (database(), database());
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sales.ndjson");
    let lines = sales(&mut Dice::new(9), 100, 1_769_126_400_000, 20_000);
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let source = format!("file:{}", path.display());
    for sink in [&url, &copy] {
        let args = ["run", "--queries", "queries", "--source", &source];
        let mut args = args.to_vec();
        args.extend(["--sink", sink, "--until-end"]);
        support::run(&args);
    }
    // How many commits a run makes is a matter of time: the copy may have had more of them.
    let commit: i64 = block(async {
        let sql = "SELECT commit FROM standings_commit";
        connect(&url)
            .await
            .query_one(sql, &[])
            .await
            .unwrap()
            .get(0)
    });
    let shows = |commit: i64| {
        let sql = format!("UPDATE standings_commit SET commit = {commit}");
        block(async { connect(&copy).await.batch_execute(&sql).await.unwrap() });
    };
    shows(commit - 1);
    let (_serve, serve) = start(&["serve", "--from", &url, "--replica", &copy]);
    let told = |commits: u64| {
        let metrics = support::http::get(&serve, "/metrics").1;
        let value = |name: &str| {
            let name = format!("standings_standby_lag_{name}{{server=\"replica-1\"}} ");
            let line = metrics
                .lines()
                .find_map(|l| l.strip_prefix(name.as_str()))?;
            line.parse::<f64>().ok()
        };
        value("commits") == Some(commits as f64)
            && value("seconds").is_some_and(|s| (s > 1.0) == (commits > 0))
    };
    let wait = Duration::from_secs(20);
    until("it lacks a commit", wait, || told(1));
    let ready = support::http::get(&serve, "/readyz").1;
    assert!(ready.contains("replica 1 is 1 commits behind"), "{ready}");
    shows(commit);
    until("it lacks none", wait, || told(0));
    assert!(
        !support::http::get(&serve, "/metrics")
            .1
            .contains("server=\"from\""),
        "the database itself is no copy"
    );
}

#[test]
fn positions_are_the_engines() {
    let (topic, url) = (topic("serve_positions", 1), database());
    let source = format!("kafka://{}/{topic}", service("KAFKA_BROKERS"));
    let (_engine, engine) = start(&["run", "--source", &source, "--sink", &url]);
    let at = format!("http://{engine}");
    let (_serve, serve) = start(&["serve", "--from", &url, "--engine", &at]);
    let (_alone, alone) = start(&["serve", "--from", &url]);
    let line = |n: u32| {
        format!(
            r#"{{"event_time":"2026-01-23T10:00:00Z","city":"Lisbon","salesman_id":"S{n:03}","amount":{}}}"#,
            1_000 - n
        )
    };
    produce(&topic, &[(0..150).map(line).collect()]);
    let window = "/api/v1/rankings/top_salesmen/windows/2026-01-23T00:00:00Z";
    let position = format!("{window}/keys/S149/position?around=1");
    until("every key is there", Duration::from_secs(30), || {
        get(&engine, &position).status == 200
    });
    for path in [
        &position,
        &format!("{window}/positions?keys=S149,S000,nobody"),
        &format!("{window}?offset=140&limit=4"),
        &format!("{window}/keys/nobody/position"),
    ] {
        let (own, passed) = (get(&engine, path), get(&serve, path));
        assert_eq!(
            (passed.status, &passed.body),
            (own.status, &own.body),
            "{path}"
        );
        if own.status == 200 {
            assert_eq!(marks(&passed), marks(&own), "{path}");
        }
        // Who has no engine to ask says so.
        let why = get(&alone, path).problem(501);
        assert!(why.contains("--engine"), "{path}: {why}");
    }
    // What is ranked is read in the database as before.
    assert_eq!(get(&alone, window).json().as_array().unwrap().len(), 100);
    for (engine, words) in [
        ("http://engine.example:8080", "https alone"),
        ("ftp://127.0.0.1", "http or https"),
        ("http://127.0.0.1/path", "its address alone"),
    ] {
        let out = standings(&[
            "serve",
            "--from",
            &url,
            "--queries",
            "queries",
            "--engine",
            engine,
        ])
        .output()
        .unwrap();
        let text = String::from_utf8_lossy(&out.stderr);
        assert_eq!(out.status.code(), Some(2), "{text}");
        assert!(text.contains(words) && text.contains("S0102"), "{text}");
    }
}
