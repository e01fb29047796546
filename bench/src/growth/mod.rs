//! `bench/growth`: how cost and memory grow with keys, windows, top N, overlap, partitions.

mod chart;
mod one;
mod points;

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::harness::folder::Folder;
use crate::harness::measure::{self, Invocation};
use crate::harness::report::{Report, write};
use crate::harness::stats::{median, most, whole};
use crate::harness::table::Table;
use crate::harness::{build, place, rounds, sales};
use crate::problem::Problem;
use one::Found;
use points::{Dimension, Point};

/// How cost and memory grow: with keys per window, windows open, top N, overlap of hopping windows, partitions.
///
/// Each point is one run of `standings run -w 1` over a generated file, into nothing, all points in turn. Prints microseconds
/// of CPU and of time per sale, the 99th percentile of read to commit (of a run that reads as fast as it can, so most of it
/// is waiting behind what was read before), live (window, key) pairs, and bytes of memory per live pair beyond a run with
/// hardly any. Needs cargo.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/growth                    1 M sales a point, 3 rounds: about ten minutes
  bench/growth --rounds 1 --svg docs/growth.svg
  bench/growth --only keys --most 10000000 --sales 24000000      ten million keys in one window
  bench/growth --only keys --loops
                                  beside the loops of bench/run over the same files: how much of it is the machine's memory")]
pub struct GrowthArgs {
    /// Sales a point.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    sales: u64,
    /// How often each point is run.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = rounds::parse)]
    rounds: usize,
    /// The most keys.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    most: u64,
    /// What grows.
    #[arg(long, value_name = "DIMENSIONS", value_enum, value_delimiter = ',', default_values_t = Dimension::value_variants().to_vec())]
    only: Vec<Dimension>,
    /// With keys: also the loops of bench/run, which keep both of its rankings.
    #[arg(long)]
    loops: bool,
    /// Where to draw it.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// The binaries are there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

const LOOPS: [&str; 2] = ["plain_loop", "fast_loop"];
/// With fewer pairs memory is that of other things.
const MANY: f64 = 100_000.0;
const MIB: f64 = 1024.0 * 1024.0;

/// A point, what it took each round, and what the loops took over its file.
struct Taken {
    point: Point,
    found: Vec<Found>,
    loops: [Vec<f64>; 2],
}

/// A row of the table.
pub struct Row {
    dimension: Dimension,
    value: u64,
    /// Microseconds of CPU a sale.
    cpu: f64,
    seconds: f64,
    p99: f64,
    memory: f64,
    pairs: f64,
    each: Option<f64>,
}

/// Runs `bench/growth`.
pub fn run(args: &GrowthArgs) -> Result<(), Problem> {
    if !args.no_build {
        build::measured(if args.loops { &LOOPS } else { &[] })?;
    }
    let folder = Folder::new("growth")?;
    let mut report = Report::begin();
    let chosen = points::all(args.sales, args.most)
        .into_iter()
        .filter(|p| args.only.contains(&p.dimension));
    let mut taken: Vec<Taken> = chosen
        .map(|point| Taken {
            point,
            found: Vec::new(),
            loops: Default::default(),
        })
        .collect();
    for round in 0..args.rounds {
        for at in rounds::order(taken.len(), round) {
            let Taken {
                point,
                found,
                loops,
            } = &mut taken[at];
            let one = one::run(folder.path(), point)?;
            let name = format!("{} {}", point.dimension, point.value);
            report.keep(&name, "cpu seconds", one.cpu);
            report.keep(&name, "seconds", one.seconds);
            report.keep(&name, "peak bytes", one.memory);
            report.keep(&name, "live pairs", one.pairs);
            eprintln!("round {}: {name}: {:.2} s", round + 1, one.seconds);
            found.push(one);
            if args.loops && point.dimension == Dimension::Keys {
                for (loop_, all) in LOOPS.iter().zip(loops) {
                    let file = sales::file(&point.name, &point.shape)?
                        .display()
                        .to_string();
                    let took =
                        measure::run(&Invocation::new(place::built(loop_)).args([&file]).silent())?;
                    report.keep(&format!("{name}, {loop_}"), "cpu seconds", took.cpu);
                    all.push(took.cpu);
                }
            }
        }
    }
    // What a run with a thousand keys has is not the keys'.
    let base = one::run(folder.path(), &points::base(args.sales))?.memory;
    let rows: Vec<Row> = taken.iter().map(|t| row(t, base, args.sales)).collect();
    let mut text = format!(
        "{} sales a point, medians of {}; a run with hardly a key: {:.0} MiB\n\n{}",
        whole(args.sales),
        args.rounds,
        base / MIB,
        table(&rows)
    );
    if args.loops {
        text += &format!("\n{}", of_loops(&taken, args.sales));
    }
    if let Some(svg) = &args.svg {
        write(svg, &chart::draw(&rows))?;
    }
    report.end(&text, args.out.as_deref())
}

fn row(taken: &Taken, base: f64, sales: u64) -> Row {
    let all = |pick: fn(&Found) -> f64| taken.found.iter().map(pick).collect::<Vec<_>>();
    let a_sale = |seconds: f64| seconds * 1e6 / sales as f64;
    let (memory, pairs) = (most(all(|f| f.memory)), most(all(|f| f.pairs)));
    Row {
        dimension: taken.point.dimension,
        value: taken.point.value,
        cpu: a_sale(median(all(|f| f.cpu))),
        seconds: a_sale(median(all(|f| f.seconds))),
        p99: median(all(|f| f.p99)),
        memory,
        pairs,
        each: (pairs >= MANY).then(|| (memory - base) / pairs),
    }
}

fn table(rows: &[Row]) -> String {
    let columns = [
        "grows",
        "to",
        "CPU µs per sale",
        "µs per sale",
        "p99 ms",
        "peak MiB",
        "live pairs",
        "bytes per pair",
    ];
    let mut table = Table::new(1, &columns);
    for r in rows {
        table.push([
            r.dimension.to_string(),
            whole(r.value),
            format!("{:.2}", r.cpu),
            format!("{:.2}", r.seconds),
            format!("{:.0}", r.p99),
            format!("{:.0}", r.memory / MIB),
            whole(r.pairs as u64),
            r.each.map_or(String::new(), |bytes| format!("{bytes:.0}")),
        ]);
    }
    table.to_string()
}

fn of_loops(taken: &[Taken], sales: u64) -> String {
    let columns = LOOPS.map(|l| format!("{l}, CPU µs per sale"));
    let mut table = Table::new(0, &["keys", &columns[0], &columns[1]]);
    for t in taken
        .iter()
        .filter(|t| t.point.dimension == Dimension::Keys)
    {
        let each = t
            .loops
            .iter()
            .map(|all| format!("{:.2}", median(all.iter().copied()) * 1e6 / sales as f64));
        table.push([whole(t.point.value)].into_iter().chain(each));
    }
    table.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_told_by_the_pair_where_there_are_many() {
        let found = |memory, pairs| Found {
            cpu: 2.0,
            seconds: 1.0,
            memory,
            pairs,
            p99: 30.0,
        };
        let of = |pairs| {
            let taken = Taken {
                point: points::base(1_000_000),
                found: vec![found(200e6, pairs), found(300e6, pairs / 2.0)],
                loops: Default::default(),
            };
            row(&taken, 100e6, 1_000_000)
        };
        assert_eq!(of(1e6).each, Some(200.0));
        assert_eq!((of(1e4).each, of(1e4).cpu, of(1e4).p99), (None, 2.0, 30.0));
        assert!(table(&[of(1e6)]).contains("1,000,000"));
    }
}
