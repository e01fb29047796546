//! Rows ranked as they are that can no longer be ranked are let go: what is kept of a partition is what its ranks need.
//!
//! Rows only come (where they are also taken back nothing is let go), so a row that has as many before it as there are ranks never ranks again, and no place is ever empty
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
    ranking.is_rows && named && ranking.limit < u64::MAX && !ranking.retracts
}

impl WindowState {
    /// The bytes of every key.
    pub fn all_keys<'a>(&'a self, texts: &'a Interner) -> impl Iterator<Item = &'a [u8]> {
        let keys = self.rows.keys().filter(|key| *key != super::GONE);
        keys.map(|key| texts.get(key))
    }

    /// Lets go of what can no longer be ranked, if it is much. After an epoch has ended.
    pub fn compact(&mut self, ranking: &Ranking, reader: &Reader, texts: &mut Interner) {
        self.bury(reader, !ranking.partition.is_empty(), texts);
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
            if changed.has(row) {
                self.changed.set(new);
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

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};
    use std::sync::Arc;

    use crate::combine::combiner::{Combiner, Missing, Origin};
    use crate::event_time::partition::Verdict;
    use crate::pack::key::KeyCodec;
    use crate::pack::top::TopCodec;
    use crate::rank::totals::{Held, Totals};
    use standings_decode::Decoder;
    use standings_model::plan::Plan;

    const BIDS: &str =
        "CREATE TABLE bids (at TIMESTAMP_LTZ(3), lot INT, price INT, WATERMARK FOR at AS at);";

    fn plan(function: &str, order: &str) -> Arc<Plan> {
        let folder = tempfile::tempdir().unwrap();
        let ranking = format!(
            "SELECT window_start, window_end, lot, price, n FROM (
             SELECT *, {function}() OVER (PARTITION BY window_start, window_end, lot ORDER BY {order}) AS n
             FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(at), INTERVAL '1' SECOND))) WHERE n <= 3;"
        );
        std::fs::write(folder.path().join("a.sql"), BIDS).unwrap();
        std::fs::write(folder.path().join("r.sql"), ranking).unwrap();
        let plan = standings_query::load_dir(folder.path());
        Arc::new(plan.unwrap_or_else(|e| panic!("{}", e.render())))
    }

    /// Whatever is turned away and let go, the best rows are those of all rows, and few more are held.
    #[test]
    fn the_best_of_all_rows_are_kept_and_few_others() {
        for (function, order, prices) in [
            ("ROW_NUMBER", "price DESC", 1_000),
            ("RANK", "price DESC", 300),
            ("DENSE_RANK", "price DESC", 3_000),
            // Each row is better than those before it: none is turned away.
            ("ROW_NUMBER", "at DESC", 1_000),
        ] {
            let plan = plan(function, order);
            assert!(plan.rankings[0].is_rows, "{function}");
            let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
            let mut readers: Vec<Combiner> = (0..2).map(|_| Combiner::new(&plan)).collect();
            let mut totals: Vec<Totals> = (0..2).map(|_| Totals::new(Arc::clone(&plan))).collect();
            let (codec, top) = (KeyCodec::new(&plan.rankings[0]), TopCodec::new(&plan, 0));
            // By their names.
            let mut shown: BTreeSet<String> = BTreeSet::new();
            let mut all: BTreeMap<u64, Vec<(i128, u64)>> = BTreeMap::new();
            let mut dice = 5u64;
            let rows = 30_000u64;
            for number in 0..rows {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (lot, price) = ((dice >> 40) % 5, (dice >> 20) % prices);
                let at = number / 40;
                let bid = format!(r#"{{"at":{at},"lot":{lot},"price":{price}}}"#);
                let sale = decoder.decode(bid.as_bytes()).unwrap();
                let origin = Origin {
                    partition: 0,
                    offset: number,
                    row: 0,
                };
                let reader = &mut readers[(number % 2) as usize];
                reader.add(
                    0,
                    &sale,
                    origin,
                    |_| Verdict::Counted,
                    &mut Missing::default(),
                );
                let by = if order.starts_with("at") { at } else { price };
                all.entry(lot).or_default().push((-i128::from(by), number));
                if number % 700 == 0 || number + 1 == rows {
                    let batches = readers.iter_mut().flat_map(|r| r.flush(2, &mut Vec::new()));
                    batches.for_each(|deltas| totals[deltas.worker as usize].apply(&deltas));
                    for candidate in totals.iter_mut().flat_map(Totals::settle) {
                        let name = codec.decode(&candidate.key)[0].to_string();
                        match candidate.row {
                            Some(_) => shown.insert(name),
                            None => shown.remove(&name),
                        };
                    }
                    let tops = totals.iter_mut().flat_map(Totals::settle_tops);
                    for told in tops.flat_map(|told| told.rows) {
                        let name = top.as_ref().unwrap().key(&told.row)[0].to_string();
                        match told.left {
                            false => shown.insert(name),
                            true => shown.remove(&name),
                        };
                    }
                }
            }
            let mut held = Held::default();
            let keys: usize = totals
                .iter()
                .map(|t| {
                    t.held(&mut held);
                    held.keys()
                })
                .sum();
            assert!(
                keys < 10_000,
                "{function} by {order} holds {keys} of {rows}"
            );
            // Candidates are each worker's best: the best of all are among them.
            for rows in all.values_mut() {
                rows.sort_unstable();
                let mut better: Vec<i128> = Vec::new();
                for (place, (by, number)) in rows.iter().enumerate() {
                    let before = rows.partition_point(|(other, _)| other < by);
                    if better.last() != Some(by) {
                        better.push(*by);
                    }
                    let rank = match function {
                        "ROW_NUMBER" => place + 1,
                        "RANK" => before + 1,
                        _ => better.len(),
                    };
                    if rank <= 3 {
                        let name = format!("0:{number}");
                        assert!(shown.contains(&name), "{function} by {order}: {name}");
                    }
                }
            }
        }
    }
}
