//! What others post: `POST /ingest/NAME`.
//!
//! ```text
//! path known? ──► the source goes on? ──► body, within bounds ──► signed? ──► decompressed, within bounds ──► queue ──► 200
//!   404              503, Retry-After           413                 401              413, 415, 400               503 ──┘
//! ```
//!
//! 1. Nothing of a body is looked at before its signature, and nothing of a secret is told.
//! 2. Without a signature only this machine may post, and no page of a browser in its name.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use ring::digest;
use tokio_rustls::TlsAcceptor;

use super::error::{AddressProblem, HttpError};
use super::problem::Problem;
use super::security::{Peer, Tls};
use super::server::accept;
use standings_ingest::webhook::door::{Answer, Delivery, Hook};
use standings_ingest::webhook::signature::Form;
use standings_ingest::webhook::unpacked::{Packed, unpacked};
use standings_model::error::{Failure, codes};

/// How long a sender waits for Kafka.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long a body may take.
const BODY: Duration = Duration::from_secs(20);
/// What a sender is told to wait.
const RETRY_AFTER: u64 = 5;

/// A port that is taken, not yet served.
pub struct Listening {
    listener: TcpListener,
    tls: Option<Tls>,
    hooks: BTreeMap<String, Hook>,
}

/// Takes an address for webhooks. `tls`: certificate and key; `behind_proxy`: who is in front has TLS.
///
/// # Errors
/// It is taken, or anybody could post there, or read what is posted.
pub fn listen(
    address: &str,
    hooks: Vec<Hook>,
    tls: Option<(&Path, &Path)>,
    behind_proxy: bool,
) -> Result<Listening, Failure> {
    let wrong = |source: AddressProblem| {
        let failure = Failure::from(HttpError::Address {
            address: address.to_owned(),
            source,
        });
        failure.told(failure.to_string().replacen("--http", "--ingest-http", 1))
    };
    let with_host = match address.strip_prefix(':') {
        Some(port) => format!("0.0.0.0:{port}"),
        None => address.to_owned(),
    };
    let mut found = with_host.to_socket_addrs().map_err(|e| wrong(e.into()))?;
    let at = found.next().ok_or_else(|| wrong(AddressProblem::NoHost))?;
    if !at.ip().to_canonical().is_loopback() {
        let open = |said: String| Failure::of(&codes::ingest::OPEN, said);
        if let Some(hook) = hooks.iter().find(|hook| hook.form.is_none()) {
            return Err(open(format!(
                "--ingest-http {address}: others reach it, and [sources.{}] takes what is not signed: give it `signature` and \
                 `secret-file`, or listen at 127.0.0.1",
                hook.name
            )));
        }
        if tls.is_none() && !behind_proxy {
            return Err(open(format!(
                "--ingest-http {address}: others reach it, and what they post could be read on its way: give \
                 --ingest-http-tls-cert and --ingest-http-tls-key, or say --ingest-http-behind-proxy where TLS ends before it"
            )));
        }
    }
    let tls = tls
        .map(|(certificate, key)| Tls::open(certificate, key))
        .transpose()?;
    let listener = TcpListener::bind(at).map_err(|e| wrong(e.into()))?;
    listener
        .set_nonblocking(true)
        .map_err(|e| wrong(e.into()))?;
    Ok(Listening {
        listener,
        tls,
        hooks: hooks
            .into_iter()
            .map(|hook| (hook.path.clone(), hook))
            .collect(),
    })
}

impl Listening {
    /// Where.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> Result<SocketAddr, Failure> {
        Ok(self.listener.local_addr().map_err(HttpError::Local)?)
    }

    /// Takes what is posted, in the present runtime, for ever.
    ///
    /// # Errors
    /// Connections cannot be taken.
    pub async fn accept(self) -> std::io::Result<()> {
        let tls = self.tls;
        let routes = Router::new()
            .fallback(post)
            .with_state(Arc::new(self.hooks));
        let acceptor = move || tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
        accept(self.listener, acceptor, routes).await
    }
}

type Hooks = Arc<BTreeMap<String, Hook>>;

async fn post(State(hooks): State<Hooks>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let Some(hook) = hooks.get(&path) else {
        return Problem::not_found("no source listens at this path").answer(&path);
    };
    if request.method() != Method::POST {
        let mut response =
            Problem::new(StatusCode::METHOD_NOT_ALLOWED, "this path takes POST only").answer(&path);
        response
            .headers_mut()
            .insert(header::ALLOW, header::HeaderValue::from_static("POST"));
        return response;
    }
    match take(hook, request).await {
        Ok(Answer::Taken) => (StatusCode::OK, "taken\n").into_response(),
        Ok(Answer::NotNow) => not_now("it is not in Kafka yet; send it again").answer(&path),
        Err(problem) => {
            tracing::debug!(
                event = "webhook_refused",
                source = hook.name,
                status = problem.status.as_u16(),
                problem = problem.detail
            );
            problem.answer(&path)
        }
    }
}

fn not_now(detail: &str) -> Problem {
    Problem {
        retry_after: Some(RETRY_AFTER),
        ..Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }
}

/// Takes a delivery, and waits until it is in Kafka.
async fn take(hook: &Hook, request: Request) -> Result<Answer, Problem> {
    let (parts, body) = request.into_parts();
    let headers = parts.headers;
    if hook.form.is_none() {
        is_from_here(parts.extensions.get::<Peer>().copied(), &headers)?;
    }
    if let Some(why) = hook.door.closed() {
        return Err(not_now(&why));
    }
    let large = || {
        let detail = format!("the body has more than {} bytes", hook.max_body);
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    let length =
        text(&headers, header::CONTENT_LENGTH.as_str()).and_then(|t| t.parse::<usize>().ok());
    if length.is_some_and(|n| n > hook.max_body) {
        return Err(large());
    }
    let slow = || Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
    let read = tokio::time::timeout(BODY, to_bytes(body, hook.max_body)).await;
    let raw = read.map_err(|_| slow())?.map_err(|_| large())?;
    let at = SystemTime::now();
    let mut marks = Vec::new();
    if let Some(form) = hook.form {
        let secrets = (hook.secrets)().map_err(|why| {
            tracing::error!(
                event = "webhook_secret",
                source = hook.name,
                problem = why,
                "the secret of a webhook cannot be read; nothing is taken for it"
            );
            not_now("the secret cannot be read now")
        })?;
        let signature = form.check(text(&headers, form.header()), &raw, &secrets, at);
        let signature =
            signature.map_err(|e| Problem::new(StatusCode::UNAUTHORIZED, e.to_string()))?;
        marks.push(mark("signature", signature.as_bytes()));
    }
    let encoding = text(&headers, header::CONTENT_ENCODING.as_str());
    let body = unpacked(&raw, encoding, hook.max_body).map_err(|e| {
        let status = match e {
            Packed::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Packed::Large(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Packed::Damaged(_) => StatusCode::BAD_REQUEST,
        };
        Problem::new(status, e.to_string())
    })?;
    let id = delivery_id(hook, &headers, &body);
    if let Some(id) = &id {
        marks.push(mark("id", id.as_bytes()));
    }
    let position = id.unwrap_or_else(|| short(&raw));
    hand_in(hook, body, marks, position, at).await
}

/// Hands it to the source, and waits for what becomes of it.
async fn hand_in(
    hook: &Hook,
    body: Vec<u8>,
    marks: Vec<String>,
    position: String,
    at: SystemTime,
) -> Result<Answer, Problem> {
    let (tell, told) = tokio::sync::oneshot::channel();
    // Who does not wait any more is told nothing.
    let teller = Box::new(move |answer| {
        let _ = tell.send(answer);
    });
    hook.door
        .hand_in(Delivery::new(body, marks, position, at, teller));
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(Ok(answer)) => Ok(answer),
        _ => Ok(Answer::NotNow),
    }
}

/// The id of a delivery: by its header, or of Stripe by the body's.
fn delivery_id(hook: &Hook, headers: &HeaderMap, body: &[u8]) -> Option<String> {
    if let Some(name) = &hook.id {
        return text(headers, name)
            .map(str::to_owned)
            .filter(|id| !id.is_empty() && id.len() <= 200);
    }
    if hook.form != Some(Form::Stripe) {
        return None;
    }
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    Some(body.get("id")?.as_str()?.to_owned())
}

/// What a delivery is known again by.
fn mark(kind: &str, text: &[u8]) -> String {
    format!("{kind}:{}", short(text))
}

/// The first half of a SHA-256, as hex.
fn short(text: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, text);
    hash.as_ref()
        .iter()
        .take(16)
        .map(|b| format!("{b:02x}"))
        .collect()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Without a signature: from this machine, and not by a page of another site.
fn is_from_here(peer: Option<Peer>, headers: &HeaderMap) -> Result<(), Problem> {
    let is_here = peer.is_some_and(|peer| peer.0.to_canonical().is_loopback());
    let no = |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, detail));
    if !is_here {
        return no("without a signature only this machine may post");
    }
    if headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site") {
        return no("without a signature no page of a browser may post");
    }
    let host = text(headers, "host").unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        match port.bytes().all(|b| b.is_ascii_digit()) {
            true => name,
            false => host,
        }
    });
    let plain = name.trim_matches(['[', ']']);
    let is_own = plain == "localhost"
        || plain
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback());
    match is_own {
        true => Ok(()),
        false => no("without a signature it is posted to localhost, by that name"),
    }
}
