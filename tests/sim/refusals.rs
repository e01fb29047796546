//! Rows that a sink does not take, while it takes the others: by a rule of the world that looks at nothing but the row, so
//! that what was refused once is refused again. What a sink shows is then the reference without just these rows, and each
//! has its letter before the commit.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;
use standings_model::reject::{Reject, RejectKind, SINK_REFUSED};

use crate::orders::{is_closed, shape};
use crate::support::{Dice, Rows, at_of};
use crate::world::{Sink, World};

/// Ranking, window start, keys.
pub type At = (String, i64, Vec<String>);

/// Bytes of a text that makes a message too large, and of the largest message that the log takes.
const LONG: usize = 800;
const LARGEST: usize = 700;

/// Which rows are refused, and what was told of them.
#[derive(Default)]
pub struct Refusals {
    /// Of so many rows the database refuses one; 0: none.
    one_in: u64,
    /// By what is in it too, not by its key alone: it may be taken later, and refused again.
    by_value: bool,
    /// Only when the transaction ends.
    pub at_commit: bool,
    /// Messages that are too large are refused by the log.
    pub log: bool,
    /// How often each was told of.
    letters: BTreeMap<(&'static str, String), u64>,
    /// Rows that were refused at some time.
    ever: BTreeMap<&'static str, BTreeSet<At>>,
}

impl Refusals {
    /// Of some seeds; some texts of the input become too long for the log, if they may.
    pub fn roll(dice: &mut Dice, input: &mut [Vec<String>], texts: bool) -> Self {
        let refusals = Refusals {
            one_in: [0, 6, 20, 60][dice.roll(4) as usize],
            by_value: dice.roll(2) == 0,
            at_commit: dice.roll(3) == 0,
            log: dice.roll(2) == 0 && texts,
            ..Refusals::default()
        };
        if refusals.log {
            let long = "x".repeat(LONG);
            for line in input.iter_mut().flatten() {
                *line = line.replace("Łódź", &long);
                if line.contains("\"Ana 2\"") && dice.roll(3) == 0 {
                    *line = line.replace("Ana 2", &long);
                }
            }
        }
        refusals
    }

    /// Whether there are any.
    pub fn is_some(&self) -> bool {
        self.one_in > 0 || self.log
    }

    /// Whether a sink refuses a row.
    pub fn refuses(&self, sink: Sink, at: &At, values: &[Value]) -> bool {
        match sink {
            Sink::Log => {
                let is_long = |text: &str| text.len() >= LONG;
                let texts = values.iter().filter_map(Value::as_str);
                self.log && (at.2.iter().any(|key| is_long(key)) || texts.into_iter().any(is_long))
            }
            Sink::Database if self.one_in == 0 => false,
            Sink::Database => {
                let mut hasher = DefaultHasher::new();
                at.hash(&mut hasher);
                if self.by_value {
                    values
                        .iter()
                        .for_each(|value| value.to_string().hash(&mut hasher));
                }
                hasher.finish().is_multiple_of(self.one_in)
            }
        }
    }

    /// The most bytes of a message of the log.
    pub fn largest(&self) -> usize {
        match self.log {
            true => LARGEST,
            false => usize::MAX,
        }
    }
}

/// A line of a change: what it is of, its rank, its values, and whether its window is closed.
pub struct Line {
    pub at: At,
    rank: Option<u64>,
    values: Vec<Value>,
    is_final: bool,
}

impl Line {
    pub fn read(line: &str) -> Self {
        let change: Value = serde_json::from_str(line).expect("a change");
        let at = at_of(&change, shape);
        let measures = shape(&at.0).measures.iter();
        let measures = measures.map(|m| change["row"][*m].clone());
        Line {
            values: measures.collect(),
            rank: change["rank"].as_u64(),
            is_final: change["final"] == true,
            at,
        }
    }

    /// Whether it is a row that a sink refuses.
    pub fn is_refused(&self, by: &Refusals, sink: Sink) -> bool {
        self.rank.is_some() && by.refuses(sink, &self.at, &self.values)
    }
}

/// A row as a letter names it.
fn version(at: &At, rank: u64, values: &[Value]) -> String {
    format!("{at:?} {rank} {values:?}")
}

impl World {
    /// What a sink shows of the rows that a prefix has.
    pub fn taken(&self, sink: Sink, mut rows: Rows) -> Rows {
        if self.refusals.is_some() {
            rows.retain(|at, (_, values)| !self.refusals.refuses(sink, at, values));
        }
        rows
    }

    /// A sink takes changes over: of rows that it refused at some time it does not show what the engine knows.
    pub fn excuse(&mut self, sink: Sink) {
        let Some(ever) = self.refusals.ever.get(sink.name()) else {
            return;
        };
        let ever = ever.clone();
        self.shown(sink).folding.refused = ever;
    }

    /// Every row that a sink should show and refuses was told of, at the latest when the commit is there.
    pub fn check_letters(&mut self, sink: Sink) {
        if !self.refusals.is_some() {
            return;
        }
        let (offsets, n) = (self.shown(sink).offsets.clone(), self.shown(sink).commit);
        let want = self.reference(&offsets);
        for (at, (rank, values)) in &want.rows {
            let told = (sink.name(), version(at, *rank, values));
            let is_refused = self.refusals.refuses(sink, at, values);
            assert!(
                !is_refused || self.refusals.letters.contains_key(&told),
                "I12: {}: commit {n} lacks a row that nobody was told of: {}",
                sink.name(),
                told.1
            );
        }
    }

    /// A letter of a row that a sink did not take. Of a row that it shows as refused it is told again only where it was
    /// behind, which a kill brings about.
    pub fn refused_letter(&mut self, cluster: u64, reject: &Reject) {
        let RejectKind::Dead { reason, detail, .. } = &reject.kind else {
            return;
        };
        assert_eq!(reason, SINK_REFUSED);
        let sink = match detail.starts_with("database: ") {
            true => Sink::Database,
            false => Sink::Log,
        };
        let text = String::from_utf8(reject.bytes.clone()).expect("a change is UTF-8");
        let line = Line::read(&text);
        assert!(
            line.is_refused(&self.refusals, sink),
            "I12: a letter of a row that {} takes: {text}",
            sink.name()
        );
        let told = (
            sink.name(),
            version(&line.at, line.rank.unwrap_or(0), &line.values),
        );
        let (here, there) = (self.shown(sink).commit, self.shown(sink.other()).commit);
        // A zombie's commit, and its letters, may be the newest cluster's too.
        let excused = here < there || self.seen.put_back > 0 || cluster != self.newest;
        if self.refusals.letters.contains_key(&told) && !excused {
            let offsets = self.shown(sink).offsets.clone();
            let closed = self.shown(sink).watermark.unwrap_or(i64::MIN);
            let shows = self.reference(&offsets);
            let same = shows
                .rows
                .get(&line.at)
                .is_some_and(|(rank, values)| Some(*rank) == line.rank && *values == line.values);
            let was_final = is_closed(&line.at.0, line.at.1, closed);
            assert!(
                !same || was_final != line.is_final,
                "I12: {} (commit {here}) had refused a row, and told of it, and that is told again: {text}",
                sink.name()
            );
        }
        *self.refusals.letters.entry(told).or_default() += 1;
        let ever = self.refusals.ever.entry(sink.name()).or_default();
        ever.insert(line.at);
        self.seen.letters += 1;
    }
}
