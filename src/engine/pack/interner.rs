//! The texts that a worker's totals hold: each stored once, counted, and let go with the last window that uses it.
//!
//! A text of up to `IN_PLACE` bytes, which is nearly every key and many a name, lies in its entry of 16 bytes. A batch's
//! texts are looked up together ([`Interner::intern_all`]): with millions of texts a look-up is a wait for memory, and
//! waits that do not depend on each other pass side by side.

use super::chunks::Chunks;
use super::index::Index;
use crate::pack::hash::hash;
use crate::pack::texts::TextTable;
use standings_model::bytes::same;

/// Counted byte strings by number.
///
/// # Examples
///
/// ```
/// use standings_engine::pack::hash::hash;
/// use standings_engine::pack::interner::Interner;
///
/// let mut texts = Interner::default();
/// let mut add = |text: &str| texts.intern(text.as_bytes(), hash(text.as_bytes()));
/// let (lisbon, porto) = (add("Lisbon"), add("Porto"));
/// assert_eq!(add("Lisbon"), lisbon, "each is stored once");
///
/// // Only what is used outlives the batch.
/// texts.retain(lisbon);
/// texts.sweep();
/// assert_eq!((texts.len(), texts.get(lisbon)), (1, &b"Lisbon"[..]));
/// // The place of the other is free, and its number is given again.
/// assert_eq!(texts.intern(b"Faro", hash(b"Faro")), porto);
/// ```
pub struct Interner {
    texts: Chunks<Text>,
    /// Uses of each, or [`GONE`].
    uses: Chunks<u32>,
    free: Vec<u32>,
    /// Texts that may have no use; looked at by [`Interner::sweep`], so that numbers stay good within a batch.
    idle: Vec<u32>,
    index: Index,
}

/// The most bytes of a text that lies in its entry.
const IN_PLACE: usize = 14;
/// The uses of a number that is free.
const GONE: u32 = u32::MAX;
/// Texts that are looked up side by side: several times what a core can wait for at once.
const TOGETHER: usize = 32;

#[derive(Debug)]
enum Text {
    Short {
        len: u8,
        bytes: [u8; IN_PLACE],
    },
    /// Boxed twice, because a pointer with a length would make every entry longer.
    #[allow(clippy::box_collection, clippy::redundant_allocation)]
    Long(Box<Box<[u8]>>),
}

impl Text {
    fn new(text: &[u8]) -> Self {
        if text.len() > IN_PLACE {
            return Text::Long(Box::new(text.into()));
        }
        let mut bytes = [0; IN_PLACE];
        bytes[..text.len()].copy_from_slice(text);
        Text::Short {
            len: text.len() as u8,
            bytes,
        }
    }

    #[inline]
    fn bytes(&self) -> &[u8] {
        match self {
            Text::Short { len, bytes } => &bytes[..usize::from(*len)],
            Text::Long(bytes) => bytes,
        }
    }
}

impl Default for Interner {
    fn default() -> Self {
        Interner {
            texts: Chunks::new(1),
            uses: Chunks::new(1),
            free: Vec::new(),
            idle: Vec::new(),
            index: Index::default(),
        }
    }
}

impl Interner {
    /// The number of a text; found or added, with no use counted yet. `hash` is the text's stable hash.
    pub fn intern(&mut self, bytes: &[u8], hash: u64) -> u32 {
        if let Some(id) = self.index.find(hash, |id| same(self.get(id), bytes)) {
            return id;
        }
        let id = match self.free.pop() {
            Some(id) => {
                self.texts.row_mut(id as usize)[0] = Text::new(bytes);
                id
            }
            None => {
                self.uses.push([GONE]);
                self.texts.push([Text::new(bytes)]) as u32
            }
        };
        let (texts, uses) = (&self.texts, &self.uses);
        self.index.insert(hash, id, || held(texts, uses));
        self.uses.row_mut(id as usize)[0] = 0;
        self.idle.push(id);
        id
    }

    /// The number of every text of a table, as [`Interner::intern`] gives it.
    pub fn intern_all(&mut self, table: &TextTable) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(table.len());
        let mut from = 0;
        while from < table.len() as u32 {
            let to = (from + TOGETHER as u32).min(table.len() as u32);
            self.bring(table, from, to);
            for id in from..to {
                numbers.push(self.intern(table.get(id), table.hash(id)));
            }
            from = to;
        }
        numbers
    }

    /// Brings what looking these texts up will touch into the cache.
    fn bring(&self, table: &TextTable, from: u32, to: u32) {
        let mut guesses = [None; TOGETHER];
        for (guess, id) in guesses.iter_mut().zip(from..to) {
            *guess = self.index.guess(table.hash(id));
        }
        let lengths = guesses.iter().flatten().map(|id| self.get(*id).len());
        std::hint::black_box(lengths.sum::<usize>());
    }

    /// The bytes of a text.
    #[inline]
    pub fn get(&self, id: u32) -> &[u8] {
        self.texts.row(id as usize)[0].bytes()
    }

    /// Counts a use.
    pub fn retain(&mut self, id: u32) {
        self.uses.row_mut(id as usize)[0] += 1;
    }

    /// Takes a use back.
    pub fn release(&mut self, id: u32) {
        let uses = &mut self.uses.row_mut(id as usize)[0];
        *uses = uses.saturating_sub(1);
        if *uses == 0 {
            self.idle.push(id);
        }
    }

    /// Lets go of the texts without a use: at the end of a batch, when nobody remembers a number.
    pub fn sweep(&mut self) {
        while let Some(id) = self.idle.pop() {
            if self.uses.row(id as usize)[0] != 0 {
                continue;
            }
            self.index.remove(hash(self.get(id)), id);
            self.uses.row_mut(id as usize)[0] = GONE;
            self.texts.row_mut(id as usize)[0] = Text::new(&[]);
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

/// Every text that is held, with its hash.
fn held(texts: &Chunks<Text>, uses: &Chunks<u32>) -> impl Iterator<Item = (u64, u32)> {
    let all = texts.iter().zip(uses.iter()).enumerate();
    all.filter(|(_, (_, uses))| uses[0] != GONE)
        .map(|(id, (text, _))| (hash(text[0].bytes()), id as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(texts: &mut Interner, text: &str) -> u32 {
        texts.intern(text.as_bytes(), hash(text.as_bytes()))
    }

    #[test]
    fn texts_live_as_long_as_their_uses() {
        let mut texts = Interner::default();
        let a = add(&mut texts, "a");
        let b = add(&mut texts, "a name of more bytes than fit");
        assert_eq!(add(&mut texts, "a"), a);
        texts.retain(a);
        texts.sweep();
        assert_eq!(texts.len(), 1);
        let c = add(&mut texts, "c");
        assert_eq!(c, b); // its place was free
        texts.release(a);
        texts.retain(a);
        texts.retain(c);
        texts.sweep();
        assert_eq!((texts.get(a), texts.get(c)), (&b"a"[..], &b"c"[..]));
        texts.release(a);
        texts.release(c);
        texts.sweep();
        assert!(texts.is_empty());
        assert_eq!(std::mem::size_of::<Text>(), 16);
    }

    #[test]
    fn a_batch_gets_the_numbers_of_its_texts() {
        let mut texts = Interner::default();
        for round in 0..3u32 {
            let mut table = TextTable::default();
            let all: Vec<String> = (0..1_000)
                .map(|n| format!("{}{}", n + round * 500, "x".repeat(n as usize % 30)))
                .collect();
            for text in &all {
                table.push(text.as_bytes(), hash(text.as_bytes()));
            }
            let numbers = texts.intern_all(&table);
            for (text, id) in all.iter().zip(&numbers) {
                assert_eq!(texts.get(*id), text.as_bytes());
                texts.retain(*id);
            }
            texts.sweep();
            assert_eq!(texts.intern_all(&table), numbers);
        }
    }
}
