//! `GET /api/v1/sources`: what feeds the topics that are read, as `standings ingest` tells it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;

use super::answer;
use crate::openapi;
use crate::params::Params;
use crate::problem::Problem;
use crate::watch::{Shown, Sources};

#[utoipa::path(
    get,
    path = "/api/v1/sources",
    tag = "process",
    summary = "What feeds the topics",
    description = "The sources of `standings ingest`: each with its state and why, its records, its dead letters and its lag. Known in a demo, and where \
                   `--http-sources` says where it is told; elsewhere 404.",
    responses((status = 200, description = "The sources, in the order of their file", body = openapi::SourcesShape), openapi::Refusals)
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
