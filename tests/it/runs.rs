//! The table of runs in real Postgres: how runs end, and who asks for them.

use std::process::Stdio;
use std::time::Duration;

use crate::support::calls::get;
use crate::support::kafka::{block, produce, topic};
use crate::support::postgres::{connect, database};
use crate::support::{self, Dice, Running, free_port, run, sales, service, standings, until};
use serde_json::Value;

/// Every run of a database, oldest first, as JSON.
fn runs(url: &str) -> Vec<Value> {
    block(async {
        let client = connect(url).await;
        let sql = "SELECT to_jsonb(r)::text FROM standings_runs r ORDER BY started";
        let rows = client.query(sql, &[]).await.unwrap_or_default();
        let run = |row: &tokio_postgres::Row| serde_json::from_str(row.get(0)).unwrap();
        rows.iter().map(run).collect()
    })
}

fn execute(url: &str, sql: &str) {
    block(async { connect(url).await.batch_execute(sql).await.unwrap() });
}

/// A file of sales: its folder, which is removed with it, and its URL.
fn file(lines: &[String]) -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sales.ndjson");
    std::fs::write(&path, lines.join("\n") + "\n").unwrap();
    let url = format!("file:{}", path.display());
    (dir, url)
}

#[test]
fn a_run_says_when_it_began_what_it_did_and_how_it_ended() {
    let lines = sales(&mut Dice::new(5), 500, 1_769_126_400_000, 20_000);
    let ((_dir, source), url) = (file(&lines), database());
    let args = ["--queries", "queries", "--source", &source, "--sink", &url];
    let flags = |more: &[&'static str]| {
        let all = ["run"].iter().chain(&args).chain(more);
        all.map(|s| (*s).to_owned()).collect::<Vec<_>>()
    };
    let ended = |more: &[&'static str]| {
        let flags = flags(more);
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        standings(&flags).output().unwrap().status.code()
    };
    assert_eq!(ended(&["--until-end"]), Some(0));
    assert_eq!(ended(&["--until-end", "--generation", "3"]), Some(0));
    assert_eq!(ended(&["--until-end", "--retain", "8d"]), Some(0));
    execute(
        &url,
        "ALTER TABLE top_salesmen DROP COLUMN total_sales CASCADE",
    );
    assert_eq!(ended(&["--until-end"]), Some(2));

    let found = runs(&url);
    let of = |name: &str| found.iter().map(|r| r[name].clone()).collect::<Vec<_>>();
    assert_eq!(of("outcome"), ["done", "done", "done", "failed"]);
    assert_eq!(found[0]["counts"]["read"], 500);
    let counts = &found[0]["counts"];
    let sum = [
        "ranked",
        "late",
        "retired",
        "dead_lettered",
        "duplicate",
        "filtered",
    ];
    let sum: u64 = sum.iter().map(|n| counts[n].as_u64().unwrap()).sum();
    assert_eq!(sum, 500, "{counts}");
    assert_eq!(counts["offsets"]["0"], 500);
    assert!(counts["changes"].as_u64() > Some(10), "{counts}");
    for run in &found {
        assert!(run["started"].as_str() <= run["ended"].as_str(), "{run}");
        assert_eq!(run["version"], env!("CARGO_PKG_VERSION"));
    }
    // The same configuration has the same hash, whatever the generation.
    let hash = of("configuration_hash");
    assert!(hash[0] == hash[1] && hash[1] != hash[2], "{hash:?}");
    let error = found[3]["error"].as_str().unwrap();
    assert!(error.contains("top_salesmen"), "{error}");
    assert_eq!(found[0]["error"], Value::Null);
    assert_eq!(found[0]["configuration"]["until_end"], true);
    assert_eq!(found[0]["configuration"]["retain"], "7d");
    // Every setting there is.
    let example = standings(&["config", "example", "run"]).output().unwrap();
    let example = String::from_utf8(example.stdout).unwrap();
    let keys = example
        .lines()
        .filter_map(|l| l.strip_prefix("# ")?.split_once(" = "));
    let keys: Vec<_> = keys.map(|(key, _)| key.replace('-', "_")).collect();
    let keys: Vec<_> = keys.iter().filter(|k| !k.contains(' ')).collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        let of = &found[0]["configuration"];
        assert!(of.get(key).is_some(), "no {key} in {of}");
    }

    // And through the API, newest first.
    let address = format!("127.0.0.1:{}", free_port());
    let serve = ["serve", "--from", &url, "--queries", "queries", "--http"];
    let mut serve = standings(&serve);
    let _serve = Running(serve.arg(&address).spawn().unwrap());
    until("served", Duration::from_secs(20), || {
        support::http::request("GET", &address, "/healthz", "").is_ok_and(|(s, _)| s == 200)
    });
    let told = get(&address, "/api/v1/runs?limit=2").json();
    assert_eq!(told.as_array().unwrap().len(), 2);
    assert_eq!(
        (&told[0]["id"], &told[1]["id"]),
        (&found[3]["id"], &found[2]["id"])
    );
    assert_eq!(told[0]["outcome"], "failed");
    assert_eq!(get(&address, "/api/v1/runs?limit=0").status, 400);
}

#[test]
fn a_run_that_was_killed_is_said_to_have_failed_by_who_takes_over() {
    let (topic, url) = (topic("runs", 1), database());
    produce(
        &topic,
        &[sales(&mut Dice::new(6), 50, 1_769_126_400_000, 20_000)],
    );
    let source = format!("kafka://{}/{topic}", service("KAFKA_BROKERS"));
    let start = || {
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = standings(&["run", "--queries", "queries", "--source", &source]);
        command.args(["--sink", &url, "--runs-interval", "100ms", "--http"]);
        let child = command.arg(&address).stdout(Stdio::null()).spawn().unwrap();
        (Running(child), address)
    };
    let (first, _) = start();
    until(
        "the counts of a run that goes on",
        Duration::from_secs(30),
        || {
            runs(&url)
                .first()
                .is_some_and(|r| r["counts"]["read"] == 50 && r["outcome"] == "running")
        },
    );
    // Killed: it cannot say anything.
    drop(first);
    let (mut second, address) = start();
    until(
        "the first is known to be gone",
        Duration::from_secs(30),
        || {
            let found = runs(&url);
            found.len() == 2 && found[0]["outcome"] == "failed" && found[1]["outcome"] == "running"
        },
    );
    let told = get(&address, "/api/v1/runs").json();
    let error = told[1]["error"].as_str().unwrap();
    assert!(error.contains(told[0]["id"].as_str().unwrap()), "{error}");
    // Asked to stop, it is done.
    // SAFETY: the child has not been waited for, so its process id is still its own.
    unsafe { libc::kill(second.0.id() as i32, libc::SIGTERM) };
    support::wait(&mut second.0, Duration::from_secs(20), &["run"]);
    assert_eq!(runs(&url)[1]["outcome"], "done");
}

#[test]
fn a_table_that_cannot_be_written_costs_the_run_nothing() {
    let lines = sales(&mut Dice::new(7), 200, 1_769_126_400_000, 20_000);
    let ((_dir, source), url) = (file(&lines), database());
    execute(&url, "CREATE TABLE standings_runs (id text)");
    let args = ["run", "--queries", "queries", "--source", &source];
    let output = standings(&args)
        .args(["--sink", &url, "--until-end"])
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{log}");
    assert_eq!(log.matches("run_not_recorded").count(), 1, "{log}");
    assert!(!support::postgres::rows_of(&url).is_empty());
    // Not wanted: not made.
    let other = database();
    let mut args = args.to_vec();
    args.extend(["--sink", &other, "--until-end", "--runs-interval", "0s"]);
    run(&args);
    assert_eq!(runs(&other), Vec::<Value>::new());
}

/// Each write is on a connection of its own, which has the search path of that moment.
#[test]
fn the_table_stays_where_it_was_found_whatever_the_search_path_says_later() {
    let url = database();
    let source = format!("kafka://{}/{}", service("KAFKA_BROKERS"), topic("runs", 1));
    let child = standings(&["run", "--queries", "queries", "--source", &source])
        .args(["--sink", &url])
        .spawn();
    let mut run = Running(child.unwrap());
    until("it is recorded", Duration::from_secs(20), || {
        runs(&url).len() == 1
    });
    let name = url.rsplit('/').next().unwrap();
    execute(
        &url,
        &format!("CREATE SCHEMA other; ALTER DATABASE {name} SET search_path TO other, public"),
    );
    // SAFETY: the child has not been waited for, so its process id is still its own.
    unsafe { libc::kill(run.0.id() as i32, libc::SIGTERM) };
    support::wait(&mut run.0, Duration::from_secs(20), &["run"]);
    execute(
        &url,
        "DO $$BEGIN
           ASSERT to_regclass('other.standings_runs') IS NULL, 'made anew elsewhere';
           ASSERT (SELECT outcome FROM public.standings_runs) = 'done', 'its end is not recorded';
         END$$",
    );
}
