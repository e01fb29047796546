//! What is said of a ranking that is made of another.

use standings_model::plan::{Input, Plan, Ranking};

/// Where rows come from a ranking: how they count, and how long they do.
pub(super) fn of_input(
    line: &mut dyn FnMut(&str, String),
    plan: &Plan,
    ranking: &Ranking,
    input: &Input,
) {
    let Some(inner) = plan.below(input) else {
        return;
    };
    let seen = match inner.is_hidden {
        true => ", which stands inside of this one and is shown to nobody",
        false => "",
    };
    let windows = match (ranking.keeps_windows, ranking.window.is_always()) {
        (true, _) => "each in its own window",
        (false, true) => "of all its windows",
        (false, false) => "by window_time",
    };
    line(
        "",
        format!("the rows of the ranking {}{seen}, {windows}", inner.name),
    );
    line(
        "",
        "as they are at the same commit; corrected with them".to_owned(),
    );
    if !ranking.window.is_always() {
        line(
            "",
            "final when the last of their windows in it is".to_owned(),
        );
    }
}
