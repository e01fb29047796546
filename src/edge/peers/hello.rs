//! Who a process says it is, and who is let in.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::source::SourceUrl;

/// Who a process is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// `--cluster-id`.
    pub cluster: String,
    /// `--generation`: one life of the cluster.
    pub generation: u64,
    /// Version of the program.
    pub version: String,
    /// Which process.
    pub process: usize,
    /// Of how many.
    pub processes: usize,
    /// Worker threads of each.
    pub workers: usize,
    /// What the queries are, in short.
    pub queries: String,
    /// Where sales come from: every `--source`, as given.
    #[serde(default)]
    pub source: String,
    /// `--state`, as given; empty without one.
    #[serde(default)]
    pub state: String,
    /// What the connection is for.
    #[serde(default)]
    pub line: Line,
}

/// What a connection between two processes is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Line {
    /// The dataflow.
    #[default]
    Data,
    /// A byte now and then, both ways.
    Pulse,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    Welcome,
    /// Show that you know the secret; this is how the one who listens does.
    Prove {
        nonce: String,
        proof: String,
    },
    /// Not of this cluster: the reason.
    Refused(String),
    /// Of a newer generation, as it says, but nothing proves it: come again when what runs has ended.
    Unproven(String),
    /// Of a generation that is over: the present one.
    Outdated(u64),
    /// Of a newer generation than this process, which ends.
    Newer,
}

impl Hello {
    /// `--source`, however often it is given, as [`Hello::source`]: the first, and of more their number and checksum, so
    /// that ten thousand files fit into a greeting.
    pub fn source_of(urls: &[SourceUrl]) -> String {
        let all: Vec<String> = urls.iter().map(ToString::to_string).collect();
        match &all[..] {
            [] => String::new(),
            [one] => one.clone(),
            [first, rest @ ..] => {
                let sum = xxh3_64(rest.join("\n").as_bytes());
                format!("{first} and {} more (checksum {sum:016x})", rest.len())
            }
        }
    }

    /// What this process, which listens, says to another that dials it. `proven`: it has shown that it is of this cluster;
    /// one that has not is told nothing of it, and ends nothing.
    pub(super) fn judge(&self, other: &Hello, proven: bool) -> Answer {
        let refused = |what: &str, own: &dyn std::fmt::Display, its: &dyn std::fmt::Display| {
            Answer::Refused(format!(
                "process {} has {what} {own}, process {} has {its}",
                self.process, other.process
            ))
        };
        if self.cluster != other.cluster && !proven {
            return Answer::Refused(format!(
                "its cluster id {} is not that of process {}",
                other.cluster, self.process
            ));
        }
        if self.cluster != other.cluster {
            return refused("cluster id", &self.cluster, &other.cluster);
        }
        match other.generation.cmp(&self.generation) {
            std::cmp::Ordering::Less => return Answer::Outdated(self.generation),
            std::cmp::Ordering::Greater if proven => return Answer::Newer,
            std::cmp::Ordering::Greater => {
                return Answer::Unproven(format!(
                    "generation {} is newer than what runs here, but nothing proves that it is of this cluster; end what \
                     runs first, or give every process the same --cluster-secret",
                    other.generation
                ));
            }
            std::cmp::Ordering::Equal => {}
        }
        if self.version != other.version {
            return refused("version", &self.version, &other.version);
        }
        if self.processes != other.processes {
            return refused("-n", &self.processes, &other.processes);
        }
        if self.workers != other.workers {
            return refused("-w", &self.workers, &other.workers);
        }
        if self.queries != other.queries {
            return Answer::Refused(
                "the queries differ; give all processes the same folder".to_owned(),
            );
        }
        if self.source != other.source {
            return refused("--source", &self.source, &other.source);
        }
        if self.state != other.state {
            let named = |state: &String| match state.is_empty() {
                true => "none".to_owned(),
                false => state.clone(),
            };
            return refused("--state", &named(&self.state), &named(&other.state));
        }
        if other.process <= self.process || other.process >= self.processes {
            return Answer::Refused(format!(
                "process {} does not dial process {}; are two started with the same -p, or the lines of the hosts \
                 files in another order?",
                other.process, self.process
            ));
        }
        Answer::Welcome
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn hello(process: usize) -> Hello {
        Hello {
            cluster: "c".to_owned(),
            generation: 4,
            version: "1".to_owned(),
            process,
            processes: 3,
            workers: 2,
            queries: "q".to_owned(),
            source: "kafka://k:1/t".to_owned(),
            state: String::new(),
            line: Line::Data,
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_the_reason() {
        let own = hello(0);
        for (other, word) in [
            (
                Hello {
                    workers: 3,
                    ..hello(1)
                },
                "-w 2",
            ),
            (
                Hello {
                    processes: 4,
                    ..hello(1)
                },
                "-n 3",
            ),
            (
                Hello {
                    version: "2".to_owned(),
                    ..hello(1)
                },
                "version 1",
            ),
            (
                Hello {
                    queries: "r".to_owned(),
                    ..hello(1)
                },
                "queries differ",
            ),
            (
                Hello {
                    source: "kafka://k:1/other".to_owned(),
                    ..hello(1)
                },
                "--source kafka://k:1/t",
            ),
            (
                Hello {
                    state: "file:s".to_owned(),
                    ..hello(1)
                },
                "has --state none, process 1 has file:s",
            ),
            (hello(0), "same -p"),
            (hello(7), "same -p"),
        ] {
            let Answer::Refused(why) = own.judge(&other, true) else {
                panic!("{other:?} is not refused");
            };
            assert!(why.contains(word), "{why}");
        }
        let newer = Hello {
            generation: 5,
            ..hello(1)
        };
        assert!(matches!(own.judge(&newer, true), Answer::Newer));
        assert!(matches!(own.judge(&newer, false), Answer::Unproven(_)));
        let other = Hello {
            cluster: "d".to_owned(),
            ..hello(1)
        };
        assert!(matches!(own.judge(&other, false), Answer::Refused(why) if !why.contains("id c")));
    }

    #[test]
    fn the_order_of_files_is_that_of_partitions() {
        let of = |files: &[&str]| {
            let urls: Vec<SourceUrl> = files.iter().map(|f| f.parse().unwrap()).collect();
            Hello::source_of(&urls)
        };
        let (one, other) = (
            ["file:a", "file:b", "file:c"],
            ["file:a", "file:c", "file:b"],
        );
        assert_ne!(of(&one), of(&other));
        assert!(of(&one).starts_with("file:a and 2 more"), "{}", of(&one));
    }
}
