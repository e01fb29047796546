//! Whether a file is complete: it has not changed for a while, by what was seen of it here. Its own time alone says nothing: a
//! copy may have an old one while it grows.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use standings_model::clock::Clock;

use super::place::Seen;

/// Files that are waited for.
pub(super) struct Settling {
    settle: Duration,
    clock: Clock,
    seen: BTreeMap<String, (u64, i64, Instant)>,
}

impl Settling {
    pub(super) fn new(settle: Duration, clock: Clock) -> Self {
        Settling {
            settle,
            clock,
            seen: BTreeMap::new(),
        }
    }

    /// Whether a file is as it was for so long.
    pub(super) fn is_settled(&mut self, file: &Seen) -> bool {
        let now = self.clock.now();
        let is = (file.size, file.modified, now);
        let entry = self.seen.entry(file.path.clone()).or_insert(is);
        if (entry.0, entry.1) != (file.size, file.modified) {
            *entry = is;
        }
        now.saturating_duration_since(entry.2) >= self.settle
    }

    /// Forgets those that are not there any more.
    pub(super) fn only(&mut self, there: &BTreeSet<&str>) {
        self.seen.retain(|path, _| there.contains(path.as_str()));
    }

    pub(super) fn forget(&mut self, path: &str) {
        self.seen.remove(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_grows_is_waited_for() {
        let clock = Clock::by_hand();
        let mut settling = Settling::new(Duration::from_secs(2), clock.clone());
        let file = |size, modified| Seen {
            path: "a".to_owned(),
            size,
            modified,
        };
        assert!(!settling.is_settled(&file(1, 5)));
        clock.sleep(Duration::from_secs(1));
        assert!(!settling.is_settled(&file(2, 5)), "it grew");
        clock.sleep(Duration::from_secs(1));
        assert!(!settling.is_settled(&file(2, 5)));
        clock.sleep(Duration::from_secs(1));
        assert!(settling.is_settled(&file(2, 5)));
        assert!(
            !settling.is_settled(&file(2, 6)),
            "written over with as much"
        );
        settling.only(&BTreeSet::new());
        assert!(settling.seen.is_empty());
        assert!(Settling::new(Duration::ZERO, clock).is_settled(&file(2, 6)));
    }
}
