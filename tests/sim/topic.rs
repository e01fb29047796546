//! Which topic it is, and what becomes of it: after the storm of some seeds it is not the one any more that commits are
//! of. Then a start is right or says what is wrong; it never goes on with other records under the same offsets.

use std::collections::{BTreeMap, BTreeSet};

use standings_engine::input::{Input, Log, SourceError};
use standings_model::identity::SourceIdentity;

use crate::world::{Offsets, Shared, World};

/// What happens to the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disaster {
    /// It is deleted and made anew under its name, and has as many records.
    Anew,
    /// It holds less than was committed.
    Shorter,
    /// It has fewer partitions.
    Fewer,
    /// Its log was truncated, and has grown again under another leader.
    Regrown,
    /// Records that were counted are gone from its midst, and their offsets stay.
    Compacted,
}

use Disaster::{Anew, Compacted, Fewer, Regrown, Shorter};

/// The topic, without its records.
pub struct Topic {
    id: u64,
    /// What will happen, and whether it has.
    pub disaster: Option<Disaster>,
    pub struck: bool,
    /// Where the log was truncated, by partition: what is behind is of the next leader.
    cut: Offsets,
    /// Records that are gone.
    pub gone: BTreeSet<(u32, u64)>,
    /// How a start was refused.
    pub refused: Option<String>,
}

/// The leader epoch of the first leader.
const EPOCH: i32 = 3;

impl Topic {
    pub fn new(seed: u64) -> Self {
        let all = [Anew, Shorter, Fewer, Regrown, Compacted];
        let disaster = (seed % 4 == 1).then(|| all[(seed / 4) as usize % all.len()]);
        Topic {
            id: 1,
            disaster,
            struck: false,
            cut: Offsets::new(),
            gone: BTreeSet::new(),
            refused: None,
        }
    }

    /// The leader epoch of a record.
    pub fn epoch(&self, partition: u32, offset: u64) -> i32 {
        let is_behind = self.cut.get(&partition).is_some_and(|cut| offset >= *cut);
        EPOCH + i32::from(is_behind)
    }
}

impl World {
    /// It happens, if anything was committed that it can happen to; whether it did, and a start must be refused.
    pub fn strike(&mut self) -> bool {
        let Some(disaster) = self.topic.disaster else {
            return false;
        };
        let mut committed = self.database.shown.offsets.clone();
        for (p, offset) in &self.log.shown.offsets {
            let most = committed.entry(*p).or_default();
            *most = (*most).max(*offset);
        }
        // The last partition of which something was committed.
        let Some((&p, &end)) = committed.iter().rev().find(|(_, offset)| **offset > 0) else {
            return false;
        };
        let at = self.apart.roll(end);
        match disaster {
            Anew => self.topic.id += 1,
            Fewer if p > 0 => self.visible.truncate(p as usize),
            Shorter | Fewer => self.visible[p as usize] = at,
            Regrown => drop(self.topic.cut.insert(p, at)),
            Compacted => drop(self.topic.gone.insert((p, at))),
        }
        tracing::info!(?disaster, partition = p, at, end, "the topic");
        self.topic.struck = true;
        self.seen.disasters += 1;
        disaster != Compacted
    }
}

/// What can be asked of it.
pub struct SimInput(pub Shared);

impl Input for SimInput {
    fn identity(&mut self) -> Result<Option<SourceIdentity>, SourceError> {
        let world = self.0.lock();
        Ok(Some(SourceIdentity::Kafka {
            topic: "sales".to_owned(),
            id: Some(format!("topic {}", world.topic.id)),
            cluster: Some("one".to_owned()),
        }))
    }

    fn logs(
        &mut self,
        partitions: &BTreeSet<u32>,
    ) -> Result<Option<BTreeMap<u32, Log>>, SourceError> {
        let world = self.0.lock();
        let there = (0u32..).zip(&world.visible);
        let asked = there.filter(|(p, _)| partitions.contains(p));
        Ok(Some(
            asked.map(|(p, n)| (p, Log { low: 0, high: *n })).collect(),
        ))
    }

    fn epochs_before(&mut self, offsets: &Offsets) -> Result<BTreeMap<u32, i32>, SourceError> {
        let world = self.0.lock();
        let known = offsets.iter().filter(|(_, offset)| **offset > 0);
        Ok(known
            .map(|(p, offset)| (*p, world.topic.epoch(*p, offset - 1)))
            .collect())
    }
}
