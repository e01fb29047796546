//! A few rows beside each other, in their order.
//!
//! ```text
//! row     length of sort, how much of it is place (both LEB128), sort, rest
//! ```

use standings_model::leb128;

/// Rows of a leaf, at most.
pub(super) const MOST: usize = 64;
/// Bytes of a leaf of more than one row, at most.
const MOST_BYTES: usize = 16 << 10;

/// A row: what it is sorted by, how much of that is its place among others (partition and order, before its key), and the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row<'a> {
    pub(super) sort: &'a [u8],
    pub(super) place: usize,
    pub(super) rest: &'a [u8],
}

impl<'a> Row<'a> {
    /// Partition and order.
    pub(super) fn place(self) -> &'a [u8] {
        &self.sort[..self.place]
    }

    /// The group key's bytes.
    pub(super) fn key(self) -> &'a [u8] {
        &self.sort[self.place..]
    }
}

/// A few rows.
#[derive(Debug, Default)]
pub(super) struct Leaf {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<u32>,
}

fn parse(mut bytes: &[u8]) -> Row<'_> {
    // Written by `put` below, and by nobody else.
    let length = leb128::take(&mut bytes).unwrap_or_default() as usize;
    let place = leb128::take(&mut bytes).unwrap_or_default() as usize;
    let (sort, rest) = bytes.split_at(length.min(bytes.len()));
    Row {
        sort,
        place: place.min(sort.len()),
        rest,
    }
}

fn write(row: Row<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(row.sort.len() + row.rest.len() + 4);
    leb128::push(&mut bytes, row.sort.len() as u64);
    leb128::push(&mut bytes, row.place as u64);
    bytes.extend_from_slice(row.sort);
    bytes.extend_from_slice(row.rest);
    bytes
}

impl Leaf {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Bytes that it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.capacity() + 4 * self.ends.capacity() + size_of::<Self>()
    }

    fn start(&self, row: usize) -> usize {
        match row {
            0 => 0,
            row => self.ends[row - 1] as usize,
        }
    }

    pub(super) fn row(&self, row: usize) -> Row<'_> {
        parse(&self.bytes[self.start(row)..self.ends[row] as usize])
    }

    /// The first row that is not before this, or the end.
    pub(super) fn lower(&self, sort: &[u8]) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            match self.row(middle).sort < sort {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }

    /// Whether it has more than a leaf should.
    pub(super) fn is_full(&self) -> bool {
        self.len() > MOST || (self.len() > 1 && self.bytes.len() > MOST_BYTES)
    }

    /// Puts a row before another.
    pub(super) fn put(&mut self, at: usize, row: Row<'_>) {
        let (from, new) = (self.start(at), write(row));
        // Leaves are many: each with twice what it needs would be half of all there is.
        if self.bytes.capacity() < self.bytes.len() + new.len() {
            let more = new.len() + self.bytes.len() / 8;
            self.bytes.reserve_exact(more);
        }
        if self.ends.capacity() == self.ends.len() {
            self.ends.reserve_exact(8);
        }
        let length = new.len();
        self.bytes.splice(from..from, new);
        self.ends[at..]
            .iter_mut()
            .for_each(|end| *end += length as u32);
        self.ends.insert(at, (from + length) as u32);
    }

    /// Takes a row out.
    pub(super) fn take(&mut self, at: usize) {
        let (from, to) = (self.start(at), self.ends[at] as usize);
        self.bytes.drain(from..to);
        self.ends.remove(at);
        let length = (to - from) as u32;
        self.ends[at..].iter_mut().for_each(|end| *end -= length);
    }

    /// Its second half, as another.
    pub(super) fn split(&mut self) -> Leaf {
        let at = self.len() / 2;
        let from = self.start(at);
        let bytes = self.bytes[from..].to_vec();
        let ends = self.ends[at..].iter().map(|end| end - from as u32);
        let ends = ends.collect();
        self.bytes.truncate(from);
        self.ends.truncate(at);
        Leaf { bytes, ends }
    }

    /// Takes another's rows in, behind its own.
    pub(super) fn append(&mut self, other: Leaf) {
        let before = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&other.bytes);
        self.ends.extend(other.ends.iter().map(|end| end + before));
    }
}
