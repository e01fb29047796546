//! Standings: rankings over a stream of sales that are always current, exact and cheap.
//!
//! # What a ranking is here
//!
//! A SQL query that says who is best: of each city, each hour, each day, by whatever is added up, counted or averaged. Flink
//! runs the same file. Sales come as records, in an order that is nearly that of their times; a window takes them until it is
//! closed, and late ones a while longer. At every moment the rows in the sink are exactly what the query says of the records
//! that were read so far, and only rows that changed are written.
//!
//! ```text
//! source ──► decode ──► combine ──► exchange ──► dataflow (totals, rank, gather) ──► commit ──► sink
//! ```
//!
//! # Embed it
//!
//! [`embed`] is the engine as a library: files or records in, rankings out, in a few lines. `examples/embed.rs` is the whole of
//! a small program.
//!
//! ```
//! # fn main() -> Result<(), standings::embed::Error> {
//! let mut rankings = standings::embed::Queries::shipped()?.start()?;
//! let shop = rankings.partition()?;
//! rankings.push(shop, br#"{"event_time":1769126400000,"city":"Lisbon","salesman_id":"S1","amount":12.30}"#)?;
//! rankings.finish()?;
//! assert_eq!(rankings.rows("top_sales_per_city")?[0].text("total_sales"), "12.30");
//! # Ok(())
//! # }
//! ```
//!
//! What must last, be shared, or go on after a crash is for the program: `standings run`. To follow what it writes, see
//! `examples/follow`.
//!
//! # Read it
//!
//! Each stage is a crate, and the crates are floors: what is below cannot know what is above (docs/architecture.md, which also
//! has the words and the invariants). Each opens with a page like this one, and its entry points have examples that run.
//!
//! | floor | what it is | begin with |
//! | --- | --- | --- |
//! | this crate | commands: run, cluster, check, verify, load, demo … | [`run`], [`embed`] |
//! | [`standings_http`] | the page, the API, probes | [`Board`](standings_http::board::Board) |
//! | [`standings_edge`] | sources, sinks, stores, peers: Kafka, S3, files are known from here on | [`source`](standings_edge::source), [`sink`](standings_edge::sink) |
//! | [`standings_intake`], [`standings_ingest`] | what is not in Kafka yet, into Kafka | [`Task`](standings_ingest::task::Task) |
//! | [`standings_postgres`] | where and how to connect, what errors mean, how a row lies in a table | [`Target`](standings_postgres::Target) |
//! | [`standings_commit`] | drafts to commits, each once | [`Committer`](standings_commit::committer::Committer) |
//! | [`standings_engine`] | blocks to drafts: fold, dataflow, snapshots | [`Fold`](standings_engine::fold::Fold), [`Totals`](standings_engine::rank::totals::Totals) |
//! | [`standings_query`] | SQL files to a plan | [`parse_ranking`](standings_query::parse_ranking) |
//! | [`standings_decode`] | bytes to a sale, or a reason | [`Decoder`](standings_decode::Decoder) |
//! | [`standings_observe`], [`standings_process`] | what a run says of itself, how it ends | [`Live`](standings_observe::live::Live), [`Failure`](standings_process::exit::Failure) |
//! | [`standings_load`] | sales made up, the same bytes for the same seed | [`Generator`](standings_load::Generator) |
//! | [`standings_model`] | the words that all share | [`Plan`](standings_model::plan::Plan), [`Commit`](standings_model::change::Commit) |
//!
//! # What it must never do
//!
//! Have a list of settings of its own: what a flag means is said once, where it is used.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod asks;
pub mod cli;
pub mod client;
pub mod config;
pub mod dead_letter;
pub mod demo;
pub mod embed;
pub mod explain;
pub mod ingest;
pub mod inspect;
pub mod lineage;
pub mod load;
pub mod masks;
pub mod output;
pub mod run;
pub mod top;
pub mod verify;
