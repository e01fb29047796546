//! The joins: what rows alike came to, beside what they are joined with, by differential dataflow.
//!
//! ```text
//! (key, row), portion ──arrange──┐
//!                                ├─ join ─► beside its partner ────────────────────────┐
//! (key, version), ±1 ──arrange───┘           └─► LEFT: taken from those without one ─┐ ├─► next join, or out
//!                                                all rows, without a partner ────────┴─┘
//! ```
//!
//! Both sides are exchanged by the key. What changes of one costs what it meets on the other: a version that goes takes with it
//! what its rows came to, in each window, and the one that comes brings it again.

use std::cell::RefCell;
use std::rc::Rc;

use differential_dataflow::{AsCollection, VecCollection};
use serde::{Deserialize, Serialize};
use timely::dataflow::StreamVec;

use super::rules::{Rows, Rules};
use super::versions::Version;
use crate::pack::portion::Portion;
use crate::rank::messages::Epoch;

/// Rows alike on their way through joins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Related {
    /// Number of the ranking in the plan.
    pub ranking: u32,
    /// The end of their window, ms.
    pub window_end: i64,
    /// Their event time, ms; 0 where nothing is joined as it was.
    pub time: i64,
    /// Their key in the first level.
    pub key: Vec<u8>,
    /// What they are joined with so far.
    pub rows: Rows,
}

/// What is joined: by which key, what it is, when, how much.
pub type Fact = ((Vec<u8>, Related), Epoch, Portion);
/// What it is joined with.
pub type Partner = ((Vec<u8>, Version), Epoch, isize);
/// What comes out.
pub type Out = (Related, Epoch, Portion);

/// What no key is: rows whose key is NULL meet nothing.
pub const NOTHING: Vec<u8> = Vec::new();

type At<'scope> = VecCollection<'scope, Epoch, (Vec<u8>, Related), Portion>;
type Beside<'scope> = VecCollection<'scope, Epoch, Related, Portion>;

/// All joins of a plan's rankings.
pub fn joins<'scope>(
    facts: StreamVec<'scope, Epoch, Fact>,
    partners: StreamVec<'scope, Epoch, Partner>,
    rules: &Rc<Rules>,
) -> StreamVec<'scope, Epoch, Out> {
    let versions = partners.as_collection().arrange_by_key_named("Versions");
    let mut at: At<'scope> = facts.as_collection();
    let mut out: Option<Beside<'scope>> = None;
    for join in 0..rules.most() {
        let stays = {
            let rules = Rc::clone(rules);
            move |of: &Related| rules.of(of.ranking).is_some_and(|rule| rule.stays(join))
        };
        let as_of = {
            let rules = Rc::clone(rules);
            move |of: &Related| rules.of(of.ranking).is_some_and(|rule| rule.as_of(join))
        };
        let arranged = at.arrange_by_key_named("Rows");
        // On the worker where it is found to have a partner: so no worker takes back what it has not given.
        let alone = {
            let stays = stays.clone();
            arranged
                .clone()
                .flat_map_ref(move |_: &Vec<u8>, of: &Related| {
                    stays(of).then(|| with(of.clone(), None))
                })
        };
        let matched = arranged.join_core(
            versions.clone(),
            move |_, of: &Related, (from, to, row): &Version| {
                let is_then = !as_of(of) || (*from..*to).contains(&of.time);
                is_then.then(|| with(of.clone(), Some(row.clone())))
            },
        );
        let found = {
            let mut of_left = matched.clone().filter(move |of| stays(of));
            of_left = of_left.map(|mut of| {
                if let Some(last) = of.rows.last_mut() {
                    *last = None;
                }
                of
            });
            of_left.negate()
        };
        let beside = matched.concat(alone).concat(found);
        let is_done = {
            let rules = Rc::clone(rules);
            move |of: &Related| rules.of(of.ranking).is_none_or(|r| r.joins() == join + 1)
        };
        let done = {
            let is_done = is_done.clone();
            beside.clone().filter(move |of| is_done(of))
        };
        out = Some(match out {
            None => done,
            Some(before) => before.concat(done),
        });
        let key = keys(rules, join + 1);
        at = beside.filter(move |of| !is_done(of)).map(key);
    }
    match out {
        Some(out) => out.inner,
        // Without a join there is none of this.
        None => at.map(|(_, of)| of).inner,
    }
}

fn with(mut of: Related, row: Option<Vec<u8>>) -> Related {
    of.rows.push(row);
    of
}

/// The key that a row is joined by next.
fn keys(rules: &Rc<Rules>, join: usize) -> impl FnMut(Related) -> (Vec<u8>, Related) + 'static {
    let rules = Rc::clone(rules);
    let row = RefCell::new(rules.row());
    move |of| {
        let mut row = row.borrow_mut();
        let key = rules.of(of.ranking).and_then(|rule| {
            rule.open(&of.key, &of.rows, &mut row);
            rule.key(join, &row)
        });
        (key.unwrap_or(NOTHING), of)
    }
}
