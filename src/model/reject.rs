//! Sales that were not counted, on their way to the late or dead-letter output.

use serde::{Deserialize, Serialize};

use super::block::PartitionId;
use super::window::Bounds;

/// The reason of a sale that fails a check whose action is `dead-letter`.
pub const CHECK: &str = "check";
/// The reason of a sale that a check of uniqueness with this action has seen before.
pub const DUPLICATE: &str = "duplicate";

/// The reason of a row that a sink does not take; no record's.
pub const SINK_REFUSED: &str = "sink_refused";

/// A window that a sale missed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissedWindow {
    /// Ranking number in the plan.
    pub ranking: usize,
    /// Window start, ms.
    pub start: i64,
    /// Window end, ms.
    pub end: i64,
    /// Dropped by `--retain` rather than late.
    pub retired: bool,
}

impl MissedWindow {
    /// Which it is.
    pub fn bounds(&self) -> Bounds {
        Bounds {
            start: self.start,
            end: self.end,
        }
    }
}

/// A half of a change of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Half {
    /// The row as it was is taken back.
    Retract,
    /// The row as it is comes.
    Insert,
}

impl Half {
    /// As late rows say it.
    pub fn word(self) -> &'static str {
        match self {
            Half::Retract => "retract",
            Half::Insert => "insert",
        }
    }
}

/// Why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RejectKind {
    /// To the late output: the windows it missed.
    Late {
        /// Missed windows; at least one.
        missed: Vec<MissedWindow>,
        /// Event time, ms.
        event_time: i64,
        /// Which half of a change it is, where the table's rows change.
        half: Option<Half>,
    },
    /// To the dead letters.
    Dead {
        /// A stable word, such as `malformed`, `missing_field`, `ahead`.
        reason: String,
        /// The check that it failed, with the reason [`CHECK`] or [`DUPLICATE`].
        check: Option<String>,
        /// What was found, for a person.
        detail: String,
    },
}

/// A rejected record with its origin and original bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reject {
    /// The number of its table in the plan.
    pub table: usize,
    /// Its partition.
    pub partition: PartitionId,
    /// Its offset.
    pub offset: u64,
    /// Why.
    pub kind: RejectKind,
    /// The original bytes; of a table that masks columns the fields of JSON that are said in their place: `record_sha256`,
    /// `record_bytes`, `columns`.
    pub bytes: Vec<u8>,
}

impl Reject {
    /// Whether it is a row that a sink did not take, and no record.
    pub fn is_of_sink(&self) -> bool {
        matches!(&self.kind, RejectKind::Dead { reason, .. } if reason == SINK_REFUSED)
    }

    /// The same without its columns, of a table that masks them: what is left where a message may not be so large.
    pub fn without_columns(&self) -> Reject {
        let columns = b",\"columns\":";
        // Before it there are a hash and a number.
        let mut places = self.bytes.windows(columns.len());
        let end = places.position(|at| at == columns);
        Reject {
            bytes: self.bytes[..end.unwrap_or(self.bytes.len())].to_vec(),
            kind: self.kind.clone(),
            ..*self
        }
    }

    /// About how many bytes of memory it takes until it is written: as it came, and as it is written.
    pub fn held(&self) -> usize {
        let why = match &self.kind {
            RejectKind::Late { missed, .. } => size_of_val(missed.as_slice()),
            RejectKind::Dead { reason, detail, .. } => reason.len() + detail.len(),
        };
        2 * (size_of::<Self>() + why + self.bytes.len())
    }
}

/// Why a sink does not take a row, as far as it can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Refusal {
    /// It is larger than a message, or an index, may be.
    TooLarge,
    /// Its text has letters that the database's encoding lacks.
    Encoding,
    /// A value is beyond its column's type.
    Value,
    /// A constraint of the table.
    Constraint,
    /// A trigger or a rule leaves it out, or fails over it.
    Trigger,
    /// A policy of row security.
    Policy,
}

impl Refusal {
    /// All of them.
    pub const ALL: [Refusal; 6] = [
        Refusal::TooLarge,
        Refusal::Encoding,
        Refusal::Value,
        Refusal::Constraint,
        Refusal::Trigger,
        Refusal::Policy,
    ];

    /// As labels name it.
    pub fn word(self) -> &'static str {
        match self {
            Refusal::TooLarge => "too_large",
            Refusal::Encoding => "encoding",
            Refusal::Value => "value",
            Refusal::Constraint => "constraint",
            Refusal::Trigger => "trigger",
            Refusal::Policy => "policy",
        }
    }
}
