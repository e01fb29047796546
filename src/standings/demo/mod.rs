//! `standings demo`: everything in one process, nothing to install.
//!
//! ```text
//! shop (generated sales) ─────┬──► Kafka (librdkafka's in-process cluster) ──► engine, two workers ──► topic of changes
//! inbox, till (as by `ingest`) ┘                                                    └──► live page, API, metrics
//! ```
//!
//! Time runs faster in the demo: a day of sales passes in `--day`, so that days open, close and become final while
//! one watches. Record timestamps run with it.

mod broker;
mod error;
mod feeds;
mod shop;
mod summary;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{HumanCount, ProgressBar, ProgressStyle};

use self::broker::{Broker, Producer};
pub use self::error::DemoError;
use self::feeds::Feeds;
use self::shop::Shop;
use crate::config;
use crate::run::check;
use crate::run::engine::{Cluster, Engine};
use crate::run::limits::Limits;
use standings_commit::committer::{Observer, Outputs};
use standings_commit::sink::Nowhere;
use standings_commit::window_watch::WindowWatch;
use standings_edge::sink::{self, SinkOptions};
use standings_edge::source::SourceOptions;
use standings_engine::driver::Settings;
use standings_engine::event_time::partition::Policy;
use standings_engine::fold;
use standings_engine::rank::emit::Emit;
use standings_http::security::HttpArgs;
use standings_http::server;
use standings_http::watch::{About, Shown, Sources, Watch};
use standings_model::clock::Clock;
use standings_model::duration::parse_duration;
use standings_model::plan::Plan;
use standings_observe::live::Live;
use standings_observe::metrics::Metrics;
use standings_observe::objectives::ObjectiveArgs;
use standings_process::exit::{self, Failure};

/// `standings demo`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings demo                       until Ctrl-C; open the printed address
  standings demo --for 20s             ends by itself with a summary
  standings demo --rate 50000 --day 5m more sales, slower days

Ends with 0 if every sale that was made is accounted for in the end, with 1 if not.")]
pub struct DemoArgs {
    /// End after this long, with a summary; without it the demo runs until Ctrl-C.
    #[arg(long = "for", env = "STANDINGS_FOR", value_name = "D", value_parser = parse_duration)]
    pub duration: Option<Duration>,
    /// Sales a second, on average over a day.
    #[arg(long, env = "STANDINGS_RATE", value_name = "N", default_value_t = 5_000,
          value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub rate: u64,
    /// How long a day of sales takes.
    #[arg(long, env = "STANDINGS_DAY", value_name = "D", default_value = "1m", value_parser = parse_duration)]
    pub day: Duration,
    /// Worker threads.
    #[arg(
        short = 'w',
        long,
        env = "STANDINGS_WORKERS",
        value_name = "N",
        default_value_t = 2
    )]
    pub workers: usize,
    /// Other rankings than the shipped ones: a folder of .sql files.
    #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
    pub queries: Option<std::path::PathBuf>,
    /// Sales are drawn from this seed.
    #[arg(long, env = "STANDINGS_SEED", value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// What is served over HTTP; the address is 127.0.0.1:8080 if none is given, or a free port if that one is taken.
    #[command(flatten)]
    pub http: HttpArgs,
}

/// Where the page is served when no address is given and this one is free.
const USUAL: &str = "127.0.0.1:8080";
const SALES: &str = "sales";
const CHANGES: &str = "rank-changes";

/// Runs the demo; `asked_to_stop` is set by Ctrl-C.
pub fn run(
    args: &DemoArgs,
    shown: config::Settings,
    asked_to_stop: Arc<AtomicBool>,
) -> Result<(), Failure> {
    if args.day < Duration::from_secs(1) {
        return Err(DemoError::Day.into());
    }
    let plan = Arc::new(plan_of(args)?);
    if args.workers == 0 {
        return Err(DemoError::Workers.into());
    }
    let cluster = Cluster::single(args.workers);
    let listening = match &args.http.http {
        Some(address) => server::listen(address, 0, &args.http, &plan.rankings)?,
        None => server::listen(USUAL, 0, &args.http, &plan.rankings)
            .or_else(|_| server::listen("127.0.0.1:0", 0, &args.http, &plan.rankings))?,
    };
    let scheme = listening.scheme();
    let address = listening.address()?;
    let broker = Broker::start(&[&[(SALES, 3), (CHANGES, 1)], &feeds::TOPICS[..]].concat())?;
    let feeds = Feeds::start(&broker)?;

    let live = Arc::new(Live::new(args.workers));
    let metrics = Arc::new(Metrics::new(Arc::clone(&live), ObjectiveArgs::default()));
    let about = About {
        policy: Some(policy()),
        idle_timeout: Some(IDLE_TIMEOUT),
        commits_here: true,
        workers: args.workers,
        rows: args.http.http_rows,
        positions_bytes: args.http.http_positions_bytes,
        configuration: shown.into(),
        sources: match &args.http.http_sources {
            Some(at) => Some(at.clone()).into(),
            None => Sources::Here(feeds.board()),
        },
    };
    let shown = Shown::new(Arc::clone(&plan), Arc::clone(&metrics), about);
    listening.serve(Arc::clone(&shown))?;
    greet(args, &format!("{scheme}://{address}"), &broker, &feeds);

    let engine_stop = Arc::new(AtomicBool::new(false));
    let outputs = outputs(&plan, shown, &broker, &live, &engine_stop)?;
    let source = SourceOptions {
        tables: Arc::new(plan.tables.clone()),
        live: Arc::clone(&live),
        ..SourceOptions::new(vec![broker.url(SALES).parse().map_err(defect)?])
    };
    let engine = Engine {
        cluster,
        settings: settings(&plan, &engine_stop, live),
        limits: Limits::default(),
        emit: Emit::Rows,
        commit_interval: Duration::from_millis(10),
        source,
        outputs,
    };

    let mut producer = broker.producer(SALES)?;
    let seller = {
        let (args, metrics) = (args.clone(), Arc::clone(&metrics));
        std::thread::Builder::new()
            .name("shop".to_owned())
            .spawn(move || {
                let made = sell(&args, &mut producer, &metrics, &asked_to_stop, feeds);
                // The engine still commits what it has read.
                engine_stop.store(true, Ordering::Relaxed);
                made
            })
            .map_err(DemoError::Shop)?
    };
    engine.run()?;
    let made = seller.join().map_err(|_| DemoError::Panicked)??;
    summary::print(made, &metrics)
}

/// What the demo itself has made is not taken.
fn defect(error: impl std::fmt::Display) -> DemoError {
    DemoError::Own(error.to_string())
}

/// How long a partition may be silent before it holds nothing back.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

fn plan_of(args: &DemoArgs) -> Result<Plan, Failure> {
    let Some(dir) = &args.queries else {
        return Ok(standings_query::load_shipped().map_err(DemoError::Shipped)?);
    };
    let mut plan = check::load(dir, None)?;
    // The shop would go on selling to nobody.
    plan.checks.iter_mut().for_each(|c| c.fail_on = None);
    Ok(plan)
}

/// Says where everything is.
fn greet(args: &DemoArgs, at: &str, broker: &Broker, feeds: &Feeds) {
    exit::say(&format!(
        "Live page:  {at}/\nAs JSON:    {at}/api/v1/sales/city?limit=3\n\
         Metrics:    {at}/metrics\nKafka:      {} (topics `{SALES}` and `{CHANGES}`, in memory: nothing is left when the demo ends)\n{}{}",
        broker.address(),
        feeds.words(),
        match args.duration {
            Some(_) => "",
            None => "Ctrl-C ends it with a summary.\n",
        }
    ));
}

/// The change log in its Kafka, and the page.
fn outputs(
    plan: &Plan,
    shown: Arc<Shown>,
    broker: &Broker,
    live: &Arc<Live>,
    stop: &Arc<AtomicBool>,
) -> Result<Outputs, Failure> {
    let options = SinkOptions {
        live: Arc::clone(live),
        ..SinkOptions::default()
    };
    let changes = broker.url(CHANGES);
    let wishes = Some(shown.wishes());
    let mut observers: Vec<Box<dyn Observer>> = vec![Box::new(Watch::start(shown)?)];
    if let Some(watch) = WindowWatch::new(plan, live, stop) {
        observers.push(Box::new(watch));
    }
    Ok(Outputs {
        sinks: vec![sink::connect(&changes.parse().map_err(defect)?, &options)?],
        observers,
        // The page counts them; one line per second of demo would say no more.
        late: Some(Box::new(Nowhere)),
        dead: Some(Box::new(Nowhere)),
        live: Arc::clone(live),
        wishes,
        ..Outputs::default()
    })
}

fn policy() -> Policy {
    Policy {
        out_of_orderness: 60_000,
        allowed_lateness: 3_600_000,
        // Its days run ahead of this machine's clock, by which a record's time is judged: within two of them nothing would be left.
        max_ahead: i64::MAX,
        retain: 7 * 86_400_000,
    }
}

fn settings(plan: &Arc<Plan>, stop: &Arc<AtomicBool>, live: Arc<Live>) -> Settings {
    Settings {
        fold: fold::Settings {
            plan: Arc::clone(plan),
            policies: vec![policy(); plan.tables.len()],
            summary_window: Some(86_400_000),
            max_record_bytes: 1 << 20,
        },
        idle_timeout: IDLE_TIMEOUT,
        until_end: false,
        ends_are_final: false,
        in_flight_bytes: 64 << 20,
        epoch_bytes: (128 << 10, 16 << 20),
        stop: Arc::clone(stop),
        snapshots: None,
        live,
        clock: Clock::default(),
    }
}

/// Sales that may be in Kafka and not yet committed: its in-process stand-in keeps only the last few megabytes, and looks
/// through all of what is there for every fetch.
const AHEAD: u64 = 15_000;
/// How long the end may take.
const DRAIN: Duration = Duration::from_secs(20);

/// Makes sales until it is time to end, waits until they are committed, and says how many there were, with those of the feeds.
fn sell(
    args: &DemoArgs,
    producer: &mut Producer,
    metrics: &Metrics,
    stop: &AtomicBool,
    feeds: Feeds,
) -> Result<u64, Failure> {
    let mut shop = Shop::new(args.seed, args.day);
    let mut example = feeds.example();
    example.write(shop.now()).map_err(DemoError::Feeds)?;
    let bar = progress(args);
    let started = Instant::now();
    let (mut made, mut owed, mut last, mut shown) = (0u64, 0.0, started, started);
    let mut line = Vec::new();
    while !stop.load(Ordering::Relaxed) && args.duration.is_none_or(|d| started.elapsed() < d) {
        let now = Instant::now();
        // After a stall the shop does not make up for more than a tenth of a second.
        let step = now.duration_since(last).min(Duration::from_millis(100));
        last = now;
        shop.pass(step);
        owed += step.as_secs_f64() * args.rate as f64 * shop.rhythm();
        let most = metrics.totals().read + AHEAD;
        while owed >= 1.0 && made < most {
            owed -= 1.0;
            line.clear();
            shop.sell(&mut line);
            producer.send(&line, shop.now())?;
            made += 1;
            if made.is_multiple_of(256) {
                break;
            }
        }
        owed = owed.min(args.rate as f64);
        producer.poll();
        if shown.elapsed() > Duration::from_millis(500) {
            shown = now;
            bar.set_message(status(metrics));
            bar.set_position(started.elapsed().as_millis() as u64);
            example.write(shop.now()).map_err(DemoError::Feeds)?;
        }
        if owed < 1.0 || made >= most {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    producer.flush()?;
    made += feeds.end();
    let ended = Instant::now();
    while metrics.totals().read < made && ended.elapsed() < DRAIN {
        std::thread::sleep(Duration::from_millis(5));
    }
    bar.finish_and_clear();
    Ok(made)
}

fn status(metrics: &Metrics) -> String {
    let health = metrics.health();
    let latency = |ms: Option<f64>| ms.map_or("–".to_owned(), |ms| format!("{ms:.1} ms"));
    format!(
        "{} sales, {}/s · {} changes · latency p50 {} p99 {}",
        HumanCount(health.read),
        HumanCount(health.sales_per_second as u64),
        HumanCount(health.changes),
        latency(health.latency_p50_ms),
        latency(health.latency_p99_ms)
    )
}

/// A line that is kept up to date on a terminal, and nothing elsewhere.
fn progress(args: &DemoArgs) -> ProgressBar {
    let (bar, template) = match args.duration {
        Some(d) => (
            ProgressBar::new(d.as_millis() as u64),
            "{elapsed:>4} {bar:20} {msg}",
        ),
        None => (ProgressBar::new_spinner(), "{elapsed:>4} {msg}"),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
