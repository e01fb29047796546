//! The input topic as one worker reads it: its own partitions, in blocks of any size, one partition ahead of another. As
//! with a real one, whether it is still the same topic is asked by a guard: what a client reads does not say.

use std::cell::{Cell, RefCell};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use standings_engine::dataflow::control::Start;
use standings_engine::driver::Feed;
use standings_engine::input::{Guard, REFRESH};
use standings_model::block::{Beside, Block, NO_TIMESTAMP, PartitionId, RecordRef, SourceEvent};
use standings_model::error::Failure;

use crate::orders::key_and_value;
use crate::outages::Part;
use crate::topic::NAME;
use crate::world::{Shared, World};

pub struct SimFeed {
    world: Shared,
    worker: usize,
    workers: usize,
    start: Start,
    released: Cell<bool>,
    next: RefCell<BTreeMap<PartitionId, u64>>,
    queue: RefCell<VecDeque<SourceEvent>>,
    /// Files whose end was reached.
    ended: RefCell<BTreeSet<PartitionId>>,
    guard: RefCell<Guard>,
    /// When the guard was asked last without a reason.
    refreshed: Cell<Instant>,
    /// When something came of each partition last.
    heard: RefCell<BTreeMap<PartitionId, Instant>>,
    /// Told by all workers of a cluster: how far they have read.
    read: std::rc::Rc<RefCell<BTreeMap<PartitionId, u64>>>,
}

impl SimFeed {
    pub fn new(
        world: &Shared,
        (worker, workers): (usize, usize),
        start: &Start,
        read: std::rc::Rc<RefCell<BTreeMap<PartitionId, u64>>>,
    ) -> Self {
        let feed = SimFeed {
            world: world.clone(),
            worker,
            workers,
            start: start.clone(),
            released: Cell::new(false),
            next: RefCell::default(),
            queue: RefCell::default(),
            ended: RefCell::default(),
            guard: RefCell::new(Guard::new(NAME, start.source.as_ref())),
            refreshed: Cell::new(world.lock().clock.now()),
            heard: RefCell::default(),
            read,
        };
        let world = &world.lock();
        match feed.ask(world) {
            Err(failed) => {
                let failed = SourceEvent::Failed(failed);
                feed.queue.borrow_mut().push_back(failed);
            }
            Ok(_) => {
                feed.assign(world);
                feed.queue.borrow_mut().push_back(SourceEvent::Ready);
            }
        }
        feed
    }

    /// Partitions that are this worker's and were not known.
    fn assign(&self, world: &World) {
        let mut next = self.next.borrow_mut();
        for p in (0..world.visible.len()).filter(|p| p % self.workers == self.worker) {
            let p = p as PartitionId;
            if let Entry::Vacant(new) = next.entry(p) {
                let offset = self.start.resume.get(&p).copied().unwrap_or(0);
                let back = self.start.ids_from.get(&p).copied();
                new.insert(back.map_or(offset, |back| offset.min(back)));
                self.read.borrow_mut().insert(p, offset);
                self.heard.borrow_mut().insert(p, world.clock.now());
                let partition = p;
                let assigned = SourceEvent::Assigned {
                    partition,
                    home: Arc::default(),
                    offset,
                    end: 0,
                };
                self.queue.borrow_mut().push_back(assigned);
            }
        }
    }

    /// Whether it is the same topic; `false` if there is none, which may pass.
    fn ask(&self, world: &World) -> Result<bool, Failure> {
        if world.files {
            return Ok(true);
        }
        let now = world.clock.now();
        let judged = self
            .guard
            .borrow_mut()
            .judge(Some(world.topic.id(now)), now);
        judged.map_err(Failure::from)
    }

    fn block(&self, world: &World, partition: PartitionId, from: u64, to: u64) -> Block {
        let mut block = Block {
            next_offset: to,
            leader_epoch: world.topic.epoch(partition, to - 1),
            arrived: world.clock.now(),
            ..Block::new(partition)
        };
        let replaced = world.topic.replaced(world.clock.now());
        let lines = &replaced.unwrap_or(&world.input)[partition as usize];
        for offset in from..to {
            if world.topic.gone.contains(&(partition, offset)) {
                continue;
            }
            let start = block.bytes.len() as u32;
            let (key, value) = key_and_value(&lines[offset as usize]);
            block.bytes.extend_from_slice(value.as_bytes());
            block.records.push(RecordRef {
                start,
                end: block.bytes.len() as u32,
                offset,
                timestamp: NO_TIMESTAMP,
            });
            if world.orders.is_some() {
                let key = key.map(|key| block.keep(key.as_bytes()));
                block.beside.push(Beside {
                    key,
                    timestamp: NO_TIMESTAMP,
                    ..Beside::default()
                });
            }
        }
        block
    }
}

impl Feed for SimFeed {
    fn try_next(&self) -> Option<SourceEvent> {
        let world = &mut *self.world.lock();
        let now = world.clock.now();
        if world.down_until(Part::Source).is_some() {
            return self.queue.borrow_mut().pop_front();
        }
        if now.saturating_duration_since(self.refreshed.get()) >= REFRESH {
            self.refreshed.set(now);
            if let Err(failed) = self.ask(world) {
                return Some(SourceEvent::Failed(failed));
            }
        }
        if world.dice.roll(20) == 0 {
            self.assign(world);
        }
        if let Some(event) = self.queue.borrow_mut().pop_front() {
            return Some(event);
        }
        let mut next = self.next.borrow_mut();
        if next.is_empty() || world.dice.roll(3) == 0 {
            return None;
        }
        let n = world.dice.roll(next.len() as u64) as usize;
        let (partition, at) = next.iter_mut().nth(n)?;
        let visible = match world.topic.replaced(now) {
            Some(lines) => lines[*partition as usize].len() as u64,
            None => world.visible[*partition as usize],
        };
        let begin = self.start.resume.get(partition).copied().unwrap_or(0);
        let hold = self.start.hold.of(*partition, begin);
        let hold = hold.filter(|_| !self.released.get());
        let end = visible.min(hold.unwrap_or(u64::MAX));
        if !world.topic.answers(now) {
            return None;
        }
        if *at < end {
            let heard = self.heard.borrow().get(partition).copied();
            if heard.is_none_or(|heard| Guard::is_unsure(heard, now)) {
                match self.ask(world) {
                    Ok(true) => {}
                    Ok(false) => return None,
                    Err(failed) => return Some(SourceEvent::Failed(failed)),
                }
            }
            self.heard.borrow_mut().insert(*partition, now);
            let to = (*at + 1 + world.dice.roll(15)).min(end);
            tracing::debug!(worker = self.worker, partition, from = *at, to, "reads");
            let block = self.block(world, *partition, *at, to);
            *at = to;
            self.read.borrow_mut().insert(*partition, to.max(begin));
            return Some(SourceEvent::Block(block));
        }
        if world.files {
            // As a file's reader does: who waits at the hold does not look further.
            let whole = world.input[*partition as usize].len() as u64;
            let is_end = *at == whole && hold.is_none_or(|hold| *at < hold);
            let partition = *partition;
            return (is_end && self.ended.borrow_mut().insert(partition))
                .then_some(SourceEvent::Ended { partition });
        }
        // A partition that waits at its hold is not at its end.
        (*at == visible).then_some(SourceEvent::CaughtUp {
            partition: *partition,
        })
    }

    fn durable(&self, _: &[(PartitionId, u64)]) {}

    fn release(&self) {
        self.released.set(true);
    }
}
