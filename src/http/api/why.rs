//! `GET /api/v1/rankings/{name}/windows/{start}/keys/{…}/why`: why a row is where it is.

use std::io::Write;
use std::sync::Arc;

use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::response::Response;

use super::answer;
use super::moved::{Mover, is_beside, movers};
use crate::as_of::{AsOf, time};
use crate::board::{Entry, Late, Row, WindowInfo, order_value};
use crate::json;
use crate::openapi;
use crate::params::{self, AtLeast, MOST_ROWS, Params, WindowPath};
use crate::problem::Problem;
use crate::watch::Shown;
use standings_model::json::{push_bounds, push_field, push_string, push_value};
use standings_model::plan::{Field, Ranking};
use standings_model::time::format_rfc3339;
use standings_model::value::{Decimal, Value};

#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/windows/{start}/keys/{key}/why",
    tag = "rankings",
    summary = "Why a row is where it is",
    description = "Its neighbours and how far they are, what moved it last, corrections, late sales.",
    params(("name" = String, Path, description = "Ranking"), ("start" = String, Path, format = DateTime, description = "The window's start; of windows that share it, {start}/{end}"), ("key" = String, Path, description = "The group keys, one path segment each, percent-encoded"), openapi::Fresh),
    responses((status = 200, description = "Why a row is where it is", body = openapi::Why), openapi::Refusals)
)]
pub(crate) async fn why(
    State(shown): State<Arc<Shown>>,
    Path(path): Path<WindowPath>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, &path.name)?;
    let segments: Vec<&str> = uri.path().split('/').collect();
    // /api/v1/rankings/{name}/windows/{start}[/{end}]/keys/…/why
    let Some((&"why", keys)) = segments
        .get(7 + path.segments()..)
        .and_then(|s| s.split_last())
    else {
        return Err(Problem::not_found("a row is explained at keys/{key}/why"));
    };
    let params = Params::read(query.as_deref(), &AtLeast::NAMES)?;
    let bounds = path.window(ranking)?;
    let key = params::keys(ranking, keys)?;
    let mut at_least = AtLeast::of(&params, &shown)?;
    loop {
        let (as_of, found) = shown.window(number, bounds, MOST_ROWS).await?;
        if !at_least.reached(&as_of).await? {
            continue;
        }
        let Some((window, rows)) = found else {
            return Err(params::no_window(ranking));
        };
        let beside = beside(ranking, &rows, &key)?;
        let (known, late) = shown.board.view(|view| {
            let known = view.rows(number, bounds, MOST_ROWS);
            let known = known.and_then(|(_, rows)| rows.into_iter().find(|r| *r.key == key[..]));
            // The board may know more of the row than the answer's source, if it shows the same.
            let same = |r: &Row| (r.rank, &r.measures) == (beside.row.rank, &beside.row.measures);
            let known = known.filter(same).map(|row| {
                let entry = view.entry(row.commit);
                (row, entry)
            });
            (known, view.late(number, bounds, &key))
        });
        let known = known.as_ref().map(|(row, entry)| {
            let entry = entry.as_deref();
            let moved = entry.map(|entry| movers((number, ranking), bounds, row, entry));
            (row, entry, moved.unwrap_or_default())
        });
        let body = write(ranking, (&as_of, &window), &beside, known, late);
        return Ok(answer(&as_of, body));
    }
}

/// A row and its neighbours within its partition.
struct Beside<'a> {
    above: Option<&'a Row>,
    row: &'a Row,
    below: Option<&'a Row>,
}

/// Finds a key among a window's rows in order; the refusal says how far the list goes.
fn beside<'a>(ranking: &Ranking, rows: &'a [Row], key: &[Value]) -> Result<Beside<'a>, Problem> {
    // What a row is ranked among may be no part of its key: then only a row that is there says it.
    let own = rows.iter().find(|r| *r.key == *key);
    let same = |row: &Row| {
        let measures = own.map_or(&row.measures[..], |own| &own.measures);
        is_beside(ranking, (&row.key, &row.measures), (key, measures))
    };
    let list: Vec<&Row> = rows.iter().filter(|r| same(r)).collect();
    let Some(at) = list.iter().position(|r| *r.key == *key) else {
        let detail = match list.last() {
            None => "this key is not ranked in this window; nobody is, beside whom it could be"
                .to_owned(),
            Some(last) => {
                let order = ranking.order.first();
                let name = order.map_or("nothing", |t| ranking.field_name(t.field));
                let value = order_value(ranking, &last.key, &last.measures).and_then(json::plain);
                format!(
                    "this key is not ranked in this window; the last rank there is {}, with {name} {}",
                    last.rank,
                    value.as_deref().unwrap_or("null")
                )
            }
        };
        return Err(Problem::not_found(detail));
    };
    let other = |i: Option<usize>| i.and_then(|i| list.get(i)).copied();
    Ok(Beside {
        above: other(at.checked_sub(1)),
        row: list[at],
        below: other(at.checked_add(1)),
    })
}

/// `a - b`, exact, where both are numbers.
pub(super) fn difference(a: &Value, b: &Value) -> Option<Value> {
    match (a, b) {
        (Value::Decimal(a), Value::Decimal(b)) if a.scale == b.scale => {
            let unscaled = a.unscaled.checked_sub(b.unscaled)?;
            Some(Value::decimal(unscaled, a.scale))
        }
        (Value::Integer(a), Value::Integer(b)) => a.checked_sub(*b).map(Value::Integer),
        _ => None,
    }
}

fn magnitude(value: Value) -> Option<String> {
    match value {
        Value::Decimal(Decimal { unscaled, scale }) => {
            Some(Value::decimal(unscaled.checked_abs()?, scale).to_string())
        }
        Value::Integer(n) => Some(n.checked_abs()?.to_string()),
        _ => None,
    }
}

fn push_neighbour(out: &mut Vec<u8>, ranking: &Ranking, row: &Row, other: Option<&Row>) {
    let Some(other) = other else {
        return out.extend_from_slice(b"null");
    };
    let value = |row: &Row| order_value(ranking, &row.key, &row.measures).cloned();
    let (own, theirs) = (value(row), value(other));
    // Writing to a Vec cannot fail, here and below.
    let _ = write!(out, "{{\"rank\":{},\"key\":", other.rank);
    json::push_key(out, ranking, &other.key);
    out.extend_from_slice(b",\"value\":");
    push_value(out, theirs.as_ref().unwrap_or(&Value::Null));
    let gap = own
        .zip(theirs)
        .and_then(|(a, b)| magnitude(difference(&a, &b)?));
    out.extend_from_slice(b",\"gap\":");
    match gap {
        Some(gap) => push_string(out, &gap),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// Appends what a row shows beside its keys.
fn push_measures(out: &mut Vec<u8>, ranking: &Ranking, measures: &[Value]) {
    out.push(b'{');
    let mut first = true;
    for field in &ranking.fields {
        let Field::Measure(i) = *field else { continue };
        let Some(value) = measures.get(i) else {
            continue;
        };
        if !std::mem::take(&mut first) {
            out.push(b',');
        }
        push_field(out, ranking.field_name(*field), value);
    }
    out.push(b'}');
}

fn push_last_change(
    out: &mut Vec<u8>,
    ranking: &Ranking,
    (row, entry, moved): (&Row, Option<&Entry>, &[Mover<'_>]),
) {
    let _ = write!(
        out,
        "{{\"commit\":{},\"at\":\"{}\",\"rank\":{},\"previous_rank\":",
        row.commit,
        time(row.at),
        row.rank
    );
    match &row.before {
        Some((rank, _)) => drop(write!(out, "{rank}")),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"offsets\":{");
    let mut first = true;
    for (partition, to) in entry.map(|e| &e.as_of.offsets[..]).unwrap_or_default() {
        let from = entry.and_then(|e| {
            let i = e.from.binary_search_by_key(partition, |(p, _)| *p).ok()?;
            Some(e.from[i].1)
        });
        if from == Some(*to) {
            continue;
        }
        let comma = if std::mem::take(&mut first) { "" } else { "," };
        let _ = write!(out, "{comma}\"{partition}\":[{},{to}]", from.unwrap_or(0));
    }
    out.extend_from_slice(b"},\"delta\":{");
    let mut first = true;
    if let Some((_, before)) = &row.before {
        for (i, measure) in ranking.measures.iter().enumerate() {
            let pair = row.measures.get(i).zip(before.get(i));
            let Some(by) = pair.and_then(|(now, then)| difference(now, then)) else {
                continue;
            };
            let sign = match by.number() {
                Some(0) => continue,
                Some(n) if n < 0 => "-",
                _ => "+",
            };
            let text = format!("{sign}{}", magnitude(by).unwrap_or_default());
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            push_field(out, &measure.name, &Value::text(text));
        }
    }
    out.extend_from_slice(b"},\"was\":");
    match &row.before {
        Some((_, measures)) => push_measures(out, ranking, measures),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"moved_by\":");
    json::list(out, moved, |out, mover| mover.push(out, ranking));
    let _ = write!(out, ",\"correction\":{}}}", row.corrected);
}

fn write(
    ranking: &Ranking,
    (as_of, window): (&AsOf, &WindowInfo),
    beside: &Beside<'_>,
    known: Option<(&Row, Option<&Entry>, Vec<Mover<'_>>)>,
    late: Late,
) -> String {
    let row = beside.row;
    let mut out = format!("{{\"as_of\":{},\"ranking\":", as_of.json()).into_bytes();
    push_string(&mut out, &ranking.name);
    out.push(b',');
    push_bounds(&mut out, window.bounds);
    let _ = write!(out, ",\"final\":{},\"key\":", row.is_final);
    json::push_key(&mut out, ranking, &row.key);
    let _ = write!(out, ",\"rank\":{},\"row\":", row.rank);
    json::push_row(&mut out, ranking, window, row);
    out.extend_from_slice(b",\"order_by\":");
    json::push_order(&mut out, ranking);
    out.extend_from_slice(b",\"above\":");
    push_neighbour(&mut out, ranking, row, beside.above);
    out.extend_from_slice(b",\"below\":");
    push_neighbour(&mut out, ranking, row, beside.below);
    out.extend_from_slice(b",\"last_change\":");
    match &known {
        Some((row, entry, moved)) if row.at > 0 => {
            push_last_change(&mut out, ranking, (row, *entry, moved));
        }
        _ => out.extend_from_slice(b"null"),
    }
    let (count, last) = known.map_or((0, 0), |(row, ..)| row.corrections);
    let last = match count {
        0 => "null".to_owned(),
        _ => last.to_string(),
    };
    let _ = write!(
        out,
        ",\"corrections\":{{\"count\":{count},\"last_commit\":{last}}},\"late\":{{\"count\":{},\"last\":",
        late.count
    );
    match late.last {
        Some((partition, offset, at, retired)) => {
            let reason = if retired { "retired" } else { "late" };
            let _ = write!(
                out,
                "{{\"partition\":{partition},\"offset\":{offset},\"event_time\":\"{}\",\"reason\":\"{reason}\"}}",
                format_rfc3339(at)
            );
        }
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b"}}");
    json::text(out)
}
