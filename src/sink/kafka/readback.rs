//! What a topic of changes shows, as a reader of committed records sees it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Message, Offset, TopicPartitionList};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::aside::Aside;
use super::transactions::Progress;
use super::{client, refused};
use crate::model::decimal::parse_minor;
use crate::model::plan::{Field, FieldType, Plan, Ranking};
use crate::model::time::parse_rfc3339;
use crate::model::value::Value;
use crate::sink::{Shown, ShownRow, SinkError, SinkOptions};
use crate::source::{Quiet, denied, is_denied, refusal};

/// How long a broker may take to answer once.
const ANSWER: Duration = Duration::from_secs(10);

/// Makes the topics that are missing; those marked are compacted and have one partition. Waits while Kafka is down.
pub fn make_topics(
    brokers: &str,
    options: &SinkOptions,
    topics: &[(&String, bool)],
) -> Result<(), SinkError> {
    let admin = admin(brokers, options)?;
    let metadata = waiting(brokers, options, || {
        admin.inner().fetch_metadata(None, ANSWER)
    })?;
    let there: Vec<&str> = metadata.topics().iter().map(|t| t.name()).collect();
    let missing: Vec<_> = topics
        .iter()
        .filter(|(name, _)| !there.contains(&name.as_str()))
        .map(|(name, compacted)| {
            // -1: as many copies as the brokers make by default.
            // The broker's time: one too far from its own would be refused, and this machine's clock may be wrong.
            let topic = NewTopic::new(name, 1, TopicReplication::Fixed(-1))
                .set("message.timestamp.type", "LogAppendTime");
            if *compacted {
                topic.set("cleanup.policy", "compact")
            } else {
                topic
            }
        })
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let failed = |e: String| SinkError::Failed(format!("making topics on {brokers} failed: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| failed(e.to_string()))?;
    let made = runtime.block_on(admin.create_topics(&missing, &AdminOptions::new()));
    for result in made.map_err(|e| failed(e.to_string()))? {
        match result {
            Ok(topic) => tracing::info!(event = "topic_made", topic),
            Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((topic, code)) if is_denied(Some(code)) => {
                let topic = format!("topic `{topic}`, or CREATE if there is none");
                return Err(failed(denied("WRITE and READ", &topic)));
            }
            Err((topic, code)) => return Err(failed(format!("`{topic}`: {code}"))),
        }
    }
    Ok(())
}

/// A client that asks about topics and makes them.
fn admin(
    brokers: &str,
    options: &SinkOptions,
) -> Result<Aside<AdminClient<DefaultClientContext>>, SinkError> {
    let admin = client(brokers, options).create();
    admin.map(Aside::new).map_err(|e| refused(&e))
}

/// Bytes of the largest message that a topic takes where nobody has said otherwise.
pub const LARGEST: usize = 1_048_588;

/// Bytes of the largest message that a topic takes; the brokers' default where they do not say. Waits while Kafka is
/// down.
pub fn largest(brokers: &str, options: &SinkOptions, topic: &str) -> Result<usize, SinkError> {
    let admin = admin(brokers, options)?;
    waiting(brokers, options, || {
        admin.inner().fetch_metadata(None, ANSWER)
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| SinkError::Failed(format!("asking {brokers} about {topic} failed: {e}")))?;
    let resource = ResourceSpecifier::Topic(topic);
    let asked = admin.describe_configs([&resource], &AdminOptions::new());
    let said = runtime.block_on(asked).ok().and_then(|mut all| {
        let of_topic = all.pop()?.ok()?;
        of_topic.get("max.message.bytes")?.value.clone()
    });
    Ok(said.and_then(|n| n.parse().ok()).unwrap_or(LARGEST))
}

/// Asks again while Kafka does not answer.
fn waiting<T>(
    brokers: &str,
    options: &SinkOptions,
    mut ask: impl FnMut() -> Result<T, KafkaError>,
) -> Result<T, SinkError> {
    let mut warned: Option<Instant> = None;
    loop {
        match ask() {
            Ok(answer) => return Ok(answer),
            Err(e) => match e.rdkafka_error_code() {
                Some(
                    RDKafkaErrorCode::Authentication
                    | RDKafkaErrorCode::SaslAuthenticationFailed
                    | RDKafkaErrorCode::ClusterAuthorizationFailed
                    | RDKafkaErrorCode::TopicAuthorizationFailed,
                ) => return Err(SinkError::Failed(format!("kafka://{brokers}: {e}"))),
                _ => {
                    if let Some(why) = refusal(&client(brokers, options)) {
                        return Err(SinkError::Failed(format!("kafka://{brokers}: {why}")));
                    }
                    if warned.is_none_or(|w| w.elapsed() > Duration::from_secs(5)) {
                        warned = Some(Instant::now());
                        tracing::warn!(event = "sink_waiting", sink = brokers, problem = %e, "waiting for Kafka");
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            },
        }
    }
}

/// Reads the committed records of a topic, each partition from `from` (given its first and next offset) to its end.
fn read(
    brokers: &str,
    options: &SinkOptions,
    topic: &str,
    from: impl Fn(i64, i64) -> i64,
    mut take: impl FnMut(Option<&[u8]>, Option<&[u8]>) -> Result<(), SinkError>,
) -> Result<(), SinkError> {
    let failed = |e: &dyn std::fmt::Display| {
        SinkError::Failed(format!(
            "reading kafka://{brokers}/{topic} back failed: {e}"
        ))
    };
    let consumer: BaseConsumer<Quiet> = client(brokers, options)
        .set("group.id", "standings-readback")
        .set("isolation.level", "read_committed")
        // The end of a partition is told with an answer, which would else wait half a second for more.
        .set("fetch.wait.max.ms", "5")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("auto.offset.reset", "earliest")
        .create_with_context(Quiet)
        .map_err(|e| refused(&e))?;
    let consumer = Aside::new(consumer);
    let metadata = waiting(brokers, options, || {
        consumer.fetch_metadata(Some(topic), ANSWER)
    })?;
    let found = metadata.topics().iter().find(|t| t.name() == topic);
    let mut list = TopicPartitionList::new();
    for partition in found.into_iter().flat_map(|t| t.partitions()) {
        let (low, high) = waiting(brokers, options, || {
            consumer.fetch_watermarks(topic, partition.id(), ANSWER)
        })?;
        if high > low {
            let offset = Offset::Offset(from(low, high).clamp(low, high));
            list.add_partition_offset(topic, partition.id(), offset)
                .map_err(|e| failed(&e))?;
        }
    }
    let mut left = list.count();
    if left == 0 {
        return Ok(());
    }
    consumer.assign(&list).map_err(|e| failed(&e))?;
    while left > 0 {
        match consumer.poll(Duration::from_millis(200)) {
            Some(Ok(message)) => take(message.key(), message.payload())?,
            Some(Err(KafkaError::PartitionEOF(_))) => left -= 1,
            Some(Err(e)) if is_denied(e.rdkafka_error_code()) => {
                return Err(failed(&denied("READ", &format!("topic `{topic}`"))));
            }
            // Nothing is told to the group, which only has to have a name.
            Some(Err(e))
                if e.rdkafka_error_code() == Some(RDKafkaErrorCode::GroupAuthorizationFailed) => {}
            Some(Err(e)) => {
                tracing::warn!(event = "sink_waiting", sink = brokers, problem = %e, "reading back");
            }
            None => {}
        }
    }
    Ok(())
}

/// The last progress record that was committed.
pub fn progress(
    brokers: &str,
    options: &SinkOptions,
    topic: &str,
) -> Result<Option<Progress>, SinkError> {
    // Aborted transactions and markers take offsets too, so the last hundred may hold no record that counts.
    for back in [100, 10_000, i64::MAX] {
        let mut last: Option<Progress> = None;
        let mut complete = false;
        let begin = std::cell::Cell::new(false);
        let from = |low: i64, high: i64| {
            let at = high.saturating_sub(back).max(low);
            begin.set(at == low);
            at
        };
        read(brokers, options, topic, from, |_, value| {
            let value = value.unwrap_or_default();
            let found: Progress = serde_json::from_slice(value).map_err(|e| {
                SinkError::Failed(format!(
                    "kafka://{brokers}/{topic} holds a record that is no progress of ours ({e}); is it another's topic?"
                ))
            })?;
            last = Some(found);
            Ok(())
        })?;
        complete |= begin.get();
        if last.is_some() || complete {
            return Ok(last);
        }
    }
    Ok(None)
}

/// What a topic of changes shows, without taking it over.
pub fn peek(
    brokers: &str,
    topic: &str,
    options: &SinkOptions,
    plan: &Plan,
) -> Result<Shown, SinkError> {
    let progress = progress(brokers, options, &format!("{topic}-progress"))?;
    let rows = rows(brokers, options, topic, plan)?;
    let progress = progress.unwrap_or_default();
    Ok(Shown {
        commit: progress.commit,
        offsets: (!progress.offsets.is_empty()).then_some(progress.offsets),
        begins: progress.begins,
        watermark: progress.watermark,
        rows,
    })
}

/// What a file of changes shows: it does not say which input it stands for.
pub fn fold_log(plan: &Plan, text: &[u8]) -> Result<Shown, String> {
    let mut rows = BTreeMap::new();
    let lines = text.split(|b| *b == b'\n').filter(|l| !l.is_empty());
    for (number, line) in lines.enumerate() {
        fold(plan, &[], Some(line), &mut rows)
            .map_err(|e| format!("line {} is no change of ours: {e}", number + 1))?;
    }
    Ok(Shown {
        rows: rows.into_values().collect(),
        ..Shown::default()
    })
}

/// A change, as written.
#[derive(Deserialize)]
struct Change<'a> {
    #[serde(borrow)]
    ranking: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    op: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    window_start: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    window_end: std::borrow::Cow<'a, str>,
    rank: Option<u64>,
    #[serde(borrow)]
    row: HashMap<std::borrow::Cow<'a, str>, &'a RawValue>,
    #[serde(rename = "final")]
    is_final: bool,
}

type RowKey = (usize, i64, Arc<[Value]>);

/// The rows that the topic shows: the fold of its committed changes.
pub fn rows(
    brokers: &str,
    options: &SinkOptions,
    topic: &str,
    plan: &Plan,
) -> Result<Vec<ShownRow>, SinkError> {
    let mut rows: BTreeMap<RowKey, ShownRow> = BTreeMap::new();
    read(
        brokers,
        options,
        topic,
        |low, _| low,
        |key, value| {
            fold(plan, key.unwrap_or_default(), value, &mut rows).map_err(|e| {
                SinkError::Failed(format!(
                    "kafka://{brokers}/{topic} holds a record that is no change of ours ({e}); is it another's topic?"
                ))
            })
        },
    )?;
    Ok(rows.into_values().collect())
}

fn fold(
    plan: &Plan,
    key: &[u8],
    value: Option<&[u8]>,
    rows: &mut BTreeMap<RowKey, ShownRow>,
) -> Result<(), String> {
    let Some(value) = value else {
        // A tombstone: the key says which row.
        let fields: HashMap<std::borrow::Cow<'_, str>, &RawValue> =
            serde_json::from_slice(key).map_err(|e| e.to_string())?;
        let text = |name: &str| -> Result<String, String> {
            let raw = fields
                .get(name)
                .ok_or_else(|| format!("a key without `{name}`"))?;
            serde_json::from_str(raw.get()).map_err(|e| e.to_string())
        };
        let Some(ranking) = plan
            .rankings
            .iter()
            .position(|r| Ok(&r.name) == text("ranking").as_ref())
        else {
            return Ok(());
        };
        let start = time(&text("window_start")?)?;
        let keys = keys(plan, &plan.rankings[ranking], &fields)?;
        rows.remove(&(ranking, start, keys));
        return Ok(());
    };
    let change: Change<'_> = serde_json::from_slice(value).map_err(|e| e.to_string())?;
    // A ranking that is not loaded any more is left as it is.
    let Some(number) = plan.rankings.iter().position(|r| r.name == change.ranking) else {
        return Ok(());
    };
    let ranking = &plan.rankings[number];
    let start = time(&change.window_start)?;
    let key = keys(plan, ranking, &change.row)?;
    let at = (number, start, Arc::clone(&key));
    if change.op == "delete" {
        rows.remove(&at);
        return Ok(());
    }
    let measures = (0..ranking.measures.len())
        .map(|i| field(plan, ranking, Field::Measure(i), &change.row))
        .collect::<Result<Arc<[Value]>, String>>()?;
    let row = ShownRow {
        ranking: number,
        window_start: start,
        window_end: time(&change.window_end)?,
        key,
        rank: change.rank.ok_or("an upsert without a rank")?,
        measures,
        is_final: change.is_final,
    };
    rows.insert(at, row);
    Ok(())
}

fn time(text: &str) -> Result<i64, String> {
    parse_rfc3339(text.as_bytes()).ok_or_else(|| format!("`{text}` is no time"))
}

type Fields<'a> = HashMap<std::borrow::Cow<'a, str>, &'a RawValue>;

fn keys(plan: &Plan, ranking: &Ranking, fields: &Fields<'_>) -> Result<Arc<[Value]>, String> {
    (0..ranking.keys.len())
        .map(|i| field(plan, ranking, Field::Key(i), fields))
        .collect()
}

fn field(
    plan: &Plan,
    ranking: &Ranking,
    field: Field,
    fields: &Fields<'_>,
) -> Result<Value, String> {
    let name = ranking.field_name(field);
    // A measure that the query did not have when the row was written: NULL, which the difference sets right.
    let raw = fields.get(name).map_or("null", |r| r.get());
    if raw == "null" {
        return Ok(Value::Null);
    }
    let text = || serde_json::from_str::<String>(raw).map_err(|e| format!("`{name}`: {e}"));
    let wrong = || format!("`{name}` is {raw}");
    Ok(match ranking.field_type(field, &plan.schema) {
        FieldType::Text => Value::text(text()?),
        FieldType::Integer => Value::Integer(raw.parse().map_err(|_| wrong())?),
        FieldType::Decimal => {
            Value::Decimal(parse_minor(text()?.as_bytes(), 38).map_err(|_| wrong())?)
        }
        FieldType::Time => Value::Time(time(&text()?)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Change;
    use crate::query::load_shipped;
    use crate::sink::json::{push_change, push_key};

    #[test]
    fn what_is_written_is_read_back() {
        let plan = load_shipped().unwrap_or_else(|e| panic!("{}", e.render()));
        let number = plan
            .rankings
            .iter()
            .position(|r| r.name == "top_salesmen")
            .unwrap();
        let mut change = Change {
            ranking: number,
            window_start: 1_769_126_400_000,
            window_end: 1_769_212_800_000,
            key: Arc::from([Value::text("S\"1\n")]),
            rank: Some(3),
            previous_rank: None,
            measures: Arc::from([
                Value::Null,
                Value::Decimal(-1234),
                Value::Integer(i128::from(u64::MAX) + 7),
                Value::Decimal(5),
                Value::Integer(2),
            ]),
            is_final: true,
        };
        let mut rows = BTreeMap::new();
        let (mut key, mut value) = (Vec::new(), Vec::new());
        push_key(&mut key, &plan, &change);
        push_change(&mut value, &plan, &change, 9);
        fold(&plan, &key, Some(&value), &mut rows).unwrap();
        let row = rows.values().next().unwrap();
        assert_eq!((row.rank, row.is_final, row.ranking), (3, true, number));
        assert_eq!((&row.key, &row.measures), (&change.key, &change.measures));
        assert_eq!(row.window_end, change.window_end);

        let mut by_tombstone = rows.clone();
        fold(&plan, &key, None, &mut by_tombstone).unwrap();
        assert!(by_tombstone.is_empty());
        change.rank = None;
        change.measures = Arc::from([]);
        value.clear();
        push_change(&mut value, &plan, &change, 10);
        fold(&plan, &key, Some(&value), &mut rows).unwrap();
        assert!(rows.is_empty());
        assert!(fold(&plan, b"x", Some(b"{}"), &mut rows).is_err());
    }
}
