//! The words of the command line: what there is, with the text that says what it is for.

use clap::{Parser, Subcommand};

use super::{pages, version};
use crate::run::serve;
use crate::run::{args, check, cluster, health, replica, upgrade};
use crate::{asks, config, dead_letter, demo, explain, ingest, inspect, load, masks, top, verify};
use standings_http::security;
use standings_observe::logging::Format;

/// Rankings over a stream of sales that are always current, exact and cheap.
///
/// Sales come from Kafka or files; event-time windowed rankings, one SQL file each, are kept current; only the ranks
/// that changed go to Postgres, Kafka, files.
#[derive(Parser)]
#[command(
    name = "standings",
    version,
    long_version = version::long(),
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
pub struct Cli {
    /// What is logged to standard error: error, warn, info, debug, trace, or a tracing filter.
    /// The default is info, and for a demo warn.
    #[arg(long, global = true, env = "STANDINGS_LOG", value_name = "LEVEL")]
    pub log: Option<String>,
    /// How it is logged; the default is text on a terminal, json elsewhere.
    #[arg(
        long,
        global = true,
        env = "STANDINGS_LOG_FORMAT",
        value_enum,
        value_name = "FORMAT"
    )]
    pub log_format: Option<Format>,
    /// TOML file with settings that neither flags nor the environment give.
    #[arg(long, global = true, env = "STANDINGS_CONFIG", value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// `standings …`.
#[derive(Subcommand)]
pub enum Command {
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
    /// Where a key stands in a ranking of a running process, inside its limit or not.
    Ask(asks::AskArgs),
    /// The changes of a ranking as they come.
    Tail(asks::TailArgs),
    /// The rows of a window, or all its keys, into CSV, Parquet or lines of JSON.
    Export(asks::ExportArgs),
    /// API keys for --http-keys.
    #[command(subcommand)]
    Key(security::KeyCommand),
    /// Make the key of masked columns.
    MaskKey(masks::MaskKeyArgs),
    /// The values of tokens that masked columns hold.
    Unmask(masks::UnmaskArgs),
    /// What was no sale: listed, shown, and brought back when it is mended.
    #[command(subcommand)]
    DeadLetter(dead_letter::DeadLetterCommand),
    /// Recorded load.
    #[command(subcommand)]
    Load(load::LoadCommand),
    /// What an error's code stands for, and what to do.
    Explain(explain::ExplainArgs),
    /// What a shell needs to complete commands and flags.
    Completions(pages::CompletionsArgs),
    /// The manual's pages, one for each command.
    Man(pages::ManArgs),
}
