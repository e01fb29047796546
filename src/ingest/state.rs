//! What a source is doing, in the four words of the contract.

use std::fmt;

/// What a source is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It reads what was there before it was looked at for the first time.
    Snapshot,
    /// It is at the present, or on its way there.
    Streaming,
    /// It cannot go on now, and tries again by itself: why.
    Waiting(String),
    /// It cannot go on until somebody does something: why.
    Broken(String),
}

impl State {
    /// All words, in the order of the metrics.
    pub const WORDS: [&'static str; 4] = ["snapshot", "streaming", "waiting", "broken"];

    /// The word, without the reason.
    pub fn word(&self) -> &'static str {
        match self {
            State::Snapshot => "snapshot",
            State::Streaming => "streaming",
            State::Waiting(_) => "waiting",
            State::Broken(_) => "broken",
        }
    }

    /// Why it does not go on.
    pub fn reason(&self) -> Option<&str> {
        match self {
            State::Waiting(why) | State::Broken(why) => Some(why),
            _ => None,
        }
    }

    /// Whether it goes on.
    pub fn is_well(&self) -> bool {
        self.reason().is_none()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason() {
            Some(why) => write!(f, "{}({why})", self.word()),
            None => f.write_str(self.word()),
        }
    }
}
