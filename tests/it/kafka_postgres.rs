//! The binary against real Kafka and real Postgres: a topic with an idle partition, two processes of two workers, both
//! sinks against the reference; the same input twice; a sink that goes away and comes back.

use std::time::Duration;

use crate::support::kafka::block;
use crate::support::postgres::connect;
use crate::support::{Bed, Dice, HOUR, reference, sales};
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
    let bed = Bed::new("sales").topic(3).database();
    bed.send(&partitions);
    let database = bed.postgres().to_owned();
    let both = Bed::new("both").source(bed.source_url()).sink(&database);
    let both = both.changes().keep("--dead-letter", "dead");
    let mut cluster = both.cluster("2", &["--no-restart"], &["-w", "2", "--until-end"]);
    let code = cluster.wait(Duration::from_secs(90));
    assert_eq!(code, Some(0), "{}", cluster.log());
    let want = reference(&partitions, 60_000, HOUR);
    assert_eq!(both.folded(), want.rows, "the change topic");
    assert_eq!(bed.rows(), want.rows, "the tables");
    assert_eq!(both.read("dead").lines().count() as u64, want.dead);
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
    bed.to_end(&["-w", "1"]);
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
    bed.to_end(&["-w", "3"]);
    assert_eq!(bed.rows(), want.rows);
}

#[test]
fn a_sink_that_goes_away_loses_nothing() {
    let mut dice = Dice::new(11);
    let lines = sales(&mut dice, 4000, 1_769_126_400_000, 20_000);
    let (first, second) = lines.split_at(2000);
    let bed = Bed::new("sales").topic(1).database_by_proxy();
    let mut run = bed.start(&[]);
    bed.send(&[first.to_vec()]);
    bed.shows_all("the tables before the cut");
    let before = bed.want();
    bed.proxy().cut();
    bed.send(&[second.to_vec()]);
    std::thread::sleep(Duration::from_secs(2));
    assert!(
        run.goes_on(),
        "a sink that is down does not end the process"
    );
    assert_eq!(bed.rows(), before, "nothing is written past the cut");
    bed.proxy().heal();
    bed.shows_all("the tables after the cut");
    let (code, _, text) = run.stop();
    assert_eq!(code, Some(0), "{text}");
}
