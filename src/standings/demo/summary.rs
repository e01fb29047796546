//! What the demo did, and whether it adds up.

use super::error::DemoError;
use standings_observe::metrics::Metrics;
use standings_process::exit::{self, Failure};

/// Prints the summary; an error if a sale is missing or the counts do not add up.
pub fn print(made: u64, metrics: &Metrics) -> Result<(), Failure> {
    let c = metrics.totals();
    let latency = metrics.latency();
    let written = metrics.written();
    let late = c.late + c.retired;
    exit::say(&format!("Sales made            {made:>12}"));
    exit::say(&format!("Sales read            {:>12}", c.read));
    exit::say(&format!(
        "  = ranked + late + dead-lettered + duplicate + filtered\n  = {} + {late} + {} + {} + {}",
        c.ranked, c.dead, c.duplicate, c.filtered
    ));
    exit::say(&format!(
        "Changes written       {:>12}  in {} commits; {} of them moved a rank",
        written.changes, written.commits, written.ranks
    ));
    exit::say(&format!(
        "Latency, read to commit: p50 {:.1} ms, p99 {:.1} ms, greatest {:.1} ms",
        latency.p50_ms, latency.p99_ms, latency.max_ms
    ));
    if !c.balanced() {
        return Err(DemoError::Unbalanced.into());
    }
    if c.read != made {
        return Err(DemoError::NotRead { made, read: c.read }.into());
    }
    exit::say("Every sale is accounted for.");
    Ok(())
}
