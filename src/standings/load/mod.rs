//! Recorded load: sales made (by `standings-load`), recorded, and given back.

mod form;
mod generate;
pub mod progress;
mod record;
mod replay;
pub(crate) mod topic;

use clap::Subcommand;

use crate::run::signals;
use standings_process::exit::Failure;

pub use generate::GenerateArgs;

/// `standings load`.
#[derive(Subcommand, Clone, Debug)]
pub enum LoadCommand {
    /// Make a file of sales: the same bytes for the same flags.
    Generate(GenerateArgs),
    /// Keep what a topic receives in a file, with the times of arrival.
    Record(record::RecordArgs),
    /// Send a recording, or a file of sales, to a topic.
    Replay(replay::ReplayArgs),
}

/// Runs `standings load`.
pub fn run(command: &LoadCommand) -> Result<(), Failure> {
    match command {
        LoadCommand::Generate(args) => generate::run(args),
        LoadCommand::Record(args) => record::run(args, &*signals::stop_on_signals()?),
        LoadCommand::Replay(args) => replay::run(args, &*signals::stop_on_signals()?),
    }
}
