//! Who keeps a record of a run outside of it: the table of runs, lineage. Each on a thread of its own, so that what it
//! talks to may be slow or down.
//!
//! 1. The run never waits for it, except at its end, and then for a bounded time.
//! 2. A failure from any thread, and a panic, is told before the process ends.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};

use super::exit;

/// How long the end of a run waits until its record is complete.
const LAST_WAIT: Duration = Duration::from_secs(5);

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// As it should: at the input's end, or asked to stop.
    Done,
    /// With this diagnostic.
    Failed(String),
}

/// Keeps one record. Its calls may block: they are made on a thread of its own.
pub trait Keeper: Send + 'static {
    /// The run begins.
    fn began(&mut self);
    /// It goes on; called when [`Keeper::wait`] has passed.
    fn goes_on(&mut self);
    /// It has ended; the last call.
    fn ended(&mut self, end: &End);
    /// How long until it is asked again.
    fn wait(&self) -> Duration;
}

enum Note {
    Ended(End),
}

/// The run's side.
pub struct Witness {
    name: &'static str,
    notes: Sender<Note>,
    /// Disconnected when the keeper has made its last call.
    complete: Receiver<()>,
}

impl Witness {
    /// Starts the keeper's thread, and has it told if the process fails.
    pub fn start(name: &'static str, mut keeper: impl Keeper) -> std::io::Result<Self> {
        let (notes, heard) = unbounded();
        let (alive, complete) = bounded::<()>(0);
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                let _alive = alive;
                keeper.began();
                loop {
                    match heard.recv_timeout(keeper.wait()) {
                        Ok(Note::Ended(end)) => return keeper.ended(&end),
                        Err(RecvTimeoutError::Timeout) => keeper.goes_on(),
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            })?;
        let (told, done) = (notes.clone(), complete.clone());
        exit::on_failure(Box::new(move |problem| {
            // A keeper that has ended knows already.
            let _ = told.send(Note::Ended(End::Failed(problem.to_owned())));
            done.clone()
        }));
        Ok(Witness {
            name,
            notes,
            complete,
        })
    }

    /// The run has ended as it should; waits until the record says so, for a few seconds at most.
    pub fn done(self) {
        let _ = self.notes.send(Note::Ended(End::Done));
        let until = Instant::now() + LAST_WAIT;
        if let Err(RecvTimeoutError::Timeout) = self.complete.recv_deadline(until) {
            tracing::warn!(
                event = "record_incomplete",
                record = self.name,
                "the record of this run could not be written to its end"
            );
        }
    }
}
