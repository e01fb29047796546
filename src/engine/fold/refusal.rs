//! Why a record that was decoded is no row all the same.

use crate::event_time::partition::Policy;
use crate::quality::{Failed, Judge, Memory, Moment};
use standings_decode::Sale;
use standings_model::block::{NO_TIMESTAMP, RecordRef};
use standings_model::plan::Plan;
use standings_model::reject::RejectKind;
use standings_model::time::format_rfc3339;

/// Whether a record's event time is more than `--max-ahead` after the record's own timestamp.
#[inline]
pub(super) fn is_ahead(record: &RecordRef, time: i64, policy: &Policy) -> bool {
    record.timestamp != NO_TIMESTAMP && time > record.timestamp.saturating_add(policy.max_ahead)
}

/// A record that can be no sale, and why.
#[cold]
pub(super) fn dead(reason: &str, detail: String) -> RejectKind {
    RejectKind::Dead {
        reason: reason.to_owned(),
        check: None,
        detail,
    }
}

/// Whether a record that was decoded has to be looked at again.
#[inline]
fn may_be_none(sale: &Sale<'_>, record: &RecordRef, policy: &Policy, plan: &Plan) -> bool {
    is_ahead(record, sale.event_time, policy) || sale.held() > plan.max_key_bytes
}

/// Why it can be no sale all the same: its time, or its key.
pub(super) fn cannot_be(
    table: usize,
    sale: &Sale<'_>,
    record: &RecordRef,
    policy: &Policy,
    plan: &Plan,
) -> Option<RejectKind> {
    if is_ahead(record, sale.event_time, policy) {
        let detail = format!(
            "{} {} is more than --max-ahead after the record's timestamp {} (of a producer's, or when it was \
             read, the earlier)",
            plan.tables[table].time_name(),
            format_rfc3339(sale.event_time),
            format_rfc3339(record.timestamp)
        );
        return Some(dead("ahead", detail));
    }
    too_large(table, sale, plan)
}

/// Why a row can be none whose key is too long.
#[inline]
pub(super) fn too_large(table: usize, sale: &Sale<'_>, plan: &Plan) -> Option<RejectKind> {
    let text = |column| Sale::bytes(sale, column).map_or(0, <[u8]>::len);
    let (ranking, length) = plan.oversized_key(table, sale.held(), text)?;
    let detail = format!(
        "its key in {} has {length} bytes, at most {} are allowed (--max-key-bytes)",
        ranking.name, plan.max_key_bytes
    );
    Some(dead("key_too_large", detail))
}

/// Why a record that was decoded is no row all the same, if it is none: its time, its key, or what a check says.
#[inline]
pub(super) fn refused(
    (table, sale): (usize, &Sale<'_>),
    record: &RecordRef,
    (policy, watermark): (&Policy, Option<i64>),
    (judge, plan): (&mut Judge, &Plan),
    memory: &mut Memory,
) -> Option<RejectKind> {
    if may_be_none(sale, record, policy, plan)
        && let Some(kind) = cannot_be(table, sale, record, policy, plan)
    {
        return Some(kind);
    }
    if judge.is_empty() {
        return None;
    }
    let offset = record.offset;
    let place = Moment { offset, watermark };
    judge.judge(table, sale, place, memory).map(by_check)
}

/// What a check refuses.
#[cold]
fn by_check(refused: Failed) -> RejectKind {
    RejectKind::Dead {
        reason: refused.reason.to_owned(),
        check: Some(refused.check),
        detail: refused.detail,
    }
}

/// Why a ranking does not count a sale: what it computes of it has an error.
#[cold]
pub(super) fn failed(plan: &Plan, ranking: usize, sale: &Sale<'_>, column: usize) -> RejectKind {
    let name = &plan.rankings[ranking].name;
    let (reason, detail) = match sale.error(column) {
        Some(e) => (e.reason, e.detail.as_str()),
        // It was asked for because it has one.
        None => ("value_error", ""),
    };
    dead(reason, format!("ranking {name}: {detail}"))
}
