//! A dictionary of byte strings: keys, distinct values and labels of one epoch, each stored and hashed once.

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The stable hash of a key's bytes: part of the wire and of what goes to which worker, never of a file format.
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Byte strings by number, back to back, with their hashes. Also travels between workers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TextTable {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    hashes: Vec<u64>,
}

impl TextTable {
    /// The bytes of a text.
    #[inline]
    pub fn get(&self, id: u32) -> &[u8] {
        let i = id as usize;
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        &self.bytes[start..self.ends[i] as usize]
    }

    /// The hash of a text.
    #[inline]
    pub fn hash(&self, id: u32) -> u64 {
        self.hashes[id as usize]
    }

    /// How many texts.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Appends a text without looking for it.
    pub fn push(&mut self, bytes: &[u8], hash: u64) -> u32 {
        let id = self.ends.len() as u32;
        self.bytes.extend_from_slice(bytes);
        self.ends.push(self.bytes.len() as u32);
        self.hashes.push(hash);
        id
    }

    /// Bytes held, for accounting.
    pub fn byte_size(&self) -> usize {
        self.bytes.len() + self.ends.len() * 12
    }
}

/// A [`TextTable`] that finds a text again.
#[derive(Debug, Default)]
pub struct Texts {
    table: TextTable,
    index: HashTable<u32>,
}

impl Texts {
    /// The number of a text, added when new.
    #[inline]
    pub fn intern(&mut self, bytes: &[u8]) -> u32 {
        let hash = hash(bytes);
        let table = &self.table;
        if let Some(id) = self.index.find(hash, |id| {
            table.hash(*id) == hash && table.get(*id) == bytes
        }) {
            return *id;
        }
        let id = self.table.push(bytes, hash);
        let table = &self.table;
        self.index.insert_unique(hash, id, |id| table.hash(*id));
        id
    }

    /// The texts so far.
    pub fn table(&self) -> &TextTable {
        &self.table
    }

    /// Takes the texts and forgets them; what was reserved for look-up stays.
    pub fn take(&mut self) -> TextTable {
        self.index.clear();
        std::mem::take(&mut self.table)
    }
}
