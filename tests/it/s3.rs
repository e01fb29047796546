//! Snapshots in a bucket: written, listed, collected and started from, through the real client over HTTP; the other side
//! is `tests/support/bucket.rs`.

use std::process::Stdio;
use std::time::Duration;

use crate::support::bucket::Bucket;
use crate::support::postgres::{database, rows_of};
use crate::support::{Dice, HOUR, Running, reference, sales, standings, until, wait};
#[test]
fn a_bucket_is_written_collected_and_started_from() {
    let bucket = Bucket::start();
    let dir = tempfile::tempdir().unwrap();
    let lines = sales(&mut Dice::new(12), 4000, 1_769_126_400_000, 20_000);
    let input = dir.path().join("sales.ndjson");
    let postgres = database();
    let begin = |workers: &str, more: &[&str]| {
        let mut command = standings(&["run", "--queries", "queries", "-w", workers]);
        command
            .args(["--source", &format!("file:{}", input.display())])
            .args(["--sink", &postgres])
            .args([
                "--state",
                "s3://bucket/some/prefix",
                "--snapshot-interval",
                "20ms",
            ])
            .args(["--epoch-bytes", "20000"])
            .args(more)
            .env("STANDINGS_LOG", "info")
            .stdout(Stdio::null());
        bucket.tell(&mut command);
        command
    };
    let newest = || {
        let held = bucket.held();
        let all = held.objects.iter();
        let manifests = all.filter(|(k, _)| k.starts_with("some/prefix/manifests/"));
        // What only says that the store was opened has none.
        let is_snapshot = |v: &Vec<u8>| String::from_utf8_lossy(v).contains("\"parts\":");
        let snapshots = manifests.filter(|(_, v)| is_snapshot(v));
        snapshots.map(|(k, _)| k).max().cloned()
    };
    // Part after part, each by another number of workers, with a snapshot of it before it is stopped.
    for (round, workers) in ["2", "3", "1", "2", "3", "1"].iter().enumerate() {
        let part = &lines[..500 * (round + 1)];
        std::fs::write(&input, part.join("\n") + "\n").unwrap();
        let before = newest();
        let child = begin(workers, &[]).stderr(Stdio::null()).spawn();
        let mut child = Running(child.unwrap());
        let want = reference(&[part.to_vec()], 60_000, HOUR).rows;
        until("a snapshot of it", Duration::from_secs(30), || {
            newest() > before
        });
        until("the rankings of a part", Duration::from_secs(30), || {
            rows_of(&postgres) == want
        });
        // Who is asked to stop does not wait for it.
        until(
            "what is not needed is removed",
            Duration::from_secs(30),
            || round < 4 || bucket.held().removed > 0,
        );
        // SAFETY: not waited for yet, so its process id is still its own.
        unsafe { libc::kill(child.0.id() as i32, libc::SIGTERM) };
        wait(&mut child.0, Duration::from_secs(30), &["asked to stop"]);
    }
    // All of it, another number of workers.
    std::fs::write(&input, lines.join("\n") + "\n").unwrap();
    let output = begin("3", &["--until-end"])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let loaded: u64 = said
        .lines()
        .filter(|line| line.contains("snapshot_loaded"))
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["rows"].as_u64())
        .sum();
    assert!(loaded > 0, "it starts from the bucket: {said}");
    assert!(!said.contains("secret-canary"), "secrets are not logged");
    let want = reference(&[lines], 60_000, HOUR).rows;
    assert!(rows_of(&postgres) == want, "the same rankings");
    let held = bucket.held();
    assert!(
        held.refused > 0 && held.removed > 0,
        "busy ({}), and collected ({})",
        held.refused,
        held.removed
    );
    assert!(held.signed > held.requests / 2, "requests are signed");
}

/// An address that names no bucket is wrong usage.
#[test]
fn an_address_without_a_bucket_is_refused() {
    let out = standings(&[
        "run",
        "--queries",
        "queries",
        "--source",
        "file:queries/sales.sql",
    ])
    .args(["--sink", "file:/dev/null", "--until-end"])
    .args(["--state", "s3:"])
    .output()
    .unwrap();
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("s3://bucket/standings"), "{said}");
}
