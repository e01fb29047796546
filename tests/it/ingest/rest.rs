//! An API that is asked page by page, by a server with a script of faults.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Room, kills, words};

const API: &str = r#"
[sources.NAME]
type = "rest"
url = "http://127.0.0.1:PORT/orders?since={cursor}"
private-addresses = "allow"
rows = "$.orders[*]"
cursor = "$.next"
every = "50ms"
topic = "TOPIC"
key = ["id"]
"#;

/// Serves pages of three orders each; every fourth request fails, and says when to come again.
struct Orders {
    port: u16,
    asked: Arc<Mutex<u64>>,
}

impl Orders {
    fn start(orders: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(0));
        let counted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                // Who was killed while it asked is gone.
                if reader.read_line(&mut line).is_err() {
                    continue;
                }
                let mut rest = String::new();
                while reader.read_line(&mut rest).is_ok_and(|n| n > 2) {
                    rest.clear();
                }
                let since = line
                    .split("since=")
                    .nth(1)
                    .and_then(|r| r.split(' ').next())
                    .unwrap_or("");
                let from: u64 = since.parse().unwrap_or(0);
                let number = {
                    let mut asked = counted.lock().unwrap();
                    *asked += 1;
                    *asked
                };
                let to = (from + 3).min(orders);
                let rows: Vec<String> = (from..to)
                    .map(|n| format!("{{\"id\":{n},\"amount\":{n}.10}}"))
                    .collect();
                let body = format!("{{\"orders\":[{}],\"next\":\"{to}\"}}", rows.join(","));
                let answer = match number % 4 {
                    0 => "HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
                    _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len()),
                };
                let mut stream = stream;
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Orders { port, asked }
    }

    fn room(&self, name: &str) -> Room {
        Room::new(name, &API.replace("PORT", &self.port.to_string()))
    }
}

#[test]
fn kills_of_who_asks_lose_nothing_and_write_nothing_twice() {
    let orders = Orders::start(1_000);
    let room = orders.room("ingest_rest");
    for kill in 0..kills() {
        let mut running = room.start(&[]);
        std::thread::sleep(Duration::from_millis(150 + kill * 61 % 500));
        running.0.kill().unwrap();
        running.0.wait().unwrap();
    }
    room.once_well();
    let values: Vec<String> = room.records().into_iter().map(|r| r.value).collect();
    let want: Vec<String> = (0..1_000)
        .map(|n| format!("{{\"id\":{n},\"amount\":{n}.10}}"))
        .collect();
    assert_eq!(values.len(), want.len());
    assert_eq!(values, want);
    println!(
        "{} kills: 0 lost, 0 twice; {} requests for 334 pages",
        kills(),
        orders.asked.lock().unwrap()
    );
}

#[test]
fn addresses_of_this_machine_are_asked_only_where_that_is_said() {
    let orders = Orders::start(3);
    let room = Room::new(
        "ingest_rest_private",
        &API.replace("PORT", &orders.port.to_string())
            .replace("private-addresses = \"allow\"\n", ""),
    );
    let output = room.once();
    assert_eq!(output.status.code(), Some(1), "{}", words(&output));
    assert!(
        words(&output).contains("without TLS") && words(&output).contains("S1202"),
        "{}",
        words(&output)
    );
    assert_eq!(*orders.asked.lock().unwrap(), 0);
}
