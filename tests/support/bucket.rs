//! A stand-in of S3, as far as a client asks for it: over HTTP, signed requests, lists in pages, parts of objects, conditions.
//! It refuses every seventh request with 503, as S3 does when it is busy, and all of them while it is down.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

/// So many objects of a list are in one page.
const PAGE: usize = 3;
const DATE: &str = "Sat, 21 Nov 2026 10:00:00 GMT";

/// What a bucket holds, and what was asked of it.
#[derive(Default)]
pub struct Held {
    pub objects: BTreeMap<String, Vec<u8>>,
    pub requests: u64,
    pub refused: u64,
    pub removed: u64,
    pub signed: u64,
    /// It refuses everything.
    pub is_down: bool,
    /// It goes down when so many bytes more were given.
    pub down_after: Option<usize>,
}

/// The bucket `bucket`, served until the process ends.
#[derive(Clone)]
pub struct Bucket {
    held: Arc<Mutex<Held>>,
    port: u16,
}

impl Bucket {
    /// An empty one, on a free port.
    pub fn start() -> Self {
        let held = Arc::default();
        let port = serve(&held);
        Bucket { held, port }
    }

    pub fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    pub fn put(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.held().objects.insert(key.to_owned(), bytes.into());
    }

    /// How a process finds it.
    pub fn tell(&self, command: &mut Command) {
        command
            .env("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port))
            .env("AWS_ALLOW_HTTP", "true")
            .env("AWS_REGION", "eu-test-1")
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret-canary");
    }
}

fn serve(held: &Arc<Mutex<Held>>) -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    listener.set_nonblocking(true).unwrap();
    let app = axum::Router::new()
        .fallback(answer)
        .with_state(Arc::clone(held));
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

/// Another one for other bytes.
fn tag(bytes: &[u8]) -> String {
    let hash = bytes
        .iter()
        .fold(14_695_981_039_346_656_037_u64, |hash, b| {
            (hash ^ u64::from(*b)).wrapping_mul(1_099_511_628_211)
        });
    format!("\"{hash:016x}-{}\"", bytes.len())
}

async fn answer(
    State(held): State<Arc<Mutex<Held>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut held = held.lock().unwrap();
    held.requests += 1;
    let text = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    if text("authorization").is_some_and(|a| a.starts_with("AWS4-HMAC-SHA256 Credential=key/")) {
        held.signed += 1;
    }
    if held.is_down || held.requests.is_multiple_of(7) {
        held.refused += 1;
        return (StatusCode::SERVICE_UNAVAILABLE, "SlowDown").into_response();
    }
    let query = uri.query().unwrap_or("");
    let key = uri
        .path()
        .trim_start_matches("/bucket")
        .trim_start_matches('/');
    let key = unescaped(key);
    match method {
        Method::PUT if headers.contains_key("if-none-match") && held.objects.contains_key(&key) => {
            StatusCode::PRECONDITION_FAILED.into_response()
        }
        Method::PUT => {
            held.objects.insert(key, body.to_vec());
            ([("etag", "\"new\"")], "").into_response()
        }
        Method::GET if query.contains("list-type=2") => list(&held, query),
        Method::GET | Method::HEAD => {
            let Some(bytes) = held.objects.get(&key).cloned() else {
                return StatusCode::NOT_FOUND.into_response();
            };
            if text("if-match").is_some_and(|wanted| wanted != tag(&bytes)) {
                return StatusCode::PRECONDITION_FAILED.into_response();
            }
            let (given, response) = found(&bytes, text("range"), method == Method::HEAD);
            if let Some(left) = &mut held.down_after {
                *left = left.saturating_sub(given);
                held.is_down = *left == 0;
            }
            response
        }
        Method::POST if query.starts_with("delete") => {
            let text = String::from_utf8_lossy(&body).into_owned();
            let mut removed = String::new();
            for part in text.split("<Key>").skip(1) {
                let key = part.split("</Key>").next().unwrap_or("");
                held.removed += u64::from(held.objects.remove(key).is_some());
                removed += &format!("<Deleted><Key>{key}</Key></Deleted>");
            }
            format!("<?xml version=\"1.0\"?><DeleteResult>{removed}</DeleteResult>").into_response()
        }
        Method::DELETE => {
            held.removed += u64::from(held.objects.remove(&key).is_some());
            StatusCode::NO_CONTENT.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// An object, or the part of it that `bytes=A-B` asks for; how many bytes that gives.
fn found(bytes: &[u8], range: Option<&str>, is_head: bool) -> (usize, Response) {
    let head = [("etag", tag(bytes)), ("last-modified", DATE.to_owned())];
    let range = range.and_then(|r| r.strip_prefix("bytes=")?.split_once('-'));
    let Some((from, to)) = range else {
        let given = if is_head { 0 } else { bytes.len() };
        let length = [("content-length", bytes.len().to_string())];
        let body = if is_head { Vec::new() } else { bytes.to_vec() };
        return (given, (head, length, body).into_response());
    };
    let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
    if from >= bytes.len() {
        return (0, StatusCode::RANGE_NOT_SATISFIABLE.into_response());
    }
    let part = &bytes[from..bytes.len().min(to + 1)];
    let end = from + part.len() - 1;
    let content = [(
        "content-range",
        format!("bytes {from}-{end}/{}", bytes.len()),
    )];
    let answer = (StatusCode::PARTIAL_CONTENT, head, content, part.to_vec());
    (part.len(), answer.into_response())
}

/// A page of what is there.
fn list(held: &Held, query: &str) -> Response {
    let value = |name: &str| {
        let mut all = query.split('&').filter_map(|pair| pair.split_once('='));
        all.find(|(key, _)| *key == name).map(|(_, v)| unescaped(v))
    };
    let prefix = value("prefix").unwrap_or_default();
    let after = value("continuation-token").unwrap_or_default();
    let all = held.objects.iter();
    let all = all.filter(|(k, _)| k.starts_with(&prefix) && **k > after);
    let page: Vec<(&String, &Vec<u8>)> = all.take(PAGE + 1).collect();
    let is_cut = page.len() > PAGE;
    let shown = &page[..page.len().min(PAGE)];
    let contents: String = shown
        .iter()
        .map(|(key, bytes)| {
            format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-21T10:00:00.000Z</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
                tag(bytes).replace('"', "&quot;"),
                bytes.len()
            )
        })
        .collect();
    let next = match (is_cut, shown.last()) {
        (true, Some((key, _))) => {
            format!("<NextContinuationToken>{key}</NextContinuationToken>")
        }
        _ => String::new(),
    };
    format!(
        "<?xml version=\"1.0\"?><ListBucketResult><IsTruncated>{is_cut}</IsTruncated>{next}{contents}</ListBucketResult>"
    )
    .into_response()
}

/// Without `%`.
fn unescaped(text: &str) -> String {
    let (mut out, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|d| u8::from_str_radix(std::str::from_utf8(d).ok()?, 16).ok());
        out.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(out).unwrap()
}
