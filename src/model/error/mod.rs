//! What an error is here: a type of its own where it happens, with a code that stays, and a page a code.
//!
//! ```text
//! FileError, PeerError, …: what, where, as fields ──► [`Failure`]: any of them, on its way up ──► `error: … [S0303]`
//!          └─ [`Coded::code`] ──► one entry of [`codes`] ──► exit status, docs/errors/S0303.md, `standings explain S0303`
//! ```
//!
//! 1. A code means one thing for ever, and is never given to another: `ever.txt` has all that there ever were.
//! 2. An entry says with which status a process ends by it; nobody else decides that.
//! 3. A text is made when somebody reads it: until then an error is what was found.

pub mod codes;
mod page;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

pub use page::{docs, file_of, find};

/// The exit status of what failed at run time.
pub const FAILED: i32 = 1;
/// The exit status of wrong usage or wrong configuration.
pub const USAGE: i32 = 2;

/// One entry of the table.
#[derive(Debug)]
pub struct Code {
    /// `S`, two digits for the floor, two in it.
    pub id: &'static str,
    /// The status with which a process ends by it: [`FAILED`] or [`USAGE`].
    pub exit: i32,
    /// What happened, in a line.
    pub title: &'static str,
    /// What it means for rankings, sinks and the next start.
    pub means: &'static str,
    /// What it usually comes from, likeliest first.
    pub causes: &'static [&'static str],
    /// What can be done, in order.
    pub remedy: &'static [&'static str],
    /// The page of `docs/` that has more of it.
    pub see: &'static str,
}

impl PartialEq for Code {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Code {}

/// An error that the table has an entry for.
pub trait Coded: Error + Send + Sync + 'static {
    /// Which.
    fn code(&self) -> &'static Code;
}

/// Any [`Coded`] error, on its way up through floors that do not know its type. A copy is the same error.
///
/// ```
/// use standings_model::error::{Failure, codes};
///
/// let failure = Failure::of(&codes::line::FLAGS, "-w must be at least 1");
/// assert_eq!((failure.code().id, failure.exit()), ("S0102", 2));
/// ```
#[derive(Clone)]
pub struct Failure(Arc<dyn Coded>);

impl Failure {
    /// One that is no more than its text: of a command line, where nobody but a person reads it.
    pub fn of(code: &'static Code, text: impl Into<String>) -> Self {
        let text = text.into();
        Told { code, text }.into()
    }

    /// Its entry in the table.
    pub fn code(&self) -> &'static Code {
        self.0.code()
    }

    /// The status with which a process ends by it.
    pub fn exit(&self) -> i32 {
        self.code().exit
    }

    /// The same, with what it is about before it.
    pub fn about(&self, what: &dyn fmt::Display) -> Self {
        self.told(format!("{what}: {self}"))
    }

    /// The same, in other words.
    pub fn told(&self, text: String) -> Self {
        Failure::of(self.code(), text)
    }

    /// As the error that it was made of, if it is of that type.
    pub fn downcast_ref<E: Error + 'static>(&self) -> Option<&E> {
        let error: &(dyn Error + 'static) = &*self.0;
        error.downcast_ref()
    }
}

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(Arc::new(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Told {
    code: &'static Code,
    text: String,
}

impl Coded for Told {
    fn code(&self) -> &'static Code {
        self.code
    }
}

#[cfg(test)]
mod tests;
