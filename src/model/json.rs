//! Changes and rejects as JSON: the formats of the change log, the late output and the dead letters.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::change::{Change, Commit};
use crate::digits::{push_integer, push_rfc3339};
use crate::plan::{Field, Plan, Ranking};
use crate::reject::{Reject, RejectKind};
use crate::time::format_rfc3339;
use crate::value::Value;
use crate::window::Bounds;

/// Appends a change's value, without a line end.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use standings_model::change::Change;
/// use standings_model::json::push_change;
/// use standings_model::plan::{Aggregate, Field, Input, Key, Measure, Plan, Provisional, RankFunction, Ranking, RowColumn};
/// use standings_model::table::Table;
/// use standings_model::types::Type;
/// use standings_model::value::Value;
/// use standings_model::window::Window;
///
/// # let column = |kind: Type| RowColumn { kind, nullable: false, meaning: String::new(), is_row_id: false };
/// # let ranking = Ranking {
/// #     name: "best".to_owned(),
/// #     window: Window::tumbling(86_400_000),
/// #     keeps_windows: false,
/// #     lets_go: false,
/// #     waits: 0,
/// #     is_hidden: false,
/// #     inputs: vec![Input { table: 0, filter: None, filter_meaning: None, columns: vec![2, 5], unnest: None }],
/// #     row: vec![column(Type::STRING), column(Type::decimal(28, 2))],
/// #     keys: vec![Key { name: "city".to_owned(), column: 0 }],
/// #     partition: Vec::new(),
/// #     placed: Vec::new(),
/// #     is_rows: false,
/// #     retracts: false,
/// #     joined: None,
/// #     paired: None,
/// #     as_they_are: false,
/// #     measures: vec![Measure { name: "total".to_owned(), aggregate: Aggregate::Sum(1), filter: None }],
/// #     computed: Vec::new(),
/// #     having: None,
/// #     order: Vec::new(),
/// #     rank: Some(RankFunction::RowNumber),
/// #     from: 1,
/// #     session_by: vec![],
/// #     limit: 10,
/// #     shows_rank: true,
/// #     shown_if: None,
/// #     provisional: Provisional::All,
/// #     fields: vec![Field::Key(0), Field::Measure(0)],
/// # };
/// # let plan = Plan {
/// #     tables: vec![Table::sales()],
/// #     rankings: vec![ranking],
/// #     hidden: Vec::new(),
/// #     checks: Vec::new(),
/// #     max_key_bytes: usize::MAX,
/// #     zone: None,
/// # };
/// let change = Change {
///     ranking: 0,
///     window_start: 1_769_126_400_000,
///     window_end: 1_769_212_800_000,
///     key: Arc::from([Value::text("Lisbon")]),
///     rank: Some(1),
///     previous_rank: None,
///     // Money is exact, from the record to the row.
///     measures: Arc::from([Value::cents(1234)]),
///     is_final: false,
/// };
/// let mut line = Vec::new();
/// push_change(&mut line, &plan, &change, 42);
/// assert_eq!(
///     String::from_utf8(line).unwrap(),
///     r#"{"ranking":"best","op":"upsert","window_start":"2026-01-23T00:00:00Z","window_end":"2026-01-24T00:00:00Z","rank":1,"previous_rank":null,"row":{"city":"Lisbon","total":"12.34"},"final":false,"commit":42}"#
/// );
/// ```
pub fn push_change(out: &mut Vec<u8>, plan: &Plan, change: &Change, commit: u64) {
    let ranking = &plan.rankings[change.ranking];
    out.extend_from_slice(b"{\"ranking\":");
    push_string(out, &ranking.name);
    out.extend_from_slice(if change.rank.is_some() {
        b",\"op\":\"upsert\""
    } else {
        b",\"op\":\"delete\""
    });
    push_window(out, change);
    out.extend_from_slice(b",\"rank\":");
    push_rank(out, change.rank);
    out.extend_from_slice(b",\"previous_rank\":");
    push_rank(out, change.previous_rank);
    out.extend_from_slice(b",\"row\":{");
    push_row(out, ranking, change);
    out.extend_from_slice(if change.is_final {
        b"},\"final\":true"
    } else {
        b"},\"final\":false"
    });
    out.extend_from_slice(b",\"commit\":");
    push_integer(out, commit.into());
    out.push(b'}');
}

/// Sends the messages of a commit's changes, in order: key, and value or `None` for a tombstone.
pub fn each_message<E>(
    plan: &Plan,
    commit: &Commit,
    tombstones: bool,
    mut send: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
) -> Result<(), E> {
    let (mut key, mut value) = (Vec::with_capacity(128), Vec::with_capacity(512));
    for change in commit.changes.iter() {
        key.clear();
        value.clear();
        push_key(&mut key, plan, change);
        let keep = change.rank.is_some() || !tombstones;
        if keep {
            push_change(&mut value, plan, change, commit.number);
        }
        send(&key, keep.then_some(&value[..]))?;
    }
    Ok(())
}

/// Appends a change's Kafka key: ranking, window start (and end, where a start does not say which window it is), group
/// keys.
pub fn push_key(out: &mut Vec<u8>, plan: &Plan, change: &Change) {
    let ranking = &plan.rankings[change.ranking];
    out.extend_from_slice(b"{\"ranking\":");
    push_string(out, &ranking.name);
    let bounds = change.bounds();
    out.extend_from_slice(b",\"window_start\":");
    push_bound(out, bounds, bounds.start);
    if ranking.window.named_by().contains(&"window_end") {
        out.extend_from_slice(b",\"window_end\":");
        push_bound(out, bounds, bounds.end);
    }
    for (key, value) in ranking.keys.iter().zip(change.key.iter()) {
        out.push(b',');
        push_field(out, &key.name, value);
    }
    out.push(b'}');
}

/// Appends what a commit stands for, without a line end: of each table the offsets to read next, by its partitions. What is not
/// known of a partition before another is 0.
///
/// # Examples
///
/// ```
/// use standings_model::json::push_offsets;
/// use standings_model::plan::Plan;
/// use standings_model::table::Table;
///
/// # let plan = Plan {
/// #     tables: vec![Table::sales()],
/// #     rankings: Vec::new(),
/// #     hidden: Vec::new(),
/// #     checks: Vec::new(),
/// #     max_key_bytes: usize::MAX,
/// #     zone: None,
/// # };
/// let mut line = Vec::new();
/// push_offsets(&mut line, &plan, 7, [((0, 0), 12), ((0, 2), 9)].into_iter());
/// assert_eq!(line, br#"{"commit":7,"offsets":{"sales":[12,0,9]}}"#);
/// ```
pub fn push_offsets(
    out: &mut Vec<u8>,
    plan: &Plan,
    commit: u64,
    offsets: impl Iterator<Item = ((usize, u32), u64)>,
) {
    let mut tables: BTreeMap<usize, Vec<u64>> = BTreeMap::new();
    for ((table, partition), next) in offsets {
        let of = tables.entry(table).or_default();
        let partition = partition as usize;
        of.resize(of.len().max(partition + 1), 0);
        of[partition] = next;
    }
    let _ = write!(out, "{{\"commit\":{commit},\"offsets\":{{");
    for (n, (table, of)) in tables.into_iter().enumerate() {
        if n > 0 {
            out.push(b',');
        }
        push_string(out, &plan.tables[table].name);
        out.extend_from_slice(b":[");
        for (partition, next) in of.into_iter().enumerate() {
            if partition > 0 {
                out.push(b',');
            }
            push_integer(out, next.into());
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}}");
}

fn push_window(out: &mut Vec<u8>, change: &Change) {
    out.push(b',');
    push_bounds(out, change.bounds());
}

/// Appends `"window_start":…,"window_end":…`.
pub fn push_bounds(out: &mut Vec<u8>, bounds: Bounds) {
    out.extend_from_slice(b"\"window_start\":");
    push_bound(out, bounds, bounds.start);
    out.extend_from_slice(b",\"window_end\":");
    push_bound(out, bounds, bounds.end);
}

/// Appends one of a window's bounds; of all time it is null.
pub fn push_bound(out: &mut Vec<u8>, of: Bounds, ms: i64) {
    if of.is_always() {
        return out.extend_from_slice(b"null");
    }
    out.push(b'"');
    push_rfc3339(out, ms);
    out.push(b'"');
}

/// A rank; null of a row that is not there, and of one that does not say its rank.
fn push_rank(out: &mut Vec<u8>, rank: Option<u64>) {
    match rank {
        Some(rank @ 1..) => push_integer(out, rank.into()),
        Some(0) | None => out.extend_from_slice(b"null"),
    }
}

/// The fields of a row: all of them in the order of the query; of a delete only the keys, and what its window says.
fn push_row(out: &mut Vec<u8>, ranking: &Ranking, change: &Change) {
    let mut first = true;
    for field in &ranking.fields {
        let of_window;
        let value = match *field {
            Field::Key(i) => &change.key[i],
            Field::Measure(i) => match (change.measures.get(i), ranking.bound(i)) {
                (Some(value), _) => value,
                (None, Some(bound)) => {
                    let us = bound.of((change.window_start, change.window_end)) * 1_000;
                    of_window = Value::of_number(us.into(), &ranking.field_type(*field).0);
                    &of_window
                }
                (None, None) => continue,
            },
        };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        push_field(out, ranking.field_name(*field), value);
    }
}

/// Appends `"name":value`.
pub fn push_field(out: &mut Vec<u8>, name: &str, value: &Value) {
    push_string(out, name);
    out.push(b':');
    push_value(out, value);
}

/// Appends a value: decimals, times and bytes are strings, whole numbers and doubles are numbers. A double that JSON has no
/// number for is a string.
pub fn push_value(out: &mut Vec<u8>, value: &Value) {
    let mut list = |all: &[Value]| {
        out.push(b'[');
        for (i, value) in all.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            push_value(out, value);
        }
        out.push(b']');
    };
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Text(text) => push_string(out, text),
        Value::Boolean(_) | Value::Integer(_) => value.push_plain(out),
        Value::Double(n) if n.get().is_finite() => value.push_plain(out),
        Value::Row(all) | Value::Array(all) => list(all),
        Value::Map(all) => {
            let pairs: Vec<Value> = all
                .iter()
                .map(|(k, v)| Value::Array(Arc::from([k.clone(), v.clone()])))
                .collect();
            list(&pairs);
        }
        Value::Double(_)
        | Value::Decimal(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Timestamp(_)
        | Value::Instant(_)
        | Value::Bytes(_) => {
            out.push(b'"');
            value.push_plain(out);
            out.push(b'"');
        }
    }
}

#[inline]
fn is_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Appends a JSON string.
pub fn push_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    // Nearly always; without a branch for each byte.
    if !bytes.iter().fold(false, |found, b| found | is_escaped(*b)) {
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    let mut from = 0;
    for (i, b) in bytes.iter().enumerate() {
        let escaped: &[u8] = match b {
            b'"' => b"\\\"",
            b'\\' => b"\\\\",
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            b'\t' => b"\\t",
            0..=0x1f => b"",
            _ => continue,
        };
        out.extend_from_slice(&bytes[from..i]);
        from = i + 1;
        if escaped.is_empty() {
            // Writing to a Vec cannot fail.
            let _ = write!(out, "\\u{b:04x}");
        } else {
            out.extend_from_slice(escaped);
        }
    }
    out.extend_from_slice(&bytes[from..]);
    out.push(b'"');
}

/// Appends a late sale or a dead letter, without a line end. `partition`: the number of its partition within its table, which is what
/// a reader knows: of several tables the engine counts all.
pub fn push_reject(out: &mut Vec<u8>, plan: &Plan, reject: &Reject, partition: u32) {
    let offset = reject.offset;
    match &reject.kind {
        RejectKind::Dead {
            reason,
            check,
            detail,
        } => {
            out.extend_from_slice(b"{\"reason\":");
            push_string(out, reason);
            if let Some(check) = check {
                out.extend_from_slice(b",\"check\":");
                push_string(out, check);
            }
            out.extend_from_slice(b",\"detail\":");
            push_string(out, detail);
            push_table(out, plan, reject);
            let _ = write!(out, ",\"partition\":{partition},\"offset\":{offset}");
            push_record(out, plan, reject, "record");
        }
        RejectKind::Late {
            missed,
            event_time,
            half,
        } => {
            let word = |retired| if retired { "retired" } else { "late" };
            let reason = word(missed.iter().all(|m| m.retired));
            let time = format_rfc3339(*event_time);
            let _ = write!(out, "{{\"reason\":\"{reason}\"");
            push_table(out, plan, reject);
            if let Some(half) = half {
                let _ = write!(out, ",\"change\":\"{}\"", half.word());
            }
            let _ = write!(
                out,
                ",\"partition\":{partition},\"offset\":{offset},\"event_time\":\"{time}\",\"windows\":["
            );
            for (i, window) in missed.iter().enumerate() {
                out.extend_from_slice(if i == 0 {
                    b"{\"ranking\":"
                } else {
                    b",{\"ranking\":"
                });
                push_string(out, &plan.rankings[window.ranking].name);
                let (start, end) = (format_rfc3339(window.start), format_rfc3339(window.end));
                let reason = word(window.retired);
                let _ = write!(
                    out,
                    ",\"window_start\":\"{start}\",\"window_end\":\"{end}\",\"reason\":\"{reason}\"}}"
                );
            }
            out.push(b']');
            push_record(out, plan, reject, "sale");
        }
    }
    out.push(b'}');
}

/// The table, where it is not the one that was there before tables had names.
fn push_table(out: &mut Vec<u8>, plan: &Plan, reject: &Reject) {
    if let Some(table) = plan.tables.get(reject.table)
        && table.is_named
    {
        out.extend_from_slice(b",\"table\":");
        push_string(out, &table.name);
    }
}

/// The record: its original bytes, or, where its table masks columns, what is said in their place, which is JSON.
fn push_record(out: &mut Vec<u8>, plan: &Plan, reject: &Reject, name: &str) {
    let table = plan.tables.get(reject.table);
    // What a sink refused is no record, but a row of a ranking: its values are masked where they should be.
    if reject.is_of_sink() || table.is_none_or(|table| table.masking.is_empty()) {
        return push_original(out, name, &reject.bytes);
    }
    let _ = write!(out, ",\"{name}\":null");
    if !reject.bytes.is_empty() {
        out.push(b',');
        out.extend_from_slice(&reject.bytes);
    }
}

/// The original bytes: as text, or base64 where they are not UTF-8.
fn push_original(out: &mut Vec<u8>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => {
            let _ = write!(out, ",\"{name}\":");
            push_string(out, text);
        }
        Err(_) => drop(write!(
            out,
            ",\"{name}_base64\":\"{}\"",
            STANDARD.encode(bytes)
        )),
    }
}
