//! The checks in words, for `standings check`.

use super::judge::wanted;
use crate::model::check::Action;
use crate::model::plan::Plan;

/// One line a check; empty if there is none.
pub fn explain(plan: &Plan) -> String {
    let mut out = String::new();
    for check in &plan.checks {
        let column = &plan.schema.columns[check.column];
        let then = match check.action {
            Action::Pass => "not asked (action pass)",
            Action::Count => "else it is counted",
            Action::DeadLetter => "else the sale is a dead letter",
        };
        let wanted = wanted(&check.condition, column.kind);
        out += &format!(
            "check {}\n  {} is {wanted}; {then}\n",
            check.name, column.name
        );
    }
    out
}
