//! `deploy/sbom`: what Standings is made of, as a CycloneDX 1.6 bill of materials (JSON) on standard output.
//!
//! ```text
//! cargo metadata (licences, who needs whom) ──► bill ◄── Cargo.lock (versions, checksums)
//!                    cargo tree ──► check ◄── Cargo.lock
//! ```
//!
//! Nothing else is fetched, and the same lock file gives the same bytes. C sources that crates bring along (librdkafka,
//! OpenSSL, zstd) are named as their crates.

mod bill;
mod cargo;
mod check;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

/// What Standings is made of, as a CycloneDX 1.6 bill of materials (JSON) on standard output.
///
/// Of the program: what it is built from, without what only tests need. Versions and checksums come from Cargo.lock, licences
/// and who needs whom from `cargo metadata`; nothing else is fetched. The same lock file gives the same bytes.
#[derive(Parser)]
#[command(
    name = "deploy/sbom",
    after_help = "\
Examples:
  deploy/sbom > standings.cdx.json
  deploy/sbom --check"
)]
struct Cli {
    /// Make it, and fail unless it agrees with Cargo.lock.
    #[arg(long)]
    check: bool,
}

/// Why there is no bill.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error("cargo {what} cannot be asked: {source}")]
    Cargo {
        what: &'static str,
        source: std::io::Error,
    },
    #[error("cargo {what} failed: {said}")]
    Failed { what: &'static str, said: String },
    #[error("cargo metadata is not understood: {0}")]
    Metadata(#[from] serde_json::Error),
    #[error("Cargo.lock is not understood: {0}")]
    Lock(String),
    #[error("Cargo.lock does not have {0}")]
    NotLocked(String),
    #[error("the bill cannot be written: {0}")]
    Write(std::io::Error),
}

fn run(is_check: bool) -> Result<Vec<String>, Problem> {
    let (metadata, lock) = (cargo::metadata()?, cargo::lock()?);
    let bill = bill::bill(&metadata, &lock)?;
    if is_check {
        let faults = check::faults(&bill, &lock, &cargo::tree()?);
        println!(
            "sbom: {} components of {} in Cargo.lock; the others are for tests or other platforms",
            bill.components.len(),
            lock.len() - 1
        );
        return Ok(faults);
    }
    let mut text = bill::text(&bill)?;
    text.push(b'\n');
    std::io::stdout().write_all(&text).map_err(Problem::Write)?;
    Ok(Vec::new())
}

fn main() -> ExitCode {
    match run(Cli::parse().check) {
        Ok(faults) if faults.is_empty() => ExitCode::SUCCESS,
        Ok(faults) => {
            faults.iter().for_each(|fault| eprintln!("sbom: {fault}"));
            ExitCode::FAILURE
        }
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}
