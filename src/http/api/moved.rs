//! Who moved a row: the rows that stood on the other side of it before the commit that wrote it last.
//!
//! ```text
//! before   1 Porto   2 Faro   3 Braga        Braga counts more, Faro ends
//! now      1 Braga   2 Porto                 Porto was passed by Braga, and passed Faro: both moved it
//! ```
//!
//! A rank is a count of those above. So of all that changed in the commit just these moved the row, whatever became of others.

use std::io::Write;

use crate::board::{Entry, Row, order_value};
use crate::json;
use standings_model::json::push_value;
use standings_model::plan::Ranking;
use standings_model::value::Value;
use standings_model::window::Bounds;

/// So many are told, the best ranked first.
const MOST: usize = 5;

/// A row that passed another one, or was passed by it: as it was and as it is; at least one of both.
pub(super) struct Mover<'a> {
    key: &'a [Value],
    was: Option<(u64, &'a [Value])>,
    is: Option<(u64, &'a [Value])>,
}

/// Whether a row is ranked among the same as another one.
pub(super) fn is_beside(
    ranking: &Ranking,
    (key, measures): (&[Value], &[Value]),
    other: (&[Value], &[Value]),
) -> bool {
    let mut keys = ranking.partition_keys();
    let mut places = ranking.shown_places();
    keys.all(|i| key.get(i) == other.0.get(i)) && places.all(|m| measures.get(m) == other.1.get(m))
}

/// Who moved a row of a window of the ranking of that number, by the commit that wrote it last.
pub(super) fn movers<'a>(
    (number, ranking): (usize, &Ranking),
    bounds: Bounds,
    row: &Row,
    entry: &'a Entry,
) -> Vec<Mover<'a>> {
    let is = (&row.key[..], &row.measures[..]);
    // One that was among others came anew.
    let before = row.before.as_ref();
    let before = before.filter(|(_, was)| is_beside(ranking, is, (&row.key, was)));
    let rank_before = before.map(|(rank, _)| *rank);
    // Who has no rank stands below all that have one.
    let above = |other: Option<u64>, own: Option<u64>| match (other, own) {
        (Some(other), Some(own)) => other < own,
        (other, None) => other.is_some(),
        (None, _) => false,
    };
    let mut all = Vec::new();
    // Where ranks are not said, none moves.
    for (change, old) in entry.changes().filter(|_| row.rank > 0) {
        let of_window = change.ranking == number && change.bounds() == bounds;
        if !of_window || *change.key == *row.key {
            continue;
        }
        let beside = |measures: &&[Value]| is_beside(ranking, is, (&change.key, measures));
        let was = old.map(|old| (old.rank, &old.measures[..]));
        let was = was.filter(|(_, measures)| beside(measures));
        let now = change.rank.map(|rank| (rank, &change.measures[..]));
        let now = now.filter(|(_, measures)| beside(measures));
        let was_above = above(was.map(|w| w.0), rank_before);
        let is_above = above(now.map(|n| n.0), Some(row.rank));
        if was_above != is_above {
            all.push(Mover {
                key: &change.key,
                was,
                is: now,
            });
        }
    }
    let place = |of: Option<(u64, &[Value])>| of.map_or(u64::MAX, |(rank, _)| rank);
    all.sort_by_key(|mover| (place(mover.is), place(mover.was)));
    all.truncate(MOST);
    all
}

impl Mover<'_> {
    /// Appends it.
    pub(super) fn push(&self, out: &mut Vec<u8>, ranking: &Ranking) {
        out.extend_from_slice(b"{\"key\":");
        json::push_key(out, ranking, self.key);
        for (rank, value, of) in [
            ("previous_rank", "previous_value", self.was),
            ("rank", "value", self.is),
        ] {
            // Writing to a Vec cannot fail.
            let _ = write!(out, ",\"{rank}\":");
            match of {
                Some((rank, _)) => drop(write!(out, "{rank}")),
                None => out.extend_from_slice(b"null"),
            }
            let _ = write!(out, ",\"{value}\":");
            let shown = of.and_then(|(_, measures)| order_value(ranking, self.key, measures));
            push_value(out, shown.unwrap_or(&Value::Null));
        }
        out.push(b'}');
    }
}
