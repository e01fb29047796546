//! `standings check`: parses and explains queries and configuration, and touches nothing.

use std::path::PathBuf;

use clap::Args;

use super::exit::Failure;
use crate::model::plan::Plan;
use crate::query;

/// `standings check`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings check --queries queries

Exit codes: 0 all queries are right, 2 some are not (each is shown with its place in the file).")]
pub struct CheckArgs {
    /// Folder with one SQL file per ranking.
    #[arg(
        long,
        env = "STANDINGS_QUERIES",
        value_name = "DIR",
        default_value = "queries"
    )]
    pub queries: PathBuf,
}

/// Loads the queries; every error is one readable diagnostic.
pub fn load(dir: &std::path::Path) -> Result<Plan, Failure> {
    query::load_dir(dir).map_err(|errors| Failure::usage(errors.render()))
}

/// Runs `standings check`.
pub fn run(args: &CheckArgs) -> Result<(), Failure> {
    let plan = load(&args.queries)?;
    #[allow(clippy::print_stdout)]
    {
        println!("{}", query::explain(&plan));
    }
    Ok(())
}
