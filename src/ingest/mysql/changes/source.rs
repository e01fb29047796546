//! Where a change is from, as Debezium's connector for MariaDB writes it.

use serde_json::Value;

use super::event::Gtid;

/// Of which change.
#[derive(Clone, Debug)]
pub(super) struct Of<'a> {
    /// `first`, `true`, `last` of a snapshot; `false`.
    pub(super) snapshot: &'a str,
    /// When it was written, s since 1970.
    pub(super) at: i64,
    /// Its transaction.
    pub(super) gtid: Option<Gtid>,
    /// The file of the log, and where the event ends in it.
    pub(super) file: &'a str,
    pub(super) end: u32,
    /// Which row of the event.
    pub(super) row: usize,
}

impl Of<'_> {
    /// The envelope's `source`.
    pub(super) fn source(&self, names: &super::Names) -> String {
        let text = |text: &str| Value::from(text).to_string();
        let gtid = self.gtid.map(|gtid| gtid.to_string());
        format!(
            "{{\"version\":{},\"connector\":\"mariadb\",\"name\":{},\"ts_ms\":{},\"snapshot\":\"{}\",\"db\":{},\"sequence\":null,\"ts_us\":{},\
             \"ts_ns\":{},\"table\":{},\"server_id\":{},\"gtid\":{},\"file\":{},\"pos\":{},\"row\":{},\"thread\":null,\"query\":null}}",
            text(concat!("standings ", env!("CARGO_PKG_VERSION"))),
            text(&names.source),
            self.at * 1_000,
            self.snapshot,
            text(&names.database),
            self.at * 1_000_000,
            self.at * 1_000_000_000,
            text(&names.table),
            self.gtid.map_or(0, |gtid| gtid.server),
            Value::from(gtid),
            text(self.file),
            self.end,
            self.row,
        )
    }
}
