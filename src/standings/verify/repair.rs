//! `standings repair`: writes into a sink what its closed windows lack.
//!
//! ```text
//! look ──► recompute at the sink's prefix ──► look again: nobody wrote? ──► open: the sink is ours ──► confirm
//!                                                                              │ still the same commit?
//!             commit n+1, n+2, …: whole windows, the same prefix ◄── difference to what it shows now ◄┘
//! ```
//!
//! 1. Only closed windows are written, as final. A window that is open at the sink's prefix a run keeps itself.
//! 2. The commits are the sink's own: the next numbers, by a generation of its own, for the prefix that it shows already.
//!    A run that starts afterwards finds what it would have written.
//! 3. Nothing is written unless the source holds what the prefix counts: what is gone of it limits the windows, what
//!    never was there (another topic, another file) ends the repair.

use std::time::{Duration, Instant};

use clap::Args;

use super::difference::{changes, commits, summary};
use super::inputs::InputArgs;
use super::recompute::Recomputed;
use crate::load::progress;
use standings_commit::sink::ShownRow;
use standings_edge::sink;
use standings_edge::sink::look::{Look, look};
use standings_edge::sink::url::SinkUrl;
use standings_engine::snapshot;
use standings_model::block::PartitionId;
use standings_model::change::{Change, Commit};
use standings_model::error::{Code, Coded, codes};
use standings_model::identity::Opening;
use standings_process::exit::{self, Failure};

/// A cluster that has something to write does so within this.
const LOOK_FOR: Duration = Duration::from_secs(2);

/// `standings repair`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  What would be written:
    standings repair --queries queries --source kafka://localhost:9092/sales --sink postgres://standings@localhost/standings --dry-run
  One week of it:
    standings repair … --from 2026-01-19 --to 2026-01-26

When closed windows are missing or wrong: a table was dropped or rows were changed by hand, or a sink was older than the
snapshot that a run started from. They are recomputed from the source, up to the prefix that the sink shows, and the
difference is written as ordinary commits: rows that are missing or wrong, and deletes of those that are too many. Windows
that are open are left to the run.

Stop the cluster that writes to the sink first: a repair takes the sink over as a start does. One that commits meanwhile, or
that has said within the last minutes in standings_runs that it goes on, is noticed, and nothing is written; one that is
quiet is ended by the take-over (exit code 1, \"taken over\"), and goes on when it is started again.

Give --queries, --out-of-orderness and --allowed-lateness as the run had them: windows are set to what these say. Windows
whose sales Kafka no longer holds completely are named, and left as they are. Sales that a run let go by --retain count.
Exit codes: 0 nothing to do, or all of it done; 1 failed, or somebody writes; 2 wrong usage.")]
pub struct RepairArgs {
    /// Source and sink.
    #[command(flatten)]
    pub inputs: InputArgs,
    /// What is asked of the repair.
    #[command(flatten)]
    pub writing: WritingArgs,
}

/// How a repair writes.
#[derive(Args, Clone, Debug)]
pub struct WritingArgs {
    /// With a repair: say how many rows of which windows would be written; write nothing, take nothing over.
    #[arg(long, env = "STANDINGS_DRY_RUN")]
    pub dry_run: bool,
    /// With a repair: go on although standings_runs says that a run is going on (one that was killed did not say that it
    /// ended).
    #[arg(long, env = "STANDINGS_YES")]
    pub yes: bool,
    /// With a repair: rows of one commit, about; a window is never cut.
    #[arg(
        long,
        env = "STANDINGS_COMMIT_ROWS",
        value_name = "N",
        default_value_t = 10_000
    )]
    pub commit_rows: usize,
    /// With a repair: as in the run, deletes are null values.
    #[arg(long, env = "STANDINGS_KAFKA_TOMBSTONES")]
    pub kafka_tombstones: bool,
}

/// Why a sink is not repaired.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RepairError {
    /// It does not say what it stands for.
    #[error(
        "--sink {name}: only a sink that remembers its prefix can be repaired: postgres://…, or kafka://…/topic that \
         is written exactly once. A file is the log of one run: run again into a new one"
    )]
    Forgets {
        /// Which.
        name: String,
    },
    /// It could, and does not.
    #[error(
        "{name} does not say for which prefix of the input it stands, so nothing can be recomputed for it: it has no \
         commit yet, or was written with --delivery at-least-once. `standings run` fills it"
    )]
    NoPrefix {
        /// Which.
        name: String,
    },
    /// The source is another one.
    #[error(
        "{name} counts partition {partition} up to offset {end}, and the source {}: is it another source, or \
         was it made anew? Nothing was written", holds(*.reached)
    )]
    OtherPrefix {
        /// Which sink.
        name: String,
        /// Which partition.
        partition: PartitionId,
        /// Where the sink's prefix ends.
        end: u64,
        /// Where the source's partition ends, if it has one.
        reached: Option<u64>,
    },
    /// A cluster writes there.
    #[error(
        "somebody writes to {name}: it was at commit {then} and is at commit {now} now. Stop that cluster, then repair; \
         nothing was written"
    )]
    Written {
        /// Where.
        name: String,
        /// The commit when it was read.
        then: u64,
        /// The last one.
        now: u64,
    },
    /// A run says that it goes on.
    #[error(
        "standings_runs in {name} says that a run goes on ({run}). Stop it, then repair; if it was killed and did not \
         say so, give --yes. Nothing was written"
    )]
    Runs {
        /// Where.
        name: String,
        /// Which.
        run: String,
    },
    /// Somebody was faster.
    #[error(
        "{name} was at commit {then} when it was compared, and is at commit {now} now that it is taken over: somebody wrote in \
         between. Nothing was written; start the cluster again, or stop it and repair again"
    )]
    Between {
        /// Where.
        name: String,
        /// The commit when it was compared.
        then: u64,
        /// The last one.
        now: u64,
    },
}

impl Coded for RepairError {
    fn code(&self) -> &'static Code {
        match self {
            RepairError::Forgets { .. } | RepairError::NoPrefix { .. } => {
                &codes::tools::NOT_REPAIRED
            }
            RepairError::OtherPrefix { .. } => &codes::tools::OTHER_PREFIX,
            RepairError::Written { .. }
            | RepairError::Runs { .. }
            | RepairError::Between { .. } => &codes::tools::WRITTEN,
        }
    }
}

fn holds(reached: Option<u64>) -> String {
    match reached {
        Some(reached) => format!("has only {reached} offsets of it"),
        None => "has no such partition".to_owned(),
    }
}

/// Recomputes, and writes what differs.
pub fn run(args: &RepairArgs) -> Result<(), Failure> {
    let (inputs, writing) = (&args.inputs, &args.writing);
    let name = inputs.sink.to_string();
    if matches!(inputs.sink, SinkUrl::File { .. } | SinkUrl::Stdout { .. }) {
        return Err(RepairError::Forgets { name }.into());
    }
    inputs.apart().sink("--sink", &inputs.sink).check()?;
    if !writing.dry_run {
        exit::say(&format!(
            "Repairing {name}: stop the cluster that writes there. The sink is taken over when something differs; a \
             cluster that still runs is ended by that."
        ));
    }
    let began = Instant::now();
    let mut all = Recomputed::new(inputs, false, false)?;
    let first = look(&inputs.sink, &all.options)?;
    check_source(&all, &name)?;
    all.say_gone();
    let rows = std::mem::take(&mut all.shown.rows);
    let differ = difference(&all, rows);
    if differ.is_empty() {
        let windows = all.want.keys().map(|at| (at.0, at.1));
        let windows = windows.collect::<std::collections::BTreeSet<_>>().len();
        exit::say(&format!(
            "Nothing to do: {} rows of {windows} closed windows are as the source says.",
            all.want.len()
        ));
        return Ok(());
    }
    summary(&all.plan, &differ)
        .iter()
        .for_each(|l| exit::say(l));
    let planned = commits(differ, writing.commit_rows);
    if writing.dry_run {
        exit::say(&format!(
            "{} would be written.",
            told(&planned, all.shown.commit)
        ));
        return Ok(());
    }
    nobody_writes(&all, inputs, writing, &first, began)?;
    write(all, inputs, writing)
}

/// What differs of the windows in scope.
fn difference(all: &Recomputed, rows: Vec<ShownRow>) -> Vec<Change> {
    let in_scope = |row: &ShownRow| all.is_in_scope(row);
    changes(&all.plan, &all.want, rows.into_iter().filter(in_scope))
}

fn told(planned: &[Vec<Change>], last: u64) -> String {
    let changes: usize = planned.iter().map(Vec::len).sum();
    let (from, to) = (last + 1, last + planned.len() as u64);
    match from == to {
        true => format!("{changes} changes in commit {from}"),
        false => format!("{changes} changes in commits {from} to {to}"),
    }
}

/// Whether the source is one that the sink's prefix can be of.
fn check_source(all: &Recomputed, name: &str) -> Result<(), RepairError> {
    let Some(prefix) = &all.shown.offsets else {
        let name = name.to_owned();
        return Err(RepairError::NoPrefix { name });
    };
    for (partition, end) in prefix {
        let reached = all.reached.get(partition);
        if reached.is_none_or(|r| r < end) {
            return Err(RepairError::OtherPrefix {
                name: name.to_owned(),
                partition: *partition,
                end: *end,
                reached: reached.copied(),
            });
        }
    }
    Ok(())
}

/// Looks again, not too soon; an error if anybody wrote since, or says that it will.
fn nobody_writes(
    all: &Recomputed,
    inputs: &InputArgs,
    writing: &WritingArgs,
    first: &Look,
    began: Instant,
) -> Result<(), Failure> {
    std::thread::sleep(LOOK_FOR.saturating_sub(began.elapsed()));
    let now = look(&inputs.sink, &all.options)?;
    let name = &inputs.sink;
    let same = (now.commit, now.generation) == (first.commit, first.generation);
    if !same || now.commit != all.shown.commit {
        return Err(RepairError::Written {
            name: name.to_string(),
            then: all.shown.commit,
            now: now.commit,
        }
        .into());
    }
    match &now.running {
        Some(run) if !writing.yes => Err(RepairError::Runs {
            name: name.to_string(),
            run: run.clone(),
        }
        .into()),
        _ => Ok(()),
    }
}

/// Takes the sink over and writes what differs from what it shows then.
fn write(mut all: Recomputed, inputs: &InputArgs, writing: &WritingArgs) -> Result<(), Failure> {
    let mut options = all.options.clone();
    options.kafka_tombstones = writing.kafka_tombstones;
    let mut sink = sink::connect(&inputs.sink, &options)?;
    // What the sink's commits are of stays as it is known there, wherever the records were taken from now.
    let known = all.shown.known.clone().unwrap_or_default();
    let opening = Opening {
        source: known.source.clone(),
        rankings: snapshot::fingerprints(&all.plan),
        ..Opening::default()
    };
    let mut opened = sink.open(&all.plan, &opening)?;
    sink.confirm(&all.plan)?;
    if (opened.commit, &opened.offsets) != (all.shown.commit, &all.shown.offsets) {
        return Err(RepairError::Between {
            name: inputs.sink.to_string(),
            then: all.shown.commit,
            now: opened.commit,
        }
        .into());
    }
    let rows = std::mem::take(&mut opened.rows);
    let planned = commits(difference(&all, rows), writing.commit_rows);
    let done = told(&planned, opened.commit);
    let bar = progress::bar(Some(planned.len() as u64), "commits");
    all.want.clear();
    for (changes, number) in planned.into_iter().zip(opened.commit + 1..) {
        let commit = Commit {
            number,
            changes: std::sync::Arc::new(changes),
            offsets: opened.offsets.clone().unwrap_or_default(),
            begins: opened.begins.clone(),
            watermark: opened.watermark,
            epochs: known.epochs.clone(),
            counts: known.counts(),
            ..Commit::default()
        };
        sink.write(&all.plan, &commit)?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    exit::say(&format!("{done} were written."));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_sink_from_being_repaired_has_a_code() {
        let name = || "postgres://h/d".to_owned();
        let (partition, end, reached) = (3, 9, None);
        let other = RepairError::OtherPrefix {
            name: name(),
            partition,
            end,
            reached,
        };
        assert_eq!(other.code().id, "S1104");
        assert!(
            other
                .to_string()
                .contains("the source has no such partition: is it"),
            "{other}"
        );
        let (then, now) = (4, 5);
        let written = RepairError::Written {
            name: name(),
            then,
            now,
        };
        assert_eq!((written.code().id, written.code().exit), ("S1103", 1));
        assert_eq!(RepairError::NoPrefix { name: name() }.code().exit, 2);
    }
}
