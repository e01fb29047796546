//! What a bench found: printed, written as Markdown where that is asked for, and every sample in one file for all benches.
//!
//! `results.ndjson` beside the generated sales has a line for each bench that came to its end: when, its command line, the
//! machine, and by side and measure what each round took. Old and new figures are compared from there.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use standings_model::time::format_rfc3339;

use super::{machine, place};
use crate::problem::Problem;

/// A bench that is running.
pub struct Report {
    /// The machine, as it was at the start.
    pub machine: String,
    samples: Vec<Series>,
}

/// What one side took, round by round.
#[derive(Debug, Serialize, PartialEq)]
struct Series {
    side: String,
    measure: &'static str,
    values: Vec<f64>,
}

#[derive(Serialize)]
struct Line<'a> {
    at: String,
    command: Vec<String>,
    machine: &'a str,
    samples: &'a [Series],
}

impl Report {
    /// Begins with the machine, and says which.
    pub fn begin() -> Self {
        let machine = machine::line();
        println!("{machine}");
        Report {
            machine,
            samples: Vec::new(),
        }
    }

    /// Keeps a sample. The name of a measure ends with its unit.
    pub fn keep(&mut self, side: &str, measure: &'static str, value: f64) {
        let is = |s: &&mut Series| s.side == side && s.measure == measure;
        match self.samples.iter_mut().find(is) {
            Some(series) => series.values.push(value),
            None => self.samples.push(Series {
                side: side.to_owned(),
                measure,
                values: vec![value],
            }),
        }
    }

    /// Prints what was found, and writes it.
    pub fn end(&self, text: &str, out: Option<&Path>) -> Result<(), Problem> {
        println!("\n{text}");
        if let Some(out) = out {
            write(out, text)?;
        }
        self.record(&place::work().join("results.ndjson"))
    }

    fn record(&self, path: &Path) -> Result<(), Problem> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let line = Line {
            at: format_rfc3339(now.map_or(0, |d| d.as_millis() as i64)),
            command: std::env::args().skip(1).collect(),
            machine: &self.machine,
            samples: &self.samples,
        };
        let mut text = serde_json::to_vec(&line).map_err(|e| Problem::File {
            path: path.to_owned(),
            source: e.into(),
        })?;
        text.push(b'\n');
        folder_of(path)?;
        let file = File::options().create(true).append(true).open(path);
        let mut file = file.map_err(Problem::file(path))?;
        file.write_all(&text).map_err(Problem::file(path))
    }
}

/// Writes a file, and makes its folder.
pub fn write(path: &Path, text: &str) -> Result<(), Problem> {
    folder_of(path)?;
    fs::write(path, text).map_err(Problem::file(path))
}

/// Makes the folder of a file.
pub fn folder_of(path: &Path) -> Result<(), Problem> {
    match path.parent() {
        Some(folder) => fs::create_dir_all(folder).map_err(Problem::file(folder)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_kept_in_a_line_of_its_bench() {
        let mut report = Report {
            machine: "2 x test".to_owned(),
            samples: Vec::new(),
        };
        report.keep("a", "seconds", 1.5);
        report.keep("b", "seconds", 2.0);
        report.keep("a", "seconds", 1.25);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new").join("results.ndjson");
        report.record(&path).unwrap();
        report.record(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 2);
        let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(line["machine"], "2 x test");
        assert!(line["at"].as_str().unwrap().ends_with('Z'));
        let samples = &line["samples"];
        assert_eq!(samples[0]["side"], "a");
        assert_eq!(samples[0]["values"], serde_json::json!([1.5, 1.25]));
        assert_eq!(samples[1]["values"], serde_json::json!([2.0]));
    }
}
