//! Where snapshots lie, and how patiently it is asked.

use std::sync::Arc;
use std::time::Duration;

use xxhash_rust::xxh3::xxh3_64;

use super::objects::{ObjectError, Objects, StoreError};
use standings_model::clock::Clock;

/// A store that is open; copies of it are the same store.
#[derive(Clone)]
pub struct Store {
    name: String,
    objects: Arc<dyn Objects>,
    clock: Clock,
}

/// Waits before a call is tried again: what fails in passing is not lost.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_millis(1000),
];

impl Store {
    /// These objects, under a name for logs; waits are by this clock.
    pub fn of(name: String, objects: Arc<dyn Objects>, clock: Clock) -> Self {
        Store {
            name,
            objects,
            clock,
        }
    }

    /// Where, for logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a new object; an error if there is one of that name, which then stays. Is not tried again: who writes knows
    /// what a lost answer means.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.objects.put(name, bytes);
        put.map_err(|e| StoreError::of(e, "writing", name))
    }

    /// Reads an object; tried again where that fails in passing.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.patiently("reading", name, || self.objects.get(name))
    }

    /// The names below a folder, sorted; tried again where that fails in passing.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut names = self.patiently("listing", folder, || self.objects.list(folder))?;
        names.sort();
        Ok(names)
    }

    /// Removes an object; one that is not there is no error.
    pub fn remove(&self, name: &str) {
        if let Err(problem) = self.objects.remove(name) {
            tracing::debug!(event = "snapshot_not_removed", name, problem = %problem);
        }
    }

    fn patiently<R>(
        &self,
        doing: &'static str,
        name: &str,
        call: impl Fn() -> Result<R, ObjectError>,
    ) -> Result<R, StoreError> {
        let mut waits = AGAIN.iter();
        loop {
            match (call(), waits.next()) {
                (Err(ObjectError::Failed(problem)), Some(wait)) => {
                    tracing::debug!(event = "store_tried_again", doing, name, problem);
                    self.clock.sleep(*wait);
                }
                (done, _) => return done.map_err(|e| StoreError::of(e, doing, name)),
            }
        }
    }
}

/// The checksum of a part or a manifest.
pub fn checksum(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}
