//! The same measures over rows that come, change and go: after each epoch what is shown is what a plain reading of the rows
//! gives that are there then, and nothing else.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use proptest::prelude::*;

use super::tests::{MEASURES, Measured, Row, TABLES, plainly, row};
use crate::combine::combiner::{Combiner, Missing, Origin, Outcome, Sign};
use crate::event_time::partition::Verdict;
use crate::pack::deltas::{Deltas, Group};
use crate::pack::layout::Layout;
use crate::rank::totals::{Held, Totals};
use crate::snapshot::part;
use crate::snapshot::state;
use standings_decode::Decoder;
use standings_model::placed::{self, Placed, Watch, take_measure, take_row};
use standings_model::plan::{Field, Plan};
use standings_model::table::Changelog;
use standings_model::types::Type;
use standings_model::value::Value;

/// Measures by the end of their window and their key.
type Shown = BTreeMap<(i64, Arc<[u8]>), Arc<[Value]>>;

const MORE: [(&str, &str); 12] = [
    ("n", "COUNT(*)"),
    ("n_x", "COUNT(x)"),
    ("n_ok", "COUNT(*) FILTER (WHERE ok)"),
    ("sum_x", "SUM(x)"),
    ("avg_y", "AVG(y)"),
    ("least_x", "MIN(x)"),
    ("most_x", "MAX(x)"),
    ("least_s", "MIN(s)"),
    ("most_s", "MAX(s) FILTER (WHERE ok)"),
    ("distinct_x", "COUNT(DISTINCT x)"),
    ("distinct_s", "COUNT(DISTINCT s)"),
    ("last_s", "LAST_VALUE(s)"),
];

/// All but sketches, which are not taken from.
fn measures() -> Vec<(&'static str, &'static str)> {
    let all = MEASURES.iter().chain(&MORE).copied();
    all.filter(|(_, sql)| !sql.starts_with("APPROX_COUNT"))
        .collect()
}

/// A plan over a table that changes, with a primary key or without.
pub(super) fn changing(table: &str, query: &str) -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.sql"), table).unwrap();
    std::fs::write(folder.path().join("r.sql"), query).unwrap();
    let plan = standings_query::load_dir(folder.path());
    let mut plan = plan.unwrap_or_else(|e| panic!("{}", e.render()));
    // As long as no format gives such rows.
    plan.tables[0].changelog = Changelog::Upsert;
    for ranking in &mut plan.rankings {
        ranking.retracts = true;
        ranking.as_they_are = !query.contains("GROUP BY");
    }
    Arc::new(plan)
}

fn plan(keyed: bool, hops: bool) -> Arc<Plan> {
    let table = match keyed {
        true => TABLES
            .replace("k STRING", "id INT, k STRING")
            .replace("WATERMARK", "PRIMARY KEY (id) NOT ENFORCED,\n WATERMARK"),
        false => TABLES.to_owned(),
    };
    let window = match hops {
        true => "HOP(TABLE t, DESCRIPTOR(at), INTERVAL '1' SECOND, INTERVAL '2' SECOND)",
        false => "TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '1' SECOND)",
    };
    let named = measures().into_iter();
    let written: Vec<String> = named
        .map(|(name, sql)| format!("{sql} AS {name}"))
        .collect();
    let names: Vec<&str> = measures().into_iter().map(|(name, _)| name).collect();
    changing(
        &table,
        &format!(
            "SELECT window_start, window_end, k, {}, r FROM (
             SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY sum_x DESC, first_s) AS r FROM (
              SELECT window_start, window_end, k, {} FROM TABLE({window})
              GROUP BY window_start, window_end, k)) WHERE r <= 100;",
            names.join(", "),
            written.join(", ")
        ),
    )
}

/// Snapshots of some workers, one after the other.
#[derive(Default)]
pub(super) struct Parts(Vec<Vec<u8>>);

impl Parts {
    pub(super) fn take(&mut self, plan: &Plan, totals: &mut [Totals], full: bool) {
        if full {
            self.0.clear();
        }
        for totals in totals {
            for piece in totals.copy_in(full, 2_000).unwrap() {
                self.0.push(part::write(plan, &piece).unwrap().0);
            }
        }
    }

    /// Totals of so many workers, of the newest of what parts say.
    pub(super) fn load(&self, plan: &Arc<Plan>, workers: usize) -> Vec<Totals> {
        let layout = Layout::new(&plan.rankings[0]);
        let mut all: Vec<Totals> = (0..workers)
            .map(|_| Totals::new(Arc::clone(plan)))
            .collect();
        let mut seen = HashSet::new();
        for bytes in self.0.iter().rev() {
            part::read(bytes.clone(), |_, window, bin, state| {
                if !seen.insert((window.end, state::key(state).unwrap().to_vec()))
                    || state::is_gone(state, &layout).unwrap()
                {
                    return Ok(());
                }
                let mut deltas = Deltas::default();
                state::decode(state, &layout, &mut deltas).unwrap();
                deltas.groups.push(Group {
                    ranking: 0,
                    rows: 1,
                    window_end: window.end,
                    windows: 1,
                    session_start: 0,
                });
                all[bin as usize % workers].apply(&deltas);
                Ok(())
            })
            .unwrap();
        }
        all.iter_mut().for_each(Totals::forget_changes);
        all
    }
}

/// What a plain reading gives of the rows of a group, in the order in which ties are broken.
fn want(rows: &[((i64, u32, u64), &Row)]) -> Measured {
    let mut all = plainly(rows);
    let mut sorted = rows.to_vec();
    sorted.sort_by_key(|(place, _)| *place);
    let count = |n: usize| Value::Integer(n as i128);
    let xs: Vec<i64> = rows.iter().filter_map(|(_, r)| r.x).collect();
    let ys: Vec<i128> = rows.iter().filter_map(|(_, r)| Some(r.y?.into())).collect();
    let cents = |x: Option<i64>| x.map_or(Value::Null, |x| Value::cents(x.into()));
    let text = |s: Option<String>| s.map_or(Value::Null, |s| Value::text(s.as_str()));
    let is_ok = |r: &Row| r.ok == Some(true);
    let mut different = (
        xs.clone(),
        Vec::from_iter(rows.iter().filter_map(|(_, r)| r.s.clone())),
    );
    different.0.sort_unstable();
    different.0.dedup();
    different.1.sort_unstable();
    different.1.dedup();
    let average = ys.iter().sum::<i128>() * 100;
    let halves = 2 * average.abs() + ys.len() as i128;
    let average = (!ys.is_empty()).then(|| halves / (2 * ys.len() as i128) * average.signum());
    all.extend([
        ("n", count(rows.len())),
        ("n_x", count(xs.len())),
        ("n_ok", count(rows.iter().filter(|(_, r)| is_ok(r)).count())),
        ("sum_x", cents((!xs.is_empty()).then(|| xs.iter().sum()))),
        (
            "avg_y",
            average.map_or(Value::Null, |n| Value::decimal(n, 2)),
        ),
        ("least_x", cents(xs.iter().min().copied())),
        ("most_x", cents(xs.iter().max().copied())),
        ("least_s", text(different.1.first().cloned())),
        (
            "most_s",
            text(
                rows.iter()
                    .filter(|(_, r)| is_ok(r))
                    .filter_map(|(_, r)| r.s.clone())
                    .max(),
            ),
        ),
        ("distinct_x", count(different.0.len())),
        ("distinct_s", count(different.1.len())),
        ("last_s", text(sorted.last().and_then(|(_, r)| r.s.clone()))),
    ]);
    all
}

/// Keys and their measures.
type Rows = BTreeMap<Arc<[u8]>, Vec<Value>>;

/// All rows of watched windows, as they are told for positions.
#[derive(Default)]
struct Told {
    next: u64,
    /// By watch: its window, how many workers have told all, the rows.
    windows: BTreeMap<u64, (i64, u32, Rows)>,
}

impl Told {
    /// Watches these windows, those that it knows as before.
    fn watch(&mut self, ends: impl Iterator<Item = i64>, totals: &mut [Totals]) {
        for end in ends {
            if !self.windows.values().any(|(own, ..)| *own == end) {
                self.next += 1;
                self.windows.insert(self.next, (end, 0, BTreeMap::new()));
            }
        }
        let watch = |(id, (end, ..)): (&u64, &(i64, u32, _))| Watch {
            id: *id,
            ranking: 0,
            window_end: *end,
        };
        let all: Vec<Watch> = self.windows.iter().map(watch).collect();
        totals.iter_mut().for_each(|totals| totals.watch(&all));
    }

    /// Takes in what is told after an epoch; what is told whole is what is shown.
    fn take(
        &mut self,
        plan: &Plan,
        totals: &mut [Totals],
        shown: &Shown,
    ) -> Result<(), TestCaseError> {
        let ranking = &plan.rankings[0];
        let kinds: Vec<Type> = (0..ranking.measures.len())
            .map(|m| ranking.field_type(Field::Measure(m)).0)
            .collect();
        let workers = totals.len() as u32;
        for totals in totals {
            let (told, more) = totals.tell(workers);
            let is_whole = |placed: &Placed| placed.told == placed::Told::Whole;
            prop_assert!(!more || told.iter().filter(|p| is_whole(p)).count() < self.windows.len());
            for placed in told {
                let (_, wholes, rows) = self.windows.get_mut(&placed.watch).unwrap();
                match placed.told {
                    placed::Told::Whole => *wholes += 1,
                    placed::Told::Gone => prop_assert!(false, "no window is dropped here"),
                    placed::Told::Rows(bytes) => {
                        let mut bytes = &bytes[..];
                        while let Some(row) = take_row(&mut bytes) {
                            let Some(mut measures) = row.measures else {
                                rows.remove(row.key);
                                continue;
                            };
                            let values = kinds
                                .iter()
                                .map(|kind| take_measure(&mut measures, kind).unwrap());
                            rows.insert(row.key.into(), values.collect());
                        }
                    }
                }
            }
        }
        for (end, wholes, rows) in self.windows.values() {
            prop_assert!(*wholes <= workers);
            if *wholes == workers {
                let want = shown.iter().filter(|((own, _), _)| own == end);
                let want: Vec<_> = want
                    .map(|((_, key), measures)| (key.clone(), measures.to_vec()))
                    .collect();
                let rows: Vec<_> = rows
                    .iter()
                    .map(|(key, values)| (key.clone(), values.clone()))
                    .collect();
                prop_assert_eq!(rows, want, "the window that ends at {}", end);
            }
        }
        Ok(())
    }
}

/// What becomes of the row of a key: it is another, or gone; of which partition; whether an epoch ends; whether a copy is made
/// then, a whole one; whether the totals are those of the copy from then on.
type Step = (u8, u32, Option<Row>, bool, Option<bool>, bool);

fn step() -> impl Strategy<Value = Step> {
    use proptest::option::weighted;
    (
        0u8..9,
        0u32..3,
        weighted(0.65, row()),
        any::<bool>(),
        weighted(0.5, weighted(0.2, Just(())).prop_map(|full| full.is_some())),
        weighted(0.3, Just(())).prop_map(|loads| loads.is_some()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_shown_is_of_the_rows_that_are_there(
        steps in proptest::collection::vec(step(), 1..80),
        workers in 1usize..4,
        (keyed, hops) in any::<(bool, bool)>(),
    ) {
        let plan = plan(keyed, hops);
        let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
        let mut readers: Vec<Combiner> = (0..3).map(|_| Combiner::new(&plan)).collect();
        let mut totals: Vec<Totals> = (0..workers).map(|_| Totals::new(Arc::clone(&plan))).collect();
        let mut parts = Parts::default();
        parts.take(&plan, &mut totals, true);
        let mut shown = Shown::new();
        let mut told = Told::default();
        let mut held: BTreeMap<(u32, u8), (u64, Row)> = BTreeMap::new();
        let count = steps.len();
        for (number, (id, partition, now, ends, copies, loads)) in steps.into_iter().enumerate() {
            let reader = &mut readers[partition as usize];
            let now = now.map(|row| Row { at: row.at * 500, ..row });
            let before = match &now {
                Some(row) => held.insert((partition, id), (number as u64, row.clone())),
                None => held.remove(&(partition, id)),
            };
            let halves = before.map(|row| (Sign::Minus, row)).into_iter();
            for (sign, (offset, row)) in halves.chain(now.map(|row| (Sign::Plus, (number as u64, row)))) {
                let json = row.json().replace("{\"at\"", &format!("{{\"id\":{id},\"at\""));
                let sale = decoder.decode(json.as_bytes()).unwrap();
                let origin = Origin { partition, offset, row: 0 };
                let mut missing = Missing::default();
                let outcome = reader.change(0, &sale, origin, sign, |_| Verdict::Counted, &mut missing);
                prop_assert_eq!(outcome, Outcome::Counted);
            }
            if !ends && number + 1 < count {
                continue;
            }
            for reader in &mut readers {
                for deltas in reader.flush(workers, &mut Vec::new()) {
                    totals[deltas.worker as usize].apply(&deltas);
                }
            }
            for candidate in totals.iter_mut().flat_map(Totals::settle) {
                let at = (candidate.window_end, candidate.key);
                match candidate.row {
                    Some(row) => { shown.insert(at, row.measures); }
                    None => { prop_assert!(shown.remove(&at).is_some()); }
                }
            }
            told.take(&plan, &mut totals, &shown)?;
            if number % 3 == 0 {
                // Of some before there is a row, of some in the middle.
                let later = shown.keys().map(|(end, _)| *end + 1_000);
                let ends: Vec<i64> = shown.keys().map(|(end, _)| *end).chain(later.take(1)).collect();
                told.watch(ends.into_iter(), &mut totals);
            }
            let mut groups: BTreeMap<(i64, String), Vec<_>> = BTreeMap::new();
            for ((partition, id), (offset, row)) in &held {
                let place = match keyed {
                    true => (row.at, u32::from(*id), u64::from(*partition)),
                    false => (row.at, *partition, *offset),
                };
                for end in plan.rankings[0].window.ends(row.at) {
                    groups.entry((end, format!("k{}", row.k))).or_default().push((place, row));
                }
            }
            for totals in &totals {
                prop_assert_eq!(totals.overdrawn(), None);
            }
            let keys: Vec<_> = shown.keys().map(|(end, key)| (*end, String::from_utf8(key.to_vec()).unwrap())).collect();
            prop_assert_eq!(keys, groups.keys().cloned().collect::<Vec<_>>());
            let mut sizes = Held::default();
            let kept: usize = totals.iter().map(|t| { t.held(&mut sizes); sizes.keys() }).sum();
            prop_assert_eq!(kept, groups.len(), "what is gone is not kept");
            for (rows, found) in groups.values().zip(shown.values()) {
                let want = want(rows);
                for ((name, sql), value) in measures().iter().zip(found.iter()) {
                    prop_assert_eq!(value, &want[name], "{} of {:?}", sql, rows);
                }
            }
            if let Some(full) = copies {
                parts.take(&plan, &mut totals, full);
                if loads {
                    totals = parts.load(&plan, workers);
                    shown.clear();
                    told = Told { next: told.next, ..Told::default() };
                    for candidate in totals.iter_mut().flat_map(Totals::settle) {
                        shown.insert((candidate.window_end, candidate.key), candidate.row.unwrap().measures);
                    }
                    prop_assert_eq!(shown.len(), groups.len(), "what was loaded is what was there");
                }
            }
        }
    }
}
