//! The wiring of pairs: rows of two tables from their readers to the owner of what they are pairs by, and on to the owners of groups.
//!
//! ```text
//! readers ──by owner──► Pairs ──deltas, by bin──► Totals
//! ```

use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use timely::dataflow::channels::pact::Exchange;
use timely::dataflow::operators::Input;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::{Scope, StreamVec};

use super::graph::reached;
use super::handles::{Cells, NearInput};
use super::messages::{Near, NearMessage};
use super::operators::pairs::PairsOperator;
use crate::pack::deltas::Deltas;
use crate::rank::messages::Epoch;

/// Builds the pairs of a plan; none of one that has none.
pub fn build<'scope>(
    scope: Scope<'scope, Epoch>,
    plan: &Arc<Plan>,
    cells: &Rc<Cells>,
    workers: usize,
) -> Option<(NearInput, StreamVec<'scope, Epoch, Deltas>)> {
    let mut pairs = PairsOperator::new(cells, plan, workers)?;
    let (input, messages) = scope.new_input();
    let by_owner = Exchange::new(|message: &NearMessage| message.to);
    let deltas = messages.unary_frontier(by_owner, "Pairs", |_, _| {
        move |(input, frontier), output| {
            input.for_each(|time, messages: &mut Vec<NearMessage>| {
                for message in messages.drain(..) {
                    let body: Near = message.body;
                    pairs.take(*time.time(), body, || time.retain(0));
                }
            });
            while let Some((capability, deltas)) = pairs.step(reached(frontier)) {
                output
                    .session(&capability)
                    .give_iterator(deltas.into_iter());
            }
        }
    });
    Some((input, deltas))
}
