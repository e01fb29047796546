//! A decoded sale, as the combiner looks at it.

use standings_decode::{Cell, Sale};
use standings_model::value::Value;

use crate::combine::combiner::SaleView;

impl SaleView for Sale<'_> {
    fn event_time(&self) -> i64 {
        self.event_time
    }

    #[inline]
    fn text(&self, column: usize) -> Option<&[u8]> {
        Sale::text(self, column)
    }

    #[inline]
    fn number(&self, column: usize) -> Option<i128> {
        match self.cells[column] {
            Cell::Int(n) | Cell::Time(n) => Some(i128::from(n)),
            Cell::Decimal(n) => Some(n),
            Cell::Null | Cell::Text { .. } => None,
        }
    }

    fn value(&self, column: usize) -> Value {
        Sale::value(self, column)
    }
}
