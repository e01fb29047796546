//! What the demo did, and whether it adds up.

use crate::observe::metrics::Metrics;
use crate::run::exit::Failure;

/// Prints the summary; an error if a sale is missing or the counts do not add up.
#[allow(clippy::print_stdout)]
pub fn print(made: u64, metrics: &Metrics) -> Result<(), Failure> {
    let c = metrics.totals();
    let latency = metrics.latency();
    let written = metrics.written();
    let late = c.late + c.retired;
    println!("Sales made            {made:>12}");
    println!("Sales read            {:>12}", c.read);
    println!(
        "  = ranked + late + dead-lettered + filtered\n  = {} + {late} + {} + {}",
        c.ranked, c.dead, c.filtered
    );
    println!(
        "Changes written       {:>12}  in {} commits; {} of them moved a rank",
        written.changes, written.commits, written.ranks
    );
    println!(
        "Latency, read to commit: p50 {:.1} ms, p99 {:.1} ms, greatest {:.1} ms",
        latency.p50_ms, latency.p99_ms, latency.max_ms
    );
    if !c.balanced() {
        return Err(Failure::failed("the counts do not add up: this is a bug"));
    }
    if c.read != made {
        return Err(Failure::failed(format!(
            "{made} sales were made, and {} were read",
            c.read
        )));
    }
    println!("Every sale is accounted for.");
    Ok(())
}
