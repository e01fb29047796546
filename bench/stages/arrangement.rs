//! Our totals beside a differential arrangement (docs/decisions/0002). The same sales are folded per epoch first, which is
//! not timed; then the folded rows are
//!
//! - applied to `dataflow::totals`, which keeps sum, count, greatest, label and distinct cities, and ranks; or
//! - given to `count_total` over an arrangement with a semigroup difference of sum, count and greatest alone, without
//!   ranks: once with text keys, once with keys that somebody has numbered beforehand.
//!
//!   cargo run --release -p standings-stages --bin arrangement -- SALES ROUNDS
//!
//! Prints folded rows per second by epoch size, medians of alternating rounds, and ratios.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use differential_dataflow::difference::{IsZero, Semigroup};
use differential_dataflow::input::InputSession;
use differential_dataflow::operators::count::CountTotal;
use serde::{Deserialize, Serialize};
use standings_engine::combine::combiner::{Combiner, Missing, Origin, SaleView};
use standings_engine::event_time::partition::Verdict;
use standings_engine::rank::totals::Totals;
use standings_load::Dice;
use standings_query::load_dir;

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

    fn bytes(&self, column: usize) -> Option<&[u8]> {
        match column {
            2 => Some(self.1[self.0.city as usize].as_bytes()),
            3 | 4 => Some(self.2[self.0.salesman as usize].as_bytes()),
            _ => None,
        }
    }

    fn number(&self, column: usize) -> Option<i128> {
        (column == 5).then(|| i128::from(self.0.cents))
    }

    fn is_true(&self, _: usize) -> bool {
        false
    }

    fn is_null(&self, column: usize) -> bool {
        self.bytes(column).is_none() && self.number(column).is_none()
    }

    fn has_error(&self, _: usize) -> bool {
        false
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

/// Seconds in totals, and the rows that went in.
fn ours(sales: &[Sale], cities: &[String], salesmen: &[String], epoch: usize) -> f64 {
    let plan = load_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../queries").as_ref())
        .unwrap_or_else(|e| panic!("{}", e.render()));
    let plan = Arc::new(plan);
    let (mut combiner, mut totals) = (Combiner::new(&plan), Totals::new(Arc::clone(&plan)));
    let (mut spent, mut offset) = (Duration::ZERO, 0);
    for batch in sales.chunks(epoch) {
        for sale in batch {
            let origin = Origin {
                partition: 0,
                offset,
                row: 0,
            };
            offset += 1;
            let view = View(sale, cities, salesmen);
            black_box(combiner.add(
                0,
                &view,
                origin,
                |_| Verdict::Counted,
                &mut Missing::default(),
            ));
        }
        let folded = combiner.flush(1, &mut Vec::new());
        let started = Instant::now();
        for deltas in &folded {
            totals.apply(deltas);
        }
        black_box(totals.settle());
        spent += started.elapsed();
    }
    spent.as_secs_f64()
}

/// A key as text, or as a number.
trait Key:
    differential_dataflow::ExchangeData
    + differential_dataflow::Hashable
    + std::hash::Hash
    + Send
    + Sync
{
    fn of(id: u32, text: &str) -> Self;
}

impl Key for u32 {
    fn of(id: u32, _: &str) -> Self {
        id
    }
}

impl Key for String {
    fn of(_: u32, text: &str) -> Self {
        text.to_owned()
    }
}

/// Seconds in the arrangement, and the rows that went in.
fn arrangement<K: Key>(
    sales: &[Sale],
    cities: &[String],
    salesmen: &[String],
    epoch: usize,
) -> (f64, usize) {
    let mut rows = 0;
    let mut epochs = Vec::new();
    for batch in sales.chunks(epoch) {
        let mut folded: HashMap<(bool, i64, u32), Totalled> = HashMap::new();
        for s in batch {
            let window = s.time / HOUR * HOUR;
            for key in [(true, window, s.city), (false, window, s.salesman)] {
                let total = folded.entry(key).or_insert(Totalled(0, 0, i64::MIN));
                total.plus_equals(&Totalled(s.cents, 1, s.cents));
            }
        }
        rows += folded.len();
        let keyed = folded.into_iter().map(|((is_city, window, id), total)| {
            let texts = if is_city { cities } else { salesmen };
            ((is_city, window, K::of(id, &texts[id as usize])), total)
        });
        epochs.push(keyed.collect::<Vec<_>>());
    }
    let seconds = timely::execute_directly(move |worker| {
        let mut input = InputSession::<u64, (bool, i64, K), Totalled>::new();
        let probe = worker.dataflow(|scope| input.to_collection(scope).count_total().probe().0);
        let started = Instant::now();
        for (n, folded) in epochs.into_iter().enumerate() {
            for (key, total) in folded {
                input.update(key, total);
            }
            input.advance_to(n as u64 + 1);
            input.flush();
            worker.step_while(|| probe.less_than(input.time()));
        }
        started.elapsed().as_secs_f64()
    });
    (seconds, rows)
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
    let cities: Vec<String> = (0..300).map(standings_load::city).collect();
    let salesmen: Vec<String> = (0..20_000).map(|n| format!("S{n:06}")).collect();
    println!(
        "{n} sales, medians of {rounds} alternating rounds, one worker; folded rows per second"
    );
    println!(
        "{:>8} {:>12} {:>22} {:>22}",
        "epoch", "ours", "arrangement, texts", "arrangement, numbers"
    );
    for epoch in [1_000, 10_000, 100_000] {
        let (mut a, mut b, mut c, mut rows) = (Vec::new(), Vec::new(), Vec::new(), 0);
        for _ in 0..rounds {
            a.push(ours(&sales, &cities, &salesmen, epoch));
            let (seconds, n) = arrangement::<String>(&sales, &cities, &salesmen, epoch);
            b.push(seconds);
            rows = n;
            c.push(arrangement::<u32>(&sales, &cities, &salesmen, epoch).0);
        }
        let [a, b, c] = [a, b, c].map(|s| rows as f64 / median(s));
        println!(
            "{epoch:>8} {a:>12.0} {b:>14.0} ({:>4.2}x) {c:>14.0} ({:>4.2}x)",
            b / a,
            c / a
        );
    }
}
