//! What a side took at a rate, and the table.

use std::fmt;

use super::LatencyArgs;
use super::side::{Kind, Side};
use crate::clients::open_loop::Outcome;
use crate::harness::stats::{median, whole};
use crate::harness::table::Table;

/// How many cores were taken, on average.
#[derive(Clone, Debug, Default)]
pub struct Cores {
    /// By all.
    pub all: f64,
    /// By what runs between.
    pub engine: f64,
    /// By sender and watcher.
    pub ends: f64,
    /// By the rest, which is the services.
    pub rest: f64,
}

impl Cores {
    /// From seconds that passed, and CPU seconds of all, of what runs between, of sender and watcher.
    pub fn new(passed: f64, all: f64, engine: f64, ends: f64) -> Self {
        Cores {
            all: all / passed,
            engine: engine / passed,
            ends: ends / passed,
            rest: (all - engine - ends).max(0.0) / passed,
        }
    }
}

/// One run.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Latencies.
    pub outcome: Outcome,
    /// Who was busy.
    pub cores: Cores,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = &self.outcome;
        write!(
            f,
            "p50 {} p99 {} max {} ms, {} missing, sender at most {} ms late, {:.2} cores busy",
            of.p50, of.p99, of.max, of.missing, of.sender_late_ms, self.cores.all
        )
    }
}

const COLUMNS: [&str; 14] = [
    "sales/s",
    "from a sale's due time to",
    "p50",
    "p90",
    "p99",
    "p99.9",
    "max",
    "p50 beyond Kafka",
    "p99 beyond Kafka",
    "not seen",
    "cores busy",
    "of it engine",
    "sender, watcher",
    "services",
];

/// A row for each rate and side: the number of the side, and its rounds.
pub fn table(
    results: &[(u64, usize, Vec<Found>)],
    sides: &[Side],
    args: &LatencyArgs,
    machine: &str,
) -> String {
    let mut table = Table::new(2, &COLUMNS);
    for (rate, side, found) in results {
        let floor = results
            .iter()
            .find(|(r, s, _)| r == rate && sides[*s].kind == Kind::Floor);
        let floor = floor
            .filter(|(_, s, _)| s != side)
            .map(|(.., f)| f.as_slice());
        let title = [whole(*rate), sides[*side].title()];
        table.push(title.into_iter().chain(cells(found, floor)));
    }
    format!(
        "{} s at each rate after {} s of warm-up, {} cities, medians of {}, commits at most every {}, {} worker(s); {machine}\n\n{table}",
        args.seconds,
        args.warm_up(),
        args.cities,
        args.rounds,
        args.commit_interval,
        args.workers
    )
}

type Pick = fn(&Found) -> f64;

fn cells(found: &[Found], floor: Option<&[Found]>) -> Vec<String> {
    let middle = |all: &[Found], pick: Pick| median(all.iter().map(pick));
    let latencies: [Pick; 5] = [
        |f| f.outcome.p50,
        |f| f.outcome.p90,
        |f| f.outcome.p99,
        |f| f.outcome.p999,
        |f| f.outcome.max,
    ];
    let mut cells = if found.iter().any(|f| f.outcome.seen == 0) {
        // So far behind that nothing of the counted time came out: the percentiles say 0.
        vec!["none".to_owned(); latencies.len()]
    } else {
        latencies
            .map(|pick| format!("{:.1}", middle(found, pick)))
            .to_vec()
    };
    let is_seen = cells[0] != "none";
    for pick in [latencies[0], latencies[2]] {
        let beyond = floor
            .filter(|_| is_seen)
            .map(|f| middle(found, pick) - middle(f, pick));
        cells.push(beyond.map_or(String::new(), |ms| format!("{ms:.1}")));
    }
    cells.push(
        found
            .iter()
            .map(|f| f.outcome.missing)
            .sum::<u64>()
            .to_string(),
    );
    let cores: [Pick; 4] = [
        |f| f.cores.all,
        |f| f.cores.engine,
        |f| f.cores.ends,
        |f| f.cores.rest,
    ];
    cells.extend(cores.map(|pick| format!("{:.2}", middle(found, pick))));
    cells
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(p50: f64, seen: u64) -> Found {
        Found {
            outcome: Outcome {
                seen,
                missing: 1,
                p50,
                p99: p50 * 10.0,
                ..Outcome::default()
            },
            cores: Cores::new(10.0, 15.0, 5.0, 2.0),
        }
    }

    #[test]
    fn a_side_is_shown_beyond_the_floor() {
        let floor = [found(1.0, 9), found(3.0, 9)];
        let cells = cells(&[found(5.0, 9)], Some(&floor));
        assert_eq!(cells[0], "5.0");
        assert_eq!(cells[5..8], ["3.0", "30.0", "1"]);
        assert_eq!(cells[8..], ["1.50", "0.50", "0.20", "0.80"]);
    }

    #[test]
    fn who_showed_nothing_has_no_latency() {
        let cells = cells(&[found(0.0, 0), found(2.0, 3)], Some(&[found(1.0, 9)]));
        assert_eq!(
            cells[..8],
            ["none", "none", "none", "none", "none", "", "", "2"]
        );
    }
}
