//! Rows of a window that are not ranked: each is shown as it is, so what changed is what was touched, and nothing is gone through.

/// Which rows changed since the last settle, and which are shown.
#[derive(Default)]
pub struct Unranked {
    touched: Vec<u32>,
    /// A bit for each row that the last settle let through.
    shown: Vec<u64>,
}

impl Unranked {
    /// A row changed; whether it is the first since the last settle.
    pub fn touch(&mut self, row: u32) -> bool {
        self.touched.push(row);
        self.touched.len() == 1
    }

    /// Ends an epoch: calls `send` with each row that changed and is to be shown, or was; the latter with `true`.
    pub fn settle(&mut self, passes: &mut dyn FnMut(u32) -> bool, send: &mut dyn FnMut(u32, bool)) {
        let mut touched = std::mem::take(&mut self.touched);
        touched.sort_unstable();
        touched.dedup();
        for row in touched.drain(..) {
            let (word, bit) = (row as usize / 64, 1 << (row % 64));
            if word >= self.shown.len() {
                self.shown.resize(word + 1, 0);
            }
            let was_shown = self.shown[word] & bit != 0;
            if passes(row) {
                self.shown[word] |= bit;
                send(row, false);
            } else if was_shown {
                self.shown[word] &= !bit;
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
            for row in touched {
                rows.touch(*row);
            }
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
