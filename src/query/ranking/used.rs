//! Which measures of a ranking are needed, and where they lie then.

use super::finish::Making;
use crate::flow::{BOUNDS, DraftMeasure, MEASURES};
use standings_model::plan::{Aggregate, Field, Measure, Ranking};

/// Which measures are needed: those that somebody named, and what others need. Groups of which nothing is measured are counted,
/// which is not shown: it is by what they hold that they are there.
pub(super) fn used(ranking: &Ranking, making: &mut Making) -> Vec<bool> {
    let mut used: Vec<bool> = making.measures.iter().map(|m| !m.is_implicit).collect();
    let ordered = ranking.order.iter().map(|t| t.field);
    for field in making.fields.iter().copied().chain(ordered) {
        if let Field::Measure(m) = field {
            used[m] = true;
        }
    }
    for measure in ranking.having.iter().chain(&ranking.shown_if) {
        used[*measure] = true;
    }
    for expr in &making.computed {
        for column in expr.columns() {
            if (MEASURES..BOUNDS).contains(&column) {
                used[column - MEASURES] = true;
            }
        }
    }
    let is_kept = |(m, used): (&DraftMeasure, &bool)| {
        *used && !matches!(m.measure.aggregate, Aggregate::Computed(_))
    };
    if !making.measures.iter().zip(&used).any(is_kept) {
        making.measures.push(DraftMeasure {
            measure: Measure {
                name: "COUNT(*)".to_owned(),
                aggregate: Aggregate::CountAll,
                filter: None,
            },
            is_implicit: false,
        });
        used.push(true);
    }
    used
}

/// The numbers that those have which stay.
pub(super) fn places(stay: &[bool]) -> Vec<usize> {
    let mut next = 0;
    let place = |stays: &bool| {
        let own = next;
        next += usize::from(*stays);
        own
    };
    stay.iter().map(place).collect()
}
