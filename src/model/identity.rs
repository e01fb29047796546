//! What offsets and commits are of. A name is no identity: a topic can be deleted and made anew, a file replaced, a
//! flag point elsewhere; offsets of the one are then applied to the other without a word.
//!
//! ```text
//! source ──► SourceIdentity ──┐
//! records ─► leader epochs ───┼──► Known ──► with every commit, in every sink ──► at the next start: is it the same?
//! counts ──► records read ────┘        └───► with every snapshot
//! ```
//!
//! 1. What is not known (an older broker, a file that cannot be looked at, what an earlier version left) is never held
//!    to be different; it is taken over at the first start that knows it, and said.
//! 2. What is known and differs is a [`Conflict`]: never a guess, never silence.

mod forget;
mod packed;
mod source;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};

pub use self::forget::{DimensionOf, Forget};
pub use self::source::{FileIdentity, HEAD, HeadOf, SourceIdentity};
pub use super::block::NO_EPOCH;
use super::block::PartitionId;
use super::change::{Commit, Counts};
use super::error::{Code, Coded, codes};
use super::sabotage::{self, Mistake};

/// What a commit or a snapshot remembers beside its offsets: what they are offsets of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceIdentity>,
    /// The leader epoch (KIP-320) of the last record before each offset: a log that was truncated and has grown again
    /// has a newer one there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub epochs: BTreeMap<PartitionId, i32>,
    /// How many records were read up to each offset, since the first start.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub records: BTreeMap<PartitionId, u64>,
    /// The fingerprint of each ranking, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rankings: BTreeMap<String, String>,
}

impl Known {
    /// What a commit is of, of a run that began as `opening` says.
    pub fn of(opening: &Opening, commit: &Commit) -> Self {
        Known {
            source: opening.input().cloned(),
            epochs: commit.epochs.clone(),
            records: records(commit),
            rankings: opening.rankings.clone(),
        }
    }

    /// The counts that a commit of the same prefix needs, to say the same of its records.
    pub fn counts(&self) -> BTreeMap<PartitionId, Counts> {
        let of = |read: &u64| Counts {
            read: *read,
            ..Counts::default()
        };
        self.records
            .iter()
            .map(|(p, read)| (*p, of(read)))
            .collect()
    }
}

/// How many records of each partition a commit's prefix holds.
pub fn records(commit: &Commit) -> BTreeMap<PartitionId, u64> {
    let counts = commit.counts.iter();
    counts.map(|(p, counts)| (*p, counts.read)).collect()
}

/// What is there at a start, for who compares it with what was known.
#[derive(Clone, Default)]
pub struct Opening {
    /// The input; `None` where it cannot be known.
    pub source: Option<SourceIdentity>,
    /// The fingerprint of each ranking, by name.
    pub rankings: BTreeMap<String, String>,
    /// What may be different.
    pub forget: Forget,
    /// To look at files once more.
    pub head_of: Option<HeadOf>,
    /// Of which table that others are joined with a partition is.
    pub dimension_of: Option<DimensionOf>,
    /// The input with its files as they are numbered, once it is known what sinks and snapshots remember: of all copies.
    pub numbered: Arc<OnceLock<SourceIdentity>>,
}

impl Opening {
    /// Gives files the numbers that they had by what is remembered, each of this input. Who remembers most of them says it: what
    /// others remember is its beginning, or else of another input ([`admit_as_numbered`]).
    pub fn arrange<'a>(&self, known: impl Iterator<Item = &'a SourceIdentity>) {
        let Some(there) = &self.source else { return };
        let fits = |known: &&SourceIdentity| {
            let head_of = |file: &FileIdentity, bytes| self.head_of.as_ref()?(file, bytes);
            known.differs(there, &head_of).is_none()
        };
        if let Some(most) = known.filter(fits).max_by_key(|known| known.files()) {
            // It is asked once, when a run begins.
            let _ = self.numbered.set(there.arranged(most));
        }
    }

    /// The input, with its files as they are numbered.
    pub fn input(&self) -> Option<&SourceIdentity> {
        self.numbered.get().or(self.source.as_ref())
    }
}

/// What was known and what is there do not agree: the run ends, and says what can be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Offsets of one input would be applied to another.
    #[error(
        "{holder} is of another input ({differs}): what is known there is of {known}; --source is {there}. Nothing was \
         written. Give the source that it was made from; or name another database, schema, topic or --state; or begin \
         anew from this source with --forget source: its rows are then set to what this source says"
    )]
    OtherSource {
        /// Who remembers it: a sink or a snapshot, for people.
        holder: String,
        /// What is not the same.
        differs: String,
        /// The input as it was known.
        known: Box<SourceIdentity>,
        /// The input as it is.
        there: Box<SourceIdentity>,
    },
    /// The input does not hold the prefix that was committed.
    #[error(
        "{holder} stands for the input up to offset {wanted} of partition {partition}, and the source holds offsets {low} \
         to {high} of it: what lies between is gone. Nothing was written. Was the topic emptied, truncated or made anew? \
         If the records come back, start again; start from a newer snapshot (--state); or begin anew from what is there \
         with --forget source: rows are then set to what it says"
    )]
    NotThere {
        /// Who remembers it.
        holder: String,
        /// Which partition.
        partition: PartitionId,
        /// The offset that it must hold.
        wanted: u64,
        /// Its first offset.
        low: u64,
        /// Its next offset.
        high: u64,
    },
    /// The input has fewer partitions than it had.
    #[error(
        "{holder} stands for {count} records of partition {partition}, and the source has no such partition any more. \
         Nothing was written. Bring it back, or begin anew from what is there with --forget source"
    )]
    NoPartition {
        /// Who remembers it.
        holder: String,
        /// Which partition.
        partition: PartitionId,
        /// Its offset then.
        count: u64,
    },
    /// Records that were counted are gone from within the prefix.
    #[error(
        "{counted} records of partition {partition} were counted up to offset {offset}, and the source gives {found} now: \
         is the topic compacted (cleanup.policy), or were records deleted? The rows that are shown stay as they are; \
         nothing was written. Start from a snapshot (--state) that already holds them, or set the rows to what is left \
         with --forget source; a topic that is ranked should have cleanup.policy=delete"
    )]
    Fewer {
        /// Which partition.
        partition: PartitionId,
        /// The offset up to which was counted.
        offset: u64,
        /// Then.
        counted: u64,
        /// Now.
        found: u64,
    },
    /// Records of a table that others are joined with are gone from within the prefix: what was joined is not there any more.
    #[error(
        "the table {table}, which others are joined with, does not give what it held at the last commit: {counted} records of \
         partition {partition} were read up to offset {offset}, and the source gives {found} now (a compacted topic keeps the \
         last record of each key). The rows that are shown stay as they are; nothing was written. Start from a snapshot \
         (--state) that holds them; or go on with what is there, by which open windows are set right, with --forget dimension {table}"
    )]
    LostDimension {
        /// The table's name.
        table: String,
        /// Which partition.
        partition: PartitionId,
        /// The offset up to which was read.
        offset: u64,
        /// Then.
        counted: u64,
        /// Now.
        found: u64,
    },
    /// The log was truncated, and has grown again.
    #[error(
        "the log of partition {partition} was truncated before offset {offset} and has grown again: the record before it \
         was written under leader epoch {known}, and the one that is there now under {found} (a broker lost its newest \
         records: a crash before they were flushed, an unclean leader election). What is shown counts records that no \
         longer exist. Nothing was written. Restore the log; or begin anew from what is there with --forget source: \
         rows are then set to what it says"
    )]
    Truncated {
        /// Which partition.
        partition: PartitionId,
        /// The offset to go on from.
        offset: u64,
        /// The leader epoch of the last record before it, as it was.
        known: i32,
        /// As it is.
        found: i32,
    },
    /// A sink is not the one that it was.
    #[error(
        "{sink} is not the one that was written to ({differs}). Nothing was written. Name the one that was; or, if it was \
         moved or restored on purpose, take it over as it is with --forget sink: what it shows is then compared and set \
         right"
    )]
    OtherSink {
        /// For people.
        sink: String,
        /// What is not the same.
        differs: String,
    },
}

impl Coded for Conflict {
    fn code(&self) -> &'static Code {
        match self {
            Conflict::OtherSink { .. } => &codes::sink::OTHER,
            Conflict::OtherSource { .. }
            | Conflict::NotThere { .. }
            | Conflict::NoPartition { .. }
            | Conflict::Fewer { .. }
            | Conflict::LostDimension { .. }
            | Conflict::Truncated { .. } => &codes::source::OTHER,
        }
    }
}

/// Compares what `holder` knows of its input with what is there. `Ok(true)`: it is of another one, and that may be.
pub fn admit(
    holder: &str,
    known: Option<&SourceIdentity>,
    opening: &Opening,
) -> Result<bool, Conflict> {
    compare(holder, known, opening, false)
}

/// The same of what offsets are kept with: files must have the numbers that they had.
pub fn admit_as_numbered(
    holder: &str,
    known: Option<&SourceIdentity>,
    opening: &Opening,
) -> Result<bool, Conflict> {
    compare(holder, known, opening, true)
}

fn compare(
    holder: &str,
    known: Option<&SourceIdentity>,
    opening: &Opening,
    as_numbered: bool,
) -> Result<bool, Conflict> {
    let (Some(known), Some(there)) = (known, opening.input()) else {
        return Ok(false);
    };
    if sabotage::is(Mistake::IdentityIgnored) {
        return Ok(false);
    }
    let head_of = |file: &FileIdentity, bytes| opening.head_of.as_ref()?(file, bytes);
    let differs = match as_numbered {
        true => known.differs_as_numbered(there, &head_of),
        false => known.differs(there, &head_of),
    };
    match differs {
        None => Ok(false),
        Some(_) if opening.forget.source => Ok(true),
        Some(differs) => Err(Conflict::OtherSource {
            holder: holder.to_owned(),
            differs,
            known: Box::new(known.clone()),
            there: Box::new(there.clone()),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str, id: Option<&str>, cluster: Option<&str>) -> SourceIdentity {
        SourceIdentity::Kafka {
            topic: name.to_owned(),
            id: id.map(str::to_owned),
            cluster: cluster.map(str::to_owned),
        }
    }

    fn same(then: &SourceIdentity, now: &SourceIdentity) -> bool {
        then.differs(now, &|_, _| None).is_none()
    }

    #[test]
    fn a_name_is_no_identity() {
        let then = topic("t", Some("a"), Some("c"));
        assert!(same(&then, &then));
        assert!(same(&then, &topic("renamed", Some("a"), Some("c"))));
        assert!(!same(&then, &topic("t", Some("b"), Some("c"))));
        assert!(!same(&then, &topic("t", Some("a"), Some("d"))));
        // What is not known is not different, but for the name.
        assert!(same(&then, &topic("t", None, None)));
        assert!(same(&topic("t", None, None), &then));
        assert!(!same(&topic("u", None, None), &then));
        let files = SourceIdentity::Files { files: Vec::new() };
        assert!(!same(&then, &files) && !same(&files, &then));
    }

    fn file(path: &str, size: u64, head: &str) -> FileIdentity {
        FileIdentity {
            path: path.to_owned(),
            size,
            head: head.to_owned(),
        }
    }

    #[test]
    fn a_file_may_grow_or_move_but_not_change() {
        let then = file("/a", 10, "h");
        let differs = |now: &FileIdentity, early: Option<&str>| {
            let head_of = |_: &FileIdentity, _: u64| early.map(str::to_owned);
            then.differs(now, &head_of).is_some()
        };
        assert!(!differs(&then, None));
        assert!(!differs(&file("/a", 20, "other"), Some("h")));
        assert!(differs(&file("/a", 20, "other"), Some("x")));
        assert!(differs(&file("/a", 20, "other"), None));
        assert!(differs(&file("/a", 9, "h"), Some("h")));
        assert!(differs(&file("/a", 10, "x"), None));
        assert!(!differs(&file("/b", 10, "h"), None));
        assert!(differs(&file("/b", 20, "h"), Some("h")));
        let large = file("/a", 3 * HEAD, "h");
        let grown = file("/a", 4 * HEAD, "h");
        assert!(large.differs(&grown, &|_, _| None).is_none());
        let one = SourceIdentity::Files {
            files: vec![then.clone()],
        };
        let two = SourceIdentity::Files {
            files: vec![then.clone(), file("/c", 1, "c")],
        };
        assert!(same(&one, &two), "a file more is a partition more");
        assert!(!same(&two, &one));
    }

    fn files(all: &[(&str, u64, &str)]) -> SourceIdentity {
        SourceIdentity::Files {
            files: all.iter().map(|(p, s, h)| file(p, *s, h)).collect(),
        }
    }

    #[test]
    fn a_file_keeps_its_number() {
        let then = files(&[("/b", 1, "b"), ("/d", 2, "d"), ("/e", 0, "")]);
        // Two more before, between and behind; one has grown, one lies elsewhere.
        let now = files(&[
            ("/a", 9, "a"),
            ("/b", 1, "b"),
            ("/c", 9, "c"),
            ("/e", 0, ""),
            ("/x/d", 2, "d"),
        ]);
        assert!(same(&then, &now));
        assert_eq!(
            then.differs_as_numbered(&now, &|_, _| None).as_deref(),
            Some("file 1: /a was another file")
        );
        let numbered = now.arranged(&then);
        let want = files(&[
            ("/b", 1, "b"),
            ("/x/d", 2, "d"),
            ("/e", 0, ""),
            ("/a", 9, "a"),
            ("/c", 9, "c"),
        ]);
        assert_eq!(numbered, want);
        assert_eq!(then.differs_as_numbered(&numbered, &|_, _| None), None);
        // The next time it is known in that order.
        assert_eq!(now.arranged(&numbered), want);
        let gone = files(&[("/a", 9, "a"), ("/b", 1, "b"), ("/e", 0, "")]);
        assert_eq!(
            then.differs(&gone, &|_, _| None).as_deref(),
            Some("the file /d is not given any more")
        );
        // Beside a topic it is the same.
        let several = |files: SourceIdentity| SourceIdentity::Several {
            inputs: vec![files, topic("t", None, None)],
        };
        assert_eq!(several(now.clone()).arranged(&several(then)), several(want));
        assert_eq!(several(now).files(), 5);
    }

    #[test]
    fn who_remembers_most_says_the_numbers() {
        let opening = Opening {
            source: Some(files(&[("/a", 1, "a"), ("/b", 1, "b"), ("/c", 1, "c")])),
            ..Opening::default()
        };
        let (one, two) = (
            files(&[("/c", 1, "c")]),
            files(&[("/c", 1, "c"), ("/b", 1, "b")]),
        );
        let other = files(&[("/z", 1, "z"), ("/b", 1, "b"), ("/a", 1, "a")]);
        let copy = opening.clone();
        opening.arrange([&one, &two, &other].into_iter());
        let want = files(&[("/c", 1, "c"), ("/b", 1, "b"), ("/a", 1, "a")]);
        assert_eq!(copy.input(), Some(&want));
        for known in [&one, &two] {
            assert_eq!(admit_as_numbered("s", Some(known), &copy), Ok(false));
        }
        // The same files by other numbers: offsets would be of others.
        let swapped = files(&[("/b", 1, "b"), ("/c", 1, "c")]);
        assert_eq!(admit("s", Some(&swapped), &copy), Ok(false));
        let conflict = admit_as_numbered("s", Some(&swapped), &copy).unwrap_err();
        assert_eq!(conflict.code().id, "S0310");
    }

    #[test]
    fn another_input_is_admitted_only_where_it_is_said() {
        let known = topic("t", Some("a"), None);
        let mut opening = Opening {
            source: Some(topic("t", Some("b"), None)),
            ..Opening::default()
        };
        let conflict = admit("the sink", Some(&known), &opening).unwrap_err();
        assert_eq!(conflict.code().id, "S0310");
        let text = conflict.to_string();
        for part in ["the sink", "id a", "id b", "--forget source"] {
            assert!(text.contains(part), "{text}");
        }
        opening.forget.source = true;
        assert_eq!(admit("the sink", Some(&known), &opening), Ok(true));
        assert_eq!(admit("the sink", None, &opening), Ok(false));
        opening.source = None;
        assert_eq!(admit("the sink", Some(&known), &opening), Ok(false));
    }

    #[test]
    fn a_conflict_is_the_sources_or_the_sinks() {
        let (sink, differs) = ("db".to_owned(), "schema".to_owned());
        let of_sink = Conflict::OtherSink { sink, differs };
        let (partition, offset, counted, found) = (0, 7, 7, 6);
        let of_source = Conflict::Fewer {
            partition,
            offset,
            counted,
            found,
        };
        assert_eq!(of_sink.code().id, "S0510");
        assert_eq!((of_source.code().id, of_source.code().exit), ("S0310", 2));
        let table = "cities".to_owned();
        let (conflict, text) = (
            Conflict::LostDimension {
                table,
                partition,
                offset,
                counted,
                found,
            },
            "--forget dimension cities",
        );
        assert_eq!((conflict.code().id, conflict.code().exit), ("S0310", 2));
        assert!(conflict.to_string().contains(text));
    }

    #[test]
    fn what_is_known_is_read_as_it_was_written() {
        let known = Known {
            source: Some(topic("t", Some("a"), None)),
            epochs: BTreeMap::from([(0, 3)]),
            records: BTreeMap::from([(0, 7)]),
            rankings: BTreeMap::from([("r".to_owned(), "f".to_owned())]),
        };
        let text = serde_json::to_string(&known).unwrap();
        assert_eq!(serde_json::from_str::<Known>(&text).unwrap(), known);
        assert_eq!(
            serde_json::from_str::<Known>("{}").unwrap(),
            Known::default()
        );
    }
}
