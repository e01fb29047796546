//! The checks in words, for `standings check`.

use super::judge::wanted;
use standings_model::check::{Action, Check, Condition, Volume};
use standings_model::duration::format_ms;
use standings_model::plan::Plan;

/// What the checks do to the data: with another meaning a snapshot is of another input. Empty if there is none.
pub fn meaning(plan: &Plan) -> String {
    let of_sales = |c: &&Check| !matches!(c.condition, Condition::Volume(_));
    let checks = plan.checks.iter().filter(of_sales);
    checks.map(|check| of_one(plan, check)).collect()
}

/// One line a check and one for what it asks; empty if there is none.
pub fn explain(plan: &Plan) -> String {
    let mut out = String::new();
    for check in &plan.checks {
        match &check.condition {
            Condition::Volume(volume) => {
                out += &format!("check {}\n  {}\n", check.name, of_volume(volume));
            }
            _ => out += &of_one(plan, check),
        }
        if let Some(share) = check.fail_share {
            out += &format!("  an hour in which more than {share} of the sales fail has failed\n");
        }
    }
    out
}

fn of_one(plan: &Plan, check: &Check) -> String {
    let column = &plan.tables[check.table].columns[check.column];
    let then = match check.action {
        Action::Pass => "not asked (action pass)",
        Action::Count => "else it is counted",
        Action::DeadLetter => "else the sale is a dead letter",
    };
    let wanted = wanted(&check.condition, &column.kind);
    format!(
        "check {}\n  {} is {wanted}; {then}\n",
        check.name, column.name
    )
}

fn of_volume(volume: &Volume) -> String {
    let (size, against) = (format_ms(volume.size), format_ms(volume.against));
    let share = match (volume.min, volume.max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("at least {min}"),
        (None, Some(max)) => format!("at most {max}"),
        (None, None) => "any share".to_owned(),
    };
    format!(
        "each window of {size} has {share} of the sales of the one {against} before it, if that had {} or more",
        volume.min_sales
    )
}
