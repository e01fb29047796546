//! What is known of the rankings: snapshots laid down, commits folded onto them, and which rows moved lately. Pure: the
//! time is given.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

/// How long a move is shown.
pub const MOVE_SHOWN: Duration = Duration::from_secs(8);

/// What happened to a row lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Nothing.
    None,
    /// It rose by so many ranks.
    Up(u64),
    /// It fell by so many.
    Down(u64),
    /// It was not on the list.
    New,
}

/// One row.
#[derive(Clone, Debug)]
pub struct Row {
    /// Rank.
    pub rank: u64,
    /// Keys and measures by name.
    pub fields: Map<String, Value>,
    /// The commit that wrote it.
    commit: u64,
    /// Rank when it began to move; 0: it was not there.
    from: u64,
    moved: Option<Instant>,
}

impl Row {
    /// What to show of its moves.
    pub fn moved(&self, now: Instant) -> Move {
        match self.moved {
            Some(at) if now.saturating_duration_since(at) < MOVE_SHOWN => match self.from {
                0 => Move::New,
                from if from > self.rank => Move::Up(from - self.rank),
                from if from < self.rank => Move::Down(self.rank - from),
                _ => Move::None,
            },
            _ => Move::None,
        }
    }

    /// A field as text; empty where it is null.
    pub fn text(&self, name: &str) -> String {
        match self.fields.get(name) {
            Some(Value::String(s)) => s.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        }
    }
}

/// A window, without its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// It is closed.
    pub is_final: bool,
    /// It changed after it was closed, while we looked.
    pub corrected: bool,
    final_commit: u64,
}

/// One ranking.
#[derive(Clone, Debug, Default)]
pub struct Ranking {
    /// Its name.
    pub name: String,
    /// Names of its fields, in the query's order.
    pub fields: Vec<String>,
    /// Names of its keys.
    pub keys: Vec<String>,
    /// The field that names a row for people.
    pub label: Option<String>,
    /// The field that orders it.
    pub score: Option<String>,
    partition: Vec<String>,
    /// By start; the value also has the end.
    pub windows: BTreeMap<String, (String, State)>,
    /// The window that is shown.
    pub start: Option<String>,
    rows: HashMap<Vec<String>, Row>,
    /// A window whose rows are on their way, and the changes that came meanwhile.
    pending: Option<(String, Vec<Value>)>,
}

/// All rankings.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// In the server's order.
    pub rankings: Vec<Ranking>,
    /// The window that was chosen; `None` follows the newest.
    pub picked: Option<String>,
    commit: u64,
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(string).collect()
}

impl Ranking {
    fn new(data: &Value) -> Self {
        let fields = data["fields"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let label = fields
            .iter()
            .find(|f| f["label"] == true && f["kind"] == "text");
        let measure = |f: &Value| f["key"] != true && f["label"] != true && f["kind"] != "text";
        let score = fields
            .iter()
            .find(|f| f["key"] != true && f["name"] == data["order_by"])
            .or_else(|| fields.iter().find(|f| measure(f)));
        Ranking {
            name: string(&data["name"]),
            fields: fields.iter().map(|f| string(&f["name"])).collect(),
            keys: match data["keys"].as_array() {
                // In the query's order, as paths have them; a SELECT may list them otherwise.
                Some(_) => strings(&data["keys"]),
                None => {
                    let keys = fields.iter().filter(|f| f["key"] == true);
                    keys.map(|f| string(&f["name"])).collect()
                }
            },
            label: label.map(|f| string(&f["name"])),
            score: score.map(|f| string(&f["name"])),
            partition: strings(&data["partition"]),
            ..Ranking::default()
        }
    }

    fn take_windows(&mut self, data: &Value) {
        let before = std::mem::take(&mut self.windows);
        for w in data["windows"].as_array().into_iter().flatten() {
            let start = string(&w["window_start"]);
            let known = before
                .get(&start)
                .map(|(_, state)| *state)
                .filter(|s| s.is_final);
            let state = known.unwrap_or(State {
                is_final: w["final"] == true,
                corrected: false,
                final_commit: w["commit"].as_u64().unwrap_or(0),
            });
            self.windows
                .insert(start, (string(&w["window_end"]), state));
        }
    }

    /// Keys of a row, in the query's order.
    pub fn key(&self, row: &Map<String, Value>) -> Vec<String> {
        let text = |k: &String| match row.get(k) {
            Some(Value::String(s)) => s.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        };
        self.keys.iter().map(text).collect()
    }

    /// A row's name for people: its label, else its keys.
    pub fn title(&self, row: &Row) -> String {
        let label = self.label.as_ref().map(|l| row.text(l)).unwrap_or_default();
        match label.is_empty() {
            true => self.key(&row.fields).join(" · "),
            false => label,
        }
    }

    /// The newest window.
    pub fn newest(&self) -> Option<&String> {
        self.windows.keys().next_back()
    }

    /// The shown window's end and state.
    pub fn window(&self) -> Option<&(String, State)> {
        self.windows.get(self.start.as_ref()?)
    }

    /// Rows in their order: partition, rank, keys.
    pub fn ordered(&self) -> Vec<&Row> {
        let mut rows: Vec<(&Vec<String>, &Row)> = self.rows.iter().collect();
        let place =
            |row: &Row| -> Vec<String> { self.partition.iter().map(|p| row.text(p)).collect() };
        rows.sort_by_cached_key(|(key, row)| (place(row), row.rank, (*key).clone()));
        rows.into_iter().map(|(_, row)| row).collect()
    }

    /// Lays rows down. Where they are of the window that is shown, moves since then are noted.
    fn show(&mut self, start: Option<String>, rows: &Value, now: Instant) {
        let same = self.start == start && !self.rows.is_empty();
        let before = std::mem::take(&mut self.rows);
        self.start = start;
        self.pending = None;
        for row in rows.as_array().into_iter().flatten() {
            let Some(fields) = row.as_object() else {
                continue;
            };
            let key = self.key(fields);
            let old = before.get(&key).filter(|_| same);
            let rank = fields.get("rank").and_then(Value::as_u64).unwrap_or(0);
            let commit = fields.get("commit").and_then(Value::as_u64).unwrap_or(0);
            let row = place(old, rank, fields.clone(), commit, same, now);
            self.rows.insert(key, row);
        }
    }

    fn fold(&mut self, change: &Value, now: Instant) {
        let Some(fields) = change["row"].as_object() else {
            return;
        };
        let key = self.key(fields);
        let commit = change["commit"].as_u64().unwrap_or(0);
        let old = self.rows.get(&key);
        if old.is_some_and(|old| old.commit >= commit) {
            return;
        }
        if change["op"] == "delete" {
            self.rows.remove(&key);
            return;
        }
        let rank = change["rank"].as_u64().unwrap_or(0);
        let row = place(old, rank, fields.clone(), commit, true, now);
        self.rows.insert(key, row);
    }
}

/// A row at its new rank. A row that still shows a move goes on from where that move began.
fn place(
    old: Option<&Row>,
    rank: u64,
    fields: Map<String, Value>,
    commit: u64,
    seen: bool,
    now: Instant,
) -> Row {
    let (from, moved) = match old {
        Some(old) if old.rank == rank => (old.from, old.moved),
        Some(old) => match old.moved(now) {
            Move::None => (old.rank, Some(now)),
            _ => (old.from, Some(now)),
        },
        None => (0, seen.then_some(now)),
    };
    Row {
        rank,
        fields,
        commit,
        from,
        moved,
    }
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
            let start = string(&change["window_start"]);
            let is_final = change["final"] == true;
            match ranking.windows.get_mut(&start) {
                Some((_, state)) if is_final && !state.is_final => {
                    (state.is_final, state.final_commit) = (true, commit);
                }
                Some((_, state)) if is_final => state.corrected |= state.final_commit != commit,
                Some(_) => {}
                None if change["op"] == "delete" => {}
                None => {
                    let state = State {
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
mod tests {
    use super::*;
    use serde_json::json;

    const DAY1: &str = "2026-01-23T00:00:00Z";
    const DAY2: &str = "2026-01-24T00:00:00Z";

    fn row(city: &str, rank: u64, total: &str) -> Value {
        json!({"window_start": DAY1, "window_end": DAY2, "rank": rank, "city": city, "total_sales": total, "final": false, "commit": 1})
    }

    fn board(now: Instant) -> Board {
        let mut board = Board::default();
        let data = json!({"commit": 1, "rankings": [{"name": "cities", "order_by": "total_sales", "partition": [],
            "fields": [{"name": "city", "key": true, "label": false, "kind": "text"},
                       {"name": "total_sales", "key": false, "label": false, "kind": "decimal"}],
            "windows": [{"window_start": DAY1, "window_end": DAY2, "final": false, "commit": 1}],
            "rows": [row("Lisbon", 1, "3.00"), row("Porto", 2, "2.00"), row("Faro", 3, "1.00")]}]});
        assert!(board.snapshot(&data, now).is_empty());
        board
    }

    fn change(city: &str, rank: Option<u64>, start: &str, is_final: bool, commit: u64) -> Value {
        let op = if rank.is_some() { "upsert" } else { "delete" };
        json!({"ranking": "cities", "op": op, "window_start": start, "window_end": DAY2, "rank": rank,
               "row": {"city": city, "total_sales": "9.00"}, "final": is_final, "commit": commit})
    }

    fn commit(board: &mut Board, number: u64, changes: &[Value], now: Instant) {
        board.commit(&json!({"commit": number, "changes": changes}), now);
    }

    fn seen(board: &Board, now: Instant) -> Vec<(String, u64, Move)> {
        let r = &board.rankings[0];
        r.ordered()
            .iter()
            .map(|row| (r.title(row), row.rank, row.moved(now)))
            .collect()
    }

    #[test]
    fn moves_add_up_while_they_are_shown_and_then_fade() {
        let now = Instant::now();
        let mut b = board(now);
        assert!(
            seen(&b, now).iter().all(|(_, _, m)| *m == Move::None),
            "what is there at first is not new"
        );
        commit(
            &mut b,
            2,
            &[
                change("Faro", Some(2), DAY1, false, 2),
                change("Porto", Some(3), DAY1, false, 2),
            ],
            now,
        );
        let later = now + Duration::from_secs(3);
        commit(
            &mut b,
            3,
            &[
                change("Faro", Some(1), DAY1, false, 3),
                change("Lisbon", None, DAY1, false, 3),
                change("Braga", Some(2), DAY1, false, 3),
            ],
            later,
        );
        let told = [
            ("Faro".to_owned(), 1, Move::Up(2)),
            ("Braga".to_owned(), 2, Move::New),
            ("Porto".to_owned(), 3, Move::Down(1)),
        ];
        assert_eq!(seen(&b, later), told);
        // A commit that was seen changes nothing.
        commit(
            &mut b,
            3,
            &[change("Porto", Some(1), DAY1, false, 3)],
            later,
        );
        assert_eq!(seen(&b, later), told);
        assert!(
            seen(&b, later + MOVE_SHOWN)
                .iter()
                .all(|(_, _, m)| *m == Move::None)
        );
    }

    #[test]
    fn a_window_closes_and_is_then_corrected() {
        let now = Instant::now();
        let mut b = board(now);
        let all = |n| {
            ["Lisbon", "Porto", "Faro"]
                .iter()
                .zip(1..)
                .map(|(c, r)| change(c, Some(r), DAY1, true, n))
                .collect::<Vec<_>>()
        };
        commit(&mut b, 2, &all(2), now);
        assert_eq!(
            b.rankings[0]
                .window()
                .map(|w| (w.1.is_final, w.1.corrected)),
            Some((true, false))
        );
        commit(&mut b, 3, &[change("Faro", Some(3), DAY1, true, 3)], now);
        assert_eq!(
            b.rankings[0]
                .window()
                .map(|w| (w.1.is_final, w.1.corrected)),
            Some((true, true))
        );
    }

    #[test]
    fn the_newest_window_is_followed_unless_one_was_chosen() {
        let now = Instant::now();
        let mut b = board(now);
        commit(&mut b, 2, &[change("Porto", Some(1), DAY2, false, 2)], now);
        assert_eq!(b.rankings[0].start.as_deref(), Some(DAY2));
        assert_eq!(seen(&b, now).len(), 1);
        let older = b.step("cities", -1).unwrap();
        assert_eq!(b.pick(older), [("cities".to_owned(), DAY1.to_owned())]);
        // What comes while the rows are on their way is not lost, and not counted twice.
        commit(
            &mut b,
            3,
            &[
                change("Faro", Some(1), DAY1, false, 3),
                change("Braga", Some(1), DAY2, false, 3),
            ],
            now,
        );
        b.window(
            "cities",
            DAY1,
            &json!([row("Lisbon", 1, "3.00"), row("Faro", 3, "1.00")]),
            now,
        );
        assert_eq!(
            seen(&b, now)
                .iter()
                .map(|s| s.0.as_str())
                .collect::<Vec<_>>(),
            ["Faro", "Lisbon"]
        );
        assert_eq!(b.step("cities", -1), None);
        assert_eq!(
            b.step("cities", 1),
            Some(None),
            "the newest is followed again"
        );
    }
}
