//! What a StatefulSet asks of one of its pods. Decisions alone: nothing is asked or started here.
//!
//! 1. The generation of the cluster is the StatefulSet's `metadata.generation`: Kubernetes counts it up with every change
//!    of its spec, of the number of replicas too, and it is the same for all pods.
//! 2. A pod of an older revision runs nothing: it would speak another version, or rank other queries.
//! 3. While the controller has not yet seen the newest spec, nothing changes: its revision is not known.

use serde::Deserialize;

/// What is read of a StatefulSet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct StatefulSet {
    metadata: Metadata,
    spec: Spec,
    status: Status,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Metadata {
    generation: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Spec {
    replicas: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Status {
    observed_generation: u64,
    update_revision: String,
}

/// What a pod should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Run nothing, and wait to be replaced or removed.
    Rest,
    /// Run its process of a cluster.
    Run {
        /// `-n`.
        processes: usize,
        /// `--generation`.
        generation: u64,
    },
}

impl StatefulSet {
    /// What the pod of this ordinal and revision should do; `None`: as before.
    pub fn wish(&self, ordinal: usize, revision: &str) -> Option<Wish> {
        if self.metadata.generation == 0
            || self.status.observed_generation < self.metadata.generation
        {
            return None;
        }
        let outdated = !revision.is_empty() && revision != self.status.update_revision;
        if outdated || ordinal >= self.spec.replicas {
            return Some(Wish::Rest);
        }
        Some(Wish::Run {
            processes: self.spec.replicas,
            generation: self.metadata.generation,
        })
    }
}

/// `standings-2` is pod 2 of the StatefulSet `standings`.
pub fn set_and_ordinal(pod: &str) -> Option<(&str, usize)> {
    let (set, ordinal) = pod.rsplit_once('-')?;
    Some((set, ordinal.parse().ok()?)).filter(|(set, _)| !set.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(json: &str) -> StatefulSet {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn size_and_generation_are_the_sets() {
        let s = set(
            r#"{"kind":"StatefulSet","metadata":{"name":"s","generation":7},"spec":{"replicas":3,"serviceName":"s"},
                "status":{"observedGeneration":7,"updateRevision":"s-2","replicas":3}}"#,
        );
        let run = Wish::Run {
            processes: 3,
            generation: 7,
        };
        assert_eq!(s.wish(2, "s-2"), Some(run));
        assert_eq!(s.wish(2, ""), Some(run));
        // Of an older revision, or about to be removed.
        assert_eq!(s.wish(2, "s-1"), Some(Wish::Rest));
        assert_eq!(s.wish(3, "s-2"), Some(Wish::Rest));
    }

    #[test]
    fn what_the_controller_has_not_seen_changes_nothing() {
        let s = set(
            r#"{"metadata":{"generation":8},"spec":{"replicas":4},"status":{"observedGeneration":7,"updateRevision":"s-2"}}"#,
        );
        assert_eq!(s.wish(0, "s-2"), None);
        assert_eq!(set("{}").wish(0, ""), None);
    }

    #[test]
    fn pods_are_named_by_their_set() {
        assert_eq!(
            set_and_ordinal("shop-standings-12"),
            Some(("shop-standings", 12))
        );
        assert_eq!(set_and_ordinal("standings"), None);
        assert_eq!(set_and_ordinal("-1"), None);
        assert_eq!(set_and_ordinal("a-b"), None);
    }
}
