//! Joins, in words.

use standings_model::plan::{Join, Plan, Ranking};

/// What rows are joined with, and how.
pub(super) fn of_join(plan: &Plan, ranking: &Ranking, join: &Join) -> String {
    let (there, here) = (
        &plan.tables[join.table],
        &plan.tables[ranking.inputs[0].table],
    );
    let on = there.primary_key.iter().zip(&join.key);
    let on: Vec<String> = on
        .map(|(k, c)| format!("{} = {}", there.columns[*k].name, here.columns[*c].name))
        .collect();
    let when = match join.as_of {
        true => {
            "as it was at the row's event time; a version that comes late corrects what it concerns"
        }
        false => {
            "as it is: a change of it moves what was counted, until the window can change no more"
        }
    };
    let alone = match join.left {
        true => "without one, NULLs",
        false => "without one, none",
    };
    format!("{} by {}, {when}; {alone}", there.name, on.join(" and "))
}
