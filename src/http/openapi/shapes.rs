//! The shapes of answers and parameters, as the description tells them.

use std::collections::BTreeMap;

use utoipa::{IntoParams, IntoResponses, ToSchema};

/// What an answer is an answer of.
#[derive(ToSchema)]
#[schema(as = AsOf)]
#[allow(dead_code)]
pub(crate) struct AsOfSchema {
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
pub(crate) struct Row {
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
pub(crate) struct ServerSentEvent {
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
pub(crate) struct Window {
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
pub(crate) struct FieldShape {
    name: String,
    key: bool,
    label: bool,
    /// text, integer, decimal or time.
    kind: String,
}

/// A ranking.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct RankingShape {
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
pub(crate) struct OneSeries {
    key: Vec<String>,
    values: Vec<Option<String>>,
}

/// How the best rows came to what they are.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct Series {
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
pub(crate) struct Neighbour {
    rank: u64,
    key: BTreeMap<String, serde_json::Value>,
    value: serde_json::Value,
    /// The difference of the ordering measure, exact.
    gap: Option<String>,
}

/// The last change of a row.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct LastChange {
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
pub(crate) struct Mover {
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
pub(crate) struct Corrections {
    count: u64,
    last_commit: Option<u64>,
}

#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct LateSale {
    partition: u32,
    offset: u64,
    event_time: String,
    /// late or retired.
    reason: String,
}

#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct LateSales {
    count: u64,
    last: Option<LateSale>,
}

/// Why a row is where it is.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct Why {
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
pub(crate) struct Match {
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
pub(crate) struct Matches {
    as_of: AsOfSchema,
    matches: Vec<Match>,
}

/// What runs here.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct ProcessShape {
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
pub(crate) struct RunShape {
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
pub(crate) struct ProblemShape {
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
pub(crate) enum Refusals {
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
pub(crate) struct Fresh {
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
pub(crate) struct Limited {
    #[param(required = false, minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Which rows of all.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(crate) struct Paged {
    /// A page of all keys, behind so many; not with `at`.
    #[param(required = false, minimum = 0)]
    offset: Option<u64>,
    /// json, or csv.
    #[param(required = false)]
    format: Option<String>,
}

/// How many neighbours.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(crate) struct AroundIt {
    /// Neighbours on each side.
    #[param(required = false, minimum = 0, maximum = 100)]
    around: Option<u32>,
}

/// Which keys.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(crate) struct SomeKeys {
    /// Keys, separated by commas; the columns of one by /; each percent-encoded by itself. NULL is ~, an empty text ~e.
    #[param(pattern = "^[A-Za-z0-9]+([,/][A-Za-z0-9]+)*$")]
    keys: String,
}

/// Where a key stands.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct Position {
    ranking: String,
    #[schema(format = DateTime)]
    window_start: Option<String>,
    #[schema(format = DateTime)]
    window_end: Option<String>,
    keys: BTreeMap<String, serde_json::Value>,
    /// By the ranking's own function.
    rank: u64,
    /// Keys that it is ranked among: of the window, or of its partition.
    count: u64,
    /// How many of the others, in percent, are not before it.
    percentile: f64,
    measures: BTreeMap<String, serde_json::Value>,
    /// Who is before it, the nearest first.
    above: Vec<Beside>,
    /// Who is behind it, the nearest first.
    below: Vec<Beside>,
    /// What it lacks to be level with the first, in what is ordered by.
    distance_to_leader: Option<serde_json::Value>,
    /// Null where there is none.
    limit: Option<u64>,
    /// What it lacks to be level with the last within the limit; below zero where it has more. Null where all keys are within it.
    distance_to_limit: Option<serde_json::Value>,
    #[schema(rename = "final")]
    is_final: bool,
    commit: u64,
    offsets: String,
}

/// A neighbour.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct Beside {
    rank: u64,
    keys: BTreeMap<String, serde_json::Value>,
    measures: BTreeMap<String, serde_json::Value>,
    /// How far it is, in what is ordered by; null where that is no number.
    distance: Option<serde_json::Value>,
}

/// One of several keys.
#[derive(ToSchema)]
#[allow(dead_code)]
pub(crate) struct Standing {
    keys: BTreeMap<String, serde_json::Value>,
    /// Null: it is not ranked in this window.
    rank: Option<u64>,
    count: Option<u64>,
    measures: Option<BTreeMap<String, serde_json::Value>>,
}

/// Which day.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(crate) struct OfDate {
    /// The newest window that starts on this day, UTC; without it the newest of all.
    #[param(required = false, format = Date)]
    date: Option<String>,
}

/// How a public ranking looks.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(crate) struct Looks {
    /// Rows.
    #[param(required = false, minimum = 1, maximum = 25)]
    limit: Option<u32>,
    /// light or dark; the page takes the system's choice without it.
    #[param(required = false, pattern = "^(light|dark)?$")]
    theme: Option<String>,
}

/// Where to go on.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code)]
pub(crate) struct After {
    /// The last commit that was seen; the header `Last-Event-ID` goes before it.
    #[param(required = false, minimum = 0)]
    after: Option<u64>,
}
