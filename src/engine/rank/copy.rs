//! A worker's rows as deltas from nothing, for a snapshot: in pieces, because the numbers inside one are of 32 bits and
//! a part is written from one piece.

use hashbrown::HashMap;

use crate::pack::deltas::{Deltas, Group};
use crate::pack::hash::hash;
use crate::pack::interner::Interner;
use crate::pack::values::push_code;

/// Bytes of a piece: where it has more, the next one begins with the next row.
pub const PIECE: usize = 512 << 20;

/// A row that is too large for a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "one row holds more than 4 GiB of text (a COUNT(DISTINCT …) of that many values), which no part can hold"
)]
pub struct TooLarge;

/// A copy on its way.
pub struct Copy {
    done: Vec<Deltas>,
    now: Deltas,
    /// The numbers that texts have in the present piece, by the worker's.
    numbers: HashMap<u32, u32>,
    piece: usize,
    too_large: bool,
    /// Where the session begins whose rows are copied; 0 of other windows.
    pub session_start: i64,
}

impl Copy {
    /// Nothing yet, in pieces of so many bytes.
    pub fn new(piece: usize) -> Self {
        Copy {
            done: Vec::new(),
            now: Deltas::default(),
            numbers: HashMap::new(),
            piece,
            too_large: false,
            session_start: 0,
        }
    }

    /// Begins a row of a ranking's window, whose words are then at the end of [`Copy::words`].
    pub fn row(&mut self, ranking: u32, window_end: i64) {
        let aside = self.now.distinct.len() * 4 + self.now.entries.byte_size();
        if self.now.texts.byte_size() + self.now.words.len() * 8 + aside >= self.piece {
            self.done.push(std::mem::take(&mut self.now));
            self.numbers.clear();
        }
        let of = (ranking, window_end, self.session_start);
        match self.now.groups.last_mut() {
            Some(g) if (g.ranking, g.window_end, g.session_start) == of => g.rows += 1,
            _ => self.now.groups.push(Group {
                ranking,
                rows: 1,
                window_end,
                windows: 1,
                session_start: self.session_start,
            }),
        }
    }

    /// The number of a text in this piece.
    pub fn text(&mut self, texts: &Interner, id: u32) -> u32 {
        let table = &mut self.now.texts;
        *self.numbers.entry(id).or_insert_with(|| {
            let bytes = texts.get(id);
            if table.byte_size() + bytes.len() > u32::MAX as usize {
                self.too_large = true;
                return 0;
            }
            table.push(bytes, hash(bytes))
        })
    }

    /// The number of a text that is no other row's.
    pub fn own_text(&mut self, bytes: &[u8]) -> u32 {
        let table = &mut self.now.texts;
        if table.byte_size() + bytes.len() > u32::MAX as usize {
            self.too_large = true;
            return 0;
        }
        table.push(bytes, hash(bytes))
    }

    /// Appends an entry of a bag, and how many times it is there.
    pub fn entry(&mut self, entry: &[u8], times: u64) {
        let table = &mut self.now.entries;
        if table.byte_size() + entry.len() > u32::MAX as usize {
            self.too_large = true;
            return;
        }
        let number = table.push(entry, 0);
        self.now.distinct.push(number);
        push_code(&mut self.now.distinct, times);
    }

    /// The words of the present piece.
    pub fn words(&mut self) -> &mut Vec<u64> {
        &mut self.now.words
    }

    /// What rows of the present piece have beside their words; texts are numbers in it.
    pub fn distinct(&mut self) -> &mut Vec<u32> {
        &mut self.now.distinct
    }

    /// The pieces; an error if a row alone has more than one can hold.
    pub fn finish(mut self) -> Result<Vec<Deltas>, TooLarge> {
        if self.too_large {
            return Err(TooLarge);
        }
        if !self.now.groups.is_empty() {
            self.done.push(self.now);
        }
        Ok(self.done)
    }
}
