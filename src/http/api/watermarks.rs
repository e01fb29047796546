//! `GET /api/v1/watermarks`: what holds windows open.
//!
//! The global watermark is the least over the partitions that are neither idle nor finished. A window waits for those
//! of them whose own watermark has not reached its end.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answer;
use crate::as_of::time;
use crate::board::{PartitionNow, now};
use crate::openapi;
use crate::params::{AtLeast, Params};
use crate::problem::Problem;
use crate::watch::Shown;
use standings_engine::event_time::BEGINNING;
use standings_engine::event_time::global::{GlobalClock, PartitionState};
use standings_engine::event_time::partition::Policy;
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::time::format_rfc3339;

/// Open windows that are told of, newest first.
const MOST_WINDOWS: usize = 1_000;

/// A window, by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct WindowName {
    ranking: String,
    window_start: String,
    /// Where a start does not say which window it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_end: Option<String>,
}

impl WindowName {
    fn of(plan: &Plan, (ranking, start, end): &Open) -> Self {
        let ranking = &plan.rankings[*ranking];
        let by_end = !ranking.window.is_named_by_start();
        WindowName {
            ranking: ranking.name.clone(),
            window_start: format_rfc3339(*start),
            window_end: by_end.then(|| format_rfc3339(*end)),
        }
    }
}

/// One partition.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PartitionAnswer {
    #[schema(value_type = u32)]
    partition: PartitionId,
    /// Where several topics are read: which it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    /// And its number there.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic_partition: Option<u32>,
    last_event_time: Option<String>,
    watermark: Option<String>,
    /// Records in the source that are not committed yet.
    lag_records: Option<u64>,
    /// Wall clock minus watermark.
    behind_ms: Option<i64>,
    idle: bool,
    idle_since: Option<String>,
    finished: bool,
    /// Whether the global watermark is this partition's.
    holds: bool,
    /// Windows that would close if this partition alone were idle.
    closes_if_idle: Vec<WindowName>,
}

/// One open window.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OpenWindow {
    ranking: String,
    window_start: String,
    window_end: String,
    /// Partitions whose watermark has not reached its end.
    #[schema(value_type = Vec<u32>)]
    waits_for: Vec<PartitionId>,
    /// Event time still missing.
    remaining_ms: Option<i64>,
    /// Whether it would close if the partitions that it waits for were idle.
    would_close_if_idle: bool,
}

/// The whole answer.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct WatermarksAnswer {
    #[schema(value_type = crate::openapi::AsOfSchema)]
    as_of: Box<RawValue>,
    watermark: Option<String>,
    idle_timeout_ms: Option<u64>,
    out_of_orderness_ms: Option<i64>,
    allowed_lateness_ms: Option<i64>,
    partitions: Vec<PartitionAnswer>,
    windows: Vec<OpenWindow>,
}

type Partitions = BTreeMap<PartitionId, PartitionNow>;

/// An open window: ranking's number, start, end.
type Open = (usize, i64, i64);

#[utoipa::path(
    get,
    path = "/api/v1/watermarks",
    tag = "process",
    summary = "What holds windows open",
    description = "The watermark of each partition, and the windows that wait for it.",
    params(openapi::Fresh),
    responses((status = 200, description = "What holds windows open", body = WatermarksAnswer), openapi::Refusals)
)]
pub(crate) async fn watermarks(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let params = Params::read(query.as_deref(), &AtLeast::NAMES)?;
    let mut at_least = AtLeast::of(&params, &shown)?;
    let (as_of, partitions, open) = loop {
        let found = shown.board.view(|view| {
            let mut open: Vec<Open> = Vec::new();
            for ranking in 0..shown.plan.rankings.len() {
                let windows = view.windows(ranking);
                // That of all time waits for nothing.
                let windows = windows
                    .iter()
                    .filter(|w| !w.is_final && !w.bounds.is_always());
                open.extend(windows.map(|w| (ranking, w.bounds.start, w.bounds.end)));
            }
            (view.as_of().clone(), view.partitions().clone(), open)
        });
        if at_least.reached(&found.0).await? {
            break found;
        }
    };
    let lags: BTreeMap<PartitionId, u64> = shown.metrics.live().lags().into_iter().collect();
    let mut body = explain(&shown, &partitions, open, &lags, as_of.watermark);
    body.watermark = as_of.watermark_text();
    // Written by us: it is JSON.
    body.as_of = RawValue::from_string(as_of.json()).unwrap_or_default();
    let text = serde_json::to_string(&body);
    text.map(|text| answer(&as_of, text))
        .map_err(|e| Problem::new(axum::http::StatusCode::INTERNAL_SERVER_ERROR, e.to_string()))
}

/// What the global watermark would be if these partitions were idle; `None` for none at all.
fn watermark_if(policy: &Policy, partitions: &Partitions, idle: &[PartitionId]) -> Option<i64> {
    let mut clock = GlobalClock::new(*policy);
    for (partition, now) in partitions {
        let state = PartitionState {
            watermark: now.watermark,
            idle: now.idle_since.is_some() || idle.contains(partition),
            finished: now.finished,
            ..PartitionState::default()
        };
        clock.update(*partition, state);
    }
    clock.advance();
    Some(clock.watermark()).filter(|w| *w > BEGINNING)
}

/// The partitions whose watermarks count: those that are active, or all that may come back if none is.
fn counting(partitions: &Partitions) -> Vec<(PartitionId, Option<i64>)> {
    let alive = || partitions.iter().filter(|(_, p)| !p.finished);
    let active: Vec<_> = alive()
        .filter(|(_, p)| p.idle_since.is_none())
        .map(|(id, p)| (*id, p.watermark))
        .collect();
    match active.is_empty() {
        true => alive().map(|(id, p)| (*id, p.watermark)).collect(),
        false => active,
    }
}

fn explain(
    shown: &Shown,
    partitions: &Partitions,
    mut open: Vec<Open>,
    lags: &BTreeMap<PartitionId, u64>,
    committed: Option<i64>,
) -> WatermarksAnswer {
    let known = shown.about.policy;
    let policy = known.unwrap_or_default();
    let name = |ranking: usize| shown.plan.rankings[ranking].name.clone();
    open.sort_by_key(|w| std::cmp::Reverse((w.1, w.2)));
    open.truncate(MOST_WINDOWS);
    // A database keeps the global watermark only: what holds it is not known there.
    let counting = match known {
        Some(_) => counting(partitions),
        None => Vec::new(),
    };
    let least = counting.iter().map(|(_, w)| w.unwrap_or(BEGINNING)).min();
    let global = match known {
        Some(_) => watermark_if(&policy, partitions, &[]),
        None => committed,
    };
    let wall = now();
    let partition = |(id, now): (&PartitionId, &PartitionNow)| {
        let holds = counting
            .iter()
            .any(|(p, w)| p == id && Some(w.unwrap_or(BEGINNING)) == least);
        let closes = match now.finished || now.idle_since.is_some() {
            true => None,
            false => watermark_if(&policy, partitions, &[*id]),
        };
        let closes = open
            .iter()
            .filter(|(_, _, end)| closes.is_some_and(|w| w >= *end));
        let (topic, number) = shown.metrics.live().input_of(*id);
        PartitionAnswer {
            partition: *id,
            topic_partition: topic.map(|_| number),
            topic: topic.map(str::to_owned),
            last_event_time: known.and_then(|p| {
                now.watermark
                    .map(|w| time(w.saturating_add(p.out_of_orderness)))
            }),
            watermark: now.watermark.map(time),
            lag_records: lags.get(id).copied(),
            behind_ms: now.watermark.map(|w| wall.saturating_sub(w)),
            idle: now.idle_since.is_some(),
            idle_since: now.idle_since.map(time),
            finished: now.finished,
            holds,
            closes_if_idle: closes
                .map(|window| WindowName::of(&shown.plan, window))
                .collect(),
        }
    };
    let window = |(ranking, start, end): &Open| {
        let behind = counting.iter().filter(|(_, w)| w.is_none_or(|w| w < *end));
        let waits_for: Vec<PartitionId> = behind.map(|(id, _)| *id).collect();
        let then = watermark_if(&policy, partitions, &waits_for);
        OpenWindow {
            ranking: name(*ranking),
            window_start: format_rfc3339(*start),
            window_end: format_rfc3339(*end),
            remaining_ms: global.map(|w| end.saturating_sub(w).max(0)),
            would_close_if_idle: !waits_for.is_empty() && then.is_some_and(|w| w >= *end),
            waits_for,
        }
    };
    WatermarksAnswer {
        as_of: Box::default(),
        watermark: None,
        idle_timeout_ms: shown
            .about
            .idle_timeout
            .map(|d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX)),
        out_of_orderness_ms: known.map(|p| p.out_of_orderness),
        allowed_lateness_ms: known.map(|p| p.allowed_lateness),
        partitions: partitions.iter().map(partition).collect(),
        windows: open.iter().map(window).collect(),
    }
}
