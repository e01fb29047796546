//! A burst of messages, as many as wait in the client, becomes a block for each partition.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::Offset;
use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaError;
use rdkafka::message::Message as _;

use super::super::blocks;
use super::super::csv::ValueRows;
use super::super::reader::Outlet;
use super::Topic;
use super::error::{Oddity, TopicError};
use super::messages::Message;
use super::own::{Fate, Own};
use standings_engine::input::Guard;
use standings_model::block::{
    Beside, Block, Clock, Header, NO_TIMESTAMP, PartitionId, SourceEvent,
};

/// How long a poll waits.
const POLL: Duration = Duration::from_millis(50);
/// What a block holds at most.
const BLOCK_BYTES: usize = 256 << 10;
const BLOCK_RECORDS: usize = 4096;

/// An empty block, in the memory of one that is done with if there is one.
fn empty(spent: Option<Block>, partition: PartitionId) -> Block {
    match spent.filter(|spent| spent.bytes.capacity() <= 2 * BLOCK_BYTES) {
        Some(spent) => blocks::again(spent, partition),
        None => Block::new(partition),
    }
}

/// This process's clock, ms.
fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(i64::MAX, |t| {
        i64::try_from(t.as_millis()).unwrap_or(i64::MAX)
    })
}

/// What has come so far of a burst.
#[derive(Default)]
struct Burst {
    open: BTreeMap<PartitionId, Block>,
    taken: usize,
    is_full: bool,
    caught_up: Vec<PartitionId>,
    past_end: BTreeSet<PartitionId>,
    given_back: BTreeSet<PartitionId>,
    /// When the first message came, and that on the wall.
    now: Option<Instant>,
    wall: Option<i64>,
    /// Whether one came after a silence, so that nothing is given on before it is known that the topic is the same.
    unconfirmed: bool,
    /// Whether what comes beside values is kept.
    beside: bool,
}

impl Burst {
    /// Takes a message into its partition's block: `None` if it is not to be read now, else the block if that is full.
    fn take(
        &mut self,
        own: &mut BTreeMap<PartitionId, Own>,
        (out, rows): (&Outlet, &mut Option<ValueRows>),
        message: &Message<'_>,
    ) -> Option<Option<Block>> {
        let partition = message.partition;
        let now = *self.now.get_or_insert_with(Instant::now);
        let own = own.get_mut(&partition).filter(|own| !own.stalled)?;
        own.is_new = false;
        self.unconfirmed |= Guard::is_unsure(own.heard, now);
        own.heard = now;
        match own.place(message.offset, out.released()) {
            Fate::Taken => {}
            Fate::GivenBack => {
                self.given_back.insert(partition);
                return None;
            }
            Fate::BehindEnd => {
                self.past_end.insert(partition);
                return None;
            }
        }
        let block = self.open.entry(partition);
        let block = block.or_insert_with(|| empty(out.spent(), partition));
        let timestamp = match message.timestamp {
            ..0 => NO_TIMESTAMP,
            // No producer sent it after it was read, whatever its clock says.
            time if message.is_producer_s => time.min(*self.wall.get_or_insert_with(wall_ms)),
            time => time,
        };
        match rows {
            None => block.push(message.payload, message.offset, timestamp),
            Some(rows) => rows.push(block, message.payload, message.offset, timestamp),
        }
        if self.beside {
            keep_beside(block, message);
        }
        block.leader_epoch = message.leader_epoch;
        self.taken += 1;
        let is_full = block.bytes.len() >= BLOCK_BYTES;
        self.is_full |= is_full || self.taken >= BLOCK_RECORDS;
        Some(is_full.then(|| self.open.remove(&partition)).flatten())
    }
}

/// Keeps what came with the block's last record beside its value.
fn keep_beside(block: &mut Block, message: &Message<'_>) {
    let first = block.headers.len() as u32;
    message.each_header(|name, value| {
        let name = block.keep(name);
        let value = value.map(|value| block.keep(value));
        block.headers.push(Header { name, value });
    });
    let has_time = message.timestamp >= 0;
    let beside = Beside {
        key: message.key().map(|key| block.keep(key)),
        headers: (first, block.headers.len() as u32),
        timestamp: match has_time {
            true => message.timestamp,
            false => NO_TIMESTAMP,
        },
        clock: match (has_time, message.is_producer_s) {
            (false, _) => Clock::None,
            (true, true) => Clock::Create,
            (true, false) => Clock::Append,
        },
        leader_epoch: message.leader_epoch,
    };
    block.beside.push(beside);
}

impl Topic<'_> {
    /// Takes one burst of messages; `false` when told to stop.
    pub(super) fn poll(&mut self) -> Result<bool, TopicError> {
        match self.consumer.poll(Duration::ZERO) {
            None => {}
            Some(Err(e)) => self.check(&e)?,
            // It would be read twice, or not at all.
            Some(Ok(message)) => {
                let partition = message.partition();
                return Err(TopicError::odd(self.name, Oddity::Strayed(partition)));
            }
        }
        let mut wait = POLL;
        let mut burst = Burst {
            beside: self.options.asks_beside(),
            ..Burst::default()
        };
        while let Some(message) = self.messages.next(wait) {
            // What has arrived is handed over at once when nothing more waits in the client.
            wait = Duration::ZERO;
            match message {
                Ok(message) => {
                    let Some(full) =
                        burst.take(&mut self.own, (self.out, &mut self.rows), &message)
                    else {
                        continue;
                    };
                    if !self.give_on(&mut burst, full)? {
                        return Ok(false);
                    }
                    // All that was taken from the client: what is held is read again, so nothing behind it may be left here.
                    if burst.is_full && self.messages.is_empty() {
                        break;
                    }
                }
                Err(KafkaError::PartitionEOF(partition)) => {
                    let partition = partition as PartitionId;
                    if let Some(own) = self.own.get_mut(&partition) {
                        own.is_new = false;
                    }
                    burst.caught_up.push(partition);
                }
                Err(e) => self.check(&e)?,
            }
        }
        let open = std::mem::take(&mut burst.open).into_values();
        if burst.unconfirmed && !self.confirm()? {
            return Ok(false);
        }
        burst.unconfirmed = false;
        Ok(self.give_on(&mut burst, open)? && self.say_ends(burst)?)
    }

    /// Gives blocks to the worker; `false` when told to stop.
    fn give_on(
        &mut self,
        burst: &mut Burst,
        blocks: impl IntoIterator<Item = Block>,
    ) -> Result<bool, TopicError> {
        for block in blocks {
            if std::mem::take(&mut burst.unconfirmed) && !self.confirm()? {
                return Ok(false);
            }
            let partition = block.partition;
            if !self.hand(block)? {
                return Ok(false);
            }
            if self.own.get(&partition).is_some_and(Own::is_at_end) {
                burst.past_end.insert(partition);
            }
        }
        Ok(true)
    }

    /// Says which partitions have come to their hold, to the present end, or to the end that is for ever; `false` when
    /// told to stop.
    fn say_ends(&mut self, burst: Burst) -> Result<bool, TopicError> {
        let stopped_at = burst.given_back.iter().chain(&burst.caught_up);
        for partition in stopped_at.copied() {
            if !self.skip_to_hold(partition)? {
                return Ok(false);
            }
        }
        let mut given_back = burst.given_back;
        // Those were given back when they were stalled.
        given_back.retain(|p| self.own.get(p).is_some_and(|own| !own.stalled));
        if !given_back.is_empty() {
            self.give_back(&given_back)?;
        }
        if !burst.past_end.into_iter().all(|p| self.end(p)) {
            return Ok(false);
        }
        for partition in burst.caught_up {
            let own = self.own.get(&partition);
            // The end that was told lies behind records that will be read again.
            if own.is_some_and(|own| own.held || own.stalled) {
                continue;
            }
            let event = SourceEvent::CaughtUp { partition };
            // Transaction markers take offsets too: the end can be reached without a record there.
            let at_end = own.is_some_and(|own| own.end.is_some());
            if !self.out.send(event) || (at_end && !self.end(partition)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Says that a partition has come to its hold, where what lies before it is gone; `false` when told to stop. That
    /// records are missing is found by their number.
    fn skip_to_hold(&mut self, partition: PartitionId) -> Result<bool, TopicError> {
        let released = self.out.released();
        let own = self.own.get_mut(&partition);
        let own = own.filter(|own| !released && !own.stalled);
        let Some(hold) = own.and_then(Own::skips_to_hold) else {
            return Ok(true);
        };
        let mut block = empty(self.out.spent(), partition);
        block.next_offset = hold;
        self.hand(block)
    }

    /// The partition's end was reached; `false` when told to stop.
    pub(super) fn end(&mut self, partition: PartitionId) -> bool {
        match self.own.get_mut(&partition) {
            Some(own) if !own.ended && !own.stalled => {
                own.ended = true;
                let mut list = TopicPartitionList::new();
                list.add_partition(self.name, partition as i32);
                let _ = self.consumer.pause(&list);
                self.out.send(SourceEvent::Ended { partition })
            }
            _ => true,
        }
    }

    /// With `--until-end`: partitions that end where they begin; `false` when told to stop.
    pub(super) fn end_empty(&mut self) -> bool {
        let at_end = |(p, own): (&PartitionId, &Own)| own.is_at_end().then_some(*p);
        let empty: Vec<_> = self.own.iter().filter_map(at_end).collect();
        empty.into_iter().all(|p| self.end(p))
    }

    /// Stops reading partitions that have come to their hold.
    fn give_back(&mut self, partitions: &BTreeSet<PartitionId>) -> Result<(), TopicError> {
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            list.add_partition(self.name, *partition as i32);
        }
        self.consumer
            .incremental_unassign(&list)
            .map_err(|e| self.failed(e))
    }

    /// Once reading is released: goes on with what was held.
    pub(super) fn read_on(&mut self) -> Result<(), TopicError> {
        let mut list = TopicPartitionList::new();
        for (partition, own) in self
            .own
            .iter_mut()
            .filter(|(_, own)| own.held && !own.stalled)
        {
            own.held = false;
            own.is_new = true;
            list.add_partition_offset(
                self.name,
                *partition as i32,
                Offset::Offset(own.next as i64),
            )
            .map_err(TopicError::client(self.name))?;
        }
        if list.count() > 0 {
            self.consumer
                .incremental_assign(&list)
                .map_err(|e| self.failed(e))?;
        }
        self.gather()
    }

    /// Gathers the partitions of which nothing was read since they were assigned.
    pub(super) fn gather(&self) -> Result<(), TopicError> {
        for (partition, _) in self.own.iter().filter(|(_, own)| own.is_new) {
            let is_gathered = self.messages.gather(&self.consumer, self.name, *partition);
            if !is_gathered {
                return Err(TopicError::odd(self.name, Oddity::NoQueueOf(*partition)));
            }
        }
        Ok(())
    }
}
