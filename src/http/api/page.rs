//! `GET /api/v1/rankings/{name}/windows/{start}?offset=&limit=`: a page of all keys; and rows as CSV.

use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};

use super::{COUNT, WINDOW_COMMIT, answer, mark};
use crate::as_of::AsOf;
use crate::board::{Row, WindowInfo};
use crate::json;
use crate::params::{self, AtLeast, MOST_ROWS, Params};
use crate::problem::Problem;
use crate::sight::Sight;
use crate::watch::Shown;
use standings_model::csv::push_cell;
use standings_model::plan::{Field, Ranking};
use standings_model::time::format_rfc3339;
use standings_model::value::Value;
use standings_model::window::Bounds;

/// All rows of a window.
const ALL: usize = i32::MAX as usize;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Json,
    Csv,
}

impl Form {
    /// As a request says.
    pub(super) fn of(params: &Params) -> Result<Self, Problem> {
        match params.get("format") {
            None | Some("json") => Ok(Form::Json),
            Some("csv") => Ok(Form::Csv),
            Some(other) => Err(Problem::bad(format!(
                "format={other}: there are json and csv"
            ))),
        }
    }

    /// Rows of a window.
    pub(super) fn answer(
        self,
        as_of: &AsOf,
        ranking: &Ranking,
        window: &WindowInfo,
        rows: &[Row],
    ) -> Response {
        let mut answer = match self {
            Form::Json => answer(as_of, json::rows(ranking, window, rows)),
            Form::Csv => {
                let body = csv(ranking, window.bounds, rows);
                let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
                let mut response = ([(header::CONTENT_TYPE, kind)], body).into_response();
                mark(&mut response, as_of);
                response
            }
        };
        let commit = HeaderValue::from(window.commit);
        answer.headers_mut().insert(WINDOW_COMMIT, commit);
        answer
    }
}

/// Rows as CSV (RFC 4180): the window, the rank, the fields of the query, whether they are final, and the commit.
fn csv(ranking: &Ranking, window: Bounds, rows: &[Row]) -> Vec<u8> {
    let mut out = Vec::new();
    let names = ranking.fields.iter().map(|f| ranking.field_name(*f));
    let names = ["window_start", "window_end", "rank"]
        .into_iter()
        .chain(names)
        .chain(["final", "commit"]);
    for (n, name) in names.enumerate() {
        if n > 0 {
            out.push(b',');
        }
        push_cell(&mut out, name, true);
    }
    out.extend_from_slice(b"\r\n");
    let bound = |ms: i64| match window.is_always() {
        true => String::new(),
        false => format_rfc3339(ms),
    };
    let (start, end) = (bound(window.start), bound(window.end));
    for row in rows {
        push_cell(&mut out, &start, false);
        out.push(b',');
        push_cell(&mut out, &end, false);
        out.push(b',');
        if row.rank > 0 {
            push_cell(&mut out, &row.rank.to_string(), false);
        }
        for field in &ranking.fields {
            out.push(b',');
            let value = match *field {
                Field::Key(i) => row.key.get(i),
                Field::Measure(i) => row.measures.get(i),
            };
            if let Some(value) = value.filter(|value| !value.is_null()) {
                let is_text = matches!(value, Value::Text(_));
                push_cell(&mut out, &value.to_string(), is_text);
            }
        }
        out.extend_from_slice(format!(",{},{}\r\n", row.is_final, row.commit).as_bytes());
    }
    out
}

/// A page of all keys; for who does not see beyond the limit, of what is within it.
pub(super) async fn page(
    shown: &Shown,
    (number, ranking, bounds): (usize, &Ranking, Bounds),
    (offset, limit): (u64, usize),
    (params, uri, sight, headers): (&Params, &Uri, &Sight, &HeaderMap),
) -> Result<Response, Problem> {
    let form = Form::of(params)?;
    let mut at_least = AtLeast::of(params, shown)?;
    // What is not ranked, or ranked to the last, is there as it is shown.
    let is_shown = ranking.rank.is_none() || ranking.limit == u64::MAX;
    if is_shown || !sight.is_beyond() {
        loop {
            let (as_of, found) = shown.window(number, bounds, ALL).await?;
            if at_least.reached(&as_of).await? {
                let (window, rows) = found.ok_or_else(|| params::no_window(ranking))?;
                if window.truncated {
                    return Err(Problem::unavailable(
                        "rows of this window were left out to bound memory (--http-rows): there are no pages of it",
                    ));
                }
                let from = usize::try_from(offset)
                    .unwrap_or(usize::MAX)
                    .min(rows.len());
                let some = &rows[from..rows.len().min(from.saturating_add(limit))];
                let answer = form.answer(&as_of, ranking, &window, some);
                return Ok(counted(answer, rows.len() as u64));
            }
        }
    }
    if let Some(answer) = shown.forward(uri, headers).await {
        return answer;
    }
    loop {
        let slot = shown.positions.of(&shown.plan, number, bounds).await?;
        let (as_of, window, page) = {
            let asked = slot.look(ranking, shown.plan.zone.as_deref());
            let page = asked.page(offset, limit.min(MOST_ROWS));
            (asked.as_of().clone(), asked.info(), page)
        };
        if page.count == 0 {
            shown.positions.forget(&slot);
            return Err(params::no_window(ranking));
        }
        if at_least.reached(&as_of).await? {
            let answer = form.answer(&as_of, ranking, &window, &page.rows);
            return Ok(counted(answer, page.count));
        }
    }
}

fn counted(mut answer: Response, count: u64) -> Response {
    answer.headers_mut().insert(COUNT, HeaderValue::from(count));
    answer
}
