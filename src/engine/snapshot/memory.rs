//! Objects in memory, for as long as somebody holds them: what needs a store and nothing that lasts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use standings_model::clock::Clock;

use super::{ObjectError, Objects, Store};

#[derive(Default)]
struct Memory(Mutex<BTreeMap<String, Vec<u8>>>);

impl Memory {
    fn all(&self) -> MutexGuard<'_, BTreeMap<String, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store {
    /// An empty store in memory; copies of it are the same store.
    pub fn in_memory() -> Self {
        Store::of(
            "memory".to_owned(),
            Arc::new(Memory::default()),
            Clock::default(),
        )
    }
}

impl Objects for Memory {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let mut all = self.all();
        if all.contains_key(name) {
            return Err(ObjectError::Exists);
        }
        all.insert(name.to_owned(), bytes);
        Ok(())
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        self.all().get(name).cloned().ok_or(ObjectError::Missing)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, ObjectError> {
        let all = self.all();
        let names = all.keys().filter(|name| {
            let rest = name.strip_prefix(folder);
            rest.is_some_and(|rest| rest.starts_with('/'))
        });
        Ok(names.cloned().collect())
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        self.all().remove(name);
        Ok(())
    }
}
