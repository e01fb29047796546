//! `GET /api/v1/runs`, for administrators: what ran, how it was told to, how it ended.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::Value;

use super::answer;
use crate::openapi;
use crate::params::Params;
use crate::problem::Problem;
use crate::watch::Shown;

/// Runs that are told of, unless the request says.
const USUAL: usize = 20;
/// Runs that one answer may have.
const MOST: usize = 1_000;

#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "process",
    summary = "Runs, newest first",
    description = "When each began and ended, how, and what it read. For the role admin.",
    params(openapi::Limited),
    responses((status = 200, description = "Runs, newest first; for administrators", body = Vec<openapi::RunShape>), openapi::Refusals)
)]
pub(crate) async fn runs(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let limit = Params::read(query.as_deref(), &["limit"])?.limit(USUAL, MOST)?;
    let Some(database) = shown.runs.as_ref() else {
        return Err(Problem::not_found(
            "runs are recorded by process 0 in its Postgres sinks, and this process has none",
        ));
    };
    let (as_of, runs) = database.runs(limit).await?;
    Ok(answer(&as_of, Value::from(runs).to_string()))
}
