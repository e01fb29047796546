//! Rows: of the newest window or a day's, of one window now or at an earlier commit, of one key through the windows.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{OriginalUri, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::answer;
use super::page::{self, Form};
use crate::as_of::AsOf;
use crate::board::{AsItWas, Row, WindowInfo};
use crate::json;
use crate::openapi;
use crate::params::{self, AtLeast, MOST_ROWS, Params, WindowPath};
use crate::problem::Problem;
use crate::sight::Sight;
use crate::watch::Shown;
use standings_model::value::Value;
use standings_model::window::Bounds;

/// Rows of a key's history unless the request says.
const HISTORY: usize = 30;

/// A window with some of its rows.
pub(crate) type Window = Option<(WindowInfo, Vec<Row>)>;

impl Shown {
    /// Who has no rows says so.
    pub(crate) fn has_rows(&self) -> Result<(), Problem> {
        match self.about.commits_here {
            true => Ok(()),
            false => Err(Problem::new(
                StatusCode::MISDIRECTED_REQUEST,
                "this process only computes; ask process 0, which commits",
            )),
        }
    }

    /// The newest window, or the newest that starts on a date, with its first rows.
    pub(crate) async fn newest(
        &self,
        ranking: usize,
        date: Option<i64>,
        limit: usize,
    ) -> Result<(AsOf, Window), Problem> {
        if let Some(database) = &self.database {
            return database.newest(ranking, date, limit).await;
        }
        Ok(self.board.view(|view| {
            let window = view.newest(ranking, date);
            let rows = window.and_then(|w| view.rows(ranking, w.bounds, limit));
            (view.as_of().clone(), rows)
        }))
    }

    /// A window's rows.
    pub(crate) async fn window(
        &self,
        ranking: usize,
        bounds: Bounds,
        limit: usize,
    ) -> Result<(AsOf, Window), Problem> {
        if let Some(database) = &self.database {
            return database.window(ranking, bounds, limit).await;
        }
        Ok(self
            .board
            .view(|view| (view.as_of().clone(), view.rows(ranking, bounds, limit))))
    }

    async fn windows(
        &self,
        ranking: usize,
        limit: usize,
    ) -> Result<(AsOf, Vec<WindowInfo>), Problem> {
        if let Some(database) = &self.database {
            return database.windows(ranking, limit).await;
        }
        Ok(self.board.view(|view| {
            let mut windows = view.windows(ranking);
            windows.truncate(limit);
            (view.as_of().clone(), windows)
        }))
    }

    async fn history(
        &self,
        ranking: usize,
        key: &[Value],
        limit: usize,
    ) -> Result<(AsOf, Vec<(WindowInfo, Row)>), Problem> {
        if let Some(database) = &self.database {
            return database.history(ranking, key, limit).await;
        }
        Ok(self
            .board
            .view(|view| (view.as_of().clone(), view.history(ranking, key, limit))))
    }
}

/// `GET /api/v1/sales/city`.
#[utoipa::path(
    get,
    path = "/api/v1/sales/city",
    tag = "sales",
    summary = "Top cities of a day",
    description = "The rows of `top_sales_per_city`, of the newest window or of a date.",
    params(openapi::OfDate, openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "Rows of top_sales_per_city", body = Vec<openapi::Row>), openapi::Refusals)
)]
pub(crate) async fn sales_by_city(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    of_date(&shown, "top_sales_per_city", query.as_deref()).await
}

/// `GET /api/v1/salesmen/top`.
#[utoipa::path(
    get,
    path = "/api/v1/salesmen/top",
    tag = "sales",
    summary = "Top salesmen of a day",
    description = "The rows of `top_salesmen`, of the newest window or of a date.",
    params(openapi::OfDate, openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "Rows of top_salesmen", body = Vec<openapi::Row>), openapi::Refusals)
)]
pub(crate) async fn top_salesmen(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    of_date(&shown, "top_salesmen", query.as_deref()).await
}

/// The newest window, or the newest that starts on the date. A date without a window has no rows.
async fn of_date(shown: &Shown, name: &str, query: Option<&str>) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, name)?;
    let params = Params::read(query, &["date", "limit", "at_least", "wait"])?;
    let most = usize::try_from(ranking.limit).unwrap_or(MOST_ROWS);
    let (date, limit) = (params.date()?, params.limit(most, MOST_ROWS)?);
    let mut at_least = AtLeast::of(&params, shown)?;
    loop {
        let (as_of, found) = shown.newest(number, date, limit).await?;
        if at_least.reached(&as_of).await? {
            let body = match found {
                Some((window, rows)) => json::rows(ranking, &window, &rows),
                None => "[]".to_owned(),
            };
            return Ok(answer(&as_of, body));
        }
    }
}

/// `GET /api/v1/rankings`.
#[utoipa::path(
    get,
    path = "/api/v1/rankings",
    tag = "rankings",
    summary = "Every ranking that is loaded",
    description = "Names, keys, fields, windows, limits.",
    responses((status = 200, description = "Every loaded ranking", body = Vec<openapi::RankingShape>), openapi::Refusals)
)]
pub(crate) async fn rankings(
    State(shown): State<Arc<Shown>>,
    RawQuery(query): RawQuery,
    Extension(sight): Extension<Sight>,
) -> Result<Response, Problem> {
    Params::read(query.as_deref(), &[])?;
    let as_of = shown.board.view(|view| view.as_of().clone());
    let rankings = json::rankings(&shown.plan, |name| sight.holds(name));
    Ok(answer(&as_of, rankings))
}

/// `GET /api/v1/rankings/{name}/windows`.
#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/windows",
    tag = "rankings",
    summary = "The windows of a ranking",
    description = "Newest first.",
    params(("name" = String, Path, description = "Ranking"), openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "Its windows, newest first", body = Vec<openapi::Window>), openapi::Refusals)
)]
pub(crate) async fn windows(
    State(shown): State<Arc<Shown>>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, _) = params::ranking(&shown.plan, &name)?;
    let params = Params::read(query.as_deref(), &["limit", "at_least", "wait"])?;
    let limit = params.limit(MOST_ROWS, MOST_ROWS)?;
    let mut at_least = AtLeast::of(&params, &shown)?;
    loop {
        let (as_of, windows) = shown.windows(number, limit).await?;
        if at_least.reached(&as_of).await? {
            return Ok(answer(&as_of, json::windows(&windows)));
        }
    }
}

/// `GET /api/v1/rankings/{name}/windows/{start}`.
#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/windows/{start}",
    tag = "rankings",
    summary = "The rows of a window",
    description = "In their order, now or as they were at a commit; with offset, a page of all keys, whether or not they are within the limit (Standings-Count says how many there are).",
    params(("name" = String, Path, description = "Ranking"), ("start" = String, Path, format = DateTime, description = "The window's start; of windows that share it, {start}/{end}"), ("at" = Option<i64>, Query, minimum = 0, description = "As it was at this commit"), openapi::Paged, openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "Rows of one window", body = Vec<openapi::Row>), (status = 410, description = "That commit is not kept any more", body = openapi::ProblemShape, content_type = "application/problem+json"), openapi::Refusals)
)]
pub(crate) async fn rows(
    State(shown): State<Arc<Shown>>,
    Path(path): Path<WindowPath>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
    Extension(sight): Extension<Sight>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, &path.name)?;
    let params = Params::read(
        query.as_deref(),
        &["limit", "offset", "format", "at", "at_least", "wait"],
    )?;
    let (limit, bounds) = (params.limit(MOST_ROWS, MOST_ROWS)?, path.window(ranking)?);
    let form = Form::of(&params)?;
    if let Some(offset) = params.offset()? {
        if params.get("at").is_some() {
            return Err(Problem::bad(
                "at and offset: pages over all keys are of now; leave one of them out",
            ));
        }
        let of = (number, ranking, bounds);
        return page::page(
            &shown,
            of,
            (offset, limit),
            (&params, &uri, &sight, &headers),
        )
        .await;
    }
    let mut at_least = AtLeast::of(&params, &shown)?;
    let missing = || params::no_window(ranking);
    let at = params.commit("at")?;
    loop {
        if let Some(at) = at {
            let now = shown.board.view(|view| view.as_of().clone());
            if at_least.reached(&now).await? {
                let (as_of, window, rows) = as_it_was(&shown, (number, bounds), at, limit)?;
                return Ok(form.answer(&as_of, ranking, &window, &rows));
            }
            continue;
        }
        let (as_of, found) = shown.window(number, bounds, limit).await?;
        if at_least.reached(&as_of).await? {
            let (window, rows) = found.ok_or_else(missing)?;
            return Ok(form.answer(&as_of, ranking, &window, &rows));
        }
    }
}

fn as_it_was(
    shown: &Shown,
    at: (usize, Bounds),
    commit: u64,
    limit: usize,
) -> Result<(AsOf, WindowInfo, Vec<Row>), Problem> {
    let found = shown
        .board
        .view(|view| view.rows_at(&shown.plan, at, commit, limit));
    match found {
        AsItWas::Rows(as_of, window, rows) => Ok((as_of, window, rows)),
        AsItWas::NoWindow => Err(Problem::not_found(format!(
            "there was no window that starts at this time at commit {commit}"
        ))),
        AsItWas::TooOld(oldest) => Err(Problem::new(
            StatusCode::GONE,
            format!(
                "at={commit}: what was there then is not kept any more; the oldest commit that is known is {oldest}"
            ),
        )),
        AsItWas::NotYet(last) => Err(Problem::not_found(format!(
            "at={commit}: not there yet; the last commit is {last}"
        ))),
    }
}

/// `GET /api/v1/salesmen/{id}/history`.
#[utoipa::path(
    get,
    path = "/api/v1/salesmen/{id}/history",
    tag = "sales",
    summary = "One salesman through the days",
    description = "His rows, newest window first.",
    params(("id" = String, Path, description = "salesman_id", min_length = 1), openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "His rows, newest window first", body = Vec<openapi::Row>), openapi::Refusals)
)]
pub(crate) async fn salesman(
    State(shown): State<Arc<Shown>>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let segments: Vec<&str> = uri.path().split('/').collect();
    // /api/v1/salesmen/{id}/history
    let key = segments.get(4..5).unwrap_or_default();
    of_key(&shown, "top_salesmen", key, query.as_deref()).await
}

/// `GET /api/v1/rankings/{name}/keys/{k1}[/{k2}…]/history`.
#[utoipa::path(
    get,
    path = "/api/v1/rankings/{name}/keys/{key}/history",
    tag = "rankings",
    summary = "One row through the windows",
    description = "A key's rows, newest window first.",
    params(("name" = String, Path, description = "Ranking"), ("key" = String, Path, description = "The group keys, one path segment each, percent-encoded"), openapi::Limited, openapi::Fresh),
    responses((status = 200, description = "A key's rows, newest window first", body = Vec<openapi::Row>), openapi::Refusals)
)]
pub(crate) async fn history(
    State(shown): State<Arc<Shown>>,
    Path((name, _)): Path<(String, String)>,
    OriginalUri(uri): OriginalUri,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let segments: Vec<&str> = uri.path().split('/').collect();
    // /api/v1/rankings/{name}/keys/…/history
    let Some((&"history", keys)) = segments.get(6..).and_then(|s| s.split_last()) else {
        return Err(Problem::not_found("a key's rows are at keys/{key}/history"));
    };
    of_key(&shown, &name, keys, query.as_deref()).await
}

async fn of_key(
    shown: &Shown,
    name: &str,
    segments: &[&str],
    query: Option<&str>,
) -> Result<Response, Problem> {
    shown.has_rows()?;
    let (number, ranking) = params::ranking(&shown.plan, name)?;
    let params = Params::read(query, &["limit", "at_least", "wait"])?;
    let limit = params.limit(HISTORY, MOST_ROWS)?;
    let key = params::keys(ranking, segments)?;
    let mut at_least = AtLeast::of(&params, shown)?;
    loop {
        let (as_of, rows) = shown.history(number, &key, limit).await?;
        if at_least.reached(&as_of).await? {
            return Ok(answer(&as_of, json::history(ranking, &rows)));
        }
    }
}
