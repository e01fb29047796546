//! One measure of a group, kept plainly: every value where a measure is of all of them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use standings_decode::{Cell, Sale};
use standings_model::big::Big;
use standings_model::block::PartitionId;
use standings_model::decimal::average;
use standings_model::plan::{Aggregate, Field, Input, Ranking};
use standings_model::sketch::{Sketch, code, rounded};
use standings_model::statistics::{between, position, spread};
use standings_model::types::Type;
use standings_model::value::Value;

/// Where a sale stands: event time, the primary key of a row that may change, partition, offset.
pub(super) type Place = (i64, Arc<[Value]>, PartitionId, u64);

/// A measure's state.
#[derive(Clone, Debug)]
pub(super) enum Accumulator {
    Count(u64),
    Sum(i128, u64),
    Least(Option<Value>),
    Greatest(Option<Value>),
    Last(Option<(Place, Value)>),
    First(Option<(Place, Value)>),
    /// What is greatest or least, where, and the value there.
    Arg(Option<(Value, Place, Value)>),
    Distinct(BTreeSet<Value>),
    /// Every value, and how many times it came.
    All(BTreeMap<i128, u64>),
    Sketch(Sketch),
    /// Of a measure that is computed of others.
    Nothing,
}

impl Accumulator {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::CountAll | Aggregate::Count(_) => Accumulator::Count(0),
            Aggregate::CountDistinct(_) => Accumulator::Distinct(BTreeSet::new()),
            Aggregate::Sum(_) | Aggregate::Avg(_) => Accumulator::Sum(0, 0),
            Aggregate::Min(_) => Accumulator::Least(None),
            Aggregate::Max(_) => Accumulator::Greatest(None),
            Aggregate::LastValue(_) => Accumulator::Last(None),
            Aggregate::FirstValue(_) => Accumulator::First(None),
            Aggregate::ArgMax { .. } | Aggregate::ArgMin { .. } => Accumulator::Arg(None),
            Aggregate::Spread(..) | Aggregate::Percentile { .. } => {
                Accumulator::All(BTreeMap::new())
            }
            Aggregate::CountRoughly(_) => Accumulator::Sketch(Sketch::default()),
            Aggregate::Computed(_) => Accumulator::Nothing,
        }
    }

    pub(super) fn add(&mut self, aggregate: Aggregate, mut arguments: Vec<Value>, place: Place) {
        // What it is of, and what says where that is looked for.
        let other = match arguments.len() {
            0 | 1 => None,
            _ => arguments.pop(),
        };
        let value = arguments.pop().unwrap_or(Value::Null);
        match self {
            Accumulator::Count(n) => {
                *n += u64::from(aggregate == Aggregate::CountAll || !value.is_null());
            }
            Accumulator::Sum(sum, n) => {
                if let Some(v) = value.number() {
                    *sum = sum.saturating_add(v);
                    *n += 1;
                }
            }
            Accumulator::Least(least) => {
                if !value.is_null() && least.as_ref().is_none_or(|l| value < *l) {
                    *least = Some(value);
                }
            }
            Accumulator::Greatest(greatest) => {
                if !value.is_null() && greatest.as_ref().is_none_or(|g| value > *g) {
                    *greatest = Some(value);
                }
            }
            // Rows of one record come in their order.
            Accumulator::Last(last) => {
                if last.as_ref().is_none_or(|(at, _)| place >= *at) {
                    *last = Some((place, value));
                }
            }
            Accumulator::First(first) => {
                if first.as_ref().is_none_or(|(at, _)| place < *at) {
                    *first = Some((place, value));
                }
            }
            Accumulator::Arg(best) => {
                let greatest = matches!(aggregate, Aggregate::ArgMax { .. });
                let by = other.unwrap_or(Value::Null);
                let goes_before = |(known, at, _): &(Value, Place, Value)| match by.cmp(known) {
                    Ordering::Equal => place < *at,
                    order => order.is_gt() == greatest,
                };
                if !by.is_null() && best.as_ref().is_none_or(goes_before) {
                    *best = Some((by, place, value));
                }
            }
            Accumulator::Distinct(all) => {
                if !value.is_null() {
                    all.insert(value);
                }
            }
            Accumulator::All(all) => {
                if let Some(n) = value.number() {
                    *all.entry(n).or_insert(0) += 1;
                }
            }
            Accumulator::Sketch(sketch) => {
                if let Some(bytes) = whole(value) {
                    sketch.insert(code(&bytes));
                }
            }
            Accumulator::Nothing => {}
        }
    }

    /// Its value, of a measure of a ranking.
    pub(super) fn value(&self, ranking: &Ranking, measure: usize) -> Value {
        let (kind, _) = ranking.field_type(Field::Measure(measure));
        let aggregate = ranking.measures[measure].aggregate;
        let number = |n: i128| Value::of_number(n, &kind);
        match self {
            Accumulator::Count(n) => Value::Integer(i128::from(*n)),
            Accumulator::Sum(_, 0) => Value::Null,
            Accumulator::Sum(sum, n) => match aggregate {
                Aggregate::Avg(column) => {
                    let from = ranking.row[column].kind.scale();
                    number(average(*sum, *n, from, kind.scale()))
                }
                _ => number(*sum),
            },
            Accumulator::Least(v) | Accumulator::Greatest(v) => v.clone().unwrap_or(Value::Null),
            Accumulator::Last(v) | Accumulator::First(v) => {
                v.as_ref().map_or(Value::Null, |(_, v)| v.clone())
            }
            Accumulator::Arg(v) => v.as_ref().map_or(Value::Null, |(_, _, v)| v.clone()),
            Accumulator::Distinct(all) => Value::Integer(all.len() as i128),
            Accumulator::All(all) => {
                of_all(all, ranking, aggregate, &kind).map_or(Value::Null, number)
            }
            Accumulator::Sketch(sketch) => Value::Integer(i128::from(sketch.estimate())),
            Accumulator::Nothing => Value::Null,
        }
    }
}

/// A measure of all values.
fn of_all(
    all: &BTreeMap<i128, u64>,
    ranking: &Ranking,
    aggregate: Aggregate,
    kind: &Type,
) -> Option<i128> {
    let count = all.values().sum::<u64>();
    match aggregate {
        Aggregate::Spread(column, of) => {
            let sum = all.iter().map(|(n, times)| n * i128::from(*times)).sum();
            let squares = all.iter().try_fold(Big::ZERO, |sum, (n, times)| {
                sum.plus(Big::square(n.unsigned_abs()).times(*times)?)
            });
            let scale = ranking.row[column].kind.scale();
            spread(count, sum, squares?, scale, of)
        }
        Aggregate::Percentile {
            column,
            at,
            rounded: is_rounded,
        } => {
            let row = &ranking.row[column].kind;
            let digits = match row {
                Type::Decimal { precision, .. } => *precision,
                _ => 19,
            };
            let values = all
                .iter()
                .flat_map(|(n, times)| std::iter::repeat_n(*n, *times as usize));
            let (place, parts) = position(count, at);
            let mut values = values.skip(place as usize).map(|n| match is_rounded {
                true => rounded(n, digits),
                false => n,
            });
            let low = values.next()?;
            let high = values.next().unwrap_or(low);
            Some(between(low, high, parts, row.scale(), kind.scale()))
        }
        _ => None,
    }
}

/// What a sketch sees of a value; nothing of NULL.
fn whole(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => None,
        Value::Map(entries) => {
            let mut entries = entries.to_vec();
            entries.sort();
            Some(json(&Value::Map(entries.into())))
        }
        Value::Row(_) | Value::Array(_) => Some(json(&value)),
        other => match (other.number(), other.bytes()) {
            (Some(n), _) => Some(n.to_be_bytes().to_vec()),
            (None, bytes) => bytes.map(<[u8]>::to_vec),
        },
    }
}

fn json(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    standings_model::json::push_value(&mut out, value);
    out
}

/// Whether a condition among the columns holds.
pub(super) fn is_true(sale: &Sale<'_>, column: usize) -> bool {
    sale.cells[column] == Cell::Int(1)
}

/// Adds a sale to a group.
pub(super) fn add(
    plan: &Ranking,
    input: &Input,
    group: &mut [Accumulator],
    sale: &Sale<'_>,
    place: &Place,
) {
    for (measure, state) in plan.measures.iter().zip(group) {
        let skipped = |f: usize| !is_true(sale, input.columns[f]);
        if measure.filter.is_some_and(skipped) {
            continue;
        }
        let arguments = measure.aggregate.columns().into_iter();
        let arguments = arguments.map(|c| sale.value(input.columns[c]));
        state.add(measure.aggregate, arguments.collect(), place.clone());
    }
}
