//! The client of bench/api: closed loop, some connections that stay open, one request at a time on each. Prints reads a
//! second and latencies as JSON.
//!
//!   api http HOST:PORT PATH CONNECTIONS SECONDS
//!   api sql postgres://… QUERY CONNECTIONS SECONDS     the same rows by a prepared statement

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// Before it is measured.
const WARM: Duration = Duration::from_secs(1);

/// Latencies in microseconds, of one connection.
type Latencies = Histogram<u64>;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [kind, at, what, connections, seconds] = &args[..] else {
        panic!(
            "api http HOST:PORT PATH CONNECTIONS SECONDS | api sql URL QUERY CONNECTIONS SECONDS"
        );
    };
    let connections: usize = connections.parse().expect("a number of connections");
    let time = Duration::from_secs(seconds.parse().expect("seconds"));
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            let (kind, at, what) = (kind.clone(), at.clone(), what.clone());
            std::thread::spawn(move || match kind.as_str() {
                "http" => http(&at, &what, time),
                "sql" => sql(&at, &what, time),
                other => panic!("{other}: http or sql"),
            })
        })
        .collect();
    let mut all = new();
    for thread in threads {
        all.add(thread.join().expect("a connection failed"))
            .expect("the same bounds");
    }
    println!(
        "{{\"reads_per_second\":{:.0},\"p50_ms\":{:.3},\"p99_ms\":{:.3},\"max_ms\":{:.1},\"reads\":{}}}",
        all.len() as f64 / time.as_secs_f64(),
        all.value_at_quantile(0.5) as f64 / 1000.0,
        all.value_at_quantile(0.99) as f64 / 1000.0,
        all.max() as f64 / 1000.0,
        all.len()
    );
}

fn new() -> Latencies {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("right bounds")
}

/// Calls `read` again and again, and measures after the warm-up.
fn measure(time: Duration, mut read: impl FnMut()) -> Latencies {
    let mut latencies = new();
    let began = Instant::now();
    while began.elapsed() < WARM + time {
        let asked = Instant::now();
        read();
        if began.elapsed() >= WARM {
            latencies.saturating_record(asked.elapsed().as_micros().max(1) as u64);
        }
    }
    latencies
}

fn http(address: &str, path: &str, time: Duration) -> Latencies {
    let stream = TcpStream::connect(address).expect("a connection");
    stream.set_nodelay(true).expect("no delay");
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let (mut line, mut body) = (String::new(), Vec::new());
    measure(time, || {
        writer.write_all(request.as_bytes()).expect("sent");
        let mut length = 0;
        line.clear();
        reader.read_line(&mut line).expect("a status");
        assert!(line.starts_with("HTTP/1.1 200"), "{line}");
        loop {
            line.clear();
            reader.read_line(&mut line).expect("a header");
            let text = line.trim_end();
            if text.is_empty() {
                break;
            }
            if let Some(n) = text.strip_prefix("content-length: ") {
                length = n.parse().expect("a length");
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).expect("a body");
    })
}

fn sql(url: &str, query: &str, time: Duration) -> Latencies {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
            .await
            .expect("a connection");
        tokio::spawn(connection);
        client
    });
    let statement = runtime.block_on(client.prepare(query)).expect("a query");
    measure(time, || {
        let rows = runtime
            .block_on(client.query(&statement, &[]))
            .expect("rows");
        assert!(!rows.is_empty());
    })
}
