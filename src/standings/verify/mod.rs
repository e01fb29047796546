//! `standings verify`: recomputes closed windows from the source, plainly, and compares them with a sink.
//! `standings repair`: the same, and writes what differs into the sink.
//!
//! ```text
//! sink ──► prefix, watermark, rows ──┐                     ┌──► verify: as a table
//! source up to that prefix ──► plain ─┴──► differences ──┤
//!                                                          └──► repair: changes of closed windows ──► commits ──► sink
//! ```
//!
//! The recomputation shares the decoder, the plan and the rules of event time with the engine, and nothing of its
//! dataflow: no combining, no exchange, no increments, no heads, no commits. `repair` writes by the sink's own protocol.

mod computed;
mod difference;
mod inputs;
mod measure;
mod plain;
mod recompute;
mod repair;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;

use self::inputs::InputArgs;
use self::recompute::Recomputed;
pub use self::repair::{RepairArgs, WritingArgs, run as repair};
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_model::value::Value;
use standings_model::window::Bounds;
use standings_process::exit::{self, Failure};

/// `standings verify`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings verify --queries queries --source kafka://localhost:9092/sales --sink postgres://standings@localhost/standings
  standings verify --queries queries --source file:sales.ndjson --sink file:changes.ndjson --all

Give --out-of-orderness and --allowed-lateness as the run had them. Windows that Kafka no longer holds completely
cannot be verified; they are named, and left out. What differs in closed windows `standings repair` sets right. Exit
codes: 0 the same, 1 different (the differences are printed), 2 wrong usage.")]
pub struct VerifyArgs {
    /// Source and sink.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// Also windows that are not closed, as of the sink's own prefix.
    #[arg(long)]
    pub all: bool,
    /// How many differences are shown.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub limit: usize,
    /// Write what differs into the sink: the same as `standings repair`, whose help says what that means.
    #[arg(long, conflicts_with = "all")]
    pub repair: bool,
    /// What is asked of a repair.
    #[command(flatten)]
    pub writing: WritingArgs,
}

/// Where a row is: ranking, window, keys.
type At = (usize, Bounds, Arc<[Value]>);
/// What is there: rank and measures.
type Row = (u64, Arc<[Value]>);

/// Compares, and fails with the differences.
pub fn run(args: &VerifyArgs) -> Result<(), Failure> {
    if args.repair {
        return repair(&RepairArgs {
            inputs: args.inputs.clone(),
            writing: args.writing.clone(),
        });
    }
    args.inputs.apart().check()?;
    let mut all = Recomputed::new(&args.inputs, args.all, true)?;
    all.say_gone();
    let rows = std::mem::take(&mut all.shown.rows);
    let found: BTreeMap<At, Row> = rows
        .into_iter()
        .filter(|row| all.is_in_scope(row))
        .map(|row| {
            let at = (row.ranking, all.window(&row), row.key);
            (at, (row.rank, row.measures))
        })
        .collect();
    report(&all.plan, &all.want, &found, args.limit)
}

fn report(
    plan: &Plan,
    want: &BTreeMap<At, Row>,
    found: &BTreeMap<At, Row>,
    limit: usize,
) -> Result<(), Failure> {
    let mut windows: Vec<(usize, Bounds)> = want
        .keys()
        .chain(found.keys())
        .map(|at| (at.0, at.1))
        .collect();
    windows.sort_unstable();
    windows.dedup();
    let mut lines = Vec::new();
    let mut different = 0;
    for at in want
        .keys()
        .chain(found.keys().filter(|at| !want.contains_key(*at)))
    {
        let (wanted, is) = (want.get(at), found.get(at));
        if wanted != is {
            different += 1;
            if lines.len() < limit {
                lines.push(table::line(plan, at, wanted, is));
            }
        }
    }
    if different == 0 {
        exit::say(&format!(
            "{} rows of {} windows are as the source says.",
            want.len(),
            windows.len()
        ));
        return Ok(());
    }
    lines.sort();
    exit::say(&table::show(lines));
    Err(Failure::of(
        &codes::tools::DIFFERS,
        format!(
            "{different} rows of {} windows differ from what the source says{}",
            windows.len(),
            if different > limit {
                format!("; the first {limit} are shown")
            } else {
                String::new()
            }
        ),
    ))
}
