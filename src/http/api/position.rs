//! `GET /api/v1/rankings/{name}/windows/{start}/keys/{…}/position` and `…/positions`: where any key stands.

use std::io::Write;

use axum::Extension;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use std::sync::Arc;

use super::answer;
use super::why::difference;
use crate::as_of::{AsOf, token};
use crate::board::{Row, WindowInfo, order_value};
use crate::json;
use crate::openapi;
use crate::params::{self, AtLeast, Params, WindowPath};
use crate::positions::{Around, Slot};
use crate::problem::Problem;
use crate::sight::Sight;
use crate::watch::Shown;
use standings_model::json::{push_bounds, push_field, push_string, push_value};
use standings_model::plan::{Field, Ranking};
use standings_model::value::Value;

/// Neighbours on each side, unless another number is asked for.
const AROUND: usize = 5;
/// Neighbours on each side, at most.
const MOST_AROUND: usize = 100;
/// Keys of one request, at most.
const MOST_KEYS: usize = 1_000;

#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/windows/{start}/keys/{key}/position",
    tag = "rankings",
    summary = "Where any key stands",
    description = "Its rank among all keys of the window (with PARTITION BY: of its partition), inside the limit or not; who is around it, and how far; exact at the commit that is named. The first ask of a window has its keys put in order.",
    params(("name" = String, Path, description = "Ranking"), ("start" = String, Path, format = DateTime, description = "The window's start; START..END of windows that share it, all of all time"), ("key" = String, Path, description = "The group keys, one path segment each, percent-encoded; NULL is ~, an empty text ~e, a leading ~ is doubled"), openapi::AroundIt, openapi::Fresh),
    responses((status = 200, description = "Where the key stands", body = openapi::Position), (status = 403, description = "The caller sees the limit alone, and the key is not within it", body = openapi::ProblemShape, content_type = "application/problem+json"), (status = 410, description = "The engine keeps this window no more", body = openapi::ProblemShape, content_type = "application/problem+json"), openapi::Refusals)
)]
pub(crate) async fn position(
    State(shown): State<Arc<Shown>>,
    Path(path): Path<WindowPath>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    Extension(sight): Extension<Sight>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, &path.name)?;
    let segments: Vec<&str> = uri.path().split('/').collect();
    // /api/v1/rankings/{name}/windows/{start}[/{end}]/keys/…/position
    let Some((_, keys)) = segments
        .get(7 + path.segments()..)
        .and_then(|s| s.split_last())
    else {
        return Err(Problem::not_found(
            "a key's position is at keys/{key}/position",
        ));
    };
    let params = Params::read(query.as_deref(), &["around", "at_least", "wait"])?;
    let around = params.count("around", AROUND as u64, MOST_AROUND as u64)? as usize;
    let bounds = path.window(ranking)?;
    let key = params::position_keys(ranking, keys)?;
    if let Some(answer) = shown.forward(&uri, &headers).await {
        return answer;
    }
    let mut at_least = AtLeast::of(&params, &shown)?;
    loop {
        let slot = shown.positions.of(&shown.plan, number, bounds).await?;
        let (as_of, found) = {
            let asked = slot.look(ranking, shown.plan.zone.as_deref());
            if asked.is_empty() {
                drop(asked);
                shown.positions.forget(&slot);
                return Err(params::no_window(ranking));
            }
            let found = asked.position(&key, around);
            (
                asked.as_of().clone(),
                found.map(|found| (asked.info(), found)),
            )
        };
        if at_least.reached(&as_of).await? {
            let found = found.filter(|(_, found)| sees(ranking, &sight, &found.row));
            let Some((window, found)) = found else {
                return Err(unseen(ranking, &sight));
            };
            return Ok(answer(
                &as_of,
                write(ranking, (&as_of, &window), &found, &sight),
            ));
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/windows/{start}/positions",
    tag = "rankings",
    summary = "Where several keys stand",
    description = "The ranks of keys at one commit, in the order asked for; null for one that is not ranked.",
    params(("name" = String, Path, description = "Ranking"), ("start" = String, Path, format = DateTime, description = "The window's start; START..END of windows that share it, all of all time"), openapi::SomeKeys, openapi::Fresh),
    responses((status = 200, description = "Where each stands", body = Vec<openapi::Standing>), (status = 410, description = "The engine keeps this window no more", body = openapi::ProblemShape, content_type = "application/problem+json"), openapi::Refusals)
)]
pub(crate) async fn positions(
    State(shown): State<Arc<Shown>>,
    Path(path): Path<WindowPath>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    Extension(sight): Extension<Sight>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, &path.name)?;
    let params = Params::read(query.as_deref(), &["keys", "at_least", "wait"])?;
    let bounds = path.window(ranking)?;
    let keys = params::list(query.as_deref(), "keys");
    let split = |key: &&str| key.split('/').map(str::to_owned).collect::<Vec<_>>();
    let keys: Vec<Vec<String>> = keys.iter().map(split).collect();
    if keys.is_empty() || keys.len() > MOST_KEYS {
        return Err(Problem::bad(format!(
            "keys: write 1 to {MOST_KEYS} keys, separated by commas; the columns of one by /"
        )));
    }
    let read = |key: &Vec<String>| {
        let key: Vec<&str> = key.iter().map(String::as_str).collect();
        params::position_keys(ranking, &key)
    };
    let keys: Vec<Vec<Value>> = keys.iter().map(read).collect::<Result<_, _>>()?;
    if let Some(answer) = shown.forward(&uri, &headers).await {
        return answer;
    }
    let mut at_least = AtLeast::of(&params, &shown)?;
    loop {
        let slot = shown.positions.of(&shown.plan, number, bounds).await?;
        let (as_of, body) = stand(&shown, (&slot, ranking), &keys, &sight)?;
        if at_least.reached(&as_of).await? {
            return Ok(answer(&as_of, body));
        }
    }
}

/// Where keys stand.
fn stand(
    shown: &Shown,
    (slot, ranking): (&Slot, &Ranking),
    keys: &[Vec<Value>],
    sight: &Sight,
) -> Result<(AsOf, String), Problem> {
    let asked = slot.look(ranking, shown.plan.zone.as_deref());
    if asked.is_empty() {
        drop(asked);
        shown.positions.forget(slot);
        return Err(params::no_window(ranking));
    }
    let mut out = Vec::new();
    json::list(&mut out, keys, |out, key| {
        let found = asked.row_of(key);
        let found = found.filter(|(row, _)| sees(ranking, sight, row));
        out.extend_from_slice(b"{\"keys\":");
        json::push_key(out, ranking, key);
        out.extend_from_slice(b",\"rank\":");
        match found {
            None => out.extend_from_slice(b"null,\"count\":null,\"measures\":null}"),
            Some((row, count)) => {
                let _ = write!(out, "{},\"count\":{count},\"measures\":", row.rank);
                push_measures(out, ranking, &row);
                out.push(b'}');
            }
        }
    });
    Ok((asked.as_of().clone(), json::text(out)))
}

/// Whether a caller may see where a row stands.
fn sees(ranking: &Ranking, sight: &Sight, row: &Row) -> bool {
    sight.is_beyond() || row.rank <= ranking.limit
}

/// What is said of a key without a position. Who does not see beyond the limit does not learn whether there is one.
fn unseen(ranking: &Ranking, sight: &Sight) -> Problem {
    match sight.is_beyond() || ranking.limit == u64::MAX {
        true => Problem::not_found("this key is not ranked in this window"),
        false => Problem::new(
            StatusCode::FORBIDDEN,
            format!(
                "this key is not within the {} ranks that you may see (--http-reach, or the key's own reach=)",
                ranking.limit
            ),
        ),
    }
}

/// Appends the measures that rows show.
fn push_measures(out: &mut Vec<u8>, ranking: &Ranking, row: &Row) {
    out.push(b'{');
    let mut first = true;
    for field in &ranking.fields {
        if let Field::Measure(measure) = field
            && let Some(value) = row.measures.get(*measure)
        {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            push_field(out, ranking.field_name(*field), value);
        }
    }
    out.push(b'}');
}

/// How far one row is before another, by the first value that they are ordered by; none where that is no number.
fn lead(ranking: &Ranking, row: &Row, other: &Row) -> Option<Value> {
    let value = |row: &Row| order_value(ranking, &row.key, &row.measures).cloned();
    let (row, other) = (value(row)?, value(other)?);
    match ranking.order.first()?.descending {
        true => difference(&row, &other),
        false => difference(&other, &row),
    }
}

fn push_lead(out: &mut Vec<u8>, ranking: &Ranking, row: &Row, other: Option<&Row>) {
    let lead = other.and_then(|other| lead(ranking, row, other));
    push_value(out, &lead.unwrap_or(Value::Null));
}

/// Neighbours, nearest first, each with how far it is from the row.
fn push_neighbours(out: &mut Vec<u8>, ranking: &Ranking, own: &Row, rows: &[Row], above: bool) {
    json::list(out, rows, |out, row| {
        let _ = write!(out, "{{\"rank\":{},\"keys\":", row.rank);
        json::push_key(out, ranking, &row.key);
        out.extend_from_slice(b",\"measures\":");
        push_measures(out, ranking, row);
        out.extend_from_slice(b",\"distance\":");
        match above {
            true => push_lead(out, ranking, row, Some(own)),
            false => push_lead(out, ranking, own, Some(row)),
        }
        out.push(b'}');
    });
}

/// How many of the others it is not behind, in hundredths of a percent.
fn percentile(found: &Around) -> u64 {
    match found.count.saturating_sub(1) {
        0 => 10_000,
        others => (others - found.better.min(others)) * 10_000 / others,
    }
}

fn write(
    ranking: &Ranking,
    (as_of, window): (&AsOf, &WindowInfo),
    found: &Around,
    sight: &Sight,
) -> String {
    let row = &found.row;
    let mut out = Vec::with_capacity(2048);
    out.extend_from_slice(b"{\"ranking\":");
    push_string(&mut out, &ranking.name);
    out.push(b',');
    push_bounds(&mut out, window.bounds);
    out.extend_from_slice(b",\"keys\":");
    json::push_key(&mut out, ranking, &row.key);
    let percentile = percentile(found);
    let (whole, part) = (percentile / 100, percentile % 100);
    // Writing to a Vec cannot fail, here and below.
    let _ = write!(
        out,
        ",\"rank\":{},\"count\":{},\"percentile\":{whole}.{part:02},\"measures\":",
        row.rank, found.count
    );
    push_measures(&mut out, ranking, row);
    let seen = found
        .below
        .iter()
        .take_while(|row| sees(ranking, sight, row));
    let below: Vec<Row> = seen.cloned().collect();
    out.extend_from_slice(b",\"above\":");
    push_neighbours(&mut out, ranking, row, &found.above, true);
    out.extend_from_slice(b",\"below\":");
    push_neighbours(&mut out, ranking, row, &below, false);
    out.extend_from_slice(b",\"distance_to_leader\":");
    push_lead(&mut out, ranking, &found.leader, Some(row));
    out.extend_from_slice(b",\"limit\":");
    match ranking.limit {
        u64::MAX => out.extend_from_slice(b"null"),
        limit => _ = write!(out, "{limit}"),
    }
    out.extend_from_slice(b",\"distance_to_limit\":");
    match &found.last {
        Some(last) => push_lead(&mut out, ranking, last, Some(row)),
        None => out.extend_from_slice(b"null"),
    }
    let _ = write!(
        out,
        ",\"final\":{},\"commit\":{},\"offsets\":\"{}\"}}",
        window.is_final,
        as_of.commit,
        token(&as_of.offsets)
    );
    json::text(out)
}

/// What a key's path asks for.
pub(crate) async fn of_key(
    state: State<Arc<Shown>>,
    path: Path<WindowPath>,
    uri: OriginalUri,
    query: RawQuery,
    sight: Extension<Sight>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    match uri.path().rsplit('/').next() {
        Some("position") => position(state, path, uri, query, sight, headers).await,
        _ => super::why::why(state, path, uri, query).await,
    }
}
