//! Snapshots in a bucket: written, listed, collected and started from, through the real client over HTTP. The other side
//! is a stand-in of the few calls that are needed; it refuses every seventh with 503, as S3 does when it is busy.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::postgres::{database, rows_of};
use crate::support::{Dice, HOUR, Running, reference, sales, standings, until, wait};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Vec<u8>>,
    requests: u64,
    refused: u64,
    removed: u64,
    signed: u64,
}

type Shared = Arc<Mutex<Bucket>>;

const DATE: &str = "Sat, 21 Nov 2026 10:00:00 GMT";

async fn serve(
    State(bucket): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut bucket = bucket.lock().unwrap();
    bucket.requests += 1;
    let authorization = headers.get("authorization").and_then(|v| v.to_str().ok());
    if authorization.is_some_and(|a| a.starts_with("AWS4-HMAC-SHA256 Credential=key/")) {
        bucket.signed += 1;
    }
    if bucket.requests.is_multiple_of(7) {
        bucket.refused += 1;
        return (StatusCode::SERVICE_UNAVAILABLE, "SlowDown").into_response();
    }
    let query = uri.query().unwrap_or("");
    let key = uri
        .path()
        .trim_start_matches("/bucket")
        .trim_start_matches('/')
        .to_owned();
    let found = |bytes: &[u8]| {
        let head = [
            ("etag", format!("\"{}\"", bytes.len())),
            ("last-modified", DATE.to_owned()),
        ];
        (head, bytes.to_vec()).into_response()
    };
    match method {
        Method::PUT
            if headers.contains_key("if-none-match") && bucket.objects.contains_key(&key) =>
        {
            StatusCode::PRECONDITION_FAILED.into_response()
        }
        Method::PUT => {
            bucket.objects.insert(key, body.to_vec());
            ([("etag", "\"new\"")], "").into_response()
        }
        Method::GET if query.contains("list-type=2") => {
            let prefix = query.split('&').find_map(|p| p.strip_prefix("prefix="));
            let prefix = prefix.unwrap_or("").replace("%2F", "/");
            let all = bucket
                .objects
                .iter()
                .filter(|(k, _)| k.starts_with(&prefix));
            let contents: String = all
                .map(|(k, v)| {
                    format!(
                        "<Contents><Key>{k}</Key><LastModified>2026-11-21T10:00:00.000Z</LastModified><ETag>\"{0}\"</ETag><Size>{0}</Size></Contents>",
                        v.len()
                    )
                })
                .collect();
            format!("<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>").into_response()
        }
        Method::GET | Method::HEAD => match bucket.objects.get(&key) {
            Some(bytes) => found(bytes),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        Method::POST if query.starts_with("delete") => {
            let text = String::from_utf8_lossy(&body).into_owned();
            let mut removed = String::new();
            for part in text.split("<Key>").skip(1) {
                let key = part.split("</Key>").next().unwrap_or("");
                bucket.removed += u64::from(bucket.objects.remove(key).is_some());
                removed += &format!("<Deleted><Key>{key}</Key></Deleted>");
            }
            format!("<?xml version=\"1.0\"?><DeleteResult>{removed}</DeleteResult>").into_response()
        }
        Method::DELETE => {
            bucket.removed += u64::from(bucket.objects.remove(&key).is_some());
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// Serves on a free port until the process ends.
fn start(bucket: &Shared) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let app = axum::Router::new()
        .fallback(serve)
        .with_state(Arc::clone(bucket));
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    port
}

#[test]
fn a_bucket_is_written_collected_and_started_from() {
    let bucket = Shared::default();
    let endpoint = format!("http://127.0.0.1:{}", start(&bucket));
    let dir = tempfile::tempdir().unwrap();
    let lines = sales(&mut Dice::new(12), 4000, 1_769_126_400_000, 20_000);
    let input = dir.path().join("sales.ndjson");
    let postgres = database();
    let begin = |workers: &str, more: &[&str]| {
        let mut command = standings(&["run", "--queries", "queries", "-w", workers]);
        command
            .args(["--source", &format!("file:{}", input.display())])
            .args(["--sink", &postgres])
            .args([
                "--state",
                "s3://bucket/some/prefix",
                "--snapshot-interval",
                "20ms",
            ])
            .args(["--epoch-bytes", "20000"])
            .args(more)
            .env("AWS_ENDPOINT", &endpoint)
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "eu-test-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret-canary")
            .env("STANDINGS_LOG", "info")
            .stdout(Stdio::null());
        command
    };
    let newest = || {
        let bucket = bucket.lock().unwrap();
        let all = bucket.objects.iter();
        let manifests = all.filter(|(k, _)| k.starts_with("some/prefix/manifests/"));
        // What only says that the store was opened has none.
        let is_snapshot = |v: &Vec<u8>| String::from_utf8_lossy(v).contains("\"parts\":");
        let snapshots = manifests.filter(|(_, v)| is_snapshot(v));
        snapshots.map(|(k, _)| k).max().cloned()
    };
    // Part after part, each by another number of workers, with a snapshot of it before it is stopped.
    for (round, workers) in ["2", "3", "1", "2", "3", "1"].iter().enumerate() {
        let part = &lines[..500 * (round + 1)];
        std::fs::write(&input, part.join("\n") + "\n").unwrap();
        let before = newest();
        let child = begin(workers, &[]).stderr(Stdio::null()).spawn();
        let mut child = Running(child.unwrap());
        let want = reference(&[part.to_vec()], 60_000, HOUR).rows;
        until("a snapshot of it", Duration::from_secs(30), || {
            newest() > before
        });
        until("the rankings of a part", Duration::from_secs(30), || {
            rows_of(&postgres) == want
        });
        // Who is asked to stop does not wait for it.
        until(
            "what is not needed is removed",
            Duration::from_secs(30),
            || round < 4 || bucket.lock().unwrap().removed > 0,
        );
        // SAFETY: not waited for yet, so its process id is still its own.
        unsafe { libc::kill(child.0.id() as i32, libc::SIGTERM) };
        wait(&mut child.0, Duration::from_secs(30), &["asked to stop"]);
    }
    // All of it, another number of workers.
    std::fs::write(&input, lines.join("\n") + "\n").unwrap();
    let output = begin("3", &["--until-end"])
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let loaded: u64 = said
        .lines()
        .filter(|line| line.contains("snapshot_loaded"))
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok()?["rows"].as_u64())
        .sum();
    assert!(loaded > 0, "it starts from the bucket: {said}");
    assert!(!said.contains("secret-canary"), "secrets are not logged");
    let want = reference(&[lines], 60_000, HOUR).rows;
    assert!(rows_of(&postgres) == want, "the same rankings");
    let bucket = bucket.lock().unwrap();
    assert!(
        bucket.refused > 0 && bucket.removed > 0,
        "busy ({}), and collected ({})",
        bucket.refused,
        bucket.removed
    );
    assert!(bucket.signed > bucket.requests / 2, "requests are signed");
}

/// An address that names no bucket is wrong usage.
#[test]
fn an_address_without_a_bucket_is_refused() {
    let out = standings(&[
        "run",
        "--queries",
        "queries",
        "--source",
        "file:queries/sales.sql",
    ])
    .args(["--sink", "file:/dev/null", "--until-end"])
    .args(["--state", "s3:"])
    .output()
    .unwrap();
    assert_eq!(out.status.code(), Some(2));
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("s3://bucket/standings"), "{said}");
}
