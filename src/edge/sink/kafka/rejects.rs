//! Late sales and dead letters to a topic, with their original bytes: all that the topic's messages have room for.

use std::io::Write;

use super::{AROUND, KafkaSink, topics};
use standings_commit::sink::RejectWriter;
use standings_commit::sink::SinkError;
use standings_model::json::push_reject;
use standings_model::plan::Plan;
use standings_model::reject::{Reject, RejectKind};
use standings_model::table::Table;

impl RejectWriter for KafkaSink {
    fn open(&mut self, _: bool) -> Result<(), SinkError> {
        self.enter()?;
        self.largest = topics::largest(&self.brokers, &self.options, &self.topic)?;
        Ok(())
    }

    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        self.while_denied(|sink| sink.post(plan, rejects))
    }
}

impl KafkaSink {
    /// Writes letters, cut where the topic takes no message so large.
    fn post(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        for reject in rejects {
            let (_, own) = self.options.homes.of(reject.partition);
            let room = self.largest.saturating_sub(AROUND);
            let (value, kept) = fitting(plan, (reject, own), room);
            if kept < reject.bytes.len() {
                tracing::warn!(
                    event = "reject_cut",
                    sink = self.name,
                    partition = own,
                    offset = reject.offset,
                    bytes = reject.bytes.len(),
                    largest_message = self.largest,
                    "the topic takes no larger message: see its max.message.bytes"
                );
            }
            // Of several tables none has another's key.
            let key = format!("{}:{}", reject.partition, reject.offset);
            self.give(key.as_bytes(), Some(&value), &headers(reject, own))?;
        }
        self.wait_for_all()
    }
}

/// What one routes and filters by without looking into the message.
fn headers(reject: &Reject, partition: u32) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("standings-partition", partition.to_string()),
        ("standings-offset", reject.offset.to_string()),
    ];
    match &reject.kind {
        RejectKind::Late { missed, .. } => {
            let retired = missed.iter().all(|m| m.retired);
            let reason = if retired { "retired" } else { "late" };
            headers.push(("standings-reason", reason.to_owned()));
        }
        RejectKind::Dead { reason, check, .. } => {
            headers.push(("standings-reason", reason.clone()));
            headers.extend(check.iter().map(|c| ("standings-check", c.clone())));
        }
    }
    headers
}

/// The message of a reject, in at most `room` bytes where that can be, and how many of the original bytes are in it: if
/// they are cut, `cut_from` says how many there were.
fn fitting(plan: &Plan, (reject, own): (&Reject, u32), room: usize) -> (Vec<u8>, usize) {
    let mut value = Vec::with_capacity(reject.bytes.len() + 200);
    push_reject(&mut value, plan, reject, own);
    let masks = |table: &Table| !table.masking.is_empty();
    if plan.tables.get(reject.table).is_some_and(masks) && !reject.is_of_sink() {
        // It is JSON: a part of it would be none.
        if value.len() > room {
            value.clear();
            push_reject(&mut value, plan, &reject.without_columns(), own);
        }
        return (value, reject.bytes.len());
    }
    let mut keep = reject.bytes.len();
    while value.len() > room && keep > 0 {
        // Escapes and base64 make it longer than it was: by how much is seen each time.
        let over = value.len().div_ceil(room.max(1)).max(2);
        keep = whole_characters(&reject.bytes, keep / over);
        let part = Reject {
            bytes: reject.bytes[..keep].to_vec(),
            kind: reject.kind.clone(),
            ..*reject
        };
        value.clear();
        push_reject(&mut value, plan, &part, own);
        value.pop();
        // Writing into memory cannot fail.
        let _ = write!(value, ",\"cut_from\":{}}}", reject.bytes.len());
    }
    (value, keep)
}

/// At most `length`, not within a character of UTF-8.
fn whole_characters(bytes: &[u8], length: usize) -> usize {
    let continues = |at: usize| bytes.get(at).is_some_and(|b| b & 0xC0 == 0x80);
    let start = (length.saturating_sub(3)..=length).rfind(|at| !continues(*at));
    start.unwrap_or(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_model::reject::RejectKind;

    fn plan() -> Plan {
        standings_query::load_shipped().expect("the shipped queries")
    }

    fn dead(bytes: Vec<u8>) -> Reject {
        Reject {
            table: 0,
            partition: 3,
            offset: 7,
            kind: RejectKind::Dead {
                reason: "too_large".to_owned(),
                check: None,
                detail: "too large".to_owned(),
            },
            bytes,
        }
    }

    #[test]
    fn headers_say_why_and_where_from() {
        let mut reject = dead(Vec::new());
        reject.kind = RejectKind::Dead {
            reason: "check".to_owned(),
            check: Some("amount-range".to_owned()),
            detail: String::new(),
        };
        let found: Vec<_> = headers(&reject, 3);
        let found: Vec<_> = found.iter().map(|(k, v)| (*k, v.as_str())).collect();
        assert_eq!(
            found,
            [
                ("standings-partition", "3"),
                ("standings-offset", "7"),
                ("standings-reason", "check"),
                ("standings-check", "amount-range"),
            ]
        );
    }

    #[test]
    fn what_fits_is_whole_and_what_does_not_is_cut() {
        let plan = plan();
        for bytes in [
            b"{}".to_vec(),
            "\u{1}".repeat(5000).into_bytes(),
            "ä€".repeat(5000).into_bytes(),
            vec![0xFF; 9000],
        ] {
            let reject = dead(bytes.clone());
            let (value, _) = fitting(&plan, (&reject, 3), 2000);
            assert!(value.len() <= 2000, "{}", value.len());
            let json: serde_json::Value = serde_json::from_slice(&value).expect("JSON");
            match bytes.len() {
                2 => assert_eq!(json["record"], "{}"),
                n => {
                    assert_eq!(json["cut_from"], n);
                    let kept = json.get("record").or(json.get("record_base64"));
                    let kept = kept.and_then(|v| v.as_str()).map_or(0, str::len);
                    assert!(kept > 100, "{kept} of {n}");
                    assert_eq!(json.get("record").is_some(), bytes[0] != 0xFF);
                }
            }
        }
    }
}
