//! A pooler between standings and Postgres that gives each transaction another connection: a real PgBouncer, with others
//! who use the same connections and leave statements on them whose names are those that a client gives.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::support::calls::get;
use crate::support::kafka::block;
use crate::support::postgres::{connect, database, rows_of};
use crate::support::{self, Bed, Dice, Running, free_port, sales, standings, until};
use tokio_postgres::SimpleQueryMessage;

const WAIT: Duration = Duration::from_secs(30);

/// A PgBouncer before the Postgres of these tests, ended when dropped.
struct Pooler(String);

impl Pooler {
    fn before(url: &str) -> Self {
        let (_, rest) = url.split_once('@').unwrap();
        let (server, _) = rest.split_once('/').unwrap();
        let mut start = Command::new("deploy/services");
        let started = start.args(["pooler", server]).output().unwrap();
        let said = String::from_utf8_lossy(&started.stderr).into_owned();
        assert!(started.status.success(), "{said}");
        let text = String::from_utf8(started.stdout).unwrap();
        Pooler(text.trim().strip_prefix("POOLER=").unwrap().to_owned())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let mut stop = Command::new("deploy/services");
        let _ = stop.arg("no-pooler").status();
    }
}

/// Others: transactions that hold a connection for a moment, so that the next one who comes gets another.
fn others(url: String, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<()> {
    let names: String = (0..64)
        .map(|n| format!("PREPARE s{n} AS SELECT {n};"))
        .collect();
    std::thread::spawn(move || {
        block(async {
            let mut all = Vec::new();
            for _ in 0..4 {
                all.push(connect(&url).await);
            }
            while !stop.load(Ordering::Relaxed) {
                for client in &all {
                    let _ = client.batch_execute(&format!("BEGIN; {names}")).await;
                    let _ = client.batch_execute("SELECT 1").await;
                }
                tokio::time::sleep(Duration::from_millis(4)).await;
                for client in &all {
                    let _ = client.batch_execute("COMMIT").await;
                }
            }
        });
    })
}

#[test]
fn a_run_and_serve_behind_one_that_gives_each_transaction_another_connection() {
    let bed = Bed::new("pooler").topic(2);
    let direct = database();
    let pooler = Pooler::before(&direct);
    let url = format!(
        "postgres://standings@{}/{}",
        pooler.0,
        direct.rsplit('/').next().unwrap()
    );
    for (sink, is_pooled) in [(&direct, false), (&url, true)] {
        let mut run = standings(&["run", "--queries", "queries", "--until-end"]);
        run.args(["--source", "file:/dev/null", "--sink", sink]);
        let said = run.env("STANDINGS_LOG", "debug").output().unwrap().stderr;
        let said = String::from_utf8(said).unwrap();
        assert_eq!(said.contains("sink_pooled"), is_pooled, "{sink}: {said}");
        let again = "DROP TABLE standings_commit, standings_identity";
        block(async { connect(&direct).await.batch_execute(again).await }).unwrap();
    }
    let stop = Arc::new(AtomicBool::new(false));
    let mixing = others(url.clone(), Arc::clone(&stop));
    let bed = bed.sink(&url).flags(&["--commit-interval", "10ms"]);
    let mut run = bed.start(&[]);
    let mut dice = Dice::new(24);
    for round in 0..2 {
        for step in 0..8 {
            let from = 1_769_130_000_000 + (round * 8 + step) * 4_000_000;
            let more: Vec<Vec<String>> = (0..2)
                .map(|_| sales(&mut dice, 25, from, 200_000))
                .collect();
            bed.send(&more);
            std::thread::sleep(Duration::from_millis(100));
        }
        let want = bed.want();
        until("the tables are right", WAIT, || {
            assert!(run.goes_on(), "the run ended: {}", run.log());
            rows_of(&direct) == want
        });
        if round == 0 {
            std::mem::replace(&mut run, bed.start(&[])).kill();
        }
    }
    let runs = "SELECT count(*) FROM standings_runs WHERE outcome = 'running'";
    until("runs are recorded, one as the other's heir", WAIT, || {
        let running = block(async { connect(&direct).await.query_one(runs, &[]).await });
        running.unwrap().get::<_, i64>(0) == 1
    });

    let address = format!("127.0.0.1:{}", free_port());
    let mut serve = standings(&["serve", "--queries", "queries", "--from", &url]);
    let serve = serve.args(["--http", &address, "--http-rate", "0"]);
    let _serve = Running(serve.stdout(Stdio::null()).spawn().unwrap());
    until("serve is ready", WAIT, || {
        support::http::request("GET", &address, "/readyz", "").is_ok_and(|(s, _)| s == 200)
    });
    for _ in 0..30 {
        let answer = get(&address, "/api/v1/salesmen/top?limit=3");
        assert_eq!(answer.status, 200, "{answer:?}");
        let history = get(&address, "/api/v1/salesmen/S3/history?limit=2");
        assert_eq!(history.status, 200, "{history:?}");
    }
    stop.store(true, Ordering::Relaxed);
    mixing.join().unwrap();
    // Nothing of ours stays on the connections that others get: six at once have six of them.
    block(async {
        let mut all = Vec::new();
        for _ in 0..6 {
            let client = connect(&url).await;
            client.batch_execute("BEGIN").await.unwrap();
            let shown = client.simple_query("SHOW statement_timeout").await.unwrap();
            let value = shown.iter().find_map(|message| match message {
                SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
                _ => None,
            });
            assert_eq!(value.as_deref(), Some("0"));
            all.push(client);
        }
    });
}
