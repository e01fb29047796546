//! `/healthz`, `/readyz` and `/metrics`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::watch::Shown;
use standings_model::printable::printable;
use standings_observe::metrics::CONTENT_TYPE;

/// What is waited for longer than this is told by `/readyz` and on the page.
pub(super) const TROUBLE: Duration = Duration::from_secs(5);

/// A supervisor's questions: they are answered whatever else goes on, for it would end what it is told nothing of.
pub(super) const PATHS: [&str; 2] = ["/healthz", "/readyz"];

/// Whether the workers move.
pub(super) async fn healthz(State(shown): State<Arc<Shown>>) -> Response {
    match shown.metrics.stuck_worker() {
        None => (StatusCode::OK, "ok\n").into_response(),
        Some((worker, since)) => {
            let text = format!("worker {worker} has not moved for {} s\n", since.as_secs());
            (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
        }
    }
}

/// Whether what is read is also shown: every sink is open, nothing has been waited for longer than a moment, and the
/// database that rows are read from can be read.
pub(super) async fn readyz(State(shown): State<Arc<Shown>>) -> Response {
    let no = |why: &str| {
        let text = format!("{}\n", printable(why));
        (StatusCode::SERVICE_UNAVAILABLE, text).into_response()
    };
    if let Some(trouble) = shown.trouble() {
        return no(&trouble);
    }
    if !shown.ready.load(Ordering::Acquire) {
        let waits = shown.metrics.live().waits.told();
        return no(waits.as_deref().unwrap_or("waiting for the sinks to open"));
    }
    if let Some(waits) = shown.metrics.live().waits.told_after(TROUBLE) {
        return no(&waits);
    }
    let behind = shown.database.as_ref().map(|d| d.standbys());
    let lines = ["ready".to_owned()]
        .into_iter()
        .chain(behind.unwrap_or_default());
    let text: String = lines.map(|line| line + "\n").collect();
    (StatusCode::OK, text).into_response()
}

/// All metrics.
pub(super) async fn metrics(State(shown): State<Arc<Shown>>) -> Response {
    match shown.metrics.encode() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        // Formatting into a String does not fail; if it did, a scrape fails and says so.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
