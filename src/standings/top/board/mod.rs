//! What is known of the rankings: snapshots laid down, commits folded onto them, and which rows moved lately. Pure: the
//! time is given.

mod ranking;

use std::time::Instant;

use serde_json::Value;

use self::ranking::string;
pub use self::ranking::{MOVE_SHOWN, Move, Ranking, Row, WindowState};

/// All rankings.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// In the server's order.
    pub rankings: Vec<Ranking>,
    /// The window that was chosen; `None` follows the newest.
    pub picked: Option<String>,
    commit: u64,
}

impl Board {
    /// A ranking by name.
    pub fn find(&self, name: &str) -> Option<&Ranking> {
        self.rankings.iter().find(|r| r.name == name)
    }

    /// A `snapshot` event. Returns rankings whose shown window must be asked for: it is not the newest.
    pub fn snapshot(&mut self, data: &Value, now: Instant) -> Vec<String> {
        self.commit = data["commit"].as_u64().unwrap_or(0);
        let mut ask = Vec::new();
        for given in data["rankings"].as_array().into_iter().flatten() {
            let name = string(&given["name"]);
            let at = match self.rankings.iter().position(|r| r.name == name) {
                Some(at) => at,
                None => {
                    self.rankings.push(Ranking::new(given));
                    self.rankings.len() - 1
                }
            };
            let ranking = &mut self.rankings[at];
            ranking.take_windows(given);
            let newest = ranking.newest().cloned();
            match &self.picked {
                Some(p) if Some(p) != newest.as_ref() && ranking.windows.contains_key(p) => {
                    ranking.pending = Some((p.clone(), Vec::new()));
                    ask.push(name);
                }
                _ => ranking.show(newest, &given["rows"], now),
            }
        }
        ask
    }

    /// A `commit` event.
    pub fn commit(&mut self, data: &Value, now: Instant) {
        let commit = data["commit"].as_u64().unwrap_or(0);
        if commit <= self.commit {
            return;
        }
        self.commit = commit;
        for change in data["changes"].as_array().into_iter().flatten() {
            let Some(ranking) = self
                .rankings
                .iter_mut()
                .find(|r| change["ranking"] == r.name.as_str())
            else {
                continue;
            };
            let start = ranking.window_name(change);
            let is_final = change["final"] == true;
            match ranking.windows.get_mut(&start) {
                Some((_, state)) if is_final && !state.is_final => {
                    (state.is_final, state.final_commit) = (true, commit);
                }
                Some((_, state)) if is_final => state.corrected |= state.final_commit != commit,
                Some(_) => {}
                None if change["op"] == "delete" => {}
                None => {
                    let state = WindowState {
                        is_final,
                        corrected: false,
                        final_commit: commit,
                    };
                    ranking
                        .windows
                        .insert(start.clone(), (string(&change["window_end"]), state));
                    if self.picked.is_none()
                        && ranking.newest() == Some(&start)
                        && ranking.pending.is_none()
                    {
                        ranking.show(Some(start.clone()), &Value::Null, now);
                    }
                }
            }
            match &mut ranking.pending {
                Some((wanted, changes)) if *wanted == start => changes.push(change.clone()),
                Some(_) => {}
                None if ranking.start.as_ref() == Some(&start) => ranking.fold(change, now),
                None => {}
            }
        }
    }

    /// Rows of a window that was asked for.
    pub fn window(&mut self, name: &str, start: &str, rows: &Value, now: Instant) {
        let Some(ranking) = self.rankings.iter_mut().find(|r| r.name == name) else {
            return;
        };
        // Another window was chosen meanwhile, or a snapshot came.
        let Some((_, changes)) = ranking.pending.take_if(|(wanted, _)| wanted == start) else {
            return;
        };
        ranking.show(Some(start.to_owned()), rows, now);
        for change in &changes {
            ranking.fold(change, now);
        }
    }

    /// The window could not be had: what is shown stays.
    pub fn window_failed(&mut self, name: &str, start: &str) {
        if let Some(ranking) = self.rankings.iter_mut().find(|r| r.name == name) {
            ranking.pending.take_if(|(wanted, _)| wanted == start);
        }
    }

    /// Chooses a window (`None`: the newest) for every ranking that has it. Returns what must be asked for.
    pub fn pick(&mut self, start: Option<String>) -> Vec<(String, String)> {
        self.picked = start;
        let mut ask = Vec::new();
        for ranking in &mut self.rankings {
            let picked = self
                .picked
                .as_ref()
                .filter(|p| ranking.windows.contains_key(*p));
            let Some(want) = picked.or(ranking.newest()).cloned() else {
                continue;
            };
            if ranking.start.as_ref() == Some(&want) {
                ranking.pending = None;
            } else {
                ranking.pending = Some((want.clone(), Vec::new()));
                ask.push((ranking.name.clone(), want));
            }
        }
        ask
    }

    /// The window `by` steps newer (negative: older) than the one that is shown in this ranking.
    pub fn step(&self, ranking: &str, by: i64) -> Option<Option<String>> {
        let ranking = self.find(ranking)?;
        let starts: Vec<_> = ranking.windows.keys().collect();
        let wanted = ranking.pending.as_ref().map(|(start, _)| start);
        let shown = wanted.or(ranking.start.as_ref())?;
        let at = starts.iter().position(|s| *s == shown)? as i64 + by;
        match usize::try_from(at).ok().filter(|at| *at < starts.len()) {
            Some(at) if at + 1 == starts.len() => Some(None),
            Some(at) => Some(Some(starts[at].clone())),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests;
