//! How much a worker puts into an epoch, and whether an epoch waits for the reader.
//!
//! ```text
//! finds more than it may take ──► twice as much ──► … up to the most
//! finds less ───────────────────► half of it    ──► … down to the least
//! a large epoch's fold saves nothing ──► at most SMALL, for a while
//! ```
//!
//! The cost of an epoch is spread over its sales, so a worker under load makes few large ones, and one that is not ends
//! each as soon as nothing more is there. Where nearly every sale has a key of its own a large one saves nothing, and a
//! small one's fold stays in the cache.

use std::time::{Duration, Instant};

use super::Turn;

/// The most bytes of an epoch whose fold saves nothing: its rows and texts fit into a core's own cache.
const SMALL: usize = 1 << 20;
/// For how many epochs that is believed.
const BELIEVED: u32 = 64;

/// Epochs that have grown to this take from a backlog: it takes a few in a row that find more than they can take, and
/// ends with a few that do not.
const BACKLOG: usize = SMALL;

/// For how long in all an epoch of a backlog waits for its reader.
const LATE: Duration = Duration::from_millis(5);

/// How taking what is there ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pulled {
    /// Nothing more is there.
    All,
    /// Nothing more may be read before something is durable.
    Bound,
    /// The epoch is full; more may be there.
    Full,
    /// More may be there; the dataflow is stepped first.
    Piece,
}

impl Pulled {
    /// The next turn where an epoch may not end yet.
    pub(super) fn without_end(self) -> Turn {
        match self {
            Pulled::All => Turn::Park(Duration::from_millis(1)),
            _ => Turn::Step,
        }
    }
}

/// How many bytes the present epoch may have.
pub(super) struct EpochSize {
    /// `--epoch-bytes`.
    least: usize,
    most: usize,
    now: usize,
    /// Epochs that are still kept small.
    small: u32,
    /// Since when the present epoch waits for the reader.
    late_since: Option<Instant>,
}

impl EpochSize {
    /// Between so many bytes, the least at first.
    pub(super) fn new((least, most): (usize, usize)) -> Self {
        EpochSize {
            least,
            most,
            now: least,
            small: 0,
            late_since: None,
        }
    }

    /// Bytes that the present epoch may have.
    pub(super) fn bytes(&self) -> usize {
        self.now
    }

    /// Whether an epoch of so many bytes is full.
    pub(super) fn is_full(&self, bytes: usize) -> bool {
        bytes >= self.now
    }

    /// An epoch of so many bytes ended; whether its fold saved anything.
    pub(super) fn ended(&mut self, bytes: usize, pays: impl FnOnce() -> bool) {
        // Only a large epoch tells: in a small one few keys come twice.
        if bytes * 2 >= self.most && !pays() {
            self.small = BELIEVED;
        } else {
            self.small = self.small.saturating_sub(1);
        }
        self.late_since = None;
    }

    /// What may be taken next, after taking ended so: for an epoch that has so many bytes now, `ended` or not, while the last
    /// one ended so long ago.
    pub(super) fn aim(&mut self, pulled: Pulled, bytes: usize, ended: bool, since_end: Duration) {
        let most = match self.small {
            0 => self.most,
            _ => SMALL.clamp(self.least, self.most),
        };
        self.now = match pulled {
            Pulled::Full => (self.now * 2).min(most),
            Pulled::All if bytes == 0 && since_end > LATE => self.least,
            Pulled::All if ended => (self.now / 2).max(self.least),
            _ => self.now.min(most),
        };
    }

    /// For how long an epoch of so many bytes may still wait for a reader that does not keep up with a worker at a backlog:
    /// with two cores for workers, readers and servers it comes late now and then, and a small epoch costs nearly as much
    /// as a large one.
    pub(super) fn waits(&mut self, bytes: usize, now: Instant) -> Option<Duration> {
        if bytes == 0 || !self.has_grown() {
            return None;
        }
        let since = *self.late_since.get_or_insert(now);
        let left = LATE.saturating_sub(now.saturating_duration_since(since));
        (!left.is_zero()).then_some(left)
    }

    /// Whether there is a backlog that filled an epoch of so many bytes.
    pub(super) fn is_backlog(&self, bytes: usize) -> bool {
        self.has_grown() && self.is_full(bytes)
    }

    /// Whether epochs have grown as they do at a backlog.
    fn has_grown(&self) -> bool {
        self.now > self.least && self.now >= BACKLOG
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    fn filled(size: &mut EpochSize, pays: bool) {
        let bytes = size.bytes();
        size.ended(bytes, || pays);
        size.aim(Pulled::Full, 0, true, Duration::ZERO);
    }

    #[test]
    fn grows_at_a_backlog_and_shrinks_without() {
        let mut size = EpochSize::new((MIB / 4, 16 * MIB));
        assert!(!size.is_backlog(MIB / 4));
        let mut sizes = Vec::new();
        for _ in 0..7 {
            filled(&mut size, true);
            sizes.push(size.bytes() * 4 / MIB);
        }
        assert_eq!(sizes, [2, 4, 8, 16, 32, 64, 64]);
        assert!(size.is_backlog(16 * MIB));
        assert!(!size.is_backlog(16 * MIB - 1));
        size.aim(Pulled::All, 0, true, Duration::ZERO);
        assert_eq!(size.bytes(), 8 * MIB);
        // Not ended, as the reader is only late for a moment: it stays.
        size.aim(Pulled::All, MIB, false, Duration::ZERO);
        assert_eq!(size.bytes(), 8 * MIB);
        size.aim(Pulled::All, 0, false, LATE * 2);
        assert_eq!(size.bytes(), MIB / 4);
    }

    #[test]
    fn stays_small_where_a_fold_saves_nothing() {
        let mut size = EpochSize::new((MIB / 4, 16 * MIB));
        for _ in 0..6 {
            filled(&mut size, true);
        }
        filled(&mut size, false);
        for _ in 0..BELIEVED {
            assert_eq!(size.bytes(), SMALL);
            // A small epoch does not tell.
            filled(&mut size, false);
        }
        assert_eq!(size.bytes(), 2 * SMALL);
    }

    #[test]
    fn a_fixed_size_is_never_a_backlog() {
        let mut size = EpochSize::new((4 * MIB, 4 * MIB));
        filled(&mut size, true);
        assert_eq!(size.bytes(), 4 * MIB);
        assert!(!size.is_backlog(4 * MIB));
        assert_eq!(size.waits(MIB, Instant::now()), None);
    }

    #[test]
    fn waits_for_the_reader_a_few_milliseconds_in_all() {
        let mut size = EpochSize::new((MIB / 4, 16 * MIB));
        let now = Instant::now();
        assert_eq!(size.waits(MIB, now), None, "no backlog");
        for _ in 0..6 {
            filled(&mut size, true);
        }
        assert_eq!(size.waits(0, now), None, "nothing that could wait");
        assert_eq!(size.waits(MIB, now), Some(LATE));
        let later = now + Duration::from_millis(3);
        assert_eq!(size.waits(2 * MIB, later), Some(Duration::from_millis(2)));
        assert_eq!(size.waits(3 * MIB, now + LATE), None);
        size.ended(3 * MIB, || true);
        assert_eq!(size.waits(MIB, now + LATE), Some(LATE));
    }
}
