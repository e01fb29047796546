//! The input topic as one worker reads it: its own partitions, in blocks of any size, one partition ahead of another.

use std::cell::{Cell, RefCell};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use standings_engine::dataflow::control::Start;
use standings_engine::driver::Feed;
use standings_model::block::{Block, NO_TIMESTAMP, PartitionId, RecordRef, SourceEvent};

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
            read,
        };
        feed.assign(&world.lock());
        feed.queue.borrow_mut().push_back(SourceEvent::Ready);
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
                let partition = p;
                let assigned = SourceEvent::Assigned { partition, offset };
                self.queue.borrow_mut().push_back(assigned);
            }
        }
    }

    fn block(&self, world: &World, partition: PartitionId, from: u64, to: u64) -> Block {
        let mut block = Block {
            partition,
            bytes: Vec::new(),
            records: Vec::new(),
            originals: Vec::new(),
            refused: Vec::new(),
            next_offset: to,
            leader_epoch: world.topic.epoch(partition, to - 1),
            arrived: world.clock.now(),
        };
        for offset in from..to {
            if world.topic.gone.contains(&(partition, offset)) {
                continue;
            }
            let start = block.bytes.len() as u32;
            let line = &world.input[partition as usize][offset as usize];
            block.bytes.extend_from_slice(line.as_bytes());
            block.records.push(RecordRef {
                start,
                end: block.bytes.len() as u32,
                offset,
                timestamp: NO_TIMESTAMP,
            });
        }
        block
    }
}

impl Feed for SimFeed {
    fn try_next(&self) -> Option<SourceEvent> {
        let world = &mut *self.world.lock();
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
        let visible = world.visible[*partition as usize];
        let begin = self.start.resume.get(partition).copied().unwrap_or(0);
        let hold = self.start.hold.of(*partition, begin);
        let hold = hold.filter(|_| !self.released.get());
        let end = visible.min(hold.unwrap_or(u64::MAX));
        if *at < end {
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
