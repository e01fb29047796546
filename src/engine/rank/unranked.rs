//! Rows of a window that are not ranked: each is shown as it is, so what changed is what was touched, and nothing is gone through.

use super::bits::Bits;

/// Which rows changed since the last settle, and which are shown.
#[derive(Default)]
pub struct Unranked {
    touched: Vec<u32>,
    /// Rows that the last settle let through.
    shown: Bits,
}

impl Unranked {
    /// A row changed.
    pub fn touch(&mut self, row: u32) {
        self.touched.push(row);
    }

    /// Ends an epoch: calls `send` with each row that changed and is to be shown, or was; the latter with `true`.
    pub fn settle(&mut self, passes: &mut dyn FnMut(u32) -> bool, send: &mut dyn FnMut(u32, bool)) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for row in touched.drain(..) {
            if passes(row) {
                self.shown.set(row);
                send(row, false);
            } else if self.shown.has(row) {
                self.shown.unset(row);
                send(row, true);
            }
        }
        self.touched = touched;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_told_once_an_epoch_and_its_end_once() {
        let mut rows = Unranked::default();
        let mut settled = |touched: &[u32], passing: &[u32]| {
            touched.iter().for_each(|row| rows.touch(*row));
            let mut sent = Vec::new();
            rows.settle(&mut |row| passing.contains(&row), &mut |row, gone| {
                sent.push((row, gone))
            });
            sent
        };
        assert_eq!(settled(&[70, 3, 70], &[3, 70]), [(3, false), (70, false)]);
        assert_eq!(settled(&[], &[]), []);
        // What does not pass and was not shown is nobody's business; what was shown leaves once.
        assert_eq!(settled(&[3, 4], &[]), [(3, true)]);
        assert_eq!(settled(&[3, 4], &[4]), [(4, false)]);
    }
}
