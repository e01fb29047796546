//! Rows, windows and commits as JSON, in the words of the change log: snake_case, decimals as strings, times RFC 3339
//! in UTC, fields in the query's order.

use std::io::Write;
use std::sync::Arc;

use super::as_of::{AsOf, token};
use super::board::{Board, Entry, Row, View, WindowInfo};
use standings_model::digits::push_integer;
use standings_model::json::{push_bounds, push_change, push_field, push_string};
use standings_model::plan::{Aggregate, Field, Plan, Ranking};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_model::window::Length;

/// Rows of the newest window that a new page is given, by ranking.
const SNAPSHOT_ROWS: usize = 100;
/// Windows that a new page is told of, by ranking.
const SNAPSHOT_WINDOWS: usize = 400;

/// Built from our own strings and numbers only, so it is UTF-8.
pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// Appends a list.
pub(super) fn list<T>(
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

/// Appends the keys as an object.
pub(super) fn push_key(out: &mut Vec<u8>, ranking: &Ranking, key: &[Value]) {
    out.push(b'{');
    for (i, (name, value)) in ranking.keys.iter().zip(key).enumerate() {
        if i > 0 {
            out.push(b',');
        }
        push_field(out, &name.name, value);
    }
    out.push(b'}');
}

/// Appends a number, or null.
fn number(out: &mut Vec<u8>, number: Option<u64>) {
    match number {
        Some(number) => push_integer(out, number.into()),
        None => out.extend_from_slice(b"null"),
    }
}

/// A value as plain text; `None` for NULL.
pub(super) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

/// One row, flat: window, rank, the query's fields, whether it is final, the commit that wrote it.
pub(super) fn push_row(out: &mut Vec<u8>, ranking: &Ranking, window: &WindowInfo, row: &Row) {
    out.push(b'{');
    push_bounds(out, window.bounds);
    // Writing to a Vec cannot fail, here and below.
    out.extend_from_slice(b",\"rank\":");
    number(out, Some(row.rank).filter(|rank| *rank > 0));
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
    out.push(b'{');
    push_bounds(out, window.bounds);
    let _ = write!(
        out,
        ",\"final\":{},\"rows\":{},\"commit\":{},\"truncated\":{}}}",
        window.is_final, window.rows, window.commit, window.truncated
    );
}

/// An array of rows of one window.
pub(super) fn rows(ranking: &Ranking, window: &WindowInfo, rows: &[Row]) -> String {
    let mut out = Vec::with_capacity(256 * rows.len() + 2);
    list(&mut out, rows, |out, row| {
        push_row(out, ranking, window, row)
    });
    text(out)
}

/// An array of rows, each of a window of its own.
pub(super) fn history(ranking: &Ranking, rows: &[(WindowInfo, Row)]) -> String {
    let mut out = Vec::new();
    list(&mut out, rows, |out, (window, row)| {
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

/// Whether a field only names its key.
pub(super) fn is_label(ranking: &Ranking, field: Field) -> bool {
    match field {
        Field::Key(_) => false,
        Field::Measure(i) => matches!(ranking.measures[i].aggregate, Aggregate::LastValue(_)),
    }
}

/// What a field is, for who shows it.
fn kind(of: &Type) -> &'static str {
    match of {
        Type::Boolean => "boolean",
        Type::Integer(_) => "integer",
        Type::Decimal { .. } => "decimal",
        Type::Float | Type::Double => "double",
        Type::Date => "date",
        Type::Timestamp(_) | Type::Instant(_) | Type::Time => "time",
        Type::Bytes => "bytes",
        _ => "text",
    }
}

/// A ranking's name and shape, without the closing brace.
fn push_shape(out: &mut Vec<u8>, plan: &Plan, ranking: &Ranking) {
    out.extend_from_slice(b"{\"name\":");
    push_string(out, &ranking.name);
    let window = &ranking.window;
    let about = |length: Length| match window.is_always() {
        true => "null".to_owned(),
        false => length.about().to_string(),
    };
    let _ = write!(
        out,
        ",\"window_ms\":{},\"slide_ms\":{},\"limit\":",
        about(window.size()),
        about(window.pane()),
    );
    number(out, Some(ranking.limit).filter(|limit| *limit < u64::MAX));
    out.extend_from_slice(b",\"partition\":");
    let partition: Vec<usize> = ranking.partition_keys().collect();
    list(out, &partition, |out, i| {
        push_string(out, &ranking.keys[*i].name)
    });
    if !window.is_named_by_start() {
        out.extend_from_slice(b",\"named_by\":");
        list(out, window.named_by(), |out, name| push_string(out, name));
    }
    out.extend_from_slice(b",\"keys\":");
    list(out, &ranking.keys, |out, key| push_string(out, &key.name));
    out.extend_from_slice(b",\"order_by\":");
    push_order(out, ranking);
    // The table's own words, where it has any.
    let table = ranking
        .inputs
        .first()
        .and_then(|i| plan.tables.get(i.table));
    let words = table.map(|t| {
        // Those who declare a table of their own do not sell by it.
        let usual = (t.name != "sales").then_some("records");
        let noun = t.noun.as_deref().or(usual);
        [("noun", noun), ("unit", t.unit.as_deref())]
    });
    for (name, word) in words.into_iter().flatten() {
        if let Some(word) = word {
            let _ = write!(out, ",\"{name}\":");
            push_string(out, word);
        }
    }
    out.extend_from_slice(b",\"fields\":");
    list(out, &ranking.fields, |out, field| {
        let kind = kind(&ranking.field_type(*field).0);
        let is_key = matches!(field, Field::Key(_));
        let label = is_label(ranking, *field);
        out.extend_from_slice(b"{\"name\":");
        push_string(out, ranking.field_name(*field));
        let _ = write!(
            out,
            ",\"key\":{is_key},\"label\":{label},\"kind\":\"{kind}\"}}"
        );
    });
}

/// The name of what is ordered by first, or null.
pub(super) fn push_order(out: &mut Vec<u8>, ranking: &Ranking) {
    // What is ordered by and not shown has no name that somebody could look for.
    let shown = ranking
        .order
        .first()
        .filter(|t| ranking.fields.contains(&t.field));
    match shown {
        Some(term) => push_string(out, ranking.field_name(term.field)),
        None => out.extend_from_slice(b"null"),
    }
}

/// Every ranking's name and shape.
pub(super) fn rankings(plan: &Plan, is_seen: impl Fn(&str) -> bool) -> String {
    let mut out = Vec::new();
    let seen = plan.rankings.iter().filter(|r| is_seen(&r.name));
    list(&mut out, seen, |out, ranking| {
        push_shape(out, plan, ranking);
        out.push(b'}');
    });
    text(out)
}

/// What a page needs of one ranking: its windows, and the rows of the newest.
type Begin = (Vec<WindowInfo>, Option<(WindowInfo, Vec<Row>)>);

fn begin(view: &View<'_>, ranking: usize) -> Begin {
    let mut windows = view.windows(ranking);
    windows.truncate(SNAPSHOT_WINDOWS);
    let newest = windows
        .first()
        .and_then(|w| view.rows(ranking, w.bounds, SNAPSHOT_ROWS));
    (windows, newest)
}

fn push_newest(out: &mut Vec<u8>, ranking: &Ranking, newest: &Option<(WindowInfo, Vec<Row>)>) {
    match newest {
        Some((window, rows)) => list(out, rows, |out, row| push_row(out, ranking, window, row)),
        None => out.extend_from_slice(b"[]"),
    }
}

/// Everything that a page needs to begin: shapes, windows, and the rows of the newest window of each ranking; and the
/// commit that this is of.
pub(super) fn snapshot(plan: &Plan, board: &Board) -> (u64, String) {
    // Copied first, written afterwards: the board is not held while text is made.
    let (as_of, begins) = board.view(|view| {
        let begins: Vec<Begin> = (0..plan.rankings.len()).map(|i| begin(view, i)).collect();
        (view.as_of().clone(), begins)
    });
    let mut out = Vec::new();
    let _ = write!(
        out,
        "{{\"commit\":{},\"offsets\":\"{}\",\"rankings\":",
        as_of.commit,
        token(&as_of.offsets)
    );
    list(
        &mut out,
        plan.rankings.iter().zip(&begins),
        |out, (ranking, (windows, newest))| {
            push_shape(out, plan, ranking);
            out.extend_from_slice(b",\"windows\":");
            list(out, windows, push_window);
            out.extend_from_slice(b",\"rows\":");
            push_newest(out, ranking, newest);
            out.push(b'}');
        },
    );
    out.push(b'}');
    (as_of.commit, text(out))
}

/// The newest window's rows of one ranking, and the commit that they are of.
pub(super) fn ranking_snapshot(plan: &Plan, board: &Board, number: usize) -> (u64, String) {
    let Some(ranking) = plan.rankings.get(number) else {
        return (0, "{}".to_owned());
    };
    let (as_of, newest) = board.view(|view| {
        let window = view.newest(number, None);
        let newest = window.and_then(|w| view.rows(number, w.bounds, SNAPSHOT_ROWS));
        (view.as_of().clone(), newest)
    });
    let mut out = head(&as_of);
    out.extend_from_slice(b",\"rows\":");
    push_newest(&mut out, ranking, &newest);
    out.push(b'}');
    (as_of.commit, text(out))
}

/// What everybody may see of a ranking: its shape, its newest window, the first rows; and no offsets.
pub(super) fn face(
    plan: &Plan,
    number: usize,
    as_of: &AsOf,
    window: Option<&(WindowInfo, Vec<Row>)>,
) -> String {
    let Some(ranking) = plan.rankings.get(number) else {
        return "{}".to_owned();
    };
    let mut out = b"{\"watermark\":".to_vec();
    match as_of.watermark_text() {
        Some(time) => push_string(&mut out, &time),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"ranking\":");
    push_shape(&mut out, plan, ranking);
    out.extend_from_slice(b",\"windows\":");
    list(&mut out, window, |out, (info, _)| push_window(out, info));
    out.extend_from_slice(b"},\"rows\":");
    let rows = window.map_or(&[][..], |(_, rows)| rows);
    list(&mut out, rows, |out, row| {
        if let Some((info, _)) = window {
            push_row(out, ranking, info, row);
        }
    });
    out.push(b'}');
    text(out)
}

fn head(as_of: &AsOf) -> Vec<u8> {
    let offsets = token(&as_of.offsets);
    format!("{{\"commit\":{},\"offsets\":\"{offsets}\"", as_of.commit).into_bytes()
}

/// A commit's changes, each as in the change log; of one ranking, or of all. Written once for all who follow.
pub(super) fn commit(plan: &Plan, entry: &Entry, ranking: Option<usize>) -> Arc<str> {
    let write = || {
        let mut out = head(&entry.as_of);
        out.extend_from_slice(b",\"changes\":");
        let changes = entry.changes().map(|(change, _)| change);
        let wanted = changes.filter(|c| ranking.is_none_or(|r| c.ranking == r));
        list(&mut out, wanted, |out, change| {
            push_change(out, plan, change, entry.as_of.commit);
        });
        out.push(b'}');
        Arc::from(text(out))
    };
    let place = ranking.unwrap_or(plan.rankings.len());
    match entry.texts.get(place) {
        Some(kept) => Arc::clone(kept.get_or_init(write)),
        None => write(),
    }
}
