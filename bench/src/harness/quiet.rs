//! Waits until the machine has come to rest: what a server, or the disk, still does for one side is not the next one's.

use std::fs;
use std::time::{Duration, Instant};

use super::measure::pause;
use crate::problem::Problem;

/// How long is looked whether the cores have something to do.
const PIECE: Duration = Duration::from_millis(300);
/// Of a core, which is nearly nothing.
const IDLE: f64 = 0.1;

/// Until nothing is left to write and the cores have nearly nothing to do, or `most` is over.
pub fn wait(most: Duration) -> Result<(), Problem> {
    // SAFETY: `sync` has no preconditions.
    unsafe { libc::sync() };
    let until = Instant::now() + most;
    while Instant::now() < until {
        let before = busy_seconds();
        pause(PIECE)?;
        if busy_seconds() - before < IDLE * PIECE.as_secs_f64() {
            break;
        }
    }
    Ok(())
}

/// Seconds that all cores together were busy since the machine began.
pub fn busy_seconds() -> f64 {
    of_all(
        &fs::read_to_string("/proc/stat").unwrap_or_default(),
        ticks(),
    )
}

/// CPU seconds of a process that still runs, without its children.
pub fn of_process(process: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/stat"));
    of_one(&text.unwrap_or_default(), ticks())
}

/// The kernel's, a second.
fn ticks() -> f64 {
    // SAFETY: `sysconf` has no preconditions.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) as f64 }
}

fn of_all(stat: &str, ticks: f64) -> f64 {
    let line = stat.lines().next().unwrap_or_default();
    // user nice system idle iowait irq softirq steal
    let counts: Vec<f64> = line
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|n| n.parse().ok())
        .collect();
    let idle: f64 = counts.iter().skip(3).take(2).sum();
    (counts.iter().sum::<f64>() - idle) / ticks
}

fn of_one(stat: &str, ticks: f64) -> f64 {
    // The name stands in parentheses, and may hold some.
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = after.split_whitespace().skip(11).take(2);
    times.filter_map(|n| n.parse::<f64>().ok()).sum::<f64>() / ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_counts_is_read_in_seconds() {
        // guest and guest_nice are in user and nice already.
        let all = "cpu  100 20 300 4000 50 6 7 8 900 1000\ncpu0 1 1 1 1 1 1 1 1\n";
        assert_eq!(
            of_all(all, 100.0),
            (100 + 20 + 300 + 6 + 7 + 8) as f64 / 100.0
        );
        let one = "42 (a (b) c) S 1 42 42 0 -1 4194560 9 0 0 0 150 50 7 7 20 0 1 0 1 1 1";
        assert_eq!(of_one(one, 100.0), 2.0);
        assert_eq!(of_one("", 100.0), 0.0);
    }

    #[test]
    fn this_machine_has_been_busy() {
        assert!(busy_seconds() > 0.0);
    }
}
