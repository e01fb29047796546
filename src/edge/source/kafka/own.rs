//! A partition's place: what was read of it, and which of its messages are taken.
//!
//! Invariant: of one assignment, what is taken is a prefix. A message that is given back at the hold is read again
//! later, from `next`; so nothing behind it may be taken before, or it would be skipped.

use std::time::Instant;

/// One partition of this worker's.
pub(super) struct Own {
    /// With `--until-end`: the end as seen at start.
    pub end: Option<u64>,
    pub ended: bool,
    /// The next offset to read.
    pub next: u64,
    /// The offset to wait at until reading is released.
    hold: Option<u64>,
    /// It waits there.
    pub held: bool,
    /// It waits for a schema: what comes is read again.
    pub stalled: bool,
    /// No message has come since it was assigned.
    pub is_new: bool,
    /// When the last message came.
    pub heard: Instant,
}

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Taken,
    /// Behind the hold: read again once it is released.
    GivenBack,
    /// Came after the start, which the input as seen at start does not hold.
    BehindEnd,
}

impl Own {
    pub fn new(next: u64, end: Option<u64>, hold: Option<u64>) -> Self {
        Own {
            end,
            ended: false,
            next,
            hold,
            held: false,
            stalled: false,
            is_new: true,
            heard: Instant::now(),
        }
    }

    /// Places the next message. Reading may be `released` between one message and the next: what was held stays so
    /// until it is read on from `next`.
    pub fn place(&mut self, offset: u64, released: bool) -> Fate {
        self.held |= !released && self.hold.is_some_and(|hold| offset >= hold);
        if self.held {
            return Fate::GivenBack;
        }
        if self.end.is_some_and(|end| offset >= end) {
            return Fate::BehindEnd;
        }
        self.next = offset + 1;
        Fate::Taken
    }

    /// The hold, if reading has come to what lies behind it or to the end, and not up to it: records before it, which
    /// were read once, are gone. The partition is then as far as it can be.
    pub fn skips_to_hold(&mut self) -> Option<u64> {
        let hold = self.hold.filter(|hold| self.next < *hold)?;
        self.next = hold;
        Some(hold)
    }

    /// Whether all of the input as seen at start is read.
    pub fn is_at_end(&self) -> bool {
        self.end.is_some_and(|end| self.next >= end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gone_before_the_hold_does_not_stop_it() {
        let mut own = Own::new(0, None, Some(5));
        assert_eq!(own.place(1, false), Fate::Taken);
        assert_eq!(own.place(6, false), Fate::GivenBack);
        assert_eq!(own.skips_to_hold(), Some(5));
        assert_eq!(own.skips_to_hold(), None);
        own.held = false;
        assert_eq!(own.place(6, true), Fate::Taken);
    }

    #[test]
    fn nothing_behind_what_was_given_back_is_taken() {
        let mut own = Own::new(3, None, Some(5));
        let places = [(3, false), (4, false), (5, false), (6, true), (7, true)];
        let places = places.map(|(offset, released)| own.place(offset, released));
        assert_eq!(places[..2], [Fate::Taken, Fate::Taken]);
        assert_eq!(places[2..], [Fate::GivenBack; 3]);
        assert_eq!(own.next, 5, "read again from the first that was given back");
        own.held = false;
        let again = [5, 6, 7].map(|offset| own.place(offset, true));
        assert_eq!(again, [Fate::Taken; 3]);
        assert_eq!(own.next, 8);
    }

    #[test]
    fn what_came_after_the_start_is_left() {
        let mut own = Own::new(0, Some(2), None);
        assert_eq!(
            [0, 1, 2].map(|offset| own.place(offset, true)),
            [Fate::Taken, Fate::Taken, Fate::BehindEnd]
        );
        assert!(own.is_at_end());
        // Transaction markers may take the last offsets.
        assert!(!Own::new(0, Some(2), None).is_at_end());
    }
}
