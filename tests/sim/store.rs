//! What the object store holds, and what must hold of it: a manifest names what was written, who was taken over writes
//! none, and nothing that a kept snapshot needs is removed. It can be put back to what it was (a backup of the folder).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;
use standings_engine::snapshot::{ObjectError, checksum};

use crate::world::{Offsets, World};

/// Snapshots that are kept, as the page on recovery says.
const KEPT: usize = 2;

#[derive(Default)]
pub struct StoreState {
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Every part that was ever written.
    parts: BTreeSet<String>,
    /// Which cluster opened it with which object.
    fences: BTreeMap<String, u64>,
    /// Who wrote which manifest or fence last, and which one was each cluster's last.
    writers: BTreeMap<String, u64>,
    lasts: BTreeMap<u64, String>,
    /// What it held, some objects ago.
    before: VecDeque<BTreeMap<String, Vec<u8>>>,
}

impl StoreState {
    /// Whether an object is where it was put, as this cluster left it.
    fn holds_fence_of(&self, cluster: u64) -> bool {
        let mut own = self.fences.iter().filter(|(_, by)| **by == cluster);
        own.any(|(name, _)| self.objects.contains_key(name))
    }

    /// Whether what this cluster wrote last lies there still: a disk may have lost it, and its number is given anew then.
    fn holds_last_of(&self, cluster: u64) -> bool {
        let last = self.lasts.get(&cluster);
        last.is_none_or(|name| {
            self.objects.contains_key(name) && self.writers.get(name) == Some(&cluster)
        })
    }

    /// The snapshots that can be read, newest first.
    pub fn snapshots(&self) -> impl Iterator<Item = Value> {
        let manifests = self.objects.iter().rev();
        let manifests = manifests.filter(|(name, _)| name.starts_with("manifests/"));
        let whole = manifests.filter_map(|(_, bytes)| manifest(bytes));
        whole.filter(|m| m["parts"].is_array())
    }

    /// Damages nothing, but forgets: it is what it was `back` objects ago.
    pub fn put_back(&mut self, back: usize) {
        for _ in 0..back {
            if let Some(before) = self.before.pop_back() {
                self.objects = before;
            }
        }
        let objects = &self.objects;
        self.fences.retain(|name, _| objects.contains_key(name));
    }
}

/// What a manifest says, unless it is damaged.
pub fn manifest(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (json, sum) = text.split_once('\n')?;
    let is_whole = sum.trim_end() == checksum(json.as_bytes());
    is_whole.then(|| serde_json::from_str(json).ok())?
}

impl World {
    /// A cluster creates an object.
    pub fn put_object(
        &mut self,
        cluster: u64,
        name: &str,
        bytes: Vec<u8>,
    ) -> Result<(), ObjectError> {
        if self.store.objects.contains_key(name) {
            return Err(ObjectError::Exists);
        }
        if self.weather.store_put_back > 0 {
            let now = self.store.objects.clone();
            self.store.before.push_back(now);
            if self.store.before.len() > 12 {
                self.store.before.pop_front();
            }
        }
        if !name.starts_with("manifests/") {
            self.store.parts.insert(name.to_owned());
        } else {
            let says = manifest(&bytes).expect("a manifest");
            // What lay there before may have been lost.
            self.store.fences.remove(name);
            match says["fence"].is_null() {
                true => self.check_manifest(cluster, name, &says),
                false => {
                    self.store.fences.insert(name.to_owned(), cluster);
                    self.seen.fences += 1;
                }
            }
            self.store.writers.insert(name.to_owned(), cluster);
            self.store.lasts.insert(cluster, name.to_owned());
        }
        self.store.objects.insert(name.to_owned(), bytes);
        Ok(())
    }

    /// A cluster removes an object: none that one of the newest snapshots needs. Who listed them before the store was put
    /// back may remove what it was put back to.
    pub fn remove_object(&mut self, name: &str) {
        let listed = self.seen.store_put_back == 0;
        for kept in self.store.snapshots().take(KEPT).filter(|_| listed) {
            let parts = kept["parts"].as_array().expect("parts");
            assert!(
                parts.iter().all(|part| part["name"] != name),
                "I9: {name} is removed, which snapshot {} needs",
                kept["id"]
            );
        }
        self.store.objects.remove(name);
    }

    /// A manifest comes after all the parts it names, and from who opened the store last.
    fn check_manifest(&mut self, cluster: u64, name: &str, says: &Value) {
        self.seen.manifests += 1;
        let fences = self.store.fences.iter().rev();
        let mut there = fences.filter(|(name, _)| self.store.objects.contains_key(*name));
        let newest = there.next();
        // Where a disk lost a fence, or many starts came after one, there is a hole behind the newer ones. It is written
        // into and does no harm: what a manifest there names may be gone.
        let in_hole = newest.is_some_and(|(fence, _)| name < fence.as_str());
        // Numbers are given anew after it was put back: who stood still may find its own free.
        let put_back = self.seen.store_put_back > 0;
        for part in says["parts"].as_array().expect("parts") {
            let name = part["name"].as_str().expect("a name");
            assert!(
                self.store.parts.contains(name),
                "a manifest names {name}, which was never written"
            );
            let lost = self.seen.corruptions > 0 || put_back || in_hole;
            assert!(
                self.store.objects.contains_key(name) || lost,
                "I9: a manifest names {name}, which was removed"
            );
        }
        if let Some((fence, by)) = newest
            && self.store.holds_fence_of(cluster)
            && self.store.holds_last_of(cluster)
            && !in_hole
            && !put_back
        {
            assert_eq!(
                *by, cluster,
                "I8: cluster {cluster} writes a manifest after cluster {by} has opened the store with {fence}"
            );
        }
        if in_hole {
            return;
        }
        let offsets: Offsets =
            serde_json::from_value(says["state"]["offsets"].clone()).expect("offsets");
        let kept = |p: u32| offsets.get(&p).copied().unwrap_or(0);
        self.kept_all |= (0..)
            .zip(&self.input)
            .all(|(p, lines)| kept(p) == lines.len() as u64);
        self.kept = offsets;
    }
}
