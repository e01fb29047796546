//! What no snapshot needs any more is removed: only by who wrote the newest one, and only what cannot be another's.
//!
//! 1. Parts are listed *before* the manifest is written, the log after it. Where the log's newest object is that manifest,
//!    no other cluster had opened the log when the parts were listed: what is in the list is nobody's else.
//! 2. A part goes if no kept manifest names it and its attempt is no later than the one that was just completed.
//! 3. The newest snapshots that can be read are kept; what is damaged counts for none, and holds nothing up.

use hashbrown::HashSet;

use super::log::{self, Entry, Log, PARTS, Refused};
use super::manifest::{Manifest, Unreadable};
use super::store::Store;
use crate::model::sabotage::{self, Mistake};

/// Snapshots that are kept.
const KEEP: usize = 2;
/// Fences that are kept. A zombie that slept through more starts than this finds its next number free and writes there, a
/// snapshot that is older than others and is as right as it was; then it finds the newer fences, and removes nothing.
const FENCES: usize = 16;
/// Objects of a log that is collected: with more, starts follow one another without a snapshot between them.
const OBJECTS: usize = 32;

/// The parts there are, before a manifest is written.
pub(super) struct Before(Vec<String>);

impl Before {
    pub(super) fn look(store: &Store) -> Result<Self, String> {
        store.list(PARTS).map(Before).map_err(|e| e.to_string())
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
) -> Result<(), Refused> {
    let all = log::list(store)?;
    log.check(&all)?;
    let mut named: HashSet<String> = HashSet::new();
    let (mut snapshots, mut fences) = (0, 0);
    for (name, id) in &all {
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
            Err(Unreadable::NoAnswer(problem)) => return Err(Refused::Failed(problem)),
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
