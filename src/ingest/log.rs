//! What a source is written to: a log with transactions, as Kafka is.

use super::cursor::{Cursor, Kept};

/// Why a call did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTrouble {
    /// It may later; whether the transaction was committed is not known.
    Later(String),
    /// Another instance of the source has taken over.
    Fenced(String),
    /// It will not: a right is missing, a setting is wrong.
    Broken(String),
}

/// A record, as the log takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where to.
    pub to: To,
    /// Key.
    pub key: Option<&'a [u8]>,
    /// Value; none for one that is forgotten.
    pub value: Option<&'a [u8]>,
    /// Names and values.
    pub headers: Vec<(&'static str, String)>,
}

/// Which topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The source's own.
    Records,
    /// Each partition of that one.
    Everywhere,
    /// That of its dead letters.
    Letters,
    /// That of cursors.
    Cursors,
    /// The ledger.
    Ledger,
}

/// A log that only one instance of a source can write to. All calls may block, but not for ever.
pub trait Log: Send {
    /// Takes the source over: whoever had it can commit nothing any more, and what it had open is ended. Makes the topics that
    /// are missing.
    ///
    /// # Errors
    /// Never [`LogTrouble::Fenced`] for long: who comes last has it.
    fn take_over(&mut self) -> Result<(), LogTrouble>;

    /// All that is committed of the source.
    ///
    /// # Errors
    /// It cannot be read now, or holds what is none of ours.
    fn kept(&mut self) -> Result<Kept, LogTrouble>;

    /// Begins a transaction.
    ///
    /// # Errors
    /// As [`Log::commit`].
    fn begin(&mut self) -> Result<(), LogTrouble>;

    /// Adds to it.
    ///
    /// # Errors
    /// As [`Log::commit`].
    fn send(&mut self, entry: Entry<'_>) -> Result<(), LogTrouble>;

    /// All of it or nothing.
    ///
    /// # Errors
    /// After any, nothing of the transaction may be taken for written or for lost: the source is taken over once more, and
    /// what the log holds is read.
    fn commit(&mut self) -> Result<(), LogTrouble>;
}

/// A cursor as the log takes it.
pub fn text(cursor: &Cursor) -> Vec<u8> {
    // Texts, numbers and JSON always have a JSON form.
    serde_json::to_vec(cursor).unwrap_or_default()
}
