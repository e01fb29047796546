//! `bench/api`: reads a second of the API.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use clap::Args;
use standings_load::Shape;

use crate::clients::reads::Reads;
use crate::harness::measure::{Invocation, said};
use crate::harness::metrics::{self, Metrics};
use crate::harness::report::Report;
use crate::harness::server::{Server, free_address};
use crate::harness::services::{Services, execute};
use crate::harness::stats::grouped;
use crate::harness::table::Table;
use crate::harness::{build, machine, place, sales};
use crate::problem::Problem;

/// Reads a second of the API: an engine, `standings serve`, and plain SQL for the same rows as the floor.
///
/// One ranking's ten best rows, again and again, on connections that stay open, one request at a time on each (closed loop).
/// The client runs on the same machine. Plain SQL is what a thin layer over a pool, such as PostgREST, cannot be faster than.
#[derive(Args)]
#[command(after_help = "\
Examples:
  deploy/services up && eval \"$(deploy/services env)\" && bench/api
  bench/api --profile ci --seconds 5 --connections 8")]
pub struct ApiArgs {
    /// Cargo's profile of the binary that is measured; STANDINGS_BENCH_PROFILE, or release, unless told otherwise.
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Seconds of each side.
    #[arg(long, value_name = "N", default_value_t = 10)]
    seconds: u64,
    /// Connections that stay open.
    #[arg(long, value_name = "N", default_value_t = 8)]
    connections: usize,
    /// Sales that are ranked.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    sales: u64,
    /// The binary is there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl ApiArgs {
    fn profile(&self) -> String {
        self.profile.clone().unwrap_or_else(place::profile)
    }

    /// The binary that is measured.
    fn standings(&self) -> PathBuf {
        place::given().unwrap_or_else(|| place::built_in(&self.profile(), "standings"))
    }
}

const PATH: &str = "/api/v1/salesmen/top?limit=10";
const ROWS: &str = "SELECT window_start, window_end, rank, salesman_id, salesman_name, total_sales::text, deals_closed, \
  avg_deal_size::text, cities_covered, final, commit FROM top_salesmen \
  WHERE window_start = (SELECT max(window_start) FROM top_salesmen) ORDER BY rank, salesman_id LIMIT 10";

/// Runs `bench/api`.
pub fn run(args: &ApiArgs) -> Result<(), Problem> {
    let services = Services::needed()?;
    if !args.no_build && place::given().is_none() {
        build::cargo(&args.profile(), &["standings"])?;
    }
    let mut report = Report::begin();
    let name = format!("bench_api_{}", std::process::id());
    let (server, _) = services
        .postgres
        .rsplit_once('/')
        .unwrap_or((&services.postgres, ""));
    let database = format!("{server}/{name}");
    execute(&services.postgres, &format!("CREATE DATABASE {name}"))?;
    let table = measured(args, &database, &mut report);
    execute(
        &services.postgres,
        &format!("DROP DATABASE {name} WITH (FORCE)"),
    )?;
    let text = format!(
        "{} cores, {} connections, {} s each, profile {}\n\n{}",
        machine::cores(),
        args.connections,
        args.seconds,
        args.profile(),
        table?
    );
    report.end(&text, args.out.as_deref())
}

fn measured(args: &ApiArgs, database: &str, report: &mut Report) -> Result<Table, Problem> {
    let shape = Shape {
        sales: args.sales,
        ..Shape::default()
    };
    let source = sales::source(&sales::file("", &shape)?);
    let (queries, engine_at, serve_at) =
        (place::in_root("queries"), free_address()?, free_address()?);
    let common = ["--queries", queries.as_str(), "--http-rate", "0", "--http"];
    let run = ["run", "--source", &source, "--sink", database];
    let engine = Invocation::new(args.standings())
        .args(run)
        .args(common)
        .args([&engine_at]);
    let mut engine = Server::start("the engine", &engine, Stdio::null())?;
    let ranked = || {
        Metrics::ask(&engine_at)
            .is_ok_and(|m| m.sum("standings_records_read_total") >= args.sales as f64)
    };
    engine.until("all sales are ranked", Duration::from_secs(120), ranked)?;
    let serve = Invocation::new(args.standings())
        .args(["serve", "--from", database])
        .args(common)
        .args([&serve_at]);
    let mut serve = Server::start("serve", &serve, Stdio::null())?;
    serve.ready(&serve_at)?;
    // The last of them are on their way to the database.
    let alike = || match (rows(&engine_at), rows(&serve_at)) {
        (Some(engine), Some(serve)) => engine == serve,
        _ => false,
    };
    serve.until("both answer alike", Duration::from_secs(20), alike)?;
    // The same rows as one JSON text, made by the database: PostgREST's way.
    let json = format!("SELECT coalesce(json_agg(r), '[]')::text FROM ({ROWS}) AS r");
    let sides: [(&str, [&str; 3]); 4] = [
        ("engine", ["http", &engine_at, PATH]),
        ("serve", ["http", &serve_at, PATH]),
        ("plain SQL, rows", ["sql", database, ROWS]),
        ("plain SQL, JSON by the database", ["sql", database, &json]),
    ];
    let mut table = Table::new(1, &["side", "reads/s", "p50 ms", "p99 ms"]);
    let numbers = [args.connections.to_string(), args.seconds.to_string()];
    for (side, what) in sides {
        let client = Invocation::own(&["side", "reads"]).args(what);
        let client = client.args(["--connections", &numbers[0], "--seconds", &numbers[1]]);
        let text = said(&client)?;
        let reads: Reads = serde_json::from_str(&text)
            .map_err(|e| Problem::said("the client", format!("{text:?}: {e}")))?;
        report.keep(side, "reads a second", reads.reads_per_second);
        report.keep(side, "p50 ms", reads.p50_ms);
        report.keep(side, "p99 ms", reads.p99_ms);
        table.push([
            side.to_owned(),
            grouped(reads.reads_per_second, 0),
            format!("{:.2}", reads.p50_ms),
            format!("{:.2}", reads.p99_ms),
        ]);
    }
    Ok(table)
}

/// What is answered, as JSON.
fn rows(address: &str) -> Option<serde_json::Value> {
    let (status, body) = metrics::get(address, PATH).ok()?;
    serde_json::from_str(&body).ok().filter(|_| status == 200)
}
