//! One join: rows alike beside what they are joined with, by differential dataflow.
//!
//! ```text
//! (key, rows alike), portion ──arrange──┐
//!                                       ├─ join ─► rows alike beside their one partner, which may be none
//! (key, version), ±1 ────────arrange────┘
//! ```
//!
//! 1. All is numbers of the worker ([`Numbers`](super::numbers)), of one size: both sides come from the operator before, on the same
//!    worker, so nothing crosses here.
//! 2. The versions of a key cover all time, with [`NONE`] where there is no partner (`coverage`). So what is
//!    joined has exactly one partner, `LEFT` is not another kind of join, and as it is is as it was with one version.
//! 3. What changes of one side costs what it meets on the other: a version that goes takes with it what its rows came to, in each
//!    window, and the one that comes brings it again.

use std::rc::Rc;

use differential_dataflow::operators::arrange::arrangement::arrange_core;
use differential_dataflow::trace::implementations::chunker::ContainerChunker;
use differential_dataflow::trace::implementations::{ValBatcher, ValBuilder, ValSpine};
use timely::dataflow::StreamVec;
use timely::dataflow::channels::pact::Pipeline;

use super::rules::Rules;
use crate::pack::portion::Portion;
use crate::rank::messages::Epoch;

/// Rows alike in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alike {
    /// The end of their window, ms.
    pub window_end: i64,
    /// Their event time, ms; 0 where nothing is joined as it was.
    pub time: i64,
    /// Number of the ranking in the plan.
    pub ranking: u32,
    /// The number of what they are, in their window.
    pub row: u32,
}

/// The number of no row.
pub const NONE: u32 = u32::MAX;

/// What holds for a key from a time on and before another, ms: the number of a row, or [`NONE`].
pub type Holds = (i64, i64, u32);

/// What is joined: the number of its key, what it is, when, how much.
pub type Fact = ((u32, Alike), Epoch, Portion);
/// What it is joined with.
pub type Partner = ((u32, Holds), Epoch, isize);
/// What comes out: rows alike, and the number of their partner.
pub type Beside = ((Alike, u32), Epoch, Portion);

type Spine<V, R> = ValSpine<u32, V, Epoch, R>;
type Batcher<V, R> = ValBatcher<u32, V, Epoch, R>;
type Builder<V, R> = ValBuilder<u32, V, Epoch, R>;
type Chunker<V, R> = ContainerChunker<Vec<((u32, V), Epoch, R)>>;

/// The join number `step` of the rankings that have as many.
pub fn join<'scope>(
    facts: StreamVec<'scope, Epoch, Fact>,
    partners: StreamVec<'scope, Epoch, Partner>,
    rules: &Rc<Rules>,
    step: usize,
) -> StreamVec<'scope, Epoch, Beside> {
    let facts = arrange_core::<
        _,
        _,
        Chunker<Alike, Portion>,
        Batcher<Alike, Portion>,
        Builder<Alike, Portion>,
        Spine<Alike, Portion>,
    >(facts, Pipeline, "Rows");
    let partners = arrange_core::<
        _,
        _,
        Chunker<Holds, isize>,
        Batcher<Holds, isize>,
        Builder<Holds, isize>,
        Spine<Holds, isize>,
    >(partners, Pipeline, "Versions");
    let rules = Rc::clone(rules);
    let stays = move |ranking| rules.of(ranking).is_some_and(|rule| rule.stays(step));
    facts
        .join_core(partners, move |_, of: &Alike, (from, to, row): &Holds| {
            let is_then = (*from..*to).contains(&of.time);
            (is_then && (*row != NONE || stays(of.ranking))).then_some((*of, *row))
        })
        .inner
}
