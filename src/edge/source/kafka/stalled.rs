//! Partitions that wait for a schema: what was read of them stays here, and no more is read; the others go on.
//!
//! Such a partition is given back to the client, and read again from where it stopped once its schemas are there: nothing
//! behind what stays here may be taken before.

use std::collections::VecDeque;

use rdkafka::consumer::Consumer;
use rdkafka::{Offset, TopicPartitionList};

use super::Topic;
use super::error::TopicError;
use standings_model::block::{Block, PartitionId, SourceEvent};

impl Topic<'_> {
    /// Gives a block to the worker, or keeps it where a schema of its records has not come; `false` when told to stop.
    pub(super) fn hand(&mut self, mut block: Block) -> Result<bool, TopicError> {
        self.schemas.take_apart(&mut block);
        let partition = block.partition;
        if let Some(waiting) = self.stalled.get_mut(&partition) {
            waiting.push_back(block);
            return Ok(true);
        }
        if self.schemas.complete(&mut block) {
            return Ok(self.out.send(SourceEvent::Block(block)));
        }
        self.stalled.insert(partition, VecDeque::from([block]));
        let Some(own) = self.own.get_mut(&partition) else {
            return Ok(true);
        };
        own.stalled = true;
        // What is held was given back before.
        if !own.held {
            let mut list = TopicPartitionList::new();
            list.add_partition(self.name, partition as i32);
            let given_back = self.consumer.incremental_unassign(&list);
            given_back.map_err(|e| self.failed(e))?;
        }
        Ok(true)
    }

    /// Goes on with partitions whose schemas have come; `false` when told to stop.
    pub(super) fn go_on(&mut self) -> Result<bool, TopicError> {
        let partitions: Vec<PartitionId> = self.stalled.keys().copied().collect();
        let mut list = TopicPartitionList::new();
        for partition in partitions {
            let Some(mut waiting) = self.stalled.remove(&partition) else {
                continue;
            };
            while let Some(mut block) = waiting.pop_front() {
                if !self.schemas.complete(&mut block) {
                    waiting.push_front(block);
                    break;
                }
                if !self.out.send(SourceEvent::Block(block)) {
                    return Ok(false);
                }
            }
            if !waiting.is_empty() {
                self.stalled.insert(partition, waiting);
                continue;
            }
            let Some(own) = self.own.get_mut(&partition) else {
                continue;
            };
            own.stalled = false;
            if own.is_at_end() {
                if !self.end(partition) {
                    return Ok(false);
                }
                continue;
            }
            // What is held is read on when it is released.
            if !own.held {
                own.is_new = true;
                let next = Offset::Offset(own.next as i64);
                list.add_partition_offset(self.name, partition as i32, next)
                    .map_err(TopicError::client(self.name))?;
            }
        }
        if list.count() > 0 {
            let assigned = self.consumer.incremental_assign(&list);
            assigned.map_err(|e| self.failed(e))?;
            self.gather()?;
        }
        Ok(true)
    }
}
