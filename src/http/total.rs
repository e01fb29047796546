//! The total of all: what a ranking's windows hold in sum, of everybody and not of those on the list.
//!
//! The engine sums up the amounts of the newest windows of `--summary-window` for the metrics. Where a ranking adds up that very column
//! over those very windows, the sum is its total.
//!
//! 1. A total is exact or not told. It is told only where no row can be in the sum and not in the ranking, or the other way round: one
//!    input without a condition, rows that never change, nothing joined, no session; and no other ranking of the table whose windows do not
//!    lie within this one's: it could still take a sale that is late for this one.
//! 2. It is at least as new as the rows that were sent before it.

use std::sync::Arc;

use serde::Serialize;

use standings_model::amounts::Summary;
use standings_model::digits;
use standings_model::plan::{Aggregate, Field, Plan, Ranking};
use standings_model::time::format_rfc3339;
use standings_model::window::Length;

/// The sum of one window.
#[derive(Debug, Serialize)]
pub(super) struct Total {
    /// The ranking's name.
    ranking: String,
    /// Start of the window, RFC 3339.
    window_start: String,
    /// Its end. A page compares both: a day of a zone may begin as one of UTC and end otherwise.
    window_end: String,
    /// The exact sum, in the ordering measure's form.
    value: String,
    /// Records in it.
    count: u64,
}

/// Whether the summaries of this size are of a ranking's windows, and of what it adds up.
fn is_of(plan: &Plan, ranking: &Ranking, size: i64) -> bool {
    let Some((table, column)) = plan.amounts() else {
        return false;
    };
    let [input] = ranking.inputs.as_slice() else {
        return false;
    };
    let plain = input.filter.is_none() && input.unnest.is_none() && input.table == table;
    let changes = ranking.retracts || ranking.is_rows || ranking.as_they_are;
    let rest = ranking.joined.is_none()
        && ranking.paired.is_none()
        && ranking.having.is_none()
        && ranking.shown_if.is_none();
    let added = match ranking.order.first().map(|term| term.field) {
        Some(Field::Measure(i)) => match ranking.measures[i].aggregate {
            Aggregate::Sum(of) => input.columns.get(of) == Some(&column),
            _ => false,
        },
        _ => false,
    };
    let here = |r: &&Ranking| r.inputs.iter().any(|i| i.table == table);
    // A record that a shorter window within this one still takes, this one takes: it ends later.
    let within = |r: &Ranking| {
        let (window, length) = (&r.window, r.window.size());
        let divides = matches!(length, Length::Time(own) if own > 0 && size % own == 0);
        window.is_named_by_start() && !window.is_session() && divides && window.pane() == length
    };
    let own = ranking.window.size() == Length::Time(size);
    plain && !changes && rest && added && own && plan.rankings.iter().filter(here).all(within)
}

/// The totals that are known: of each ranking the newest windows.
pub(super) fn totals(plan: &Plan, amounts: &Arc<Vec<Summary>>) -> Vec<Total> {
    let Some((table, column)) = plan.amounts() else {
        return Vec::new();
    };
    let scale = plan.tables[table].columns[column].kind.scale();
    let of = |ranking: &Ranking| {
        let mine = amounts.iter().filter(|s| is_of(plan, ranking, s.size));
        let total = |summary: &Summary| Total {
            ranking: ranking.name.clone(),
            window_start: format_rfc3339(summary.window_start),
            window_end: format_rfc3339(summary.window_start.saturating_add(summary.size)),
            value: digits::text(|out| digits::push_decimal(out, summary.sum, scale)),
            count: summary.count,
        };
        mine.map(total).collect::<Vec<_>>()
    };
    plan.rankings.iter().flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    fn day(sum: i128) -> Arc<Vec<Summary>> {
        Arc::new(vec![Summary {
            window_start: 0,
            size: DAY,
            count: 3,
            sum,
            min: 0,
            max: 0,
            buckets: Vec::new(),
        }])
    }

    #[test]
    fn what_is_added_up_over_the_same_windows_has_a_total() {
        let plan = standings_query::load_shipped().unwrap();
        let told = totals(&plan, &day(-123_456_789_012));
        let cities = told.iter().find(|t| t.ranking == "top_sales_per_city");
        let cities = cities.unwrap_or_else(|| panic!("{told:?}"));
        assert_eq!((cities.value.as_str(), cities.count), ("-1234567890.12", 3));
        assert_eq!(cities.window_start, "1970-01-01T00:00:00Z");
        assert_eq!(cities.window_end, "1970-01-02T00:00:00Z");
    }

    #[test]
    fn a_total_that_could_be_another_is_not_told() {
        let plan = standings_query::load_shipped().unwrap();
        let mut hours = (*day(1)).clone();
        hours[0].size = DAY / 24;
        assert!(totals(&plan, &Arc::new(hours)).is_empty(), "other windows");
        let mut filtered = plan.clone();
        filtered.rankings[0].inputs[0].filter = Some(0);
        let of = |plan: &Plan| -> Vec<String> {
            let told = totals(plan, &day(1)).into_iter();
            told.map(|t| t.ranking).collect()
        };
        assert!(!of(&filtered).contains(&filtered.rankings[0].name));
        let mut counted = plan.clone();
        for ranking in &mut counted.rankings {
            for measure in &mut ranking.measures {
                measure.aggregate = Aggregate::CountAll;
            }
        }
        assert!(of(&counted).is_empty(), "nothing is added up");
        let mut longer = plan;
        longer.rankings[1].window = standings_model::window::Window::tumbling(7 * DAY);
        assert!(
            of(&longer).is_empty(),
            "a sale that is late for a day may be in the week"
        );
    }
}
