//! The API's description of itself: `GET /api/v1/openapi.json`, and a page to try it, `GET /docs/`.
//!
//! Answers are written by hand, field by field; their shapes are said here once more, and the schema tests hold the two
//! together.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{OpenApi as Document, RefOr};
use utoipa::{IntoParams, IntoResponses, OpenApi, ToSchema};
use utoipa_swagger_ui::Config;

use super::api::{changes, process, rows, runs, search, series, watermarks, why};
use super::problem::Problem;
use super::watch::Shown;
use super::{api, events};
use standings_model::plan::Plan;

/// What an answer is an answer of.
#[derive(ToSchema)]
#[schema(as = AsOf)]
#[allow(dead_code)]
pub(super) struct AsOfSchema {
    /// The last commit; 0 before the first.
    commit: u64,
    /// The prefix of the input, `partition:next offset` separated by commas; give it as `at_least`.
    offsets: String,
    /// The global watermark, RFC 3339.
    watermark: Option<String>,
}

/// One row, flat (the bounds are null in a ranking of all time): beside these members, the fields of the ranking's query. Decimals are strings, counts numbers.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Row {
    #[schema(format = DateTime)]
    window_start: Option<String>,
    #[schema(format = DateTime)]
    window_end: Option<String>,
    rank: u64,
    /// Whether the window is closed.
    #[schema(rename = "final")]
    is_final: bool,
    /// The commit that wrote the row last.
    commit: u64,
}

/// One server-sent event.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ServerSentEvent {
    /// snapshot, commit, change or health.
    #[schema(required = false)]
    event: Option<String>,
    /// The commit; give the last as `Last-Event-ID` to go on after it.
    #[schema(required = false)]
    id: Option<String>,
    /// A JSON object.
    data: String,
}

/// A window of a ranking.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Window {
    #[schema(format = DateTime)]
    window_start: Option<String>,
    #[schema(format = DateTime)]
    window_end: Option<String>,
    #[schema(rename = "final")]
    is_final: bool,
    rows: u64,
    commit: u64,
    /// Whether rows were left out to bound memory.
    truncated: bool,
}

/// A field of a ranking's rows.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct FieldShape {
    name: String,
    key: bool,
    label: bool,
    /// text, integer, decimal or time.
    kind: String,
}

/// A ranking.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct RankingShape {
    name: String,
    /// How long its windows are; null of all time.
    window_ms: Option<i64>,
    slide_ms: Option<i64>,
    limit: u64,
    partition: Vec<String>,
    keys: Vec<String>,
    order_by: Option<String>,
    /// What a record is called, in the plural: the table's `noun`.
    #[schema(required = false)]
    noun: Option<String>,
    /// What its amounts are in: the table's `unit`.
    #[schema(required = false)]
    unit: Option<String>,
    fields: Vec<FieldShape>,
}

/// How one row's ordering measure went; 40 values, null before the first and where the window has not been yet.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct OneSeries {
    key: Vec<String>,
    values: Vec<Option<String>>,
}

/// How the best rows came to what they are.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Series {
    as_of: AsOfSchema,
    #[schema(format = DateTime)]
    window_start: Option<String>,
    #[schema(format = DateTime)]
    window_end: Option<String>,
    /// The end of each fortieth of the window.
    points: Vec<String>,
    series: Vec<OneSeries>,
}

/// The row above or below.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Neighbour {
    rank: u64,
    key: BTreeMap<String, serde_json::Value>,
    value: serde_json::Value,
    /// The difference of the ordering measure, exact.
    gap: Option<String>,
}

/// The last change of a row.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct LastChange {
    commit: u64,
    /// Wall clock.
    at: String,
    rank: u64,
    previous_rank: Option<u64>,
    /// By partition: the first offset that the commit took in, and the next after it.
    offsets: BTreeMap<String, Vec<u64>>,
    /// Numbers that changed, with their sign.
    delta: BTreeMap<String, String>,
    /// What the row showed before, beside its keys; null if it was not ranked.
    was: Option<BTreeMap<String, serde_json::Value>>,
    /// Who passed the row, or was passed by it, in that commit; five at most, the best ranked first.
    moved_by: Vec<Mover>,
    /// Whether the window was final already.
    correction: bool,
}

/// A row that moved another one.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Mover {
    key: BTreeMap<String, serde_json::Value>,
    /// Null: it was not ranked.
    previous_rank: Option<u64>,
    /// What it was ordered by.
    previous_value: serde_json::Value,
    /// Null: it is ranked no more.
    rank: Option<u64>,
    value: serde_json::Value,
}

#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Corrections {
    count: u64,
    last_commit: Option<u64>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct LateSale {
    partition: u32,
    offset: u64,
    event_time: String,
    /// late or retired.
    reason: String,
}

#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct LateSales {
    count: u64,
    last: Option<LateSale>,
}

/// Why a row is where it is.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Why {
    as_of: AsOfSchema,
    ranking: String,
    #[schema(format = DateTime)]
    window_start: Option<String>,
    #[schema(format = DateTime)]
    window_end: Option<String>,
    #[schema(rename = "final")]
    is_final: bool,
    key: BTreeMap<String, serde_json::Value>,
    rank: u64,
    row: Row,
    order_by: Option<String>,
    above: Option<Neighbour>,
    below: Option<Neighbour>,
    last_change: Option<LastChange>,
    corrections: Corrections,
    late: LateSales,
}

#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Match {
    key: BTreeMap<String, serde_json::Value>,
    label: Option<String>,
    /// The newest window where it is ranked.
    #[schema(format = DateTime)]
    window_start: Option<String>,
    rank: u64,
}

/// Keys and labels that hold a text.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct Matches {
    as_of: AsOfSchema,
    matches: Vec<Match>,
}

/// What runs here.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct ProcessShape {
    version: String,
    started: String,
    uptime_seconds: u64,
    pid: u32,
    commits_here: bool,
    workers: u64,
    stuck_worker: Option<u64>,
    configuration: BTreeMap<String, serde_json::Value>,
    sinks: Vec<serde_json::Value>,
}

/// One run, as it is recorded.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(super) struct RunShape {
    /// A UUID of version 7.
    id: String,
    #[schema(format = DateTime)]
    started: String,
    /// Null while it runs.
    #[schema(format = DateTime)]
    ended: Option<String>,
    /// When this was written last.
    #[schema(format = DateTime)]
    updated_at: String,
    version: String,
    /// SHA-256 of the configuration, hexadecimal.
    configuration_hash: String,
    /// The configuration, without secrets.
    configuration: BTreeMap<String, serde_json::Value>,
    counts: BTreeMap<String, serde_json::Value>,
    /// running, done or failed.
    outcome: String,
    error: Option<String>,
}

/// RFC 9457.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code)]
pub(super) struct ProblemShape {
    #[schema(rename = "type")]
    kind: String,
    title: String,
    status: u16,
    detail: String,
    instance: String,
    /// The error behind it (`standings explain CODE`), where it is one of the service and not of the request.
    code: Option<String>,
}

/// What any path may answer instead.
#[derive(IntoResponses)]
#[allow(dead_code)]
pub(super) enum Refusals {
    /// A parameter or the path is wrong.
    #[response(status = 400, content_type = "application/problem+json")]
    Bad(ProblemShape),
    /// Say who asks.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(ProblemShape),
    /// The role does not suffice.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemShape),
    /// No such ranking, window or row.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemShape),
    /// The path takes another method.
    #[response(status = 405, content_type = "application/problem+json")]
    Method(ProblemShape),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(ProblemShape),
    /// This process has no rows.
    #[response(status = 421, content_type = "application/problem+json")]
    Misdirected(ProblemShape),
    /// Too many requests a second.
    #[response(status = 429, content_type = "application/problem+json")]
    TooMany(ProblemShape),
    /// Not now: the answer does not reach `at_least` yet, or the database is away.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemShape),
}

/// Read your own writes.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(super) struct Fresh {
    /// Wait until the answer stands for at least these offsets.
    #[param(
        required = false,
        pattern = "^([0-9]{1,4}:[0-9]{1,18})?$",
        example = "0:1234"
    )]
    at_least: Option<String>,
    /// How long to wait, at most 30s.
    #[param(
        required = false,
        pattern = "^([12]?[0-9]{1,4}ms|([12]?[0-9]|30)s)$",
        example = "2s"
    )]
    wait: Option<String>,
}

/// How many.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(super) struct Limited {
    #[param(required = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Which day.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(super) struct OfDate {
    /// The newest window that starts on this day, UTC; without it the newest of all.
    #[param(required = false, format = Date)]
    date: Option<String>,
}

/// Where to go on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(super) struct After {
    /// The last commit that was seen; the header `Last-Event-ID` goes before it.
    #[param(required = false, minimum = 0)]
    after: Option<u64>,
}

#[derive(OpenApi)]
#[openapi(
    info(title = "Standings", description = "Rankings over a stream of sales, always current."),
    paths(
        rows::sales_by_city, rows::top_salesmen, rows::salesman, rows::rankings, rows::windows, rows::rows,
        rows::history, series::series, why::why, search::search, changes::changes, watermarks::watermarks,
        events::events, process::process, runs::runs
    ),
    security(("key" = []), ("token" = []))
)]
struct Described;

/// The document for these rankings.
pub(super) fn document(plan: &Plan) -> Document {
    let mut document = Described::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    document.info.license = None;
    let names: Vec<&str> = plan.rankings.iter().map(|r| r.name.as_str()).collect();
    let text = || ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    for item in document.paths.paths.values_mut() {
        let Some(get) = &mut item.get else {
            continue;
        };
        for parameter in get.parameters.iter_mut().flatten() {
            if let RefOr::T(parameter) = parameter {
                name_rankings(parameter, &names);
            }
        }
        for (status, response) in &mut get.responses.responses {
            let RefOr::T(response) = response else {
                continue;
            };
            if status == "200" {
                for name in [api::COMMIT, api::OFFSETS, api::WATERMARK] {
                    let header = HeaderBuilder::new().schema(Some(text()));
                    response
                        .headers
                        .insert(name.to_string(), RefOr::T(header.build()));
                }
            }
        }
    }
    let components = document.components.get_or_insert_default();
    let token = Http::new(HttpAuthScheme::Bearer);
    components.add_security_scheme("token", SecurityScheme::Http(token));
    let key = ApiKey::Header(ApiKeyValue::new("X-API-Key"));
    components.add_security_scheme("key", SecurityScheme::ApiKey(key));
    document
}

/// A path's `{name}` is one of the rankings that are loaded.
fn name_rankings(parameter: &mut Parameter, names: &[&str]) {
    if parameter.name == "name"
        && let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema
    {
        schema.enum_values = Some(names.iter().map(|n| serde_json::Value::from(*n)).collect());
    }
}

/// What of Swagger's page may run and load.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The routes of the description.
pub(super) fn routes(shown: &Shown) -> Router<Arc<Shown>> {
    let text = document(&shown.plan).to_json().unwrap_or_default();
    let text: Arc<str> = text.into();
    let config = Arc::new(Config::from("/api/v1/openapi.json"));
    let index = Arc::clone(&config);
    Router::new()
        .route(
            "/api/v1/openapi.json",
            get(move || async move {
                (
                    [(header::CONTENT_TYPE, "application/json")],
                    text.to_string(),
                )
            }),
        )
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route(
            "/docs/",
            get(move || async move { file("index.html", index) }),
        )
        .route(
            "/docs/{*path}",
            get(move |Path(path): Path<String>| async move { file(&path, config) }),
        )
}

fn file(path: &str, config: Arc<Config<'static>>) -> Response {
    match utoipa_swagger_ui::serve(path, config) {
        Ok(Some(file)) => {
            let headers = [
                (header::CONTENT_TYPE, file.content_type),
                (header::CONTENT_SECURITY_POLICY, POLICY.to_owned()),
                (header::CACHE_CONTROL, "no-cache".to_owned()),
            ];
            (headers, file.bytes.into_owned()).into_response()
        }
        _ => Problem::not_found("nothing is at this path").into_response(),
    }
}
