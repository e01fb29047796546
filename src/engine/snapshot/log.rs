//! The log of manifests: numbers one after the other, each written once, by whoever comes first. It is the fence of the
//! store: who has been taken over can write nothing more, because the number it would use is taken.
//!
//! ```text
//! A opens: 1 fence(A)    A: 2 snapshot   3 snapshot
//! B opens:                                            4 fence(B)    B: 5 snapshot
//! A goes on, knows 3 to be the newest:                4 is there, and B's: A ends
//! ```
//!
//! 1. An object is made with "create, or fail if it is there", which folders and buckets both do as one step.
//! 2. A cluster's generation is the number of the fence that it opened the log with, before it reads what is there.
//! 3. A number that is taken is looked at: with the own generation in it, it is the own one, whose answer was lost.
//! 4. The newest fences stay, so that the number after the last one that a zombie knows is never free again.
//! 5. Numbers are far from overflowing: a name with a greater one is none of ours, and is passed over by name.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::collect::collect_fences;
use super::error::{LogError, Unreadable};
use super::manifest::{FORMAT, Manifest, lines};
use super::objects::{ObjectError, StoreError};
use super::store::Store;
use standings_model::sabotage::{self, Mistake};
use standings_process::exit::Failure;

/// Where manifests and fences lie.
pub(super) const FOLDER: &str = "manifests";
/// Where parts lie.
pub(super) const PARTS: &str = "parts";
/// The greatest number that is given: JSON readers everywhere know it exactly.
const GREATEST: u64 = 1 << 53;
/// How often an opening tries to be the first.
const TRIES: usize = 50;

/// The name of the object with this number.
pub(super) fn name(id: u64) -> String {
    format!("{FOLDER}/{id:010}.json")
}

/// The start of the names of all parts of one attempt.
pub(super) fn parts_of(attempt: u64) -> String {
    format!("{PARTS}/{attempt:010}-")
}

/// The attempt that a part belongs to, by its name.
pub(super) fn attempt_of(part: &str) -> Option<u64> {
    let (number, _) = part
        .strip_prefix(PARTS)?
        .strip_prefix('/')?
        .split_once('-')?;
    let number = number.parse().ok().filter(|n| *n <= GREATEST)?;
    part.starts_with(&parts_of(number)).then_some(number)
}

/// Says that a cluster has opened the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fence {
    format: u32,
    id: u64,
    generation: u64,
    /// Which opening: unlike any other's.
    fence: String,
}

impl Fence {
    /// The number that it says it has.
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Puts it in its place; `false` if another was there before.
    fn put(&self, store: &Store) -> Result<bool, LogError> {
        let name = name(self.id);
        let bytes = lines(self)?;
        let Err(problem) = store.put(&name, bytes.clone()) else {
            return Ok(true);
        };
        // It may be there, and may be ours: an answer can be lost.
        match (store.get(&name), problem.why == ObjectError::Exists) {
            (Ok(found), _) => Ok(found == bytes),
            (Err(e), true) if e.why == ObjectError::Missing => Ok(false),
            (Err(e), true) => Err(e.into()),
            (Err(_), false) => Err(problem.into()),
        }
    }
}

/// What lies under a number.
pub(super) enum Entry {
    Fence(Fence),
    Snapshot(Box<Manifest>),
}

impl Entry {
    fn generation(&self) -> u64 {
        match self {
            Entry::Fence(fence) => fence.generation,
            Entry::Snapshot(manifest) => manifest.generation,
        }
    }
}

/// The log, opened by this cluster.
///
/// # Examples
///
/// ```
/// use standings_engine::snapshot::{Log, Store};
///
/// let store = Store::in_memory();
/// let sinks_are_ours = || Ok(());
/// let (_first, _) = Log::open(&store, "the first cluster", sinks_are_ours).unwrap();
/// let (_second, _) = Log::open(&store, "the second cluster", sinks_are_ours).unwrap();
/// // Each opening has left its fence, under a number of its own; the first can append nothing any more, because the
/// // number it would take is taken.
/// let fences = store.list("manifests").unwrap();
/// assert_eq!(fences, ["manifests/0000000001.json", "manifests/0000000002.json"]);
/// // What is there stays: an object is made, or it fails.
/// assert!(store.put(&fences[1], b"another".to_vec()).is_err());
/// ```
pub struct Log {
    store: Store,
    /// The number of the own fence.
    generation: u64,
    /// The newest number that this cluster knows to be there.
    last: u64,
    /// Fences that were read before: they never change.
    pub(super) fences: BTreeSet<u64>,
}

/// The numbers there are, newest first, with their names.
pub(super) fn list(store: &Store) -> Result<Vec<(String, u64)>, StoreError> {
    let mut found: Vec<(String, u64)> = store
        .list(FOLDER)?
        .into_iter()
        .filter_map(|found| {
            let id = found.strip_prefix(FOLDER)?.strip_prefix('/')?;
            let id = id.strip_suffix(".json")?.parse().ok();
            match id.filter(|id| *id <= GREATEST && name(*id) == found) {
                Some(id) => Some((found, id)),
                None => {
                    tracing::debug!(event = "manifest_name_unknown", name = found);
                    None
                }
            }
        })
        .collect();
    found.sort_by_key(|(_, id)| std::cmp::Reverse(*id));
    Ok(found)
}

fn next(newest: u64, store: &Store) -> Result<u64, LogError> {
    match newest < GREATEST {
        true => Ok(newest + 1),
        false => Err(LogError::NoNumber {
            store: store.name().to_owned(),
            newest: name(newest),
        }),
    }
}

impl Log {
    /// Opens it: from now on no cluster that opened it before can write there. With it comes the number of the first
    /// attempt, which is above every part that lies there. `run` is unlike any other opening's; `confirm` says whether
    /// all sinks are still this cluster's, and is asked between finding the number and taking it: so that who owns the
    /// sinks has the log, too, and not who stood still while it opened.
    pub fn open(
        store: &Store,
        run: &str,
        mut confirm: impl FnMut() -> Result<(), Failure>,
    ) -> Result<(Self, u64), Failure> {
        for _ in 0..TRIES {
            let all = list(store)?;
            let newest = all.first().map_or(0, |(_, id)| *id);
            confirm()?;
            let id = next(newest, store)?;
            let fence = Fence {
                format: FORMAT,
                id,
                generation: id,
                fence: run.to_owned(),
            };
            if !fence.put(store)? {
                continue;
            }
            tracing::debug!(
                event = "state_opened",
                state = store.name(),
                generation = id
            );
            let log = Log {
                store: store.clone(),
                generation: id,
                last: id,
                fences: BTreeSet::from([id]),
            };
            collect_fences(store, &all);
            let parts = store.list(PARTS)?;
            let greatest = parts.iter().filter_map(|part| attempt_of(part)).max();
            let first = next(greatest.unwrap_or(0).max(id), store)?;
            return Ok((log, first));
        }
        let store = store.name().to_owned();
        Err(LogError::Contended { store }.into())
    }

    /// Gives a manifest the next number, and writes it.
    pub(super) fn append(&mut self, manifest: &mut Manifest) -> Result<(), LogError> {
        manifest.format = FORMAT;
        manifest.generation = self.generation;
        loop {
            let newest = match sabotage::is(Mistake::StoreFenceNotChecked) {
                true => list(&self.store)?.first().map_or(0, |(_, id)| *id),
                false => self.last,
            };
            let id = next(newest, &self.store)?;
            manifest.id = id;
            let bytes = lines(manifest)?;
            match self.store.put(&name(id), bytes.clone()) {
                Ok(()) => {
                    self.last = id;
                    return Ok(());
                }
                Err(e) if e.why == ObjectError::Exists => {
                    self.look_at(id)?;
                    self.last = id;
                    // Of two calls under one number the one before may have been written without an answer.
                    if self.store.get(&name(id))? == bytes {
                        return Ok(());
                    }
                }
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Whether what lies there is this cluster's own.
    fn look_at(&self, id: u64) -> Result<(), LogError> {
        match Manifest::entry(&self.store, &name(id), id) {
            Ok(entry) if entry.generation() == self.generation => Ok(()),
            Err(Unreadable::NoAnswer(problem)) => Err(problem.into()),
            Ok(entry) => Err(self.fenced(entry.generation())),
            // Not ours, as far as one can tell; an opening that begins anew finds its place behind it.
            Err(Unreadable::Damaged(_)) => Err(self.fenced(id)),
        }
    }

    /// Whether a number greater than the own last one is there among `all`.
    pub(super) fn check(&self, all: &[(String, u64)]) -> Result<(), LogError> {
        match all.first() {
            Some((_, newest))
                if *newest > self.last && !sabotage::is(Mistake::StoreFenceNotChecked) =>
            {
                Err(self.fenced(*newest))
            }
            _ => Ok(()),
        }
    }

    fn fenced(&self, by: u64) -> LogError {
        LogError::Fenced {
            store: self.store.name().to_owned(),
            by,
            own: self.generation,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(folder: &std::path::Path) -> Store {
        crate::snapshot::folder::store(folder)
    }

    fn open(store: &Store, run: &str) -> Result<(Log, u64), Failure> {
        Log::open(store, run, || Ok(()))
    }

    #[test]
    fn who_was_taken_over_writes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (mut old, first) = open(&store, "a").unwrap();
        assert_eq!((old.generation, first), (1, 2));
        let mut manifest = Manifest::default();
        old.append(&mut manifest).unwrap();
        assert_eq!((manifest.id, manifest.generation), (2, 1));
        let (mut new, _) = open(&store, "b").unwrap();
        assert_eq!(new.generation, 3);
        let refused = old.append(&mut Manifest::default());
        assert!(
            matches!(&refused, Err(e @ LogError::Fenced { .. }) if e.to_string().contains("generation there is 3"))
        );
        new.append(&mut Manifest::default()).unwrap();
        assert!(matches!(
            old.append(&mut Manifest::default()),
            Err(LogError::Fenced { .. })
        ));
        assert_eq!(list(&store).unwrap()[0].1, 4);
    }

    #[test]
    fn an_answer_that_was_lost_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let (mut log, _) = open(&store, "a").unwrap();
        let mut manifest = Manifest {
            attempt: 7,
            ..Manifest::default()
        };
        log.append(&mut manifest).unwrap();
        // It does not know of it, and tries the very same again; then another.
        log.last -= 1;
        log.append(&mut manifest).unwrap();
        assert_eq!((manifest.id, log.last), (2, 2));
        log.last -= 1;
        manifest.attempt = 8;
        log.append(&mut manifest).unwrap();
        assert_eq!((manifest.id, log.last), (3, 3));
    }

    #[test]
    fn names_that_nobody_gave_are_no_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        for hostile in [
            "18446744073709551615",
            "18446744073709551616",
            "9007199254740993",
            "7",
            "00000000008",
            "-000000009",
            "x",
        ] {
            let manifest = format!("{FOLDER}/{hostile}.json");
            store.put(&manifest, b"{}".to_vec()).unwrap();
            let part = format!("{PARTS}/{hostile}-a-0.parquet");
            store.put(&part, b"PAR1".to_vec()).unwrap();
        }
        let (log, first) = open(&store, "a").unwrap();
        assert_eq!((log.generation, first), (1, 2));
        // An eleventh digit is a number like others.
        store.put(&name(9_999_999_999), b"{}".to_vec()).unwrap();
        let (mut log, first) = open(&store, "b").unwrap();
        assert_eq!((log.generation, first), (10_000_000_000, 10_000_000_001));
        log.append(&mut Manifest::default()).unwrap();
        assert_eq!(list(&store).unwrap()[0].1, 10_000_000_001);
        store.put(&name(GREATEST), b"{}".to_vec()).unwrap();
        let full = open(&store, "c").err().unwrap().to_string();
        assert!(full.contains("9007199254740992.json"), "{full}");
    }

    #[test]
    fn attempts_are_above_all_parts() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let part = format!("{}run-0.parquet", parts_of(41));
        store.put(&part, Vec::new()).unwrap();
        assert_eq!(attempt_of(&part), Some(41));
        assert_eq!(open(&store, "a").unwrap().1, 42);
    }
}
