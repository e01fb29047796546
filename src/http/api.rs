//! The JSON API: rows of rankings, by window or by date.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::json;
use super::watch::Shown;
use crate::model::time::{parse_date, parse_rfc3339};

/// Rows that one answer may have.
const MOST_ROWS: usize = 10_000;

/// `?date=&limit=`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Which {
    date: Option<String>,
    limit: Option<String>,
}

fn array(text: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

fn refused(status: StatusCode, message: String) -> Response {
    let body = serde_json::json!({ "error": message }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn bad(message: String) -> Response {
    refused(StatusCode::BAD_REQUEST, message)
}

impl Which {
    /// Midnight UTC of the date, ms.
    fn date(&self) -> Result<Option<i64>, String> {
        let Some(date) = self.date.as_deref().filter(|d| !d.is_empty()) else {
            return Ok(None);
        };
        match parse_date(date) {
            Some(midnight) => Ok(Some(midnight)),
            None => Err(format!("date={date}: write it as 2026-01-23")),
        }
    }

    fn limit(&self, default: u64) -> Result<usize, String> {
        let Some(limit) = self.limit.as_deref().filter(|l| !l.is_empty()) else {
            return Ok(usize::try_from(default).unwrap_or(MOST_ROWS).min(MOST_ROWS));
        };
        match limit.parse() {
            Ok(n) if (1..=MOST_ROWS).contains(&n) => Ok(n),
            _ => Err(format!(
                "limit={limit}: write a number from 1 to {MOST_ROWS}"
            )),
        }
    }
}

/// `GET /api/v1/sales/city`.
pub(super) async fn sales_by_city(shown: State<Arc<Shown>>, which: Query<Which>) -> Response {
    of_date(&shown, "top_sales_per_city", &which)
}

/// `GET /api/v1/salesmen/top`.
pub(super) async fn top_salesmen(shown: State<Arc<Shown>>, which: Query<Which>) -> Response {
    of_date(&shown, "top_salesmen", &which)
}

/// The newest window, or the newest that starts on the date. A date without a window has no rows.
fn of_date(shown: &Shown, name: &str, which: &Which) -> Response {
    let (number, ranking) = match find(shown, name) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let (date, limit) = match (which.date(), which.limit(ranking.limit)) {
        (Ok(date), Ok(limit)) => (date, limit),
        (Err(e), _) | (_, Err(e)) => return bad(e),
    };
    let found = shown.board.view(|view| {
        let window = view.newest(number, date)?;
        view.rows(number, window.start, limit)
    });
    array(match found {
        Some((window, rows)) => json::rows(ranking, &window, &rows),
        None => "[]".to_owned(),
    })
}

type Found<'a> = (usize, &'a crate::model::plan::Ranking);

fn find<'a>(shown: &'a Shown, name: &str) -> Result<Found<'a>, Box<Response>> {
    if !shown.commits_here {
        let message = "this process only computes; ask process 0, which commits".to_owned();
        return Err(Box::new(refused(StatusCode::MISDIRECTED_REQUEST, message)));
    }
    let mut rankings = shown.plan.rankings.iter().enumerate();
    rankings.find(|(_, r)| r.name == name).ok_or_else(|| {
        let names: Vec<_> = shown
            .plan
            .rankings
            .iter()
            .map(|r| r.name.as_str())
            .collect();
        let message = format!(
            "no ranking `{name}` is loaded; there are: {}",
            names.join(", ")
        );
        Box::new(refused(StatusCode::NOT_FOUND, message))
    })
}

/// `GET /api/v1/rankings`.
pub(super) async fn rankings(State(shown): State<Arc<Shown>>) -> Response {
    array(json::rankings(&shown.plan))
}

/// `GET /api/v1/rankings/{name}/windows`.
pub(super) async fn windows(State(shown): State<Arc<Shown>>, Path(name): Path<String>) -> Response {
    match find(&shown, &name) {
        Ok((number, _)) => array(json::windows(
            &shown.board.view(|view| view.windows(number)),
        )),
        Err(answer) => *answer,
    }
}

/// `GET /api/v1/rankings/{name}/windows/{start}`.
pub(super) async fn rows(
    State(shown): State<Arc<Shown>>,
    Path((name, start)): Path<(String, String)>,
    which: Query<Which>,
) -> Response {
    let (number, ranking) = match find(&shown, &name) {
        Ok(found) => found,
        Err(answer) => return *answer,
    };
    let limit = match which.limit(MOST_ROWS as u64) {
        Ok(limit) => limit,
        Err(e) => return bad(e),
    };
    let Some(start) = parse_rfc3339(start.as_bytes()) else {
        return bad(format!(
            "window {start}: write its start as 2026-01-23T00:00:00Z"
        ));
    };
    match shown.board.view(|view| view.rows(number, start, limit)) {
        Some((window, rows)) => array(json::rows(ranking, &window, &rows)),
        None => refused(
            StatusCode::NOT_FOUND,
            format!("`{name}` has no window that starts at this time"),
        ),
    }
}
