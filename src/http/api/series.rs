//! `GET /api/v1/rankings/{name}/windows/{start}/series`: how the best rows came to what they are.

use std::io::Write;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;

use super::answer;
use crate::board::{Key, SLICES};
use crate::json;
use crate::openapi;
use crate::params::{self, AtLeast, Params, WindowPath};
use crate::problem::Problem;
use crate::watch::Shown;
use standings_model::json::{push_bounds, push_string};
use standings_model::time::format_rfc3339;
use standings_model::window::Bounds;

/// Rows unless the request says, and the most that it may say.
const LIMITS: (usize, usize) = (20, 1_000);

#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/windows/{start}/series",
    tag = "rankings",
    summary = "How the best rows of a window came to what they are",
    description = "The measure that the ranking is ordered by, in forty steps of the window.",
    params(("name" = String, Path, description = "Ranking"), ("start" = String, Path, format = DateTime, description = "The window's start; of windows that share it, {start}/{end}"), openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "How the best rows came to what they are", body = openapi::Series), openapi::Refusals)
)]
pub(crate) async fn series(
    State(shown): State<Arc<Shown>>,
    Path(path): Path<WindowPath>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, &path.name)?;
    let params = Params::read(query.as_deref(), &["limit", "at_least", "wait"])?;
    let (limit, bounds) = (params.limit(LIMITS.0, LIMITS.1)?, path.window(ranking)?);
    let mut at_least = AtLeast::of(&params, &shown)?;
    let late = shown.about.policy.unwrap_or_default().out_of_orderness;
    let (as_of, found) = loop {
        let (as_of, found) = shown.board.view(|view| {
            let found = view.rows(number, bounds, limit).map(|(window, rows)| {
                let keys: Vec<Key> = rows.into_iter().map(|r| r.key).collect();
                let values = view.series(number, bounds, &keys, late);
                (window, keys, values)
            });
            (view.as_of().clone(), found)
        });
        if at_least.reached(&as_of).await? {
            break (as_of, found);
        }
    };
    let Some((window, keys, values)) = found else {
        return Err(params::no_window(ranking));
    };
    let Bounds { start, end } = window.bounds;
    let mut out = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = write!(out, "{{\"as_of\":{},", as_of.json());
    push_bounds(&mut out, window.bounds);
    out.extend_from_slice(b",\"points\":");
    let length = i128::from(end) - i128::from(start);
    // Of all time there are no slices, and no row has a series.
    let slices = if window.bounds.is_always() { 0 } else { SLICES };
    json::list(&mut out, 1..=slices as i128, |out, slice| {
        // Between the window's start and end, so it fits.
        let at = i128::from(start) + length * slice / SLICES as i128;
        push_string(out, &format_rfc3339(at as i64));
    });
    out.extend_from_slice(b",\"series\":");
    json::list(&mut out, keys.iter().zip(values), |out, (key, values)| {
        out.extend_from_slice(b"{\"key\":");
        json::list(out, key.iter(), |out, part| {
            push_string(out, &json::plain(part).unwrap_or_default());
        });
        out.extend_from_slice(b",\"values\":");
        json::list(
            out,
            values.into_iter().take(slices),
            |out, value| match value.as_ref().and_then(json::plain) {
                Some(text) => push_string(out, &text),
                None => out.extend_from_slice(b"null"),
            },
        );
        out.push(b'}');
    });
    out.push(b'}');
    Ok(answer(&as_of, json::text(out)))
}
