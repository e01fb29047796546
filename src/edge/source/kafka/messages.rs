//! Messages, many at a time.
//!
//! ```text
//!   partition 0 ──┐
//!   partition 2 ──┼─ forwarded ─> one queue ── up to BATCH at once ──> next
//!   partition 4 ──┘
//!   all else that the client says ──> its own queue ──> `BaseConsumer::poll`
//! ```
//!
//! The binding's `poll` looks at the clock four times a message, which was a tenth of all that reading a topic costs; here it is
//! twice a batch. What is no message (statistics, errors of the client, answers to commits) stays with the binding.
//!
//! 1. What `next` gave before is not valid after the next call.
//! 2. The client forgets where to forward a partition to when it stops reading it, which it does some time after it
//!    was asked to. So one that is read again is [gathered](Messages::gather) until its first message has come.

use std::ffi::CString;
use std::ptr::NonNull;
use std::time::Duration;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::{RDKafkaErrorCode, RDKafkaQueue};

use standings_model::block::PartitionId;

/// Messages that are taken out of the client's queue at once.
const BATCH: usize = 256;

/// A queue of the messages of some partitions. It must be dropped before its client.
pub(super) struct Messages {
    queue: NonNull<RDKafkaQueue>,
    /// Taken and not yet given on, the next one last.
    batch: Vec<Owned>,
    /// The one that was given last.
    given: Option<Owned>,
}

/// A message of the client's, given back to it when dropped.
struct Owned(NonNull<sys::rd_kafka_message_t>);

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: it came from the client, and only here it is given back.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}

/// One message.
pub(super) struct Message<'a> {
    pub(super) partition: PartitionId,
    pub(super) offset: u64,
    /// Milliseconds; negative if it has none.
    pub(super) timestamp: i64,
    /// The timestamp is the producer's, not the broker's.
    pub(super) is_producer_s: bool,
    /// The leader epoch that it was written under, or [`NO_EPOCH`](standings_model::identity::NO_EPOCH).
    pub(super) leader_epoch: i32,
    pub(super) payload: &'a [u8],
    /// The client's own.
    raw: &'a sys::rd_kafka_message_t,
}

impl Message<'_> {
    /// Its key.
    pub(super) fn key(&self) -> Option<&[u8]> {
        let at = NonNull::new(self.raw.key.cast::<u8>())?;
        // SAFETY: so many bytes lie there for as long as the message lives.
        Some(unsafe { std::slice::from_raw_parts(at.as_ptr(), self.raw.key_len) })
    }

    /// Its headers in order: name and value.
    pub(super) fn each_header(&self, mut take: impl FnMut(&[u8], Option<&[u8]>)) {
        let mut all = std::ptr::null_mut();
        let raw = std::ptr::from_ref(self.raw);
        // SAFETY: the message lives; the headers are its own. They are parsed into it here: nobody else has it.
        let found = unsafe { sys::rd_kafka_message_headers(raw, &mut all) };
        if found != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            // It has none.
            return;
        }
        for number in 0.. {
            let (mut name, mut value, mut size) = (std::ptr::null(), std::ptr::null(), 0);
            // SAFETY: the headers live as long as the message; places for what is found are ours.
            let found = unsafe {
                sys::rd_kafka_header_get_all(all, number, &mut name, &mut value, &mut size)
            };
            if found != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return;
            }
            // SAFETY: a name ends with a zero byte; so many bytes of the value lie there, for as long as the message lives.
            let (name, value) = unsafe {
                let value = NonNull::new(value.cast::<u8>().cast_mut());
                let bytes = value.map(|at| std::slice::from_raw_parts(at.as_ptr(), size));
                (std::ffi::CStr::from_ptr(name).to_bytes(), bytes)
            };
            take(name, value);
        }
    }
}

impl Messages {
    /// No partitions yet.
    pub(super) fn new<C: ConsumerContext>(client: &BaseConsumer<C>) -> Option<Self> {
        let client = rdkafka::consumer::Consumer::client(client).native_ptr();
        // SAFETY: the client lives.
        let queue = unsafe { sys::rd_kafka_queue_new(client) };
        Some(Messages {
            queue: NonNull::new(queue)?,
            batch: Vec::with_capacity(BATCH),
            given: None,
        })
    }

    /// The messages of a partition come here, in order, and the errors of reading it; also those that wait with it already. `false`: the client has
    /// no such partition.
    pub(super) fn gather<C: ConsumerContext>(
        &self,
        client: &BaseConsumer<C>,
        topic: &str,
        partition: PartitionId,
    ) -> bool {
        let client = rdkafka::consumer::Consumer::client(client).native_ptr();
        // A topic's name has no zero byte; no topic has such a name.
        let topic = CString::new(topic).unwrap_or_default();
        // SAFETY: client and both queues live; what the client gives us of the partition's queue is given back.
        unsafe {
            let of = sys::rd_kafka_queue_get_partition(client, topic.as_ptr(), partition as i32);
            if of.is_null() {
                return false;
            }
            sys::rd_kafka_queue_forward(of, self.queue.as_ptr());
            sys::rd_kafka_queue_destroy(of);
        }
        true
    }

    /// The next message or error, waiting so long at most for one.
    pub(super) fn next(&mut self, wait: Duration) -> Option<Result<Message<'_>, KafkaError>> {
        if self.batch.is_empty() {
            // The client waits until it has as many as were asked for.
            let most = if wait.is_zero() { BATCH } else { 1 };
            self.fill(wait, most);
        }
        let given = self.given.insert(self.batch.pop()?);
        // SAFETY: it is not given back before `given` is replaced, which borrows this as the message does.
        let message = unsafe { given.0.as_ref() };
        if message.err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Some(Err(match RDKafkaErrorCode::from(message.err) {
                RDKafkaErrorCode::PartitionEOF => KafkaError::PartitionEOF(message.partition),
                code => KafkaError::MessageConsumption(code),
            }));
        }
        let payload = match NonNull::new(message.payload.cast::<u8>()) {
            // SAFETY: so many bytes lie there for as long as the message lives.
            Some(at) => unsafe { std::slice::from_raw_parts(at.as_ptr(), message.len) },
            None => &[],
        };
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message lives.
        let timestamp = unsafe { sys::rd_kafka_message_timestamp(given.0.as_ptr(), &mut kind) };
        // SAFETY: it still lives.
        let leader_epoch = unsafe { sys::rd_kafka_message_leader_epoch(given.0.as_ptr()) };
        Some(Ok(Message {
            partition: message.partition as PartitionId,
            offset: message.offset as u64,
            timestamp,
            is_producer_s: kind == sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME,
            leader_epoch,
            payload,
            raw: message,
        }))
    }

    /// Whether all that was taken from the client was given on.
    pub(super) fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    fn fill(&mut self, wait: Duration, most: usize) {
        let mut taken = [std::ptr::null_mut(); BATCH];
        let wait = i32::try_from(wait.as_millis()).unwrap_or(i32::MAX);
        // SAFETY: the queue lives, and there is room for `most`, at most BATCH.
        let number = unsafe {
            let most = most.min(BATCH);
            sys::rd_kafka_consume_batch_queue(self.queue.as_ptr(), wait, taken.as_mut_ptr(), most)
        };
        let number = usize::try_from(number).unwrap_or(0);
        let taken = taken[..number].iter().rev();
        self.batch
            .extend(taken.filter_map(|m| NonNull::new(*m)).map(Owned));
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.batch.clear();
        self.given = None;
        // SAFETY: it is ours, and nothing of it is in use any more.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}
