//! Who is asked to stop while it waits for its service is left where it is; who writes is waited for.
//!
//! ```text
//! asked to stop ──► threads end by themselves ──3 s──► free: never writes again, and is left ──► the process ends
//!                                              └─────► writes: waited for, until it is committed or given up
//! ```
//!
//! 1. A database that waits for its own transactions, or an API that does not answer, may take minutes: no stop waits for that.
//! 2. A transaction that is left open would hold back readers of Kafka until the brokers end it: so between `begin` and the end of `commit`
//!    nobody is left.
//! 3. Being left is being killed, at a place where nothing is open: what was read and not written is read again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use standings_ingest::cursor::Kept;
use standings_ingest::log::{Entry, Log, LogTrouble};

/// How long who is asked to stop may take for it, where nothing is written.
pub(super) const GRACE: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Does {
    #[default]
    Nothing,
    Writes,
    Left,
}

/// Whether a source may be left.
#[derive(Clone, Debug, Default)]
pub(super) struct Latch(Arc<Mutex<Does>>);

impl Latch {
    fn lock(&self) -> MutexGuard<'_, Does> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves it: it begins no transaction any more. False while it is within one.
    pub(super) fn leave(&self) -> bool {
        let mut does = self.lock();
        match *does {
            Does::Writes => false,
            Does::Nothing | Does::Left => {
                *does = Does::Left;
                true
            }
        }
    }

    fn begin(&self) -> Result<(), LogTrouble> {
        let mut does = self.lock();
        match *does {
            Does::Left => Err(LogTrouble::Later("it is asked to stop".to_owned())),
            Does::Nothing | Does::Writes => {
                *does = Does::Writes;
                Ok(())
            }
        }
    }

    fn end(&self) {
        let mut does = self.lock();
        if *does == Does::Writes {
            *does = Does::Nothing;
        }
    }
}

/// A log whose source may be left.
pub(super) struct Latched<L> {
    log: L,
    latch: Latch,
}

impl<L> Latched<L> {
    /// Nothing is open.
    pub(super) fn new(log: L, latch: Latch) -> Self {
        Latched { log, latch }
    }
}

impl<L: Log> Log for Latched<L> {
    fn take_over(&mut self) -> Result<(), LogTrouble> {
        // It ends what was open.
        let taken = self.log.take_over();
        self.latch.end();
        taken
    }

    fn kept(&mut self) -> Result<Kept, LogTrouble> {
        self.log.kept()
    }

    fn begin(&mut self) -> Result<(), LogTrouble> {
        self.latch.begin()?;
        self.log.begin()
    }

    fn send(&mut self, entry: Entry<'_>) -> Result<(), LogTrouble> {
        self.log.send(entry)
    }

    fn commit(&mut self) -> Result<(), LogTrouble> {
        let committed = self.log.commit();
        self.latch.end();
        committed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A log that takes everything.
    struct Taken;

    impl Log for Taken {
        fn take_over(&mut self) -> Result<(), LogTrouble> {
            Ok(())
        }
        fn kept(&mut self) -> Result<Kept, LogTrouble> {
            Ok(Kept::default())
        }
        fn begin(&mut self) -> Result<(), LogTrouble> {
            Ok(())
        }
        fn send(&mut self, _: Entry<'_>) -> Result<(), LogTrouble> {
            Ok(())
        }
        fn commit(&mut self) -> Result<(), LogTrouble> {
            Err(LogTrouble::Later("who knows".to_owned()))
        }
    }

    #[test]
    fn who_writes_is_not_left_and_who_is_left_does_not_write() {
        let latch = Latch::default();
        let mut log = Latched::new(Taken, latch.clone());
        log.begin().unwrap();
        assert!(!latch.leave());
        // However it ended.
        log.commit().unwrap_err();
        log.begin().unwrap();
        log.take_over().unwrap();
        assert!(latch.leave());
        assert!(latch.leave());
        assert_eq!(
            log.begin(),
            Err(LogTrouble::Later("it is asked to stop".to_owned()))
        );
        log.take_over().unwrap();
        log.begin().unwrap_err();
    }
}
