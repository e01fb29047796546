//! The texts that a worker's totals hold: each stored once, counted, and let go with the last window that uses it.

use std::sync::Arc;

use hashbrown::HashTable;

use crate::model::bytes::same;

/// Counted byte strings by number.
#[derive(Default)]
pub struct Interner {
    entries: Vec<Entry>,
    free: Vec<u32>,
    /// Texts that may have no use; looked at by [`Interner::sweep`], so that numbers stay good within a batch.
    idle: Vec<u32>,
    index: HashTable<u32>,
}

struct Entry {
    bytes: Arc<[u8]>,
    hash: u64,
    uses: u32,
    held: bool,
}

impl Interner {
    /// The number of a text; found or added, with no use counted yet.
    pub fn intern(&mut self, bytes: &[u8], hash: u64) -> u32 {
        let entries = &self.entries;
        let is_same = |id: &u32| {
            let entry = &entries[*id as usize];
            entry.hash == hash && same(&entry.bytes, bytes)
        };
        if let Some(id) = self.index.find(hash, is_same) {
            return *id;
        }
        let entry = Entry {
            bytes: bytes.into(),
            hash,
            uses: 0,
            held: true,
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.entries[id as usize] = entry;
                id
            }
            None => {
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
        };
        let entries = &self.entries;
        self.index
            .insert_unique(hash, id, |id| entries[*id as usize].hash);
        self.idle.push(id);
        id
    }

    /// The bytes of a text.
    pub fn get(&self, id: u32) -> &Arc<[u8]> {
        &self.entries[id as usize].bytes
    }

    /// The hash that a text was given with.
    pub fn hash(&self, id: u32) -> u64 {
        self.entries[id as usize].hash
    }

    /// Counts a use.
    pub fn retain(&mut self, id: u32) {
        self.entries[id as usize].uses += 1;
    }

    /// Takes a use back.
    pub fn release(&mut self, id: u32) {
        let entry = &mut self.entries[id as usize];
        entry.uses = entry.uses.saturating_sub(1);
        if entry.uses == 0 {
            self.idle.push(id);
        }
    }

    /// Lets go of the texts without a use: at the end of a batch, when nobody remembers a number.
    pub fn sweep(&mut self) {
        while let Some(id) = self.idle.pop() {
            let entry = &mut self.entries[id as usize];
            if entry.uses > 0 || !entry.held {
                continue;
            }
            if let Ok(found) = self.index.find_entry(entry.hash, |other| *other == id) {
                found.remove();
            }
            entry.held = false;
            entry.bytes = Arc::from(&[][..]);
            self.free.push(id);
        }
    }

    /// How many texts are held.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_goes_with_its_last_use() {
        let mut texts = Interner::default();
        let a = texts.intern(b"a", 1);
        texts.retain(a);
        let b = texts.intern(b"b", 1);
        texts.sweep();
        assert_eq!((texts.len(), texts.intern(b"a", 1)), (1, a));
        texts.release(a);
        texts.retain(a);
        texts.sweep();
        assert_eq!(texts.len(), 1);
        texts.release(a);
        texts.sweep();
        assert!(texts.is_empty());
        assert!([a, b].contains(&texts.intern(b"c", 1)));
    }
}
