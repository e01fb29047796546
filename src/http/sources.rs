//! What `standings ingest` shows: `/api/v1/sources`, `/metrics`, `/healthz`, `/readyz`.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::problem::Problem;
use super::security::{Gate, guard};
use standings_ingest::metrics;
use standings_ingest::told::Board;
use standings_model::printable::printable;
use standings_observe::metrics::CONTENT_TYPE;

/// The routes.
pub(super) fn routes(board: Board, gate: Arc<Gate>) -> Router {
    let guarded = from_fn_with_state((gate, None), guard);
    Router::new()
        .route("/api/v1/sources", get(sources))
        .route("/metrics", get(all_metrics))
        // A source that is broken is no reason to start the process anew.
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .fallback(|| async { Problem::not_found("nothing is at this path; /api/v1/sources is") })
        .layer(guarded)
        .with_state(board)
}

async fn sources(State(board): State<Board>) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    (json, board.json().to_string()).into_response()
}

async fn all_metrics(State(board): State<Board>) -> Response {
    (
        [(header::CONTENT_TYPE, CONTENT_TYPE)],
        metrics::text(&board),
    )
        .into_response()
}

/// Whether every source goes on, each that does not with why.
async fn readyz(State(board): State<Board>) -> Response {
    let unready = board.unready();
    if unready.is_empty() {
        let names = board
            .sources
            .iter()
            .map(|told| format!("{}: {}\n", told.name, told.now().state));
        return (
            StatusCode::OK,
            format!("ready\n{}", names.collect::<String>()),
        )
            .into_response();
    }
    let lines: String = unready
        .iter()
        .map(|line| format!("{}\n", printable(line)))
        .collect();
    (StatusCode::SERVICE_UNAVAILABLE, lines).into_response()
}
