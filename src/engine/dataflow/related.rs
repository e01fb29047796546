//! The wiring of joins: from what readers say of first levels and of what is joined, to deltas of the rankings' own keys.
//!
//! ```text
//! readers ──by owner──► First ──┬─ rows ──────┬─► joins ──► Behind ──by owner──► Totals
//!                               ├─ partners ──┘                                    ▲
//!                               └─ what came too late for any row ─────────────────┘
//! ```

use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::Input;
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::{Scope, StreamVec};

use super::graph::reached;
use super::handles::{Cells, FirstInput};
use super::messages::{Body, FirstMessage, Gathered, Message};
use super::operators::behind::BehindOperator;
use super::operators::first::FirstOperator;
use super::operators::totals::TotalsOperator;
use crate::pack::deltas::Deltas;
use crate::rank::messages::Epoch;
use crate::rank::totals::Totals;
use crate::relate::joins::{Fact, Out, Partner, joins};
use crate::relate::rules::Rules;

/// A way out of an operator.
type To<D> = OutputBuilder<Epoch, CapacityContainerBuilder<Vec<D>>>;

/// Builds the joins of a plan that has any.
pub fn build<'scope>(
    scope: Scope<'scope, Epoch>,
    plan: &Arc<Plan>,
    cells: &Rc<Cells>,
    workers: usize,
) -> (
    FirstInput,
    StreamVec<'scope, Epoch, Deltas>,
    StreamVec<'scope, Epoch, Message>,
) {
    let rules = Rc::new(Rules::new(plan));
    let (input, messages) = scope.new_input();
    let (facts, partners, passed) = first(scope, messages, plan, cells, &rules, workers);
    let out = joins(facts, partners, &rules);
    let mut behind = BehindOperator::new(Rc::clone(cells), plan, rules, workers);
    let deltas = out.unary_frontier(Pipeline, "Behind", |_, _| {
        move |(input, frontier), output| {
            input.for_each(|time, all: &mut Vec<Out>| {
                for (related, epoch, portion) in all.drain(..) {
                    behind.take(epoch, (related, portion), || time.delayed(&epoch, 0));
                }
            });
            while let Some((capability, deltas)) = behind.step(reached(frontier)) {
                output
                    .session(&capability)
                    .give_iterator(deltas.into_iter());
            }
        }
    });
    (input, deltas, passed)
}

/// The owners of keys, where some keys are of rankings that are joined: their deltas come from behind the joins.
pub fn owned<'scope, A: Fn(&Totals) + 'static>(
    messages: StreamVec<'scope, Epoch, Message>,
    deltas: StreamVec<'scope, Epoch, Deltas>,
    mut totals: TotalsOperator<A>,
) -> StreamVec<'scope, Epoch, Gathered> {
    let by_owner = Exchange::new(|message: &Message| message.to);
    let behind = Exchange::new(|deltas: &Deltas| deltas.worker);
    messages.binary_frontier(deltas, by_owner, behind, "Totals", |_, _| {
        move |(input, frontier), (behind, complete), output| {
            input.for_each(|time, messages: &mut Vec<Message>| {
                for message in messages.drain(..) {
                    totals.take(*time.time(), message.body, || time.retain(0));
                }
            });
            behind.for_each(|time, all: &mut Vec<Deltas>| {
                for deltas in all.drain(..) {
                    let body = Body::Deltas(Box::new(deltas));
                    totals.take(*time.time(), body, || time.retain(0));
                }
            });
            let reached = reached(frontier).min(reached(complete));
            while let Some((capability, sent)) = totals.step(reached) {
                output.session(&capability).give_iterator(sent.into_iter());
            }
        }
    })
}

/// Both sides of the joins.
#[allow(clippy::type_complexity, reason = "three streams")]
fn first<'scope>(
    scope: Scope<'scope, Epoch>,
    messages: StreamVec<'scope, Epoch, FirstMessage>,
    plan: &Arc<Plan>,
    cells: &Rc<Cells>,
    rules: &Rc<Rules>,
    workers: usize,
) -> (
    StreamVec<'scope, Epoch, Fact>,
    StreamVec<'scope, Epoch, Partner>,
    StreamVec<'scope, Epoch, Message>,
) {
    let mut first = FirstOperator::new(Rc::clone(cells), plan, Rc::clone(rules), workers);
    let mut builder = OperatorBuilder::new("First".to_owned(), scope);
    let mut input = builder.new_input(messages, Exchange::new(|m: &FirstMessage| m.to));
    let (to_facts, facts) = builder.new_output();
    let (to_partners, partners) = builder.new_output();
    let (to_passed, passed) = builder.new_output();
    let mut to_facts: To<Fact> = OutputBuilder::from(to_facts);
    let mut to_passed: To<Message> = OutputBuilder::from(to_passed);
    let own = scope.index() as u64;
    let mut to_partners: To<Partner> = OutputBuilder::from(to_partners);
    builder.build(move |_| {
        move |frontiers| {
            input.for_each(|time, messages: &mut Vec<FirstMessage>| {
                for message in messages.drain(..) {
                    let all = || [0, 1, 2].map(|output| time.retain(output));
                    first.take(*time.time(), message.body, all);
                }
            });
            let (mut facts, mut partners) = (to_facts.activate(), to_partners.activate());
            let mut passed = to_passed.activate();
            while let Some((of, sides)) = first.step(reached(&frontiers[0])) {
                let all = sides.facts.into_iter();
                facts.session(&of[0]).give_iterator(all);
                let all = sides.partners.into_iter();
                partners.session(&of[1]).give_iterator(all);
                if !sides.passed.is_empty() {
                    let body = Body::Passed(sides.passed);
                    passed.session(&of[2]).give(Message { to: own, body });
                }
            }
        }
    });
    (facts, partners, passed)
}
