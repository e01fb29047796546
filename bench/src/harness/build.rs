//! Builds what is measured, before anything is.

use std::process::Command;

use super::place;
use crate::problem::Problem;

/// Standings, unless `STANDINGS_BENCH_BINARY` names one, and these programs of the benches, in one go.
pub fn measured(programs: &[&str]) -> Result<(), Problem> {
    let own = place::given().is_none().then_some("standings");
    let all: Vec<&str> = own.into_iter().chain(programs.iter().copied()).collect();
    if all.is_empty() {
        return Ok(());
    }
    cargo(&place::profile(), &all)
}

/// These programs in a profile. Of the whole workspace: the features of what they share stay the same, and nothing is built
/// twice. `STANDINGS_BENCH_FEATURES` may hold more flags for cargo.
pub fn cargo(profile: &str, programs: &[&str]) -> Result<(), Problem> {
    let mut command = Command::new("cargo");
    command.current_dir(place::root());
    command.args(["build", "--locked", "--workspace", "--profile", profile]);
    if let Ok(more) = std::env::var("STANDINGS_BENCH_FEATURES") {
        command.args(more.split_whitespace());
    }
    for program in programs {
        command.args(["--bin", program]);
    }
    let status = command.status().map_err(|source| Problem::Start {
        program: "cargo".into(),
        source,
    })?;
    if status.success() {
        return Ok(());
    }
    Err(Problem::Ended {
        command: format!("cargo build --profile {profile}"),
        status,
    })
}
