//! One run at one point, and what it says of itself meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::points::Point;
use crate::harness::measure::{self, Invocation};
use crate::harness::metrics::Metrics;
use crate::harness::server::free_address;
use crate::harness::{place, sales};
use crate::problem::Problem;

/// What it took.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// CPU seconds.
    pub cpu: f64,
    /// Seconds.
    pub seconds: f64,
    /// Peak bytes.
    pub memory: f64,
    /// The most live (window, key) pairs.
    pub pairs: f64,
    /// Milliseconds from read to commit, 99 of a hundred.
    pub p99: f64,
}

/// How often it is looked at.
const EACH: Duration = Duration::from_millis(100);

/// Runs a point once.
pub fn run(folder: &Path, point: &Point) -> Result<Found, Problem> {
    let file = sales::file(&point.name, &point.shape)?;
    let queries = folder.join(format!("{}-{}", point.dimension, point.value));
    fs::create_dir_all(&queries).map_err(Problem::file(&queries))?;
    let query = queries.join("top.sql");
    fs::write(&query, &point.query).map_err(Problem::file(&query))?;
    let sources: Vec<PathBuf> = match point.partitions {
        1 => vec![file],
        n => sales::split(&file, n)?,
    };
    let address = free_address()?;
    let mut command = Invocation::new(place::standings())
        .silent()
        .args([
            "run",
            "--queries",
            &queries.display().to_string(),
            "--sink",
            "file:/dev/null",
        ])
        .args(["--until-end", "--http", &address])
        .args(&point.flags);
    for source in &sources {
        command = command.args(["--source", &sales::source(source)]);
    }
    let ended = AtomicBool::new(false);
    let (took, (pairs, p99)) = std::thread::scope(|scope| {
        let looks = scope.spawn(|| look(&address, &ended));
        let took = measure::run(&command);
        ended.store(true, Ordering::Relaxed);
        (took, looks.join().unwrap_or_default())
    });
    let took = took?;
    Ok(Found {
        cpu: took.cpu,
        seconds: took.seconds,
        memory: took.memory as f64,
        pairs,
        p99,
    })
}

/// The most pairs, and the last 99th percentile, until it has ended.
fn look(address: &str, ended: &AtomicBool) -> (f64, f64) {
    let (mut pairs, mut p99) = (0.0, 0.0);
    while !ended.load(Ordering::Relaxed) {
        if let Ok(metrics) = Metrics::ask(address) {
            pairs = f64::max(pairs, metrics.sum("standings_live_keys"));
            p99 = metrics.commits.at_most(0.99).unwrap_or(p99);
        }
        std::thread::sleep(EACH);
    }
    (pairs, p99)
}
