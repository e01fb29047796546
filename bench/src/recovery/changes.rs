//! The rankings that a log of changes ends with.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::problem::Problem;

/// Ranking, window, key.
type Key = (String, String, String, String);

/// By key: rank, row, whether it is final.
pub type Rankings = BTreeMap<Key, (Value, Value, bool)>;

#[derive(Deserialize)]
struct Change {
    ranking: String,
    window_start: String,
    op: String,
    rank: Value,
    #[serde(rename = "final")]
    is_final: bool,
    row: Map<String, Value>,
}

/// Reads a log up to its last whole line: its writer was killed.
pub fn read(path: &Path) -> Result<Rankings, Problem> {
    let file = File::open(path).map_err(Problem::file(path))?;
    let mut file = BufReader::with_capacity(1 << 20, file);
    let (mut rows, mut line) = (Rankings::new(), String::new());
    loop {
        line.clear();
        file.read_line(&mut line).map_err(Problem::file(path))?;
        if !line.ends_with('\n') {
            return Ok(rows);
        }
        let change: Change =
            serde_json::from_str(&line).map_err(|e| Problem::file(path)(e.into()))?;
        let cell = |name| change.row.get(name).map_or(String::new(), Value::to_string);
        let key = (
            change.ranking.clone(),
            change.window_start.clone(),
            cell("city"),
            cell("salesman_id"),
        );
        if change.op == "delete" {
            rows.remove(&key);
        } else {
            rows.insert(
                key,
                (change.rank, Value::Object(change.row), change.is_final),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_read_up_to_its_last_whole_line() {
        let change = |op: &str, rank: u32, city: &str| {
            format!(
                "{{\"ranking\":\"cities\",\"window_start\":\"w\",\"op\":\"{op}\",\"rank\":{rank},\"final\":false,\
                 \"row\":{{\"city\":\"{city}\",\"total_sales\":\"1.00\"}}}}\n"
            )
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("changes");
        let log = [
            change("upsert", 1, "a"),
            change("upsert", 2, "b"),
            change("delete", 1, "a"),
            change("upsert", 1, "b"),
        ];
        std::fs::write(&path, log.concat() + "{\"ranking\":\"cit").unwrap();
        let rows = read(&path).unwrap();
        assert_eq!(rows.len(), 1);
        let (key, (rank, ..)) = rows.first_key_value().unwrap();
        assert_eq!((key.2.as_str(), rank), ("\"b\"", &Value::from(1)));
    }
}
