//! Rows ranked as they are of a table that changes: they come, change what they are partitioned by, and go; what is kept of them is
//! what is there, and numbers of what is gone are given again.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::signed::{Parts, changing};
use crate::combine::combiner::{Combiner, Missing, Origin, Sign};
use crate::event_time::partition::Verdict;
use crate::pack::key::KeyCodec;
use crate::rank::messages::CandidateRow;
use crate::rank::totals::{Held, Totals};
use standings_decode::Decoder;
use standings_model::plan::Plan;
use standings_model::value::Value;

fn plan() -> Arc<Plan> {
    changing(
        "CREATE TABLE t (id INT, at TIMESTAMP_LTZ(3), lot STRING, price INT, PRIMARY KEY (id) NOT ENFORCED,
          WATERMARK FOR at AS at);",
        "SELECT window_start, window_end, id, lot, price, n FROM (
         SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, lot ORDER BY price DESC) AS n
         FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '1' SECOND))) WHERE n <= 2;",
    )
}

/// A row: its lot, its price.
type Row = (u8, Option<i8>);

/// The key, its partition among those that it is in, what becomes of its row, whether an epoch ends, and whether a copy is made
/// then and gone on from.
type Step = (u8, u32, Option<Row>, bool, bool);

fn step() -> impl Strategy<Value = Step> {
    use proptest::option::weighted;
    let row = (0u8..4, weighted(0.9, 0i8..5));
    (
        0u8..60,
        0u32..3,
        weighted(0.55, row),
        any::<bool>(),
        any::<bool>(),
    )
}

/// Keys from here on may be in each partition, of another lot in each; the others are in one.
const EVERYWHERE: u8 = 45;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_best_are_those_of_the_rows_that_are_there(
        steps in proptest::collection::vec(step(), 1..250),
        workers in 1usize..4,
    ) {
        let plan = plan();
        prop_assert!(!plan.rankings[0].placed.is_empty());
        let codec = KeyCodec::new(&plan.rankings[0]);
        let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
        let mut readers: Vec<Combiner> = (0..3).map(|_| Combiner::new(&plan)).collect();
        let mut totals: Vec<Totals> = (0..workers).map(|_| Totals::new(Arc::clone(&plan))).collect();
        let mut parts = Parts::default();
        parts.take(&plan, &mut totals, true);
        let mut shown: BTreeMap<[Arc<[u8]>; 2], CandidateRow> = BTreeMap::new();
        let mut held: BTreeMap<(u8, u32), Row> = BTreeMap::new();
        let count = steps.len();
        for (number, (id, partition, now, ends, copies)) in steps.into_iter().enumerate() {
            let partition = if id < EVERYWHERE { u32::from(id) % 3 } else { partition };
            let before = match now {
                Some(row) => held.insert((id, partition), row),
                None => held.remove(&(id, partition)),
            };
            let halves = [(Sign::Minus, before), (Sign::Plus, now)];
            for (sign, (lot, price)) in halves.into_iter().filter_map(|(sign, row)| Some((sign, row?))) {
                let price = price.map_or_else(|| "null".to_owned(), |p| p.to_string());
                let json = format!(r#"{{"id":{id},"at":5,"lot":"l{lot}","price":{price}}}"#);
                let sale = decoder.decode(json.as_bytes()).unwrap();
                let origin = Origin { partition, offset: number as u64, row: 0 };
                let reader = &mut readers[partition as usize];
                reader.change(0, &sale, origin, sign, |_| Verdict::Counted, &mut Missing::default());
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
                let at = [candidate.partition, candidate.key];
                match candidate.row {
                    Some(row) => { shown.insert(at, row); }
                    None => { prop_assert!(shown.remove(&at).is_some()); }
                }
            }
            let mut lots: BTreeMap<u8, Vec<(Option<i8>, u8)>> = BTreeMap::new();
            let mut groups = 0;
            for ((id, partition), (lot, price)) in &held {
                // The lowest partition speaks.
                if (0..*partition).any(|lower| held.contains_key(&(*id, lower))) {
                    continue;
                }
                groups += 1;
                lots.entry(*lot).or_default().push((*price, *id));
            }
            let mut sizes = Held::default();
            let kept: usize = totals.iter().map(|t| { t.held(&mut sizes); sizes.keys() }).sum();
            prop_assert_eq!(kept, groups, "what is gone is not kept");
            let mut want = Vec::new();
            for (lot, rows) in &mut lots {
                rows.sort_by_key(|(price, id)| (std::cmp::Reverse(*price), *id));
                want.extend(rows.iter().take(2).map(|(price, id)| (*lot, *id, *price)));
            }
            let mut found: BTreeMap<String, Vec<_>> = BTreeMap::new();
            for ([_, key], row) in &shown {
                let lot = row.measures.iter().find(|m| matches!(m, Value::Text(_)));
                let price = row.measures.iter().find(|m| !matches!(m, Value::Text(_)));
                let (lot, price) = (lot.unwrap().to_string(), price.unwrap().clone());
                let id = codec.decode(key)[0].clone();
                found.entry(lot).or_default().push((row.order.clone(), key, id, price));
            }
            let mut best = Vec::new();
            for (lot, rows) in &mut found {
                rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
                best.extend(rows.iter().take(2).map(|r| (lot.clone(), r.2.clone(), r.3.clone())));
            }
            let want: Vec<(String, Value, Value)> = want.into_iter().map(|(lot, id, price)| {
                let price = price.map_or(Value::Null, |p| Value::Integer(p.into()));
                (format!("l{lot}"), Value::Integer(id.into()), price)
            }).collect();
            prop_assert_eq!(best, want);
            if copies {
                parts.take(&plan, &mut totals, number % 5 == 0);
                totals = parts.load(&plan, workers);
                shown.clear();
                for candidate in totals.iter_mut().flat_map(Totals::settle) {
                    shown.insert([candidate.partition, candidate.key], candidate.row.unwrap());
                }
            }
        }
        let mut texts = 0;
        for totals in &mut totals {
            totals.retire(i64::MAX - 1);
            texts += totals.live_texts();
        }
        prop_assert_eq!(texts, 0, "no text outlives its windows");
    }
}

/// Totals after some rows of amounts came or were taken back within one epoch.
fn after(measure: &str, amounts: &[(Sign, &str)]) -> Totals {
    let query = format!(
        "SELECT window_start, window_end, k, s, n FROM (
         SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY s DESC) AS n FROM (
          SELECT window_start, window_end, k, {measure}(x) AS s FROM TABLE(TUMBLE(TABLE t, DESCRIPTOR(at), INTERVAL '1' SECOND))
          GROUP BY window_start, window_end, k)) WHERE n <= 2;"
    );
    let plan = changing(
        "CREATE TABLE t (at TIMESTAMP_LTZ(3), k STRING, x DECIMAL(38, 0), WATERMARK FOR at AS at);",
        &query,
    );
    let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
    let mut reader = Combiner::new(&plan);
    let mut totals = Totals::new(Arc::clone(&plan));
    for (offset, (sign, amount)) in amounts.iter().enumerate() {
        let json = format!(r#"{{"at":5,"k":"a","x":"{amount}"}}"#);
        let sale = decoder.decode(json.as_bytes()).unwrap();
        let origin = Origin {
            partition: 0,
            offset: offset as u64,
            row: 0,
        };
        let missing = &mut Missing::default();
        reader.change(0, &sale, origin, *sign, |_| Verdict::Counted, missing);
    }
    for deltas in reader.flush(1, &mut Vec::new()) {
        totals.apply(&deltas);
    }
    totals
}

#[test]
fn a_sum_beyond_128_bits_is_known_and_one_that_comes_back_is_none() {
    let most = "99999999999999999999999999999999999999";
    let least = "-99999999999999999999999999999999999999";
    for many in 2..9 {
        for amount in [most, least] {
            let totals = after("SUM", &vec![(Sign::Plus, amount); many]);
            assert!(totals.too_wide().is_some(), "{many} of {amount}");
        }
    }
    let rows = [
        (Sign::Plus, most),
        (Sign::Plus, most),
        (Sign::Plus, most),
        (Sign::Plus, "7"),
        (Sign::Minus, most),
        (Sign::Minus, most),
        (Sign::Minus, most),
    ];
    let mut totals = after("SUM", &rows);
    assert_eq!((totals.too_wide(), totals.overdrawn()), (None, None));
    let shown = totals.settle().remove(0).row.unwrap().measures;
    assert_eq!(shown[0].to_string(), "7");
}

#[test]
fn more_taken_than_came_is_seen() {
    let totals = after("SUM", &[(Sign::Minus, "1")]);
    let found = totals.overdrawn().unwrap();
    assert_eq!(
        (found.ranking, &found.key[..]),
        (0, &[Value::text("a")][..])
    );
    assert_eq!(after("SUM", &[(Sign::Plus, "1")]).overdrawn(), None);
}

#[test]
fn squares_beyond_256_bits_are_known_and_those_that_come_back_are_none() {
    // The square of 2 to the 126th: of sixteen the sum is 2 to the 256th, and nothing of it is left in 256 bits.
    let [plus, minus] = [
        "85070591730234615865843651857942052864",
        "-85070591730234615865843651857942052864",
    ];
    let sixteen = [(Sign::Plus, plus), (Sign::Plus, minus)].repeat(8);
    for measure in ["VAR_POP", "STDDEV_POP"] {
        assert!(after(measure, &sixteen).too_wide().is_some(), "{measure}");
        let back = sixteen.iter().map(|(_, amount)| (Sign::Minus, *amount));
        let mut rows: Vec<_> = sixteen.iter().copied().chain(back).collect();
        rows.extend([(Sign::Plus, "7"), (Sign::Plus, "7")]);
        let mut totals = after(measure, &rows);
        assert_eq!((totals.too_wide(), totals.overdrawn()), (None, None));
        let shown = totals.settle().remove(0).row.unwrap().measures;
        assert_eq!(shown[0].to_string(), "0.000000", "{measure}");
    }
}
