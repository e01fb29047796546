//! Records that say what became of rows: which row, and whether it comes, is another now, or ends.
//!
//! ```text
//! upsert     key and value ─────────────────┐ value: Put        no value, or `delete.field`: End
//! Debezium   op, before, after ─────────────┤ c u: Put   r: Found   d: End   t: Empty   the rest: Skip
//! Maxwell    type, data, old ───────────────┤ insert, update: Put   bootstrap-insert: Found   delete: End
//! Canal      type, data[], old[] (more rows)┘ INSERT, UPDATE: Put   DELETE: End   TRUNCATE: Empty
//! ```
//!
//! What a row was is known to who keeps rows; a record says it again where its format does, and that is compared.

/// What a record does to one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The row is this now, whether or not it was there.
    Put,
    /// As [`Op::Put`], found by a snapshot, which goes through a table in no order of time: it moves no watermark.
    Found,
    /// The row ends.
    End,
    /// All rows of the partition end.
    Empty,
    /// It is of no row.
    Skip,
}
