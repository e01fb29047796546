//! Rankings that stand inside of others without a name.
//!
//! What stands inside is found while the query around it is read. It is noted, the reading given up, the ranking put among the hidden
//! ones, and the query read again: the same text comes to the same relation, which is then known.

use super::flow::Flow;
use super::scope::Relation;

/// The most rankings that stand inside of others.
pub const MOST: usize = 1_000;

/// What stands inside of rankings and is a ranking itself.
#[derive(Default)]
pub struct Lifts {
    /// What is known: what it is, as one text, and its rows.
    known: Vec<(String, Relation)>,
    /// What was found and is not known.
    wanted: Option<Wanted>,
}

/// A ranking inside of another.
pub struct Wanted {
    /// What it is, as one text.
    pub what: String,
    /// What it comes to.
    pub flow: Flow,
}

impl Lifts {
    /// The rows of what a flow is, if that is known; else it is wanted.
    pub fn rows(&mut self, flow: &Flow) -> Option<Flow> {
        let what = format!("{:?}", flow.stage);
        let known = self.known.iter().find(|(known, _)| *known == what);
        let Some((_, relation)) = known else {
            let flow = flow.clone();
            self.wanted = Some(Wanted { what, flow });
            return None;
        };
        let mut rows = relation.flow(&relation.name);
        rows.qualifiers.clone_from(&flow.qualifiers);
        rows.at.clone_from(&flow.at);
        Some(rows)
    }

    /// What was wanted since this was asked.
    pub fn take(&mut self) -> Option<Wanted> {
        self.wanted.take()
    }

    /// Takes the rows of what was wanted in.
    pub fn know(&mut self, what: String, relation: Relation) {
        self.known.push((what, relation));
    }
}
