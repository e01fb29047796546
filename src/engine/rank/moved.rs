//! A row that moves from one partition of its window to another is one change.
//!
//! Partitions are drafted one by one, and a row is named by its window and its key: where what it is partitioned by is no key, a
//! row that changes there leaves one partition and comes into another, and a commit has at most one change of a row.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::rank::emit::Emit;
use standings_model::change::Change;
use standings_model::plan::Ranking;

/// Whether rows of a ranking can move.
pub(super) fn moves(ranking: &Ranking) -> bool {
    ranking.retracts && !ranking.placed.is_empty()
}

/// Makes one change of a row that left and came: with the rank that it had, and none if readers know it as it is. Deletes of
/// rows that can move have what the rows showed until now.
pub(super) fn merge(rankings: &[Ranking], emit: Emit, changes: &mut Vec<Change>) {
    if !rankings.iter().any(moves) {
        return;
    }
    let name = |change: &Change| (change.ranking, change.window_end, Arc::clone(&change.key));
    let can = |change: &Change| moves(&rankings[change.ranking]);
    let gone = changes.iter().enumerate();
    let gone = gone.filter(|(_, change)| change.rank.is_none() && can(change));
    let mut gone: BTreeMap<_, usize> = gone.map(|(at, change)| (name(change), at)).collect();
    let mut needed = vec![true; changes.len()];
    for at in 0..changes.len() {
        let change = &changes[at];
        if change.rank.is_none() || !can(change) {
            continue;
        }
        if let Some(left) = gone.remove(&name(change)) {
            needed[left] = false;
            let plan = &rankings[change.ranking];
            let before = changes[left].previous_rank;
            needed[at] = before != change.rank || emit.tells(plan, &changes[left].measures, change);
            changes[at].previous_rank = before;
        }
    }
    for left in gone.into_values() {
        changes[left].measures = Arc::from([]);
    }
    let mut needed = needed.into_iter();
    changes.retain(|_| needed.next().unwrap_or(true));
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::value::Value;

    fn change(key: i64, ranks: (Option<u64>, Option<u64>), measure: Option<i64>) -> Change {
        let one = |n: i64| Arc::from([Value::Integer(n.into())]);
        Change {
            ranking: 0,
            window_start: 0,
            window_end: 10,
            key: one(key),
            rank: ranks.1,
            previous_rank: ranks.0,
            measures: measure.map_or_else(|| Arc::from([]), one),
            is_final: false,
        }
    }

    #[test]
    fn a_row_that_leaves_and_comes_changes_once() {
        let mut rankings = standings_query::load_shipped().unwrap().rankings;
        rankings.truncate(1);
        let drafted = [
            // Came before it left, in the order of the partitions; with another rank.
            change(1, (None, Some(2)), Some(7)),
            change(1, (Some(1), None), Some(7)),
            // Nothing that readers see is other.
            change(2, (Some(1), None), Some(5)),
            change(2, (None, Some(1)), Some(5)),
            // Other by what it shows.
            change(3, (Some(4), None), Some(5)),
            change(3, (None, Some(4)), Some(6)),
            // Left; came.
            change(4, (Some(3), None), Some(5)),
            change(5, (None, Some(3)), Some(5)),
        ];
        let mut as_drafted = drafted.to_vec();
        merge(&rankings, Emit::Rows, &mut as_drafted);
        assert_eq!(as_drafted, drafted, "rows of other rankings do not move");
        (rankings[0].retracts, rankings[0].placed) = (true, vec![0]);
        let mut changes = drafted.to_vec();
        merge(&rankings, Emit::Rows, &mut changes);
        assert_eq!(
            changes,
            [
                change(1, (Some(1), Some(2)), Some(7)),
                change(3, (Some(4), Some(4)), Some(6)),
                change(4, (Some(3), None), None),
                change(5, (None, Some(3)), Some(5)),
            ]
        );
        // Where only moves are written, a value that nobody is ranked by is none; nothing here says whom a row is among.
        let mut moved = drafted.to_vec();
        merge(&rankings, Emit::Ranks, &mut moved);
        assert!(moved.iter().all(|c| c.rank != c.previous_rank), "{moved:?}");
        assert_eq!(moved.len(), 3);
    }
}
