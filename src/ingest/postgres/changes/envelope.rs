//! A change as Debezium writes it: `before`, `after`, `source`, `op`, and when.
//!
//! `connector` is `postgresql`, so that readers know what `source` has; `version` is ours. What is told beside, no reader needs: `xmin` and
//! `origin` are null, as with Debezium.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

/// Of which change an envelope is.
#[derive(Clone, Debug)]
pub(super) struct Of<'a> {
    /// `c`, `u`, `d`, `r`, `t`.
    pub(super) op: char,
    /// `first`, `true`, `last` of a snapshot; `false`.
    pub(super) snapshot: &'a str,
    /// When it was committed, µs since 1970.
    pub(super) at: i64,
    /// Its transaction's number.
    pub(super) xid: Option<u32>,
    /// Where it is in the log, and where the transaction before it ended.
    pub(super) lsn: u64,
    pub(super) previous: Option<u64>,
    /// When it was read.
    pub(super) read_at: SystemTime,
}

/// What is the same in all of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) source: String,
    pub(super) database: String,
    pub(super) schema: String,
    pub(super) table: String,
}

impl Origin {
    /// The record's value. Rows are JSON.
    pub(super) fn envelope(
        &self,
        of: &Of<'_>,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
    ) -> Vec<u8> {
        let mut out =
            Vec::with_capacity(512 + before.map_or(0, <[u8]>::len) + after.map_or(0, <[u8]>::len));
        out.extend_from_slice(b"{\"before\":");
        out.extend_from_slice(before.unwrap_or(b"null"));
        out.extend_from_slice(b",\"after\":");
        out.extend_from_slice(after.unwrap_or(b"null"));
        out.extend_from_slice(b",\"source\":");
        self.push_source(&mut out, of);
        let read = of.read_at.duration_since(SystemTime::UNIX_EPOCH);
        let read = read.unwrap_or(Duration::ZERO);
        let rest = format!(
            ",\"transaction\":null,\"op\":\"{}\",\"ts_ms\":{},\"ts_us\":{},\"ts_ns\":{}}}",
            of.op,
            read.as_millis(),
            read.as_micros(),
            read.as_nanos()
        );
        out.extend_from_slice(rest.as_bytes());
        out
    }

    fn push_source(&self, out: &mut Vec<u8>, of: &Of<'_>) {
        let text = |text: &str| Value::from(text).to_string();
        let previous = of.previous.map(|lsn| lsn.to_string());
        let sequence = json!([previous, of.lsn.to_string()]).to_string();
        let xid = of.xid.map_or_else(|| "null".to_owned(), |n| n.to_string());
        let source = format!(
            "{{\"version\":{},\"connector\":\"postgresql\",\"name\":{},\"ts_ms\":{},\"snapshot\":\"{}\",\"db\":{},\"sequence\":{},\
             \"ts_us\":{},\"ts_ns\":{},\"schema\":{},\"table\":{},\"txId\":{xid},\"lsn\":{},\"xmin\":null,\"origin\":null,\"origin_lsn\":null}}",
            text(concat!("standings ", env!("CARGO_PKG_VERSION"))),
            text(&self.source),
            of.at.div_euclid(1_000),
            of.snapshot,
            text(&self.database),
            text(&sequence),
            of.at,
            i128::from(of.at) * 1_000,
            text(&self.schema),
            text(&self.table),
            of.lsn,
        );
        out.extend_from_slice(source.as_bytes());
    }
}
