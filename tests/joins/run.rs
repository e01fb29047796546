//! The engine over a history, each of its commits held against the model.

use std::collections::BTreeMap;

use serde_json::Value;
use standings_engine::event_time::partition::Policy;
use standings_model::block::PartitionId;
use standings_model::change::Commit;
use standings_model::json::push_change;
use standings_model::plan::Plan;

use crate::engine::{Keeps, Part, run};
use crate::history::History;
use crate::model::{Cut, Model, Ranking, Rows, Window, rankings};
use crate::written::{Record, fact, plan, row};

fn parts(history: &History, plan: &Plan) -> Vec<Part> {
    let table = |name: &str| plan.tables.iter().position(|t| t.name == name).unwrap();
    let mut all: Vec<(usize, bool, Vec<Record>)> = Vec::new();
    for records in &history.facts {
        let records = records.iter().map(|does| fact(history.form, does));
        all.push((table("orders"), true, records.collect()));
    }
    for (name, partitions) in [("cities", &history.cities), ("zones", &history.zones)] {
        for records in partitions {
            let records = records.iter();
            let records = records.map(|does| row(history.dimensions, name == "cities", does));
            all.push((table(name), false, records.collect()));
        }
    }
    let all = (0..).zip(all);
    let part = |(id, (table, is_fact, records))| Part {
        id,
        table,
        is_fact,
        records,
    };
    all.map(part).collect()
}

/// What is shown: by ranking and window.
type Shown = BTreeMap<(String, Window), Rows>;

/// A bound of a window, ms.
pub fn bound(value: &Value) -> i64 {
    // As the model's times: in January 2026 or the day before, whole seconds.
    let text = value.as_str().unwrap();
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let day = if text.starts_with("2025") {
        -1
    } else {
        number(8..10) - 1
    };
    let seconds = number(11..13) * 3600 + number(14..16) * 60 + number(17..19);
    1_767_225_600_000 + day * 86_400_000 + seconds * 1000
}

fn take(shown: &mut Shown, line: &[u8]) {
    let change: Value = serde_json::from_slice(line).unwrap();
    let name = change["ranking"].as_str().unwrap().to_owned();
    let window = (bound(&change["window_start"]), bound(&change["window_end"]));
    let row = &change["row"];
    let key = row["k"].as_str().map(str::to_owned);
    let rows = shown.entry((name, window)).or_default();
    if change["op"] == "delete" {
        assert!(rows.remove(&key).is_some(), "a delete of nothing: {change}");
        return;
    }
    let measures = ["total", "n", "most", "d"].map(|name| (name.to_owned(), row[name].clone()));
    rows.insert(key, Value::Object(measures.into_iter().collect()));
}

/// Holds the commits of a run against the model.
struct Check<'a> {
    about: String,
    history: &'a History,
    model: Model<'a>,
    rankings: &'a [Ranking],
    /// Windows that were over at an earlier commit, as they were shown then.
    over: BTreeMap<(usize, Window), Rows>,
    before: Option<Cut>,
    /// Windows that were over before the run are not told again.
    goes_on: bool,
}

impl Check<'_> {
    fn commit(&mut self, shown: &Shown, commit: &Commit) {
        let cut = self.cut(commit);
        for (number, ranking) in self.rankings.iter().enumerate() {
            let want = self.model.shown(ranking, &cut, None);
            let own = shown
                .iter()
                .filter(|((name, _), rows)| name == ranking.name && !rows.is_empty());
            let found: BTreeMap<Window, &Rows> =
                own.map(|((_, window), rows)| (*window, rows)).collect();
            let mut windows: Vec<Window> = want.keys().chain(found.keys()).copied().collect();
            windows.sort_unstable();
            windows.dedup();
            for window in windows {
                let nothing = Rows::new();
                let want = want.get(&window).unwrap_or(&nothing);
                let found = found.get(&window).copied().unwrap_or(&nothing);
                let is_right = match self.model.is_over(window, &cut) {
                    false => want == found,
                    true => self.stays((number, window), (want, found), &cut),
                };
                assert!(
                    is_right,
                    "{}, {}, {window:?} after {cut:?}: expected {want:#?}, found {found:#?}",
                    self.about, ranking.name
                );
            }
        }
        self.before = Some(cut);
    }

    /// Whether a window that can change no more shows what it may: what it showed at the first commit of which that is so, and
    /// then what there was to join with at some moment since the commit before.
    fn stays(&mut self, at: (usize, Window), (want, found): (&Rows, &Rows), cut: &Cut) -> bool {
        let is_known = match (self.over.get(&at), &self.before) {
            (Some(before), _) => before == found,
            (None, None) if self.goes_on => true,
            (None, before) => want == found || self.some(at, found, before.as_ref(), cut),
        };
        self.over.insert(at, found.clone());
        is_known
    }

    fn some(
        &self,
        (ranking, window): (usize, Window),
        found: &Rows,
        before: Option<&Cut>,
        cut: &Cut,
    ) -> bool {
        let from = |table: usize, p: usize| before.map_or(0, |before| before[table][p]);
        let mut all = vec![cut.clone()];
        for table in [1, 2] {
            for p in 0..cut[table].len() {
                let more = all.iter().flat_map(|of| {
                    (from(table, p)..cut[table][p]).map(|upto| {
                        let mut of = of.clone();
                        of[table][p] = upto;
                        of
                    })
                });
                let more: Vec<Cut> = more.collect();
                all.extend(more);
            }
        }
        all.iter().any(|cut| {
            let rows = self.model.shown(&self.rankings[ranking], cut, Some(window));
            rows.get(&window).unwrap_or(&Rows::new()) == found
        })
    }

    fn cut(&self, commit: &Commit) -> Cut {
        let mut ids = 0..;
        let mut of = |partitions: usize| -> Vec<usize> {
            let ids = ids.by_ref().take(partitions);
            ids.map(|id: PartitionId| commit.offsets.get(&id).copied().unwrap_or(0) as usize)
                .collect()
        };
        let history = self.history;
        [
            of(history.facts.len()),
            of(history.cities.len()),
            of(history.zones.len()),
        ]
    }
}

fn checked(history: &History, seed: u64, workers: usize, kept: Option<Keeps>) -> Option<Keeps> {
    let rankings = rankings();
    let plan = plan(history, &rankings);
    let mut check = Check {
        about: format!(
            "seed {seed}, {:?} with {:?}, {workers} workers{}",
            history.form,
            history.dimensions,
            if kept.is_some() {
                ", from a snapshot"
            } else {
                ""
            }
        ),
        history,
        model: Model::new(history),
        rankings: &rankings,
        over: BTreeMap::new(),
        before: None,
        goes_on: kept.is_some(),
    };
    let policy = Policy {
        out_of_orderness: history.out_of_orderness,
        allowed_lateness: history.lateness,
        ..Policy::default()
    };
    let by = (&plan, vec![policy; plan.tables.len()]);
    let (commits, kept) = run(parts(history, &plan), by, (seed, workers), kept);
    let (mut shown, mut line, mut told) = (Shown::new(), Vec::new(), false);
    for (number, commit) in commits.iter().enumerate() {
        for change in commit.changes.iter() {
            line.clear();
            push_change(&mut line, &plan, change, number as u64 + 1);
            take(&mut shown, &line);
        }
        // Before anything of a snapshot is shown, only offsets are told.
        told |= !commit.changes.is_empty();
        if told || !check.goes_on {
            check.commit(&shown, commit);
        }
    }
    kept
}

/// Reads all of a history; the snapshot that was made on the way, if it was long enough.
pub fn whole(history: &History, seed: u64, workers: usize) -> Option<Keeps> {
    checked(history, seed, workers, None)
}

/// Goes on from a snapshot.
pub fn from(history: &History, seed: u64, workers: usize, kept: Keeps) {
    checked(history, seed + 1_000_000, workers, Some(kept));
}
