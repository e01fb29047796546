//! What a value means beside what it is made of: Avro's logical types, and the names of Kafka Connect and Debezium.

use serde_json::{Map, Value};

use super::schema::Node;

/// A meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Logical {
    /// Digits in two's complement, the highest first.
    Decimal { scale: u8 },
    /// Sixteen bytes, or their text.
    Uuid,
    /// Days since 1970-01-01.
    Date,
    /// Since midnight, in units of so many fraction digits of a second.
    Clock { digits: u8 },
    /// Since the Unix epoch, likewise.
    Instant { digits: u8 },
    /// Since 1970-01-01T00:00:00 on a clock, likewise.
    Local { digits: u8 },
}

/// The meaning that a type says; one that does not go with what it is made of is none.
pub(super) fn of(node: &Node, of: &Map<String, Value>) -> Option<Logical> {
    let word = of.get("logicalType").and_then(Value::as_str);
    let own = word.and_then(|word| avro(node, word, of));
    // A column of an older database says more by its name: `MicroTimestamp` is no instant.
    connect(node, of).or(own)
}

/// The meaning that stands beside a field's type.
pub(super) fn beside(node: &Node, field: &Map<String, Value>) -> Option<Logical> {
    of(node, field)
}

fn avro(node: &Node, word: &str, of: &Map<String, Value>) -> Option<Logical> {
    Some(match (word, node) {
        ("decimal", Node::Bytes | Node::Fixed(_)) => {
            let scale = of.get("scale").map_or(Some(0), Value::as_u64)?;
            let precision = of.get("precision").and_then(Value::as_u64)?;
            if precision == 0 || scale > precision {
                return None;
            }
            Logical::Decimal {
                scale: u8::try_from(scale).ok()?,
            }
        }
        ("uuid", Node::Text | Node::Fixed(16)) => Logical::Uuid,
        ("date", Node::Int) => Logical::Date,
        ("time-millis", Node::Int) => Logical::Clock { digits: 3 },
        ("time-micros", Node::Long) => Logical::Clock { digits: 6 },
        ("timestamp-millis", Node::Long) => Logical::Instant { digits: 3 },
        ("timestamp-micros", Node::Long) => Logical::Instant { digits: 6 },
        ("timestamp-nanos", Node::Long) => Logical::Instant { digits: 9 },
        ("local-timestamp-millis", Node::Long) => Logical::Local { digits: 3 },
        ("local-timestamp-micros", Node::Long) => Logical::Local { digits: 6 },
        ("local-timestamp-nanos", Node::Long) => Logical::Local { digits: 9 },
        _ => return None,
    })
}

fn connect(node: &Node, of: &Map<String, Value>) -> Option<Logical> {
    let name = of.get("connect.name").and_then(Value::as_str)?;
    Some(match (name, node) {
        ("org.apache.kafka.connect.data.Decimal", Node::Bytes | Node::Fixed(_)) => {
            // Its parameters are texts.
            let parameters = of.get("connect.parameters");
            let scale = parameters
                .and_then(|p| p.get("scale"))
                .or(of.get("scale"))?;
            let scale = match scale {
                Value::String(text) => text.parse().ok()?,
                number => u8::try_from(number.as_u64()?).ok()?,
            };
            Logical::Decimal { scale }
        }
        ("org.apache.kafka.connect.data.Date" | "io.debezium.time.Date", Node::Int) => {
            Logical::Date
        }
        ("org.apache.kafka.connect.data.Time" | "io.debezium.time.Time", Node::Int) => {
            Logical::Clock { digits: 3 }
        }
        ("io.debezium.time.MicroTime", Node::Long) => Logical::Clock { digits: 6 },
        ("io.debezium.time.NanoTime", Node::Long) => Logical::Clock { digits: 9 },
        ("org.apache.kafka.connect.data.Timestamp", Node::Long) => Logical::Instant { digits: 3 },
        ("io.debezium.time.Timestamp", Node::Long) => Logical::Local { digits: 3 },
        ("io.debezium.time.MicroTimestamp", Node::Long) => Logical::Local { digits: 6 },
        ("io.debezium.time.NanoTimestamp", Node::Long) => Logical::Local { digits: 9 },
        ("io.debezium.data.Uuid", Node::Text) => Logical::Uuid,
        _ => return None,
    })
}
