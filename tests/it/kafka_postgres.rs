//! The binary against real Kafka and real Postgres: a topic with an idle partition, two processes of two workers, both
//! sinks against the reference; the same input twice; a sink that goes away and comes back.

use std::time::Duration;

use crate::support::kafka::{block, consume, produce, topic};
use crate::support::postgres::{connect, database, rows_of};
use crate::support::proxy::Proxy;
use crate::support::{Dice, fold, reference, run, sales, service, standings, until, wait};
use serde_json::Value;

fn one(url: &str, sql: &str) -> Option<String> {
    block(async { connect(url).await.query_one(sql, &[]).await.unwrap().get(0) })
}

#[test]
fn two_processes_into_both_sinks_and_again() {
    let mut dice = Dice::new(7);
    let mut partitions: Vec<Vec<String>> = (0..2)
        .map(|_| sales(&mut dice, 3000, 1_769_126_400_000, 20_000))
        .collect();
    partitions.push(Vec::new());
    let (source, changes, database) = (topic("sales", 3), topic("changes", 1), database());
    produce(&source, &partitions);
    let brokers = service("KAFKA_BROKERS");
    let source = format!("kafka://{brokers}/{source}");
    let sink = format!("kafka://{brokers}/{changes}");
    let dir = tempfile::tempdir().unwrap();
    let dead = format!("file:{}", dir.path().join("dead").display());
    let args = [
        "cluster",
        "-n",
        "2",
        "--no-restart",
        "--",
        "run",
        "-w",
        "2",
        "--queries",
        "queries",
        "--source",
        &source,
        "--sink",
        &database,
        "--sink",
        &sink,
        "--dead-letter",
        &dead,
        "--until-end",
    ];
    run(&args);
    let want = reference(&partitions, 60_000, 3_600_000);
    let log = consume(&changes);
    let (rows, _) = fold(log.iter().map(String::as_str));
    assert_eq!(rows, want.rows, "the change topic");
    assert_eq!(rows_of(&database), want.rows, "the tables");
    let lines = std::fs::read_to_string(dir.path().join("dead")).unwrap();
    assert_eq!(lines.lines().count() as u64, want.dead);
    let offsets = one(&database, "SELECT offsets::text FROM standings_commit").unwrap();
    let offsets: Value = serde_json::from_str(&offsets).unwrap();
    assert_eq!(
        offsets,
        serde_json::json!({"0": partitions[0].len(), "1": partitions[1].len(), "2": 0})
    );

    // The same input again into the same tables: nothing is written.
    let stamp = "SELECT (SELECT max(updated_at) FROM top_salesmen)::text || (SELECT max(commit) FROM top_sales_per_city)::text
        || (SELECT max(updated_at) FROM top_salesmen_per_city)::text || (SELECT commit FROM standings_commit)::text";
    let before = one(&database, stamp);
    run(&[
        "run",
        "-w",
        "1",
        "--queries",
        "queries",
        "--source",
        &source,
        "--sink",
        &database,
        "--until-end",
    ]);
    assert_eq!(one(&database, stamp), before);
    assert_eq!(
        one(&database, "SELECT generation::text FROM standings_commit").as_deref(),
        Some("2")
    );

    // A row that somebody changed is set right.
    block(async {
        connect(&database)
            .await
            .batch_execute("UPDATE top_salesmen SET total_sales = 1 WHERE rank = 3")
            .await
            .unwrap()
    });
    run(&[
        "run",
        "-w",
        "3",
        "--queries",
        "queries",
        "--source",
        &source,
        "--sink",
        &database,
        "--until-end",
    ]);
    assert_eq!(rows_of(&database), want.rows);
}

/// Ends its process with the test, also when the test fails.
struct Ended(std::process::Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_sink_that_goes_away_loses_nothing() {
    let mut dice = Dice::new(11);
    let lines = sales(&mut dice, 4000, 1_769_126_400_000, 20_000);
    let (first, second) = lines.split_at(2000);
    let (source, direct) = (topic("sales", 1), database());
    let (_, address) = direct.split_once('@').unwrap();
    let (address, name) = address.split_once('/').unwrap();
    let proxy = Proxy::to(address.to_owned());
    let through = format!(
        "postgres://standings@127.0.0.1:{}/{name}?connect_timeout=2",
        proxy.port
    );
    let url = format!("kafka://{}/{source}", service("KAFKA_BROKERS"));
    let mut child = Ended(
        standings(&[
            "run",
            "--queries",
            "queries",
            "--source",
            &url,
            "--sink",
            &through,
        ])
        .spawn()
        .unwrap(),
    );

    produce(&source, &[first.to_vec()]);
    let want = reference(&[first.to_vec()], 60_000, 3_600_000).rows;
    until("the tables before the cut", Duration::from_secs(30), || {
        one(&direct, "SELECT to_regclass('top_salesmen_per_city')::text").is_some()
            && rows_of(&direct) == want
    });
    proxy.cut();
    produce(&source, &[second.to_vec()]);
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        child.0.try_wait().unwrap().is_none(),
        "a sink that is down does not end the process"
    );
    assert_eq!(rows_of(&direct), want, "nothing is written past the cut");
    proxy.heal();
    let want = reference(std::slice::from_ref(&lines), 60_000, 3_600_000).rows;
    until("the tables after the cut", Duration::from_secs(30), || {
        rows_of(&direct) == want
    });

    // Asked to stop, it ends with 0.
    // SAFETY: the child has not been waited for, so its process id is still its own.
    unsafe { libc::kill(child.0.id() as i32, libc::SIGTERM) };
    wait(
        &mut child.0,
        Duration::from_secs(20),
        &["run, asked to stop"],
    );
}
