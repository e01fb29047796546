//! Spans as OTLP over HTTP in its JSON form.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use ring::rand::{SecureRandom, SystemRandom};
use serde_json::{Value, json};

use crate::post::{Endpoint, Sending};
use standings_model::duration::parse_duration;
use standings_model::time::format_rfc3339;
use standings_observe::live::{Export, Live};
use standings_observe::trace::{Span, Stamps, Tracer};
use standings_process::secret::Secret;

/// Commits in one request at most.
const BATCH: usize = 64;
/// For how long commits are gathered into one request.
const GATHER: Duration = Duration::from_millis(500);
/// The longest pause after a failure; the first is a second.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Where traces go.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Traces")]
pub struct TraceArgs {
    /// Send spans of sampled commits to this OpenTelemetry receiver (OTLP over HTTP, JSON), such as http://host:4318.
    #[arg(long, env = "STANDINGS_TRACE", value_name = "URL", value_parser = parse_url)]
    pub trace: Option<String>,
    /// The least time between two commits that are traced.
    #[arg(long, env = "STANDINGS_TRACE_SAMPLE", value_name = "D", default_value = "1s", value_parser = parse_duration)]
    pub trace_sample: Duration,
    /// The bearer token for it; best given by STANDINGS_TRACE_TOKEN or STANDINGS_TRACE_TOKEN_FILE.
    #[arg(
        long,
        env = "STANDINGS_TRACE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub trace_token: Option<Secret>,
}

/// A text that is no receiver of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("write it as http://host:4318, without user and parameters")]
struct NoReceiver;

/// The receiver's base; `/v1/traces` is added where it is missing.
fn parse_url(text: &str) -> Result<String, NoReceiver> {
    let wrong = || Err(NoReceiver);
    let Some((scheme @ ("http" | "https"), rest)) = text.split_once("://") else {
        return wrong();
    };
    if rest.is_empty() || rest.contains(['@', '?', '#']) {
        return wrong();
    }
    let base = rest.trim_end_matches('/').trim_end_matches("/v1/traces");
    Ok(format!("{scheme}://{base}/v1/traces"))
}

/// What a process says of itself.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The run's name.
    pub instance: String,
}

/// Says when everything that was handed over has been sent, or given up.
pub struct Flushed(Receiver<()>);

impl Flushed {
    /// Waits for so long at most; the tracer must be gone.
    pub fn wait(self, most: Duration) {
        let _ = self.0.recv_timeout(most);
    }
}

/// Starts the thread that sends; the committer's side of it.
pub fn start(
    endpoint: Endpoint,
    url: &str,
    sample: Duration,
    resource: Resource,
    live: Arc<Live>,
) -> std::io::Result<(Tracer, Flushed)> {
    let (alive, flushed) = bounded::<()>(0);
    let (counted, url) = (Arc::clone(&live), url.to_owned());
    let (tracer, waiting) = Tracer::new(sample, live);
    std::thread::Builder::new()
        .name("traces".to_owned())
        .spawn(move || {
            let _alive = alive;
            run(&endpoint, &url, &resource, &waiting, &counted);
        })?;
    Ok((tracer, Flushed(flushed)))
}

/// Sends until the committer is gone and nothing waits. What cannot be sent is tried again; meanwhile the channel fills
/// up, and what does not fit is counted there.
fn run(
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
                        tracing::info!(event = "traces_back", to = url, "traces are taken again");
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
                    tracing::warn!(
                        event = "traces_refused",
                        to = url,
                        problem,
                        spans,
                        "traces were not taken; the run goes on without them"
                    );
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
        let at = standings_model::time::MAX_EVENT_TIME.min(watermark);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receiver_is_named_by_its_base() {
        for (text, want) in [
            ("http://h:4318", Some("http://h:4318/v1/traces")),
            ("https://h/v1/traces", Some("https://h/v1/traces")),
            ("https://h/otlp/", Some("https://h/otlp/v1/traces")),
            ("http://u:secret@h", None),
            ("http://", None),
            ("h:4318", None),
        ] {
            assert_eq!(parse_url(text).ok().as_deref(), want, "{text}");
        }
    }
}
