//! Which topic it is, and what becomes of it: after the storm of some seeds, or in the midst of it, it is not the one any
//! more that commits are of. Then a start is right or says what is wrong, and a run that reads it notices; neither goes on
//! with other records under the same offsets.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use standings_engine::input::TopicId;
use standings_engine::input::{Input, Log};
use standings_model::error::{Failure, codes};
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
    /// It is deleted while it is read, and stays away.
    Deleted,
    /// It is deleted while it is read, and made anew with other records, soon or at once.
    Replaced,
}

use Disaster::{Anew, Compacted, Deleted, Fewer, Regrown, Replaced, Shorter};

impl Disaster {
    /// Whether it happens while a run reads.
    pub fn is_while_read(self) -> bool {
        matches!(self, Deleted | Replaced)
    }
}

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
    /// When it was deleted while it was read.
    deleted: Option<Instant>,
    /// When another one of its name is there, and the records of that one.
    next: Option<(Instant, Vec<Vec<String>>)>,
    /// How a start was refused.
    pub refused: Option<String>,
}

/// How long the client waits after it was told that a topic is not known (`fetch.error.backoff.ms`).
const ERROR_BACKOFF: Duration = Duration::from_millis(100);
/// How long a start waits for a topic that is not there.
const PATIENCE: Duration = Duration::from_secs(30);

/// The leader epoch of the first leader.
const EPOCH: i32 = 3;

impl Topic {
    pub fn new(seed: u64) -> Self {
        let all = [Anew, Shorter, Fewer, Regrown, Compacted, Deleted, Replaced];
        let disaster = (seed % 4 == 1).then(|| all[(seed / 4) as usize % all.len()]);
        Topic {
            id: 1,
            disaster,
            struck: false,
            cut: Offsets::new(),
            gone: BTreeSet::new(),
            deleted: None,
            next: None,
            refused: None,
        }
    }

    /// Which one the brokers know by its name.
    pub fn id(&self, now: Instant) -> TopicId {
        match (self.deleted, &self.next) {
            (None, _) => TopicId::Known(format!("topic {}", self.id)),
            (_, Some((from, _))) if *from <= now => TopicId::Known("topic 2".to_owned()),
            _ => TopicId::Missing,
        }
    }

    /// The records of another one that is there instead.
    pub fn replaced(&self, now: Instant) -> Option<&Vec<Vec<String>>> {
        let (from, lines) = self.next.as_ref()?;
        (*from <= now).then_some(lines)
    }

    /// Whether a client that reads it gets records: it asks for them by the topic's id, and when that is not known any more
    /// it looks for the name's present id, after a while.
    pub fn answers(&self, now: Instant) -> bool {
        match (self.deleted, &self.next) {
            (None, _) => true,
            (Some(_), None) => false,
            (_, Some((from, _))) => *from + ERROR_BACKOFF <= now,
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
        let Some((p, end)) = self.last_committed() else {
            return false;
        };
        let at = self.apart.roll(end);
        match disaster {
            Anew => self.topic.id += 1,
            Fewer if p > 0 => self.visible.truncate(p as usize),
            Shorter | Fewer => self.visible[p as usize] = at,
            Regrown => drop(self.topic.cut.insert(p, at)),
            Compacted => drop(self.topic.gone.insert((p, at))),
            Deleted => self.topic.deleted = Some(self.clock.now()),
            Replaced => {
                let now = self.clock.now();
                let away = [0, 0, 200, 9_000][self.apart.roll(4) as usize];
                let away = Duration::from_millis(self.apart.roll(away + 1));
                self.topic.deleted = Some(now);
                self.topic.next = Some((now + away, self.other_lines()));
            }
        }
        tracing::info!(?disaster, partition = p, at, end, "the topic");
        self.topic.struck = true;
        self.seen.disasters += 1;
        disaster != Compacted
    }

    /// The last partition of which something was committed, and up to where.
    fn last_committed(&self) -> Option<(u32, u64)> {
        let mut committed = self.database.shown.offsets.clone();
        for (p, offset) in &self.log.shown.offsets {
            let most = committed.entry(*p).or_default();
            *most = (*most).max(*offset);
        }
        let mut all = committed.into_iter().rev();
        all.find(|(_, offset)| *offset > 0)
    }

    /// Records of another topic, more than this one has: who reads on at an offset finds some.
    fn other_lines(&self) -> Vec<Vec<String>> {
        let all: Vec<&String> = self.input.iter().flatten().collect();
        let of = |lines: &Vec<String>| {
            let more = all.iter().rev().cycle();
            more.take(lines.len() + 40).copied().cloned().collect()
        };
        self.input.iter().map(of).collect()
    }
}

/// Its name.
pub const NAME: &str = "sales";

/// What can be asked of it.
pub struct SimInput {
    pub world: Shared,
    pub cluster: u64,
    /// Asked to stop, it gives up.
    pub stop: Arc<AtomicBool>,
}

impl SimInput {
    /// Waits until the brokers answer; `false` when told to stop before, or at once if that was so.
    fn is_answered(&self) -> bool {
        let mut world = self.world.lock();
        if self.stop.load(Ordering::Relaxed) {
            return false;
        }
        world.ask_in_call(self.cluster);
        world.sit_out(self.cluster, "source asked") && !self.stop.load(Ordering::Relaxed)
    }
}

impl Input for SimInput {
    fn identity(&mut self) -> Result<Option<SourceIdentity>, Failure> {
        if !self.is_answered() {
            return Ok(None);
        }
        let world = self.world.lock();
        let now = world.clock.now();
        let there = world.topic.next.as_ref().map(|(from, _)| *from);
        if world.topic.id(now) == TopicId::Missing {
            // It is asked for again and again.
            let until = there.unwrap_or(now + PATIENCE);
            world.clock.sleep(until.saturating_duration_since(now));
        }
        let TopicId::Known(id) = world.topic.id(world.clock.now()) else {
            let text = format!(
                "the topic `{NAME}` does not exist (waited {} s); create it, or correct --source",
                PATIENCE.as_secs()
            );
            return Err(Failure::of(&codes::source::NO_TOPIC, text));
        };
        Ok(Some(SourceIdentity::Kafka {
            topic: NAME.to_owned(),
            id: Some(id),
            cluster: Some("one".to_owned()),
        }))
    }

    fn logs(&mut self, partitions: &BTreeSet<u32>) -> Result<Option<BTreeMap<u32, Log>>, Failure> {
        if !self.is_answered() {
            return Ok(None);
        }
        let world = self.world.lock();
        let ends: Vec<u64> = match world.topic.replaced(world.clock.now()) {
            Some(lines) => lines.iter().map(|lines| lines.len() as u64).collect(),
            None => world.visible.clone(),
        };
        let asked = (0u32..).zip(ends).filter(|(p, _)| partitions.contains(p));
        Ok(Some(
            asked.map(|(p, high)| (p, Log { low: 0, high })).collect(),
        ))
    }

    fn epochs_before(&mut self, offsets: &Offsets) -> Result<BTreeMap<u32, i32>, Failure> {
        if !self.is_answered() {
            return Ok(BTreeMap::new());
        }
        let world = self.world.lock();
        let known = offsets.iter().filter(|(_, offset)| **offset > 0);
        Ok(known
            .map(|(p, offset)| (*p, world.topic.epoch(*p, offset - 1)))
            .collect())
    }
}
