//! `standings ingest`: what is not in Kafka yet, into Kafka.
//!
//! ```text
//! ingest.toml ──► sources, a thread each ──► Kafka
//!                    │   └──► --ingest-http: what others post
//!                    └──► --http: /api/v1/sources, /metrics, /readyz
//! ```

mod args;
mod check;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

pub use args::IngestArgs;
pub use check::check;

use crate::lineage::{Lineage, OfSources, Transport, TransportError};
use standings_edge::sink::SinkOptions;
use standings_edge::source::kafka_properties;
use standings_http::{hooks, server};
use standings_ingest::config::{Config, Kind, read};
use standings_ingest::task::End;
use standings_ingest::told::Board;
use standings_ingest::webhook::door::Hook;
use standings_intake::kafka::Brokers;
use standings_intake::start::{self, Started};
use standings_model::error::codes;
use standings_observe::live::Live;
use standings_process::exit::{self, Failure, NoThread};
use standings_process::witness::Witness;
use tokio::runtime::Runtime;

/// Reads the file of sources.
fn configuration(file: &Path, to: Option<&str>) -> Result<Config, Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        let said = format!("--config {}: {e}", file.display());
        Failure::of(&codes::line::FILE, said)
    })?;
    Ok(read(file, &text, to)?)
}

/// Which Kafka, with its settings.
fn brokers(args: &IngestArgs, config: &Config) -> Result<Brokers, Failure> {
    let properties = kafka_properties(args.kafka_properties.as_deref(), &args.kafka_property)?;
    Ok(Brokers {
        hosts: config.brokers.clone(),
        options: SinkOptions {
            kafka_properties: properties,
            ..SinkOptions::default()
        },
    })
}

/// Runs until all sources have ended (`--once`), or it is asked to stop. `file`: of the sources.
///
/// # Errors
/// Something is wrong with the configuration, or with `--once` a source could not be read.
pub fn run(args: &IngestArgs, file: Option<&Path>, stop: &Arc<AtomicBool>) -> Result<(), Failure> {
    let file = file.ok_or_else(|| {
        Failure::of(
            &codes::line::FLAGS,
            "standings ingest needs the file of its sources: --config ingest.toml",
        )
    })?;
    let config = configuration(file, args.to.as_deref())?;
    for name in &args.adopt {
        if config.sources.iter().all(|s| s.name != *name) {
            return Err(Failure::of(
                &codes::line::FLAGS,
                format!("--adopt {name}: there is no such source"),
            ));
        }
    }
    let brokers = brokers(args, &config)?;
    if args.dry_run {
        return check::dry_run(&config, &brokers);
    }
    let sources = start::make(&config, &brokers)?;
    let served = serve(args, &config, &sources.board, &sources.hooks)?;
    let witness = lineage(args, &config, &brokers, &sources.board)?;
    let started = sources.start(args.once, &args.adopt, stop)?;
    tracing::info!(
        event = "ingest_started",
        sources = config.sources.len(),
        brokers = config.brokers,
        "ingestion begins"
    );
    started.wait();
    if let Some(runtime) = served {
        runtime.shutdown_timeout(Duration::from_millis(500));
    }
    // What failed is told as any failure of a process is: where it ends.
    ended(started, args.once)?;
    if let Some(witness) = witness {
        witness.done();
    }
    Ok(())
}

/// Who tells lineage, if anybody does.
fn lineage(
    args: &IngestArgs,
    config: &Config,
    brokers: &Brokers,
    board: &Board,
) -> Result<Option<Witness>, Failure> {
    let Some(url) = &args.lineage.lineage else {
        return Ok(None);
    };
    let token = args.lineage.lineage_token.clone();
    let wrong =
        |e: TransportError| Failure::of(&codes::line::FLAGS, format!("--lineage {url}: {e}"));
    let transport = Transport::new(url, token, &brokers.options.kafka_properties).map_err(wrong)?;
    let interval = args.lineage.lineage_interval;
    let job = match args.lineage.lineage_job.as_str() {
        // That of rankings, where nobody said another.
        "rankings" => "ingest",
        said => said,
    };
    let names = (args.lineage.lineage_namespace.as_str(), job);
    let how = (args.once, interval.as_secs());
    let tells = OfSources::new(names, how, config, board);
    let live = Arc::new(Live::new(0));
    let keeper = Lineage::new(tells, transport, url.to_string(), interval, live);
    Ok(Some(Witness::start("lineage", keeper).map_err(NoThread)?))
}

/// Listens, and answers on threads of its own.
fn serve(
    args: &IngestArgs,
    config: &Config,
    board: &Board,
    posted: &[Hook],
) -> Result<Option<Runtime>, Failure> {
    let shown = match &args.http.http {
        Some(address) => Some(server::listen(address, 0, &args.http, &[])?),
        None => None,
    };
    let hooks = match &args.ingest_http {
        Some(address) => {
            let tls = args
                .ingest_http_tls_cert
                .as_deref()
                .zip(args.ingest_http_tls_key.as_deref());
            let hooks = posted.to_vec();
            Some(hooks::listen(
                address,
                hooks,
                tls,
                args.ingest_http_behind_proxy,
            )?)
        }
        None => {
            let webhook = config
                .sources
                .iter()
                .find(|s| matches!(s.kind, Kind::Webhook(_)));
            if let Some(source) = webhook {
                let said = format!(
                    "[sources.{}] is a webhook: say where it listens, --ingest-http 127.0.0.1:8090",
                    source.name
                );
                return Err(Failure::of(&codes::ingest::OPEN, said));
            }
            None
        }
    };
    if shown.is_none() && hooks.is_none() {
        return Ok(None);
    }
    let failed =
        |e: std::io::Error| Failure::of(&codes::process::SYSTEM, format!("cannot serve HTTP: {e}"));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .thread_name("http")
        .build()
        .map_err(failed)?;
    let serving = |e: std::io::Error| {
        exit::now(&Failure::of(
            &codes::http::SERVING,
            format!("cannot serve HTTP: {e}"),
        ));
    };
    if let Some(shown) = shown {
        tracing::info!(event = "http", address = %shown.address()?, "the page, the API and the metrics are served");
        let board = board.clone();
        runtime.spawn(async move {
            if let Err(e) = shown.accept_sources(board).await {
                serving(e);
            }
        });
    }
    if let Some(hooks) = hooks {
        tracing::info!(event = "ingest_http", address = %hooks.address()?, "webhooks are taken");
        runtime.spawn(async move {
            if let Err(e) = hooks.accept().await {
                serving(e);
            }
        });
    }
    Ok(Some(runtime))
}

/// What the process says at its end.
fn ended(started: Started, once: bool) -> Result<(), Failure> {
    let board = started.board.clone();
    let ends = started.ended();
    for told in &board.sources {
        let now = told.now();
        tracing::info!(
            event = "source_ended",
            source = told.name,
            records = now.records,
            dead_letters = now.letters,
            duplicates = now.duplicates,
            state = now.state.word(),
            "the source has come to its end"
        );
        if once {
            exit::say(&format!(
                "{}: {} records, {} dead letters, {} duplicates",
                told.name, now.records, now.letters, now.duplicates
            ));
        }
    }
    let mut said = Vec::new();
    let mut code = &codes::ingest::TAKEN_OVER;
    for (name, end) in &ends {
        match end {
            Some(End::TakenOver(why)) => said.push(format!("{name}: {why}")),
            Some(End::Failed(why)) => {
                code = &codes::ingest::UNREAD;
                said.push(format!("{name}: {why}"));
            }
            Some(End::Read) | None => {}
        }
    }
    match said.is_empty() {
        true => Ok(()),
        false => Err(Failure::of(code, said.join("\n"))),
    }
}
