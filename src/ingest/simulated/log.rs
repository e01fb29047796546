//! A log with transactions, as brokers keep them: one id, fences, answers that are lost.

use std::cell::RefCell;
use std::rc::Rc;

use crate::cursor::{Cursor, Kept};
use crate::log::{Entry, Log, LogTrouble, To};

/// Dice: splitmix64.
#[derive(Clone, Debug)]
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % below
    }

    /// One of so many times.
    pub(super) fn one_in(&mut self, of: u64) -> bool {
        self.roll(of) == 0
    }
}

/// A record that is committed.
#[derive(Clone, Debug)]
pub(super) struct Written {
    pub(super) to: To,
    pub(super) key: String,
    pub(super) value: Option<String>,
}

/// The brokers.
#[derive(Debug, Default)]
pub(super) struct Brokers {
    pub(super) committed: Vec<Written>,
    /// Who has the id.
    pub(super) epoch: u64,
    /// A transaction that is to be committed, and is not visible yet: it is when the id is taken over, at the latest.
    pub(super) pending: Vec<Written>,
    /// How often something goes wrong: one of so many calls; 0 for never.
    pub(super) trouble: u64,
    pub(super) lost_answers: u64,
    pub(super) aborts: u64,
}

/// The simulator has one thread; the trait asks for more than it needs.
pub(super) struct Shared<T>(pub(super) Rc<RefCell<T>>);

// SAFETY: nothing of the simulator leaves its thread.
unsafe impl<T> Send for Shared<T> {}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Shared(Rc::clone(&self.0))
    }
}

impl<T> Shared<T> {
    pub(super) fn new(of: T) -> Self {
        Shared(Rc::new(RefCell::new(of)))
    }
}

/// A client of them.
pub(super) struct Client {
    pub(super) brokers: Shared<Brokers>,
    pub(super) dice: Shared<Dice>,
    epoch: u64,
    open: Option<Vec<Written>>,
}

impl Client {
    pub(super) fn new(brokers: &Shared<Brokers>, dice: &Shared<Dice>) -> Self {
        Client {
            brokers: brokers.clone(),
            dice: dice.clone(),
            epoch: 0,
            open: None,
        }
    }

    fn has_trouble(&self) -> bool {
        let trouble = self.brokers.0.borrow().trouble;
        trouble > 0 && self.dice.0.borrow_mut().one_in(trouble)
    }

    fn is_fenced(&self) -> Result<(), LogTrouble> {
        match self.epoch == self.brokers.0.borrow().epoch {
            true => Ok(()),
            false => Err(LogTrouble::Fenced("a newer producer has the id".to_owned())),
        }
    }
}

impl Log for Client {
    fn take_over(&mut self) -> Result<(), LogTrouble> {
        self.open = None;
        if self.has_trouble() {
            return Err(LogTrouble::Later("no coordinator".to_owned()));
        }
        let mut brokers = self.brokers.0.borrow_mut();
        brokers.epoch += 1;
        let mut pending = std::mem::take(&mut brokers.pending);
        brokers.committed.append(&mut pending);
        self.epoch = brokers.epoch;
        Ok(())
    }

    fn kept(&mut self) -> Result<Kept, LogTrouble> {
        let mut kept = Kept::default();
        for written in &self.brokers.0.borrow().committed {
            match written.to {
                To::Cursors => {
                    if let Some(before) = &kept.cursor {
                        kept.greatest = kept.greatest.max(before.generation);
                    }
                    let cursor: Cursor =
                        serde_json::from_str(written.value.as_deref().unwrap()).unwrap();
                    kept.cursor = Some(cursor);
                }
                To::Ledger => {
                    let key = written.key.split_once('/').unwrap().1.to_owned();
                    match &written.value {
                        Some(value) => drop(kept.notes.insert(key, value.clone())),
                        None => drop(kept.notes.remove(&key)),
                    }
                }
                To::Records | To::Everywhere | To::Letters => {}
            }
        }
        Ok(kept)
    }

    fn begin(&mut self) -> Result<(), LogTrouble> {
        self.open = Some(Vec::new());
        Ok(())
    }

    fn send(&mut self, entry: Entry<'_>) -> Result<(), LogTrouble> {
        self.is_fenced()?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let written = Written {
            // It has one partition.
            to: match entry.to {
                To::Everywhere => To::Records,
                to => to,
            },
            key: entry.key.map(text).unwrap_or_default(),
            value: entry.value.map(text),
        };
        self.open.as_mut().expect("begun").push(written);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), LogTrouble> {
        self.is_fenced()?;
        let mut all = self.open.take().expect("begun");
        if self.has_trouble() {
            self.brokers.0.borrow_mut().aborts += 1;
            return Err(LogTrouble::Later("aborted".to_owned()));
        }
        let is_lost = self.has_trouble();
        let is_late = is_lost && self.dice.0.borrow_mut().one_in(2);
        let mut brokers = self.brokers.0.borrow_mut();
        match is_late {
            true => brokers.pending.append(&mut all),
            false => brokers.committed.append(&mut all),
        }
        if is_lost {
            brokers.lost_answers += 1;
            return Err(LogTrouble::Later("no answer".to_owned()));
        }
        Ok(())
    }
}
