//! What a run says of itself at its end, and whether it was in vain.
//!
//! ```text
//! commits ──► counts, the first late sale, the first dead letter of each reason ──► event `finished`, a line for people
//!                                                                              └──► exit code 1: nothing ranked, --fail-on
//! ```
//!
//! `--report FILE` has the counts of every table.
//!
//! 1. Counts are those of the commits: they go on from the snapshot that the run began with. Reasons are of this run.
//! 2. Asked to stop, a run has done what it was asked to: that it ranked nothing so far is no failure.
//! 3. A share is of all that was read where the input ends, else of the last [`LAST`] records or a few more.

mod places;
mod report;
mod words;

use std::collections::{BTreeMap, VecDeque};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

pub(super) use self::places::Places;
pub(crate) use self::words::grouped;
pub(super) use self::words::reasons_of;
use self::words::{count, in_vain_message, line, reasons, span, when};
use standings_commit::committer::Observer;
use standings_model::block::PartitionId;
use standings_model::change::{Commit, Counts};
use standings_model::check::Share;
use standings_model::error::codes;
use standings_model::plan::Plan;
use standings_model::printable::printable;
use standings_model::reject::RejectKind;
use standings_model::time::{USUAL, format_rfc3339};
use standings_observe::live::Live;
use standings_process::exit::Failure;
use standings_process::stderr;

/// Records that a share of a stream is of.
pub const LAST: u64 = 10_000;

/// Which share of the records ends a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    /// `--fail-on dead=1%`.
    pub dead: Option<Share>,
    /// `--fail-on late=1%`.
    pub late: Option<Share>,
}

/// What a run is told by.
#[derive(Default)]
pub struct Telling {
    /// What ends it.
    pub shares: Shares,
    /// The input has an end.
    pub until_end: bool,
    /// How far watermarks are behind the greatest event time, ms.
    pub out_of_orderness: i64,
    /// What records are called by.
    pub(super) places: Places,
    /// `--report`.
    pub report: Option<PathBuf>,
}

/// Adds up what is committed; shared with who tells it at the end.
pub struct Finished {
    state: Mutex<Account>,
    by: Telling,
    plan: Arc<Plan>,
    stop: Arc<AtomicBool>,
    live: Arc<Live>,
    started: Instant,
}

#[derive(Default)]
struct Account {
    counts: BTreeMap<PartitionId, Counts>,
    watermarks: BTreeMap<PartitionId, i64>,
    commits: u64,
    changes: u64,
    /// What is said of the first late sale.
    late: Option<String>,
    /// By reason: how many, and what is said of the first.
    dead: BTreeMap<String, (u64, String)>,
    /// Counts of the last commits, for shares of a stream.
    last: VecDeque<Counts>,
    broken: Option<String>,
}

impl Account {
    fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.counts.values().for_each(|c| total.add(c));
        total
    }
}

/// The committer's side.
pub struct Summing(pub Arc<Finished>);

impl Observer for Summing {
    fn opened(&mut self) {}

    fn committed(&mut self, _: &Plan, commit: &Commit) {
        self.0.add(commit);
    }
}

impl Finished {
    /// Nothing yet. `stop` is set when a share of a stream is exceeded.
    pub fn new(
        by: Telling,
        plan: &Arc<Plan>,
        stop: &Arc<AtomicBool>,
        live: &Arc<Live>,
    ) -> Arc<Self> {
        Arc::new(Finished {
            state: Mutex::default(),
            by,
            plan: Arc::clone(plan),
            stop: Arc::clone(stop),
            live: Arc::clone(live),
            started: Instant::now(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Account> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, commit: &Commit) {
        let mut state = self.lock();
        if !commit.counts.is_empty() {
            state.counts.clone_from(&commit.counts);
        }
        for (partition, watermark) in &commit.watermarks {
            if let Some(watermark) = watermark {
                state.watermarks.insert(*partition, *watermark);
            }
        }
        state.commits += u64::from(commit.number > 0);
        state.changes += commit.changes.len() as u64;
        for reject in &commit.rejects {
            match &reject.kind {
                RejectKind::Late { event_time, .. } => {
                    if state.late.is_none() {
                        let now = state.watermarks.get(&reject.partition).copied();
                        let behind = now.map_or(0, |now| now.saturating_sub(*event_time));
                        state.late = Some(format!(
                            "{}, of {}, {} behind",
                            self.by.places.record(reject.partition, reject.offset),
                            when(*event_time, behind),
                            span(behind)
                        ));
                    }
                }
                RejectKind::Dead {
                    reason,
                    check,
                    detail,
                } => {
                    let place = || self.by.places.record(reject.partition, reject.offset);
                    count(&mut state.dead, place, reason, check.as_deref(), detail);
                }
            }
        }
        if !self.by.until_end && self.by.shares != Shares::default() {
            self.watch(&mut state);
        }
    }

    /// Ends a stream of whose last records too many were refused.
    fn watch(&self, state: &mut Account) {
        let now = state.total();
        let is_old = |then: &Counts| now.read - then.read.min(now.read) >= LAST;
        // The newest of those that are old enough is what the last records begin with.
        while state.last.get(1).is_some_and(is_old) {
            state.last.pop_front();
        }
        let then = match state.last.front() {
            Some(then) if is_old(then) => *then,
            None if now.read >= LAST => Counts::default(),
            _ => {
                state.last.push_back(now);
                return;
            }
        };
        state.last.push_back(now);
        let since = |all: &dyn Fn(&Counts) -> u64| all(&now).saturating_sub(all(&then));
        let found = Counts {
            read: since(&|c| c.read),
            late: since(&|c| c.late),
            retired: since(&|c| c.retired),
            dead: since(&|c| c.dead),
            ..Counts::default()
        };
        if let Some(problem) = self.exceeded(&found) {
            state.broken.get_or_insert(problem);
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Which share of these is too great.
    fn exceeded(&self, found: &Counts) -> Option<String> {
        let late = found.late + found.retired;
        let all = [
            ("dead", self.by.shares.dead, found.dead),
            ("late", self.by.shares.late, late),
        ];
        all.into_iter().find_map(|(name, share, part)| {
            let share = share.filter(|share| share.is_exceeded(part, found.read))?;
            Some(format!(
                "of {} records {} were {name}, and --fail-on {name}={share} allows no more than that share; what was read \
                 until then is committed",
                grouped(found.read),
                grouped(part)
            ))
        })
    }

    /// Tells what was done, and fails where it was in vain or a share was exceeded. `asked`: it was asked to stop.
    pub fn tell(&self, asked: bool) -> Result<(), Failure> {
        let state = self.lock();
        let total = state.total();
        // What no table here can have is not told.
        let of_rows = self.plan.changes().then_some(&total);
        let refused: u64 = self.live.refused().values().sum();
        let seconds = self.started.elapsed().as_secs_f64();
        let times = self.odd_times(&state);
        let reasons = reasons(&state.dead);
        tracing::info!(
            event = "finished",
            read = total.read,
            ranked = total.ranked,
            late = total.late,
            retired = total.retired,
            dead = total.dead,
            duplicate = total.duplicate,
            filtered = total.filtered,
            updated = of_rows.map(|t| t.updated),
            unchanged = of_rows.map(|t| t.unchanged),
            deleted = of_rows.map(|t| t.deleted),
            skipped = of_rows.map(|t| t.skipped),
            contradicted = of_rows.map(|t| t.contradicted),
            keys_moved = of_rows.map(|t| t.keys_moved),
            rows_refused = refused,
            commits = state.commits,
            changes = state.changes,
            seconds = (seconds * 1000.0).round() / 1000.0,
            first_late = state.late,
            reasons,
            times,
            "the run has ended"
        );
        if std::io::stderr().is_terminal() {
            let more = [&reasons, &times].into_iter().flatten();
            let more: String = more.map(|text| format!("\n{}", printable(text))).collect();
            let refused = match refused {
                0 => String::new(),
                n => format!("; sinks did not take {} rows", grouped(n)),
            };
            let all = format!("{}{refused}{more}\n", line(&state, &total, seconds));
            stderr::write(all.as_bytes());
        }
        if let Some(path) = &self.by.report {
            let text = report::text(&self.plan, &self.by.places, &state.counts);
            std::fs::write(path, text).map_err(|e| {
                let text = format!("--report: cannot write {}: {e}", path.display());
                Failure::of(&codes::line::OUTPUT, text)
            })?;
        }
        if let Some(problem) = &state.broken {
            return Err(Failure::of(&codes::checks::SHARE, problem.clone()));
        }
        if total.in_vain() && !asked {
            return Err(Failure::of(
                &codes::checks::IN_VAIN,
                in_vain_message(&state, &total, reasons.as_deref(), times.as_deref()),
            ));
        }
        match self.exceeded(&total) {
            Some(problem) if self.by.until_end && !asked => {
                Err(Failure::of(&codes::checks::SHARE, problem))
            }
            _ => Ok(()),
        }
    }

    /// Times that no clock of today shows, where they are the newest of a partition.
    fn odd_times(&self, state: &Account) -> Option<String> {
        if let Some((count, first)) = self.live.odd_times() {
            let shown = format_rfc3339(first);
            let as_seconds = first.saturating_mul(1000);
            let hint = match (USUAL.0..USUAL.1).contains(&as_seconds) {
                true => format!(
                    "integers are milliseconds, and these look like seconds (as such it would be {})",
                    format_rfc3339(as_seconds)
                ),
                false => {
                    "is the column what it is taken for, and its unit milliseconds?".to_owned()
                }
            };
            return Some(format!(
                "{} records are of a time before 1990 or after 2100, the first of {shown}: {hint}",
                grouped(count)
            ));
        }
        let greatest = state.watermarks.iter();
        let greatest = greatest.map(|(p, w)| (*p, w.saturating_add(self.by.out_of_orderness)));
        let odd = |(_, time): &(PartitionId, i64)| *time < USUAL.0 || *time >= USUAL.1;
        let (partition, time) = greatest.into_iter().find(odd)?;
        let shown = format_rfc3339(time);
        // As milliseconds they are of January 1970.
        let as_seconds = time.saturating_mul(1000);
        if (USUAL.0..USUAL.1).contains(&as_seconds) {
            return Some(format!(
                "the newest event_time of partition {partition} is {shown}: integers are milliseconds, and these look like \
                 seconds (as such it would be {})",
                format_rfc3339(as_seconds)
            ));
        }
        let what = match time < USUAL.0 {
            true => "no event_time there is after 1990",
            false => "sales after it are late, whatever their own time is",
        };
        Some(format!(
            "the newest event_time of partition {partition} is {shown}, far from now: {what}; is the column what it is \
             taken for, and its unit milliseconds?"
        ))
    }
}

#[cfg(test)]
mod tests;
