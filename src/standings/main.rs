//! The binary `standings`: parses the command line, runs one command, ends with its exit code.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use standings::cli::{self, Cli, Command, command_line};
use standings::run::serve;
use standings::run::{check, cluster, commands, health, replica, signals, upgrade};
use standings::{
    asks, config, dead_letter, demo, explain, ingest, inspect, load, masks, top, verify,
};
use standings_http::security;
use standings_model::error::codes;
use standings_observe::logging::Format;
use standings_process::exit::{self, Failure};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    signals::hold_back();
    exit::die_on_panic();
    if let Err(failure) = take_values_from_files() {
        exit::now(&failure);
    }
    let line: Vec<_> = std::env::args_os().collect();
    let words = cli::as_asked(command_line(), &line);
    let (cli, settings): (Cli, _) =
        config::parse(&words, line).unwrap_or_else(|problem| problem.end());
    let usual = match cli.command {
        Command::Demo(_)
        | Command::Top(_)
        | Command::Ask(_)
        | Command::Tail(_)
        | Command::Export(_) => "warn",
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
        tracing::info!(event = "configuration", file = %file.display(), "settings are also taken from this file");
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
        Command::Ask(args) => at_once(|| asks::ask(&args)),
        Command::Tail(args) => at_once(|| asks::tail(&args)),
        Command::Export(args) => at_once(|| asks::export(&args)),
        Command::Key(command) => at_once(|| security::key(&command)),
        Command::MaskKey(args) => at_once(|| masks::make(&args)),
        Command::Unmask(args) => at_once(|| masks::unmask(&args)),
        Command::DeadLetter(command) => at_once(|| dead_letter::run(&command)),
        Command::Load(command) => at_once(|| load::run(&command)),
        Command::Explain(args) => at_once(|| explain::run(&args)),
        Command::Completions(args) => at_once(|| cli::completions(&args, &command_line())),
        Command::Man(args) => at_once(|| cli::man(&args, &command_line())),
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
