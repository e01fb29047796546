//! Rows of rankings, into those that read them.

use super::combiner::{Combiner, Missing, Origin, SaleView, Sign};
use super::rows::{Span, UNKNOWN};

/// Rows of rankings have no place in the input.
const NOWHERE: Origin = Origin {
    partition: 0,
    offset: 0,
    row: 0,
};

impl Combiner {
    /// Folds a row of a ranking into one that reads it, as it comes or as it is taken back. `end` is that of the window that it was
    /// in. What is computed of it and has an error is noted.
    pub fn put_row(
        &mut self,
        (number, source): (usize, usize),
        row: &impl SaleView,
        end: i64,
        sign: Sign,
        missing: &mut Missing,
    ) {
        let (fold, texts, columns) = self.of_ranking(number);
        columns.ids.fill(UNKNOWN);
        if !fold.takes(source, row, missing) {
            return;
        }
        let time = row.event_time();
        let (first, last) = match fold.ranking.keeps_windows {
            true => (end, end),
            false => {
                let cover = fold.cover(time);
                (cover.first, cover.last)
            }
        };
        let key = fold.key(source, texts, columns, row, NOWHERE);
        let mut next = Some(last);
        while let Some(end) = next {
            let span = Span {
                latest: end,
                windows: 1,
            };
            let at = fold.row(span, key);
            fold.put(sign, (source, at), texts, columns, row, (time, NOWHERE));
            next = (end > first).then(|| fold.ranking.window.before(end));
        }
    }
}
