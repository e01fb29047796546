//! Durable offsets for the consumer group: nothing is read from there, but lag tools look at it.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::{Offset, TopicPartitionList};

use super::Topic;

/// How often durable offsets go to the consumer group.
const GROUP_COMMIT: Duration = Duration::from_secs(1);
/// How long the last offsets may take to reach the group.
const LEAVE: Duration = Duration::from_secs(2);

impl Topic<'_> {
    /// The last durable offsets go to the group, if the brokers take them soon.
    pub(super) fn leave(&mut self) {
        self.group_commit = None;
        if !self.commit_to_group() {
            return;
        }
        // The coordinator answers in order: when it says what is committed, it has heard of this. The client's own
        // word of it does not come any more once nothing is read.
        let mut asked = TopicPartitionList::new();
        for partition in self.own.keys() {
            asked.add_partition(self.name, *partition as i32);
        }
        if let Err(problem) = self.consumer.committed_offsets(asked, LEAVE) {
            tracing::debug!(event = "group_commit_unheard", %problem);
        }
    }

    /// Now and then; whether offsets were sent.
    pub(super) fn commit_to_group(&mut self) -> bool {
        while let Ok(offsets) = self.out.durable.try_recv() {
            self.durable.extend(offsets);
        }
        let early = self
            .group_commit
            .is_some_and(|last| last.elapsed() < GROUP_COMMIT);
        let no_group = self.consumer.context().no_group.load(Ordering::Relaxed);
        if self.durable.is_empty() || early || no_group {
            return false;
        }
        self.group_commit = Some(Instant::now());
        let mut list = TopicPartitionList::new();
        for (p, offset) in std::mem::take(&mut self.durable) {
            let _ = list.add_partition_offset(self.name, p as i32, Offset::Offset(offset as i64));
        }
        match self.consumer.commit(&list, CommitMode::Async) {
            Ok(()) => true,
            Err(e) => {
                tracing::warn!(event = "group_commit_failed", problem = %e, "lag tools will show old offsets");
                false
            }
        }
    }
}
