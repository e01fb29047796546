//! `GET /api/v1/rankings/{name}/changes`: the change log as it grows, as server-sent events or over a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Response;
use axum::response::sse::Event;
use futures_util::stream;

use crate::events;
use crate::follow::{self, Follower, Sent};
use crate::openapi;
use crate::params::{self, Params};
use crate::problem::Problem;
use crate::watch::Shown;

/// Something is sent at least so often, so that a connection that is gone is noticed.
const ALIVE: Duration = Duration::from_secs(15);
/// The largest message that a follower may send; nothing it says matters.
const MOST_BYTES: usize = 1_024;

#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/changes",
    tag = "follow",
    summary = "The changes of one ranking, as they come",
    description = "A snapshot, then every change as in the change log: server-sent events, or messages of a WebSocket.",
    params(("name" = String, Path, description = "Ranking"), openapi::After),
    responses((status = 200, description = "Server-sent events: snapshot, change; with `Upgrade: websocket` the same as messages", body = openapi::ServerSentEvent, content_type = "text/event-stream"), openapi::Refusals)
)]
pub(crate) async fn changes(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let (number, _) = params::ranking(&shown.plan, &name)?;
    let params = Params::read(query.as_deref(), &["after"])?;
    let after = follow::after(&headers, params.commit("after")?);
    let wants_socket = headers
        .get(header::UPGRADE)
        .is_some_and(|v| v.as_bytes().eq_ignore_ascii_case(b"websocket"));
    if wants_socket {
        from_here(&headers)?;
        let upgrade = upgrade.map_err(|e| Problem::bad(e.body_text()))?;
        let follower = Follower::begin(&shown, Some(number), after)?;
        let upgrade = upgrade
            .max_message_size(MOST_BYTES)
            .max_frame_size(MOST_BYTES);
        return Ok(upgrade.on_upgrade(move |socket| talk(socket, follower)));
    }
    let follower = Follower::begin(&shown, Some(number), after)?;
    Ok(events::stream(stream::unfold(
        follower,
        |mut follower| async {
            let event = match tokio::time::timeout(ALIVE, follower.next()).await {
                Ok(sent) => events::event(&sent?),
                Err(_) => Event::default().comment("nothing new"),
            };
            Some((Ok(event), follower))
        },
    )))
}

/// Browsers send a page's origin with a WebSocket and ask nobody: a page of another origin is refused here.
fn from_here(headers: &HeaderMap) -> Result<(), Problem> {
    let text = |name| {
        headers
            .get(name)
            .and_then(|v: &header::HeaderValue| v.to_str().ok())
    };
    let Some(origin) = text(header::ORIGIN) else {
        return Ok(());
    };
    let host = origin.split_once("://").map(|(_, host)| host);
    if host.is_some() && host == text(header::HOST) {
        return Ok(());
    }
    Err(Problem::new(
        StatusCode::FORBIDDEN,
        "a page of another origin may not open a WebSocket here",
    ))
}

async fn talk(mut socket: WebSocket, mut follower: Follower) {
    loop {
        let sent = tokio::select! {
            heard = socket.recv() => match heard {
                // Pings are answered within.
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
            sent = tokio::time::timeout(ALIVE, follower.next()) => sent,
        };
        let message = match sent {
            Ok(Some(sent)) => Message::text(with_name(&sent)),
            Ok(None) => return,
            Err(_) => Message::Ping(Default::default()),
        };
        if socket.send(message).await.is_err() {
            return;
        }
    }
}

/// The object with the event's name in it.
fn with_name(sent: &Sent) -> String {
    // Every event's data is an object with members.
    let members = sent.data.strip_prefix('{').unwrap_or(&sent.data);
    format!("{{\"event\":\"{}\",{members}", sent.event)
}
