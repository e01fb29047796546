//! What the sources tell, as metrics (OpenMetrics text).

use std::fmt::Write;
use std::time::SystemTime;

use super::state::State;
use super::told::{Board, Now};

/// Name, type, help.
type Family = (&'static str, &'static str, &'static str);

/// What it shows of a source.
type Value = fn(&Now) -> f64;

/// All families but the state's, with what each shows of a source.
const FAMILIES: &[(Family, Value)] = &[
    (
        (
            "standings_ingest_records",
            "counter",
            "Records committed into Kafka.",
        ),
        |n| n.records as f64,
    ),
    (
        (
            "standings_ingest_bytes",
            "counter",
            "Bytes of their values.",
        ),
        |n| n.bytes as f64,
    ),
    (
        (
            "standings_ingest_dead_letters",
            "counter",
            "What could not be taken.",
        ),
        |n| n.letters as f64,
    ),
    (
        (
            "standings_ingest_duplicates",
            "counter",
            "What came twice, and was not written.",
        ),
        |n| n.duplicates as f64,
    ),
    (
        (
            "standings_ingest_transactions",
            "counter",
            "Transactions committed.",
        ),
        |n| n.transactions as f64,
    ),
    (
        (
            "standings_ingest_failures",
            "counter",
            "Attempts that failed.",
        ),
        |n| n.failures as f64,
    ),
    (
        (
            "standings_ingest_breaker_open",
            "gauge",
            "1 while the endpoint is left alone.",
        ),
        |n| f64::from(u8::from(n.breaker_open)),
    ),
    (
        (
            "standings_ingest_generation",
            "gauge",
            "Which instance of the source this is.",
        ),
        |n| n.generation as f64,
    ),
    (
        (
            "standings_ingest_last_commit_seconds",
            "gauge",
            "When it committed last, seconds since 1970; 0 for never.",
        ),
        |n| seconds(n.committed_at),
    ),
    (
        (
            "standings_ingest_lag_seconds",
            "gauge",
            "From reading the oldest record of the last transaction to its commit.",
        ),
        |n| n.lag,
    ),
];

fn seconds(at: Option<SystemTime>) -> f64 {
    let passed = at.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
    passed.map_or(0.0, |d| d.as_secs_f64())
}

/// The names of all of them, as a page lists them.
pub fn names() -> Vec<(&'static str, &'static str)> {
    let state = (
        "standings_ingest_state",
        "1 for what the source does, 0 for the others: snapshot, streaming, waiting, broken.",
    );
    std::iter::once(state)
        .chain(FAMILIES.iter().map(|((name, _, help), _)| (*name, *help)))
        .collect()
}

/// All of them.
pub fn text(board: &Board) -> String {
    let all: Vec<(String, Now)> = board
        .sources
        .iter()
        .map(|told| (told.name.clone(), told.now()))
        .collect();
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "# HELP standings_ingest_state What each source does.\n# TYPE standings_ingest_state gauge\n"
    );
    for (source, now) in &all {
        for word in State::WORDS {
            let is = u8::from(now.state.word() == word);
            let _ = writeln!(
                out,
                "standings_ingest_state{{source=\"{source}\",state=\"{word}\"}} {is}"
            );
        }
    }
    for ((name, kind, help), value) in FAMILIES {
        let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        let ending = if *kind == "counter" { "_total" } else { "" };
        for (source, now) in &all {
            let _ = writeln!(out, "{name}{ending}{{source=\"{source}\"}} {}", value(now));
        }
    }
    out.push_str("# EOF\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::told::Told;

    #[test]
    fn a_broken_source_is_shown_as_broken_and_as_nothing_else() {
        let at = SystemTime::UNIX_EPOCH;
        let told = Told::new("shop", "files", "sales", at);
        told.update(|now| now.records = 7);
        told.state(State::Broken("gone".to_owned()), at);
        let board = Board {
            sources: vec![told],
        };
        let text = text(&board);
        assert!(
            text.contains("standings_ingest_state{source=\"shop\",state=\"broken\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("standings_ingest_state{source=\"shop\",state=\"streaming\"} 0\n"));
        assert!(text.contains("standings_ingest_records_total{source=\"shop\"} 7\n"));
        assert!(text.ends_with("# EOF\n"));
        assert_eq!(board.unready(), ["shop: broken(gone)"]);
        assert!(names().iter().all(|(name, _)| text.contains(name)));
    }
}
