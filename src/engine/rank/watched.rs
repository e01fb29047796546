//! The windows whose positions are asked for, at the owner of their keys.
//!
//! 1. Of each watch a worker says once that it is whole, or that the window is gone; before the one there are pieces, behind the
//!    other nothing.
//! 2. A window of which a worker has no key yet is whole at once; a key that comes later is told like any other change. One that
//!    was dropped before anybody asked has no key either: it is told to be gone.

use std::collections::BTreeMap;

use super::order::Reader;
use super::window::WindowState;
use crate::pack::interner::Interner;
use crate::pack::top::is_top;
use standings_model::placed::{Placed, Told, Watch};
use standings_model::plan::{Plan, Ranking};

/// Ranking and end.
type At = (u32, i64);
/// What a row is read with.
type With<'a> = (&'a Ranking, &'a Reader, &'a Interner);

/// Whether every key of a ranking's windows is kept by who owns it, so that there are positions beyond the limit. Not of rows
/// ranked as they are of which only the best are kept; nor of sessions and rankings of rankings, whose windows are kept otherwise.
pub fn is_kept(plan: &Plan, number: usize) -> bool {
    plan.rankings.get(number).is_some_and(|ranking| {
        let lets_go = ranking.is_rows && !ranking.retracts;
        ranking.rank.is_some()
            && !lets_go
            && !is_top(plan, number)
            && !ranking.window.is_session()
            && !plan.is_nested(ranking)
    })
}

/// The watches of one worker.
#[derive(Default)]
pub(super) struct Watched {
    all: BTreeMap<At, (u64, Said)>,
    told: Vec<(u64, Told)>,
}

/// What was said of a watch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Whole,
    Gone,
}

impl Watched {
    /// These are watched from now on.
    pub(super) fn set<'a>(
        &mut self,
        watches: impl Iterator<Item = &'a Watch>,
        windows: &mut BTreeMap<At, WindowState>,
    ) {
        let mut all = BTreeMap::new();
        for watch in watches {
            let at = (watch.ranking, watch.window_end);
            let before = self.all.remove(&at);
            let said = match before {
                Some((id, said)) if id == watch.id => said,
                _ => Said::Nothing,
            };
            all.insert(at, (watch.id, said));
            if let Some(window) = windows.get_mut(&at) {
                window.watch(watch.id);
            }
        }
        for at in self.all.keys().filter(|at| !all.contains_key(at)) {
            if let Some(window) = windows.get_mut(at) {
                window.unwatch();
            }
        }
        self.all = all;
    }

    /// A window of a watch that is made now.
    pub(super) fn begin(&self, at: At, window: &mut WindowState) {
        if let Some((id, _)) = self.all.get(&at) {
            window.watch(*id);
        }
    }

    /// Tells which are dropped, once of each.
    pub(super) fn tell_gone(&mut self, is_gone: impl Fn(At) -> bool) {
        let all = self.all.iter_mut();
        for (_, (id, said)) in all.filter(|(at, _)| is_gone(**at)) {
            if *said != Said::Gone {
                *said = Said::Gone;
                self.told.push((*id, Told::Gone));
            }
        }
    }

    /// Tells what there is of a window.
    pub(super) fn tell(
        &mut self,
        window: &mut WindowState,
        (ranking, reader, texts): With<'_>,
    ) -> bool {
        if !window.has_news() {
            return false;
        }
        let Some(told) = window.tell_rows(ranking, reader, texts) else {
            return false;
        };
        if !told.rows.is_empty() {
            self.told.push((told.id, Told::Rows(told.rows)));
        }
        !told.is_whole
    }

    /// Tells the rest of an epoch; and whether there is more.
    pub(super) fn finish<'a>(
        &mut self,
        windows: &mut BTreeMap<At, WindowState>,
        with: impl Fn(u32) -> With<'a>,
        workers: u32,
    ) -> (Vec<Placed>, bool) {
        let mut more = false;
        let waiting: Vec<At> = self.all.keys().copied().collect();
        for at in waiting {
            let mut is_whole = true;
            if let Some(window) = windows.get_mut(&at) {
                is_whole = !self.tell(window, with(at.0));
            }
            more |= !is_whole;
            if let Some((id, said)) = self.all.get_mut(&at)
                && *said == Said::Nothing
                && is_whole
            {
                *said = Said::Whole;
                self.told.push((*id, Told::Whole));
            }
        }
        let told = self.told.drain(..);
        let told = told.map(|(watch, told)| Placed {
            watch,
            workers,
            told,
        });
        (told.collect(), more)
    }
}
