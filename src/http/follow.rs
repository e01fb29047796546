//! Those who follow commits: pages, terminals, programs. Each has its own place in the ring of the last commits, so
//! nobody is waited for, and nobody's slowness costs memory: who falls too far behind begins again with a snapshot.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::http::{HeaderMap, StatusCode};
use tokio::sync::watch;

use super::board::Entry;
use super::json;
use super::problem::Problem;
use super::watch::Shown;

/// Who may follow at the same time.
const MOST_FOLLOWERS: i64 = 1_000;
/// A commit with more changes than this is not sent change by change: pages get a snapshot.
const MOST_CHANGES: usize = 2_000;
/// Commits taken from the ring at a time.
const BATCH: usize = 64;

/// What a follower is sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Its name: `snapshot`, `commit`, `change`.
    pub(super) event: &'static str,
    /// The commit that it is of.
    pub(super) id: u64,
    /// A JSON object.
    pub(super) data: Arc<str>,
}

/// One follower's place.
pub(super) struct Follower {
    shown: Arc<Shown>,
    /// Of one ranking, or of all.
    ranking: Option<usize>,
    ticks: watch::Receiver<u64>,
    /// Everything up to this commit was sent.
    sent: Option<u64>,
    waiting: VecDeque<Arc<Entry>>,
    _held: Held,
}

/// Followers now.
static FOLLOWERS: AtomicI64 = AtomicI64::new(0);

/// Counts a follower while it is there.
struct Held(Arc<Shown>);

impl Drop for Held {
    fn drop(&mut self) {
        FOLLOWERS.fetch_sub(1, Ordering::Relaxed);
        self.0.metrics.event_clients(-1);
    }
}

/// The commit after which a request wants to go on: `Last-Event-ID`, else a parameter.
pub(super) fn after(headers: &HeaderMap, param: Option<u64>) -> Option<u64> {
    let header = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    // What is no number is of another server: begin with a snapshot.
    header.map_or(param, |text| text.parse().ok())
}

impl Follower {
    /// Begins after a commit if it is known, else with a snapshot.
    pub(super) fn begin(
        shown: &Arc<Shown>,
        ranking: Option<usize>,
        after: Option<u64>,
    ) -> Result<Self, Problem> {
        shown.has_rows()?;
        if FOLLOWERS.fetch_add(1, Ordering::Relaxed) >= MOST_FOLLOWERS {
            FOLLOWERS.fetch_sub(1, Ordering::Relaxed);
            return Err(Problem {
                retry_after: Some(10),
                ..Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    format!("{MOST_FOLLOWERS} follow already"),
                )
            });
        }
        shown.metrics.event_clients(1);
        Ok(Follower {
            ranking,
            // Before the snapshot is taken: no commit falls between the two.
            ticks: shown.board.ticks(),
            sent: after.filter(|c| shown.board.view(|view| view.after(*c, 0)).is_some()),
            waiting: VecDeque::new(),
            shown: Arc::clone(shown),
            _held: Held(Arc::clone(shown)),
        })
    }

    /// The next event; `None` when the server ends. Dropped between two calls or within one, nothing is lost.
    pub(super) async fn next(&mut self) -> Option<Sent> {
        let Some(mut sent) = self.sent else {
            return Some(self.snapshot());
        };
        loop {
            while let Some(entry) = self.waiting.pop_front() {
                sent = entry.as_of.commit;
                self.sent = Some(sent);
                let of_mine = |r: usize| self.ranking.is_none_or(|own| r == own);
                let changes = entry.changes();
                let changes = changes.filter(|(c, _)| of_mine(c.ranking)).count();
                if changes > MOST_CHANGES {
                    self.shown.metrics.event_resynced();
                    return Some(self.snapshot());
                }
                if changes > 0 {
                    return Some(Sent {
                        event: if self.ranking.is_some() {
                            "change"
                        } else {
                            "commit"
                        },
                        id: sent,
                        data: json::commit(&self.shown.plan, &entry, self.ranking),
                    });
                }
            }
            self.ticks.mark_unchanged();
            let news = self.shown.board.view(|view| view.after(sent, BATCH));
            match news {
                None => {
                    self.shown.metrics.event_resynced();
                    return Some(self.snapshot());
                }
                Some(news) if news.is_empty() => self.ticks.changed().await.ok()?,
                Some(news) => self.waiting.extend(news),
            }
        }
    }

    fn snapshot(&mut self) -> Sent {
        let (plan, board) = (&self.shown.plan, &self.shown.board);
        let (id, text) = match self.ranking {
            Some(ranking) => json::ranking_snapshot(plan, board, ranking),
            None => json::snapshot(plan, board),
        };
        self.waiting.clear();
        self.sent = Some(id);
        Sent {
            event: "snapshot",
            id,
            data: text.into(),
        }
    }
}
