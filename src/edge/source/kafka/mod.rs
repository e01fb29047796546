//! A topic: partitions are assigned by us (partition mod workers), not by a consumer group; the group only gets the
//! offsets that are durable, so that lag tools see them.
//!
//! ```text
//!   look: asked before it is read: which topic, what it holds
//!   start: partitions, their ends, where to begin          own: one partition's place, and what is taken
//!     └─> messages: many at a time                          group: durable offsets <── worker
//!           └─> burst: messages ──own──> blocks ──> worker      guard: is it still the same topic?
//!                 ├─ past the hold: given back to the client, read again when released
//!                 └─ without their schema: kept, and read on when it has come
//! ```

mod burst;
mod client;
mod error;
mod extent;
mod group;
mod guard;
mod identity;
mod login;
mod look;
mod messages;
mod own;
mod stalled;
mod start;
mod trouble;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, Consumer};

use self::client::{Context, client};
pub use self::client::{check, refused};
use self::error::Oddity;
pub use self::error::TopicError;
pub use self::extent::{Extents, extents};
use self::guard::Look;
pub use self::identity::{cluster_id, topic_ids};
use self::login::Refused;
pub use self::look::Asked;
use self::messages::Messages;
use self::own::Own;
use super::aside::Aside;
use super::csv::ValueRows;
use super::options::SourceOptions;
use super::reader::Outlet;
use super::schemas::Schemas;
use standings_engine::input::{Guard, REFRESH};
use standings_model::block::{Block, PartitionId, SourceEvent};

/// Reads this worker's partitions until told to stop.
pub fn read(
    options: &SourceOptions,
    brokers: &str,
    topic: &str,
    worker: usize,
    workers: usize,
    out: &Outlet,
) -> Result<(), TopicError> {
    let consumer = client(options, brokers)?;
    let messages =
        Messages::new(&consumer).ok_or_else(|| TopicError::odd(topic, Oddity::NoQueue))?;
    let mut topic = Topic {
        messages,
        consumer,
        options,
        name: topic,
        worker,
        workers,
        out,
        // What is wrong with them ended the start.
        rows: options.value_rows().unwrap_or_default(),
        own: BTreeMap::new(),
        schemas: Schemas::of(options, topic),
        stalled: BTreeMap::new(),
        durable: BTreeMap::new(),
        group_commit: None,
        guard: Guard::new(topic, options.expected.as_ref()),
        refused: None,
    };
    let result = topic.run();
    let Topic {
        consumer, messages, ..
    } = topic;
    drop(messages);
    if consumer.context().no_group.load(Ordering::Relaxed) {
        // It would wait for the coordinator that it may not see, to tell it what it does not take.
        drop(Aside::new(consumer));
    }
    result
}

struct Topic<'a> {
    /// Dropped before its client.
    messages: Messages,
    consumer: BaseConsumer<Context>,
    options: &'a SourceOptions,
    name: &'a str,
    worker: usize,
    workers: usize,
    out: &'a Outlet,
    /// How its values are rows, where they are not what the decoder reads.
    rows: Option<ValueRows>,
    own: BTreeMap<PartitionId, Own>,
    /// The schemas that its records are written with.
    schemas: Schemas,
    /// What was read of partitions that wait for one.
    stalled: BTreeMap<PartitionId, VecDeque<Block>>,
    durable: BTreeMap<PartitionId, u64>,
    /// When offsets last went to the group.
    group_commit: Option<Instant>,
    /// Which topic it is.
    guard: Guard,
    /// It was let in, and is not now.
    refused: Option<Refused>,
}

impl Topic<'_> {
    fn run(&mut self) -> Result<(), TopicError> {
        let Some(first) = self.partitions_at_start()? else {
            return Ok(());
        };
        if !self.confirm()? {
            return Ok(());
        }
        self.assign(&first, true)?;
        let is_here = || !self.options.waits() || self.out.await_partners();
        if self.out.send(SourceEvent::Ready) && self.end_empty() && is_here() {
            self.follow()?;
        }
        self.leave();
        Ok(())
    }

    /// Reads until told to stop.
    fn follow(&mut self) -> Result<(), TopicError> {
        let mut refreshed = Instant::now();
        while !self.out.stopped() && self.poll()? && self.go_on()? {
            self.commit_to_group();
            if self.out.released() {
                self.read_on()?;
            }
            self.gather()?;
            if refreshed.elapsed() < REFRESH {
                continue;
            }
            refreshed = Instant::now();
            self.ask_again()?;
            if let Err(Look::Failed(gone)) = self.look() {
                return Err(gone.into());
            }
            if !self.options.until_end
                && let Ok(Some(found)) = self.partitions(Duration::from_secs(1))
            {
                let new: BTreeSet<_> = found
                    .into_iter()
                    .filter(|p| !self.own.contains_key(p))
                    .collect();
                if !new.is_empty() {
                    tracing::info!(event = "partitions_found", topic = self.name, partitions = ?new, "the topic has more partitions than before; they are read too");
                    self.assign(&new, false)?;
                }
            }
        }
        Ok(())
    }
}
