//! Our totals beside a differential arrangement (docs/decisions/0002): the same decoded sales, folded per epoch on both
//! sides, then kept either in `dataflow::totals` (which ranks, too) or by `count_total` over an arrangement with a
//! semigroup difference (totals only, no ranks, so the arrangement has less to do).
//!
//!   cargo run --release --example arrangement -- [SALES] [ROUNDS]
//!
//! Prints sales per second by epoch size, medians of alternating rounds, and the ratio.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use differential_dataflow::difference::{IsZero, Semigroup};
use differential_dataflow::input::InputSession;
use differential_dataflow::operators::count::CountTotal;
use serde::{Deserialize, Serialize};
use standings::combine::combiner::{Combiner, Origin, SaleView};
use standings::dataflow::totals::Totals;
use standings::event_time::partition::Verdict;
use standings::load::Dice;
use standings::model::value::Value;
use standings::query::load_dir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOUR: i64 = 3_600_000;

struct Sale {
    time: i64,
    city: u32,
    salesman: u32,
    cents: i64,
}

/// A sale with its texts, as the decoder gives it.
struct View<'a>(&'a Sale, &'a [String], &'a [String]);

impl SaleView for View<'_> {
    fn event_time(&self) -> i64 {
        self.0.time
    }

    fn text(&self, column: usize) -> Option<&[u8]> {
        match column {
            2 => Some(self.1[self.0.city as usize].as_bytes()),
            3 | 4 => Some(self.2[self.0.salesman as usize].as_bytes()),
            _ => None,
        }
    }

    fn number(&self, column: usize) -> Option<i128> {
        (column == 5).then(|| i128::from(self.0.cents))
    }

    fn value(&self, column: usize) -> Value {
        self.text(column).map_or(Value::Null, |t| {
            Value::text(std::str::from_utf8(t).unwrap_or_default())
        })
    }
}

/// Sum, count and greatest: a semigroup without an inverse, because of the greatest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Totalled(i64, i64, i64);

impl IsZero for Totalled {
    fn is_zero(&self) -> bool {
        false
    }
}

impl Semigroup for Totalled {
    fn plus_equals(&mut self, other: &Self) {
        self.0 += other.0;
        self.1 += other.1;
        self.2 = self.2.max(other.2);
    }
}

fn ours(sales: &[Sale], cities: &[String], salesmen: &[String], epoch: usize) -> usize {
    let plan =
        Arc::new(load_dir("bench/queries".as_ref()).unwrap_or_else(|e| panic!("{}", e.render())));
    let (mut combiner, mut totals) = (Combiner::new(&plan), Totals::new(Arc::clone(&plan)));
    let mut changed = 0;
    let mut offset = 0;
    for batch in sales.chunks(epoch) {
        for sale in batch {
            let origin = Origin {
                partition: 0,
                offset,
            };
            offset += 1;
            black_box(combiner.add(
                &View(sale, cities, salesmen),
                origin,
                |_| Verdict::Counted,
                &mut Vec::new(),
            ));
        }
        for deltas in combiner.flush(1) {
            totals.apply(&deltas);
        }
        changed += totals.settle().len();
    }
    black_box(changed);
    totals.live_keys()
}

fn arrangement(sales: &[Sale], epoch: usize) -> usize {
    // Copied, so that the worker's closure owns them; not part of the time.
    let batches: Vec<Vec<(i64, u32, u32, i64)>> = sales
        .chunks(epoch)
        .map(|b| {
            b.iter()
                .map(|s| (s.time, s.city, s.salesman, s.cents))
                .collect()
        })
        .collect();
    timely::execute_directly(move |worker| {
        let mut input = InputSession::<u64, (bool, i64, u32), Totalled>::new();
        let probe = worker.dataflow(|scope| {
            let (probe, _) = input.to_collection(scope).count_total().probe();
            probe
        });
        let mut keys = 0;
        let mut folded: HashMap<(bool, i64, u32), Totalled> = HashMap::new();
        for (n, batch) in batches.into_iter().enumerate() {
            for (time, city, salesman, cents) in batch {
                let window = time / HOUR * HOUR;
                for key in [(true, window, city), (false, window, salesman)] {
                    folded
                        .entry(key)
                        .or_insert(Totalled(0, 0, i64::MIN))
                        .plus_equals(&Totalled(cents, 1, cents));
                }
            }
            keys += folded.len();
            for (key, total) in folded.drain() {
                input.update(key, total);
            }
            input.advance_to(n as u64 + 1);
            input.flush();
            worker.step_while(|| probe.less_than(input.time()));
        }
        keys
    })
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

fn main() {
    let mut args = std::env::args()
        .skip(1)
        .map(|a| a.parse::<usize>().expect("a number"));
    let (n, rounds) = (args.next().unwrap_or(2_000_000), args.next().unwrap_or(5));
    let mut dice = Dice::new(1);
    let skewed = |dice: &mut Dice, n: u64| (dice.below(n) * dice.below(n) / n) as u32;
    let sales: Vec<Sale> = (0..n)
        .map(|i| Sale {
            time: 1_769_126_400_000 + i as i64 * 24 * HOUR / n as i64,
            city: skewed(&mut dice, 300),
            salesman: skewed(&mut dice, 20_000),
            cents: dice.below(100_000) as i64,
        })
        .collect();
    let cities: Vec<String> = (0..300).map(standings::load::city).collect();
    let salesmen: Vec<String> = (0..20_000).map(|n| format!("S{n:06}")).collect();
    println!("{n} sales, medians of {rounds} alternating rounds, one worker");
    println!(
        "{:>8} {:>16} {:>16} {:>7}",
        "epoch", "ours, sales/s", "arrangement", "ratio"
    );
    for epoch in [1_000, 10_000, 100_000] {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let started = Instant::now();
            black_box(ours(&sales, &cities, &salesmen, epoch));
            a.push(n as f64 / started.elapsed().as_secs_f64());
            let started = Instant::now();
            black_box(arrangement(&sales, epoch));
            b.push(n as f64 / started.elapsed().as_secs_f64());
        }
        let (a, b) = (median(a), median(b));
        println!("{epoch:>8} {a:>16.0} {b:>16.0} {:>6.2}x", a / b);
    }
}
