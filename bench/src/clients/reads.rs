//! The client of bench/api: closed loop, some connections that stay open, one request at a time on each. Prints reads a
//! second and latencies as JSON.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// Reads again and again, on connections that stay open.
#[derive(Args)]
pub struct ReadsArgs {
    #[command(subcommand)]
    what: What,
    /// How many connections.
    #[arg(long, global = true, default_value_t = 8)]
    connections: usize,
    /// How long.
    #[arg(long, global = true, default_value_t = 10)]
    seconds: u64,
}

#[derive(Clone, clap::Subcommand)]
enum What {
    /// A path over HTTP.
    Http { address: String, path: String },
    /// The same rows by a prepared statement.
    Sql { url: String, query: String },
}

/// What it found; latencies in milliseconds.
#[derive(Serialize, Deserialize)]
pub struct Reads {
    /// All connections together.
    pub reads_per_second: f64,
    /// The median.
    pub p50_ms: f64,
    /// Of a hundred, 99 took no longer.
    pub p99_ms: f64,
}

/// Before it is measured.
const WARM: Duration = Duration::from_secs(1);

/// Latencies in microseconds, of one connection.
type Latencies = Histogram<u64>;

/// Reads, and prints what it found as JSON.
pub fn run(args: &ReadsArgs) -> Result<(), Problem> {
    let time = Duration::from_secs(args.seconds);
    let one = |_| {
        let what = args.what.clone();
        std::thread::spawn(move || match &what {
            What::Http { address, path } => http(address, path, time),
            What::Sql { url, query } => sql(url, query, time),
        })
    };
    let threads: Vec<_> = (0..args.connections).map(one).collect();
    let mut all = new()?;
    for thread in threads {
        let its = thread
            .join()
            .map_err(|_| Problem::said("a connection", "it panicked"))??;
        all.add(its)
            .map_err(|e| Problem::said("a connection", e.to_string()))?;
    }
    let ms = |q| all.value_at_quantile(q) as f64 / 1000.0;
    let reads = Reads {
        reads_per_second: (all.len() as f64 / time.as_secs_f64()).round(),
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
    };
    let text = serde_json::to_string(&reads);
    println!(
        "{}",
        text.map_err(|e| Problem::said("the reads", e.to_string()))?
    );
    Ok(())
}

fn new() -> Result<Latencies, Problem> {
    let bounds = Histogram::new_with_bounds(1, 60_000_000, 3);
    bounds.map_err(|e| Problem::said("the histogram", e.to_string()))
}

/// Calls `read` again and again, and measures after the warm-up.
fn measure(
    time: Duration,
    mut read: impl FnMut() -> Result<(), Problem>,
) -> Result<Latencies, Problem> {
    let mut latencies = new()?;
    let began = Instant::now();
    while began.elapsed() < WARM + time {
        let asked = Instant::now();
        read()?;
        if began.elapsed() >= WARM {
            latencies.saturating_record(asked.elapsed().as_micros().max(1) as u64);
        }
    }
    Ok(latencies)
}

/// A connection that stays open, and what is read of it.
pub(super) fn connect(address: &str) -> Result<(TcpStream, BufReader<TcpStream>), Problem> {
    let failed = || Problem::system("connecting");
    let stream = TcpStream::connect(address).map_err(failed())?;
    stream.set_nodelay(true).map_err(failed())?;
    let writer = stream.try_clone().map_err(failed())?;
    Ok((writer, BufReader::new(stream)))
}

/// Reads one answer of HTTP that says its length, whole; its first line.
pub(super) fn answer<'a>(
    address: &str,
    reader: &mut BufReader<TcpStream>,
    line: &'a mut String,
    body: &mut Vec<u8>,
) -> Result<&'a str, Problem> {
    let failed = || Problem::system("reading over HTTP");
    line.clear();
    reader.read_line(line).map_err(failed())?;
    let (mut length, mut header) = (0, String::new());
    loop {
        header.clear();
        reader.read_line(&mut header).map_err(failed())?;
        let text = header.trim_end();
        if text.is_empty() {
            break;
        }
        if let Some(n) = text.strip_prefix("content-length: ") {
            length = n
                .parse()
                .map_err(|_| Problem::said(address, text.to_owned()))?;
        }
    }
    body.resize(length, 0);
    reader.read_exact(body).map_err(failed())?;
    Ok(line.trim())
}

fn http(address: &str, path: &str, time: Duration) -> Result<Latencies, Problem> {
    let failed = || Problem::system("reading over HTTP");
    let (mut writer, mut reader) = connect(address)?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let (mut line, mut body) = (String::new(), Vec::new());
    measure(time, || {
        writer.write_all(request.as_bytes()).map_err(failed())?;
        match answer(address, &mut reader, &mut line, &mut body)? {
            status if status.starts_with("HTTP/1.1 200") => Ok(()),
            status => Err(Problem::said(address, status.to_owned())),
        }
    })
}

fn sql(url: &str, query: &str, time: Duration) -> Result<Latencies, Problem> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build();
    let runtime = runtime.map_err(Problem::system("starting a runtime"))?;
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok::<_, Problem>(client)
    })?;
    let statement = runtime.block_on(client.prepare(query))?;
    measure(time, || {
        match runtime.block_on(client.query(&statement, &[]))?.len() {
            0 => Err(Problem::said("Postgres", "there are no rows")),
            _ => Ok(()),
        }
    })
}
