//! Joins, in words.

use standings_model::plan::{Join, Paired, Plan, Ranking};
use standings_model::window::Length;

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

/// How far apart, in words: `4 hours before`, `0 ms`.
fn apart(us: i64) -> String {
    let length = match us.abs() % 1_000 {
        0 => Length::Time(us.abs() / 1_000).to_string(),
        _ => format!("{} us", us.abs()),
    };
    match us {
        0 => "at the same time".to_owned(),
        1.. => format!("{length} after it"),
        _ => format!("{length} before it"),
    }
}

/// What rows are pairs with, and how far apart.
pub(super) fn of_pairs(plan: &Plan, ranking: &Ranking, paired: &Paired) -> String {
    let (here, there) = (
        &plan.tables[ranking.inputs[0].table],
        &plan.tables[paired.table],
    );
    let on = paired.key.iter();
    let on: Vec<String> = on
        .map(|(h, t)| format!("{} = {}", there.columns[*t].name, here.columns[*h].name))
        .collect();
    format!(
        "each with every row of {} by {}, from {} to {}; a pair is of the later of the two times",
        there.name,
        on.join(" and "),
        apart(paired.within.0),
        apart(paired.within.1),
    )
}

/// What is kept for pairs, and for how long.
pub(super) fn kept(plan: &Plan, ranking: &Ranking, paired: &Paired) -> String {
    let table = |number: usize| &plan.tables[number].name;
    let (own, other) = (table(ranking.inputs[0].table), table(paired.table));
    if ranking.window.is_always() {
        return format!(
            "every row of {own} and of {other} for ever: no window ends after which none could be a pair"
        );
    }
    let last = |of_other: bool| {
        let (_, to) = paired.times(of_other, 0);
        match to {
            0 => "of its own time".to_owned(),
            ms => format!("{} after it", Length::Time(ms)),
        }
    };
    format!(
        "a row of {own} until the last window of pairs {} is dropped, a row of {other} until that of pairs {} is",
        last(false),
        last(true)
    )
}
