//! The stages of the hot path, one at a time, over the same sales: for criterion, which times them, and for the count of
//! instructions, which does not depend on how busy the machine is.
//!
//! What is here links no client: neither librdkafka nor axum.

use std::path::Path;
use std::sync::Arc;

use standings_decode::Decoder;
use standings_engine::combine::combiner::{Combiner, Missing, Origin, SaleView};
use standings_engine::event_time::partition::{Policy, Verdict};
use standings_engine::pack::deltas::Deltas;
use standings_engine::quality::{self, Judge, Moment};
use standings_engine::rank::emit::Emit;
use standings_engine::rank::gather::Gather;
use standings_engine::rank::totals::{Held, Totals};
use standings_load::Dice;
use standings_model::change::Commit;
use standings_model::json::{push_change, push_key};
use standings_model::plan::Plan;
use standings_query::load_dir;

/// Sales in the input.
pub const SALES: usize = 20_000;
/// Sales of one epoch where several are needed.
const EPOCH: usize = 1_000;

/// What each stage starts from.
pub struct Stages {
    plan: Arc<Plan>,
    lines: Vec<Vec<u8>>,
    sales: Vec<Kept>,
    epochs: Vec<Vec<Deltas>>,
    commit: Commit,
}

/// A decoded sale that outlives its line.
struct Kept {
    time: i64,
    texts: Vec<Option<Vec<u8>>>,
    numbers: Vec<Option<i128>>,
}

impl SaleView for Kept {
    fn event_time(&self) -> i64 {
        self.time
    }

    fn bytes(&self, column: usize) -> Option<&[u8]> {
        self.texts[column].as_deref()
    }

    fn number(&self, column: usize) -> Option<i128> {
        self.numbers[column]
    }

    fn is_true(&self, column: usize) -> bool {
        self.numbers[column] == Some(1)
    }

    fn is_null(&self, column: usize) -> bool {
        self.texts[column].is_none() && self.numbers[column].is_none()
    }

    fn has_error(&self, _: usize) -> bool {
        // These queries compute nothing.
        false
    }
}

/// The names of the stages.
pub const NAMES: [&str; 7] = [
    "decode", "checks", "unique", "combine", "totals", "rank", "encode",
];

impl Default for Stages {
    fn default() -> Self {
        Stages::new()
    }
}

impl Stages {
    /// Makes the input: the same each time.
    pub fn new() -> Self {
        let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("../queries");
        let plan = Arc::new(load_dir(&queries).expect("bench/queries"));
        let lines = lines();
        let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
        let columns = plan.tables[0].columns.len();
        let keep = |line: &Vec<u8>| {
            let sale = decoder.decode(line).expect("a sale");
            let all = 0..columns;
            Kept {
                time: sale.event_time,
                texts: all
                    .clone()
                    .map(|c| sale.bytes(c).map(<[u8]>::to_vec))
                    .collect(),
                numbers: all.map(|c| SaleView::number(&sale, c)).collect(),
            }
        };
        let sales: Vec<Kept> = lines.iter().map(keep).collect();
        let mut stages = Stages {
            plan,
            lines,
            sales,
            epochs: Vec::new(),
            commit: Commit::default(),
        };
        stages.epochs = stages.fold(EPOCH);
        stages.commit = stages.commit();
        stages
    }

    /// Runs a stage once; something that depends on what it did.
    pub fn run(&self, name: &str) -> u64 {
        match name {
            "decode" => self.decode(),
            "checks" | "unique" => self.judge(name),
            "combine" => self.fold(SALES).iter().map(|all| all.len() as u64).sum(),
            "totals" => self.totals(false),
            "rank" => self.totals(true),
            "encode" => self.encode(),
            other => panic!("no stage {other}; there are {NAMES:?}"),
        }
    }

    fn decode(&self) -> u64 {
        let plan = &self.plan;
        let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
        let time = |line: &Vec<u8>| {
            decoder
                .decode(line)
                .map_or(0, |sale| sale.event_time as u64)
        };
        self.lines.iter().map(time).fold(0, u64::wrapping_add)
    }

    /// Decodes, and holds every sale against the checks of a folder: what is more than `decode` alone is theirs.
    fn judge(&self, checks: &str) -> u64 {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut plan = Plan::clone(&self.plan);
        plan.checks = quality::load(&folder.join(checks), &plan.tables).expect("checks");
        let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
        let mut judge = Judge::new(&plan.checks, &plan.tables);
        let mut memory = judge.memory(0);
        let mut watermark = None;
        let mut refused = 0;
        for (offset, line) in (0..).zip(&self.lines) {
            let sale = decoder.decode(line).expect("a sale");
            let place = Moment { offset, watermark };
            watermark = watermark.max(Some(sale.event_time - 60_000));
            refused += u64::from(judge.judge(0, &sale, place, &mut memory).is_some());
        }
        refused
    }

    fn fold(&self, epoch: usize) -> Vec<Vec<Deltas>> {
        let mut combiner = Combiner::new(&self.plan);
        let mut missing = Missing::default();
        let mut out = Vec::new();
        for (n, sale) in self.sales.iter().enumerate() {
            let origin = Origin {
                partition: 0,
                offset: n as u64,
                row: 0,
            };
            combiner.add(0, sale, origin, |_| Verdict::Counted, &mut missing);
            if (n + 1) % epoch == 0 {
                out.push(combiner.flush(1, &mut Vec::new()));
            }
        }
        out
    }

    /// Adds every epoch's fold; `rank`: and ends the epoch each time.
    fn totals(&self, rank: bool) -> u64 {
        let mut totals = Totals::new(Arc::clone(&self.plan));
        let mut candidates = 0;
        for epoch in &self.epochs {
            epoch.iter().for_each(|deltas| totals.apply(deltas));
            if rank {
                candidates += totals.settle().len() as u64;
            }
        }
        let mut held = Held::default();
        totals.held(&mut held);
        candidates + held.keys() as u64
    }

    fn commit(&self) -> Commit {
        let policy = Policy {
            out_of_orderness: 60_000,
            allowed_lateness: 3_600_000,
            max_ahead: 86_400_000,
            retain: 604_800_000,
        };
        let mut totals = Totals::new(Arc::clone(&self.plan));
        let mut gather = Gather::new(Arc::clone(&self.plan), policy, Emit::Rows, 1);
        self.epochs.iter().flatten().for_each(|d| totals.apply(d));
        totals
            .settle()
            .into_iter()
            .for_each(|c| gather.candidate(c));
        gather.advance();
        gather.draft(i64::MIN, false)
    }

    fn encode(&self) -> u64 {
        let mut out = Vec::new();
        for change in self.commit.changes.iter() {
            push_key(&mut out, &self.plan, change);
            push_change(&mut out, &self.plan, change, 1);
        }
        out.len() as u64
    }
}

/// About 150 bytes a sale, an hour and a bit, 300 cities, 2,000 salesmen.
fn lines() -> Vec<Vec<u8>> {
    let mut dice = Dice::new(7);
    let line = |n: usize| {
        let second = n * 4000 / SALES;
        let (city, salesman) = (dice.below(300), dice.below(2000));
        let (minute, ms, cents) = (second / 60 % 60, dice.below(1000), dice.below(100_000));
        format!(
            "{{\"sale_id\":\"a-{n}\",\"event_time\":\"2026-01-23T{:02}:{minute:02}:{:02}.{ms:03}Z\",\"city\":\"Town {city}\",\
             \"salesman_id\":\"S{salesman:06}\",\"salesman_name\":\"Name {}\",\"amount\":{}.{:02}}}",
            10 + second / 3600,
            second % 60,
            salesman % 700,
            cents / 100,
            cents % 100
        )
        .into_bytes()
    };
    (0..SALES).map(line).collect()
}
