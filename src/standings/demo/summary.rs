//! What the demo did, and whether it adds up.

use standings_model::error::{Code, Coded, codes};
use standings_observe::metrics::Metrics;
use standings_process::exit::{self, Failure};

/// A demo that does not show what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DemoError {
    /// A defect.
    #[error("the counts do not add up: this is a bug")]
    Unbalanced,
    /// Sales are missing.
    #[error("{made} sales were made, and {read} were read")]
    NotRead {
        /// By the shop.
        made: u64,
        /// By the run.
        read: u64,
    },
}

impl Coded for DemoError {
    fn code(&self) -> &'static Code {
        match self {
            DemoError::Unbalanced => &codes::process::DEFECT,
            DemoError::NotRead { .. } => &codes::tools::DEMO,
        }
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_that_is_missing_fails_the_demo() {
        let (made, read) = (5, 4);
        assert_eq!(DemoError::NotRead { made, read }.code().id, "S1107");
        assert_eq!(DemoError::Unbalanced.code().id, "S0001");
    }
}
