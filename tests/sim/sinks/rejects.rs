//! Late sales, dead letters, and letters of rows that a sink refused.

use std::time::Duration;

use standings_commit::sink::RejectWriter;
use standings_commit::sink::SinkError;
use standings_model::plan::Plan;
use standings_model::reject::{Reject, RejectKind, SINK_REFUSED};

use super::killed;
use crate::cluster::take_over;
use crate::world::{Fate, Shared};

/// How long the client waits for an answer before it asks again.
const PATIENCE: Duration = Duration::from_secs(10);

/// The late output or the dead letters: at least once.
pub struct SimRejects {
    pub world: Shared,
    pub cluster: u64,
    pub dead: bool,
}

impl RejectWriter for SimRejects {
    fn open(&mut self, _: bool) -> Result<(), SinkError> {
        Ok(())
    }

    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        let fate = self.world.lock().fate(self.cluster, "rejects write");
        if fate == Fate::Frozen {
            take_over(&self.world);
        }
        let mut world = self.world.lock();
        if matches!(fate, Fate::Dead | Fate::KilledBefore) {
            world.kill(self.cluster);
            return Err(killed());
        }
        if !world.sit_out(self.cluster, "rejects write")
            || (fate == Fate::Silent && !world.wait(self.cluster, "rejects write", PATIENCE))
        {
            return Err(killed());
        }
        let is_refusal = |r: &Reject| matches!(&r.kind, RejectKind::Dead { reason, .. } if reason == SINK_REFUSED);
        let (refusals, rejects): (Vec<&Reject>, Vec<&Reject>) =
            rejects.iter().copied().partition(|r| is_refusal(r));
        for letter in refusals {
            world.refused_letter(self.cluster, letter);
        }
        for reject in &rejects {
            tracing::debug!(?reject, "rejected");
            world.told(plan, reject);
        }
        let to = if self.dead {
            &mut world.dead
        } else {
            &mut world.late
        };
        to.extend(rejects.iter().map(|r| (r.partition, r.offset)));
        if fate == Fate::KilledAfter {
            world.kill(self.cluster);
            return Err(killed());
        }
        Ok(())
    }
}
