//! A bit for each row of a window.

/// Rows by their numbers.
#[derive(Default)]
pub struct Bits(Vec<u64>);

impl Bits {
    /// Whether a row is among them.
    pub fn has(&self, row: u32) -> bool {
        let word = self.0.get(row as usize / 64);
        word.is_some_and(|word| (word >> (row % 64)) & 1 == 1)
    }

    /// Adds a row.
    #[inline]
    pub fn set(&mut self, row: u32) {
        let word = row as usize / 64;
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (row % 64);
    }

    /// Takes a row out.
    pub fn unset(&mut self, row: u32) {
        if let Some(word) = self.0.get_mut(row as usize / 64) {
            *word &= !(1 << (row % 64));
        }
    }

    /// Takes all out.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}
