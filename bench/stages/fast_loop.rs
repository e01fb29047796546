//! The bound: how fast one thread can be with the fastest decoder we know and per-batch combining, when it needs to do
//! nothing else. Reads NDJSON, decodes with our decoder, folds every hundred thousand sales, adds the folds to the
//! totals, and ranks once, at the very end.
//!
//! No dataflow, no watermark, no offsets, no change before the end, no commits. Prints both rankings in the lines of
//! `plain_loop`, for the comparison of results.
//!
//!   cargo run --release -p standings-stages --bin fast_loop -- sales.ndjson

use std::collections::BTreeMap;
use std::io::{BufWriter, Read, Write};
use std::path::Path;

use standings_decode::Decoder;
use standings_engine::combine::combiner::{Combiner, Missing, Origin};
use standings_engine::event_time::partition::Verdict;
use standings_engine::rank::totals::Totals;
use standings_model::value::Value;
use standings_query::load_dir;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const BATCH: u64 = 100_000;

fn main() {
    let path = std::env::args().nth(1).expect("fast_loop FILE.ndjson");
    let queries = Path::new(env!("CARGO_MANIFEST_DIR")).join("../queries");
    let plan = std::sync::Arc::new(load_dir(&queries).expect("bench/queries"));
    let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
    let mut combiner = Combiner::new(&plan);
    let mut totals = Totals::new(plan.clone());
    let mut spent = Vec::new();
    let mut missing = Missing::default();
    let mut file = std::fs::File::open(path).expect("a readable file");
    let mut buffer = vec![0; 1 << 20];
    let (mut held, mut offset, mut broken) = (0, 0u64, 0u64);
    loop {
        if held == buffer.len() {
            buffer.resize(held * 2, 0);
        }
        let n = file.read(&mut buffer[held..]).expect("a readable file");
        let end = held + n;
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &buffer[start..end]) {
            let line = &buffer[start..start + length];
            start += length + 1;
            let origin = Origin {
                partition: 0,
                offset,
                row: 0,
            };
            match decoder.decode(line) {
                Ok(sale) => {
                    missing.clear();
                    combiner.add(0, &sale, origin, |_| Verdict::Counted, &mut missing);
                }
                Err(_) => broken += 1,
            }
            offset += 1;
            if offset % BATCH == 0 {
                let folded = combiner.flush(1, &mut spent);
                folded.iter().for_each(|d| totals.apply(d));
                spent = folded;
            }
        }
        if n == 0 {
            break;
        }
        buffer.copy_within(start..end, 0);
        held = end - start;
    }
    let folded = combiner.flush(1, &mut spent);
    folded.iter().for_each(|d| totals.apply(d));
    let mut windows: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for candidate in totals.settle() {
        let at = (candidate.ranking, candidate.window_end);
        let row = candidate.row.expect("nothing leaves");
        let rows = windows.entry(at).or_default();
        rows.push((row.order, candidate.key, row.measures));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    for ((ranking, end), mut rows) in windows {
        rows.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let ranking = &plan.rankings[ranking as usize];
        let window = ranking.window.start(end);
        let measure = |name: &str, measures: &[Value]| {
            let at = ranking.measures.iter().position(|m| m.name == name);
            let value = at.map(|at| &measures[at]).filter(|v| !v.is_null());
            value.map_or_else(String::new, Value::to_string)
        };
        let (count, last) = match ranking.name.as_str() {
            "top_salesmen" => ("deals_closed", "cities_covered"),
            _ => ("transaction_count", "max_sale"),
        };
        for (rank, (_, key, measures)) in rows.iter().enumerate() {
            let (name, key) = (&ranking.name, String::from_utf8_lossy(key));
            let [total, count, last] =
                ["total_sales", count, last].map(|name| measure(name, measures));
            let rank = rank + 1;
            writeln!(out, "{name} {window} {rank} {key} {total} {count} {last}").expect("stdout");
        }
    }
    eprintln!("{offset} read, {broken} broken");
}
