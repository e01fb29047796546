//! Clients of Kafka, Postgres and HTTP that are sides of a bench, or its ends. Each runs as a process of its own,
//! `standings-bench side NAME`, so that its time and its cores are told apart.

pub mod asks;
mod count;
pub mod open_loop;
pub mod reads;
mod relay;

use std::time::Duration;

use clap::Subcommand;
use rdkafka::consumer::{BaseConsumer, Consumer};

use crate::problem::Problem;

/// `standings-bench side`.
#[derive(Subcommand)]
pub enum SideCommand {
    Asks(asks::AsksArgs),
    Count(count::CountArgs),
    OpenLoop(open_loop::OpenLoopArgs),
    Reads(reads::ReadsArgs),
    Relay(relay::RelayArgs),
}

/// Runs one.
pub fn run(command: &SideCommand) -> Result<(), Problem> {
    match command {
        SideCommand::Asks(args) => asks::run(args),
        SideCommand::Count(args) => count::run(args),
        SideCommand::OpenLoop(args) => open_loop::run(args),
        SideCommand::Reads(args) => reads::run(args),
        SideCommand::Relay(args) => relay::run(args),
    }
}

/// How many partitions a topic has.
fn partitions(consumer: &BaseConsumer, topic: &str, patience: Duration) -> Result<usize, Problem> {
    let metadata = consumer.fetch_metadata(Some(topic), patience)?;
    let found = metadata
        .topics()
        .first()
        .map_or(0, |t| t.partitions().len());
    match found {
        0 => Err(Problem::said("Kafka", format!("there is no topic {topic}"))),
        n => Ok(n),
    }
}
