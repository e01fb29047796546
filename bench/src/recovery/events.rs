//! Events of a run, from its log.

use std::path::Path;

use serde::Deserialize;
use standings_model::time::parse_rfc3339;

use crate::problem::Problem;

/// An event, as far as this bench wants to know. What one kind has not is 0.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    event: String,
    timestamp: String,
    /// The snapshot's number.
    pub snapshot: u64,
    /// Rows that it wrote.
    pub new_rows: f64,
    /// Bytes that it wrote.
    pub new_bytes: f64,
    /// Rows that it stands for.
    pub rows: f64,
    /// Bytes that it stands for.
    pub bytes: f64,
    /// Milliseconds from its order to its manifest.
    pub took_ms: f64,
}

impl Event {
    /// When, in seconds since 1970.
    pub fn seconds(&self) -> f64 {
        // To the millisecond, which is as exact as this is printed.
        let text = self.timestamp.as_bytes();
        let short = match text.iter().position(|b| *b == b'.') {
            Some(dot) => [&text[..text.len().min(dot + 4)], b"Z"].concat(),
            None => text.to_vec(),
        };
        parse_rfc3339(&short).unwrap_or(0) as f64 / 1000.0
    }
}

/// All of a kind, in their order. Lines that are no events are left out.
pub fn events(log: &Path, kind: &str) -> Result<Vec<Event>, Problem> {
    let text = std::fs::read_to_string(log).map_err(Problem::file(log))?;
    let all = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Event>(line).ok());
    Ok(all.filter(|e| e.event == kind).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_found_among_other_lines() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let text = "\
no event
{\"timestamp\":\"2026-11-29T12:00:00.250931Z\",\"level\":\"INFO\",\"event\":\"snapshot\",\"snapshot\":3,\"rows\":10,\"took_ms\":7}
{\"timestamp\":\"2026-11-29T12:00:01Z\",\"event\":\"starting\",\"extra\":[1]}
{\"timestamp\":\"2026-11-29T12:00:02.5Z\",\"event\":\"snap";
        std::fs::write(&log, text).unwrap();
        let all = events(&log, "snapshot").unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!(
            (all[0].snapshot, all[0].rows, all[0].took_ms),
            (3, 10.0, 7.0)
        );
        let start = events(&log, "starting").unwrap();
        assert_eq!(start[0].seconds() - all[0].seconds(), 0.75);
    }
}
