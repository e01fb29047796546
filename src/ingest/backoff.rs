//! How long to wait before the next attempt: longer each time, and never the same for two that failed together.

use std::time::Duration;

/// The first wait, and the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(30);

/// Waits of one source.
#[derive(Clone, Debug)]
pub struct Backoff {
    failures: u32,
    dice: u64,
}

impl Backoff {
    /// `seed`: of dice, so that two sources that failed together come back apart.
    pub fn new(seed: u64) -> Self {
        Backoff {
            failures: 0,
            dice: seed,
        }
    }

    /// It failed once more: how long to wait. Between half of the wait and all of it, so that it is never nothing.
    pub fn failed(&mut self) -> Duration {
        let full = FIRST
            .saturating_mul(1 << self.failures.min(20))
            .min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let half = full / 2;
        half + half.mul_f64(self.roll())
    }

    /// It went well.
    pub fn done(&mut self) {
        self.failures = 0;
    }

    /// Failures one after the other.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// From 0 to 1: splitmix64.
    fn roll(&mut self) -> f64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.dice;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_differ_by_seed() {
        let (mut a, mut b) = (Backoff::new(1), Backoff::new(2));
        let waits: Vec<Duration> = (0..12).map(|_| a.failed()).collect();
        assert!(waits[0] >= FIRST / 2 && waits[0] <= FIRST, "{waits:?}");
        assert!(
            waits[11] >= LONGEST / 2 && waits[11] <= LONGEST,
            "{waits:?}"
        );
        let full = |n: u32| FIRST * 2u32.pow(n);
        for (n, wait) in (0..7).zip(&waits) {
            assert!((full(n) / 2..=full(n)).contains(wait), "{n}: {wait:?}");
        }
        let others: Vec<Duration> = (0..12).map(|_| b.failed()).collect();
        assert_ne!(waits, others);
        a.done();
        assert!(a.failed() <= FIRST);
    }
}
