//! A topic that goes on: where reading begins, partitions that fall silent and come back, that are added, that lag
//! beyond retention.

use std::time::Duration;

use crate::support::kafka::block;
use crate::support::{Bed, DAY, HOUR, Process, service, until};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use serde_json::Value;

const DAY_ONE: i64 = 1_769_126_400_000; // 2026-01-23T00:00:00Z
const WAIT: Duration = Duration::from_secs(30);

struct Live {
    bed: Bed,
    run: Process,
}

/// A topic, and all that becomes of its sales in files.
fn bed(partitions: i32) -> Bed {
    let bed = Bed::new("live").topic(partitions).changes_file().http();
    let bed = bed.keep("--late", "late").keep("--dead-letter", "dead");
    bed.flags(&["-w", "2"])
}

impl Live {
    fn start(partitions: i32, flags: &[&str]) -> Self {
        Live::over(bed(partitions), flags)
    }

    fn over(bed: Bed, flags: &[&str]) -> Self {
        let run = bed.start(flags).ready();
        Live { bed, run }
    }

    fn send(&self, partition: usize, sales: &[(i64, &str, i64)]) {
        let line = |(time, city, amount): &(i64, &str, i64)| {
            format!(
                r#"{{"event_time":{time},"city":"{city}","salesman_id":"S","amount":{amount}}}"#
            )
        };
        let mut parts = vec![Vec::new(); partition + 1];
        parts[partition] = sales.iter().map(line).collect();
        self.bed.send(&parts);
    }

    /// The last change of a city's day.
    fn city(&self, city: &str, day: &str) -> Option<Value> {
        lines(&self.bed.read("changes"))
            .into_iter()
            .rev()
            .find(|c| {
                c["ranking"] == "top_sales_per_city"
                    && c["row"]["city"] == city
                    && c["window_start"]
                        .as_str()
                        .is_some_and(|s| s.starts_with(day))
            })
    }

    fn sees(&self, city: &str, day: &str, total: &str, is_final: bool) {
        until(&format!("{city} {day} {total} {is_final}"), WAIT, || {
            self.city(city, day)
                .is_some_and(|c| c["row"]["total_sales"] == total && c["final"] == is_final)
        });
    }

    fn stop(self) -> Bed {
        let (code, _, text) = self.run.stop();
        assert_eq!(code, Some(0), "{text}");
        self.bed
    }
}

/// The whole lines of a file that is being written.
fn lines(text: &str) -> Vec<Value> {
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    whole
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect()
}

#[test]
fn latest_begins_at_what_comes() {
    let bed = bed(2);
    let old =
        r#"{"event_time":1769126400000,"city":"Old","salesman_id":"S","amount":1}"#.to_owned();
    bed.send(&[vec![old.clone()], vec![old]]);
    let live = Live::over(bed, &["--start", "latest"]);
    // Ready says that the sinks are open; the reader knows its partitions a moment later.
    until("assigned", WAIT, || {
        let metrics = live.bed.metrics();
        metrics.matches("standings_source_lag_records{").count() == 2
    });
    live.send(0, &[(DAY_ONE + HOUR, "New", 5)]);
    live.sees("New", "2026-01-23", "5.00", false);
    assert!(live.city("Old", "2026-01-23").is_none());
    live.stop();
}

#[test]
fn an_idle_partition_holds_nothing_and_comes_back_as_a_correction() {
    let live = Live::start(2, &["--idle-timeout", "700ms", "--out-of-orderness", "0ms"]);
    live.send(0, &[(DAY_ONE + HOUR, "Porto", 10)]);
    live.send(1, &[(DAY_ONE + HOUR, "Lisbon", 20)]);
    live.sees("Lisbon", "2026-01-23", "20.00", false);
    // Partition 0 moves to the next day; 1 is silent, and does not hold the first day open for ever.
    live.send(0, &[(DAY_ONE + DAY + HOUR, "Porto", 1)]);
    live.sees("Lisbon", "2026-01-23", "20.00", true);
    live.sees("Porto", "2026-01-23", "10.00", true);
    // Its own watermark is still in the first day, so this is no late sale.
    live.send(1, &[(DAY_ONE + 2 * HOUR, "Lisbon", 5)]);
    live.sees("Lisbon", "2026-01-23", "25.00", true);
    let bed = live.stop();
    assert!(bed.read("late").is_empty());
}

#[test]
fn new_partitions_are_found() {
    let live = Live::start(1, &[]);
    live.send(0, &[(DAY_ONE + HOUR, "Porto", 10)]);
    live.sees("Porto", "2026-01-23", "10.00", false);
    let admin: AdminClient<_> = ClientConfig::new()
        .set("bootstrap.servers", service("KAFKA_BROKERS"))
        .create()
        .unwrap();
    let more = NewPartitions::new(live.bed.topic_name(), 4);
    block(admin.create_partitions([&more], &AdminOptions::new())).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    live.send(3, &[(DAY_ONE + HOUR, "Lisbon", 7)]);
    live.sees("Lisbon", "2026-01-23", "7.00", false);
    live.stop();
}

#[test]
fn what_lags_beyond_retention_is_retired_and_seen() {
    let flags = [
        "--idle-timeout",
        "500ms",
        "--out-of-orderness",
        "0ms",
        "--allowed-lateness",
        "1h",
        "--retain",
        "1d",
    ];
    let live = Live::start(2, &flags);
    live.send(1, &[(DAY_ONE + HOUR, "Lisbon", 20)]);
    live.send(0, &[(DAY_ONE + HOUR, "Porto", 10)]);
    live.sees("Lisbon", "2026-01-23", "20.00", false);
    // Four days on, with the other partition idle: the first day is closed, and more than a day past its lateness.
    live.send(0, &[(DAY_ONE + 4 * DAY, "Porto", 1)]);
    live.sees("Lisbon", "2026-01-23", "20.00", true);
    live.sees("Porto", "2026-01-27", "1.00", false);
    // The window is dropped between epochs; a sale for it is tried until it is refused.
    let mut sent = 0;
    until("a retired sale", WAIT, || {
        if lines(&live.bed.read("late"))
            .iter()
            .any(|l| l["reason"] == "retired")
        {
            return true;
        }
        sent += 1;
        live.send(1, &[(DAY_ONE + 2 * HOUR, "Lisbon", 5)]);
        std::thread::sleep(Duration::from_millis(300));
        false
    });
    let metrics = live.bed.metrics();
    assert!(
        metrics.contains(r#"standings_records_retired_total{partition="1"} "#),
        "{metrics}"
    );
    let bed = live.stop();
    let late = lines(&bed.read("late"));
    let retired: Vec<_> = late.iter().filter(|l| l["reason"] == "retired").collect();
    assert!(!retired.is_empty() && sent >= retired.len(), "{late:?}");
    assert!(retired[0]["sale"].as_str().unwrap().contains("Lisbon"));
    let windows = retired[0]["windows"].as_array().unwrap();
    assert!(
        windows.iter().all(|w| w["reason"] == "retired"),
        "{windows:?}"
    );
}
