//! `GET /api/v1/dead-letters`: why records are none, by reason, and the last of them.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use crate::openapi;
use crate::params::Params;
use crate::problem::Problem;
use crate::watch::Shown;

/// Since the start of the process.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeadLetters {
    /// How many, most of a reason first.
    reasons: Vec<OfReason>,
    /// Of reasons that are not told apart any more, because there are so many.
    others: u64,
    /// The newest first; five at most.
    last: Vec<LastLetter>,
}

/// Those of one reason.
#[derive(Serialize, ToSchema)]
pub(crate) struct OfReason {
    reason: String,
    /// The check that was failed, where that is the reason.
    check: Option<String>,
    count: u64,
}

/// One of them: where its record is, and what was found in it.
#[derive(Serialize, ToSchema)]
pub(crate) struct LastLetter {
    table: String,
    /// Where several topics are read: which it is of.
    topic: Option<String>,
    partition: u32,
    offset: u64,
    reason: String,
    check: Option<String>,
    /// What was found, and what was expected; 300 characters at most.
    detail: String,
}

#[utoipa::path(
    get,
    path = "/api/v1/dead-letters",
    tag = "process",
    summary = "Why records were refused",
    description = "The dead letters of this process since its start: how many by reason, and the last five. The records themselves are where `--dead-letter` puts them.",
    responses((status = 200, description = "Counts by reason, and the last", body = DeadLetters), openapi::Refusals)
)]
pub(crate) async fn letters(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    Params::read(query.as_deref(), &[])?;
    let (reasons, others, last) = shown.letters.told();
    let reasons = reasons
        .into_iter()
        .map(|((reason, check), count)| OfReason {
            reason,
            check,
            count,
        });
    let last = last.into_iter().map(|letter| {
        let (topic, partition) = shown.metrics.live().input_of(letter.partition);
        let table = shown.plan.tables.get(letter.table);
        LastLetter {
            table: table.map_or(String::new(), |t| t.name.clone()),
            topic: topic.map(str::to_owned),
            partition,
            offset: letter.offset,
            reason: letter.reason,
            check: letter.check,
            detail: letter.detail,
        }
    });
    let body = DeadLetters {
        reasons: reasons.collect(),
        others,
        last: last.collect(),
    };
    let as_of = shown.board.view(|view| view.as_of().clone());
    let text = serde_json::to_string(&body).unwrap_or_default();
    Ok(answer(&as_of, text))
}
