//! Tables whose rows change, seen plainly: what their records mean, hostile histories of them, how these are written in each form,
//! and what rankings over them come to. Nothing here is shared with the engine.
//!
//! ```text
//! dice ─► history (what the records of each partition mean) ─┬─► forms: bytes of upsert or Debezium ─► the engine
//!                                                            └─► model: tables as they stood ─► rankings ─► rows, counts, late halves
//! ```

pub mod forms;
pub mod history;
pub mod model;
pub mod rankings;
pub mod shown;

/// A row of the table `orders`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// Its primary key.
    pub id: i64,
    /// Event time, ms.
    pub time: i64,
    pub city: Option<&'static str>,
    pub who: Option<&'static str>,
    /// Its amount, in hundredths.
    pub cents: i128,
    pub tip: Option<i64>,
}

/// What a record says of the row before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Missing,
    /// Its key alone; the rest is null.
    Key,
    /// All of it, whether or not it is so.
    Full(Row),
}

/// What a record means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The row of its key is this.
    Put {
        row: Row,
        before: Before,
        /// By a snapshot: it moves no watermark.
        found: bool,
    },
    /// The row of a key ends.
    End { id: i64, before: Before },
    /// All rows of the partition end.
    Empty,
    /// No row; which kind of that.
    Skip(u8),
    /// A dead letter; which kind of that.
    Dead(u8),
}

/// How a history is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Key and value; no value is an end.
    Upsert,
    /// Values alone: a field says that the row has ended.
    DeleteField,
    /// Debezium's envelope, in JSON.
    Debezium,
}
