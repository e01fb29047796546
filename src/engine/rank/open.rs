//! The windows that a worker has open, and how much they hold.
//!
//! An epoch costs what it changes: what windows hold is counted as they change, and those that are dropped are found by their
//! ends. So nothing here goes through all windows but a copy.

use std::collections::BTreeMap;

use super::ends::{self, At};
use super::window::WindowState;
use standings_model::plan::Ranking;

/// A window, and as how many keys it is counted.
struct Counted {
    window: WindowState,
    keys: usize,
}

/// The windows of groups, by ranking and end.
#[derive(Default)]
pub(super) struct Open {
    /// Each where it is: the map moves what it holds, and is half empty where windows come in the order of their ends.
    windows: BTreeMap<At, Box<Counted>>,
    /// Windows and keys, by ranking.
    held: Vec<(usize, usize)>,
}

impl Open {
    /// None yet, of so many rankings.
    pub(super) fn new(rankings: usize) -> Self {
        Open {
            windows: BTreeMap::new(),
            held: vec![(0, 0); rankings],
        }
    }

    /// Changes a window, which `make` makes if there is none.
    pub(super) fn change_or_make<T>(
        &mut self,
        at: At,
        make: impl FnOnce() -> WindowState,
        change: impl FnOnce(&mut WindowState) -> T,
    ) -> T {
        let held = &mut self.held[at.0 as usize];
        let counted = self.windows.entry(at).or_insert_with(|| {
            held.0 += 1;
            Box::new(Counted {
                window: make(),
                keys: 0,
            })
        });
        let done = change(&mut counted.window);
        counted.count(&mut held.1);
        done
    }

    /// Changes a window, if there is one.
    pub(super) fn change<T>(
        &mut self,
        at: At,
        change: impl FnOnce(&mut WindowState) -> T,
    ) -> Option<T> {
        let counted = self.windows.get_mut(&at)?;
        let done = change(&mut counted.window);
        counted.count(&mut self.held[at.0 as usize].1);
        Some(done)
    }

    /// Changes each window.
    pub(super) fn change_all(&mut self, mut change: impl FnMut(At, &mut WindowState)) {
        for (at, counted) in &mut self.windows {
            change(*at, &mut counted.window);
            counted.count(&mut self.held[at.0 as usize].1);
        }
    }

    /// Takes out the windows that are dropped with this horizon, each with the number of its ranking.
    pub(super) fn take_gone(
        &mut self,
        rankings: &[Ranking],
        horizon: i64,
    ) -> Vec<(u32, WindowState)> {
        let gone = ends::take(&mut self.windows, rankings, horizon);
        let gone = gone.into_iter().map(|((number, _), counted)| {
            let (windows, keys) = &mut self.held[number as usize];
            *windows -= 1;
            *keys -= counted.keys;
            (number, counted.window)
        });
        gone.collect()
    }

    /// Windows and keys, by ranking.
    pub(super) fn held(&self) -> &[(usize, usize)] {
        &self.held
    }
}

impl Counted {
    /// Counts it anew.
    fn count(&mut self, all: &mut usize) {
        let now = self.window.keys();
        *all = *all - self.keys + now;
        self.keys = now;
    }
}
