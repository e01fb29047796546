//! `GET /api/v1/events`: a snapshot, then every commit's changes, and the health numbers each second.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::broadcast::{self, Receiver};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::json;
use super::watch::{CommitEvent, Shown};

const HEALTH: Duration = Duration::from_secs(1);

pub(super) async fn events(State(shown): State<Arc<Shown>>) -> Response {
    let headers = [(header::CACHE_CONTROL, "no-cache, no-transform")];
    (headers, Sse::new(follow(shown))).into_response()
}

/// One page's place in the events.
struct Follower {
    shown: Arc<Shown>,
    events: Receiver<CommitEvent>,
    health: Interval,
    /// Everything up to this commit was sent.
    sent: Option<u64>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.shown.metrics.event_clients(-1);
    }
}

fn follow(shown: Arc<Shown>) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    shown.metrics.event_clients(1);
    let mut health = interval(HEALTH);
    health.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // Subscribed before the snapshot is taken: no commit falls between the two.
    let follower = Follower {
        events: shown.events.subscribe(),
        shown,
        health,
        sent: None,
    };
    stream::unfold(follower, |mut follower| async {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    })
}

impl Follower {
    /// The next event; `None` when the server ends.
    async fn next(&mut self) -> Option<Event> {
        let Some(mut sent) = self.sent else {
            return Some(self.snapshot());
        };
        loop {
            tokio::select! {
                biased;
                _ = self.health.tick() => {
                    let health = serde_json::to_string(&self.shown.metrics.health()).unwrap_or_default();
                    return Some(Event::default().event("health").data(health));
                }
                commit = self.events.recv() => match commit {
                    Ok(commit) if commit.number <= sent => {}
                    Ok(CommitEvent { number, changes: Some(changes) }) => {
                        sent = number;
                        self.sent = Some(sent);
                        return Some(Event::default().event("commit").data(changes));
                    }
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        self.shown.metrics.event_resynced();
                        return Some(self.snapshot());
                    }
                    Err(broadcast::error::RecvError::Closed) => return None,
                },
            }
        }
    }

    fn snapshot(&mut self) -> Event {
        let (commit, text) = self
            .shown
            .board
            .view(|view| (view.commit(), json::snapshot(&self.shown.plan, view)));
        self.sent = Some(commit);
        Event::default().event("snapshot").data(text)
    }
}
