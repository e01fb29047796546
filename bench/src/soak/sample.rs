//! What is looked at each time: memory, disk, p99, threads, files, keys.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::harness::metrics::{Buckets, Metrics};
use crate::harness::report::{Report, folder_of};
use crate::problem::Problem;

/// One look.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Since the start.
    pub at: Duration,
    /// Resident bytes.
    pub memory: f64,
    /// Bytes of snapshots.
    pub disk: f64,
    /// Milliseconds from reading a sale to its commit, since the look before; none when nothing was committed.
    pub p99: Option<f64>,
    /// Threads.
    pub threads: f64,
    /// Open files.
    pub files: f64,
    /// (window, key) pairs.
    pub keys: f64,
}

impl Sample {
    /// For the results of all benches.
    pub fn keep(&self, report: &mut Report) {
        for (measure, value) in [
            ("at seconds", self.at.as_secs_f64()),
            ("memory bytes", self.memory),
            ("disk bytes", self.disk),
            ("p99 ms", self.p99.unwrap_or(-1.0)),
            ("threads", self.threads),
            ("files", self.files),
            ("keys", self.keys),
        ] {
            report.keep("soak", measure, value);
        }
    }
}

/// All looks; each is a line of a file at once.
pub struct Samples {
    /// So far.
    pub all: Vec<Sample>,
    before: Buckets,
    state: PathBuf,
    out: File,
    path: PathBuf,
}

impl Samples {
    /// None yet. `state` is the folder of the snapshots.
    pub fn new(path: &Path, state: PathBuf) -> Result<Self, Problem> {
        folder_of(path)?;
        let mut out = File::create(path).map_err(Problem::file(path))?;
        writeln!(
            out,
            "seconds,memory_bytes,disk_bytes,p99_ms,threads,files,keys,read"
        )
        .map_err(Problem::file(path))?;
        Ok(Samples {
            all: Vec::new(),
            before: Buckets::default(),
            state,
            out,
            path: path.to_owned(),
        })
    }

    /// One more.
    pub fn take(&mut self, at: Duration, process: u32, metrics: &Metrics) -> Result<(), Problem> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        let status = folder.join("status");
        let status = fs::read_to_string(&status).map_err(Problem::file(&status))?;
        let files = folder.join("fd");
        let files = fs::read_dir(&files).map_err(Problem::file(&files))?.count();
        let sample = Sample {
            at,
            memory: field(&status, "VmRSS") * 1024.0,
            disk: on_disk(&self.state) as f64,
            p99: metrics.commits.since(&self.before).quantile(0.99),
            threads: field(&status, "Threads"),
            files: files as f64,
            keys: metrics.sum("standings_live_keys"),
        };
        self.before = metrics.commits.clone();
        let p99 = sample.p99.map_or(String::new(), |p| format!("{p:.1}"));
        let Sample {
            memory,
            disk,
            threads,
            files,
            keys,
            ..
        } = &sample;
        let read = metrics.sum("standings_records_read_total");
        let line = format!(
            "{:.0},{memory},{disk},{p99},{threads},{files},{keys},{read}",
            at.as_secs_f64()
        );
        writeln!(self.out, "{line}").map_err(Problem::file(&self.path))?;
        self.all.push(sample);
        Ok(())
    }
}

/// A number of `/proc/N/status`.
fn field(status: &str, name: &str) -> f64 {
    let line = status
        .lines()
        .find_map(|l| l.strip_prefix(name)?.strip_prefix(':'));
    let number = line.and_then(|l| l.split_whitespace().next());
    number.and_then(|n| n.parse().ok()).unwrap_or(0.0)
}

/// Bytes of all files in a folder. What goes in the meantime, as a snapshot that is replaced does, is not counted.
fn on_disk(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => on_disk(&entry.path()),
            Ok(about) => about.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_at_this_process_is_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        fs::create_dir_all(state.join("a")).unwrap();
        fs::write(state.join("a/b"), [0; 300]).unwrap();
        fs::write(state.join("c"), [0; 41]).unwrap();
        let path = dir.path().join("soak.csv");
        let mut samples = Samples::new(&path, state).unwrap();
        let metrics = Metrics::parse("standings_live_keys 7\nstandings_records_read_total 9\n");
        samples
            .take(Duration::from_secs(3), std::process::id(), &metrics)
            .unwrap();
        let sample = &samples.all[0];
        assert!(
            sample.memory > 1e6 && sample.threads >= 1.0 && sample.files >= 3.0,
            "{sample:?}"
        );
        assert_eq!((sample.disk, sample.keys, sample.p99), (341.0, 7.0, None));
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().nth(1).unwrap();
        assert!(
            line.starts_with("3,") && line.ends_with(",7,9") && line.contains(",341,,"),
            "{line}"
        );
    }
}
