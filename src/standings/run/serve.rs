//! `standings serve`: the page and the API from a database that a cluster writes, without a cluster here. Any number of
//! them may run behind a balancer.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Args;

use crate::config::Settings;
use crate::run::check;
use standings_edge::sink::url::redact;
use standings_http::database::{self, Database};
use standings_http::security::HttpArgs;
use standings_http::server;
use standings_http::watch::{About, Shown};
use standings_model::duration::parse_some_duration;
use standings_model::error::codes;
use standings_observe::live::Live;
use standings_observe::metrics::Metrics;
use standings_observe::objectives::ObjectiveArgs;
use standings_process::exit::Failure;

/// `standings serve`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings serve --from postgres://reader@db/standings --queries queries
  standings serve --from postgres://reader@db/standings --replica postgres://reader@replica/standings \\
    --queries queries --http 0.0.0.0:8080 --http-keys keys

The user needs SELECT on the rankings' tables and on standings_commit, and nothing else.")]
pub struct ServeArgs {
    /// The database that a cluster writes: postgres://…
    #[arg(
        long,
        env = "STANDINGS_FROM",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub from: String,
    /// Read rows from this copy of it rather; repeat for several. The database itself is asked when none answers.
    #[arg(
        long,
        env = "STANDINGS_REPLICA",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub replica: Vec<String>,
    /// Ask this engine for positions, and for pages of all keys, which no database has: the address of `run --http`, such as
    /// http://127.0.0.1:8081; https beyond this machine. The caller's own key or token is passed on.
    #[arg(long, env = "STANDINGS_ENGINE", value_name = "URL")]
    pub engine: Option<String>,
    /// Folder with the cluster's SQL files.
    #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
    pub queries: PathBuf,
    /// As in `run`.
    #[arg(long, env = "STANDINGS_TIME_ZONE", value_name = "ZONE", value_parser = standings_query::zone)]
    pub time_zone: Option<String>,
    /// Connections to each server.
    #[arg(long, env = "STANDINGS_POOL", value_name = "N", default_value_t = 8,
          value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub pool: u16,
    /// What takes longer in the database is given up.
    #[arg(long, env = "STANDINGS_STATEMENT_TIMEOUT", value_name = "D", default_value = "2s", value_parser = parse_some_duration)]
    pub statement_timeout: Duration,
    /// How often to look for a new commit, for those who follow.
    #[arg(long, env = "STANDINGS_FOLLOW_INTERVAL", value_name = "D", default_value = "100ms", value_parser = parse_some_duration)]
    pub follow_interval: Duration,
    /// What is served over HTTP; the address is 127.0.0.1:8080 if none is given.
    #[command(flatten)]
    pub http: HttpArgs,
}

/// Serves until asked to stop.
pub fn run(args: &ServeArgs, settings: Settings, stop: &AtomicBool) -> Result<(), Failure> {
    let plan = Arc::new(check::load(&args.queries, args.time_zone.as_deref())?);
    let address = args.http.http.as_deref().unwrap_or("127.0.0.1:8080");
    let listening = server::listen(address, 0, &args.http, &plan.rankings)?;
    let places = usize::from(args.pool);
    let database = Database::new(
        Arc::clone(&plan),
        &args.from,
        &args.replica,
        places,
        args.statement_timeout,
    )
    .map_err(|e| {
        let failure = Failure::from(e);
        failure.told(failure.to_string().replacen("--sink", "--from", 1))
    })?;
    let database = Arc::new(database);
    let live = Live::new(1);
    // No worker runs here, so none can be stuck.
    live.ended(0);
    let metrics = Arc::new(Metrics::new(Arc::new(live), ObjectiveArgs::default()));
    let about = About {
        policy: None,
        idle_timeout: None,
        commits_here: true,
        workers: 0,
        rows: args.http.http_rows,
        positions_bytes: 0,
        configuration: settings.into(),
        sources: args.http.http_sources.clone().into(),
    };
    let (rows, engine) = (Arc::clone(&database), args.engine.as_deref());
    let shown = Shown::beside(plan, Arc::clone(&metrics), about, rows, engine)?;
    let failed =
        |e: std::io::Error| Failure::of(&codes::process::SYSTEM, format!("cannot serve HTTP: {e}"));
    tracing::info!(event = "http", address = %listening.address()?, from = redact(&args.from), "the page, the API and the metrics are served");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("http")
        .build()
        .map_err(failed)?;
    runtime.spawn(database::watch(Arc::clone(&database), metrics));
    runtime.spawn(database::follow(
        database,
        Arc::clone(&shown),
        args.follow_interval,
    ));
    runtime.spawn(async move {
        if let Err(e) = listening.accept(shown).await {
            standings_process::exit::now(&Failure::of(
                &codes::http::SERVING,
                format!("cannot serve HTTP: {e}"),
            ));
        }
    });
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(50));
    }
    runtime.shutdown_timeout(Duration::from_millis(500));
    Ok(())
}
