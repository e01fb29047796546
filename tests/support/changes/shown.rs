//! What a log of changes shows, commit by commit, held to its own rules.

use std::collections::BTreeSet;

use serde_json::Value;

use super::rankings::{Ranking, Shown, Window, key_of};
use crate::support::millis;

/// Changes folded onto each other.
#[derive(Default)]
pub struct Fold {
    pub rows: Shown,
    /// Rows that are final.
    pub finals: BTreeSet<(String, Option<Window>, String)>,
    commit: u64,
    seen: BTreeSet<(String, Option<Window>, String)>,
}

impl Fold {
    /// The next change. Panics where it breaks a rule.
    pub fn change(&mut self, rankings: &[Ranking], line: &str) {
        let change: Value = serde_json::from_str(line).unwrap();
        let number = change["commit"].as_u64().unwrap();
        assert!(number >= self.commit, "commits went back: {line}");
        if number > self.commit {
            self.commit = number;
            self.seen.clear();
        }
        let name = change["ranking"].as_str().unwrap();
        let ranking = rankings.iter().find(|r| r.name == name).unwrap();
        let bound = |name: &str| change[name].as_str().map(millis);
        let window = bound("window_start").zip(bound("window_end"));
        let row = change["row"].as_object().unwrap();
        let at = (name.to_owned(), window, key_of(ranking.keys, row));
        assert!(
            self.seen.insert(at.clone()),
            "a key twice in a commit: {line}"
        );
        let before = self.rows.get(&at).map(|r| r.0);
        assert_eq!(
            change["previous_rank"].as_u64(),
            before,
            "the rank before: {line}"
        );
        let is_final = change["final"].as_bool().unwrap();
        match change["rank"].as_u64() {
            None => {
                assert_eq!(change["op"], "delete", "{line}");
                assert!(
                    self.rows.remove(&at).is_some(),
                    "a delete of nothing: {line}"
                );
                self.finals.remove(&at);
            }
            Some(rank) => {
                assert_eq!(change["op"], "upsert", "{line}");
                let now = (rank, change["row"].clone());
                let was_final = self.finals.contains(&at);
                if is_final {
                    self.finals.insert(at.clone());
                }
                let is_same = self.rows.get(&at) == Some(&now) && was_final == is_final;
                assert!(!is_same, "a change that changes nothing: {line}");
                self.rows.insert(at, now);
            }
        }
    }
}
