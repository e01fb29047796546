//! Recorded load: believable sales, the same for the same seed on every machine.

mod dice;
mod generate;
mod people;

use clap::Subcommand;

use crate::run::exit::Failure;

pub use dice::Dice;
pub use generate::{GenerateArgs, Generator};
pub use people::{city, name as person};

/// `standings load`.
#[derive(Subcommand, Clone, Debug)]
pub enum LoadCommand {
    /// Make a file of sales: the same bytes for the same flags.
    Generate(GenerateArgs),
}

/// Runs `standings load`.
pub fn run(command: &LoadCommand) -> Result<(), Failure> {
    match command {
        LoadCommand::Generate(args) => generate::run(args),
    }
}
