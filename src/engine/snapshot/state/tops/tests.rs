//! Rows ranked as they are that are pieces of bytes, from records to drafts: over any epochs, workers, ties, late rows and snapshots what
//! readers know is what a plain ranking of all rows gives, each change changes something, and no more is held than there are ranks.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::signed::Parts;
use crate::combine::combiner::{Combiner, Missing, Origin, Outcome};
use crate::event_time::BEGINNING;
use crate::event_time::global::PartitionState;
use crate::event_time::partition::{Policy, Verdict};
use crate::pack::top::is_top;
use crate::rank::emit::Emit;
use crate::rank::gather::Gather;
use crate::rank::messages::{PartitionProgress, Progress};
use crate::rank::totals::{Held, Totals};
use standings_decode::Decoder;
use standings_model::change::{Change, Counts};
use standings_model::identity::NO_EPOCH;
use standings_model::plan::Plan;
use standings_model::value::Value;

/// What is asked: by what it is partitioned and ordered, which ranks are shown, whether the rank is.
#[derive(Clone, Debug)]
struct Asked {
    windowed: bool,
    partition: &'static [&'static str],
    order: &'static [Term],
    ranks: (u64, u64),
    shows_rank: bool,
}

/// A term of the order: its SQL, its column, whether it goes down, whether NULL comes first.
type Term = (&'static str, &'static str, bool, bool);

const ORDERS: [&[Term]; 7] = [
    &[("price DESC", "price", true, false)],
    &[("price", "price", false, true)],
    &[
        ("price DESC NULLS FIRST", "price", true, true),
        ("who", "who", false, true),
    ],
    &[
        ("who DESC NULLS FIRST", "who", true, true),
        ("share DESC", "share", true, false),
    ],
    &[
        ("share NULLS LAST", "share", false, false),
        ("who NULLS LAST", "who", false, false),
    ],
    &[
        ("raw DESC", "raw", true, false),
        ("price", "price", false, true),
    ],
    &[("at DESC", "at", true, false)],
];

const PARTITIONS: [&[&str]; 5] = [
    &[],
    &["lot"],
    &["lot", "who"],
    &["who", "lot"],
    &["share", "lot"],
];

fn asked() -> impl Strategy<Value = Asked> {
    let ranks = prop::sample::select(vec![(1, 1), (1, 2), (1, 5), (2, 3), (3, 3)]);
    let order = prop::sample::select(ORDERS.to_vec());
    let partition = prop::sample::select(PARTITIONS.to_vec());
    (any::<bool>(), partition, order, ranks, any::<bool>()).prop_map(
        |(windowed, partition, order, ranks, shows_rank)| Asked {
            windowed,
            partition,
            order,
            ranks,
            shows_rank,
        },
    )
}

fn plan(asked: &Asked) -> Arc<Plan> {
    let table = "CREATE TABLE bids (at TIMESTAMP_LTZ(3), lot INT, price INT, who STRING, share DECIMAL(30, 2), raw BYTES,
        WATERMARK FOR at AS at);";
    let (bounds, source) = match asked.windowed {
        true => (
            "window_start, window_end, ",
            "TABLE(TUMBLE(TABLE bids, DESCRIPTOR(at), INTERVAL '1' SECOND))",
        ),
        false => ("", "bids"),
    };
    let windows = bounds
        .trim_end_matches(", ")
        .split(", ")
        .filter(|b| !b.is_empty());
    let by: Vec<&str> = windows.chain(asked.partition.iter().copied()).collect();
    let by = match by.is_empty() {
        true => String::new(),
        false => format!("PARTITION BY {}", by.join(", ")),
    };
    let order: Vec<&str> = asked.order.iter().map(|term| term.0).collect();
    let (from, to) = asked.ranks;
    let rank = if asked.shows_rank { ", n" } else { "" };
    let query = format!(
        "SELECT {bounds}lot, who, share, price{rank} FROM (
         SELECT *, ROW_NUMBER() OVER ({by} ORDER BY {}) AS n FROM {source}) WHERE n BETWEEN {from} AND {to};",
        order.join(", ")
    );
    let loaded = standings_query::load_texts(&[("r", &format!("{table}\n{query}"))]);
    let plan = loaded
        .unwrap_or_else(|e| panic!("{query}: {}", e.render()))
        .plan;
    assert!(is_top(&plan, 0), "{query}");
    Arc::new(plan)
}

/// A row of the input, and what is done behind it.
#[derive(Clone, Debug)]
struct Bid {
    at: i64,
    lot: Option<u8>,
    price: Option<i64>,
    who: Option<u8>,
    share: Option<u8>,
    raw: Option<u8>,
    reader: usize,
    then: Then,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    Nothing,
    Epoch,
    Draft,
    /// A draft, a snapshot, whole or of what is new, and another number of workers that goes on from it.
    Restart(bool, usize),
}

/// Texts of which some begin as others do, or are empty.
const WHO: [&str; 5] = ["", "a", "ab", "b", "é"];
const SHARES: [&str; 4] = ["-0.01", "0.00", "12345678901234567890123456.78", "5.10"];
/// The same in base64, with zero bytes.
const RAWS: [(&str, &[u8]); 4] = [
    ("", &[]),
    ("AA==", &[0]),
    ("AAE=", &[0, 1]),
    ("/w==", &[0xff]),
];

fn bid() -> impl Strategy<Value = Bid> {
    let some = prop::option::weighted(0.85, any::<u8>());
    let prices =
        prop_oneof![6 => -2i64..4, 1 => Just(i64::from(i32::MAX)), 1 => Just(i64::from(i32::MIN))];
    let then = prop_oneof![
        12 => Just(Then::Nothing),
        3 => Just(Then::Epoch),
        3 => Just(Then::Draft),
        1 => (any::<bool>(), 1usize..4).prop_map(|(full, workers)| Then::Restart(full, workers)),
    ];
    let lot = prop::option::weighted(0.85, 0u8..3);
    let price = prop::option::weighted(0.85, prices);
    let at = (0u8..8, -1500i64..1500);
    let of = (some.clone(), some.clone(), some);
    (at, lot, price, of, 0usize..2, then).prop_map(
        |(at, lot, price, (who, share, raw), reader, then)| Bid {
            at: at.1 + 400 * i64::from(at.0) + 3_000,
            lot,
            price,
            who: who.map(|n| n % 5),
            share: share.map(|n| n % 4),
            raw: raw.map(|n| n % 4),
            reader,
            then,
        },
    )
}

impl Bid {
    fn json(&self) -> String {
        let or_null = |text: Option<String>| text.unwrap_or_else(|| "null".to_owned());
        let quoted = |text: &str| format!("\"{text}\"");
        format!(
            r#"{{"at":{},"lot":{},"price":{},"who":{},"share":{},"raw":{}}}"#,
            self.at,
            or_null(self.lot.map(|n| n.to_string())),
            or_null(self.price.map(|n| n.to_string())),
            or_null(self.who.map(|n| quoted(WHO[usize::from(n)]))),
            or_null(self.share.map(|n| quoted(SHARES[usize::from(n)]))),
            or_null(self.raw.map(|n| quoted(RAWS[usize::from(n)].0))),
        )
    }

    /// A column, as something that is ordered as it is; none of NULL.
    fn column(&self, name: &str) -> Option<Vec<i64>> {
        let bytes = |all: &[u8]| {
            all.iter()
                .map(|byte| i64::from(*byte))
                .collect::<Vec<i64>>()
        };
        // In the order of their values.
        let share = |n: u8| vec![[0, 1, 3, 2][usize::from(n)]];
        match name {
            "at" => Some(vec![self.at]),
            "lot" => self.lot.map(|n| vec![i64::from(n)]),
            "price" => self.price.map(|n| vec![n]),
            "who" => self.who.map(|n| bytes(WHO[usize::from(n)].as_bytes())),
            "share" => self.share.map(share),
            "raw" => self.raw.map(|n| bytes(RAWS[usize::from(n)].1)),
            _ => panic!("{name}"),
        }
    }

    fn end(&self) -> i64 {
        self.at.div_euclid(1_000) * 1_000 + 1_000
    }
}

/// What readers know of a row: its rank, what it shows, whether it is final.
type Known = BTreeMap<(i64, String), (u64, Vec<String>, bool)>;

/// All rows ranked anew.
fn plainly(asked: &Asked, rows: &[(Bid, (u32, u64))], watermark: i64) -> Known {
    let mut partitions: BTreeMap<_, Vec<&(Bid, (u32, u64))>> = BTreeMap::new();
    for row in rows {
        let end = if asked.windowed {
            row.0.end()
        } else {
            i64::MAX
        };
        let by: Vec<_> = asked
            .partition
            .iter()
            .map(|name| row.0.column(name))
            .collect();
        partitions.entry((end, by)).or_default().push(row);
    }
    let mut known = Known::new();
    for ((end, _), mut rows) in partitions {
        rows.sort_by(|(a, at), (b, bt)| {
            for (_, name, down, nulls_first) in asked.order {
                let order = match (a.column(name), b.column(name)) {
                    (None, None) => continue,
                    (None, Some(_)) if *nulls_first => return std::cmp::Ordering::Less,
                    (None, Some(_)) => return std::cmp::Ordering::Greater,
                    (Some(_), None) if *nulls_first => return std::cmp::Ordering::Greater,
                    (Some(_), None) => return std::cmp::Ordering::Less,
                    (Some(a), Some(b)) if *down => b.cmp(&a),
                    (Some(a), Some(b)) => a.cmp(&b),
                };
                if order.is_ne() {
                    return order;
                }
            }
            at.cmp(bt)
        });
        for (rank, (bid, (partition, offset))) in (1u64..).zip(rows) {
            if (asked.ranks.0..=asked.ranks.1).contains(&rank) {
                let or = |text: Option<String>| text.unwrap_or_else(|| "NULL".to_owned());
                let shown = vec![
                    or(bid.lot.map(|n| n.to_string())),
                    or(bid.who.map(|n| WHO[usize::from(n)].to_owned())),
                    or(bid.share.map(|n| SHARES[usize::from(n)].to_owned())),
                    or(bid.price.map(|n| n.to_string())),
                ];
                let rank = if asked.shows_rank { rank } else { 0 };
                let is_final = end <= watermark;
                known.insert(
                    (end, format!("{partition}:{offset}")),
                    (rank, shown, is_final),
                );
            }
        }
    }
    known
}

/// Takes changes over as a reader does; each must change something, and say truly what was before.
fn read(known: &mut Known, plan: &Plan, changes: &[Change]) {
    let ranking = &plan.rankings[0];
    for change in changes {
        let at = (change.window_end, change.key[0].to_string());
        let Some(rank) = change.rank else {
            let before = known.remove(&at).map(|(rank, ..)| rank);
            assert!(
                before.is_some() && before == change.previous_rank,
                "{change:?}"
            );
            continue;
        };
        let named = |name: &str| {
            let found = ranking.measures.iter().position(|m| m.name == name);
            let value = &change.measures[found.unwrap_or_else(|| panic!("{name}"))];
            if *value == Value::Null {
                "NULL".to_owned()
            } else {
                value.to_string()
            }
        };
        let shown = ["lot", "who", "share", "price"].map(named).to_vec();
        let now = (rank, shown, change.is_final);
        let before = known.insert(at, now.clone());
        assert_eq!(change.previous_rank, before.as_ref().map(|before| before.0));
        assert_ne!(before, Some(now), "{change:?} changes nothing");
    }
}

fn draft(gather: &mut Gather, watermark: i64) -> Vec<Change> {
    gather.progress(Progress {
        partitions: vec![PartitionProgress {
            partition: 0,
            leader_epoch: NO_EPOCH,
            next_offset: 1,
            state: PartitionState {
                watermark: Some(watermark),
                ..PartitionState::default()
            },
            begin: 0,
            greatest: Some(watermark),
            bootstrap: 0,
            found: None,
            counts: Counts::default(),
            ids_from: None,
        }],
        ..Progress::default()
    });
    gather.advance();
    gather.draft(BEGINNING, false).changes.to_vec()
}

/// The engine's parts, put together as they are in a run.
struct World {
    plan: Arc<Plan>,
    readers: Vec<Combiner>,
    totals: Vec<Totals>,
    gather: Gather,
    parts: Parts,
}

impl World {
    fn new(plan: &Arc<Plan>, workers: usize) -> Self {
        World {
            readers: (0..2).map(|_| Combiner::new(plan)).collect(),
            totals: (0..workers)
                .map(|_| Totals::new(Arc::clone(plan)))
                .collect(),
            gather: World::gather(plan),
            parts: Parts::default(),
            plan: Arc::clone(plan),
        }
    }

    fn gather(plan: &Arc<Plan>) -> Gather {
        Gather::new(Arc::clone(plan), Policy::default(), Emit::Rows, 1)
    }

    /// Ends an epoch of each reader.
    fn epoch(&mut self) {
        let workers = self.totals.len();
        for reader in &mut self.readers {
            for deltas in reader.flush(workers, &mut Vec::new()) {
                self.totals[deltas.worker as usize].apply(&deltas);
            }
        }
        self.tell();
    }

    fn tell(&mut self) {
        for totals in &mut self.totals {
            assert!(totals.settle().is_empty(), "nothing goes the other way");
            totals
                .settle_tops()
                .into_iter()
                .for_each(|told| self.gather.tops(told));
        }
    }

    fn restart(&mut self, full: bool, workers: usize) {
        self.parts.take(&self.plan, &mut self.totals, full);
        self.totals = self.parts.load(&self.plan, workers);
        self.gather = World::gather(&self.plan);
        self.tell();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_readers_know_is_a_plain_ranking(
        asked in asked(),
        bids in prop::collection::vec(bid(), 1..120),
        workers in 1usize..4,
    ) {
        let plan = plan(&asked);
        let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
        let mut world = World::new(&plan, workers);
        world.parts.take(&plan, &mut world.totals, true);
        let (mut rows, mut known, mut watermark) = (Vec::new(), Known::new(), BEGINNING);
        let count = bids.len();
        for (number, bid) in bids.into_iter().enumerate() {
            let json = bid.json();
            let sale = decoder.decode(json.as_bytes()).unwrap();
            let place = (bid.reader as u32, 1_000 - number as u64);
            let origin = Origin { partition: place.0, offset: place.1, row: 0 };
            let is_late = asked.windowed && bid.end() <= watermark;
            let judge = |end: i64| if end <= watermark { Verdict::Late } else { Verdict::Counted };
            let outcome = world.readers[bid.reader].add(0, &sale, origin, judge, &mut Missing::default());
            prop_assert_eq!(outcome, if is_late { Outcome::Missed } else { Outcome::Counted });
            let then = if number + 1 == count { Then::Draft } else { bid.then };
            let at = bid.at;
            if !is_late {
                rows.push((bid, place));
            }
            if then == Then::Nothing {
                continue;
            }
            world.epoch();
            if then == Then::Epoch {
                continue;
            }
            watermark = watermark.max(at - 1_200);
            read(&mut known, &plan, &draft(&mut world.gather, watermark));
            prop_assert_eq!(&known, &plainly(&asked, &rows, watermark));
            prop_assert!(draft(&mut world.gather, watermark).is_empty(), "nothing is new");
            let mut partitions: BTreeMap<_, u64> = BTreeMap::new();
            for (bid, _) in &rows {
                let end = if asked.windowed { bid.end() } else { 0 };
                let by: Vec<_> = asked.partition.iter().map(|name| bid.column(name)).collect();
                *partitions.entry((end, by)).or_default() += 1;
            }
            let most: u64 = partitions.values().map(|n| (*n).min(asked.ranks.1)).sum();
            let mut held = Held::default();
            let kept: usize = world.totals.iter().map(|t| { t.held(&mut held); held.keys() }).sum();
            prop_assert_eq!(kept as u64, most, "as many are kept as there are ranks");
            if let Then::Restart(full, workers) = then {
                world.restart(full, workers);
                known.clear();
                read(&mut known, &plan, &draft(&mut world.gather, watermark));
                prop_assert_eq!(&known, &plainly(&asked, &rows, watermark));
            }
        }
    }
}
