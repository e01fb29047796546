//! A dictionary of byte strings: keys, distinct values and labels of one epoch, each stored and hashed once.

use serde::{Deserialize, Serialize};

use super::hash::{hash, mix};
use standings_model::bytes::same;

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

    /// Forgets all texts; their memory is that of others to come.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
        self.hashes.clear();
    }

    /// Bytes held, for accounting.
    pub fn byte_size(&self) -> usize {
        self.bytes.len() + self.ends.len() * 12
    }
}

/// A [`TextTable`] that finds a text again.
///
/// Most texts are short: what is looked up then is the text itself, in two words, and neither its bytes elsewhere nor
/// its stable hash are touched. Open addressing with linear probing, because a look-up that finds is nearly all of the
/// work, and is found in one line of memory.
#[derive(Debug)]
pub struct Texts {
    table: TextTable,
    /// A power of two of them, at most half full.
    slots: Vec<Known>,
    /// Which slots are taken: few epochs fill all, and clearing costs what was put in.
    taken: Vec<u32>,
}

/// A text in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Words {
    /// All bytes of a text of at most 16, overlapping where there are fewer; of a longer one its hash.
    first: u64,
    last: u64,
    length: u32,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    words: Words,
    id: u32,
}

/// The id of a slot that is free.
const FREE: u32 = u32::MAX;

impl Known {
    const NONE: Known = Known {
        words: Words {
            first: 0,
            last: 0,
            length: 0,
        },
        id: FREE,
    };
}

impl Default for Texts {
    fn default() -> Self {
        Texts {
            table: TextTable::default(),
            slots: vec![Known::NONE; 64],
            taken: Vec::new(),
        }
    }
}

impl Words {
    /// Texts of more bytes are compared byte for byte.
    const MOST: usize = 16;

    #[inline(always)]
    fn of(bytes: &[u8]) -> Self {
        let n = bytes.len();
        let eight = |at: usize| {
            bytes[at..]
                .first_chunk()
                .map_or(0, |c| u64::from_le_bytes(*c))
        };
        let four = |at: usize| {
            bytes[at..]
                .first_chunk()
                .map_or(0, |c| u32::from_le_bytes(*c))
        };
        let (first, last) = match n {
            0 => (0, 0),
            1..4 => (
                u64::from(bytes[0]) | u64::from(bytes[n / 2]) << 8 | u64::from(bytes[n - 1]) << 16,
                0,
            ),
            4..8 => (u64::from(four(0)) | u64::from(four(n - 4)) << 32, 0),
            8..=Self::MOST => (eight(0), eight(n - 8)),
            _ => (hash(bytes), 0),
        };
        Words {
            first,
            last,
            length: n as u32,
        }
    }

    #[inline(always)]
    fn hash(self) -> u64 {
        mix(self.first ^ self.last.rotate_left(29) ^ u64::from(self.length) << 57)
    }
}

impl Texts {
    /// The number of a text, added when new.
    #[inline]
    pub fn intern(&mut self, bytes: &[u8]) -> u32 {
        let words = Words::of(bytes);
        let last = self.slots.len() - 1;
        let mut at = words.hash() as usize & last;
        loop {
            let known = self.slots[at];
            if known.id == FREE {
                return self.add(bytes, words, at);
            }
            if known.words == words
                && (bytes.len() <= Words::MOST || same(self.table.get(known.id), bytes))
            {
                return known.id;
            }
            at = (at + 1) & last;
        }
    }

    #[cold]
    #[inline(never)]
    fn add(&mut self, bytes: &[u8], words: Words, at: usize) -> u32 {
        let id = self.table.push(bytes, hash(bytes));
        self.slots[at] = Known { words, id };
        self.taken.push(at as u32);
        if self.taken.len() * 2 > self.slots.len() {
            self.grow();
        }
        id
    }

    fn grow(&mut self) {
        let wider = self.slots.len() * 2;
        let narrow = std::mem::replace(&mut self.slots, vec![Known::NONE; wider]);
        for slot in &mut self.taken {
            let known = narrow[*slot as usize];
            let mut at = known.words.hash() as usize & (wider - 1);
            while self.slots[at].id != FREE {
                at = (at + 1) & (wider - 1);
            }
            self.slots[at] = known;
            *slot = at as u32;
        }
    }

    /// The texts so far.
    pub fn table(&self) -> &TextTable {
        &self.table
    }

    /// Takes the texts and begins again with the memory of a `spent` table; what was reserved for look-up stays.
    pub fn take(&mut self, mut spent: TextTable) -> TextTable {
        spent.clear();
        for slot in self.taken.drain(..) {
            self.slots[slot as usize] = Known::NONE;
        }
        std::mem::replace(&mut self.table, spent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_again_and_never_taken_for_others() {
        let mut texts = Texts::default();
        let mut all: Vec<Vec<u8>> = vec![Vec::new()];
        for n in 1..40usize {
            // All differ from all in one byte at most: in the middle, at the end, in length.
            for place in 0..n {
                for byte in [0u8, 1, b'a'] {
                    let mut text = vec![b'x'; n];
                    text[place] = byte;
                    all.push(text);
                }
            }
            all.push(vec![b'x'; n]);
            all.push(vec![0; n]);
        }
        all.sort();
        all.dedup();
        let ids: Vec<u32> = all.iter().map(|text| texts.intern(text)).collect();
        assert!(ids.iter().enumerate().all(|(n, id)| n == *id as usize));
        for (text, id) in all.iter().zip(&ids) {
            assert_eq!(texts.intern(text), *id);
            assert_eq!(texts.table().get(*id), text);
            assert_eq!(texts.table().hash(*id), hash(text));
        }
        let taken = texts.take(TextTable::default());
        assert_eq!(taken.len(), all.len());
        assert_eq!(texts.take(taken).len(), 0);
        assert_eq!(texts.intern(b"again"), 0);
    }
}
