//! All partitions together: the global watermark, which closes windows, and the horizon, behind which they are dropped.

use std::collections::BTreeMap;

use super::partition::Policy;
use super::{BEGINNING, END_OF_TIME};
use standings_model::block::PartitionId;
use standings_model::sabotage::{self, Mistake};

/// What is known of one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PartitionState {
    /// Its own watermark; `None` before its first sale.
    pub watermark: Option<i64>,
    /// Nothing new for `--idle-timeout`: does not hold the watermark back.
    pub idle: bool,
    /// A file that was read to its end: will never contribute again.
    pub finished: bool,
    /// Of a table without event time: no window waits for it.
    pub timeless: bool,
    /// Others are joined with its table, and it is not read as far yet as it must be before they are.
    pub awaited: bool,
}

/// The clock over all partitions.
///
/// # Examples
///
/// ```
/// use standings_engine::event_time::global::{GlobalClock, PartitionState};
/// use standings_engine::event_time::partition::Policy;
///
/// let at = |watermark, idle| PartitionState { watermark: Some(watermark), idle, ..PartitionState::default() };
/// let mut clock = GlobalClock::new(Policy::default());
/// clock.update(0, at(900, false));
/// clock.update(1, at(100, false));
/// clock.advance();
/// assert_eq!(clock.watermark(), 100, "the slowest holds windows open");
/// // One that has nothing new for long does not,
/// clock.update(1, at(100, true));
/// clock.advance();
/// assert_eq!(clock.watermark(), 900);
/// // and when it comes back, what was closed stays closed.
/// clock.update(1, at(200, false));
/// clock.advance();
/// assert_eq!(clock.watermark(), 900);
/// ```
#[derive(Clone, Debug)]
pub struct GlobalClock {
    policy: Policy,
    partitions: BTreeMap<PartitionId, PartitionState>,
    watermark: i64,
    horizon: i64,
    over: i64,
}

impl GlobalClock {
    /// A clock that has seen nothing.
    pub fn new(policy: Policy) -> Self {
        GlobalClock {
            policy,
            partitions: BTreeMap::new(),
            watermark: BEGINNING,
            horizon: BEGINNING,
            over: BEGINNING,
        }
    }

    /// A clock as it was: it does not go back behind these, whatever its partitions say.
    pub fn restore(&mut self, watermark: i64, horizon: i64) {
        self.watermark = self.watermark.max(watermark);
        self.horizon = self.horizon.max(horizon);
    }

    /// Takes over what a worker says of a partition.
    pub fn update(&mut self, partition: PartitionId, state: PartitionState) {
        self.partitions.insert(partition, state);
    }

    /// Moves watermark and horizon forward to what the partitions allow now.
    ///
    /// The watermark is the least over partitions that are neither idle nor finished; when all are idle, the
    /// greatest of them, so that it does not matter which fell idle first (as in Flink).
    pub fn advance(&mut self) {
        let all = || self.partitions.values().filter(|p| !p.timeless);
        if all().next().is_none() {
            return;
        }
        let next = if all().all(|p| p.finished) {
            END_OF_TIME
        } else if all().any(|p| !p.finished && !p.idle) {
            all()
                .filter(|p| !p.finished && !p.idle)
                .map(|p| p.watermark.unwrap_or(BEGINNING))
                .min()
                .unwrap_or(BEGINNING)
        } else {
            all().filter_map(|p| p.watermark).max().unwrap_or(BEGINNING)
        };
        self.watermark = self.watermark.max(next);

        // Idle partitions may come back, so they hold the horizon; `--retain` is what bounds them.
        let own = all()
            .filter(|p| !p.finished)
            .map(|p| p.watermark.unwrap_or(BEGINNING))
            .min()
            .unwrap_or(BEGINNING)
            .saturating_sub(self.policy.allowed_lateness);
        self.over = self.over.max(own);
        let own = match sabotage::is(Mistake::LateByGlobalWatermark) {
            true => self.watermark,
            false => own,
        };
        let retained = self
            .watermark
            .saturating_sub(self.policy.allowed_lateness)
            .saturating_sub(self.policy.retain);
        self.horizon = self.horizon.max(own).max(retained);
    }

    /// How event time is judged.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Windows that end at or before this are closed. [`BEGINNING`] before every partition has a watermark.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// Windows that end at or before this may be dropped, once every reader has been told.
    pub fn horizon(&self) -> i64 {
        self.horizon
    }

    /// Windows that end at or before this can change no more by what their own table's partitions bring.
    pub fn over(&self) -> i64 {
        self.over
    }

    /// The partitions and what is known of them.
    pub fn partitions(&self) -> &BTreeMap<PartitionId, PartitionState> {
        &self.partitions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(watermark: Option<i64>, idle: bool) -> PartitionState {
        PartitionState {
            watermark,
            idle,
            ..PartitionState::default()
        }
    }

    #[test]
    fn least_of_the_active_and_never_back() {
        let mut clock = GlobalClock::new(Policy {
            allowed_lateness: 5,
            retain: 100,
            ..Policy::default()
        });
        clock.update(0, state(Some(50), false));
        clock.update(1, state(None, false));
        clock.advance();
        assert_eq!(clock.watermark(), BEGINNING);
        clock.update(1, state(None, true));
        clock.advance();
        assert_eq!((clock.watermark(), clock.horizon()), (50, -55));
        clock.update(1, state(Some(20), false));
        clock.advance();
        assert_eq!((clock.watermark(), clock.horizon()), (50, 15));
        clock.update(0, state(Some(70), true));
        clock.update(1, state(Some(20), true));
        clock.advance();
        assert_eq!(clock.watermark(), 70);
    }

    #[test]
    fn finished_files_close_everything() {
        let mut clock = GlobalClock::new(Policy::default());
        clock.update(
            0,
            PartitionState {
                finished: true,
                ..PartitionState::default()
            },
        );
        clock.advance();
        assert_eq!(clock.watermark(), END_OF_TIME);
    }

    #[test]
    fn no_window_waits_for_what_has_no_event_time() {
        let mut clock = GlobalClock::new(Policy::default());
        let timeless = PartitionState {
            timeless: true,
            ..PartitionState::default()
        };
        clock.update(0, timeless);
        clock.advance();
        assert_eq!(clock.watermark(), BEGINNING);
        clock.update(1, state(Some(50), false));
        clock.advance();
        assert_eq!(clock.watermark(), 50);
    }
}
