//! The binary `standings`: parses the command line, runs one command, ends with its exit code.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::{CommandFactory, Parser, Subcommand};

use standings::run::serve;
use standings::run::{args, check, cluster, commands, health, replica, signals, upgrade};
use standings::{config, dead_letter, demo, explain, ingest, inspect, load, top, verify};
use standings_http::security;
use standings_model::error::codes;
use standings_observe::logging::Format;
use standings_process::exit::{self, Failure};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Rankings over a stream of sales that are always current, exact and cheap.
///
/// Sales come from Kafka or files; event-time windowed rankings, one SQL file each, are kept current; only the ranks
/// that changed go to Postgres, Kafka, files.
#[derive(Parser)]
#[command(
    version,
    arg_required_else_help = true,
    after_help = "\
See it work:                  standings demo
Rank a recorded file:         standings run --queries queries --source file:sales.ndjson --sink stdout --until-end
Understand a query:           standings check --queries queries

Every flag has an environment variable STANDINGS_…; STANDINGS_…_FILE names a file that holds the value. A TOML file may
hold the rest: standings config example prints one. Flags come first, then the environment, then the file.
Exit codes: 0 done, 1 failed at run time, 2 wrong usage or wrong configuration. An error ends with a code such as [S0303];
standings explain S0303 says what it means, and what to do."
)]
struct Cli {
    /// What is logged to standard error: error, warn, info, debug, trace, or a tracing filter.
    /// The default is info, and for a demo warn.
    #[arg(long, global = true, env = "STANDINGS_LOG", value_name = "LEVEL")]
    log: Option<String>,
    /// How it is logged; the default is text on a terminal, json elsewhere.
    #[arg(
        long,
        global = true,
        env = "STANDINGS_LOG_FORMAT",
        value_enum,
        value_name = "FORMAT"
    )]
    log_format: Option<Format>,
    /// TOML file with settings that neither flags nor the environment give.
    #[arg(long, global = true, env = "STANDINGS_CONFIG", value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Keep rankings current: read sales, write the ranks that changed.
    Run(Box<args::RunArgs>),
    /// Everything embedded, nothing to install: broker, generated sales, rankings, live page.
    Demo(demo::DemoArgs),
    /// Bring what is not in Kafka yet into Kafka: files, webhooks, APIs, each record once.
    Ingest(Box<ingest::IngestArgs>),
    /// Start and supervise N worker processes on this machine: standings cluster -n 3 -- run …
    Cluster(cluster::ClusterArgs),
    /// One pod of a Kubernetes StatefulSet: runs its process of the cluster, of the size that the set has now.
    Replica(Box<replica::ReplicaArgs>),
    /// Ask a running process how it is; for health checks in containers.
    Health(health::HealthArgs),
    /// Give a running `standings cluster` another number of processes or workers.
    Resize(cluster::control::ResizeArgs),
    /// What a file or a topic is: its fields, and a CREATE TABLE with a first ranking that read it.
    Inspect(inspect::InspectArgs),
    /// A folder of queries: for a file or a topic, or the shipped example.
    Init(inspect::InitArgs),
    /// Parse and explain the queries; touch nothing.
    Check(check::CheckArgs),
    /// What is in force, and from where; or a configuration file to begin with.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Recompute closed windows from the source and compare them with a sink.
    Verify(Box<verify::VerifyArgs>),
    /// Recompute closed windows from the source and write into a sink what it lacks.
    Repair(Box<verify::RepairArgs>),
    /// What an older version's tables lack for this one: print it, or do it.
    Upgrade(upgrade::UpgradeArgs),
    /// The page and the API from Postgres alone; any number of them.
    Serve(Box<serve::ServeArgs>),
    /// The rankings of a running process in the terminal.
    Top(top::TopArgs),
    /// API keys for --http-keys.
    #[command(subcommand)]
    Key(security::KeyCommand),
    /// What was no sale: listed, shown, and brought back when it is mended.
    #[command(subcommand)]
    DeadLetter(dead_letter::DeadLetterCommand),
    /// Recorded load.
    #[command(subcommand)]
    Load(load::LoadCommand),
    /// What an error's code stands for, and what to do.
    Explain(explain::ExplainArgs),
}

/// The command line. Its help names the variables of the environment, and never what they hold.
fn command_line() -> clap::Command {
    fn hidden(command: clap::Command) -> clap::Command {
        command
            .mut_args(|arg| arg.hide_env_values(true))
            .mut_subcommands(hidden)
    }
    hidden(Cli::command())
}

fn main() {
    signals::hold_back();
    exit::die_on_panic();
    if let Err(failure) = take_values_from_files() {
        exit::now(&failure);
    }
    let line = std::env::args_os().collect();
    let (cli, settings): (Cli, _) =
        config::parse(&command_line(), line).unwrap_or_else(|problem| problem.end());
    let usual = match cli.command {
        Command::Demo(_) | Command::Top(_) => "warn",
        _ => "info",
    };
    let log = cli.log.as_deref().unwrap_or(usual);
    let usual = match std::io::stderr().is_terminal() {
        true => Format::Text,
        false => Format::Json,
    };
    if !std::io::stderr().is_terminal() {
        // Colours are for a terminal: in a file or a pipe they are signs that nobody can read.
        // SAFETY: nothing else runs yet: no other thread can read the environment meanwhile.
        unsafe { std::env::set_var("NO_COLOR", "1") };
    }
    standings_observe::logging::init(log, cli.log_format.unwrap_or(usual));
    if let Some(format) = cli.log_format {
        // The processes that this one starts log in the same form.
        // SAFETY: nothing else runs yet: no other thread can read the environment meanwhile.
        unsafe { std::env::set_var("STANDINGS_LOG_FORMAT", format.name()) };
    }
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for (variable, near) in config::mistyped(&command_line(), names) {
        tracing::warn!(
            event = "unknown_variable",
            variable,
            near,
            "it is no setting and has no effect; did you mean the other?"
        );
    }
    if let Some(file) = &cli.config {
        tracing::info!(event = "configuration", file = %file.display());
    }
    if let Err(failure) = run(cli.command, log, settings, cli.config.as_deref()) {
        exit::now(&failure);
    }
    exit::done()
}

fn run(
    command: Command,
    log: &str,
    settings: config::Settings,
    file: Option<&std::path::Path>,
) -> Result<(), Failure> {
    match command {
        Command::Ingest(args) => until_stopped(|stop| ingest::run(&args, file, &stop)),
        Command::Run(args) => until_stopped(|stop| commands::run(*args, settings, stop)),
        Command::Cluster(args) => {
            until_stopped(|stop| cluster::run(&args, log, &stop, &command_line()))
        }
        Command::Resize(args) => at_once(|| cluster::control::resize(&args)),
        Command::Replica(args) => until_stopped(|stop| replica::run(&args, log, &stop)),
        Command::Health(args) => at_once(|| health::run(&args)),
        Command::Check(args) if args.command.first().is_some_and(|c| c == "ingest") => {
            at_once(|| ingest::check(&args.command, args.offline, &command_line()))
        }
        Command::Check(args) => at_once(|| check::run(&args, &command_line())),
        Command::Inspect(args) => at_once(|| inspect::run(&args)),
        Command::Init(args) => at_once(|| inspect::init(&args)),
        Command::Config(command) => at_once(|| config::run(&command, &command_line())),
        Command::Verify(args) => at_once(|| verify::run(&args)),
        Command::Repair(args) => at_once(|| verify::repair(&args)),
        Command::Upgrade(args) => at_once(|| upgrade::run(&args)),
        Command::Demo(args) => until_stopped(|stop| demo::run(&args, settings, stop)),
        Command::Serve(args) => until_stopped(|stop| serve::run(&args, settings, &stop)),
        Command::Top(args) => at_once(|| top::run(&args)),
        Command::Key(command) => at_once(|| security::key(&command)),
        Command::DeadLetter(command) => at_once(|| dead_letter::run(&command)),
        Command::Load(command) => at_once(|| load::run(&command)),
        Command::Explain(args) => at_once(|| explain::run(&args)),
    }
}

/// A command that goes on until it is asked to stop, and then ends in peace.
fn until_stopped(
    command: impl FnOnce(Arc<AtomicBool>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    command(signals::stop_on_signals()?)
}

/// A command that a signal ends where it is.
fn at_once(command: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    signals::let_through();
    command()
}

/// `STANDINGS_X_FILE=path` stands for `STANDINGS_X=<the file's text>`, so that secrets need not be in the environment.
fn take_values_from_files() -> Result<(), Failure> {
    for (name, path) in std::env::vars_os() {
        let Some(flag) = name
            .to_str()
            .and_then(|n| n.strip_suffix("_FILE"))
            .filter(|n| n.starts_with("STANDINGS_"))
        else {
            continue;
        };
        let text = std::fs::read_to_string(&path).map_err(|e| {
            Failure::of(
                &codes::line::FILE,
                format!("{flag}_FILE: cannot read {}: {e}", path.display()),
            )
        })?;
        // SAFETY: nothing else runs yet: no other thread can read the environment meanwhile.
        unsafe { std::env::set_var(flag, text.trim_end_matches(['\n', '\r'])) };
    }
    Ok(())
}
