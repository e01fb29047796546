//! Rows, windows and commits as JSON, in the words of the change log: snake_case, decimals as strings, times RFC 3339
//! in UTC, fields in the query's order.

use std::io::Write;
use std::sync::Arc;

use super::board::{Row, View, WindowInfo};
use crate::model::change::Commit;
use crate::model::plan::{Field, FieldType, Plan, Ranking};
use crate::model::schema::Schema;
use crate::model::time::format_rfc3339;
use crate::sink::json::{push_change, push_field, push_string};

/// Rows of the newest window that a new page is given, by ranking.
const SNAPSHOT_ROWS: usize = 100;
/// Windows that a new page is told of, by ranking.
const SNAPSHOT_WINDOWS: usize = 400;

/// Built from our own strings and numbers only, so it is UTF-8.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut push: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push(out, item);
    }
    out.push(b']');
}

/// One row, flat: window, rank, the query's fields, whether it is final, the commit that wrote it.
fn push_row(out: &mut Vec<u8>, ranking: &Ranking, window: &WindowInfo, row: &Row) {
    let (start, end) = (format_rfc3339(window.start), format_rfc3339(window.end));
    // Writing to a Vec cannot fail, here and below.
    let _ = write!(
        out,
        "{{\"window_start\":\"{start}\",\"window_end\":\"{end}\",\"rank\":{}",
        row.rank
    );
    for field in &ranking.fields {
        let value = match *field {
            Field::Key(i) => row.key.get(i),
            Field::Measure(i) => row.measures.get(i),
        };
        if let Some(value) = value {
            out.push(b',');
            push_field(out, ranking.field_name(*field), value);
        }
    }
    let _ = write!(
        out,
        ",\"final\":{},\"commit\":{}}}",
        row.is_final, row.commit
    );
}

fn push_window(out: &mut Vec<u8>, window: &WindowInfo) {
    let (start, end) = (format_rfc3339(window.start), format_rfc3339(window.end));
    let _ = write!(
        out,
        "{{\"window_start\":\"{start}\",\"window_end\":\"{end}\",\"final\":{},\"rows\":{},\"commit\":{},\"truncated\":{}}}",
        window.is_final, window.rows, window.commit, window.truncated
    );
}

/// An array of rows.
pub(super) fn rows(ranking: &Ranking, window: &WindowInfo, rows: &[Row]) -> String {
    let mut out = Vec::new();
    list(&mut out, rows, |out, row| {
        push_row(out, ranking, window, row)
    });
    text(out)
}

/// An array of windows.
pub(super) fn windows(windows: &[WindowInfo]) -> String {
    let mut out = Vec::new();
    list(&mut out, windows, push_window);
    text(out)
}

/// A ranking's name and shape, without the closing brace.
fn push_shape(out: &mut Vec<u8>, ranking: &Ranking, schema: &Schema) {
    out.extend_from_slice(b"{\"name\":");
    push_string(out, &ranking.name);
    let _ = write!(
        out,
        ",\"window_ms\":{},\"slide_ms\":{},\"limit\":{},\"partition\":",
        ranking.window.size, ranking.window.slide, ranking.limit
    );
    list(out, &ranking.partition, |out, i| {
        push_string(out, &ranking.keys[*i].name)
    });
    out.extend_from_slice(b",\"order_by\":");
    match ranking.order.first() {
        Some(term) => push_string(out, ranking.field_name(term.field)),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"fields\":");
    list(out, &ranking.fields, |out, field| {
        let kind = match ranking.field_type(*field, schema) {
            FieldType::Text => "text",
            FieldType::Integer => "integer",
            FieldType::Decimal => "decimal",
            FieldType::Time => "time",
        };
        let is_key = matches!(field, Field::Key(_));
        let label = match field {
            Field::Key(_) => false,
            Field::Measure(i) => matches!(
                ranking.measures[*i].aggregate,
                crate::model::plan::Aggregate::LastValue(_)
            ),
        };
        out.extend_from_slice(b"{\"name\":");
        push_string(out, ranking.field_name(*field));
        let _ = write!(
            out,
            ",\"key\":{is_key},\"label\":{label},\"kind\":\"{kind}\"}}"
        );
    });
}

/// Every ranking's name and shape.
pub(super) fn rankings(plan: &Plan) -> String {
    let mut out = Vec::new();
    list(&mut out, &plan.rankings, |out, ranking| {
        push_shape(out, ranking, &plan.schema);
        out.push(b'}');
    });
    text(out)
}

/// Everything that a page needs to begin: shapes, windows, and the rows of the newest window of each ranking.
pub(super) fn snapshot(plan: &Plan, view: &View<'_>) -> String {
    let mut out = Vec::new();
    let _ = write!(out, "{{\"commit\":{},\"rankings\":", view.commit());
    list(
        &mut out,
        plan.rankings.iter().enumerate(),
        |out, (i, ranking)| {
            push_shape(out, ranking, &plan.schema);
            let mut windows = view.windows(i);
            windows.truncate(SNAPSHOT_WINDOWS);
            out.extend_from_slice(b",\"windows\":");
            list(out, &windows, push_window);
            out.extend_from_slice(b",\"rows\":");
            let newest = windows
                .first()
                .and_then(|w| view.rows(i, w.start, SNAPSHOT_ROWS));
            match newest {
                Some((window, rows)) => {
                    list(out, &rows, |out, row| push_row(out, ranking, &window, row));
                }
                None => out.extend_from_slice(b"[]"),
            }
            out.push(b'}');
        },
    );
    out.push(b'}');
    text(out)
}

/// A commit's changes, each as in the change log.
pub(super) fn commit(plan: &Plan, commit: &Commit) -> Arc<str> {
    let mut out = Vec::new();
    let _ = write!(out, "{{\"commit\":{},\"changes\":", commit.number);
    list(&mut out, &commit.changes, |out, change| {
        push_change(out, plan, change, commit.number);
    });
    out.push(b'}');
    text(out).into()
}
