//! The client of bench/positions: open loop, some connections that stay open, each asking when it is due; an ask that waits for
//! the one before it is late by that, as it would be for its user. Prints latencies as JSON.

use std::io::{BufRead, Read, Write};
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::reads::{answer, connect};
use crate::problem::Problem;

/// Asks where keys stand, so many times a second.
#[derive(Args)]
pub struct AsksArgs {
    #[command(subcommand)]
    what: What,
    /// How many connections.
    #[arg(long, global = true, default_value_t = 8)]
    connections: u64,
    /// Asks a second, of all connections.
    #[arg(long, global = true, default_value_t = 10_000)]
    rate: u64,
    /// How long.
    #[arg(long, global = true, default_value_t = 10)]
    seconds: u64,
    /// Keys are S000000 and so on, so many.
    #[arg(long, global = true, default_value_t = 20_000)]
    keys: u64,
}

#[derive(Clone, clap::Subcommand)]
enum What {
    /// `GET PATH/keys/KEY/position?around=0`.
    Http { address: String, path: String },
    /// `ZREVRANK SET KEY`.
    Redis { address: String, set: String },
    /// A query with a key as its parameter.
    Sql { url: String, query: String },
    /// Not asks but `ZINCRBY SET n KEY`, a hundred on their way at a time: what Redis is fed by.
    Feed { address: String, set: String },
}

/// What it found; latencies in milliseconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Asks {
    /// All connections together, a second.
    pub asks_per_second: f64,
    /// The median.
    pub p50_ms: f64,
    /// Of a hundred, 99 took no longer.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
    /// Asks that were answered, and not with a position.
    pub refused: u64,
}

/// Before it is measured.
const WARM: Duration = Duration::from_secs(2);
/// Commands on their way at a time, of who feeds.
const PIPELINE: u64 = 100;

/// Asks, and prints what it found as JSON.
pub fn run(args: &AsksArgs) -> Result<(), Problem> {
    let began = Instant::now();
    let one = |n: u64| {
        let plan = Plan {
            began,
            each: args.connections,
            first: n,
            rate: args.rate.max(1),
            until: WARM + Duration::from_secs(args.seconds),
            keys: args.keys.max(1),
        };
        let what = args.what.clone();
        std::thread::spawn(move || match &what {
            What::Http { address, path } => http(address, path, &plan),
            What::Redis { address, set } => redis(address, set, &plan),
            What::Sql { url, query } => sql(url, query, &plan),
            What::Feed { address, set } => feed(address, set, &plan),
        })
    };
    let threads: Vec<_> = (0..args.connections).map(one).collect();
    let mut all = Found::new()?;
    for thread in threads {
        let its = thread.join();
        let its = its.map_err(|_| Problem::said("a connection", "it panicked"))??;
        let added = all.latencies.add(its.latencies);
        added.map_err(|e| Problem::said("a connection", e.to_string()))?;
        all.refused += its.refused;
    }
    let ms = |us: u64| us as f64 / 1000.0;
    let latencies = &all.latencies;
    let asks = Asks {
        asks_per_second: (latencies.len() as f64 / args.seconds as f64).round(),
        p50_ms: ms(latencies.value_at_quantile(0.5)),
        p99_ms: ms(latencies.value_at_quantile(0.99)),
        max_ms: ms(latencies.max()),
        refused: all.refused,
    };
    let text = serde_json::to_string(&asks);
    println!(
        "{}",
        text.map_err(|e| Problem::said("the asks", e.to_string()))?
    );
    Ok(())
}

/// When a connection asks, and for what.
struct Plan {
    began: Instant,
    each: u64,
    first: u64,
    rate: u64,
    until: Duration,
    keys: u64,
}

struct Found {
    latencies: Histogram<u64>,
    refused: u64,
}

impl Found {
    fn new() -> Result<Self, Problem> {
        let bounds = Histogram::new_with_bounds(1, 60_000_000, 3);
        Ok(Found {
            latencies: bounds.map_err(|e| Problem::said("the histogram", e.to_string()))?,
            refused: 0,
        })
    }
}

impl Plan {
    /// Asks when it is due; `ask` says whether there was a position.
    fn follow(&self, mut ask: impl FnMut(u64) -> Result<bool, Problem>) -> Result<Found, Problem> {
        let mut found = Found::new()?;
        let mut n = self.first;
        loop {
            let due = Duration::from_nanos(n * 1_000_000_000 / self.rate);
            if due > self.until {
                return Ok(found);
            }
            loop {
                let left = due.saturating_sub(self.began.elapsed());
                if left.is_zero() {
                    break;
                }
                std::thread::sleep(left.min(Duration::from_micros(100)));
            }
            // Spread without pattern, and the same each time.
            let key = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) % self.keys;
            let is_there = ask(key)?;
            if due >= WARM {
                let took = self.began.elapsed().saturating_sub(due);
                found
                    .latencies
                    .saturating_record(took.as_micros().max(1) as u64);
                found.refused += u64::from(!is_there);
            }
            n += self.each;
        }
    }
}

fn http(address: &str, path: &str, plan: &Plan) -> Result<Found, Problem> {
    let failed = || Problem::system("asking over HTTP");
    let (mut writer, mut reader) = connect(address)?;
    let (mut line, mut body) = (String::new(), Vec::new());
    plan.follow(|key| {
        let request = format!(
            "GET {path}/keys/S{key:06}/position?around=0 HTTP/1.1\r\nHost: {address}\r\n\r\n"
        );
        writer.write_all(request.as_bytes()).map_err(failed())?;
        let status = answer(address, &mut reader, &mut line, &mut body)?;
        Ok(status.starts_with("HTTP/1.1 200"))
    })
}

/// A command of Redis's protocol.
fn command(out: &mut Vec<u8>, words: &[&str]) {
    let _ = write!(out, "*{}\r\n", words.len());
    for word in words {
        let _ = write!(out, "${}\r\n{word}\r\n", word.len());
    }
}

fn redis(address: &str, set: &str, plan: &Plan) -> Result<Found, Problem> {
    let failed = || Problem::system("asking Redis");
    let (mut writer, mut reader) = connect(address)?;
    let (mut line, mut out) = (String::new(), Vec::new());
    plan.follow(|key| {
        out.clear();
        command(&mut out, &["ZREVRANK", set, &format!("S{key:06}")]);
        writer.write_all(&out).map_err(failed())?;
        line.clear();
        reader.read_line(&mut line).map_err(failed())?;
        Ok(line.starts_with(':'))
    })
}

fn feed(address: &str, set: &str, plan: &Plan) -> Result<Found, Problem> {
    let failed = || Problem::system("feeding Redis");
    let (mut writer, mut reader) = connect(address)?;
    let (mut line, mut out) = (String::new(), Vec::new());
    // One of its asks is a hundred sales.
    let plan = Plan {
        rate: (plan.rate / PIPELINE).max(1),
        ..*plan
    };
    let mut n = plan.first;
    plan.follow(|_| {
        out.clear();
        for _ in 0..PIPELINE {
            n = n.wrapping_add(1);
            let dice = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let amount = format!("{}.{:02}", dice % 500, dice % 100);
            let key = format!("S{:06}", (dice >> 9) % plan.keys);
            command(&mut out, &["ZINCRBY", set, &amount, &key]);
        }
        writer.write_all(&out).map_err(failed())?;
        for _ in 0..PIPELINE {
            line.clear();
            reader.read_line(&mut line).map_err(failed())?;
            let length: usize = line.trim_start_matches('$').trim().parse().unwrap_or(0);
            let mut body = vec![0; length + 2];
            reader.read_exact(&mut body).map_err(failed())?;
        }
        Ok(true)
    })
}

fn sql(url: &str, query: &str, plan: &Plan) -> Result<Found, Problem> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build();
    let runtime = runtime.map_err(Problem::system("starting a runtime"))?;
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok::<_, Problem>(client)
    })?;
    let statement = runtime.block_on(client.prepare(query))?;
    plan.follow(|key| {
        let key = format!("S{key:06}");
        let rows = runtime.block_on(client.query(&statement, &[&key]))?;
        Ok(!rows.is_empty())
    })
}
