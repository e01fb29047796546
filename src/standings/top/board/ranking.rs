//! One ranking as it is shown: the rows of a window, and how they moved lately.

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
    /// It changed after its window was closed, while we looked.
    pub corrected: bool,
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
pub struct WindowState {
    /// It is closed.
    pub is_final: bool,
    /// It changed after it was closed, while we looked.
    pub corrected: bool,
    pub(super) final_commit: u64,
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
    /// Whether a window's end is part of its name.
    by_end: bool,
    /// By name, as paths have it: the start, or `start/end`; the value also has the end.
    pub windows: BTreeMap<String, (String, WindowState)>,
    /// The name of the window that is shown.
    pub start: Option<String>,
    rows: HashMap<Vec<String>, Row>,
    /// A window whose rows are on their way, and the changes that came meanwhile.
    pub(super) pending: Option<(String, Vec<Value>)>,
}

pub(super) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn strings(value: &Value) -> Vec<String> {
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().map(string).collect()
}

impl Ranking {
    pub(super) fn new(data: &Value) -> Self {
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
            by_end: strings(&data["named_by"]).iter().any(|c| c == "window_end"),
            ..Ranking::default()
        }
    }

    pub(super) fn take_windows(&mut self, data: &Value) {
        let before = std::mem::take(&mut self.windows);
        for w in data["windows"].as_array().into_iter().flatten() {
            let start = self.window_name(w);
            let known = before
                .get(&start)
                .map(|(_, state)| *state)
                .filter(|s| s.is_final);
            let state = known.unwrap_or(WindowState {
                is_final: w["final"] == true,
                corrected: false,
                final_commit: w["commit"].as_u64().unwrap_or(0),
            });
            self.windows
                .insert(start, (string(&w["window_end"]), state));
        }
    }

    /// The name of the window that a row, a change or a window itself is of.
    pub fn window_name(&self, of: &Value) -> String {
        // Of all time it is null, and paths say `all`.
        let Some(start) = of["window_start"].as_str().map(str::to_owned) else {
            return "all".to_owned();
        };
        match self.by_end {
            true => format!("{start}/{}", string(&of["window_end"])),
            false => start,
        }
    }

    /// The start of the window that is shown.
    pub fn shown_start(&self) -> Option<&str> {
        self.start.as_ref()?.split('/').next()
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
    pub fn window(&self) -> Option<&(String, WindowState)> {
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
    pub(super) fn show(&mut self, start: Option<String>, rows: &Value, now: Instant) {
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

    pub(super) fn fold(&mut self, change: &Value, now: Instant) {
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
        // The commit that closed the window corrects nothing.
        let state = self.window().map(|(_, state)| *state);
        let is_after = |s: WindowState| s.is_final && s.final_commit != commit;
        let is_corrected = change["final"] == true && state.is_some_and(is_after);
        let mut row = place(old, rank, fields.clone(), commit, true, now);
        row.corrected |= is_corrected;
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
        corrected: old.is_some_and(|old| old.corrected),
        commit,
        from,
        moved,
    }
}
