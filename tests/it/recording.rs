//! Load goes to a real topic, is recorded from it, and gives the same rankings from the recording, at any pace.

use std::time::{Duration, Instant};

use crate::support::kafka::{topic, unique};
use crate::support::{fold, run, service};

#[test]
fn a_recording_is_as_good_as_the_topic() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name).display().to_string();
    let name = topic("recorded", 3);
    let url = format!("kafka://{}/{name}", service("KAFKA_BROKERS"));
    let (sales, recording) = (at("sales.ndjson.zst"), at("sales.rec"));
    run(&[
        "load",
        "generate",
        "--sales",
        "3000",
        "--seed",
        "4",
        "--late-share",
        "0.02",
        "--refund-share",
        "0.05",
        "--broken-share",
        "0.01",
        "--duplicate-share",
        "0.01",
        "--city-exponent",
        "1.4",
        "--out",
        &sales,
    ]);
    run(&["load", "replay", &sales, "--to", &url]);
    run(&[
        "load",
        "record",
        "--source",
        &url,
        "--until-end",
        "--out",
        &recording,
    ]);
    let rank = |source: &str, workers: &str| {
        let out = at("out.ndjson");
        let sink = format!("file:{out}");
        run(&[
            "run",
            "--queries",
            "queries",
            "--source",
            source,
            "--sink",
            &sink,
            "--until-end",
            "-w",
            workers,
        ]);
        fold(std::fs::read_to_string(&out).unwrap().lines()).0
    };
    let from_topic = rank(&url, "2");
    assert!(from_topic.len() > 100);
    let source = format!("recording:{recording}");
    assert_eq!(rank(&source, "1"), from_topic);
    let started = Instant::now();
    assert_eq!(rank(&format!("{source}?pace=3000"), "2"), from_topic);
    let took = started.elapsed();
    assert!(
        took >= Duration::from_millis(990),
        "3000 records at 3000 a second took {took:?}"
    );

    // And back into a topic of fewer partitions: not the same order, so only what does not depend on it is compared.
    let second = format!(
        "kafka://{}/{}",
        service("KAFKA_BROKERS"),
        unique("replayed")
    );
    run(&[
        "load",
        "replay",
        &recording,
        "--to",
        &second,
        "--rate",
        "20000",
        "--partitions",
        "2",
    ]);
    let again = at("again.rec");
    run(&[
        "load", "record", "--source", &second, "--sales", "3000", "--out", &again,
    ]);
    assert!(std::fs::metadata(&again).unwrap().len() > 10_000);
}
