//! What is computed of a group, plainly: of its key, its measures and its window, one after the other.

use std::sync::Arc;

use standings_model::expr::{Expr, Node};
use standings_model::plan::{Bound, Plan, Ranking};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_model::window::Bounds;
use standings_scalar::{Datum, Program, Zone};

/// The computed measures of a ranking.
pub struct Computed {
    /// By measure: what it is, its type.
    programs: Vec<Option<(Program, Type)>>,
    /// Those that are computed of ranks.
    of_rank: Vec<bool>,
    /// The types of the bounds, as they are read.
    bounds: [Type; 3],
}

impl Computed {
    /// Of a ranking.
    pub fn new(ranking: &Ranking, plan: &Plan) -> Self {
        let zone = plan.zone.as_deref().and_then(Zone::named);
        let zone = zone.unwrap_or(Zone::UTC);
        let before = ranking.keys.len() + ranking.measures.len();
        let mut bounds = Bound::ALL.map(|_| Type::Instant(3));
        for expr in &ranking.computed {
            read(expr, &mut |column, kind| {
                if let Some(bound) = column.checked_sub(before).and_then(|n| bounds.get_mut(n)) {
                    *bound = kind.clone();
                }
            });
        }
        let program = |measure: usize| {
            let expr = ranking.computed(measure)?;
            let program = Program::new(expr, &zone, &|n| n.to_string());
            Some((program, expr.kind.clone()))
        };
        Computed {
            programs: (0..ranking.measures.len()).map(program).collect(),
            of_rank: (0..ranking.measures.len())
                .map(|m| ranking.is_of_rank(m))
                .collect(),
            bounds,
        }
    }

    /// Whether some are computed of ranks.
    pub fn reads_ranks(&self) -> bool {
        self.of_rank.contains(&true)
    }

    /// All measures, those that are computed too: of ranks where these are known, else NULL. One that has an error is NULL.
    pub fn of(
        &self,
        key: &[Value],
        measures: Vec<Value>,
        window: Bounds,
        ranks: Option<[u64; 3]>,
    ) -> Arc<[Value]> {
        if self.programs.iter().all(Option::is_none) {
            return measures.into();
        }
        let bounds = Bound::ALL.iter().zip(&self.bounds).map(|(bound, kind)| {
            let us = i128::from(bound.of((window.start, window.end))) * 1_000;
            Value::of_number(us, kind)
        });
        let counted = ranks.into_iter().flatten();
        let counted = counted.map(|rank| Value::Integer(rank.into()));
        let row = key.iter().chain(&measures).cloned().chain(bounds);
        let row: Vec<Value> = row.chain(counted).collect();
        let row: Vec<Datum<'_>> = row.iter().map(Datum::of).collect();
        let all = measures.iter().zip(&self.programs).zip(&self.of_rank);
        all.map(|((value, program), of_rank)| match program {
            None => value.clone(),
            Some(_) if *of_rank && ranks.is_none() => Value::Null,
            Some((program, kind)) => {
                let value = program.eval(&row[..]);
                value.map_or(Value::Null, |datum| datum.into_value(kind))
            }
        })
        .collect()
    }
}

/// Calls `f` with every column that an expression reads, and its type.
fn read(expr: &Expr, f: &mut dyn FnMut(usize, &Type)) {
    if let Node::Column(n) = expr.node {
        f(n, &expr.kind);
    }
    expr.each_child(&mut |child| read(child, f));
}
