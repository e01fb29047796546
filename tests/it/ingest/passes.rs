//! An API that moves while it is gone through: pages of the newest first, orders that come meanwhile, tokens that end in the middle, and a
//! script of faults. Each order is in Kafka once, whoever is killed.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Room, kills, terminate};
use crate::support::until;

const SHOP: &str = r#"
[sources.NAME]
type = "rest"
url = "http://127.0.0.1:PORT/orders?page={page}&size={limit}"
private-addresses = "allow"
paging = "page"
page-size = 7
every = "50ms"
oauth-url = "http://127.0.0.1:PORT/token"
oauth-client = "standings"
oauth-secret-file = "DIR/secret"
topic = "TOPIC"
key = ["id"]
"#;

/// What the shop has, and what it was asked.
#[derive(Default)]
struct Shop {
    orders: u64,
    asked: u64,
    pages: u64,
    tokens: u64,
    /// Requests that the present token is still good for.
    left: u64,
    /// No fault and no order comes any more.
    calm: bool,
    /// By kind.
    faults: [u64; 5],
}

fn answer(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

impl Shop {
    /// The answer to a request; an empty one: the line is cut.
    fn answers(&mut self, line: &str, head: &str) -> Vec<u8> {
        if line.starts_with("POST /token") {
            // "standings:s3cret", each part encoded.
            assert!(head.contains("basic c3rhbmrpbmdzonmzy3jlda=="), "{head}");
            (self.tokens, self.left) = (self.tokens + 1, 23);
            let token = format!(
                r#"{{"access_token":"t{}","token_type":"bearer","expires_in":3600}}"#,
                self.tokens
            );
            return answer("200 OK", "", token.as_bytes());
        }
        self.asked += 1;
        if !head.contains(&format!("bearer t{}\r\n", self.tokens)) || self.left == 0 {
            return answer("401 Unauthorized", "", b"");
        }
        self.left -= 1;
        if !self.calm {
            let kind = self.asked % 29;
            if let Some(fault) = [3, 9, 14, 20, 26].iter().position(|at| *at == kind) {
                self.faults[fault] += 1;
                match fault {
                    0 => return answer("503 Busy", "Retry-After: 0\r\n", b""),
                    1 => {
                        return answer(
                            "429 Too Many",
                            "Retry-After: Thu, 01 Jan 1970 00:00:00 GMT\r\n",
                            b"",
                        );
                    }
                    2 => return Vec::new(),
                    3 => {
                        return b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{\"id\":1},"
                            .to_vec();
                    }
                    _ => std::thread::sleep(Duration::from_millis(120)),
                }
            }
            // Between two pages orders come in front.
            self.orders += self.asked % 3;
        }
        self.pages += 1;
        let number = |name: &str| -> u64 {
            let rest = line.split(name).nth(1).unwrap();
            rest.split(['&', ' ']).next().unwrap().parse().unwrap()
        };
        let (page, size) = (number("page="), number("size="));
        let newest = self.orders.saturating_sub((page - 1) * size);
        let rows: Vec<String> = (newest.saturating_sub(size)..newest)
            .rev()
            .map(|n| format!("{{\"id\":{n},\"amount\":{n}.10}}"))
            .collect();
        let body = format!("[{}]", rows.join(","));
        answer(
            "200 OK",
            "Content-Encoding: gzip\r\n",
            &gzip(body.as_bytes()),
        )
    }
}

fn serve(shop: &Mutex<Shop>, mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        // Who was killed while it asked is gone.
        if !reader.read_line(&mut line).is_ok_and(|n| n > 0) {
            return;
        }
        let line = if head.is_empty() {
            line
        } else {
            line.to_ascii_lowercase()
        };
        if let Some(n) = line.strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        head += &line;
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let line = head.lines().next().unwrap_or("").to_owned();
    let answer = shop.lock().unwrap().answers(&line, &head);
    let _ = stream.write_all(&answer);
}

fn start(orders: u64) -> (u16, Arc<Mutex<Shop>>) {
    let shop = Arc::new(Mutex::new(Shop {
        orders,
        ..Shop::default()
    }));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let own = Arc::clone(&shop);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(&own, stream);
        }
    });
    (port, shop)
}

#[test]
fn kills_in_the_middle_of_passes_lose_nothing_and_write_nothing_twice() {
    let (port, shop) = start(100);
    let room = Room::new("ingest_passes", &SHOP.replace("PORT", &port.to_string()));
    std::fs::write(room.path("secret"), "s3cret\n").unwrap();
    for kill in 0..kills() {
        let mut running = room.start(&[]);
        std::thread::sleep(Duration::from_millis(250 + kill * 61 % 700));
        running.0.kill().unwrap();
        running.0.wait().unwrap();
    }
    let asked = shop.lock().unwrap().asked;
    let mut last = room.start(&[]);
    until(
        "it asks, and every fault was there",
        Duration::from_secs(60),
        || {
            let shop = shop.lock().unwrap();
            shop.asked > asked && shop.faults.iter().all(|n| *n > 0)
        },
    );
    assert_eq!(terminate(&mut last.0), 0);
    shop.lock().unwrap().calm = true;
    room.once_well();
    let shop = shop.lock().unwrap();
    let mut found: Vec<u64> = room
        .records()
        .iter()
        .map(|r| r.json()["id"].as_u64().unwrap())
        .collect();
    found.sort_unstable();
    let want: Vec<u64> = (0..shop.orders).collect();
    assert_eq!(found.len(), want.len(), "lost or twice");
    assert_eq!(found, want);
    println!(
        "{} kills, {} orders: 0 lost, 0 twice; {} requests, {} of them pages, {} tokens; faults {:?}",
        kills(),
        shop.orders,
        shop.asked,
        shop.pages,
        shop.tokens,
        shop.faults
    );
}
