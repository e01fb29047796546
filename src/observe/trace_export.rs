//! Spans as OTLP over HTTP in its JSON form.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use super::live::{Export, Live};
use super::trace::{Span, Stamps};
use crate::model::time::format_rfc3339;
use crate::run::post::{Endpoint, Sending};

/// Commits in one request at most.
const BATCH: usize = 64;
/// For how long commits are gathered into one request.
const GATHER: Duration = Duration::from_millis(500);
/// The longest pause after a failure; the first is a second.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a process says of itself.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The run's name.
    pub instance: String,
}

/// Sends until the committer is gone and nothing waits. What cannot be sent is tried again; meanwhile the channel fills
/// up, and what does not fit is counted there.
pub(super) fn run(
    endpoint: &Endpoint,
    url: &str,
    resource: &Resource,
    waiting: &Receiver<Stamps>,
    live: &Live,
) {
    let mut pause = None;
    while let Ok(first) = waiting.recv() {
        let mut batch = vec![first];
        let until = std::time::Instant::now() + GATHER;
        let mut is_last = false;
        while batch.len() < BATCH {
            match waiting.recv_deadline(until) {
                Ok(next) => batch.push(next),
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    is_last = true;
                    break;
                }
            }
        }
        let (document, spans) = document(resource, &batch);
        let text = document.to_string();
        loop {
            match endpoint.send(&text) {
                Sending::Taken => {
                    live.exported(Export::Spans, spans);
                    if pause.take().is_some() {
                        tracing::info!(event = "traces_back", to = url);
                    }
                    break;
                }
                Sending::Later(problem) if !is_last => {
                    if pause.is_none() {
                        tracing::warn!(
                            event = "traces_waiting",
                            to = url,
                            problem,
                            "the run goes on"
                        );
                    }
                    let longer = pause.map_or(Duration::from_secs(1), |p: Duration| p * 2);
                    pause = Some(longer.min(LONGEST_PAUSE));
                    std::thread::sleep(longer.min(LONGEST_PAUSE));
                }
                Sending::Later(problem) | Sending::Refused(problem) => {
                    tracing::warn!(event = "traces_refused", to = url, problem, spans);
                    live.exported(Export::SpansDropped, spans);
                    break;
                }
            }
        }
    }
}

/// A request for some commits, and how many spans it has.
fn document(resource: &Resource, batch: &[Stamps]) -> (Value, u64) {
    let mut spans = Vec::new();
    for stamps in batch {
        push(stamps, &mut spans);
    }
    let count = spans.len() as u64;
    let attributes = [
        text("service.name", "standings"),
        text("service.version", env!("CARGO_PKG_VERSION")),
        text("service.instance.id", &resource.instance),
        number("process.pid", u64::from(std::process::id())),
    ];
    let document = json!({
        "resourceSpans": [{
            "resource": { "attributes": attributes },
            "scopeSpans": [{
                "scope": { "name": "standings", "version": env!("CARGO_PKG_VERSION") },
                "spans": spans,
            }],
        }],
    });
    (document, count)
}

fn push(stamps: &Stamps, into: &mut Vec<Value>) {
    let (whole, parts) = stamps.spans();
    let (trace, root) = (id(16), id(8));
    let offsets: Vec<String> = stamps
        .offsets
        .iter()
        .map(|(partition, offset)| format!("{partition}:{offset}"))
        .collect();
    let mut attributes = vec![
        number("standings.commit", stamps.commit),
        number("standings.changes", stamps.changes as u64),
        number("standings.records", stamps.records),
        text("standings.offsets", &offsets.join(",")),
    ];
    if let Some(watermark) = stamps.watermark {
        let at = crate::model::time::MAX_EVENT_TIME.min(watermark);
        attributes.push(text("standings.watermark", &format_rfc3339(at)));
    }
    into.push(span(&trace, &root, None, "commit", whole, attributes));
    for (name, sink, time) in parts {
        let attributes = sink.map(|sink| text("standings.sink", sink));
        let attributes = attributes.into_iter().collect();
        into.push(span(&trace, &id(8), Some(&root), name, time, attributes));
    }
}

fn span(
    trace: &str,
    id: &str,
    parent: Option<&str>,
    name: &str,
    (from, to): Span,
    attributes: Vec<Value>,
) -> Value {
    let mut value = json!({
        "traceId": trace,
        "spanId": id,
        "name": name,
        "kind": 1,
        "startTimeUnixNano": nanoseconds(from),
        "endTimeUnixNano": nanoseconds(to),
        "attributes": attributes,
    });
    if let Some(parent) = parent {
        value["parentSpanId"] = parent.into();
    }
    value
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// OTLP's JSON writes 64-bit numbers as strings.
fn number(key: &str, value: u64) -> Value {
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn nanoseconds(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_nanos().to_string()
}

/// So many random bytes, in hexadecimal.
fn id(bytes: usize) -> String {
    let mut id = vec![0; bytes];
    // Without random bits it is the one id that OpenTelemetry calls invalid, and the receiver drops the span.
    let _ = SystemRandom::new().fill(&mut id);
    id.iter().map(|b| format!("{b:02x}")).collect()
}
