//! A newer cluster takes over at once; the older one, stopped meanwhile and then continued, cannot commit any more.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::kafka::{consume, produce, topic};
use crate::support::postgres::{database, rows_of};
use crate::support::{Dice, HOUR, Running, fold, reference, sales, service, standings, until};

fn signal(running: &Running, name: &str) {
    let pid = running.0.id().to_string();
    assert!(
        Command::new("kill")
            .args([name, &pid])
            .status()
            .unwrap()
            .success()
    );
}

fn zombie(sink_of: impl Fn() -> (String, Option<String>), word: &str) {
    let mut dice = Dice::new(31);
    let name = topic("fencing", 2);
    let source = format!("kafka://{}/{name}", service("KAFKA_BROKERS"));
    let (sink, changes) = sink_of();
    let dir = tempfile::tempdir().unwrap();
    let start = |log: &str| {
        let log = std::fs::File::create(dir.path().join(log)).unwrap();
        let child = standings(&[
            "run",
            "--queries",
            "queries",
            "--source",
            &source,
            "--sink",
            &sink,
            "-w",
            "2",
        ])
        .stderr(Stdio::from(log))
        .spawn();
        Running(child.unwrap())
    };
    let count = || match &changes {
        Some(changes) => consume(changes).len(),
        None => rows_of(&sink).len(),
    };
    let parts: Vec<Vec<Vec<String>>> = (0..3)
        .map(|i| {
            (0..2)
                .map(|_| sales(&mut dice, 200, 1_769_130_000_000 + i * 3_000_000, 20_000))
                .collect()
        })
        .collect();
    let mut old = start("old");
    produce(&name, &parts[0]);
    let wait = Duration::from_secs(40);
    std::thread::sleep(Duration::from_secs(1));
    until("the old cluster commits", wait, || count() > 0);
    signal(&old, "-STOP");
    produce(&name, &parts[1]);
    let before = count();
    let began = Instant::now();
    let new = start("new");
    until("the new cluster commits", wait, || count() != before);
    println!("{word}: taken over in {:?}", began.elapsed());
    // The zombie has read nothing of this, and now it will, and try to write it.
    produce(&name, &parts[2]);
    signal(&old, "-CONT");
    let began = Instant::now();
    let status = loop {
        if let Some(status) = old.0.try_wait().unwrap() {
            break status;
        }
        assert!(began.elapsed() < wait, "the zombie goes on");
        std::thread::sleep(Duration::from_millis(20));
    };
    let text = std::fs::read_to_string(dir.path().join("old")).unwrap();
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("taken over"), "{word}: {text}");

    let all: Vec<Vec<String>> = (0..2)
        .map(|p| parts.iter().flat_map(|step| step[p].clone()).collect())
        .collect();
    let want = reference(&all, 60_000, HOUR).rows;
    until("everything is there once", wait, || match &changes {
        Some(changes) => fold(consume(changes).iter().map(String::as_str)).0 == want,
        None => rows_of(&sink) == want,
    });
    drop(new);
}

#[test]
fn a_zombie_cannot_commit_to_postgres() {
    zombie(|| (database(), None), "postgres");
}

#[test]
fn a_zombie_cannot_commit_to_kafka() {
    let changes = topic("fencing_changes", 1);
    let url = format!("kafka://{}/{changes}", service("KAFKA_BROKERS"));
    zombie(|| (url.clone(), Some(changes.clone())), "kafka");
}
