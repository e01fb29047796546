//! The rows of a window, packed: what is kept by the million is kept in few bytes.
//!
//! ```text
//! words of the layout      sum (128 bits)   count      time, partition, offset, label        distinct
//! packed, 32 bits each     [ lo ][ hi ]    [ count ]   [ time|partition ][ offset ][ text ]   [ word ][    ]
//! ```
//!
//! Folds and messages have the wide words of [`Layout`]; only here are they narrow. A value that does not fit (a sum beyond
//! 64 bits, four billion sales of one key, partition 65,535) is kept aside, and its cell says so.

use hashbrown::HashMap;

use super::chunks::Chunks;
use crate::pack::layout::{Arg, Layout, NO_TEXT, SlotKind, put_wide, wide};

/// How a layout's words are packed.
#[derive(Clone, Debug)]
pub struct Packing {
    cells: Vec<Cell>,
    /// Whether a row says which partition of its window it belongs to.
    partitioned: bool,
    /// Words of 32 bits.
    width: usize,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    kind: Kind,
    /// Where its words of 64 bits begin in the layout's row.
    word: usize,
    /// Where it begins in the packed row.
    at: usize,
}

#[derive(Clone, Copy, Debug)]
enum Kind {
    /// One word: a count. Packed in one.
    Count,
    /// Two words: a number of 128 bits. Packed in two.
    Number,
    /// One word: a text's number or [`NO_TEXT`]. Packed in one.
    Text,
    /// Three words: time + 1, partition, offset. Packed in four.
    Origin,
    /// One word as it is. Packed in two.
    Word,
}

/// A count that is kept aside.
const LARGE_COUNT: u32 = u32::MAX;
/// A number that is kept aside; and the two that stand for nothing in least and greatest values, which are not rare.
const LARGE: i64 = i64::MIN;
const GREATEST: i64 = i64::MIN + 1;
const LEAST: i64 = i64::MIN + 2;
/// A partition that is kept aside, in the lowest bits beside a time.
const LARGE_PARTITION: u64 = 0xffff;
const TEXT_NONE: u32 = u32::MAX;

impl Packing {
    /// For rows of a layout.
    pub fn new(layout: &Layout, partitioned: bool) -> Self {
        let mut packing = Packing {
            cells: Vec::new(),
            partitioned,
            width: 1 + usize::from(partitioned),
        };
        for slot in &layout.slots {
            match slot.kind {
                SlotKind::CountAll | SlotKind::Count(_) => packing.cell(Kind::Count, slot.at),
                SlotKind::Only(_) | SlotKind::Sum(_) | SlotKind::Min(_) | SlotKind::Max(_) => {
                    packing.cell(Kind::Number, slot.at);
                }
                SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => {
                    packing.cell(Kind::Text, slot.at)
                }
                SlotKind::Last(_) | SlotKind::First(_) => {
                    packing.cell(Kind::Origin, slot.at);
                    packing.cell(Kind::Number, slot.at + 3);
                }
                SlotKind::LastText(_) | SlotKind::FirstText(_) => {
                    packing.cell(Kind::Origin, slot.at);
                    packing.cell(Kind::Text, slot.at + 3);
                }
                SlotKind::Distinct(_) => packing.cell(Kind::Word, slot.at),
                SlotKind::Values(..)
                | SlotKind::Sketch(_)
                | SlotKind::Multiset(..)
                | SlotKind::Bag(_) => packing.cell(Kind::Count, slot.at),
                SlotKind::Upper(_) | SlotKind::High(_) => packing.cell(Kind::Number, slot.at),
                // Mostly the upper half is zero, which fits.
                SlotKind::Squares(_) => {
                    packing.cell(Kind::Number, slot.at);
                    packing.cell(Kind::Number, slot.at + 2);
                }
                SlotKind::Arg(arg) => {
                    packing.cell(Kind::Origin, slot.at);
                    let kind = |is_text| if is_text { Kind::Text } else { Kind::Number };
                    packing.cell(kind(arg.texts.1), slot.at + Arg::BY);
                    packing.cell(kind(arg.texts.0), slot.at + arg.value_at());
                }
            }
        }
        packing
    }

    fn cell(&mut self, kind: Kind, word: usize) {
        let at = self.width;
        self.cells.push(Cell { kind, word, at });
        self.width += match kind {
            Kind::Count | Kind::Text => 1,
            Kind::Number | Kind::Word => 2,
            Kind::Origin => 4,
        };
    }
}

/// Packed rows by number.
#[derive(Debug)]
pub struct Rows {
    packed: Chunks<u32>,
    /// By row and place, what does not fit.
    large: HashMap<(u32, usize), i128>,
}

impl Rows {
    /// No rows.
    pub fn new(packing: &Packing) -> Self {
        Rows {
            packed: Chunks::new(packing.width),
            large: HashMap::new(),
        }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.packed.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.packed.is_empty()
    }

    /// Adds a row of zeros; its number. Write it before it is read.
    pub fn push(&mut self, packing: &Packing, key: u32, partition: u32) -> u32 {
        let head = [key, partition].into_iter();
        let head = head.take(1 + usize::from(packing.partitioned));
        self.packed.push(head.chain(std::iter::repeat(0))) as u32
    }

    /// Gives the place of a row that is no more to another, as [`Rows::push`] does.
    pub fn place(&mut self, packing: &Packing, row: u32, key: u32, partition: u32) {
        let packed = self.packed.row_mut(row as usize);
        packed.fill(0);
        packed[0] = key;
        if packing.partitioned {
            packed[1] = partition;
        }
    }

    /// A row is of another partition now.
    pub fn move_to(&mut self, packing: &Packing, row: u32, partition: u32) {
        if packing.partitioned {
            self.packed.row_mut(row as usize)[1] = partition;
        }
    }

    /// The text that is a row's key.
    #[inline]
    pub fn key(&self, row: u32) -> u32 {
        self.packed.row(row as usize)[0]
    }

    /// The keys of all rows, in order.
    pub fn keys(&self) -> impl Iterator<Item = u32> {
        self.packed.iter().map(|row| row[0])
    }

    /// The partition that a row belongs to: the first, when a window is one.
    #[inline]
    pub fn partition(&self, packing: &Packing, row: u32) -> u32 {
        match packing.partitioned {
            true => self.packed.row(row as usize)[1],
            false => 0,
        }
    }

    /// Reads a row's first and last word: for bringing it into the cache.
    #[inline]
    pub fn touch(&self, row: u32) -> u32 {
        let row = self.packed.row(row as usize);
        row[0] ^ row[row.len() - 1]
    }

    /// Unpacks a row into the words of its layout.
    #[inline]
    pub fn read(&self, packing: &Packing, row: u32, words: &mut [u64]) {
        let packed = self.packed.row(row as usize);
        for cell in &packing.cells {
            let (at, word) = (cell.at, cell.word);
            match cell.kind {
                Kind::Count => {
                    words[word] = match packed[at] {
                        LARGE_COUNT => self.large(row, at) as u64,
                        count => u64::from(count),
                    }
                }
                Kind::Number => {
                    let number = match pair(packed, at) as i64 {
                        LARGE => self.large(row, at),
                        GREATEST => i128::MAX,
                        LEAST => i128::MIN,
                        number => i128::from(number),
                    };
                    put_wide(words, word, number);
                }
                Kind::Text => {
                    words[word] = match packed[at] {
                        TEXT_NONE => NO_TEXT,
                        id => u64::from(id),
                    }
                }
                Kind::Origin => {
                    let first = pair(packed, at);
                    words[word] = first >> 16;
                    words[word + 1] = match first & LARGE_PARTITION {
                        LARGE_PARTITION => self.large(row, at) as u64,
                        partition => partition,
                    };
                    words[word + 2] = pair(packed, at + 2);
                }
                Kind::Word => words[word] = pair(packed, at),
            }
        }
    }

    fn large(&self, row: u32, at: usize) -> i128 {
        // A cell that says so was written together with it.
        self.large.get(&(row, at)).copied().unwrap_or_default()
    }

    /// Packs the words of a layout into a row.
    #[inline]
    pub fn write(&mut self, packing: &Packing, row: u32, words: &[u64]) {
        let packed = self.packed.row_mut(row as usize);
        for cell in &packing.cells {
            let (at, word) = (cell.at, cell.word);
            match cell.kind {
                Kind::Count => {
                    let fits = words[word] < u64::from(LARGE_COUNT);
                    packed[at] = if fits {
                        words[word] as u32
                    } else {
                        LARGE_COUNT
                    };
                    if !fits {
                        self.large.insert((row, at), i128::from(words[word]));
                    }
                }
                Kind::Number => {
                    let number = wide(words, word);
                    let narrow = match number {
                        i128::MAX => GREATEST,
                        i128::MIN => LEAST,
                        _ => match i64::try_from(number) {
                            Ok(narrow) if narrow > LEAST => narrow,
                            _ => LARGE,
                        },
                    };
                    put_pair(packed, at, narrow as u64);
                    if narrow == LARGE {
                        self.large.insert((row, at), number);
                    }
                }
                Kind::Text => {
                    // Text numbers are 32 bits, and there is no room for as many texts as the last.
                    packed[at] = if words[word] == NO_TEXT {
                        TEXT_NONE
                    } else {
                        words[word] as u32
                    };
                }
                Kind::Origin => {
                    let fits = words[word + 1] < LARGE_PARTITION;
                    let partition = if fits {
                        words[word + 1]
                    } else {
                        LARGE_PARTITION
                    };
                    // Times end with the year 9999, within 48 bits.
                    put_pair(packed, at, (words[word] << 16) | partition);
                    put_pair(packed, at + 2, words[word + 2]);
                    if !fits {
                        self.large.insert((row, at), i128::from(words[word + 1]));
                    }
                }
                Kind::Word => put_pair(packed, at, words[word]),
            }
        }
    }
}

#[inline]
fn pair(packed: &[u32], at: usize) -> u64 {
    u64::from(packed[at]) | (u64::from(packed[at + 1]) << 32)
}

#[inline]
fn put_pair(packed: &mut [u32], at: usize, value: u64) {
    packed[at] = value as u32;
    packed[at + 1] = (value >> 32) as u32;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::layout::{NULL_NUMBER, Slot};

    #[test]
    fn what_is_packed_comes_back() {
        let kinds = [
            (SlotKind::Sum(0), 2),
            (SlotKind::CountAll, 1),
            (SlotKind::LastText(1), 4),
            (SlotKind::Last(2), 5),
            (SlotKind::Distinct(3), 1),
            (SlotKind::MinText(4), 1),
            (SlotKind::Max(5), 2),
        ];
        let mut layout = Layout::empty();
        for (kind, words) in kinds {
            let at = layout.width;
            layout.slots.push(Slot {
                kind,
                at,
                filter: None,
            });
            layout.width += words;
        }
        let numbers = [
            0,
            1,
            -1,
            i128::MAX,
            i128::MIN,
            i128::MAX - 1,
            i128::MIN + 1,
            i128::from(i64::MAX),
            i128::from(i64::MIN),
            i128::from(i64::MIN + 1),
            i128::from(i64::MIN + 2),
            i128::from(i64::MIN + 3),
            NULL_NUMBER,
            10i128.pow(28),
        ];
        let counts = [0, 1, u64::from(u32::MAX) - 1, u64::from(u32::MAX), 1 << 40];
        let partitions = [0, 7, 65_534, 65_535, 65_536, u64::from(u32::MAX)];
        let times = [0, 1, 253_402_300_800_000];
        for partitioned in [false, true] {
            let packing = Packing::new(&layout, partitioned);
            let mut rows = Rows::new(&packing);
            let mut want = Vec::new();
            for n in 0..3_000usize {
                let row = rows.push(&packing, n as u32 * 3, n as u32 % 7);
                let mut words = vec![0; layout.width];
                for (slot, step) in layout.slots.iter().zip([1, 3, 5, 7, 11, 13, 17]) {
                    let i = n * step;
                    let origin = |words: &mut [u64]| {
                        words[slot.at] = times[i % times.len()];
                        words[slot.at + 1] = partitions[i % partitions.len()];
                        words[slot.at + 2] = u64::MAX - i as u64;
                    };
                    let text = if i % 3 == 0 { NO_TEXT } else { i as u64 };
                    match slot.kind {
                        SlotKind::CountAll => words[slot.at] = counts[i % counts.len()],
                        SlotKind::LastText(_) => {
                            origin(&mut words);
                            words[slot.at + 3] = text;
                        }
                        SlotKind::Last(_) => {
                            origin(&mut words);
                            put_wide(&mut words, slot.at + 3, numbers[i % numbers.len()]);
                        }
                        SlotKind::Distinct(_) => words[slot.at] = u64::MAX / (1 + i as u64),
                        SlotKind::MinText(_) => words[slot.at] = text,
                        _ => put_wide(&mut words, slot.at, numbers[i % numbers.len()]),
                    }
                }
                // What was there before does not show, nor what other rows have.
                for earlier in [want.last().unwrap_or(&words), &words] {
                    rows.write(&packing, row, earlier);
                }
                want.push(words);
            }
            let mut words = vec![0; layout.width];
            for (n, want) in want.iter().enumerate() {
                rows.read(&packing, n as u32, &mut words);
                assert_eq!(&words, want, "row {n}");
                assert_eq!(rows.key(n as u32), n as u32 * 3);
                let partition = if partitioned { n as u32 % 7 } else { 0 };
                assert_eq!(rows.partition(&packing, n as u32), partition);
            }
        }
    }
}
