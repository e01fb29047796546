//! Rows that a sink does not take, while it takes the others: what is left of them is a dead letter.
//!
//! ```text
//! sink: a commit's rows ──► those that it takes ──► the commit
//!                      └──► the others ──► dead letter (sink_refused), log, count ──► then the commit
//! ```
//!
//! 1. A refused row costs itself: the commit goes on with the others, under the same number and prefix. Where the sink
//!    showed the row with older values, it shows it no more, if that can be: rather none than a wrong one.
//! 2. Its letter is written before the commit, so that it is not lost; a commit that is made again writes it again.
//! 3. At a start the sink lacks the row and is given it again, once. If it is refused as before, it has its letter.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sink::RejectWriter;
use crate::sink::SinkError;
use standings_model::change::{Change, Commit};
use standings_model::json::{each_message, push_change};
use standings_model::plan::Plan;
use standings_model::reject::{Refusal, Reject, RejectKind, SINK_REFUSED};
use standings_model::sabotage::{self, Mistake};
use standings_observe::live::Live;

/// A row that was refused.
#[derive(Clone, Debug)]
pub struct Refused {
    /// What it should have become.
    pub change: Change,
    /// The sink's own words.
    pub problem: String,
    /// What they mean.
    pub reason: Refusal,
}

/// Where a sink tells of refused rows: the dead letters, which it shares with others.
#[derive(Clone, Default)]
pub struct Letters {
    to: Option<Shared>,
    live: Arc<Live>,
    /// What is refused now was refused before, by the same sink for the same prefix.
    known: Arc<AtomicBool>,
}

/// An output that several threads write to.
#[derive(Clone)]
struct Shared(Arc<Mutex<Box<dyn RejectWriter>>>);

impl RejectWriter for Shared {
    fn open(&mut self, goes_on: bool) -> Result<(), SinkError> {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to.open(goes_on)
    }

    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        let mut to = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        to.write(plan, rejects)
    }
}

impl Letters {
    /// Has the sinks share an output of dead letters, if there is one.
    pub fn share(dead: &mut Option<Box<dyn RejectWriter>>, live: &Arc<Live>) -> Self {
        let to = dead.take().map(|to| Shared(Arc::new(Mutex::new(to))));
        *dead = to.clone().map(|to| Box::new(to) as Box<dyn RejectWriter>);
        Letters {
            to,
            live: Arc::clone(live),
            known: Arc::default(),
        }
    }

    /// The same, for one sink.
    pub fn own(&self) -> Self {
        Letters {
            known: Arc::default(),
            ..self.clone()
        }
    }

    /// Whether what is refused from now on has its letter already.
    pub fn are_known(&self, known: bool) {
        let known = known && !sabotage::is(Mistake::LettersComeAgain);
        self.known.store(known, Ordering::Relaxed);
    }

    /// Tells of a commit's refused rows; returns when their letters are written.
    pub fn tell(
        &self,
        sink: &str,
        plan: &Plan,
        commit: &Commit,
        refused: &[Refused],
    ) -> Result<(), SinkError> {
        let Some(first) = refused.first() else {
            return Ok(());
        };
        let (before, now) = self
            .live
            .rows_refused(sink, refused.iter().map(|r| r.reason));
        let is_known = self.known.load(Ordering::Relaxed);
        // The first, the tenth, the hundredth, as of checks that fail.
        if now.checked_ilog10() != before.checked_ilog10() {
            let ranking = plan.rankings.get(first.change.ranking);
            let kept = match (&self.to, is_known) {
                (_, true) => {
                    "refused before, and not written again: a row is tried once at each start"
                }
                (Some(_), _) => "each is a dead letter",
                (None, _) => "kept nowhere: no --dead-letter is set",
            };
            tracing::warn!(
                event = "sink_refused",
                sink,
                commit = commit.number,
                rows = now,
                ranking = ranking.map(|r| r.name.as_str()),
                problem = first.problem,
                "rows that the sink does not take; {kept}"
            );
        }
        let is_told = is_known || sabotage::is(Mistake::RefusalNotTold);
        let Some(to) = self.to.as_ref().filter(|_| !is_told) else {
            return Ok(());
        };
        let letters: Vec<Reject> = refused
            .iter()
            .map(|one| letter(sink, plan, commit, one))
            .collect();
        let letters: Vec<&Reject> = letters.iter().collect();
        to.clone().write(plan, &letters)
    }
}

/// The letter of a row: the change as a change log has it, and where reading was when it was made.
fn letter(sink: &str, plan: &Plan, commit: &Commit, refused: &Refused) -> Reject {
    let (partition, offset) = commit
        .offsets
        .first_key_value()
        .map_or((0, 0), |(p, o)| (*p, *o));
    let mut bytes = Vec::new();
    push_change(&mut bytes, plan, &refused.change, commit.number);
    let inputs = plan.rankings[refused.change.ranking].inputs.first();
    Reject {
        table: inputs.map_or(0, |input| input.table),
        partition,
        offset,
        kind: RejectKind::Dead {
            reason: SINK_REFUSED.to_owned(),
            check: None,
            detail: format!("{sink}: {}", refused.problem),
        },
        bytes,
    }
}

/// [`each_message`], but for messages of more than `largest` bytes, which are not sent: the changes that they are of. Where a row
/// was shown before, its delete is sent in its place, if that is not too large too.
pub fn each_that_fits<E>(
    plan: &Plan,
    commit: &Commit,
    tombstones: bool,
    largest: usize,
    mut send: impl FnMut(&[u8], Option<&[u8]>) -> Result<(), E>,
) -> Result<Vec<Refused>, E> {
    let fits =
        |key: &[u8], value: Option<&[u8]>| key.len() + value.map_or(0, <[u8]>::len) <= largest;
    let (mut refused, mut number) = (Vec::new(), 0);
    each_message(plan, commit, tombstones, |key, value| {
        let change = &commit.changes[number];
        number += 1;
        if fits(key, value) {
            return send(key, value);
        }
        if change.rank.is_none() {
            // The row was too large too, and is not shown.
            return Ok(());
        }
        let bytes = key.len() + value.map_or(0, <[u8]>::len);
        refused.push(Refused {
            change: change.clone(),
            reason: Refusal::TooLarge,
            problem: format!(
                "its message has {bytes} bytes, and the topic, or this client's message.max.bytes, takes {largest}"
            ),
        });
        let mut delete = Vec::new();
        if !tombstones {
            let gone = Change {
                rank: None,
                measures: Arc::from([]),
                ..change.clone()
            };
            push_change(&mut delete, plan, &gone, commit.number);
        }
        let value = (!tombstones).then_some(&delete[..]);
        let was_shown = change.previous_rank.is_some() && !sabotage::is(Mistake::RefusedRowStays);
        match was_shown && fits(key, value) {
            true => send(key, value),
            false => Ok(()),
        }
    })?;
    Ok(refused)
}
