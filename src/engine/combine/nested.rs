//! Rows of rankings, into those that read them.
//!
//! A row whose key names a row of the input keeps that name: equal rows stand in the order of what they are named by.

use super::columns::UNKNOWN;
use super::combiner::{Combiner, Missing, Origin, SaleView, Sign};
use super::rows::{Fold, Span};
use standings_model::row_id::RowId;

/// Rows of rankings have no place in the input.
const NOWHERE: Origin = Origin {
    partition: 0,
    offset: 0,
    row: 0,
};

impl Fold {
    /// The row of the input that a row of a ranking is named by, if it is.
    fn named(&self, source: usize, row: &impl SaleView) -> Option<Origin> {
        let text = row.bytes(self.named_by(source)?)?;
        let RowId {
            partition,
            offset,
            row,
        } = RowId::parse(std::str::from_utf8(text).ok()?)?;
        Some(Origin {
            partition,
            offset,
            row,
        })
    }
}

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
        let named = fold.named(source, row).unwrap_or(NOWHERE);
        let key = fold.key(source, texts, columns, row, named);
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
