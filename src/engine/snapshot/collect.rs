//! What no snapshot needs any more is removed: only by who wrote the newest one, and only what cannot be another's.
//!
//! 1. Parts are listed *before* the manifest is written, the log after it. Where the log's newest object is that manifest,
//!    no other cluster had opened the log when the parts were listed: what is in the list is nobody's else.
//! 2. A part goes if no kept manifest names it and its attempt is no later than the one that was just completed.
//! 3. The newest snapshots that can be read are kept; what is damaged counts for none, and holds nothing up.

use hashbrown::HashSet;

use super::error::{LogError, Unreadable};
use super::log::{self, Entry, Log, PARTS};
use super::manifest::Manifest;
use super::objects::StoreError;
use super::store::Store;
use standings_model::sabotage::{self, Mistake};

/// Snapshots that are kept.
const KEEP: usize = 2;
/// Fences that are kept. A zombie that slept through more starts than this finds its next number free and writes there, a
/// snapshot that is older than others and is as right as it was; then it finds the newer fences, and removes nothing.
const FENCES: usize = 4;
/// Objects of a log that is collected: with more, starts follow one another without a snapshot between them.
const OBJECTS: usize = 12;

/// The parts there are, before a manifest is written.
pub(super) struct Before(Vec<String>);

impl Before {
    pub(super) fn look(store: &Store) -> Result<Self, StoreError> {
        store.list(PARTS).map(Before)
    }
}

/// Where many starts came to no snapshot, removes the oldest of their fences: otherwise each start would take longer than
/// the one before.
pub(super) fn collect_fences(store: &Store, all: &[(String, u64)]) {
    if all.len() <= OBJECTS {
        return;
    }
    let is_fence = |(name, id): &&(String, u64)| {
        matches!(Manifest::entry(store, name, *id), Ok(Entry::Fence(_)))
    };
    for (name, _) in all.iter().filter(is_fence).skip(FENCES) {
        store.remove(name);
    }
}

/// After `written` was: removes what it made superfluous.
pub(super) fn collect(
    store: &Store,
    log: &mut Log,
    before: &Before,
    written: &Manifest,
) -> Result<(), LogError> {
    let all = log::list(store)?;
    log.check(&all)?;
    let mut named: HashSet<String> = HashSet::new();
    let (mut snapshots, mut fences) = (0, 0);
    for (name, id) in &all {
        if *id == written.id {
            snapshots += 1;
            named.extend(written.parts.iter().map(|p| p.name.clone()));
            continue;
        }
        let entry = match log.fences.contains(id) {
            true => None,
            false => Some(Manifest::entry(store, name, *id)),
        };
        let is_fence = matches!(entry, None | Some(Ok(Entry::Fence(_))));
        if is_fence {
            log.fences.insert(*id);
        }
        let Some(entry) = entry.filter(|_| !is_fence) else {
            fences += 1;
            if fences > FENCES {
                store.remove(name);
            }
            continue;
        };
        match entry {
            Ok(Entry::Snapshot(manifest)) if snapshots < KEEP => {
                snapshots += 1;
                named.extend(manifest.parts.into_iter().map(|p| p.name));
            }
            Ok(_) | Err(Unreadable::Damaged(_)) if snapshots >= KEEP => store.remove(name),
            Ok(_) | Err(Unreadable::Damaged(_)) => {}
            // It may name anything: nothing is removed that it could need.
            Err(Unreadable::NoAnswer(problem)) => return Err(problem.into()),
        }
    }
    let is_past = |part: &&String| {
        let attempt = log::attempt_of(part);
        attempt.is_some_and(|a| a <= written.attempt || sabotage::is(Mistake::NewerPartsCollected))
    };
    let listed = match sabotage::is(Mistake::NewerPartsCollected) {
        true => store.list(PARTS)?,
        false => before.0.clone(),
    };
    for part in listed.iter().filter(is_past) {
        if !named.contains(part) {
            store.remove(part);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::order::PartFile;

    struct Cluster {
        log: Log,
        attempt: u64,
        store: Store,
        run: &'static str,
    }

    impl Cluster {
        fn open(store: &Store, run: &'static str) -> Self {
            let (log, attempt) = Log::open(store, run, || Ok(())).unwrap();
            Cluster {
                log,
                attempt,
                store: store.clone(),
                run,
            }
        }

        fn part(&mut self) -> PartFile {
            let name = format!("{}{}-0.parquet", log::parts_of(self.attempt), self.run);
            self.store.put(&name, vec![1]).unwrap();
            PartFile {
                name,
                size: 1,
                checksum: String::new(),
                rows: 1,
                held: false,
            }
        }

        fn snapshot(&mut self) -> Result<u64, LogError> {
            let part = self.part();
            let before = Before::look(&self.store).unwrap();
            let mut manifest = Manifest {
                attempt: self.attempt,
                parts: vec![part],
                ..Manifest::default()
            };
            self.attempt += 1;
            self.log.append(&mut manifest)?;
            collect(&self.store, &mut self.log, &before, &manifest)?;
            Ok(manifest.id)
        }
    }

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::snapshot::folder::store(folder.path());
        (folder, store)
    }

    #[test]
    fn what_is_damaged_holds_nothing_up() {
        let (folder, store) = store();
        let mut cluster = Cluster::open(&store, "a");
        for _ in 0..3 {
            cluster.snapshot().unwrap();
        }
        let newest = log::list(&store).unwrap()[0].0.clone();
        std::fs::write(folder.path().join(newest), "torn").unwrap();
        for _ in 0..5 {
            cluster.snapshot().unwrap();
        }
        assert_eq!(store.list(PARTS).unwrap().len(), KEEP);
        // Two snapshots and the fence.
        assert_eq!(log::list(&store).unwrap().len(), KEEP + 1);
    }

    #[test]
    fn parts_of_others_and_of_later_attempts_stay() {
        let (_folder, store) = store();
        let mut old = Cluster::open(&store, "old");
        old.snapshot().unwrap();
        old.snapshot().unwrap();
        let mut new = Cluster::open(&store, "new");
        let making = new.part();
        assert!(matches!(old.snapshot(), Err(LogError::Fenced { .. })));
        assert!(matches!(old.snapshot(), Err(LogError::Fenced { .. })));
        assert!(store.list(PARTS).unwrap().contains(&making.name));
        new.attempt += 3;
        let later = new.part();
        new.attempt -= 2;
        new.snapshot().unwrap();
        new.snapshot().unwrap();
        let there = store.list(PARTS).unwrap();
        assert!(there.contains(&later.name), "{there:?}");
        assert!(!there.contains(&making.name), "{there:?}");
    }

    #[test]
    fn starts_without_a_snapshot_leave_few_fences() {
        let (_folder, store) = store();
        let mut first = Cluster::open(&store, "first");
        let kept = first.snapshot().unwrap();
        for _ in 0..100 {
            Cluster::open(&store, "again");
        }
        let there = log::list(&store).unwrap();
        assert!(there.len() <= OBJECTS + 1, "{}", there.len());
        assert!(there.iter().any(|(_, id)| *id == kept));
    }
}
