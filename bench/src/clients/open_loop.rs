//! Latency, open loop: sends sales to a topic on a schedule that waits for nobody, and takes the time from when a sale
//! was to be sent until what it changed can be seen. A sender or a receiver that falls behind makes every sale after it
//! later, as it would for its users.
//!
//! ```text
//! schedule ──► topic of sales ──► (whatever runs between) ──► topic of changes, read committed   --watch kafka:TOPIC
//!                     │                                   └──► Postgres, standings_commit        --watch postgres:URL
//!                     └──────────────────────────────────────► a consumer: the floor             --watch source
//! ```
//!
//! Sale `k` of partition `p` has the id `p-k`. A change that shows it (`last_sale`), or a commit whose offsets cover it,
//! shows every sale before it in that partition too. `bench/latency` starts what runs between, and prints tables.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use hdrhistogram::Histogram;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde::{Deserialize, Serialize};

use crate::harness::services::wait_for;
use crate::problem::Problem;

/// Sends sales on a schedule, and takes the time until what they changed can be seen.
#[derive(Args)]
pub struct OpenLoopArgs {
    #[arg(long)]
    brokers: String,
    #[arg(long)]
    topic: String,
    #[arg(long, default_value_t = 3)]
    partitions: usize,
    /// Sales a second.
    #[arg(long)]
    rate: u64,
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Seconds before it counts.
    #[arg(long, default_value_t = 5)]
    warm_up: u64,
    /// Cities that are sold in.
    #[arg(long, default_value_t = 300)]
    cities: u64,
    /// source, kafka:TOPIC or postgres:URL.
    #[arg(long)]
    watch: String,
}

/// What it found; latencies in milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// Sales that were seen, and count.
    pub seen: u64,
    /// Sales that were not seen within ten seconds of the last.
    pub missing: u64,
    /// The longest that a sale was given to the client after it was due.
    pub sender_late_ms: f64,
    /// The median.
    pub p50: f64,
    /// Of ten, nine took no longer.
    pub p90: f64,
    /// Of a hundred, 99.
    pub p99: f64,
    /// Of a thousand, 999.
    pub p999: f64,
    /// The longest.
    pub max: f64,
}

/// When each sale is to be sent.
#[derive(Clone, Copy)]
struct Schedule {
    start: Instant,
    rate: u64,
    partitions: usize,
    counts_from: Duration,
}

impl Schedule {
    fn due(&self, n: u64) -> Instant {
        self.start + Duration::from_nanos(n * 1_000_000_000 / self.rate)
    }
}

/// How far each partition has been seen, and how long that took.
struct Seen {
    schedule: Schedule,
    next: Vec<u64>,
    latencies: Histogram<u64>,
}

impl Seen {
    /// Everything before `next` of a partition can be seen now.
    fn reach(&mut self, partition: usize, next: u64) {
        let now = Instant::now();
        for k in self.next[partition]..next {
            let n = k * self.schedule.partitions as u64 + partition as u64;
            let due = self.schedule.due(n);
            if due >= self.schedule.start + self.schedule.counts_from {
                let took = now.saturating_duration_since(due).as_micros() as u64;
                self.latencies.saturating_record(took.max(1));
            }
        }
        self.next[partition] = self.next[partition].max(next);
    }

    fn total(&self) -> u64 {
        self.next.iter().sum()
    }
}

/// Sends, watches, and prints the outcome as JSON.
pub fn run(args: &OpenLoopArgs) -> Result<(), Problem> {
    let total = args.rate * (args.seconds + args.warm_up);
    let schedule = Schedule {
        // Time for the watcher to be there.
        start: Instant::now() + Duration::from_secs(2),
        rate: args.rate,
        partitions: args.partitions,
        counts_from: Duration::from_secs(args.warm_up),
    };
    // Microseconds, up to ten minutes.
    let latencies = Histogram::new_with_bounds(1, 600_000_000, 3);
    let seen = Seen {
        schedule,
        next: vec![0; args.partitions],
        latencies: latencies.map_err(|e| Problem::said("the histogram", e.to_string()))?,
    };
    let done = Arc::new(AtomicBool::new(false));
    let watcher = {
        let done = Arc::clone(&done);
        let (brokers, watch, topic) =
            (args.brokers.clone(), args.watch.clone(), args.topic.clone());
        std::thread::spawn(move || match watch.split_once(':') {
            Some(("kafka", changes)) => consume(&brokers, changes, false, total, seen, &done),
            Some(("postgres" | "postgresql", _)) => poll(&watch, total, seen, &done),
            _ => consume(&brokers, &topic, true, total, seen, &done),
        })
    };
    let late = send(args, schedule, total)?;
    // What is not seen within ten seconds of the end is missing.
    let limit = Instant::now() + Duration::from_secs(10);
    while !watcher.is_finished() && Instant::now() < limit {
        std::thread::sleep(Duration::from_millis(20));
    }
    done.store(true, Ordering::Relaxed);
    let seen = watcher
        .join()
        .map_err(|_| Problem::said("the watcher", "it panicked"))??;
    let ms = |q: f64| hundredths(seen.latencies.value_at_quantile(q) as f64 / 1000.0);
    let outcome = Outcome {
        seen: seen.latencies.len(),
        missing: total - seen.total().min(total),
        sender_late_ms: (late.as_secs_f64() * 10_000.0).round() / 10.0,
        p50: ms(0.5),
        p90: ms(0.9),
        p99: ms(0.99),
        p999: ms(0.999),
        max: hundredths(seen.latencies.max() as f64 / 1000.0),
    };
    let text = serde_json::to_string(&outcome);
    println!(
        "{}",
        text.map_err(|e| Problem::said("the outcome", e.to_string()))?
    );
    Ok(())
}

fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// Sends every sale when it is due, or as soon after as it can; the longest that one was given to the client late.
fn send(args: &OpenLoopArgs, schedule: Schedule, total: u64) -> Result<Duration, Problem> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", &args.brokers)
        // The client's default: with less, two thousand requests a second are all that a broker on two cores does.
        .set("linger.ms", "5")
        .set("queue.buffering.max.messages", "1000000")
        .create()?;
    let mut latest = Duration::ZERO;
    let mut line = Vec::with_capacity(200);
    let mut n = 0;
    while n < total {
        let now = Instant::now();
        if schedule.due(n) > now {
            std::thread::sleep((schedule.due(n) - now).min(Duration::from_micros(300)));
            continue;
        }
        if n > args.rate * args.warm_up {
            latest = latest.max(now - schedule.due(n));
        }
        let (p, k) = (n as usize % args.partitions, n / args.partitions as u64);
        let wall = SystemTime::now().duration_since(UNIX_EPOCH);
        let wall = wall.unwrap_or_default().as_millis();
        // Spread without pattern, and the same each time.
        let dice = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 20;
        line.clear();
        let _ = write!(
            line,
            "{{\"sale_id\":\"{p}-{k}\",\"event_time\":{wall},\"city\":\"Town {}\",\"salesman_id\":\"S{:06}\",\"salesman_name\":\"Name {}\",\"amount\":{}.{:02}}}",
            dice % args.cities,
            (dice >> 9) % 20_000,
            (dice >> 9) % 20_000,
            (dice >> 5) % 500,
            dice % 100
        );
        let mut record: BaseRecord<'_, (), Vec<u8>> = BaseRecord::to(&args.topic)
            .partition(p as i32)
            .payload(&line);
        loop {
            match producer.send(record) {
                Ok(()) => break,
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                    std::thread::sleep(Duration::from_micros(200));
                    record = back;
                }
                Err((e, _)) => return Err(e.into()),
            }
        }
        n += 1;
    }
    producer.flush(Duration::from_secs(10))?;
    Ok(latest)
}

/// Follows a topic: of changes, which name the sale they show, or the sales' own.
fn consume(
    brokers: &str,
    topic: &str,
    sales: bool,
    total: u64,
    mut seen: Seen,
    done: &AtomicBool,
) -> Result<Seen, Problem> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "standings-bench")
        .set("enable.auto.commit", "false")
        .set("isolation.level", "read_committed")
        .set("fetch.wait.max.ms", "50")
        .create()?;
    let mut list = TopicPartitionList::new();
    let partitions = if sales { seen.next.len() } else { 1 };
    for p in 0..partitions {
        list.add_partition_offset(topic, p as i32, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    while seen.total() < total && !done.load(Ordering::Relaxed) {
        let message = match consumer.poll(Duration::from_millis(20)) {
            Some(Ok(message)) => message,
            Some(Err(e)) => {
                eprintln!("{e}");
                continue;
            }
            None => continue,
        };
        if sales {
            seen.reach(message.partition() as usize, message.offset() as u64 + 1);
            continue;
        }
        let Some(payload) = message.payload() else {
            continue;
        };
        // A change names the sale it shows; a sale that was only copied is its own.
        let after = |mark: &[u8]| memchr::memmem::find(payload, mark).map(|at| at + mark.len());
        let Some(at) = after(b"\"last_sale\":\"").or_else(|| after(b"\"sale_id\":\"")) else {
            continue;
        };
        let id = &payload[at..];
        let end = memchr::memchr(b'"', id).unwrap_or(0);
        let id = std::str::from_utf8(&id[..end]).unwrap_or("");
        if let Some((p, k)) = id.split_once('-')
            && let (Ok(p), Ok(k)) = (p.parse::<usize>(), k.parse::<u64>())
        {
            seen.reach(p, k + 1);
        }
    }
    Ok(seen)
}

/// Asks the database, every half millisecond, which offsets its last commit covers.
fn poll(url: &str, total: u64, mut seen: Seen, done: &AtomicBool) -> Result<Seen, Problem> {
    wait_for(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        let ask = client
            .prepare("SELECT offsets::text FROM standings_commit")
            .await?;
        while seen.total() < total && !done.load(Ordering::Relaxed) {
            if let Ok(Some(row)) = client.query_opt(&ask, &[]).await {
                let offsets: BTreeMap<usize, u64> = serde_json::from_str(row.get(0))
                    .map_err(|e| Problem::said("standings_commit", e.to_string()))?;
                offsets
                    .into_iter()
                    .for_each(|(p, next)| seen.reach(p, next));
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        Ok(seen)
    })?
}
