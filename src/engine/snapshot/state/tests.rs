//! Every measure over rows made up, against what a plain reading of all rows gives: in any order, from several readers and
//! epochs, to several workers, and with a snapshot on the way.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use standings_decode::Decoder;
use standings_model::plan::Plan;
use standings_model::value::Value;

use crate::combine::combiner::{Combiner, Missing, Origin};
use crate::event_time::partition::Verdict;
use crate::pack::deltas::{Deltas, Group};
use crate::pack::layout::Layout;
use crate::rank::totals::Totals;
use crate::snapshot::part;
use crate::snapshot::state;

pub(super) const TABLES: &str = "CREATE TABLE t (
  at TIMESTAMP_LTZ(3), k STRING, x DECIMAL(9, 2), y INT, s STRING, ok BOOLEAN, tags ARRAY<STRING>,
  WATERMARK FOR at AS at
);";

pub(super) const MEASURES: [(&str, &str); 22] = [
    ("first_s", "FIRST_VALUE(s)"),
    ("first_x", "FIRST_VALUE(x)"),
    ("last_y", "LAST_VALUE(y)"),
    ("s_of_most_x", "ARG_MAX(s, x)"),
    ("y_of_most_s", "MAX_BY(y, s)"),
    ("x_of_least_y", "ARG_MIN(x, y)"),
    ("s_of_least_s", "MIN_BY(s, s)"),
    ("var_pop", "VAR_POP(x)"),
    ("var_samp", "VARIANCE(x)"),
    ("stddev_pop", "STDDEV_POP(y)"),
    ("stddev_samp", "STDDEV(x) FILTER (WHERE y > 0)"),
    ("median", "MEDIAN(x)"),
    ("percentile", "PERCENTILE(y, 0.9)"),
    (
        "within",
        "PERCENTILE_CONT(.25) WITHIN GROUP (ORDER BY x DESC)",
    ),
    ("filtered", "PERCENTILE(x, 1) FILTER (WHERE ok)"),
    ("about", "APPROX_PERCENTILE(x, 0.5)"),
    ("different_s", "APPROX_COUNT_DISTINCT(s)"),
    ("different_x", "APPROX_COUNT_DISTINCT(x + y)"),
    ("tags", "COUNT(DISTINCT tags)"),
    ("no_tags", "APPROX_COUNT_DISTINCT(tags)"),
    ("least_ok", "MIN(ok)"),
    ("different_ok", "COUNT(DISTINCT ok)"),
];

fn plan() -> Arc<Plan> {
    let folder = tempfile::tempdir().unwrap();
    let measures = MEASURES.map(|(name, sql)| format!("{sql} AS {name}"));
    let names = MEASURES.map(|(name, _)| name);
    let ranking = format!(
        "SELECT window_start, window_end, k, {}, n FROM (
         SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY median DESC, first_s) AS n FROM (
          SELECT window_start, window_end, k, {}
          FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '1' SECOND))
          GROUP BY window_start, window_end, k)) WHERE n <= 100;",
        names.join(", "),
        measures.join(", ")
    );
    std::fs::write(folder.path().join("a.sql"), TABLES).unwrap();
    std::fs::write(folder.path().join("r.sql"), ranking).unwrap();
    let plan = standings_query::load_dir(folder.path());
    Arc::new(plan.unwrap_or_else(|e| panic!("{}", e.render())))
}

/// A row: milliseconds, key, hundredths, a number, a text, a truth, tags.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) at: i64,
    pub(super) k: u8,
    pub(super) x: Option<i64>,
    pub(super) y: Option<i64>,
    pub(super) s: Option<String>,
    pub(super) ok: Option<bool>,
    pub(super) tags: Option<Vec<u8>>,
}

impl Row {
    pub(super) fn json(&self) -> String {
        let or_null = |value: Option<String>| value.unwrap_or_else(|| "null".to_owned());
        let tags = self.tags.as_ref().map(|tags| {
            let tags: Vec<String> = tags.iter().map(|t| format!("\"{t}\"")).collect();
            format!("[{}]", tags.join(","))
        });
        format!(
            r#"{{"at":{},"k":"k{}","x":{},"y":{},"s":{},"ok":{},"tags":{}}}"#,
            self.at,
            self.k,
            or_null(self.x.map(|x| format!("\"{x}e-2\""))),
            or_null(self.y.map(|y| y.to_string())),
            or_null(self.s.as_ref().map(|s| format!("{s:?}"))),
            or_null(self.ok.map(|ok| ok.to_string())),
            or_null(tags),
        )
    }
}

pub(super) fn row() -> impl Strategy<Value = Row> {
    use proptest::option::weighted;
    let tags = proptest::collection::vec(0u8..3, 0..3);
    let x = prop_oneof![
        -20_000i64..20_000,
        Just(0),
        Just(-999_999_999),
        Just(999_999_999)
    ];
    (
        0i64..6,
        0u8..3,
        weighted(0.8, x),
        weighted(0.8, -6i64..7),
        weighted(0.8, "[ab]{0,2}|[ab]{30}"),
        weighted(0.8, any::<bool>()),
        weighted(0.7, tags),
    )
        .prop_map(|(at, k, x, y, s, ok, tags)| Row {
            at,
            k,
            x,
            y,
            s,
            ok,
            tags,
        })
}

/// What a row of the ranking has, by name.
pub(super) type Measured = BTreeMap<&'static str, Value>;

/// Half away from zero.
fn divided(above: i128, below: i128) -> i128 {
    (2 * above.abs() + below) / (2 * below) * above.signum()
}

/// The variance, or its root, of hundredths or whole numbers; six digits.
fn spread(all: &[i64], sample: bool, root: bool, hundredths: bool) -> Value {
    let n = all.len() as i128;
    let below = if sample { n * (n - 1) } else { n * n };
    if below <= 0 {
        return Value::Null;
    }
    let sum: i128 = all.iter().map(|x| i128::from(*x)).sum();
    let squares: i128 = all.iter().map(|x| i128::from(*x).pow(2)).sum();
    let above = n * squares - sum * sum;
    let below = below * if hundredths { 10_000 } else { 1 };
    if !root {
        return Value::decimal(divided(above * 1_000_000, below), 6);
    }
    // The greatest number whose half below does not go beyond it, by halving.
    let fits = |r: i128| (2 * r - 1).pow(2) * below <= 4 * above * 1_000_000_000_000;
    let (mut low, mut high) = (0i128, 1i128 << 44);
    while high - low > 1 {
        let middle = (low + high) / 2;
        if fits(middle) {
            low = middle
        } else {
            high = middle
        }
    }
    Value::decimal(low, 6)
}

/// A percentile, in percent; six digits.
fn percentile(mut all: Vec<i64>, percent: i128, hundredths: bool) -> Value {
    all.sort_unstable();
    let Some(last) = all.len().checked_sub(1) else {
        return Value::Null;
    };
    let place = last as i128 * percent;
    let (at, parts) = ((place / 100) as usize, place % 100);
    let (low, high) = (i128::from(all[at]), i128::from(all[(at + 1).min(last)]));
    let scale = if hundredths { 10_000 } else { 1_000_000 };
    Value::decimal(
        divided((low * (100 - parts) + high * parts) * scale, 100),
        6,
    )
}

fn rounded(x: i64) -> i64 {
    standings_model::sketch::rounded(x.into(), 9) as i64
}

pub(super) fn plainly(rows: &[((i64, u32, u64), &Row)]) -> Measured {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|(place, _)| *place);
    let all: Vec<&Row> = rows.iter().map(|(_, row)| *row).collect();
    let text = |s: &Option<String>| s.as_ref().map_or(Value::Null, |s| Value::text(s.as_str()));
    let whole = |n: Option<i64>| n.map_or(Value::Null, |n| Value::Integer(n.into()));
    let cents = |n: Option<i64>| n.map_or(Value::Null, |n| Value::cents(n.into()));
    // Of ties the first: rows are in order.
    let most = |by: &dyn Fn(&Row) -> Option<i128>| {
        let known = all.iter().filter(|r| by(r).is_some());
        known.rev().max_by_key(|r| by(r)).copied()
    };
    let xs: Vec<i64> = all.iter().filter_map(|r| r.x).collect();
    let ys: Vec<i64> = all.iter().filter_map(|r| r.y).collect();
    let count = |n: usize| Value::Integer(n as i128);
    let different = |values: Vec<String>| {
        let set: std::collections::BTreeSet<String> = values.into_iter().collect();
        count(set.len())
    };
    let texts = all.iter().filter_map(|r| r.s.clone());
    let tags: Vec<String> = all
        .iter()
        .filter_map(|r| Some(format!("{:?}", r.tags.as_ref()?)))
        .collect();
    let known_s = || all.iter().filter(|r| r.s.is_some()).rev();
    let most_s = known_s().max_by_key(|r| r.s.clone());
    let least_s = all.iter().filter_map(|r| r.s.clone()).min();
    let positive = all.iter().filter(|r| r.y.is_some_and(|y| y > 0));
    let positive: Vec<i64> = positive.filter_map(|r| r.x).collect();
    let ok: Vec<i64> = all
        .iter()
        .filter(|r| r.ok == Some(true))
        .filter_map(|r| r.x)
        .collect();
    let oks: Vec<bool> = all.iter().filter_map(|r| r.ok).collect();
    Measured::from([
        ("first_s", text(&all[0].s)),
        ("first_x", cents(all[0].x)),
        ("last_y", whole(all[all.len() - 1].y)),
        (
            "s_of_most_x",
            most(&|r| r.x.map(i128::from)).map_or(Value::Null, |r| text(&r.s)),
        ),
        ("y_of_most_s", most_s.map_or(Value::Null, |r| whole(r.y))),
        (
            "x_of_least_y",
            most(&|r| r.y.map(|y| -i128::from(y))).map_or(Value::Null, |r| cents(r.x)),
        ),
        ("s_of_least_s", text(&least_s)),
        ("var_pop", spread(&xs, false, false, true)),
        ("var_samp", spread(&xs, true, false, true)),
        ("stddev_pop", spread(&ys, false, true, false)),
        ("stddev_samp", spread(&positive, true, true, true)),
        ("median", percentile(xs.clone(), 50, true)),
        ("percentile", percentile(ys.clone(), 90, false)),
        ("within", percentile(xs.clone(), 75, true)),
        ("filtered", percentile(ok, 100, true)),
        (
            "about",
            percentile(xs.iter().map(|x| rounded(*x)).collect(), 50, true),
        ),
        ("different_s", different(texts.collect())),
        (
            "different_x",
            different(
                all.iter()
                    .filter_map(|r| Some((r.x? + 100 * r.y?).to_string()))
                    .collect(),
            ),
        ),
        ("tags", different(tags.clone())),
        ("no_tags", different(tags)),
        (
            "least_ok",
            oks.iter()
                .min()
                .map_or(Value::Null, |ok| Value::Boolean(*ok)),
        ),
        (
            "different_ok",
            different(oks.iter().map(bool::to_string).collect()),
        ),
    ])
}

/// Totals that hold what others hold, by way of a snapshot.
fn by_snapshot(plan: &Arc<Plan>, totals: &mut Totals) -> Totals {
    let mut fresh = Totals::new(Arc::clone(plan));
    let layout = Layout::new(&plan.rankings[0]);
    for piece in totals.copy_in(true, 2_000).unwrap() {
        let (bytes, _) = part::write(plan, &piece).unwrap();
        part::read(bytes, |_, window, _, state| {
            let mut deltas = Deltas::default();
            state::decode(state, &layout, &mut deltas).unwrap();
            deltas.groups.push(Group {
                ranking: 0,
                rows: 1,
                window_end: window.end,
                windows: 1,
                session_start: 0,
            });
            fresh.apply(&deltas);
            Ok(())
        })
        .unwrap();
    }
    fresh
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_measure_is_what_a_plain_reading_gives(
        rows in proptest::collection::vec((row(), 0u32..3, any::<bool>()), 1..60),
        workers in 1usize..4,
        kept in 0usize..60,
    ) {
        let plan = plan();
        let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
        let mut readers: Vec<Combiner> = (0..3).map(|_| Combiner::new(&plan)).collect();
        let mut totals: Vec<Totals> = (0..workers).map(|_| Totals::new(Arc::clone(&plan))).collect();
        let mut shown: BTreeMap<Arc<[u8]>, Arc<[Value]>> = BTreeMap::new();
        let mut groups: BTreeMap<u8, Vec<_>> = BTreeMap::new();
        for (number, (row, partition, ends)) in rows.iter().enumerate() {
            let json = row.json();
            let sale = decoder.decode(json.as_bytes()).unwrap();
            let origin = Origin { partition: *partition, offset: number as u64, row: 0 };
            let reader = &mut readers[*partition as usize];
            reader.add(0, &sale, origin, |_| Verdict::Counted, &mut Missing::default());
            groups.entry(row.k).or_default().push(((row.at, *partition, number as u64), row));
            let is_last = number + 1 == rows.len();
            for reader in readers.iter_mut().filter(|_| *ends || is_last) {
                for deltas in reader.flush(workers, &mut Vec::new()) {
                    totals[deltas.worker as usize].apply(&deltas);
                }
            }
            if number == kept {
                totals.iter_mut().for_each(|t| *t = by_snapshot(&plan, t));
            }
            for candidate in totals.iter_mut().flat_map(Totals::settle) {
                match candidate.row {
                    Some(row) => { shown.insert(candidate.key, row.measures); }
                    None => { shown.remove(&candidate.key); }
                }
            }
        }
        for (k, rows) in groups {
            let want = plainly(&rows);
            let found = &shown[format!("k{k}").as_bytes()];
            for ((name, sql), value) in MEASURES.iter().zip(found.iter()) {
                prop_assert_eq!(value, &want[name], "{} of k{}", sql, k);
            }
        }
    }
}
