//! `GET /api/v1/process`, for administrators: what runs here, since when, how it was told to.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use axum::extract::{RawQuery, State};
use axum::response::Response;

use super::answer;
use crate::as_of::time;
use crate::health;
use crate::openapi;
use crate::params::Params;
use crate::problem::Problem;
use crate::watch::Shown;

#[utoipa::path(
    get,
    path = "/api/v1/process",
    tag = "process",
    summary = "What runs here",
    description = "Version, configuration without secrets, sinks. For the role admin.",
    responses((status = 200, description = "What runs here; for administrators", body = openapi::ProcessShape), openapi::Refusals)
)]
pub(crate) async fn process(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    let started = shown.started.duration_since(UNIX_EPOCH).unwrap_or_default();
    let uptime = shown.started.elapsed().unwrap_or_default();
    let as_of = shown.board.view(|view| view.as_of().clone());
    let stuck = shown.metrics.stuck_worker();
    let body = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started": time(i64::try_from(started.as_millis()).unwrap_or(i64::MAX)),
        "uptime_seconds": uptime.as_secs(),
        "pid": std::process::id(),
        "commits_here": shown.about.commits_here,
        "workers": shown.about.workers,
        "stuck_worker": stuck.map(|(worker, _)| worker),
        "configuration": shown.about.configuration,
        "sinks": health::sinks(&shown),
    });
    Ok(answer(&as_of, body.to_string()))
}
