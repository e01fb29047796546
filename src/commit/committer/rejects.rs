//! Where rejected records go.

use crate::sink::{RejectWriter, SinkError};
use standings_model::change::Commit;
use standings_model::plan::Plan;
use standings_model::reject::RejectKind;

/// Writes a commit's dead letters, or its late sales.
pub(super) fn write(
    plan: &Plan,
    commit: &Commit,
    to: Option<&mut Box<dyn RejectWriter>>,
    dead: bool,
) -> Result<(), SinkError> {
    let rejects: Vec<_> = commit
        .rejects
        .iter()
        .filter(|r| matches!(r.kind, RejectKind::Dead { .. }) == dead)
        .collect();
    if rejects.is_empty() {
        return Ok(());
    }
    match to {
        Some(writer) => writer.write(plan, &rejects)?,
        None => {
            let what = if dead { "dead_letters" } else { "late_sales" };
            let flag = if dead { "--dead-letter" } else { "--late" };
            tracing::warn!(
                event = what,
                count = rejects.len(),
                "counted, and kept nowhere: no {flag} is set"
            );
        }
    }
    Ok(())
}
