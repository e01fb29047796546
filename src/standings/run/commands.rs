//! `standings run`: from flags to a running engine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::args::RunArgs;
use super::engine::Engine;
use super::finished::{Finished, Places, Summing, Telling};
use super::prepared::{Prepared, one_topic_once};
use super::record::{Facts, Record};
use super::settings::driver_settings;
use super::signals;
use crate::config::Settings;
use crate::lineage::{Dataset, Description, Lineage, OfRun, Query, Transport, TransportError};
use standings_commit::committer::{Keeping, Observer, Outputs};
use standings_commit::tally::{Counting, Tally};
use standings_commit::window_watch::WindowWatch;
use standings_edge::post::{Endpoint, EndpointError};
use standings_edge::sink::url::SinkUrl;
use standings_edge::source::SourceOptions;
use standings_edge::store;
use standings_edge::trace_export::Resource;
use standings_edge::trace_export::{self, Flushed};
use standings_engine::driver::{self, Snapshots};
use standings_engine::event_time::partition::{Policy, STANDS_STILL};
use standings_engine::snapshot::{self, Writer};
use standings_http::database::Database;
use standings_http::server;
use standings_http::watch::{About, Shown, Watch};
use standings_model::change::Commit;
use standings_model::error::codes;
use standings_model::plan::{Plan, Ranking};
use standings_observe::live::Live;
use standings_observe::metrics::Metrics;
use standings_process::exit::{Failure, NoThread};
use standings_process::run_id::RunId;
use standings_process::witness::Witness;

/// Runs `standings run` until the input's end or a signal.
/// `shown` is what may be told of the settings.
pub fn run(args: RunArgs, shown: Settings, stop: Arc<AtomicBool>) -> Result<(), Failure> {
    let Prepared {
        plan,
        cluster,
        source,
        policies,
        mut outputs,
        live,
        kafka_properties,
    } = Prepared::new(&args)?;
    if cluster.process == 0 {
        one_topic_once(&args, &source.urls, &kafka_properties)?;
    }
    let told = Arc::clone(&live);
    signals::end_within(args.stop_timeout, &live);
    // Who commits knows when it has begun; the others end with it.
    if let (Some(limit), 0) = (args.connect_timeout, cluster.process) {
        signals::end_unreached(limit, &live, &stop)?;
    }
    let snapshots = match keep_state(&args, &plan, &live, &stop)? {
        Kept::Nothing => None,
        // Nothing was read.
        Kept::Stopped => return Ok(()),
        Kept::There(keeping, snapshots) => {
            outputs.state = Some(keeping);
            Some(snapshots)
        }
    };
    let facts = Facts::new(describe(shown, &plan));
    let witnesses = match cluster.process {
        0 => witnesses(&args, (&plan, &source), &facts, &mut outputs)?,
        _ => Vec::new(),
    };
    let flushed = match cluster.process {
        0 => trace(&args, &facts, &mut outputs)?,
        _ => None,
    };
    let limits = args.limits.in_force();
    limits.tell(&live);
    limits.watch_memory()?;
    let settings = driver_settings(&args, &plan, (&source, &policies), stop, snapshots);
    let telling = Telling {
        shares: args.shares(),
        until_end: source.until_end,
        out_of_orderness: bound_of(&policies),
        places: Places::of(&source),
        report: args.report.clone(),
    };
    let finished = Finished::new(telling, &plan, &settings.stop, &told);
    let is_first = cluster.process == 0;
    let stop = Arc::clone(&settings.stop);
    if is_first {
        watch(&args, &plan, &live, &finished, &stop, &mut outputs);
    }
    if let Some(address) = args.http.http.as_deref() {
        serve(&args, address, &plan, &settings, &facts, live, &mut outputs)?;
    }
    for url in &source.urls {
        tracing::info!(event = "starting", source = %url, workers = args.workers, process = args.process, "the run begins");
    }
    Engine {
        cluster,
        settings,
        limits,
        emit: args.emit.into(),
        commit_interval: args.commit_interval,
        source,
        outputs,
    }
    .run()?;
    if let Some(flushed) = flushed {
        flushed.wait(TRACES_WAIT);
    }
    // Everything that was read is committed now.
    if let Some(message) = told.broken_check() {
        return Err(Failure::of(&codes::checks::FAILED_CHECK, message));
    }
    if is_first {
        finished.tell(stop.load(Ordering::Relaxed))?;
    }
    witnesses.into_iter().for_each(Witness::done);
    Ok(())
}

/// What looks at each commit beside those who show it.
fn watch(
    args: &RunArgs,
    plan: &Plan,
    live: &Arc<Live>,
    finished: &Arc<Finished>,
    stop: &Arc<AtomicBool>,
    outputs: &mut Outputs,
) {
    let summing = Summing(Arc::clone(finished));
    outputs.observers.push(Box::new(summing));
    if let Some(watch) = WindowWatch::new(plan, live, stop) {
        outputs.observers.push(Box::new(watch));
    }
    if let Some(path) = args.caught_up_file.clone() {
        outputs.observers.push(Box::new(CaughtUp(path)));
    }
}

/// What there is of `--state`.
enum Kept {
    /// It is not asked for.
    Nothing,
    /// It was waited for until the run was asked to stop.
    Stopped,
    There(Keeping, Snapshots),
}

/// Opens `--state`, waiting while it does not answer.
fn keep_state(
    args: &RunArgs,
    plan: &Arc<Plan>,
    live: &Arc<Live>,
    stop: &AtomicBool,
) -> Result<Kept, Failure> {
    let Some(url) = &args.state else {
        return Ok(Kept::Nothing);
    };
    if !store::wait_for(url, live, stop)? {
        return Ok(Kept::Stopped);
    }
    let store = store::open(url)?;
    let run = format!("{:?} {}", std::time::SystemTime::now(), std::process::id());
    let writer =
        Writer::start(store.clone(), Arc::clone(plan), Arc::clone(live), &run).map_err(NoThread)?;
    let keeping = Keeping {
        store: store.clone(),
        interval: args.snapshot_interval,
        run,
    };
    Ok(Kept::There(keeping, Snapshots { store, writer }))
}

/// Serves the page, the API and the metrics; the first process shows what it commits.
fn serve(
    args: &RunArgs,
    address: &str,
    plan: &Arc<Plan>,
    settings: &driver::Settings,
    facts: &Facts,
    live: Arc<Live>,
    outputs: &mut Outputs,
) -> Result<(), Failure> {
    let listening = server::listen(address, args.process, &args.http, &plan.rankings)?;
    let commits_here = args.process == 0;
    let metrics = Arc::new(Metrics::new(live, args.objectives.clone()));
    metrics.start_sampling().map_err(NoThread)?;
    let about = About {
        policy: Some(Policy::widest(&settings.fold.policies)),
        idle_timeout: Some(settings.idle_timeout),
        commits_here,
        workers: args.workers,
        rows: args.http.http_rows,
        positions_bytes: args.http.http_positions_bytes,
        configuration: facts.configuration.clone(),
        sources: args.http.http_sources.clone().into(),
    };
    let runs = match commits_here {
        true => database_of_runs(args, plan)?,
        false => None,
    };
    let shown = Shown::recorded(Arc::clone(plan), metrics, about, runs);
    if commits_here {
        outputs.wishes = Some(shown.wishes());
        outputs
            .observers
            .push(Box::new(Watch::start(Arc::clone(&shown))?));
    } else {
        // Only the first process has sinks to wait for.
        shown.set_ready();
    }
    tracing::info!(event = "http", address = %listening.address()?, "the page, the API and the metrics are served");
    listening.serve(shown)?;
    Ok(())
}

/// How long the end of a run waits for its last spans to be sent.
const TRACES_WAIT: Duration = Duration::from_secs(5);

/// How long one request with spans may take.
const TRACE_PATIENCE: Duration = Duration::from_secs(3);

/// Starts traces, if they are wanted.
fn trace(args: &RunArgs, facts: &Facts, outputs: &mut Outputs) -> Result<Option<Flushed>, Failure> {
    let Some(url) = &args.traces.trace else {
        return Ok(None);
    };
    let token = args.traces.trace_token.clone();
    let wrong = |e: EndpointError| Failure::of(&codes::line::FLAGS, format!("--trace {url}: {e}"));
    let endpoint = Endpoint::new(url, token, TRACE_PATIENCE).map_err(wrong)?;
    let instance = facts.id.to_string();
    let (resource, live) = (Resource { instance }, Arc::clone(&outputs.live));
    let sample = args.traces.trace_sample;
    let (tracer, flushed) =
        trace_export::start(endpoint, url, sample, resource, live).map_err(NoThread)?;
    outputs.tracer = Some(tracer);
    Ok(Some(flushed))
}

/// The Postgres sinks that runs are recorded in.
fn recording(args: &RunArgs) -> Vec<&str> {
    let mut urls = Vec::new();
    for sink in args.sink.iter().filter(|_| !args.runs_interval.is_zero()) {
        if let SinkUrl::Postgres(url) = sink {
            urls.push(url.as_str());
        }
    }
    urls
}

/// Who keeps a record of this run; on process 0 alone, which commits.
fn witnesses(
    args: &RunArgs,
    (plan, source): (&Arc<Plan>, &SourceOptions),
    facts: &Facts,
    outputs: &mut Outputs,
) -> Result<Vec<Witness>, Failure> {
    let tally = Arc::new(Tally::default());
    let mut witnesses = Vec::new();
    for url in recording(args) {
        let (facts, tally) = (facts.clone(), Arc::clone(&tally));
        let record = Record::new(url, facts, tally, args.runs_interval)?;
        witnesses.push(Witness::start("runs", record).map_err(NoThread)?);
    }
    if let Some(url) = &args.lineage.lineage {
        let token = args.lineage.lineage_token.clone();
        let wrong =
            |e: TransportError| Failure::of(&codes::line::FLAGS, format!("--lineage {url}: {e}"));
        let transport = Transport::new(url, token, &source.kafka_properties).map_err(wrong)?;
        let tells = OfRun {
            description: description(args, plan, source, facts)?,
            plan: Arc::clone(plan),
            tally: Arc::clone(&tally),
        };
        let lineage = Lineage::new(
            tells,
            transport,
            url.to_string(),
            args.lineage.lineage_interval,
            Arc::clone(&outputs.live),
        );
        witnesses.push(Witness::start("lineage", lineage).map_err(NoThread)?);
    }
    if !witnesses.is_empty() {
        outputs.observers.push(Box::new(Counting(tally)));
    }
    Ok(witnesses)
}

/// What lineage tells of a run.
fn description(
    args: &RunArgs,
    plan: &Plan,
    sources: &SourceOptions,
    facts: &Facts,
) -> Result<Description, Failure> {
    let query = |ranking: &Ranking| {
        let sql = text_of(&args.queries, &ranking.name)?;
        let to = |sink| Dataset::of_sink(sink, &ranking.name);
        Ok(Query {
            run: RunId::new(),
            sql,
            outputs: args.sink.iter().filter_map(to).collect(),
        })
    };
    let queries: Result<Vec<_>, Failure> = plan.rankings.iter().map(query).collect();
    let asides = [&args.late, &args.dead_letter].into_iter().flatten();
    Ok(Description {
        namespace: args.lineage.lineage_namespace.clone(),
        job: args.lineage.lineage_job.clone(),
        run: facts.id,
        is_batch: sources.until_end,
        inputs: sources.urls.iter().map(Dataset::of_source).collect(),
        input_tables: (0..sources.urls.len())
            .map(|n| sources.table_of(n))
            .collect(),
        input_per_partition: sources.urls.len() > 1,
        asides: asides.filter_map(|s| Dataset::of_sink(s, "")).collect(),
        queries: queries?,
        interval_s: args.lineage.lineage_interval.as_secs(),
    })
}

/// The text of a ranking: its own file's, or that of all files where it stands beside others.
fn text_of(folder: &Path, ranking: &str) -> Result<String, Failure> {
    let failed = |path: &Path, e: std::io::Error| {
        Failure::of(&codes::line::FILE, format!("{}: {e}", path.display()))
    };
    let own = folder.join(format!("{ranking}.sql"));
    if own.is_file() {
        return std::fs::read_to_string(&own).map_err(|e| failed(&own, e));
    }
    let entries = std::fs::read_dir(folder).map_err(|e| failed(folder, e))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "sql"));
    paths.sort();
    let texts = paths
        .iter()
        .map(|p| std::fs::read_to_string(p).map_err(|e| failed(p, e)));
    Ok(texts.collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// How far out of order any table is that has a bound, ms.
fn bound_of(policies: &[Policy]) -> i64 {
    let bounds = policies.iter().map(|p| p.out_of_orderness);
    bounds.filter(|b| *b != STANDS_STILL).max().unwrap_or(0)
}

/// Where `/api/v1/runs` is answered from: the first of them.
fn database_of_runs(args: &RunArgs, plan: &Arc<Plan>) -> Result<Option<Database>, Failure> {
    let first = recording(args).into_iter().next();
    let open = |url| Database::new(Arc::clone(plan), url, &[], 2, Duration::from_secs(2));
    Ok(first.map(open).transpose()?)
}

/// The configuration in force, for administrators.
fn describe(mut settings: Settings, plan: &Plan) -> serde_json::Value {
    let fingerprint = snapshot::fingerprint(plan);
    settings.insert("queries_fingerprint".to_owned(), fingerprint.into());
    settings.into()
}

/// Makes a file when every sink has caught up, so that a supervisor knows.
struct CaughtUp(PathBuf);

impl Observer for CaughtUp {
    fn opened(&mut self) {}

    fn caught_up(&mut self) {
        if let Err(problem) = std::fs::write(&self.0, "") {
            tracing::warn!(event = "caught_up_not_told", path = %self.0.display(), %problem, "the supervisor could not be told that the sinks have caught up");
        }
    }

    fn committed(&mut self, _: &Plan, _: &Commit) {}
}
