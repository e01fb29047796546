//! What others post.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use ring::hmac;

use super::{Room, kills, seen, terminate, words};
use crate::support::proxy::Proxy;
use crate::support::{Running, free_port, service, until};

const HOOKS: &str = r#"
[sources.NAME]
type = "webhook"
path = "/ingest/hub"
signature = "github"
secret-file = "DIR/secret"
topic = "TOPIC"
key = ["id"]
max-body = 4096

[sources.NAME-pay]
type = "webhook"
path = "/ingest/pay"
signature = "stripe"
secret-file = "DIR/secret"
topic = "TOPIC-pay"
"#;

/// Status and body of a POST with headers.
fn post(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(40)))?;
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes())?;
    stream.write_all(body)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|s| s.parse().ok());
    status
        .map(|s| (s, answer))
        .ok_or_else(|| std::io::Error::other("no status"))
}

fn hex(secret: &str, text: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    hmac::sign(&key, text)
        .as_ref()
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn github(secret: &str, body: &[u8]) -> String {
    format!("sha256={}", hex(secret, body))
}

struct Hub {
    room: Room,
    address: String,
    running: Running,
}

impl Hub {
    fn start(name: &str) -> Self {
        let room = Room::new(name, HOOKS);
        std::fs::write(room.path("secret"), "new secret\nold secret\n").unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let running = room.start(&["--ingest-http", &address]);
        let hub = Hub {
            room,
            address,
            running,
        };
        hub.is_ready();
        hub
    }

    fn is_ready(&self) {
        until("it takes deliveries", Duration::from_secs(40), || {
            // Refused for want of a signature: by then it has begun.
            post(&self.address, "/ingest/hub", &[], b"{}").is_ok_and(|(status, _)| status == 401)
                && post(&self.address, "/ingest/pay", &[], b"{}")
                    .is_ok_and(|(status, _)| status == 401)
        });
    }

    fn deliver(&self, id: &str, body: &str) -> u16 {
        let signature = github("new secret", body.as_bytes());
        let headers = [
            ("X-Hub-Signature-256", &*signature),
            ("X-GitHub-Delivery", id),
        ];
        post(&self.address, "/ingest/hub", &headers, body.as_bytes())
            .map_or(0, |(status, _)| status)
    }
}

#[test]
fn what_is_signed_is_in_kafka_when_it_is_answered_and_once() {
    let hub = Hub::start("ingest_hub");
    assert_eq!(hub.deliver("d1", r#"{"id":1,"n":9007199254740993}"#), 200);
    let records = hub.room.records();
    assert_eq!(records[0].value, r#"{"id":1,"n":9007199254740993}"#);
    assert_eq!(records[0].key.as_deref(), Some(r#"{"id":1}"#));
    assert_eq!(records[0].header("position"), "d1");
    // By its id, and by its signature under another id.
    assert_eq!(hub.deliver("d1", r#"{"id":2}"#), 200);
    assert_eq!(hub.deliver("d2", r#"{"id":1,"n":9007199254740993}"#), 200);
    assert_eq!(hub.deliver("d3", r#"[{"id":3},{"id":4}]"#), 200);
    assert_eq!(hub.deliver("d4", "no json"), 200);
    // The old secret holds while senders change.
    let body = br#"{"id":5}"#;
    let old = github("old secret", body);
    let of = |headers: &[(&str, &str)], body: &[u8]| {
        post(&hub.address, "/ingest/hub", headers, body).unwrap().0
    };
    assert_eq!(of(&[("X-Hub-Signature-256", &old)], body), 200);
    let wrong = github("another", body);
    assert_eq!(of(&[("X-Hub-Signature-256", &wrong)], body), 401);
    assert_eq!(of(&[], body), 401);
    assert_eq!(of(&[("X-Hub-Signature-256", "sha256=x")], body), 401);
    // The body is signed as it was sent.
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(br#"{"id":6}"#).unwrap();
    let packed = packed.finish().unwrap();
    let signed = github("new secret", &packed);
    assert_eq!(
        of(
            &[
                ("X-Hub-Signature-256", &signed),
                ("Content-Encoding", "gzip")
            ],
            &packed
        ),
        200
    );
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    bomb.write_all(&[b' '; 100_000]).unwrap();
    let bomb = bomb.finish().unwrap();
    let signed = github("new secret", &bomb);
    assert_eq!(
        of(
            &[
                ("X-Hub-Signature-256", &signed),
                ("Content-Encoding", "gzip")
            ],
            &bomb
        ),
        413
    );
    assert_eq!(of(&[], &[b' '; 5000]), 413);
    assert_eq!(
        post(&hub.address, "/ingest/nobody", &[], b"{}").unwrap().0,
        404
    );
    let values: Vec<String> = hub.room.records().into_iter().map(|r| r.value).collect();
    assert_eq!(
        values[1..],
        [r#"{"id":3}"#, r#"{"id":4}"#, r#"{"id":5}"#, r#"{"id":6}"#]
    );
    assert_eq!(hub.room.letters()[0]["record"], "no json");
}

#[test]
fn stripe_has_a_time_and_an_id_in_its_body() {
    let mut hub = Hub::start("ingest_pay");
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let deliver = |at: u64, body: &str| {
        let signature = format!(
            "t={at},v1={}",
            hex("new secret", format!("{at}.{body}").as_bytes())
        );
        post(
            &hub.address,
            "/ingest/pay",
            &[("Stripe-Signature", &signature)],
            body.as_bytes(),
        )
        .unwrap()
        .0
    };
    assert_eq!(deliver(now, r#"{"id":"evt_1"}"#), 200);
    assert_eq!(
        deliver(now - 1, r#"{"id":"evt_1"}"#),
        200,
        "another attempt of the same event"
    );
    assert_eq!(deliver(now - 400, r#"{"id":"evt_2"}"#), 401);
    let values: Vec<String> = seen(&format!("{}-pay", hub.room.topic))
        .into_iter()
        .map(|r| r.value)
        .collect();
    assert_eq!(values, [r#"{"id":"evt_1"}"#]);
    assert_eq!(terminate(&mut hub.running.0), 0);
}

#[test]
fn kills_lose_nothing_that_was_answered_and_write_nothing_twice() {
    let mut hub = Hub::start("ingest_hub_kills");
    let mut answered = Vec::new();
    for kill in 0..kills() {
        let (mut unanswered, address) = (Vec::new(), hub.address.clone());
        let sender = std::thread::spawn(move || {
            let mut done = Vec::new();
            for n in 0..2_000 {
                let (id, body) = (format!("k{kill}-{n}"), format!(r#"{{"id":"k{kill}-{n}"}}"#));
                let signature = github("new secret", body.as_bytes());
                let headers = [
                    ("X-Hub-Signature-256", &*signature),
                    ("X-GitHub-Delivery", &*id),
                ];
                match post(&address, "/ingest/hub", &headers, body.as_bytes()) {
                    Ok((200, _)) => done.push(id),
                    // Killed meanwhile: its sender tries again.
                    _ => return (done, Some((id, body))),
                }
            }
            (done, None)
        });
        std::thread::sleep(Duration::from_millis(50 + kill * 97 % 900));
        hub.running.0.kill().unwrap();
        hub.running.0.wait().unwrap();
        let (done, left) = sender.join().unwrap();
        answered.extend(done);
        unanswered.extend(left);
        hub.running = hub.room.start(&["--ingest-http", &hub.address]);
        hub.is_ready();
        for (id, body) in unanswered {
            assert_eq!(hub.deliver(&id, &body), 200);
            answered.push(id);
        }
    }
    let mut found: Vec<String> = hub
        .room
        .records()
        .iter()
        .map(|r| r.json()["id"].as_str().unwrap().to_owned())
        .collect();
    let rows = found.len();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), rows, "some are there twice");
    answered.sort();
    answered.dedup();
    assert_eq!(
        found,
        answered,
        "of {} answered {rows} are there",
        answered.len()
    );
    println!(
        "{} kills: {rows} deliveries answered, 0 lost, 0 twice",
        kills()
    );
}

#[test]
fn without_kafka_senders_are_told_to_come_again() {
    let room = Room::new("ingest_hub_down", HOOKS);
    std::fs::write(room.path("secret"), "new secret").unwrap();
    let proxy = Proxy::to(service("KAFKA_BROKERS"));
    let address = format!("127.0.0.1:{}", free_port());
    // The way to the first broker alone: nothing of it can be reached.
    proxy.cut();
    let to = format!("kafka://127.0.0.1:{}", proxy.port);
    let running = room.start(&["--ingest-http", &address, "--to", &to]);
    let body = br#"{"id":1}"#;
    let signature = github("new secret", body);
    until("it listens", Duration::from_secs(20), || {
        TcpStream::connect(&address).is_ok()
    });
    let (status, answer) = post(
        &address,
        "/ingest/hub",
        &[("X-Hub-Signature-256", &signature)],
        body,
    )
    .unwrap();
    assert_eq!(status, 503, "{answer}");
    assert!(
        answer.to_ascii_lowercase().contains("retry-after: 5"),
        "{answer}"
    );
    drop(running);
}

#[test]
fn what_is_not_signed_is_taken_from_this_machine_alone() {
    let open = "[sources.NAME]\ntype = \"webhook\"\npath = \"/ingest/open\"\ntopic = \"TOPIC\"\n";
    let room = Room::new("ingest_open", open);
    let output = room
        .command(&["--ingest-http", "0.0.0.0:0"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        words(&output).contains("S1204") && words(&output).contains("not signed"),
        "{}",
        words(&output)
    );
    let nowhere = room.command(&[]).output().unwrap();
    assert!(words(&nowhere).contains("S1204"), "{}", words(&nowhere));
    let signed = Room::new("ingest_plain", HOOKS);
    std::fs::write(signed.path("secret"), "s").unwrap();
    let plain = signed
        .command(&["--ingest-http", "0.0.0.0:0"])
        .output()
        .unwrap();
    assert!(
        words(&plain).contains("S1204") && words(&plain).contains("tls-cert"),
        "{}",
        words(&plain)
    );
    let address = format!("127.0.0.1:{}", free_port());
    let _running = room.start(&["--ingest-http", &address]);
    until(
        "it takes what this machine posts",
        Duration::from_secs(40),
        || post(&address, "/ingest/open", &[], b"{\"a\":1}").is_ok_and(|(status, _)| status == 200),
    );
    let by_page = post(
        &address,
        "/ingest/open",
        &[("Origin", "https://evil.example")],
        b"{}",
    )
    .unwrap();
    assert_eq!(by_page.0, 403);
    let mut stream = TcpStream::connect(&address).unwrap();
    stream.write_all(b"POST /ingest/open HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
}
