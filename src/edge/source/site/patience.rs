//! How long a bucket that does not answer is waited for.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use standings_model::clock::Clock;
use standings_observe::live::Live;
use standings_observe::waiting::{Waiting, What};

/// Who only asks waits so long.
const ASKING: Duration = Duration::from_secs(60);
/// Between two attempts.
const AGAIN: Duration = Duration::from_secs(1);
/// How often it is looked whether nobody waits any more.
pub(super) const LOOK: Duration = Duration::from_millis(100);

/// How long is waited, and who is told.
#[derive(Clone, Default)]
pub struct Patience {
    run: Option<(Arc<Live>, Arc<AtomicBool>)>,
}

impl Patience {
    /// A run waits until it is stopped, and says for what.
    pub fn of_run(live: &Arc<Live>, stop: &Arc<AtomicBool>) -> Self {
        Patience {
            run: Some((Arc::clone(live), Arc::clone(stop))),
        }
    }

    /// Whether nobody waits any more.
    pub(super) fn is_over(&self) -> bool {
        let stop = self.run.as_ref();
        stop.is_some_and(|(_, stop)| stop.load(Ordering::Relaxed))
    }

    /// One wait for what is called so.
    pub(super) fn begin<'a>(&'a self, name: &'a str) -> Wait<'a> {
        Wait {
            patience: self,
            name,
            begun: Instant::now(),
            said: None,
        }
    }
}

/// A wait that may have to be told.
pub(super) struct Wait<'a> {
    patience: &'a Patience,
    name: &'a str,
    begun: Instant,
    said: Option<Waiting>,
}

impl Wait<'_> {
    /// An attempt failed with something that may pass: returns when the next one may be made.
    ///
    /// # Errors
    /// It was waited long enough, or is not waited any more.
    pub(super) fn tried(&mut self, problem: &str) -> io::Result<()> {
        match &self.patience.run {
            None if self.begun.elapsed() > ASKING => {
                let text = format!(
                    "no answer within {} s: {problem}",
                    self.begun.elapsed().as_secs()
                );
                return Err(io::Error::new(ErrorKind::TimedOut, text));
            }
            None => {}
            Some((live, _)) => self
                .said
                .get_or_insert_with(|| {
                    Waiting::new(What::Source, self.name, live, &Clock::default())
                })
                .tried(problem),
        }
        let until = Instant::now() + AGAIN;
        while Instant::now() < until {
            if self.patience.is_over() {
                return Err(over());
            }
            std::thread::sleep(LOOK);
        }
        Ok(())
    }

    /// There is an answer.
    pub(super) fn done(self) {
        if let Some(said) = self.said {
            said.done();
        }
    }
}

/// Nobody waits any more.
pub(super) fn over() -> io::Error {
    // Not as interrupted: that is tried again by who reads.
    io::Error::other("it was not waited for any longer")
}
