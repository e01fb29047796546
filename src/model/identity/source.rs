//! Which input offsets are of: a topic, files, or several beside each other; and what differs between two.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Bytes of a file that are hashed to know it again.
pub const HEAD: u64 = 64 << 10;

/// Which input offsets are of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
// Not tagged within: it travels between processes too, in a form that cannot look ahead.
#[serde(rename_all = "lowercase")]
pub enum SourceIdentity {
    /// A topic.
    Kafka {
        /// Its name.
        topic: String,
        /// The topic's id (KIP-516), base64; another one after it was deleted and made anew.
        id: Option<String>,
        /// The cluster's id.
        cluster: Option<String>,
    },
    /// Files, by partition.
    Files {
        /// In the order in which they got their numbers.
        #[serde(with = "super::packed")]
        files: Vec<FileIdentity>,
    },
    /// Several inputs beside each other, whose partitions are numbered in turn.
    Several {
        /// In the order of their addresses, files first.
        inputs: Vec<SourceIdentity>,
    },
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileIdentity {
    /// Its absolute path.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// XXH3 (64 bits) of its first [`HEAD`] bytes, in hex.
    pub head: String,
}

/// The hash of the first bytes of a present file; `None` if it has not so many, or cannot be read.
pub type HeadOf = Arc<dyn Fn(&FileIdentity, u64) -> Option<String> + Send + Sync>;

/// Which of the present files each of those that were known is.
type Places<'a> = dyn Fn(&[FileIdentity], &[FileIdentity]) -> Vec<Option<usize>> + 'a;

impl SourceIdentity {
    /// Whether offsets of this can be applied to what is `there`, once its files have the numbers that they had
    /// ([`SourceIdentity::arranged`]): `None`, or what differs.
    pub fn differs(
        &self,
        there: &SourceIdentity,
        head_of: &dyn Fn(&FileIdentity, u64) -> Option<String>,
    ) -> Option<String> {
        self.differs_in(there, head_of, &|then, now| same_files(then, now))
    }

    /// The same of what is `there` as it is numbered now.
    pub fn differs_as_numbered(
        &self,
        there: &SourceIdentity,
        head_of: &dyn Fn(&FileIdentity, u64) -> Option<String>,
    ) -> Option<String> {
        let numbers = |then: &[FileIdentity], now: &[FileIdentity]| {
            let number = |n| (n < now.len()).then_some(n);
            (0..then.len()).map(number).collect()
        };
        self.differs_in(there, head_of, &numbers)
    }

    /// The same where `places` says which of the present files each of those that were known is.
    fn differs_in(
        &self,
        there: &SourceIdentity,
        head_of: &dyn Fn(&FileIdentity, u64) -> Option<String>,
        places: &Places<'_>,
    ) -> Option<String> {
        use SourceIdentity::{Files, Kafka, Several};
        match (self, there) {
            (
                Kafka { topic, id, cluster },
                Kafka {
                    topic: topic_now,
                    id: id_now,
                    cluster: cluster_now,
                },
            ) => {
                if are_others(cluster, cluster_now) {
                    return Some("another Kafka cluster".to_owned());
                }
                match (id, id_now) {
                    (Some(then), Some(now)) if then == now => None,
                    (Some(_), Some(_)) if topic == topic_now => Some(
                        "the topic was deleted since, and another one of its name made".to_owned(),
                    ),
                    (Some(_), Some(_)) => Some("another topic".to_owned()),
                    _ if topic == topic_now => None,
                    _ => Some("another topic".to_owned()),
                }
            }
            (Files { files }, Files { files: now }) => {
                let places = places(files, now);
                files
                    .iter()
                    .zip(places)
                    .enumerate()
                    .find_map(|(n, (f, place))| {
                        let name = &f.path;
                        let Some(now) = place.and_then(|place| now.get(place)) else {
                            return Some(format!("the file {name} is not given any more"));
                        };
                        f.differs(now, head_of)
                            .map(|what| format!("file {}: {what}", n + 1))
                    })
            }
            (Several { inputs }, Several { inputs: now }) if inputs.len() == now.len() => {
                let mut pairs = inputs.iter().zip(now);
                pairs.find_map(|(then, now)| {
                    let what = then.differs_in(now, head_of, places)?;
                    Some(format!("{then}: {what}"))
                })
            }
            (Several { inputs }, now) => Some(format!(
                "{} inputs were read together, and {} now",
                inputs.len(),
                now.count()
            )),
            (_, Several { inputs }) => Some(format!(
                "one input was read, and {} together now",
                inputs.len()
            )),
            _ => Some("another kind of source".to_owned()),
        }
    }

    /// The same input with its files in the order in which they got their numbers: those that were `known` first, as they were,
    /// the others behind, in their order.
    pub fn arranged(&self, known: &SourceIdentity) -> SourceIdentity {
        use SourceIdentity::{Files, Several};
        match (self, known) {
            (Files { files }, Files { files: known }) => {
                let order = numbers(known, files).into_iter();
                Files {
                    files: order.map(|n| files[n].clone()).collect(),
                }
            }
            (Several { inputs }, Several { inputs: known }) if inputs.len() == known.len() => {
                let pairs = inputs.iter().zip(known);
                Several {
                    inputs: pairs.map(|(now, known)| now.arranged(known)).collect(),
                }
            }
            _ => self.clone(),
        }
    }

    /// How many files are in it.
    pub fn files(&self) -> usize {
        match self {
            SourceIdentity::Kafka { .. } => 0,
            SourceIdentity::Files { files } => files.len(),
            SourceIdentity::Several { inputs } => inputs.iter().map(Self::files).sum(),
        }
    }

    /// How many inputs are read beside each other.
    fn count(&self) -> usize {
        match self {
            SourceIdentity::Several { inputs } => inputs.len(),
            _ => 1,
        }
    }
}

/// Which of the present files each of those that were known is: by its path, else by its size and its first bytes.
fn same_files(known: &[FileIdentity], now: &[FileIdentity]) -> Vec<Option<usize>> {
    let by_path = now.iter().enumerate();
    let by_path: BTreeMap<&str, usize> = by_path.map(|(n, f)| (&f.path[..], n)).collect();
    let there = |f: &FileIdentity| by_path.get(&f.path[..]).copied();
    let mut places: Vec<Option<usize>> = known.iter().map(there).collect();
    let taken: BTreeSet<usize> = places.iter().flatten().copied().collect();
    let mut moved: BTreeMap<(u64, &str), VecDeque<usize>> = BTreeMap::new();
    for (n, f) in now.iter().enumerate().filter(|(n, _)| !taken.contains(n)) {
        moved.entry((f.size, &f.head)).or_default().push_back(n);
    }
    for (place, f) in places.iter_mut().zip(known) {
        let alike = moved.get_mut(&(f.size, &f.head[..]));
        *place = place.or_else(|| alike.and_then(VecDeque::pop_front));
    }
    places
}

/// The present files in the order of their numbers: those that were known first.
fn numbers(known: &[FileIdentity], now: &[FileIdentity]) -> Vec<usize> {
    let mut order: Vec<usize> = same_files(known, now).into_iter().flatten().collect();
    let taken: BTreeSet<usize> = order.iter().copied().collect();
    order.extend((0..now.len()).filter(|n| !taken.contains(n)));
    order
}

/// Both known, and not the same.
fn are_others<T: PartialEq>(then: &Option<T>, now: &Option<T>) -> bool {
    matches!((then, now), (Some(then), Some(now)) if then != now)
}

impl FileIdentity {
    /// A file may have grown, or lie elsewhere with the same content.
    pub(super) fn differs(
        &self,
        now: &FileIdentity,
        head_of: &dyn Fn(&FileIdentity, u64) -> Option<String>,
    ) -> Option<String> {
        let same_head = match self.size.min(HEAD) == now.size.min(HEAD) {
            true => self.head == now.head,
            false => head_of(now, self.size.min(HEAD)).as_ref() == Some(&self.head),
        };
        if self.path != now.path {
            let moved = same_head && self.size == now.size;
            return (!moved).then(|| format!("{} was another file", now.path));
        }
        if now.size < self.size {
            return Some(format!(
                "{} had {} bytes and has {} now",
                now.path, self.size, now.size
            ));
        }
        (!same_head).then(|| format!("{} begins otherwise than it did", now.path))
    }
}

impl fmt::Display for SourceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceIdentity::Kafka { topic, id, cluster } => {
                write!(f, "the topic `{topic}`")?;
                let id = id.as_ref().map(|id| format!("id {id}"));
                let cluster = cluster.as_ref().map(|id| format!("cluster {id}"));
                let both: Vec<String> = [id, cluster].into_iter().flatten().collect();
                match both.is_empty() {
                    true => Ok(()),
                    false => write!(f, " ({})", both.join(", ")),
                }
            }
            SourceIdentity::Several { inputs } => {
                let all: Vec<String> = inputs.iter().map(ToString::to_string).collect();
                f.write_str(&all.join(", and "))
            }
            SourceIdentity::Files { files } => {
                let shown = files.iter().take(3);
                let names: Vec<String> = shown
                    .map(|file| format!("{} ({} bytes)", file.path, file.size))
                    .collect();
                write!(f, "the files {}", names.join(", "))?;
                match files.len() {
                    n if n > 3 => write!(f, " and {} more", n - 3),
                    _ => Ok(()),
                }
            }
        }
    }
}
