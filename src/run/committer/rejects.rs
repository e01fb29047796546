//! Where rejected records go.

use crate::model::change::Commit;
use crate::model::plan::Plan;
use crate::model::reject::{Reject, RejectKind};
use crate::sink::SinkError;

/// Where rejected records go.
pub trait RejectWriter: Send {
    /// Opens. `goes_on`: what an earlier run wrote is not written again.
    fn open(&mut self, goes_on: bool) -> Result<(), SinkError>;
    /// Writes these records durably.
    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError>;
}

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
