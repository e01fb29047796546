//! The table of runs in real Postgres: how runs end, and who asks for them.

use std::time::Duration;

use crate::support::calls::get;
use crate::support::kafka::block;
use crate::support::postgres::connect;
use crate::support::{self, Bed, Dice, Running, free_port, sales, standings, until};
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

/// Over a file of so many sales.
fn over_file(seed: u64, n: usize) -> Bed {
    let bed = Bed::new("runs").file("sales.ndjson");
    let lines = sales(&mut Dice::new(seed), n, 1_769_126_400_000, 20_000);
    bed.write("sales.ndjson", &lines);
    bed
}

#[test]
fn a_run_says_when_it_began_what_it_did_and_how_it_ended() {
    let bed = over_file(5, 500).database();
    let url = bed.postgres();
    assert_eq!(bed.ends(&[]).0, Some(0));
    assert_eq!(bed.ends(&["--generation", "3"]).0, Some(0));
    assert_eq!(bed.ends(&["--retain", "8d"]).0, Some(0));
    execute(
        url,
        "ALTER TABLE top_salesmen DROP COLUMN total_sales CASCADE",
    );
    assert_eq!(bed.ends(&[]).0, Some(2));

    let found = runs(url);
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
    let serve = ["serve", "--from", url, "--queries", "queries", "--http"];
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
    let bed = Bed::new("runs").topic(1).database().http();
    let bed = bed.flags(&["--runs-interval", "100ms"]);
    bed.send(&[sales(&mut Dice::new(6), 50, 1_769_126_400_000, 20_000)]);
    let url = bed.postgres();
    let first = bed.start(&[]);
    until(
        "the counts of a run that goes on",
        Duration::from_secs(30),
        || {
            runs(url)
                .first()
                .is_some_and(|r| r["counts"]["read"] == 50 && r["outcome"] == "running")
        },
    );
    // Killed: it cannot say anything.
    first.kill();
    let second = bed.start(&[]);
    until(
        "the first is known to be gone",
        Duration::from_secs(30),
        || {
            let found = runs(url);
            found.len() == 2 && found[0]["outcome"] == "failed" && found[1]["outcome"] == "running"
        },
    );
    let told = get(bed.address(), "/api/v1/runs").json();
    let error = told[1]["error"].as_str().unwrap();
    assert!(error.contains(told[0]["id"].as_str().unwrap()), "{error}");
    // Asked to stop, it is done.
    assert_eq!(second.stop().0, Some(0));
    assert_eq!(runs(url)[1]["outcome"], "done");
}

#[test]
fn a_table_that_cannot_be_written_costs_the_run_nothing() {
    let bed = over_file(7, 200).database();
    execute(bed.postgres(), "CREATE TABLE standings_runs (id text)");
    let log = bed.to_end(&[]);
    assert_eq!(log.matches("run_not_recorded").count(), 1, "{log}");
    assert!(!bed.rows().is_empty());
    // Not wanted: not made.
    let other = over_file(7, 200).database();
    other.to_end(&["--runs-interval", "0s"]);
    assert_eq!(runs(other.postgres()), Vec::<Value>::new());
}

/// Each write is on a connection of its own, which has the search path of that moment.
#[test]
fn the_table_stays_where_it_was_found_whatever_the_search_path_says_later() {
    let bed = Bed::new("runs").topic(1).database();
    let url = bed.postgres();
    let run = bed.start(&[]);
    until("it is recorded", Duration::from_secs(20), || {
        runs(url).len() == 1
    });
    let name = url.rsplit('/').next().unwrap();
    execute(
        url,
        &format!("CREATE SCHEMA other; ALTER DATABASE {name} SET search_path TO other, public"),
    );
    assert_eq!(run.stop().0, Some(0));
    execute(
        url,
        "DO $$BEGIN
           ASSERT to_regclass('other.standings_runs') IS NULL, 'made anew elsewhere';
           ASSERT (SELECT outcome FROM public.standings_runs) = 'done', 'its end is not recorded';
         END$$",
    );
}
