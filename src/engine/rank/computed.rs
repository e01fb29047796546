//! What is computed of a group: of its keys, its measures and its window. An error in a value is NULL, and counted: there is no
//! record to blame.

use std::cell::Cell;
use std::sync::Arc;

use standings_model::expr::{Expr, Node};
use standings_model::plan::{Bound, Ranking};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_scalar::{Datum, Program, Row, Zone};

/// The computed measures of a ranking.
pub struct Computed {
    /// By measure.
    programs: Vec<Option<Reads>>,
    keys: usize,
    /// Keys, measures and bounds together.
    width: usize,
    errors: Cell<u64>,
}

/// An expression, and the columns that it reads.
struct Reads {
    program: Program,
    keys: Vec<usize>,
    measures: Vec<usize>,
    bounds: Vec<(Bound, Type)>,
}

/// What an expression reads, where it lies.
pub(super) struct Values(pub(super) Vec<Value>);

impl Row for Values {
    fn datum(&self, column: usize) -> Datum<'_> {
        self.0.get(column).map_or(Datum::Null, Datum::of)
    }
}

impl Computed {
    /// Those of a ranking; none where it has none. Local times are those of a zone.
    pub fn new(ranking: &Ranking, zone: Option<&str>) -> Option<Self> {
        if ranking.computed.is_empty() {
            return None;
        }
        let zone = zone.and_then(Zone::named).unwrap_or(Zone::UTC);
        let (keys, measures) = (ranking.keys.len(), ranking.measures.len());
        let name = |column: usize| match column.checked_sub(keys) {
            None => ranking.keys[column].name.clone(),
            Some(m) if m < measures => ranking.measures[m].name.clone(),
            Some(m) => Bound::ALL
                .get(m - measures)
                .map_or("", |b| b.name())
                .to_owned(),
        };
        let reads = |measure: usize| {
            // What is of the rank is not known here.
            let expr = ranking
                .computed(measure)
                .filter(|_| !ranking.is_of_rank(measure))?;
            let mut bounds = Vec::new();
            let columns = expr.columns();
            let (of_keys, rest): (Vec<usize>, Vec<usize>) =
                columns.into_iter().partition(|c| *c < keys);
            let rest = rest.into_iter().map(|c| c - keys);
            let (of_measures, of_window): (Vec<usize>, Vec<usize>) =
                rest.partition(|m| *m < measures);
            for number in of_window {
                if let Some(bound) = Bound::ALL.get(number - measures) {
                    let kind = kind_of(expr, number + keys);
                    bounds.push((*bound, kind.unwrap_or(Type::Instant(3))));
                }
            }
            Some(Reads {
                program: Program::new(expr, &zone, &name),
                keys: of_keys,
                measures: of_measures,
                bounds,
            })
        };
        Some(Computed {
            programs: (0..measures).map(reads).collect(),
            keys,
            width: keys + measures + Bound::ALL.len(),
            errors: Cell::new(0),
        })
    }

    /// A measure, of the window with this start and end; none that is not computed. `key` and `measure` are asked for what it reads.
    pub fn value(
        &self,
        measure: usize,
        kind: &Type,
        window: (i64, i64),
        key: impl FnOnce() -> Arc<[Value]>,
        of: impl Fn(usize) -> Value,
    ) -> Option<Value> {
        let reads = self.programs[measure].as_ref()?;
        let mut values = vec![Value::Null; self.width];
        if !reads.keys.is_empty() {
            let key = key();
            for column in &reads.keys {
                values[*column] = key[*column].clone();
            }
        }
        for other in &reads.measures {
            values[self.keys + other] = of(*other);
        }
        if !reads.bounds.is_empty() {
            let first = self.width - Bound::ALL.len();
            for (bound, kind) in &reads.bounds {
                let us = i128::from(bound.of(window)) * 1_000;
                values[first + *bound as usize] = Value::of_number(us, kind);
            }
        }
        let values = Values(values);
        let value = reads.program.eval(&values);
        Some(match value {
            Ok(datum) => datum.into_value(kind),
            Err(_) => {
                self.errors.set(self.errors.get() + 1);
                Value::Null
            }
        })
    }

    /// Counts errors that were seen elsewhere.
    pub fn add_errors(&self, more: u64) {
        self.errors.set(self.errors.get() + more);
    }

    /// How many values had an error since this was asked last.
    pub fn take_errors(&self) -> u64 {
        self.errors.take()
    }
}

/// The type of a column in an expression, if that reads it.
pub(super) fn kind_of(expr: &Expr, column: usize) -> Option<Type> {
    if let Node::Column(n) = expr.node {
        return (n == column).then(|| expr.kind.clone());
    }
    let mut found = None;
    expr.each_child(&mut |child| found = found.take().or_else(|| kind_of(child, column)));
    found
}
