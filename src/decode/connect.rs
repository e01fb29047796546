//! What Kafka Connect's schema beside a payload says of its fields: numbers that are days, times or decimals.
//!
//! ```text
//! {"schema": {"fields": [{"field": "amount", "name": "org.apache.kafka.connect.data.Decimal", "parameters": {"scale": "2"}}]},
//!  "payload": {"amount": "A+g="}}                                                   ──► 10.00
//! ```
//!
//! The value is written anew as the column takes it (of arrays, maps and the rows in them each part: `within`), and judged as every value is. A schema is read once, as long as the records
//! that follow have the same.

mod within;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write;

use serde::Deserialize;

use super::columns::{Column, Kind};
use super::scalar::twos_complement;
use standings_model::time::civil_from_days;

const DAY_US: i64 = 86_400_000_000;

/// What a field's number or text stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Logical {
    /// Base64 of the digits as a number of two's complement, with so many behind the point.
    Decimal(u32),
    /// The same, in an object that says how many: `{"scale": 2, "value": "A+g="}`, of a NUMERIC without a scale.
    Scaled,
    /// A day or a time of day as text, with a `Z` behind it.
    Utc,
    /// Days since 1970.
    Days,
    /// Since 1970, or since midnight: so many of them are a microsecond's thousandth (nanoseconds: 1).
    Instant(i64),
    Clock(i64),
}

/// A decimal that says how many of its digits are behind the point; fewer than none it does not.
#[derive(Deserialize)]
struct Scaled<'a> {
    scale: Option<usize>,
    #[serde(borrow)]
    value: Cow<'a, str>,
}

/// So many digits behind the point a database has at most.
const MOST_BEHIND: usize = 16_383;

/// Nanoseconds of a millisecond, a microsecond, a nanosecond.
const MILLI: i64 = 1_000_000;
const MICRO: i64 = 1_000;
const NANO: i64 = 1;

impl Logical {
    fn named(name: &str, scale: Option<&str>) -> Option<Self> {
        Some(match name {
            "org.apache.kafka.connect.data.Decimal" => Logical::Decimal(scale?.parse().ok()?),
            "io.debezium.data.VariableScaleDecimal" => Logical::Scaled,
            "io.debezium.time.IsoDate" | "io.debezium.time.IsoTime" => Logical::Utc,
            "org.apache.kafka.connect.data.Date" | "io.debezium.time.Date" => Logical::Days,
            "org.apache.kafka.connect.data.Timestamp" | "io.debezium.time.Timestamp" => {
                Logical::Instant(MILLI)
            }
            "io.debezium.time.MicroTimestamp" => Logical::Instant(MICRO),
            "io.debezium.time.NanoTimestamp" => Logical::Instant(NANO),
            "org.apache.kafka.connect.data.Time" | "io.debezium.time.Time" => Logical::Clock(MILLI),
            "io.debezium.time.MicroTime" => Logical::Clock(MICRO),
            "io.debezium.time.NanoTime" => Logical::Clock(NANO),
            _ => return None,
        })
    }

    /// The value as JSON that a column of this kind takes; none where it takes the value as it is, or it is not what the
    /// schema says.
    fn written(self, kind: Kind, raw: &str) -> Option<String> {
        match (self, kind) {
            (Logical::Decimal(scale), Kind::Decimal { .. } | Kind::Base64 { .. }) => {
                let digits: String = serde_json::from_str(raw).ok()?;
                Some(decimal(twos_complement(&digits)?, scale as usize))
            }
            (Logical::Scaled, Kind::Decimal { .. } | Kind::Base64 { .. }) => {
                let Scaled { scale, value } = serde_json::from_str(raw).ok()?;
                let scale = scale.filter(|scale| *scale <= MOST_BEHIND)?;
                Some(decimal(twos_complement(&value)?, scale))
            }
            (Logical::Utc, Kind::Date | Kind::Clock) => {
                let text = raw.strip_suffix("Z\"")?;
                Some(format!("{text}\""))
            }
            (Logical::Days, Kind::Date) => {
                let days: i64 = raw.parse().ok()?;
                Some(format!("\"{}\"", date(days)))
            }
            (Logical::Days, Kind::Time(_)) => {
                let days: i64 = raw.parse().ok()?;
                Some(instant(days.checked_mul(DAY_US)?))
            }
            (Logical::Instant(unit), Kind::Time(_)) => {
                let n: i64 = raw.parse().ok()?;
                Some(instant(
                    i64::try_from(i128::from(n) * i128::from(unit) / 1000).ok()?,
                ))
            }
            (Logical::Clock(unit), Kind::Clock) => {
                let n: i64 = raw.parse().ok()?;
                let us = i64::try_from(i128::from(n) * i128::from(unit) / 1000).ok()?;
                (0..DAY_US)
                    .contains(&us)
                    .then(|| format!("\"{}\"", clock(us)))
            }
            _ => None,
        }
    }
}

fn date(days: i64) -> String {
    let (y, m, d) = civil_from_days(days);
    format!("{y:04}-{m:02}-{d:02}")
}

fn clock(us: i64) -> String {
    let seconds = us / 1_000_000;
    let (h, m, s) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{h:02}:{m:02}:{s:02}.{:06}", us % 1_000_000)
}

fn instant(us: i64) -> String {
    let (day, rest) = (us.div_euclid(DAY_US), us.rem_euclid(DAY_US));
    format!("\"{}T{}Z\"", date(day), clock(rest))
}

/// Digits with a point before the last `scale` of them.
fn decimal(unscaled: i128, scale: usize) -> String {
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let mut text = String::new();
    let sign = if unscaled < 0 { "-" } else { "" };
    // Writing to a string cannot fail.
    let _ = write!(text, "{sign}{whole}");
    if scale > 0 {
        let _ = write!(text, ".{fraction}");
    }
    text
}

/// A schema, or a field of one.
#[derive(Deserialize)]
struct Schema<'a> {
    #[serde(borrow, default)]
    field: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    name: Option<Cow<'a, str>>,
    #[serde(default)]
    fields: Vec<Schema<'a>>,
    #[serde(borrow, default)]
    parameters: Option<Parameters<'a>>,
    /// Of an array, and of a map.
    #[serde(borrow, default)]
    items: Option<Box<Schema<'a>>>,
    #[serde(borrow, default)]
    values: Option<Box<Schema<'a>>>,
}

#[derive(Deserialize)]
struct Parameters<'a> {
    #[serde(borrow, default)]
    scale: Option<Cow<'a, str>>,
}

/// The greatest schema that is read, and how deep.
const LARGEST: usize = 1 << 20;
const DEEPEST: usize = 64;

/// What the last schema said.
#[derive(Debug, Default)]
pub(super) struct Connect {
    text: String,
    /// By the field's path, with dots; what is in an array or a map has [`PART`] for a name.
    logical: BTreeMap<String, Logical>,
}

/// An element of an array, a value of a map, as part of a path.
const PART: &str = "[]";

impl Connect {
    /// Reads a schema, or the part of it that is of a field, if it is another than the last; whether it says anything.
    pub(super) fn read(&mut self, text: &str, of: Option<&str>) -> bool {
        if self.text == text {
            return !self.logical.is_empty();
        }
        self.logical.clear();
        text.clone_into(&mut self.text);
        if text.len() > LARGEST {
            return false;
        }
        // What is no schema says nothing.
        if let Ok(schema) = serde_json::from_str::<Schema<'_>>(text) {
            let part = match of {
                None => Some(&schema),
                Some(_) => schema.fields.iter().find(|f| f.field.as_deref() == of),
            };
            if let Some(part) = part {
                add(part, &mut Vec::new(), &mut self.logical);
            }
        }
        !self.logical.is_empty()
    }

    /// A value as its column takes it.
    pub(super) fn value<'r>(&self, column: &Column, raw: &'r str) -> Cow<'r, str> {
        if self.logical.is_empty() {
            return Cow::Borrowed(raw);
        }
        if column.kind == Kind::Nested {
            return self.within(column, raw);
        }
        let logical = self.logical.get(&column.name);
        let written = logical.and_then(|logical| logical.written(column.kind, raw));
        written.map_or(Cow::Borrowed(raw), Cow::Owned)
    }
}

fn add<'a>(schema: &'a Schema<'_>, at: &mut Vec<&'a str>, all: &mut BTreeMap<String, Logical>) {
    if at.len() > DEEPEST {
        return;
    }
    let fields = schema.fields.iter();
    let named = fields.filter_map(|field| Some((field.field.as_deref()?, field)));
    let parts = [&schema.items, &schema.values].into_iter().flatten();
    for (name, field) in named.chain(parts.map(|part| (PART, &**part))) {
        at.push(name);
        let scale = field.parameters.as_ref().and_then(|p| p.scale.as_deref());
        let logical = field
            .name
            .as_deref()
            .and_then(|of| Logical::named(of, scale));
        if let Some(logical) = logical {
            all.insert(at.join("."), logical);
        }
        add(field, at, all);
        at.pop();
    }
}

#[cfg(test)]
mod tests {
    use crate::Decoder;

    #[test]
    fn values_are_what_their_schema_says() {
        let sql = "CREATE TABLE t (amount DECIMAL(10, 2), day DATE, at TIMESTAMP_LTZ(6), micro TIMESTAMP_LTZ(6), clock TIME, \
                   n BIGINT, inner_row ROW<price DECIMAL(10, 3)>) WITH ('format' = 'json', 'json.schema-include' = 'true')";
        let table = standings_query::parse_table("t", sql).unwrap();
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        let schema = |scale: u8| {
            let decimal = format!(
                r#""type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{{"scale":"{scale}"}}"#
            );
            format!(
                r#"{{"type":"struct","fields":[{{{decimal},"field":"amount"}},
                {{"type":"int32","name":"io.debezium.time.Date","field":"day"}},
                {{"type":"int64","name":"org.apache.kafka.connect.data.Timestamp","field":"at"}},
                {{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"micro"}},
                {{"type":"int64","name":"io.debezium.time.MicroTime","field":"clock"}},
                {{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"n"}},
                {{"type":"struct","field":"inner_row","fields":[{{{decimal},"field":"price"}}]}}]}}"#
            )
        };
        let record = |scale| {
            format!(
                r#"{{"schema":{},"payload":{{"amount":"A+g=","day":20476,"at":1769155200001,"micro":1769155200000123,
                "clock":36000000001,"n":1769155200000123,"inner_row":{{"price":"/w=="}}}}}}"#,
                schema(scale)
            )
        };
        let values = |decoder: &mut Decoder, record: &str| -> Vec<String> {
            let sale = decoder.decode(record.as_bytes()).unwrap();
            let all = (0..6).chain([7]).map(|n| sale.value(n).to_string());
            all.collect()
        };
        let want = |amount: &str, price: &str| {
            vec![
                amount.to_owned(),
                "2026-01-23".to_owned(),
                "2026-01-23T08:00:00.001Z".to_owned(),
                "2026-01-23T08:00:00.000123Z".to_owned(),
                "10:00:00.000001".to_owned(),
                "1769155200000123".to_owned(),
                price.to_owned(),
            ]
        };
        assert_eq!(values(&mut decoder, &record(2)), want("10.00", "-0.010"));
        assert_eq!(values(&mut decoder, &record(2)), want("10.00", "-0.010"));
        // Another schema, another number.
        assert_eq!(values(&mut decoder, &record(1)), want("100.00", "-0.100"));
        // More digits than the column has are a dead letter, as ever.
        let refused = decoder
            .decode(record(3).replace("A+g=", "A+k=").as_bytes())
            .unwrap_err();
        assert_eq!(refused.reason, "bad_amount");
        // What is not what the schema says, or has none, is judged as it is.
        let plain = r#"{"schema":null,"payload":{"amount":"1.50","at":"2026-01-23T08:00:00Z"}}"#;
        assert_eq!(
            decoder
                .decode(plain.as_bytes())
                .unwrap()
                .value(0)
                .to_string(),
            "1.50"
        );
        let odd = record(2).replace("20476", "\"2026-01-23\"");
        assert_eq!(values(&mut decoder, &odd), want("10.00", "-0.010"));
    }

    #[test]
    fn numbers_that_say_their_scale_and_days_that_say_their_zone() {
        let sql = "CREATE TABLE t (n DECIMAL(38, 9), day DATE, clock TIME) WITH ('format' = 'json', 'json.schema-include' = 'true')";
        let table = standings_query::parse_table("t", sql).unwrap();
        let mut decoder = Decoder::new(&table, None, 1 << 20);
        let schema = r#"{"type":"struct","fields":[
            {"type":"struct","name":"io.debezium.data.VariableScaleDecimal","field":"n","fields":[
                {"type":"int32","field":"scale"},{"type":"bytes","field":"value"}]},
            {"type":"string","name":"io.debezium.time.IsoDate","field":"day"},
            {"type":"string","name":"io.debezium.time.IsoTime","field":"clock"}]}"#;
        let mut read = |n: &str, day: &str, clock: &str| -> Result<String, &'static str> {
            let record = format!(
                r#"{{"schema":{schema},"payload":{{"n":{n},"day":{day},"clock":{clock}}}}}"#
            );
            let sale = decoder.decode(record.as_bytes()).map_err(|e| e.reason)?;
            let values = (0..3).map(|n| sale.value(n).to_string());
            Ok(values.collect::<Vec<_>>().join(" "))
        };
        let (day, clock) = (r#""2026-02-03Z""#, r#""10:05:06.123Z""#);
        let n = r#"{"scale":2,"value":"A+g="}"#;
        assert_eq!(
            read(n, day, clock).unwrap(),
            "10.000000000 2026-02-03 10:05:06.123"
        );
        let whole = r#"{"scale":0,"value":"/w=="}"#;
        let plain = (r#""2026-02-03""#, r#""10:05:06""#);
        assert_eq!(
            read(whole, plain.0, plain.1).unwrap(),
            "-1.000000000 2026-02-03 10:05:06"
        );
        // More digits behind the point than the column has, no base64, no number at all, no day.
        for n in [
            r#"{"scale":10,"value":"A+k="}"#,
            r#"{"scale":2,"value":"?"}"#,
            r#"{"scale":99999999999,"value":"AQ=="}"#,
            r#"{"scale":-1,"value":"AQ=="}"#,
            r#"{"value":"AQ=="}"#,
        ] {
            assert!(read(n, day, clock).is_err(), "{n}");
        }
        assert_eq!(read(n, r#""2026-13-03Z""#, clock), Err("bad_time"));
        assert_eq!(read(n, r#""Z""#, clock), Err("bad_time"));
    }
}
