//! Worlds whose topic is a table that changes: its history, in one of the forms, the rankings over it, and what a batch query
//! over the table as it stood returns (`support/changes`).
//!
//! ```text
//! dice ─► history ─┬─► lines of the topic: key │ U+001F │ value, or the value alone
//!                  └─► model ─► rows, kinds and late halves of every prefix
//! ```

use std::collections::BTreeSet;
use std::ops::Range;

use standings_engine::event_time::partition::Policy;
use standings_model::plan::Plan;
use standings_model::reject::{Half as ModelHalf, Reject, RejectKind};

use crate::changes::forms::{table, write};
use crate::changes::history::history;
use crate::changes::model::{self, Counts, Half, Model};
use crate::changes::rankings::{self, Ranking};
use crate::changes::{Before, Form, Row, What};
use crate::support::{ALWAYS, Dice, HOUR, Reference, Rows, Shape, key_text, shipped};

/// What is between a record's key and its value.
const SEPARATOR: char = '\u{1f}';

/// To borders of windows times are moved by so much.
const STEP: i64 = 30 * 60_000;

/// Whether a seed's table is one that changes: of one in three it is.
pub fn is_in(seed: u64) -> bool {
    Dice::new(seed ^ 0xc4a6).roll(3) == 0
}

/// The table, and what is asked of it.
pub struct Orders {
    form: Form,
    policy: model::Policy,
    rankings: Vec<Ranking>,
    records: Vec<Vec<What>>,
}

impl Orders {
    /// Partitions from `first` on are added later: they do not reach back to windows that the others have left behind.
    pub fn roll(dice: &mut Dice, partitions: usize, first: usize) -> Self {
        let form = [
            Form::Upsert,
            Form::Debezium,
            Form::Debezium,
            Form::DeleteField,
        ];
        let form = form[dice.roll(4) as usize];
        let policy = model::Policy {
            out_of_orderness: [0, 60_000, 600_000][dice.roll(3) as usize],
            allowed_lateness: [0, 300_000, HOUR][dice.roll(3) as usize],
        };
        let mut rankings = rankings::all();
        // One of all time holds every row.
        if dice.roll(3) == 0 {
            rankings.push(rankings::always());
        }
        let mut records = history(dice, form, partitions, 60);
        // Rankings of rankings, in one of two: no dice are thrown for it, so that seeds stay what they were.
        if records
            .iter()
            .map(Vec::len)
            .sum::<usize>()
            .is_multiple_of(2)
        {
            rankings.extend(rankings::nested());
        }
        for p in first..partitions {
            let newest = records[..p].iter().flatten().filter_map(time).max();
            let oldest = records[p].iter().filter_map(time).min();
            if let Some((newest, oldest)) = newest.zip(oldest) {
                let by = (newest - oldest).max(0).div_euclid(STEP) * STEP + STEP;
                records[p].iter_mut().for_each(|what| later(what, by));
            }
        }
        Orders {
            form,
            policy,
            rankings,
            records,
        }
    }

    /// What is in the topic.
    pub fn lines(&self) -> Vec<Vec<String>> {
        let line = |(offset, what): (usize, &What)| {
            let written = write(self.form, what, offset);
            let value = written.value.unwrap_or_default();
            written
                .key
                .map_or(value.clone(), |key| format!("{key}{SEPARATOR}{value}"))
        };
        let each = self.records.iter();
        each.map(|of| of.iter().enumerate().map(line).collect())
            .collect()
    }

    pub fn plan(&self) -> Plan {
        let tables = table(self.form, self.policy.out_of_orderness);
        let mut texts = vec![("tables", &tables[..])];
        texts.extend(self.rankings.iter().map(|r| (r.name, r.sql)));
        let loaded = standings_query::load_texts(&texts);
        loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan
    }

    pub fn policy(&self, of: Policy) -> Policy {
        Policy {
            out_of_orderness: self.policy.out_of_orderness,
            allowed_lateness: self.policy.allowed_lateness,
            ..of
        }
    }

    fn model(&self) -> Model<'_> {
        Model::new(&self.rankings, self.policy, &self.records)
    }

    /// What a batch query over the table as it stood after these records returns.
    pub fn reference(&self, ends: &[u64]) -> Reference {
        let upto: Vec<usize> = ends.iter().map(|n| *n as usize).collect();
        let model = self.model();
        let mut rows = Rows::new();
        for ((ranking, window, _), (rank, row)) in rankings::shown(&model, &self.rankings, &upto) {
            let of = shape(&ranking);
            let keys = of.keys.iter().map(|key| key_text(&row[*key])).collect();
            let values = of.measures.iter().map(|name| row[*name].clone()).collect();
            let start = window.map_or(ALWAYS, |window| window.0);
            rows.insert((ranking, start, keys), (rank, values));
        }
        let became = |(p, end): (usize, &usize)| model.became_in(p, 0..*end);
        let (mut dead, mut late) = (0, BTreeSet::new());
        for (counts, halves) in upto.iter().enumerate().map(became) {
            dead += counts["dead_lettered"];
            late.extend(halves.iter().map(|(p, offset, ..)| (*p, *offset)));
        }
        let late = late.len() as u64;
        Reference {
            rows,
            dead,
            late,
            ..Reference::default()
        }
    }

    /// What became of some records of a partition.
    pub fn became(&self, p: u32, of: Range<u64>) -> Counts {
        let of = of.start as usize..of.end as usize;
        self.model().became_in(p as usize, of).0
    }

    /// All late halves.
    pub fn halves(&self) -> BTreeSet<Half> {
        let model = self.model();
        let each = (0..self.records.len()).flat_map(|p| model.became(p).1);
        each.collect()
    }

    /// A late half, as the model has it.
    pub fn half(&self, plan: &Plan, reject: &Reject) -> Option<Half> {
        let RejectKind::Late { missed, half, .. } = &reject.kind else {
            return None;
        };
        let mut windows: Vec<_> = missed
            .iter()
            .map(|of| {
                let name = &plan.rankings[of.ranking].name;
                let ranking = self.rankings.iter().find(|r| r.name == name);
                let ranking = ranking.expect("one of these");
                (ranking.name, of.start, of.end)
            })
            .collect();
        windows.sort();
        let half = half.map_or("no half", ModelHalf::word);
        Some((
            reject.partition as usize,
            reject.offset as usize,
            half,
            windows,
        ))
    }
}

fn time(what: &What) -> Option<i64> {
    match what {
        What::Put { row, .. } => Some(row.time),
        _ => None,
    }
}

fn later(what: &mut What, by: i64) {
    let row = |row: &mut Row| row.time += by;
    if let What::Put { row: of, .. } = what {
        row(of);
    }
    if let What::Put { before, .. } | What::End { before, .. } = what
        && let Before::Full(of) = before
    {
        row(of);
    }
}

/// The key of a line of the topic, if it has one, and its value.
pub fn key_and_value(line: &str) -> (Option<&str>, &str) {
    match line.split_once(SEPARATOR) {
        Some((key, value)) => (Some(key), value),
        None => (None, line),
    }
}

/// What a ranking's rows have, a shipped one's too.
pub fn shape(ranking: &str) -> Shape {
    let (keys, measures, size): (&[_], &[_], _) = match ranking {
        "cities" => (
            &["city"],
            &[
                "total", "n", "mean", "least", "most", "people", "tips", "tip",
            ],
            Some(HOUR),
        ),
        "people" => (
            &["who"],
            &["n", "first", "last", "best", "worst"],
            Some(3 * STEP),
        ),
        "spread" => (&["city"], &["n", "half", "upper", "spread"], Some(2 * HOUR)),
        "sales" => (&["id"], &["city", "amount"], Some(HOUR)),
        "within" => (&["id"], &["city", "tip", "amount"], Some(HOUR)),
        "ever" => (&["city"], &["n", "refunds", "total"], None),
        "often" => (&["city"], &["times", "points", "best", "sizes"], None),
        "crowds" => (&["n"], &["people", "worst"], Some(3 * STEP)),
        "hours" => (&["city"], &["hours", "most"], Some(3 * HOUR)),
        other => return shipped(other),
    };
    Shape {
        keys,
        measures,
        size,
    }
}

/// The measures that say what a ranking's rows are ranked among, by number.
pub fn among(ranking: &str) -> &'static [usize] {
    match ranking {
        "within" => &[0, 1],
        _ => &[],
    }
}

/// Whether a window is closed: one of all time never is.
pub fn is_closed(ranking: &str, start: i64, watermark: i64) -> bool {
    shape(ranking)
        .size
        .is_some_and(|size| start + size <= watermark)
}
