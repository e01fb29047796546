//! Tables whose rows change, against a plain model of what they mean (`support/changes`): hostile histories, in each form, cut into
//! blocks at random, read by one to three workers. Every commit on the way is what the model says of the prefixes that it names.
//!
//! `STANDINGS_TEST_CASES=5000` tries so many of each, `STANDINGS_TEST_SKIP=331` beside it those behind the first 331: one seed alone is
//! `STANDINGS_TEST_CASES=1 STANDINGS_TEST_SKIP=331`.

mod engine;
mod files;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Dice;
use crate::support::changes::history::history;
use crate::support::changes::model::{Counts, Half, Model, Policy};
use crate::support::changes::rankings::{self, Ranking};
use crate::support::changes::{Before, Form, What};

/// The seeds of the histories of a kind that are tried, behind `first`.
fn seeds(first: u64, few: u64) -> std::ops::Range<u64> {
    let asked = |name| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let from = first + asked("STANDINGS_TEST_SKIP").unwrap_or(0);
    from..from + asked("STANDINGS_TEST_CASES").unwrap_or(few)
}

/// A history and what is asked of it.
struct Case {
    form: Form,
    policy: Policy,
    rankings: Vec<Ranking>,
    records: Vec<Vec<What>>,
}

impl Case {
    fn new(seed: u64, form: Form) -> Self {
        let mut dice = Dice::new(seed);
        let policy = Policy {
            out_of_orderness: [0, 60_000, 600_000][dice.roll(3) as usize],
            allowed_lateness: [0, 300_000, 3_600_000][dice.roll(3) as usize],
        };
        let mut rankings = rankings::all();
        // One of all time holds every row.
        if dice.roll(3) == 0 {
            rankings.push(rankings::always());
        }
        rankings.extend(rankings::nested());
        let partitions = 1 + dice.roll(3) as usize;
        let records = history(&mut dice, form, partitions, 60);
        Case {
            form,
            policy,
            rankings,
            records,
        }
    }

    fn model(&self) -> Model<'_> {
        Model::new(&self.rankings, self.policy, &self.records)
    }

    /// What became of all records, and the halves that are late.
    fn became(&self) -> (Vec<Counts>, Vec<Half>) {
        let model = self.model();
        let each = (0..self.records.len()).map(|p| model.became(p));
        let (counts, halves): (Vec<_>, Vec<_>) = each.unzip();
        (counts, halves.into_iter().flatten().collect())
    }

    /// Keys that came in several partitions.
    fn moved(&self) -> u64 {
        let mut of: BTreeMap<i64, BTreeSet<usize>> = BTreeMap::new();
        for (p, records) in self.records.iter().enumerate() {
            for record in records {
                if let What::Put { row, .. } = record {
                    of.entry(row.id).or_default().insert(p);
                }
            }
        }
        of.values()
            .filter(|partitions| partitions.len() > 1)
            .count() as u64
    }

    /// Files of SQL, by name.
    fn queries(&self) -> Vec<(String, String)> {
        use crate::support::changes::forms::table;
        let tables = table(self.form, self.policy.out_of_orderness);
        let tables = ("tables".to_owned(), tables);
        let each = self.rankings.iter();
        let each = each.map(|r| (r.name.to_owned(), r.sql.to_owned()));
        std::iter::once(tables).chain(each).collect()
    }
}

/// The model itself: what is known of small histories without it.
#[test]
fn the_model_is_right_about_what_is_plain() {
    use crate::support::changes::Row;
    let row = |id, minute: i64, cents| Row {
        id,
        time: minute * 60_000,
        city: Some("Faro"),
        who: Some("ana"),
        cents,
        tip: None,
    };
    let put = |row| What::Put {
        row,
        before: Before::Missing,
        found: false,
    };
    let records = [vec![
        put(row(1, 10, 500)),
        put(row(2, 130, 100)),
        // The first hour can change no more: what the key was stays there, and what it is now counts where it is.
        put(row(1, 131, 700)),
        What::End {
            id: 2,
            before: Before::Missing,
        },
        put(row(3, 20, 900)),
    ]];
    let policy = Policy {
        out_of_orderness: 0,
        allowed_lateness: 0,
    };
    let all = rankings::all();
    let hourly = &all[..1];
    let model = Model::new(hourly, policy, &records);
    let (counts, halves) = model.became(0);
    let of = |name| counts[name];
    assert_eq!(
        (of("read"), of("ranked"), of("deleted"), of("late")),
        (5, 3, 1, 1)
    );
    let hour = 3_600_000;
    assert_eq!(halves, [(0, 4, "insert", vec![("cities", 0, hour)])]);
    let shown = rankings::shown(&model, hourly, &[5]);
    let totals: Vec<_> = shown
        .iter()
        .map(|((_, window, _), (_, row))| {
            (window.unwrap().0 / hour, row["total"].as_str().unwrap())
        })
        .collect();
    assert_eq!(totals, [(0, "5.00"), (2, "7.00")]);
}

/// As Debezium says it: an end without its key is no record.
fn keyed(what: &What) -> What {
    match what {
        What::End { id, .. } => What::End {
            id: *id,
            before: Before::Key,
        },
        what => *what,
    }
}

/// What one history is in two forms comes to the same.
#[test]
fn a_form_changes_nothing() {
    for seed in seeds(1, 20) {
        let upsert = Case::new(seed, Form::Upsert);
        let debezium = Case {
            form: Form::Debezium,
            policy: upsert.policy,
            rankings: rankings::all(),
            records: upsert
                .records
                .iter()
                .map(|r| r.iter().map(keyed).collect())
                .collect(),
        };
        let upsert = Case {
            rankings: rankings::all(),
            ..upsert
        };
        let [one, other] = [&upsert, &debezium].map(|case| engine::run(case, seed, 2));
        assert_eq!(one.rows, other.rows, "seed {seed}");
        assert_eq!(one.halves, other.halves, "seed {seed}");
    }
}

fn many(form: Form, first: u64, few: u64) {
    for seed in seeds(first, few) {
        let case = Case::new(seed, form);
        for workers in 1..=3 {
            engine::compare(&case, seed, workers);
        }
    }
}

#[test]
fn upserts_come_to_what_the_model_says() {
    many(Form::Upsert, 1, 30);
}

#[test]
fn debezium_comes_to_what_the_model_says() {
    many(Form::Debezium, 10_000, 40);
}

#[test]
fn rows_that_a_field_ends_come_to_what_the_model_says() {
    many(Form::DeleteField, 20_000, 10);
}
