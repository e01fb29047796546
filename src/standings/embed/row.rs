//! One row of a ranking, by the names that its query gives.

use std::cmp::Ordering;
use std::sync::Arc;

use standings_model::change::Change;
use standings_model::json::push_change;
use standings_model::plan::{Field, Plan, Ranking};
use standings_model::value::Value;

/// A row as it is, or as it changed.
#[derive(Clone, Debug)]
pub struct Row {
    plan: Arc<Plan>,
    change: Change,
    commit: u64,
}

impl Row {
    pub(super) fn new(plan: &Arc<Plan>, change: Change, commit: u64) -> Self {
        Row {
            plan: Arc::clone(plan),
            change,
            commit,
        }
    }

    fn query(&self) -> &Ranking {
        &self.plan.rankings[self.change.ranking]
    }

    /// The ranking's name.
    pub fn ranking(&self) -> &str {
        &self.query().name
    }

    /// Its rank, from 1; `None` if it has left the ranking, of which only [`commit`](super::Rankings::commit) tells.
    pub fn rank(&self) -> Option<u64> {
        self.change.rank
    }

    /// The rank that it had before it changed; `None` if it was not ranked.
    pub fn previous_rank(&self) -> Option<u64> {
        self.change.previous_rank
    }

    /// The window: its start, and its end, which is not part of it; ms since the Unix epoch. Of all time the least and the
    /// greatest number that there is.
    pub fn window(&self) -> (i64, i64) {
        (self.change.window_start, self.change.window_end)
    }

    /// Whether the window is closed: only a late sale that is still taken changes it now.
    pub fn is_final(&self) -> bool {
        self.change.is_final
    }

    /// The number of the commit that changed it last; it grows.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// A key or a measure by its name in the query; `None` if it has no such field, or it is a measure of a row that has left.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let query = self.query();
        let named = |field: &&Field| query.field_name(**field) == name;
        match query.fields.iter().find(named)? {
            Field::Key(i) => self.change.key.get(*i),
            Field::Measure(i) => self.change.measures.get(*i),
        }
    }

    /// The same as text: decimals with two digits, times as RFC 3339, nothing for NULL and for what is not there.
    pub fn text(&self, name: &str) -> String {
        let value = self.get(name).filter(|v| !v.is_null());
        value.map_or_else(String::new, ToString::to_string)
    }

    /// As a line of the change log: docs/sinks.md.
    pub fn to_json(&self) -> String {
        let mut line = Vec::new();
        push_change(&mut line, &self.plan, &self.change, self.commit);
        // Names and texts were UTF-8.
        String::from_utf8_lossy(&line).into_owned()
    }

    /// By ranking, window, partition beyond the window, and rank; what has left comes first.
    pub(super) fn in_order(a: &Row, b: &Row) -> Ordering {
        let place = |r: &Row| (r.change.ranking, r.change.bounds());
        let partition = &a.query().partition;
        place(a)
            .cmp(&place(b))
            .then_with(|| {
                let of = |r: &Row, i: usize| r.change.key.get(i).cloned();
                let pairs = partition.iter().map(|i| of(a, *i).cmp(&of(b, *i)));
                pairs.fold(Ordering::Equal, Ordering::then)
            })
            .then_with(|| a.change.rank.cmp(&b.change.rank))
            .then_with(|| a.change.key.cmp(&b.change.key))
    }
}
