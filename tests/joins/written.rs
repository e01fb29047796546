//! Histories as tables and records.

use std::sync::Arc;

use serde_json::{Value, json};
use standings_model::block::{Beside, Block, NO_TIMESTAMP};
use standings_model::plan::Plan;

use crate::history::{Does, Fact, Form, History, Row};
use crate::model::Ranking;

const UPSERT: &str =
    "'connector' = 'upsert-kafka', 'topic' = 't', 'properties.bootstrap.servers' = 'k:1',
    'key.format' = 'json', 'value.format' = 'json'";

fn with(form: Form) -> &'static str {
    match form {
        Form::Append => "'format' = 'json'",
        Form::Upsert => UPSERT,
        Form::Debezium => "'format' = 'debezium-json'",
    }
}

/// The tables and rankings of a history.
pub fn plan(history: &History, rankings: &[Ranking]) -> Arc<Plan> {
    let key = match history.form {
        Form::Append => "",
        _ => ", PRIMARY KEY (id) NOT ENFORCED",
    };
    let dimensions = with(history.dimensions);
    let tables = format!(
        "CREATE TABLE orders (id BIGINT, at TIMESTAMP_LTZ(3), city STRING, qty BIGINT, amount DECIMAL(18, 2){key},
           WATERMARK FOR at AS at - INTERVAL '{}' SECOND) WITH ({});
         CREATE TABLE cities (name STRING, region STRING, zone BIGINT, factor BIGINT, since TIMESTAMP_LTZ(3),
           PRIMARY KEY (name) NOT ENFORCED, WATERMARK FOR since AS since) WITH ({dimensions});
         CREATE TABLE zones (id DECIMAL(5, 1), country STRING, rate BIGINT, since TIMESTAMP_LTZ(3),
           PRIMARY KEY (id) NOT ENFORCED, WATERMARK FOR since AS since) WITH ({dimensions});",
        history.out_of_orderness / 1000,
        with(history.form),
    );
    let mut texts = vec![("tables", &tables[..])];
    texts.extend(rankings.iter().map(|r| (r.name, &r.sql[..])));
    let loaded = standings_query::load_texts(&texts);
    Arc::new(loaded.unwrap_or_else(|e| panic!("{}", e.render())).plan)
}

/// A record: key, value (none is a tombstone) and timestamp, ms.
pub type Record = (Option<String>, Option<String>, i64);

fn written(form: Form, (key, value): (Value, Option<Value>), time: i64, is_empty: bool) -> Record {
    match form {
        Form::Append => (None, value.map(|v| v.to_string()), NO_TIMESTAMP),
        Form::Upsert => (Some(key.to_string()), value.map(|v| v.to_string()), time),
        Form::Debezium => {
            let source = json!({"connector": "postgresql", "table": "t", "ts_ms": time});
            let (before, op) = match (&value, is_empty) {
                (_, true) => (Value::Null, "t"),
                (Some(_), _) => (Value::Null, "u"),
                (None, _) => (key, "d"),
            };
            let envelope =
                json!({"before": before, "after": value, "op": op, "source": source, "ts_ms": 5});
            (None, Some(envelope.to_string()), NO_TIMESTAMP)
        }
    }
}

/// A time in UTC.
pub fn iso(ms: i64) -> String {
    // All of it is within January 2026, or a day before.
    let (day, rest) = (
        (ms - 1_767_225_600_000).div_euclid(86_400_000),
        ms.rem_euclid(86_400_000),
    );
    let date = match day {
        -1 => "2025-12-31".to_owned(),
        _ => format!("2026-01-{:02}", day + 1),
    };
    let (h, m, s) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!("{date}T{h:02}:{m:02}:{s:02}.{:03}Z", rest % 1000)
}

/// A record of `orders`.
pub fn fact(form: Form, does: &Does<i64, Fact>) -> Record {
    let row = |fact: &Fact| {
        let amount = format!("{:.2}", fact.cents as f64 / 100.0);
        json!({"id": fact.id, "at": iso(fact.at), "city": fact.city, "qty": fact.qty, "amount": amount})
    };
    match does {
        Does::Put(key, fact) => written(
            form,
            (json!({"id": key}), Some(row(fact))),
            NO_TIMESTAMP,
            false,
        ),
        Does::End(key) => written(form, (json!({"id": key}), None), NO_TIMESTAMP, false),
        Does::Empty => written(form, (Value::Null, None), NO_TIMESTAMP, true),
    }
}

/// A record of `cities` or of `zones`.
pub fn row(form: Form, is_city: bool, (does, time): &(Does<String, Row>, i64)) -> Record {
    let key = |key: &String| match is_city {
        true => json!({"name": key}),
        false => json!({"id": key.parse::<i64>().unwrap()}),
    };
    let all = |of: &String, row: &Row| match is_city {
        true => {
            json!({"name": of, "region": row.name, "zone": row.zone, "factor": row.number, "since": iso(row.since)})
        }
        false => {
            json!({"id": of.parse::<i64>().unwrap(), "country": row.name, "rate": row.number, "since": iso(row.since)})
        }
    };
    match does {
        Does::Put(of, row) => written(form, (key(of), Some(all(of, row))), *time, false),
        Does::End(of) => written(form, (key(of), None), *time, false),
        Does::Empty => written(form, (Value::Null, None), *time, true),
    }
}

/// Some records of a partition.
pub fn block(partition: u32, records: &[Record], from: usize, to: usize) -> Block {
    let mut block = Block::new(partition);
    for (offset, (key, value, time)) in records.iter().enumerate().take(to).skip(from) {
        block.push(
            value.as_deref().unwrap_or_default().as_bytes(),
            offset as u64,
            *time,
        );
        let key = key.as_ref().map(|key| block.keep(key.as_bytes()));
        block.beside.push(Beside {
            key,
            timestamp: *time,
            ..Beside::default()
        });
    }
    block.next_offset = to as u64;
    block
}
