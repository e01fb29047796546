//! A topic of changes, exactly once: each commit is one transaction of its changes and a progress record. Knows no
//! client: Kafka is behind [`Transactions`], and so is the simulator's log.
//!
//! ```text
//! commit ──► begin ──► changes ──► CHANGES topic
//!                  └─► progress ─► CHANGES-progress topic (one partition, compacted)
//!            end ────────────────► both or neither, to a reader of committed records
//! ```
//!
//! 1. The progress record names commit, generation, input prefix and watermark. It is written with the changes it
//!    stands for, so what the last one says is what the topic shows.
//! 2. Opening takes the transactional ids over: Kafka ends what an older cluster had open, and refuses it from then on.
//!    Only then is the progress read, and what the topic shows.
//! 3. What the last progress is of is compared with what there is before anything is taken over: the same input, the
//!    same topics.
//! 4. Every record carries its generation and commit as headers.
//! 5. A change that is larger than the topic takes is not sent: it is a dead letter, and the transaction has the others.
//!    What is too large is known before, or by the broker's refusal of a transaction, which is made anew then.
//! 6. A transaction is opened only when there is something to write.
//! 7. Transactions take turns between two ids ([`IDS`]), one at a time. They are taken over in this order, and the first
//!    transaction of a generation is one of the first id.
//! 8. An opening that has all sinks of its run leaves its mark in the progress before anything else is written
//!    (`mark.rs`): from then on whoever comes back sees that it is another's.
//! 9. Who is not let in any more, or lacks a right, comes back with producers of its own making, which the client cannot
//!    heal (`back.rs`). The ids are taken over again, and the progress says whether the last commit is there.
//!
//! Why two ids: an answered commit is certain, and is still being written to the partitions. The broker refuses the
//! same id until that is done, and the client waits for 20 ms before it asks again; on a busy machine that was one
//! transaction of five. The other id's last commit is a whole transaction old. To a reader nothing changes: committed
//! records come in the order of their offsets.
//!
//! Why 7 keeps 2: who writes by the second id has written by the first one since it took both. Who takes over has the first
//! before the second, and reads after that: what another could still commit by the second is read, or refused. Two
//! clusters that open at the same time may end up with an id each, and both end.

mod back;
mod mark;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::back::Back;
pub use crate::progress::{FORMAT, LogIdentity, Progress};
use crate::refused::{Letters, each_that_fits};
use crate::sink::{Shown, ShownRow, Sink, SinkError};
pub use crate::topic_error::{TopicSinkError, Trouble};
use standings_model::change::Commit;
use standings_model::clock::Clock;
use standings_model::identity::{Conflict, Known, Opening, admit};
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};
use standings_observe::live::Live;
use standings_observe::waiting::{Waiting, What};

/// One record.
pub struct Record<'a> {
    /// Goes to the progress topic instead of the changes.
    pub is_progress: bool,
    /// Key.
    pub key: &'a [u8],
    /// Value; `None` for a tombstone.
    pub value: Option<&'a [u8]>,
    /// The generation that writes it.
    pub generation: u64,
    /// The commit it belongs to.
    pub commit: u64,
}

/// How many transactional ids take turns.
pub const IDS: usize = 2;

/// A transactional producer for each of [`IDS`], and the topics they write. `id` is less than that.
pub trait Transactions: Send {
    /// For logs: without secrets.
    fn name(&self) -> &str;
    /// A name that no other opening of these topics has.
    fn owner(&self) -> &str;
    /// Connects, and makes the topics that are missing.
    fn connect(&mut self) -> Result<(), Trouble>;
    /// Lets go of all that it has, and reads anew the files that its settings came from.
    fn renew(&mut self);
    /// Which topics they are.
    fn identity(&self) -> Result<LogIdentity, Trouble>;
    /// How long a transaction may be open before the brokers end it.
    fn transaction_timeout(&self) -> Duration;
    /// Takes a transactional id over: nobody who had it before can commit by it any more.
    fn take_over(&self, id: usize) -> Result<(), Trouble>;
    /// The newest committed progress.
    fn progress(&self) -> Result<Option<Progress>, Trouble>;
    /// What the topic of changes shows to a reader of committed records.
    fn rows(&self, plan: &Plan) -> Result<Vec<ShownRow>, Trouble>;
    /// What it shows is known: nothing is read any more.
    fn opened(&mut self) {}
    /// Bytes that a record's key and value may have together.
    fn largest(&self) -> usize {
        usize::MAX
    }
    /// Begins a transaction.
    fn begin(&self, id: usize) -> Result<(), Trouble>;
    /// Sends a record, within the transaction.
    fn send(&self, id: usize, record: &Record<'_>) -> Result<(), Trouble>;
    /// Waits until all that was sent is acknowledged.
    fn acknowledged(&self, id: usize) -> Result<(), Trouble>;
    /// Ends the transaction. Called again after [`Trouble::Again`], it goes on with the same one.
    fn commit(&self, id: usize) -> Result<(), Trouble>;
    /// Gives the transaction up.
    fn abort(&self, id: usize) -> Result<(), Trouble>;
}

/// Changes to a topic, exactly once.
pub struct TransactionalSink<T> {
    log: T,
    tombstones: bool,
    generation: u64,
    /// Whose turn it is.
    id: usize,
    /// Which topics it opened, and when that was asked last.
    identity: LogIdentity,
    /// It was looked at, and is to be opened.
    looked: bool,
    asked: Option<Instant>,
    back: Back,
    opening: Opening,
    letters: Letters,
    live: Arc<Live>,
    clock: Clock,
}

/// How often it is asked whether the topics are still the same.
const ASK: Duration = Duration::from_secs(1);
/// Between a transaction that failed and the next attempt: at first, and at most.
const AGAIN: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(5));

impl<T: Transactions> TransactionalSink<T> {
    /// Connects on open. `tombstones`: deletes are null values.
    pub fn over(log: T, tombstones: bool, live: Arc<Live>, clock: Clock) -> Self {
        TransactionalSink {
            log,
            tombstones,
            generation: 0,
            id: 0,
            identity: LogIdentity::default(),
            looked: false,
            asked: None,
            back: Back::default(),
            opening: Opening::default(),
            letters: Letters::default(),
            live,
            clock,
        }
    }

    /// Whether an earlier process of this cluster was let in, and wrote: what is refused at this start is waited for too.
    pub fn started_before(mut self, started: bool) -> Self {
        (self.back.was_in, self.back.has_written) = (started, started);
        self
    }

    /// The brokers end a transaction that is open for too long, and refuse its producer from then on, as if somebody had
    /// taken over.
    fn timed_out(&self, commit: u64, open: Duration, problem: &str) -> SinkError {
        TopicSinkError::TimedOut {
            commit,
            name: self.log.name().to_owned(),
            open,
            limit: self.log.transaction_timeout(),
            problem: problem.to_owned(),
        }
        .into()
    }

    fn end(&self, trouble: Trouble) -> SinkError {
        let name = self.log.name().to_owned();
        match trouble {
            Trouble::Fenced(problem) => TopicSinkError::TakenOver {
                name,
                generation: self.generation,
                problem,
            }
            .into(),
            Trouble::Again(problem) | Trouble::Abort(problem) | Trouble::Login(problem) => {
                TopicSinkError::Writing { name, problem }.into()
            }
            Trouble::Ended(error) => error,
            Trouble::Denied(failure) => SinkError::Failed(failure),
            Trouble::Final(failure) => {
                SinkError::Failed(failure.told(format!("writing to {name} failed: {failure}")))
            }
        }
    }

    /// Makes a call again while that can heal it, with a log line.
    fn persist<R>(&self, mut call: impl FnMut(&T) -> Result<R, Trouble>) -> Result<R, Trouble> {
        let name = self.log.name();
        let mut waiting = Waiting::new(What::Sink, name, &self.live, &self.clock);
        loop {
            let problem = match call(&self.log) {
                Err(Trouble::Again(problem)) => problem,
                other => {
                    if other.is_ok() {
                        waiting.done();
                    }
                    return other;
                }
            };
            self.live.sink(name, false);
            waiting.tried(&problem);
            self.clock.sleep(Duration::from_millis(50));
        }
    }

    fn attempt(&self, plan: &Plan, commit: &Commit, progress: &Progress) -> Result<(), Trouble> {
        let id = self.id;
        self.persist(|log| log.begin(id))?;
        // First, so that the client asks for both topics at once; it would ask for the second only after the answer for
        // the first. Within a transaction the order says nothing.
        self.tell(progress)?;
        if sabotage::is(Mistake::ProgressBeforeChanges) {
            self.log.acknowledged(id)?;
            self.persist(|log| log.commit(id))?;
            self.persist(|log| log.begin(id))?;
        }
        let largest = self.log.largest();
        let refused = each_that_fits(plan, commit, self.tombstones, largest, |key, value| {
            let record = Record {
                is_progress: false,
                key,
                value,
                generation: self.generation,
                commit: commit.number,
            };
            self.log.send(id, &record)
        })?;
        if !refused.is_empty() {
            let told = self.letters.tell(self.log.name(), plan, commit, &refused);
            told?;
        }
        self.log.acknowledged(id)?;
        self.persist(|log| log.commit(id))
    }

    /// The next transaction is the other id's.
    fn pass_on(&mut self) {
        self.id = (self.id + 1) % IDS;
    }

    /// What the progress says of a commit.
    fn progress_of(&self, commit: &Commit) -> Progress {
        Progress {
            commit: commit.number,
            generation: self.generation,
            offsets: commit.offsets.clone(),
            begins: commit.begins.clone(),
            watermark: commit.watermark,
            format: FORMAT,
            known: Some(Known::of(&self.opening, commit)),
            sink: Some(self.identity.clone()),
            owner: Some(self.log.owner().to_owned()),
        }
    }

    fn tell(&self, progress: &Progress) -> Result<(), Trouble> {
        // Numbers and a map of numbers always have a JSON form.
        let value = serde_json::to_vec(progress).unwrap_or_default();
        let record = Record {
            is_progress: true,
            key: b"progress",
            value: Some(&value),
            generation: self.generation,
            commit: progress.commit,
        };
        self.log.send(self.id, &record)
    }
}

impl<T: Transactions> Sink for TransactionalSink<T> {
    fn name(&self) -> &str {
        self.log.name()
    }

    fn look(&mut self, _: &Plan, opening: &Opening) -> Result<(), SinkError> {
        self.enter(|sink| {
            sink.anew();
            sink.looking(opening)
        })
    }

    fn open(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, SinkError> {
        self.enter(|sink| {
            sink.anew();
            sink.opening(plan, opening)
        })
    }

    fn confirm(&mut self, _: &Plan) -> Result<(), SinkError> {
        self.mark()
    }

    fn letters(&mut self, letters: Letters) {
        self.letters = letters;
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        let progress = self.progress_of(commit);
        self.enter(|sink| {
            if sink.come_back(&progress)? {
                // The turn is the first id's, which was taken over for it.
                return Ok(());
            }
            sink.is_same()?;
            sink.until_done(commit.number, |sink| sink.attempt(plan, commit, &progress))?;
            sink.pass_on();
            Ok(())
        })?;
        self.back.has_written = true;
        self.back.last = Some(progress);
        Ok(())
    }
}

impl<T: Transactions> TransactionalSink<T> {
    fn looking(&mut self, opening: &Opening) -> Result<(), Trouble> {
        self.log.connect()?;
        let is = self.log.identity()?;
        let progress = self.log.progress()?;
        self.compare(progress.as_ref(), &is, opening)?;
        (self.identity, self.looked) = (is, true);
        Ok(())
    }

    fn opening(&mut self, plan: &Plan, opening: &Opening) -> Result<Shown, Trouble> {
        if !std::mem::take(&mut self.looked) {
            self.looking(opening)?;
            self.looked = false;
        }
        self.take_ids()?;
        (self.id, self.opening) = (0, opening.clone());
        self.asked = Some(self.clock.now());
        let progress = self.log.progress()?;
        let rows = self.log.rows(plan)?;
        self.log.opened();
        self.back.last.clone_from(&progress);
        self.generation = progress.as_ref().map_or(0, |p| p.generation) + 1;
        let Some(progress) = progress.filter(Progress::is_of_a_commit) else {
            return self.without_progress(rows, opening);
        };
        tracing::info!(
            event = "sink_opened",
            sink = self.log.name(),
            commit = progress.commit,
            generation = self.generation,
            rows = rows.len(),
            "the sink says how far it is"
        );
        Ok(Shown {
            commit: progress.commit,
            offsets: Some(progress.offsets),
            begins: progress.begins,
            watermark: progress.watermark,
            rows,
            known: progress.known,
            remembers: true,
            lacks_tables: false,
        })
    }

    /// Compares what is known there with what there is, before anything is taken over.
    fn compare(
        &self,
        progress: Option<&Progress>,
        is: &LogIdentity,
        opening: &Opening,
    ) -> Result<(), Trouble> {
        let Some(progress) = progress else {
            return Ok(());
        };
        let name = self.log.name();
        if progress.format > FORMAT {
            return Err(TopicSinkError::Newer {
                name: name.to_owned(),
                format: progress.format,
                known: FORMAT,
            }
            .into());
        }
        if sabotage::is(Mistake::IdentityIgnored) {
            return Ok(());
        }
        let holder = format!("{name} (commit {})", progress.commit);
        let known = progress.known.as_ref().and_then(|k| k.source.as_ref());
        admit(&holder, known, opening)?;
        match progress.sink.as_ref().and_then(|was| was.differs(is)) {
            Some(differs) if opening.forget.sink => {
                tracing::warn!(event = "sink_forgotten", sink = name, differs, "set right");
                Ok(())
            }
            Some(differs) => Err(Conflict::OtherSink {
                sink: holder,
                differs,
            }
            .into()),
            None => Ok(()),
        }
    }

    /// A topic of changes that nothing says how far it goes: an empty one is a new one.
    fn without_progress(&self, rows: Vec<ShownRow>, opening: &Opening) -> Result<Shown, Trouble> {
        if !rows.is_empty() && self.log.progress()?.is_some_and(|p| p.is_of_a_commit()) {
            // It came between the two looks, so another cluster writes there by now.
            return Err(Trouble::Fenced(
                "it has committed since this one opened it".to_owned(),
            ));
        }
        let known_apart = rows.is_empty() || sabotage::is(Mistake::IdentityIgnored);
        if !known_apart && !opening.forget.sink {
            return Err(Conflict::OtherSink {
                sink: self.log.name().to_owned(),
                differs: format!(
                    "it shows {} rows, and its topic of progress, which says what they stand for, is empty or gone",
                    rows.len()
                ),
            }
            .into());
        }
        Ok(Shown {
            rows,
            remembers: true,
            ..Shown::default()
        })
    }

    /// Now and then, and after a failure: whether the topics are those that were opened. One that was deleted and made
    /// anew shows only what came since.
    fn is_same(&mut self) -> Result<(), Trouble> {
        let now = self.clock.now();
        let due = |asked: Instant| now.saturating_duration_since(asked) >= ASK;
        if !self.asked.is_none_or(due) {
            return Ok(());
        }
        let is = self.log.identity()?;
        self.asked = Some(self.clock.now());
        match self.identity.differs(&is) {
            Some(differs) if !sabotage::is(Mistake::IdentityIgnored) => {
                let name = self.log.name().to_owned();
                Err(TopicSinkError::Replaced { name, differs }.into())
            }
            _ => Ok(()),
        }
    }

    /// Makes a transaction anew until it is done.
    fn until_done(
        &mut self,
        commit: u64,
        mut attempt: impl FnMut(&Self) -> Result<(), Trouble>,
    ) -> Result<(), Trouble> {
        let (mut wait, longest) = AGAIN;
        loop {
            let began = self.clock.now();
            match attempt(self) {
                Ok(()) => {
                    self.live.sink(self.log.name(), true);
                    return Ok(());
                }
                Err(Trouble::Abort(problem)) => {
                    self.live.sink(self.log.name(), false);
                    tracing::warn!(
                        event = "transaction_aborted",
                        sink = self.log.name(),
                        commit,
                        problem,
                        "it is made anew"
                    );
                    self.persist(|log| log.abort(self.id))?;
                    if sabotage::is(Mistake::AbortTakenForDone) {
                        return Ok(());
                    }
                    // What is refused again and again fills the log all the same.
                    self.clock.sleep(wait);
                    wait = (wait * 2).min(longest);
                    self.asked = None;
                    self.is_same()?;
                }
                Err(Trouble::Fenced(problem))
                    if self.clock.since(began) >= self.log.transaction_timeout() =>
                {
                    let open = self.clock.since(began);
                    return Err(self.timed_out(commit, open, &problem).into());
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }
}
