//! `GET /api/v1/sources`: what feeds the topics that are read, as `standings ingest` tells it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use utoipa::ToSchema;

use super::answer;
use crate::openapi;
use crate::params::Params;
use crate::problem::Problem;
use crate::watch::{Shown, Sources};

/// What feeds the topics that are read.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct SourcesShape {
    sources: Vec<SourceShape>,
}

/// One source of `standings ingest`. Counts are of its process, since its start.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct SourceShape {
    name: String,
    /// Such as files, webhook, rest.
    #[schema(rename = "type")]
    kind: String,
    /// Where its records go.
    topic: String,
    /// snapshot, streaming, waiting or broken.
    state: String,
    /// Why it waits or is broken.
    reason: Option<String>,
    /// Since when it is in this state.
    #[schema(format = DateTime)]
    since: String,
    generation: u64,
    records: u64,
    bytes: u64,
    dead_letters: u64,
    duplicates: u64,
    transactions: u64,
    failures: u64,
    breaker_open: bool,
    /// Of the last record that was committed.
    position: String,
    #[schema(format = DateTime)]
    committed_at: Option<String>,
    /// From when a record was read until it was committed, of the last transaction.
    lag_seconds: f64,
}

#[utoipa::path(
    get,
    path = "/api/v1/sources",
    tag = "process",
    summary = "What feeds the topics",
    description = "The sources of `standings ingest`: each with its state and why, its records, its dead letters and its lag. Known in a demo, and where \
                   `--http-sources` says where it is told; elsewhere 404.",
    responses((status = 200, description = "The sources, in the order of their file", body = SourcesShape), openapi::Refusals)
)]
pub(crate) async fn sources(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    match &shown.about.sources {
        Sources::Here(board) => {
            let as_of = shown.board.view(|view| view.as_of().clone());
            Ok(answer(&as_of, board.json().to_string()))
        }
        Sources::At(elsewhere) => elsewhere.ask(&uri, &headers).await,
        Sources::Nowhere => Err(Problem::new(
            StatusCode::NOT_FOUND,
            "nobody tells of sources here: --http-sources URL says where `standings ingest --http` is",
        )),
    }
}
