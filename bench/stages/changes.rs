//! Rows that are replaced: what taking one back and adding another costs, given decoded rows.
//!
//!   cargo run --release -p standings-stages --bin changes -- ROWS
//!
//! So many rows live in 1,000 cities of one hour. Then each of as many changes takes a row back and adds it anew with another
//! amount, through the reader's fold and the owner's totals on one worker, in epochs of 1,000 and 10,000. Prints changes per second
//! of three rankings: sums alone; sums with the greatest and the different; with the last of texts as well. Beside them, in the
//! same way, additions alone to the ranking of sums as a table that only grows has it.

use std::sync::Arc;
use std::time::Instant;

use standings_engine::combine::combiner::{Combiner, Missing, Origin, SaleView, Sign};
use standings_engine::event_time::partition::Verdict;
use standings_engine::pack::deltas::Deltas;
use standings_engine::rank::totals::Totals;
use standings_load::Dice;
use standings_model::plan::Plan;
use standings_model::table::Changelog;
use standings_query::load_texts;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TABLE: &str = "CREATE TABLE sales (id BIGINT, at TIMESTAMP_LTZ(3), city STRING, seller STRING, amount DECIMAL(12, 2),
  PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR at AS at);\n";

/// What is measured beside the sum that is ranked by.
const RANKINGS: [(&str, &str); 3] = [
    ("sums", "COUNT(*) AS n"),
    (
        "and multisets",
        "COUNT(*) AS n, MAX(amount) AS most, COUNT(DISTINCT seller) AS sellers",
    ),
    (
        "and the last",
        "COUNT(*) AS n, MAX(amount) AS most, LAST_VALUE(seller) AS seller",
    ),
];

/// A row as the decoder gives it.
struct Row<'a> {
    id: i64,
    time: i64,
    city: &'a str,
    seller: &'a str,
    cents: i64,
}

impl SaleView for Row<'_> {
    fn event_time(&self) -> i64 {
        self.time
    }

    fn bytes(&self, column: usize) -> Option<&[u8]> {
        match column {
            2 => Some(self.city.as_bytes()),
            3 => Some(self.seller.as_bytes()),
            _ => None,
        }
    }

    fn number(&self, column: usize) -> Option<i128> {
        match column {
            0 => Some(self.id.into()),
            4 => Some(self.cents.into()),
            _ => None,
        }
    }

    fn is_true(&self, _: usize) -> bool {
        false
    }

    fn is_null(&self, _: usize) -> bool {
        false
    }

    fn has_error(&self, _: usize) -> bool {
        false
    }
}

fn plan(measures: &str, changes: bool) -> Arc<Plan> {
    let query = format!(
        "{TABLE}INSERT INTO best SELECT window_start, window_end, city, total, {}, r FROM (
         SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS r FROM (
          SELECT window_start, window_end, city, SUM(amount) AS total, {measures}
          FROM TABLE(TUMBLE(TABLE sales, DESCRIPTOR(at), INTERVAL '1' HOUR))
          GROUP BY window_start, window_end, city)) WHERE r <= 10;",
        names(measures)
    );
    let loaded = load_texts(&[("q", &query)]);
    let mut plan = loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan;
    if changes {
        plan.tables[0].changelog = Changelog::Upsert;
        plan.rankings[0].retracts = true;
    }
    Arc::new(plan)
}

fn names(measures: &str) -> String {
    let names = measures.split(", ").filter_map(|m| m.split(" AS ").nth(1));
    names.collect::<Vec<_>>().join(", ")
}

/// Seconds of so many changes, or additions, in epochs of so many.
fn seconds(plan: &Arc<Plan>, rows: usize, epoch: usize, changes: bool) -> f64 {
    let mut dice = Dice::new(5);
    let cities: Vec<String> = (0..1_000).map(|n| format!("city-{n:04}")).collect();
    let sellers: Vec<String> = (0..20_000).map(|n| format!("seller-{n:05}")).collect();
    let mut live: Vec<i64> = (0..rows).map(|_| (dice.roll() % 100_000) as i64).collect();
    let mut combiner = Combiner::new(plan);
    let mut totals = Totals::new(Arc::clone(plan));
    let mut spent: Vec<Deltas> = Vec::new();
    let mut missing = Missing::default();
    let row = |id: usize, cents: i64| Row {
        id: id as i64,
        time: 1 + id as i64 % 3_000_000,
        city: &cities[id.wrapping_mul(2_654_435_761) % 1_000],
        seller: &sellers[id.wrapping_mul(40_503) % 20_000],
        cents,
    };
    let origin = |offset: usize| Origin {
        partition: 0,
        offset: offset as u64,
        row: 0,
    };
    let mut end = |combiner: &mut Combiner| {
        let batches = combiner.flush(1, &mut spent);
        batches.iter().for_each(|deltas| totals.apply(deltas));
        spent.extend(batches);
        std::hint::black_box(totals.settle());
    };
    for (id, cents) in live.iter().enumerate() {
        let row = row(id, *cents);
        combiner.add(0, &row, origin(id), |_| Verdict::Counted, &mut missing);
        if id % 10_000 == 9_999 {
            end(&mut combiner);
        }
    }
    end(&mut combiner);
    let began = Instant::now();
    for n in 0..rows {
        let id = dice.roll() as usize % rows;
        let cents = (dice.roll() % 100_000) as i64;
        let judge = |_| Verdict::Counted;
        match changes {
            true => {
                for (sign, cents) in [(Sign::Minus, live[id]), (Sign::Plus, cents)] {
                    combiner.change(0, &row(id, cents), origin(n), sign, judge, &mut missing);
                }
                live[id] = cents;
            }
            false => {
                combiner.add(0, &row(id, cents), origin(n), judge, &mut missing);
            }
        }
        if n % epoch == epoch - 1 {
            end(&mut combiner);
        }
    }
    end(&mut combiner);
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(totals.overdrawn(), None);
    seconds
}

fn main() {
    let rows = std::env::args().nth(1).and_then(|n| n.parse().ok());
    let rows: usize = rows.unwrap_or(1_000_000);
    let additions = ("sums, additions", plan(RANKINGS[0].1, false), false);
    let changes = RANKINGS.map(|(name, measures)| (name, plan(measures, true), true));
    for (name, plan, changes) in [additions].into_iter().chain(changes) {
        for epoch in [1_000, 10_000] {
            let mut times: Vec<f64> = (0..3)
                .map(|_| seconds(&plan, rows, epoch, changes))
                .collect();
            times.sort_by(f64::total_cmp);
            println!(
                "{name:>16}, epochs of {epoch:>6}: {:.2} M a second",
                rows as f64 / times[1] / 1e6
            );
        }
    }
}
