//! What rankings of rankings are told of the rows that they read.

use std::sync::Arc;

use super::Gather;
use crate::event_time::BEGINNING;
use crate::rank::fed::Fed;

impl Gather {
    /// What changed of a ranking's rows since this was asked last.
    pub fn fed(&mut self, ranking: u32) -> Vec<Fed> {
        let mut out = Vec::new();
        let over = self.over(ranking);
        let from = |ranking: u32| (ranking, i64::MIN, Arc::from([]));
        let mut of_it = self.unfed.split_off(&from(ranking));
        self.unfed.append(&mut of_it.split_off(&from(ranking + 1)));
        for (_, end, partition) in of_it {
            let window = self.at((ranking, end), &partition, BEGINNING).window;
            let found = self.windows.get_mut(&(ranking, end));
            if let Some(found) = found.and_then(|w| w.get_mut(&partition)) {
                let number = ranking as usize;
                if over.is_some_and(|over| end <= over) {
                    self.lives.count(number, found.let_go(window, &mut out));
                    continue;
                }
                let of_rank = self.of_rank[number].as_ref();
                found.feed(&self.plan.rankings[number], of_rank, window, &mut out);
            }
        }
        out
    }

    /// All rows of a ranking's windows that are to be dropped, once: they change no more.
    pub fn freeze(&mut self, ranking: u32) -> Vec<Fed> {
        let mut out = Vec::new();
        let last = self.plan.rankings[ranking as usize].horizon(self.promised());
        let windows = self.windows.range((ranking, i64::MIN)..=(ranking, last));
        let ends: Vec<i64> = windows.map(|((_, end), _)| *end).collect();
        for end in ends {
            let all = self.windows.get(&(ranking, end));
            let mut all: Vec<Arc<[u8]>> =
                all.map_or_else(Vec::new, |w| w.keys().cloned().collect());
            all.sort_unstable();
            for partition in all {
                let window = self.at((ranking, end), &partition, BEGINNING).window;
                let found = self.windows.get_mut(&(ranking, end));
                if let Some(found) = found.and_then(|w| w.get_mut(&partition)) {
                    found.freeze(window, &mut out);
                }
            }
        }
        out
    }
}
