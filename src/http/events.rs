//! `GET /api/v1/events`: a snapshot, then every commit's changes, and the health numbers each second.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::follow::{self, Follower, Sent};
use super::health;
use super::openapi;
use super::params::Params;
use super::problem::Problem;
use super::watch::Shown;

const HEALTH: Duration = Duration::from_secs(1);

/// An event as it is sent.
pub(super) fn event(sent: &Sent) -> Event {
    Event::default()
        .event(sent.event)
        .id(sent.id.to_string())
        .data(&*sent.data)
}

/// Events as an answer that no cache and no proxy holds back.
pub(super) fn stream(
    events: impl Stream<Item = Result<Event, Infallible>> + Send + 'static,
) -> Response {
    let headers = [
        (header::CACHE_CONTROL, "no-cache, no-transform"),
        (header::HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Sse::new(events)).into_response()
}

#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "follow",
    summary = "What the live page follows",
    description = "A snapshot of every ranking, then commits as they come, and health numbers each second.",
    params(openapi::After),
    responses((status = 200, description = "Server-sent events: snapshot, commit, health", body = openapi::ServerSentEvent, content_type = "text/event-stream"), openapi::Refusals)
)]
pub(super) async fn events(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = Params::read(query.as_deref(), &["after"])?;
    let after = follow::after(&headers, params.commit("after")?);
    let follower = Follower::begin(&shown, None, after)?;
    let mut tick = interval(HEALTH);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let begin = Both {
        follower,
        shown,
        tick,
        begun: after.is_some(),
    };
    Ok(stream(stream::unfold(begin, |mut both| async {
        let event = both.next().await?;
        Some((Ok(event), both))
    })))
}

/// Commits and health, in turn.
struct Both {
    follower: Follower,
    shown: Arc<Shown>,
    tick: Interval,
    /// The first event is the snapshot, if there is one.
    begun: bool,
}

impl Both {
    async fn next(&mut self) -> Option<Event> {
        if !std::mem::replace(&mut self.begun, true) {
            return Some(event(&self.follower.next().await?));
        }
        tokio::select! {
            biased;
            _ = self.tick.tick() => {
                let text = serde_json::to_string(&health::now(&self.shown)).unwrap_or_default();
                Some(Event::default().event("health").data(text))
            }
            sent = self.follower.next() => sent.map(|s| event(&s)),
        }
    }
}
