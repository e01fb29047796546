//! `bench/run`, `bench/latency` and the others: what is measured, how, beside what. `bench/NAME` is `standings-bench NAME`.

mod api;
mod capture;
mod changes;
mod clients;
mod formats;
mod growth;
mod harness;
mod ingest;
mod instructions;
mod joins;
mod latency;
mod nexmark;
mod peer_tls;
mod positions;
mod problem;
mod recovery;
mod run;
mod soak;
mod start;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use harness::signals;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What Standings costs, measured: each command runs its sides in turn and prints medians.
#[derive(Parser)]
#[command(
    name = "bench",
    arg_required_else_help = true,
    after_help = "\
Examples:
  bench/run --quick                                       sales a second, beside hand-written loops: five minutes
  bench/run --quick --rounds 7 --only standings --beside OTHER     beside another binary, such as the commit before
  deploy/services up && eval \"$(deploy/services env)\"     what Kafka and Postgres are needed for
  bench/latency --rates 10000 --seconds 15                from a sale's due time to its change being visible

STANDINGS_BENCH_BINARY names the binary that is measured; else it is built, by STANDINGS_BENCH_PROFILE (release) with
STANDINGS_BENCH_FEATURES (none). Every sample goes to target/bench/results.ndjson."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Run(run::RunArgs),
    Latency(latency::LatencyArgs),
    Growth(growth::GrowthArgs),
    Changes(changes::ChangesArgs),
    Formats(formats::FormatsArgs),
    Joins(joins::JoinsArgs),
    Nexmark(nexmark::NexmarkArgs),
    Soak(soak::SoakArgs),
    Recovery(recovery::RecoveryArgs),
    Start(start::StartArgs),
    Api(api::ApiArgs),
    Positions(positions::PositionsArgs),
    Capture(capture::CaptureArgs),
    Ingest(ingest::IngestArgs),
    Instructions(instructions::InstructionsArgs),
    PeerTls(peer_tls::PeerTlsArgs),
    /// A client that a bench runs as a process of its own.
    #[command(subcommand, hide = true)]
    Side(clients::SideCommand),
}

fn main() -> ExitCode {
    let command = Cli::parse().command;
    // A side ends by a signal as any process does.
    if !matches!(command, Command::Side(_)) {
        signals::listen();
    }
    let done = match &command {
        Command::Run(args) => run::run(args),
        Command::Latency(args) => latency::run(args),
        Command::Growth(args) => growth::run(args),
        Command::Changes(args) => changes::run(args),
        Command::Formats(args) => formats::run(args),
        Command::Joins(args) => joins::run(args),
        Command::Nexmark(args) => nexmark::run(args),
        Command::Soak(args) => soak::run(args),
        Command::Recovery(args) => recovery::run(args),
        Command::Start(args) => start::run(args),
        Command::Api(args) => api::run(args),
        Command::Positions(args) => positions::run(args),
        Command::Capture(args) => capture::run(args),
        Command::Ingest(args) => ingest::run(args),
        Command::Instructions(args) => instructions::run(args),
        Command::PeerTls(args) => peer_tls::run(args),
        Command::Side(command) => clients::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::from(problem.code())
        }
    }
}
