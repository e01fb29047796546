//! Rows ranked as they are that can no longer be ranked are let go: what is kept of a partition is what its ranks need.
//!
//! Rows only come, so a row that has as many before it as there are ranks never ranks again, and no place is ever empty
//! that it could move into. All rows are gone through when there are twice as many as after the last time, so that a row
//! costs the same however many come.

use super::WindowState;
use crate::pack::hash::mix;
use crate::pack::index::Index;
use crate::pack::interner::Interner;
use crate::pack::layout::NO_TEXT;
use crate::pack::rows::Rows;
use crate::rank::order::Reader;
use standings_model::plan::Ranking;

/// With fewer rows it is not worth it.
const FEW: usize = 4096;
/// The new number of a row that goes.
const GONE: u32 = u32::MAX;

/// Whether rows of a ranking can be let go: only where one is never another, come again.
pub(super) fn lets_go(ranking: &Ranking) -> bool {
    let named = ranking.keys.iter().any(|k| ranking.row[k.column].is_row_id);
    ranking.is_rows && named && ranking.limit < u64::MAX
}

impl WindowState {
    /// The bytes of every key.
    pub fn all_keys<'a>(&'a self, texts: &'a Interner) -> impl Iterator<Item = &'a [u8]> {
        self.rows.keys().map(|key| texts.get(key))
    }

    /// Lets go of what can no longer be ranked, if it is much. After an epoch has ended.
    pub fn compact(&mut self, ranking: &Ranking, reader: &Reader, texts: &mut Interner) {
        let few = self.rows.len() < (2 * self.kept).max(FEW);
        let Some(rank) = ranking.rank.filter(|_| !few && lets_go(ranking)) else {
            return;
        };
        let mut numbers = vec![GONE; self.rows.len()];
        for partition in &mut self.partitions {
            partition.head.keep(ranking.limit, rank);
            for row in partition.head.rows() {
                numbers[row as usize] = 0;
            }
        }
        let before = std::mem::replace(&mut self.rows, Rows::new(&reader.packing));
        let changed = std::mem::take(&mut self.changed);
        let mut words = vec![0; reader.layout.width];
        for row in 0..before.len() as u32 {
            let key = before.key(row);
            before.read(&reader.packing, row, &mut words);
            if numbers[row as usize] == GONE {
                texts.release(key);
                let places = reader.layout.texts.iter().map(|place| words[*place]);
                for word in places.filter(|word| *word != NO_TEXT) {
                    texts.release(word as u32);
                }
                continue;
            }
            let partition = before.partition(&reader.packing, row);
            let new = self.rows.push(&reader.packing, key, partition);
            self.rows.write(&reader.packing, new, &words);
            numbers[row as usize] = new;
            let word = changed.get(row as usize / 64);
            if word.is_some_and(|word| (word >> (row % 64)) & 1 == 1) {
                self.note(new);
            }
        }
        self.index = Index::default();
        for (row, key) in self.rows.keys().enumerate() {
            let rows = &self.rows;
            let all = || {
                let known = rows.keys().take(row).enumerate();
                known.map(|(row, key)| (mix(u64::from(key)), row as u32))
            };
            self.index.insert(mix(u64::from(key)), row as u32, all);
        }
        for partition in &mut self.partitions {
            partition.head.renumber(|row| numbers[row as usize]);
            partition
                .members
                .retain(|row| numbers[*row as usize] != GONE);
            for row in &mut partition.members {
                *row = numbers[*row as usize];
            }
            partition.members.shrink_to_fit();
        }
        texts.sweep();
        self.kept = self.rows.len();
    }
}
