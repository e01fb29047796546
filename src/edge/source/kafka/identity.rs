//! Which topic it is: a name can be given again, ids are not (KIP-516: Kafka 2.8 or later).

use std::ffi::{CStr, CString};
use std::time::{Duration, Instant};

use rdkafka::bindings as sys;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::types::RDKafka;
use standings_engine::input::TopicId;

/// The zero id, of brokers that have none.
const ZERO: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// How the ids of in-process clusters begin.
const IN_PROCESS: &str = "mockCluster";

/// Something of the client's, given back when dropped.
struct Held<T>(*mut T, unsafe extern "C" fn(*mut T));

impl<T> Drop for Held<T> {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: it came from the client, and only here it is given back.
            unsafe { (self.1)(self.0) }
        }
    }
}

/// Asks the brokers for the ids of topics, in order.
///
/// `client` is a client that lives as long as the call.
pub fn topic_ids(
    client: *mut RDKafka,
    topics: &[&str],
    patience: Duration,
) -> Result<Vec<TopicId>, KafkaError> {
    // The client's own in-process cluster, which the demo and quick tests use, does not answer this question.
    let asked = Instant::now();
    let cluster = cluster_id(client, patience);
    if cluster.is_none() && asked.elapsed() >= patience {
        // Nobody answers: neither would they answer the next question.
        return Err(KafkaError::MetadataFetch(
            RDKafkaErrorCode::OperationTimedOut,
        ));
    }
    if cluster.is_some_and(|id| id.starts_with(IN_PROCESS)) {
        return Ok(vec![TopicId::None; topics.len()]);
    }
    let ms = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
    // A topic's name has no zero byte; no topic has such a name.
    let names = topics.iter().map(|t| CString::new(*t).unwrap_or_default());
    let names: Vec<CString> = names.collect();
    let mut pointers: Vec<_> = names.iter().map(|n| n.as_ptr()).collect();
    // SAFETY: the client lives; names and what is made of them live until the end of this block, and what the client
    // gives is read only while its event lives.
    unsafe {
        let queue = Held(sys::rd_kafka_queue_new(client), sys::rd_kafka_queue_destroy);
        let list = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), names.len());
        let list = Held(list, sys::rd_kafka_TopicCollection_destroy);
        let kind = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = Held(
            sys::rd_kafka_AdminOptions_new(client, kind),
            sys::rd_kafka_AdminOptions_destroy,
        );
        sys::rd_kafka_AdminOptions_set_request_timeout(options.0, ms, std::ptr::null_mut(), 0);
        sys::rd_kafka_DescribeTopics(client, list.0, options.0, queue.0);
        // The answer comes by then, if only to say that there was none.
        let event = sys::rd_kafka_queue_poll(queue.0, ms.saturating_add(1000));
        if event.is_null() {
            return Err(KafkaError::MetadataFetch(
                RDKafkaErrorCode::OperationTimedOut,
            ));
        }
        let event = Held(event, sys::rd_kafka_event_destroy);
        let code = sys::rd_kafka_event_error(event.0);
        if code == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE {
            return Ok(vec![TopicId::None; topics.len()]);
        }
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::MetadataFetch(code.into()));
        }
        let result = sys::rd_kafka_event_DescribeTopics_result(event.0);
        let mut count = 0;
        let all = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        (0..count).map(|n| topic_id(*all.add(n))).collect()
    }
}

/// SAFETY: what the client gave lives.
unsafe fn topic_id(topic: *const sys::rd_kafka_TopicDescription_t) -> Result<TopicId, KafkaError> {
    // SAFETY: as above.
    unsafe {
        let error = sys::rd_kafka_TopicDescription_error(topic);
        let code = match error.is_null() {
            true => sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR,
            false => sys::rd_kafka_error_code(error),
        };
        match code {
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => {}
            sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART
            | sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC => {
                return Ok(TopicId::Missing);
            }
            code => return Err(KafkaError::MetadataFetch(code.into())),
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(topic);
        if id.is_null() {
            return Ok(TopicId::None);
        }
        let text = sys::rd_kafka_Uuid_base64str(id);
        if text.is_null() {
            return Ok(TopicId::None);
        }
        let text = CStr::from_ptr(text).to_string_lossy().into_owned();
        Ok(match text == ZERO {
            true => TopicId::None,
            false => TopicId::Known(text),
        })
    }
}

/// How long a client that has just been made is given to hear of its brokers: by itself it asks only each second.
const FRESH: Duration = Duration::from_millis(500);

/// The cluster's id, if the brokers say one in time. `client` lives as long as the call.
pub fn cluster_id(client: *mut RDKafka, patience: Duration) -> Option<String> {
    let ms = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
    let known = |patience: Duration| {
        // SAFETY: the client lives; the text it gives is copied and given back to it.
        unsafe {
            let text = sys::rd_kafka_clusterid(client, ms(patience));
            if text.is_null() {
                return None;
            }
            let id = CStr::from_ptr(text).to_string_lossy().into_owned();
            sys::rd_kafka_mem_free(client, text.cast());
            Some(id)
        }
    };
    let until = Instant::now() + patience;
    known(Duration::ZERO).or_else(|| {
        // Once: brokers that are away are told of as often as they are asked.
        // SAFETY: the client lives; what it says of the brokers is given back to it.
        unsafe {
            let mut said = std::ptr::null();
            let none = std::ptr::null_mut();
            sys::rd_kafka_metadata(client, 0, none, &mut said, ms(patience.min(FRESH)));
            if !said.is_null() {
                sys::rd_kafka_metadata_destroy(said);
            }
        }
        known(until.saturating_duration_since(Instant::now()))
    })
}
