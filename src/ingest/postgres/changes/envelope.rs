//! Where a change is from, as Debezium's connector for Postgres writes it.
//!
//! `connector` is `postgresql`, so that readers know what `source` has; `version` is ours. What is told beside, no reader needs: `xmin` and
//! `origin` are null, as with Debezium.

use serde_json::{Value, json};

/// Of which change an envelope is.
#[derive(Clone, Debug)]
pub(super) struct Of<'a> {
    /// `first`, `true`, `last` of a snapshot; `false`.
    pub(super) snapshot: &'a str,
    /// When it was committed, µs since 1970.
    pub(super) at: i64,
    /// Its transaction's number.
    pub(super) xid: Option<u32>,
    /// Where it is in the log, and where the transaction before it ended.
    pub(super) lsn: u64,
    pub(super) previous: Option<u64>,
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
    /// The envelope's `source`.
    pub(super) fn source(&self, of: &Of<'_>) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let previous = of.previous.map(|lsn| lsn.to_string());
        let sequence = json!([previous, of.lsn.to_string()]).to_string();
        let xid = of.xid.map_or_else(|| "null".to_owned(), |n| n.to_string());
        format!(
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
        )
    }
}
