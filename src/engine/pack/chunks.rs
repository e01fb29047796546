//! Rows of equal length that grow without moving: in chunks, so that growing neither copies what is there nor holds it
//! twice meanwhile.

/// Rows of `width` items each, by number.
#[derive(Debug)]
pub struct Chunks<T> {
    width: usize,
    chunks: Vec<Vec<T>>,
    len: usize,
}

/// Rows of a chunk, as a power of two: large enough that the chunks' own list is nothing, small enough that the room
/// that the last one does not use is.
const BITS: u32 = 12;
const ROWS: usize = 1 << BITS;

impl<T> Chunks<T> {
    /// No rows, of so many items each.
    pub fn new(width: usize) -> Self {
        Chunks {
            width,
            chunks: Vec::new(),
            len: 0,
        }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a row; its number. `row` yields `width` items.
    pub fn push(&mut self, row: impl IntoIterator<Item = T>) -> usize {
        let number = self.len;
        if number.is_multiple_of(ROWS) {
            self.chunks.push(Vec::new());
        }
        // There is one: it was pushed now, or with an earlier row.
        if let Some(chunk) = self.chunks.last_mut() {
            if chunk.len() + self.width > chunk.capacity() {
                // The first chunk grows with its few rows; the others are whole from their beginning.
                let rows = match number {
                    0..ROWS => (number / 2).clamp(4, ROWS - number),
                    _ => ROWS,
                };
                chunk.reserve_exact(rows * self.width);
            }
            let before = chunk.len();
            chunk.extend(row.into_iter().take(self.width));
            debug_assert_eq!(chunk.len(), before + self.width);
        }
        self.len += 1;
        number
    }

    /// A row.
    #[inline]
    pub fn row(&self, number: usize) -> &[T] {
        let at = (number % ROWS) * self.width;
        &self.chunks[number >> BITS][at..at + self.width]
    }

    /// A row, to change it.
    #[inline]
    pub fn row_mut(&mut self, number: usize) -> &mut [T] {
        let at = (number % ROWS) * self.width;
        &mut self.chunks[number >> BITS][at..at + self.width]
    }

    /// Every row, in order.
    pub fn iter(&self) -> impl Iterator<Item = &[T]> {
        self.chunks.iter().flat_map(|c| c.chunks_exact(self.width))
    }
}

/// Room for one more, by an eighth and not by double: what is not used is half of a doubled vector.
pub fn make_room<T>(all: &mut Vec<T>) {
    if all.len() == all.capacity() {
        all.reserve_exact((all.len() / 8).max(16));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_numbers() {
        let mut all = Chunks::new(3);
        for n in 0..3 * ROWS as u64 + 5 {
            assert_eq!(all.push([n, n + 1, n + 2]) as u64, n);
        }
        all.row_mut(ROWS)[1] = 7;
        assert_eq!(all.row(ROWS), [ROWS as u64, 7, ROWS as u64 + 2]);
        assert_eq!(all.row(ROWS - 1)[0], ROWS as u64 - 1);
        assert_eq!(all.iter().count(), all.len());
        assert!(all.iter().enumerate().all(|(n, row)| row[0] == n as u64));
        let room: usize = all.chunks.iter().map(Vec::capacity).sum();
        assert_eq!(room, 4 * ROWS * 3);
    }
}
