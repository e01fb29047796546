//! The wiring of joins: from what readers say of first levels and of what is joined, to deltas of the rankings' own keys.
//!
//! ```text
//! readers ──by owner──► First ─┬─ parcels ──by owner──► Step 0 ─► join 0 ─┬─► Onward ──by owner──► Step 1 ─► join 1 ─┬─► …
//!                              ├─ partners ──────────────┴── of each join ─│──────────────────────────┘               │
//!                              │                                           └─────────────► Behind ◄───────────────────┘
//!                              └─ what came too late for any row ─► Totals ◄──by owner────────┘
//! ```
//!
//! What rows are joined with is at the owner of its key from the first, so it goes to each join on the same worker.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use standings_model::plan::Plan;
use timely::container::CapacityContainerBuilder;
use timely::dataflow::channels::pact::{Exchange, Pipeline};
use timely::dataflow::operators::{Concatenate, Input};
use timely::dataflow::operators::generic::OutputBuilder;
use timely::dataflow::operators::generic::builder_rc::OperatorBuilder;
use timely::dataflow::operators::generic::operator::Operator;
use timely::dataflow::{Scope, StreamVec};

use super::graph::reached;
use super::handles::{Cells, FirstInput};
use super::messages::{Body, FirstMessage, Gathered, Message};
use super::operators::behind::{BehindOperator, Came};
use super::operators::first::FirstOperator;
use super::operators::onward::OnwardOperator;
use super::operators::step::StepOperator;
use super::operators::totals::TotalsOperator;
use crate::pack::deltas::Deltas;
use crate::rank::messages::Epoch;
use crate::rank::totals::Totals;
use crate::relate::joins::{Beside, Fact, Partner, join};
use crate::relate::numbers::Numbers;
use crate::relate::parcel::Parcel;
use crate::relate::rules::Rules;
use crate::relate::versions::Update;

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
    let (parcels, partners, passed) = first(scope, messages, plan, cells, &rules, workers);
    let mut next = Some(parcels);
    let (mut numbers, mut outs) = (Vec::new(), Vec::new());
    while let Some(parcels) = next.take() {
        let step = numbers.len();
        let goes_on = step + 1 < rules.most();
        let of = Rc::new(RefCell::new(Numbers::new(1 + usize::from(goes_on))));
        let operator = StepOperator::new(step, plan, &rules, &of);
        let (facts, versions) = ready(scope, parcels, partners.clone(), operator);
        let out = join(facts, versions, &rules, step);
        outs.push(done(out.clone(), &rules, step));
        if goes_on {
            let own = (scope.index() as u64, workers);
            let operator = OnwardOperator::new(step, &rules, &of, own);
            next = Some(onward(out, &rules, &of, operator));
        }
        numbers.push(of);
    }
    let out = scope.concatenate(outs);
    let known = numbers.clone();
    let mut behind = BehindOperator::new(Rc::clone(cells), plan, rules, numbers, workers);
    let deltas = out.unary_frontier(Pipeline, "Behind", |_, _| {
        move |(input, frontier), output| {
            input.for_each(|time, all: &mut Vec<(Epoch, Came)>| {
                for (epoch, came) in all.drain(..) {
                    behind.take(epoch, came, || time.delayed(&epoch, 0));
                }
            });
            let reached = reached(frontier);
            while let Some((capability, deltas)) = behind.step(reached) {
                output
                    .session(&capability)
                    .give_iterator(deltas.into_iter());
            }
            for numbers in &known {
                numbers.borrow_mut().heard(0, reached);
            }
        }
    });
    (input, deltas, passed)
}

/// What rows alike and versions become before a join.
fn ready<'scope>(
    scope: Scope<'scope, Epoch>,
    parcels: StreamVec<'scope, Epoch, Parcel>,
    partners: StreamVec<'scope, Epoch, Update>,
    mut step: StepOperator,
) -> (
    StreamVec<'scope, Epoch, Fact>,
    StreamVec<'scope, Epoch, Partner>,
) {
    let mut builder = OperatorBuilder::new("Step".to_owned(), scope);
    let mut parcels = builder.new_input(parcels, Exchange::new(|parcel: &Parcel| parcel.to));
    let mut updates = builder.new_input(partners, Pipeline);
    let (to_facts, facts) = builder.new_output();
    let (to_partners, partners) = builder.new_output();
    let mut to_facts: To<Fact> = OutputBuilder::from(to_facts);
    let mut to_partners: To<Partner> = OutputBuilder::from(to_partners);
    builder.build(move |_| {
        move |frontiers| {
            parcels.for_each(|time, all: &mut Vec<Parcel>| {
                for parcel in all.drain(..) {
                    let both = || [0, 1].map(|output| time.retain(output));
                    step.take_rows(*time.time(), parcel, both);
                }
            });
            updates.for_each(|time, all: &mut Vec<Update>| {
                for update in all.drain(..) {
                    let both = || [0, 1].map(|output| time.retain(output));
                    step.take_update(*time.time(), update, both);
                }
            });
            let reached = reached(&frontiers[0]).min(reached(&frontiers[1]));
            let (mut facts, mut partners) = (to_facts.activate(), to_partners.activate());
            while let Some((of, ready)) = step.step(reached) {
                let all = ready.facts.into_iter();
                facts.session(&of[0]).give_iterator(all);
                let all = ready.partners.into_iter();
                partners.session(&of[1]).give_iterator(all);
            }
        }
    });
    (facts, partners)
}

/// Whether a join is a ranking's last.
fn is_last(rules: &Rules, ranking: u32, step: usize) -> bool {
    let rule = rules.of(ranking);
    rule.is_none_or(|rule| rule.joins() == step + 1)
}

/// What came out of the join of a number, of rankings of which it is the last.
fn done<'scope>(
    out: StreamVec<'scope, Epoch, Beside>,
    rules: &Rc<Rules>,
    step: usize,
) -> StreamVec<'scope, Epoch, (Epoch, Came)> {
    let rules = Rc::clone(rules);
    out.unary(Pipeline, "Done", |_, _| {
        move |input, output| {
            input.for_each(|time, all: &mut Vec<Beside>| {
                let all = all.drain(..);
                let all = all.filter(|((of, _), _, _)| is_last(&rules, of.ranking, step));
                let done = all.map(|((of, partner), epoch, portion)| {
                    (epoch, (step, of, partner, portion))
                });
                output.session(&time).give_iterator(done);
            });
        }
    })
}

/// What came out of the join of a number, of the other rankings: to the owners of what they are joined by next.
fn onward<'scope>(
    out: StreamVec<'scope, Epoch, Beside>,
    rules: &Rc<Rules>,
    numbers: &Rc<RefCell<Numbers>>,
    mut operator: OnwardOperator,
) -> StreamVec<'scope, Epoch, Parcel> {
    let (rules, numbers) = (Rc::clone(rules), Rc::clone(numbers));
    out.unary_frontier(Pipeline, "Onward", |_, _| {
        move |(input, frontier), output| {
            input.for_each(|time, all: &mut Vec<Beside>| {
                for ((of, partner), epoch, portion) in all.drain(..) {
                    if !is_last(&rules, of.ranking, operator.number()) {
                        let out = (of, partner, portion);
                        operator.take(epoch, out, || time.delayed(&epoch, 0));
                    }
                }
            });
            let reached = reached(frontier);
            while let Some((capability, parcels)) = operator.step(reached) {
                let mut session = output.session(&capability);
                session.give_iterator(parcels.into_iter());
            }
            numbers.borrow_mut().heard(1, reached);
        }
    })
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
    StreamVec<'scope, Epoch, Parcel>,
    StreamVec<'scope, Epoch, Update>,
    StreamVec<'scope, Epoch, Message>,
) {
    let own = scope.index() as u64;
    let mut first = FirstOperator::new(Rc::clone(cells), plan, Rc::clone(rules), (own, workers));
    let mut builder = OperatorBuilder::new("First".to_owned(), scope);
    let mut input = builder.new_input(messages, Exchange::new(|m: &FirstMessage| m.to));
    let (to_parcels, parcels) = builder.new_output();
    let (to_partners, partners) = builder.new_output();
    let (to_passed, passed) = builder.new_output();
    let mut to_parcels: To<Parcel> = OutputBuilder::from(to_parcels);
    let mut to_passed: To<Message> = OutputBuilder::from(to_passed);
    let mut to_partners: To<Update> = OutputBuilder::from(to_partners);
    builder.build(move |_| {
        move |frontiers| {
            input.for_each(|time, messages: &mut Vec<FirstMessage>| {
                for message in messages.drain(..) {
                    let all = || [0, 1, 2].map(|output| time.retain(output));
                    first.take(*time.time(), message.body, all);
                }
            });
            let (mut parcels, mut partners) = (to_parcels.activate(), to_partners.activate());
            let mut passed = to_passed.activate();
            while let Some((of, sides)) = first.step(reached(&frontiers[0])) {
                let all = sides.parcels.into_iter();
                parcels.session(&of[0]).give_iterator(all);
                let all = sides.partners.into_iter();
                partners.session(&of[1]).give_iterator(all);
                if !sides.passed.is_empty() {
                    let body = Body::Passed(sides.passed);
                    passed.session(&of[2]).give(Message { to: own, body });
                }
            }
        }
    });
    (parcels, partners, passed)
}
