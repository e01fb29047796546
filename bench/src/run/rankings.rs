//! Rankings as lines, `RANKING WINDOW RANK KEY TOTAL COUNT LAST`: what the loops print, and what a log of changes comes to.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use standings_model::time::parse_rfc3339;

use crate::problem::Problem;

/// Lines, each as often as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines(BTreeMap<String, u64>);

impl Lines {
    /// Those of a text.
    pub fn of(text: &str) -> Self {
        text.lines().map(str::to_owned).collect()
    }

    /// Those of one ranking.
    pub fn of_ranking(&self, name: &str) -> Self {
        let its = |(line, _): &(&String, &u64)| line.split(' ').next() == Some(name);
        Lines(
            self.0
                .iter()
                .filter(its)
                .map(|(l, n)| (l.clone(), *n))
                .collect(),
        )
    }

    /// Without the order among equal totals, which SQL leaves open: ranking, window, rank, total.
    pub fn untied(&self) -> Self {
        let mut all = Lines::default();
        for (line, n) in &self.0 {
            let head: Vec<&str> = line.split(' ').take(3).collect();
            let total = line.rsplit(' ').nth(2).unwrap_or_default();
            *all.0
                .entry(format!("{} {total}", head.join(" ")))
                .or_default() += n;
        }
        all
    }

    /// Those that only one of both has.
    pub fn different(&self, other: &Self) -> Vec<String> {
        let more = |a: &Self, b: &Self| {
            let fewer = |line: &str| b.0.get(line).copied().unwrap_or(0);
            let only = a.0.iter().filter(|(line, n)| **n > fewer(line));
            only.map(|(line, _)| line.clone()).collect::<Vec<_>>()
        };
        [more(self, other), more(other, self)].concat()
    }
}

impl FromIterator<String> for Lines {
    fn from_iter<T: IntoIterator<Item = String>>(lines: T) -> Self {
        let mut all = Lines::default();
        lines
            .into_iter()
            .for_each(|line| *all.0.entry(line).or_default() += 1);
        all
    }
}

/// What a log of changes ends with.
pub struct Folded {
    /// The rankings.
    pub shown: Lines,
    /// Changes.
    pub written: u64,
    /// Of these, with another rank than before or made final.
    pub moved: u64,
}

#[derive(Deserialize)]
struct Change {
    ranking: String,
    window_start: String,
    op: String,
    rank: Value,
    previous_rank: Value,
    #[serde(rename = "final")]
    is_final: bool,
    row: HashMap<String, Value>,
}

/// Reads a log of changes to its end.
pub fn folded(path: &Path) -> Result<Folded, Problem> {
    let file = File::open(path).map_err(Problem::file(path))?;
    let mut rows: HashMap<(String, String, String), Change> = HashMap::new();
    let (mut written, mut moved) = (0, 0);
    for line in BufReader::with_capacity(1 << 20, file).lines() {
        let line = line.map_err(Problem::file(path))?;
        let change: Change = serde_json::from_str(&line).map_err(|e| Problem::File {
            path: path.to_owned(),
            source: e.into(),
        })?;
        written += 1;
        moved += u64::from(change.rank != change.previous_rank || change.is_final);
        let key = if change.ranking == CITIES {
            "city"
        } else {
            "salesman_id"
        };
        let at = (
            change.ranking.clone(),
            change.window_start.clone(),
            change.cell(key),
        );
        rows.insert(at, change);
    }
    let shown = rows
        .iter()
        .filter(|(_, c)| c.op != "delete")
        .map(|((_, _, key), c)| c.line(key));
    Ok(Folded {
        shown: shown.collect(),
        written,
        moved,
    })
}

const CITIES: &str = "top_sales_per_city";

impl Change {
    /// A cell as a text.
    fn cell(&self, column: &str) -> String {
        match self.row.get(column) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    fn line(&self, key: &str) -> String {
        let (count, last) = match self.ranking.as_str() {
            CITIES => ("transaction_count", "max_sale"),
            _ => ("deals_closed", "cities_covered"),
        };
        let window = parse_rfc3339(self.window_start.as_bytes()).unwrap_or(0);
        let [total, count, last] = ["total_sales", count, last].map(|column| self.cell(column));
        format!(
            "{} {window} {} {key} {total} {count} {last}",
            self.ranking, self.rank
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_of_changes_comes_to_the_lines_of_the_loops() {
        let change = |op: &str, rank: u32, before: &str, city: &str, is_final: bool| {
            format!(
                "{{\"ranking\":\"top_sales_per_city\",\"window_start\":\"1970-01-01T01:00:00Z\",\"op\":\"{op}\",\"rank\":{rank},\
                 \"previous_rank\":{before},\"final\":{is_final},\"row\":{{\"city\":\"{city}\",\"total_sales\":\"12.30\",\
                 \"transaction_count\":2,\"max_sale\":\"10.00\"}}}}\n"
            )
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("changes");
        let log = [
            change("upsert", 1, "null", "Łódź", false),
            change("upsert", 2, "null", "São Paulo", false),
            change("upsert", 1, "1", "Łódź", false),
            change("delete", 2, "2", "São Paulo", true),
        ];
        std::fs::write(&path, log.concat()).unwrap();
        let folded = folded(&path).unwrap();
        assert_eq!(folded.written, 4);
        assert_eq!(folded.moved, 3);
        assert_eq!(
            folded.shown,
            Lines::of("top_sales_per_city 3600000 1 Łódź 12.30 2 10.00\n")
        );
    }

    #[test]
    fn equal_totals_may_come_in_any_order() {
        let a = Lines::of("r 0 1 São Paulo 5.00 1 1\nr 0 2 Łódź 5.00 1 1\n");
        let b = Lines::of("r 0 2 São Paulo 5.00 1 1\nr 0 1 Łódź 5.00 1 1\n");
        assert_ne!(a, b);
        assert_eq!(a.different(&b).len(), 4);
        assert_eq!(a.untied(), b.untied());
        let c = Lines::of("r 0 2 São Paulo 5.01 1 1\nr 0 1 Łódź 5.00 1 1\n");
        assert_ne!(a.untied(), c.untied());
        assert_eq!(a.of_ranking("other"), Lines::default());
        assert_eq!(a.of_ranking("r"), a);
    }
}
