//! `bench/run`: sales per second of Standings, of its bounds and of its peers, over the same sales, in one run.
//!
//! ```text
//! sides (bounds, ours, services, peers) ──► check: the same rankings as the loop's? ──► rounds ──► table, ratios
//! ```

mod check;
mod ours;
mod peers;
mod rankings;
mod side;
mod summary;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use standings_load::Shape;

use crate::harness::folder::Folder;
use crate::harness::measure::{self, Invocation};
use crate::harness::peer::Said;
use crate::harness::report::Report;
use crate::harness::services::Services;
use crate::harness::stats::whole;
use crate::harness::{build, place, quiet, rounds, sales};
use crate::problem::Problem;
use rankings::Lines;
use side::{Group, Side};

/// Sales per second of Standings, of its bounds and of its peers, over the same sales, in one run.
///
/// The workload: `bench/queries`, the two shipped rankings at one-hour windows (cities top 10; salesmen top 100 with
/// COUNT(DISTINCT city)), over NDJSON. Every side's results are compared with those of the hand-written loop first. Prints
/// each round, then a table: sales per second (median), CPU seconds per million sales, peak memory, rows written, rows
/// written per rank that changed or became final, and the ratio to the serde_json loop; and the same as Markdown into --out.
///
/// Seconds are those of the whole process for the bounds and Standings; a peer's own, from the start of its job to its end,
/// without the start of its virtual machine or interpreter. Needs cargo; peers install what they need by
/// `bench/peers/NAME/setup`. The groups sinks and kafka need the services of deploy/services.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/run                              5 M sales, 3 rounds, all sides in turn, peers once: an hour with all peers
  bench/run --quick                      1 M sales, 1 round, no slow peers: within five minutes
  bench/run --only bounds,standings
  bench/run --quick --rounds 7 --only standings,sinks --beside OTHER
                                         every side of ours with another binary too, in turn; the ratios
  bench/run --skip 'flink, continuous;pathway, cities'
  deploy/services up && eval \"$(deploy/services env)\" && bench/run
                                         with the sides that need Kafka and Postgres")]
pub struct RunArgs {
    /// A million sales, one round, short rests, no slow peers.
    #[arg(long)]
    quick: bool,
    /// How many sales; 5 M, quick 1 M.
    #[arg(long, value_name = "N")]
    sales: Option<u64>,
    /// How often each side runs; 3, quick once.
    #[arg(long, value_name = "N", value_parser = rounds::parse)]
    rounds: Option<usize>,
    /// How often each peer runs.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = rounds::parse)]
    peer_rounds: usize,
    /// Groups of sides.
    #[arg(long, value_name = "GROUPS", value_enum, value_delimiter = ',', default_values_t = Group::value_variants().to_vec())]
    only: Vec<Group>,
    /// Only these peers, such as flink,dbsp.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    peers: Vec<String>,
    /// Not these sides, by name: 'flink, continuous;pathway, cities'.
    #[arg(long, value_name = "SIDES", value_delimiter = ';')]
    skip: Vec<String>,
    /// Another binary of standings, such as that of the commit before.
    #[arg(long, value_name = "OTHER")]
    beside: Option<PathBuf>,
    /// The binaries are there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown; target/bench/run.md unless told otherwise.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl RunArgs {
    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.quick { 1 } else { 3 })
    }

    fn rest(&self) -> Duration {
        Duration::from_secs(if self.quick { 1 } else { 5 })
    }
}

/// What the sides are made of.
struct Bed {
    sales: PathBuf,
    count: u64,
    /// For what one run leaves behind.
    folder: Folder,
    services: Option<Services>,
}

impl Bed {
    fn in_folder(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }
}

/// Runs `bench/run`.
pub fn run(args: &RunArgs) -> Result<(), Problem> {
    if !args.no_build {
        build::measured(&["plain_loop", "fast_loop"])?;
    }
    let mut report = Report::begin();
    let bed = bed(args)?;
    let want = Lines::of(&measure::said(&bound("plain_loop", &bed).silent())?);
    let mut sides = chosen(args, &bed)?;
    let mut peer_rounds = args.peer_rounds;
    // Once for the results; this also warms the page cache for everyone.
    let mut at = 0;
    while at < sides.len() {
        let side = &mut sides[at];
        match check::check(side, &want, &bed) {
            Ok(false) => at += 1,
            Ok(true) => {
                println!("{}: the same rankings", side.name);
                // It ran once already, which is enough for a slow one.
                if side.group == Group::Peers && args.peer_rounds == 1 {
                    peer_rounds = 0;
                } else {
                    side.took.clear();
                }
                at += 1;
            }
            Err(Problem::Stopped) => return Err(Problem::Stopped),
            Err(problem) => {
                println!("{}: LEFT OUT: {problem}", side.name);
                sides.remove(at);
            }
        }
    }
    for side in &sides {
        side.took.iter().for_each(|t| keep(&mut report, side, t));
    }
    for round in 0..args.rounds().max(peer_rounds) {
        for at in rounds::order(sides.len(), round) {
            let side = &mut sides[at];
            let its = if side.group == Group::Peers {
                peer_rounds
            } else {
                args.rounds()
            };
            if round < its {
                one(side, round, args, &bed, &mut report)?;
            }
        }
    }
    let mut text = summary::table(&sides, bed.count, &report.machine, args.rounds());
    if args.beside.is_some() {
        text += &format!("\n{}", summary::compared(&sides));
    }
    let usual = place::work().join("run.md");
    report.end(&text, Some(args.out.as_deref().unwrap_or(&usual)))
}

fn bed(args: &RunArgs) -> Result<Bed, Problem> {
    let count = args
        .sales
        .unwrap_or(if args.quick { 1_000_000 } else { 5_000_000 });
    let shape = Shape {
        sales: count,
        ..Shape::default()
    };
    let sales = sales::file("", &shape)?;
    let size = std::fs::metadata(&sales)
        .map_err(Problem::file(&sales))?
        .len();
    println!("{} sales of {} bytes", whole(count), size / count.max(1));
    Ok(Bed {
        sales,
        count,
        folder: Folder::new("bench")?,
        services: Services::given(),
    })
}

/// The sides that were asked for, in the order of the table.
fn chosen(args: &RunArgs, bed: &Bed) -> Result<Vec<Side>, Problem> {
    let mut sides = vec![
        Side::new(Group::Bounds, "loop, serde_json", bound("plain_loop", bed))
            .checked(check::Check::Loop),
        Side::new(
            Group::Bounds,
            "loop, our decoder and combining",
            bound("fast_loop", bed),
        )
        .checked(check::Check::Loop),
    ];
    sides.extend(ours::from_files(bed)?);
    if let Some(services) = &bed.services {
        sides.extend(ours::with_services(bed, services));
    }
    if args.only.contains(&Group::Peers) {
        sides.extend(peers::all(args, bed)?);
    }
    sides.retain(|s| args.only.contains(&s.group) && !args.skip.contains(&s.name));
    if let Some(other) = &args.beside {
        let other = place::absolute(other);
        let twins: Vec<Side> = sides.iter().filter_map(|s| s.twin(&other)).collect();
        sides.extend(twins);
    }
    Ok(sides)
}

fn bound(name: &str, bed: &Bed) -> Invocation {
    let sales = bed.sales.display().to_string();
    Invocation::new(place::built(name)).args([&sales])
}

/// One side once.
fn one(
    side: &mut Side,
    round: usize,
    args: &RunArgs,
    bed: &Bed,
    report: &mut Report,
) -> Result<(), Problem> {
    // What it needs anew each time, outside the clock.
    let command = side.command(round)?.silent();
    quiet::wait(args.rest())?;
    let mut took = measure::run(&command)?;
    if side.group == Group::Peers {
        let said = Said::of(&side.name, &took.text)?;
        took.seconds = said.seconds;
        side.rows = said.output_rows.or(side.rows);
    }
    let speed = whole((bed.count as f64 / took.seconds) as u64);
    println!(
        "round {}: {}: {:.2} s, {speed} sales/s",
        round + 1,
        side.name,
        took.seconds
    );
    keep(report, side, &took);
    side.took.push(took);
    side.done(round)
}

fn keep(report: &mut Report, side: &Side, took: &measure::Took) {
    report.keep(&side.name, "seconds", took.seconds);
    report.keep(&side.name, "cpu seconds", took.cpu);
    report.keep(&side.name, "peak bytes", took.memory as f64);
}
