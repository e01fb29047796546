//! `standings replica` with a stand-in for the Kubernetes API: pods form a cluster of the size that the StatefulSet has,
//! start it anew when that changes, and rest when they are of an older revision. Every sale is counted once throughout.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::kafka::{produce, topic};
use crate::support::postgres::database;
use crate::support::{self, Running, free_port, service, standings, until};

const WAIT: Duration = Duration::from_secs(40);
const DAY_ONE: i64 = 1_769_126_400_000; // 2026-01-23T00:00:00Z

/// Answers every question with the StatefulSet as it is now, to who shows the token.
struct Api {
    address: String,
    set: Arc<Mutex<String>>,
}

impl Api {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let set: Arc<Mutex<String>> = Arc::default();
        let shown = Arc::clone(&set);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = Vec::new();
                let mut some = [0; 4096];
                while !request.windows(4).any(|w| w == b"\r\n\r\n") {
                    match stream.read(&mut some) {
                        Ok(n) if n > 0 => request.extend_from_slice(&some[..n]),
                        _ => break,
                    }
                }
                let request = String::from_utf8_lossy(&request);
                let asks = request
                    .starts_with("GET /apis/apps/v1/namespaces/shop/statefulsets/standings ");
                let (status, body) =
                    match asks && request.contains("authorization: Bearer t0ken\r\n") {
                        true => ("200 OK", shown.lock().unwrap().clone()),
                        false => ("403 Forbidden", "{}".to_owned()),
                    };
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Api { address, set }
    }

    fn says(&self, generation: u64, replicas: usize, revision: &str) {
        *self.set.lock().unwrap() = format!(
            r#"{{"metadata":{{"generation":{generation}}},"spec":{{"replicas":{replicas}}},
                "status":{{"observedGeneration":{generation},"updateRevision":"{revision}"}}}}"#
        );
    }
}

struct Pods {
    api: Api,
    dir: tempfile::TempDir,
    source: String,
    sink: String,
    /// The ports of HTTP and of the peers, the same in every pod; pods have loopback addresses of their own.
    ports: (u16, u16),
}

impl Pods {
    fn http(&self, ordinal: usize) -> String {
        format!("127.0.0.2{ordinal}:{}", self.ports.0)
    }

    fn start(&self, ordinal: usize, revision: &str) -> Running {
        let state = format!("file:{}", self.dir.path().join("state").display());
        let child = standings(&["replica", "--namespace", "shop", "--every", "200ms"])
            .args([
                "--pod",
                &format!("standings-{ordinal}"),
                "--revision",
                revision,
            ])
            .args(["--api", &format!("http://{}", self.api.address)])
            .arg("--service-account")
            .arg(self.dir.path())
            .arg("--run-dir")
            .arg(self.dir.path())
            .args([
                "--host-pattern",
                &format!("127.0.0.3{{index}}:{}", self.ports.1),
            ])
            .args(["--http", &self.http(ordinal)])
            .args([
                "--",
                "run",
                "--queries",
                "queries",
                "--source",
                &self.source,
            ])
            .args([
                "--sink",
                &self.sink,
                "--state",
                &state,
                "--snapshot-interval",
                "500ms",
            ])
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Running(child)
    }

    fn is_well(&self, ordinal: usize) -> bool {
        let url = format!("http://{}", self.http(ordinal));
        let mut asked = standings(&["health", "--ready", "--http", &url]);
        asked
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    }

    fn counted(&self) -> i64 {
        let url = self.sink.clone();
        support::kafka::block(async move {
            let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
                .await
                .unwrap();
            tokio::spawn(connection);
            let sum = "SELECT coalesce(sum(transaction_count), 0)::bigint FROM top_sales_per_city";
            // Before the first start there is no table.
            client.query_one(sum, &[]).await.map_or(0, |row| row.get(0))
        })
    }
}

fn ask_to_stop(pod: &mut Running) -> Option<i32> {
    let pid = pod.0.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    until("a pod ends", WAIT, || pod.0.try_wait().unwrap().is_some());
    pod.0.wait().unwrap().code()
}

#[test]
fn pods_follow_their_statefulset() {
    let topic = topic("replica", 4);
    let pods = Pods {
        api: Api::start(),
        dir: tempfile::tempdir().unwrap(),
        source: format!("kafka://{}/{topic}", service("KAFKA_BROKERS")),
        sink: database(),
        ports: (free_port(), free_port()),
    };
    std::fs::write(pods.dir.path().join("token"), "t0ken\n").unwrap();
    let mut sent = 0;
    let mut send = || {
        let line = |n: i64| {
            let city = ["Lisbon", "Porto", "Faro"][n as usize % 3];
            format!(
                r#"{{"event_time":{},"city":"{city}","salesman_id":"S","amount":1}}"#,
                DAY_ONE + n
            )
        };
        let parts: Vec<Vec<String>> = (0..4)
            .map(|p| (0..200).map(|i| line(p * 200 + i)).collect())
            .collect();
        produce(&topic, &parts);
        sent += 800;
        sent
    };
    let is_counted = |sent: i64| {
        until(&format!("{sent} are counted"), WAIT, || {
            pods.counted() == sent
        })
    };

    pods.api.says(1, 2, "a");
    let mut running = vec![pods.start(0, "a"), pods.start(1, "a")];
    is_counted(send());
    assert!(pods.is_well(0) && pods.is_well(1));

    // One more, as an autoscaler would have it: all start anew, as three, and nothing is lost or twice.
    pods.api.says(2, 3, "a");
    running.push(pods.start(2, "a"));
    until("the third is in", WAIT, || pods.is_well(2));
    is_counted(send());

    // Back to one: the others rest until they are removed.
    pods.api.says(3, 1, "a");
    until("two rest", WAIT, || !pods.is_well(1) && !pods.is_well(2));
    is_counted(send());

    // A new revision: the old pod rests, and is replaced.
    pods.api.says(4, 1, "b");
    until("the old revision rests", WAIT, || !pods.is_well(0));
    let old = std::mem::replace(&mut running[0], pods.start(0, "b"));
    drop(old);
    is_counted(send());
    for pod in &mut running {
        assert_eq!(ask_to_stop(pod), Some(0));
    }
}
