//! `standings inspect` and `standings init`: what a source is, and a table with a first ranking that read it.
//!
//! ```text
//! source ──► sample ──► finding ──► draft ──► tried by the real decoder ──► text
//!            bounded    dialect,     types,    what does not fit is           SQL, comments,
//!                       envelope,    time,     drafted anew                   or JSON
//!                       fields       key, sum
//! ```
//!
//! 1. It is a proposal in a file: nothing is guessed while running.
//! 2. What cannot be told is said beside the line that it is about, with how many records cannot tell it.
//! 3. Nothing of a record can end a comment or a text that it stands in.

mod changes;
mod choose;
mod decide;
mod dialect;
mod draft;
mod envelope;
mod finding;
mod json;
mod lines;
mod messages;
mod names;
mod numbers;
mod options;
mod pipe;
mod project;
mod proposal;
mod render;
mod sample;
mod schemas;
mod score;
mod seen;
mod shape;
mod text;
mod times;
mod told;
mod tried;
mod wsdl;

use std::path::PathBuf;

use clap::Args;

use self::proposal::propose;
use self::sample::{From, Limits};
pub use self::schemas::SchemaArgs;
pub use self::wsdl::Looked;
use crate::run::args::parse_property;
use standings_edge::source::{SourceUrl, kafka_properties};
use standings_model::error::Failure;
use standings_process::exit;

/// The queries that are shipped.
const SHIPPED: [(&str, &str); 4] = [
    ("sales.sql", include_str!("../../../queries/sales.sql")),
    (
        "top_sales_per_city.sql",
        include_str!("../../../queries/top_sales_per_city.sql"),
    ),
    (
        "top_salesmen.sql",
        include_str!("../../../queries/top_salesmen.sql"),
    ),
    (
        "top_salesmen_per_city.sql",
        include_str!("../../../queries/top_salesmen_per_city.sql"),
    ),
];

/// How much is looked at, and how a topic is reached.
#[derive(Args, Clone, Debug)]
pub struct LookArgs {
    /// Look at so many records.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub records: u32,
    /// A librdkafka setting, such as security.protocol=SASL_SSL; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
    /// File of librdkafka settings, one K=V a line; for secrets.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTIES", value_name = "FILE")]
    pub kafka_properties: Option<PathBuf>,
    /// Where schemas are.
    #[command(flatten)]
    pub schemas: SchemaArgs,
}

/// `standings inspect`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  What is in this file, as comments, a CREATE TABLE and a first ranking:
    standings inspect file:orders.csv
  The same as a file that runs:
    mkdir queries && standings inspect file:orders.csv > queries/orders.sql
    standings run --queries queries --sink stdout --until-end
  A topic; no consumer group is made:
    standings inspect kafka://localhost:9092/orders --records 5000
  Standard input, of which the beginning is looked at:
    zcat orders.json.gz | standings inspect -
  Operations of a service of SOAP, with a template and paths for ingest.toml:
    standings inspect service.wsdl
  Avro whose schemas a registry has:
    standings inspect kafka://localhost:9092/orders --registry http://localhost:8081
  Protobuf messages without ids, by what protoc --include_imports --descriptor_set_out=shop.desc wrote:
    standings inspect kafka://localhost:9092/orders --descriptor-file shop.desc --message-name shop.Order

It is a proposal: what cannot be told (day or month first? which zone?) stands in comments beside the line that it is about.
The first records are tried with it, and how many fit is said. `standings init --from …` writes it as a folder.
Exit codes: 0 something was found, 1 there is nothing to look at or no answer, 2 wrong usage, or a file that is not read.")]
pub struct InspectArgs {
    /// What to look at: file:PATH or s3://BUCKET/KEY (also a folder or a pattern), - for standard input, kafka://host:9092/topic
    /// (several hosts by commas), recording:PATH, FILE.wsdl.
    #[arg(value_name = "SOURCE")]
    pub source: Looked,
    /// How much.
    #[command(flatten)]
    pub look: LookArgs,
    /// What was found as one JSON object, for programs.
    #[arg(long)]
    pub json: bool,
}

/// `standings init`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  A folder of queries for a file or a topic, as `standings inspect` proposes it:
    standings init --from file:orders.csv orders
    standings init --from kafka://localhost:9092/orders orders
  The shipped example:
    standings init example

Nothing is overwritten.")]
pub struct InitArgs {
    /// What the table is of; without it the shipped example is written.
    #[arg(long, value_name = "SOURCE")]
    pub from: Option<SourceUrl>,
    /// The folder; it is made.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// How much.
    #[command(flatten)]
    pub look: LookArgs,
}

fn proposal(source: &SourceUrl, look: &LookArgs) -> Result<proposal::Proposal, Failure> {
    let properties = kafka_properties(look.kafka_properties.as_deref(), &look.kafka_property)?;
    let from = From::new(source.clone(), properties, look.schemas.clone())?;
    propose(&from, Limits::new(look.records as usize))
}

/// Runs `standings inspect`.
pub fn run(args: &InspectArgs) -> Result<(), Failure> {
    let source = match &args.source {
        Looked::Source(source) => source,
        Looked::Wsdl(path) => return wsdl::run(path, args.json),
    };
    let proposal = proposal(source, &args.look)?;
    if args.json {
        exit::write(&told::as_json(&proposal).to_string());
        return Ok(());
    }
    let mut text = told::head(&proposal);
    for part in [&proposal.table, &proposal.ranking].into_iter().flatten() {
        text += &format!("\n{part}");
    }
    exit::say(text.trim_end());
    Ok(())
}

/// Runs `standings init`.
pub fn init(args: &InitArgs) -> Result<(), Failure> {
    let (files, next) = match &args.from {
        Some(source) => project::files(&args.dir, &proposal(source, &args.look)?)?,
        None => project::example(&args.dir),
    };
    project::write(&args.dir, &files)?;
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    exit::say(&format!(
        "wrote {} into {}\n\n{next}",
        names.join(", "),
        args.dir.display()
    ));
    Ok(())
}
