//! The health numbers that the page's events carry.

use serde::Serialize;

use super::probes::TROUBLE;
use super::total::{self, Total};
use super::watch::{Shown, Sources};
use standings_observe::health::Health;

/// A sink.
#[derive(Debug, Serialize)]
pub(super) struct SinkNow {
    name: String,
    up: bool,
    retries: u64,
}

/// What records of tables that change did to rows.
#[derive(Debug, Serialize)]
struct OfRows {
    updated: u64,
    unchanged: u64,
    deleted: u64,
    skipped: u64,
    contradicted: u64,
    keys_moved: u64,
    rows_held: u64,
}

/// Fields of a table's records that are not what they were.
#[derive(Debug, Serialize)]
struct DriftNow {
    table: String,
    /// `added`, `dropped` or `retyped`.
    kind: &'static str,
    fields: u64,
}

/// The numbers of `observe::health`, and what a view of the whole pipeline needs beside them.
#[derive(Debug, Serialize)]
pub(super) struct HealthNow {
    #[serde(flatten)]
    health: Health,
    ranked: u64,
    filtered: u64,
    duplicates: u64,
    /// What became of records of tables that change; nothing where none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    changes_of_rows: Option<OfRows>,
    commits: u64,
    ranks_changed: u64,
    lag_records: Option<u64>,
    live_keys: u64,
    in_flight_bytes: u64,
    event_clients: i64,
    rankings: usize,
    partitions: usize,
    /// Whether `/api/v1/sources` tells what feeds the topics.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sources: bool,
    commit: u64,
    sinks: Vec<SinkNow>,
    /// What all have sold, not only those on a list; of the rankings of which that is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    totals: Vec<Total>,
    /// What came, went or changed its type in records since the start.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    drift: Vec<DriftNow>,
    /// What this process waits for, and why: what it shows stays as it is meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting_for: Option<String>,
}

pub(super) fn now(shown: &Shown) -> HealthNow {
    let (metrics, live) = (&shown.metrics, shown.metrics.live());
    let (totals, written) = (metrics.totals(), metrics.written());
    let lags = live.lags();
    let (commit, partitions) = shown
        .board
        .view(|view| (view.as_of().commit, view.as_of().offsets.len()));
    HealthNow {
        health: metrics.health(),
        ranked: totals.ranked,
        filtered: totals.filtered,
        duplicates: totals.duplicate,
        changes_of_rows: shown.plan.changes().then(|| OfRows {
            updated: totals.updated,
            unchanged: totals.unchanged,
            deleted: totals.deleted,
            skipped: totals.skipped,
            contradicted: totals.contradicted,
            keys_moved: totals.keys_moved,
            rows_held: live.held().values().map(|(rows, _)| rows).sum(),
        }),
        commits: written.commits,
        ranks_changed: written.ranks,
        lag_records: (!lags.is_empty()).then(|| lags.iter().map(|(_, n)| n).sum()),
        live_keys: live.keys(),
        in_flight_bytes: live.in_flight(),
        event_clients: metrics.event_clients(0),
        rankings: shown.plan.rankings.len(),
        partitions,
        sources: !matches!(shown.about.sources, Sources::Nowhere),
        commit,
        sinks: sinks(shown),
        totals: total::totals(&shown.plan, &metrics.amounts()),
        drift: drift(shown),
        waiting_for: live.waits.told_after(TROUBLE),
    }
}

fn drift(shown: &Shown) -> Vec<DriftNow> {
    let all = shown.metrics.live().schema_drifts().into_iter();
    // Kinds that have not come yet are there with nothing.
    let told = all.filter(|(_, fields)| *fields > 0);
    told.map(|((table, kind), fields)| DriftNow {
        table,
        kind,
        fields,
    })
    .collect()
}

/// The sinks now.
pub(super) fn sinks(shown: &Shown) -> Vec<SinkNow> {
    let all = shown.metrics.live().sinks().into_iter();
    all.map(|(name, up, retries)| SinkNow { name, up, retries })
        .collect()
}
