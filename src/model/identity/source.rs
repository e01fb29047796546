//! Which input offsets are of: a topic, files, or several beside each other; and what differs between two.

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
        /// In the order of the flags.
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

impl SourceIdentity {
    /// Whether offsets of this can be applied to what is `there`: `None`, or what differs.
    pub fn differs(
        &self,
        there: &SourceIdentity,
        head_of: &dyn Fn(&FileIdentity, u64) -> Option<String>,
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
                files.iter().enumerate().find_map(|(n, f)| {
                    let name = &f.path;
                    let Some(now) = now.get(n) else {
                        return Some(format!("the file {name} is not given any more"));
                    };
                    f.differs(now, head_of)
                        .map(|what| format!("file {}: {what}", n + 1))
                })
            }
            (Several { inputs }, Several { inputs: now }) if inputs.len() == now.len() => {
                let mut pairs = inputs.iter().zip(now);
                pairs.find_map(|(then, now)| {
                    let what = then.differs(now, head_of)?;
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

    /// How many inputs are read beside each other.
    fn count(&self) -> usize {
        match self {
            SourceIdentity::Several { inputs } => inputs.len(),
            _ => 1,
        }
    }
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
