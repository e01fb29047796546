//! How far a source is, as the topic of cursors has it: key = the source's name, value = this as JSON.
//!
//! 1. A cursor counts only where its generation is not below one that was written before it: an older instance's is refused.
//! 2. A format that this version does not know is refused, and so is a cursor of another configuration: what it counts would be
//!    something else.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use standings_model::sabotage::{self, Mistake};

/// The topic of cursors.
pub const TOPIC: &str = "standings-ingest";
/// The topic of what sources remember beside: key = the source's name, `/`, and the note's own.
pub const LEDGER: &str = "standings-ingest-ledger";
/// What the ids of transactions begin with; the source's name follows.
pub const TRANSACTIONS: &str = "standings-ingest-";
/// The format of cursors that this version writes.
pub const FORMAT: u32 = 1;

/// How far a source is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cursor {
    /// [`FORMAT`] of who wrote it.
    pub format: u32,
    /// Which instance of the source: each that takes over has one more.
    pub generation: u64,
    /// Of the configuration that the cursor is of.
    pub fingerprint: String,
    /// That configuration, as far as a cursor depends on it, without secrets: to say what differs.
    #[serde(default)]
    pub configuration: BTreeMap<String, String>,
    /// What the source says; null before its first record.
    #[serde(default)]
    pub cursor: Value,
    /// When it was written, UTC.
    #[serde(default)]
    pub written_at: String,
}

/// What the log holds of a source.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Kept {
    /// The newest cursor.
    pub cursor: Option<Cursor>,
    /// The greatest generation of the cursors before it.
    pub greatest: u64,
    /// The ledger.
    pub notes: BTreeMap<String, String>,
}

/// A cursor from which nothing may go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Of a newer version.
    #[error(
        "the cursor is of format {format}, and this version knows up to {FORMAT}: a newer version wrote it; start that one"
    )]
    Newer {
        /// Its format.
        format: u32,
    },
    /// Written by an instance that was taken over.
    #[error(
        "the newest cursor is of generation {generation}, and one of generation {greatest} was written before it: something \
         else than this program wrote into the topic `{TOPIC}`; write the newer one again, or begin anew under another name"
    )]
    Older {
        /// Of the newest.
        generation: u64,
        /// Of one before.
        greatest: u64,
    },
    /// Of something else.
    #[error(
        "the cursor is of another configuration ({differs}): what it counts is not what would be read; give the source another \
         name to read from the beginning, or say --adopt NAME to go on with the cursor as it is"
    )]
    Other {
        /// What was, and what is.
        differs: String,
    },
}

impl Kept {
    /// Looks whether a source of this configuration may go on from what is kept.
    ///
    /// # Errors
    /// It may not; `adopt`: another configuration is taken for this one.
    pub fn admit(&self, about: &About, adopt: bool) -> Result<(), Refused> {
        let Some(cursor) = &self.cursor else {
            return Ok(());
        };
        if cursor.format > FORMAT {
            return Err(Refused::Newer {
                format: cursor.format,
            });
        }
        if cursor.generation < self.greatest && !sabotage::is(Mistake::IngestOlderTaken) {
            return Err(Refused::Older {
                generation: cursor.generation,
                greatest: self.greatest,
            });
        }
        let is_other = cursor.fingerprint != about.fingerprint();
        if is_other && !adopt && !sabotage::is(Mistake::IngestOtherTaken) {
            return Err(Refused::Other {
                differs: about.differs(&cursor.configuration),
            });
        }
        Ok(())
    }
}

/// What a source is, as far as its cursor depends on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: String,
    /// Setting by setting, without secrets.
    pub configuration: BTreeMap<String, String>,
}

impl About {
    /// A hash of the configuration.
    pub fn fingerprint(&self) -> String {
        let text: Vec<String> = self
            .configuration
            .iter()
            .map(|(k, v)| format!("{}:{k}{}:{v}", k.len(), v.len()))
            .collect();
        format!(
            "{:032x}",
            xxhash_rust::xxh3::xxh3_128(text.concat().as_bytes())
        )
    }

    fn differs(&self, was: &BTreeMap<String, String>) -> String {
        let names: std::collections::BTreeSet<&String> =
            was.keys().chain(self.configuration.keys()).collect();
        let shown = |of: &BTreeMap<String, String>, name: &str| match of.get(name) {
            Some(value) => format!("`{value}`"),
            None => "not given".to_owned(),
        };
        let all: Vec<String> = names
            .into_iter()
            .filter(|name| was.get(*name) != self.configuration.get(*name))
            .map(|name| {
                let is = shown(&self.configuration, name);
                format!("`{name}` was {}, and is {is}", shown(was, name))
            })
            .collect();
        all.join("; ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(path: &str) -> About {
        About {
            name: "inbox".to_owned(),
            configuration: [("path".to_owned(), path.to_owned())].into(),
        }
    }

    fn kept(generation: u64, greatest: u64, path: &str) -> Kept {
        let of = about(path);
        Kept {
            cursor: Some(Cursor {
                format: FORMAT,
                generation,
                fingerprint: of.fingerprint(),
                configuration: of.configuration,
                cursor: Value::Null,
                written_at: String::new(),
            }),
            greatest,
            ..Kept::default()
        }
    }

    #[test]
    fn what_may_be_gone_on_from() {
        let inbox = about("/in");
        assert_eq!(Kept::default().admit(&inbox, false), Ok(()));
        assert_eq!(kept(3, 3, "/in").admit(&inbox, false), Ok(()));
        assert_eq!(kept(4, 3, "/in").admit(&inbox, false), Ok(()));
        let older = kept(2, 3, "/in").admit(&inbox, false).unwrap_err();
        assert!(older.to_string().contains("generation 2"), "{older}");
        let other = kept(3, 3, "/out").admit(&inbox, false).unwrap_err();
        assert!(
            other
                .to_string()
                .contains("`path` was `/out`, and is `/in`"),
            "{other}"
        );
        assert_eq!(kept(3, 3, "/out").admit(&inbox, true), Ok(()));
        let mut newer = kept(3, 3, "/in");
        newer.cursor.as_mut().unwrap().format = FORMAT + 1;
        assert!(newer.admit(&inbox, true).is_err());
    }
}
