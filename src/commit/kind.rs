//! What an error of a sink's server means. Each sink has one table that says it of every error that there is, line by
//! line (`postgres/errors.rs`, `kafka/errors.rs`), so that no place decides it by itself.

use std::time::Duration;

/// How long a login may be refused, after one that was taken: passwords, certificates and rights are changed in several
/// places, one after the other.
pub const LOGIN: Duration = Duration::from_secs(60);

/// The first and the longest wait between two attempts.
pub(crate) const WAITS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What becomes of a commit that ran into an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The server is away, busy, or changing: the same again, later and on a new connection, may work.
    Passing,
    /// The server does not let this user in: a person or a rotation of secrets heals it, in a moment or never.
    Login,
    /// What it was told to use is not there or may not be used: a person must change something.
    Wrong,
    /// One row, or one message, is refused for what is in it; others would be taken. Anywhere but at a row it is final.
    Row,
    /// Another cluster has taken over.
    Fenced,
    /// Neither waiting nor leaving out a row heals it.
    Final,
}

/// A line of a table: what is decided, and why.
#[derive(Clone, Copy, Debug)]
pub struct Line<C> {
    /// The error, or its class.
    pub code: C,
    /// What it means.
    pub kind: Kind,
    /// Why that was decided.
    pub why: &'static str,
}
