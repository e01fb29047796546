//! A decoded sale, as the combiner looks at it.

use standings_decode::{Cell, Sale};
use standings_model::value::Value;

use crate::combine::combiner::SaleView;

impl SaleView for Sale<'_> {
    fn event_time(&self) -> i64 {
        self.event_time
    }

    #[inline]
    fn bytes(&self, column: usize) -> Option<&[u8]> {
        Sale::bytes(self, column)
    }

    #[inline]
    fn entry(&self, column: usize) -> Option<(u64, u32)> {
        Sale::entry(self, column)
    }

    #[inline]
    fn number(&self, column: usize) -> Option<i128> {
        match self.cells[column] {
            Cell::Int(n) => Some(i128::from(n)),
            Cell::Decimal(n) => Some(n),
            Cell::Double(n) => Some(i128::from(n.to_ordered())),
            Cell::Null | Cell::Text { .. } | Cell::Nested(_) | Cell::Error(_) => None,
        }
    }

    #[inline]
    fn nested(&self, column: usize) -> Option<&Value> {
        Sale::nested(self, column)
    }

    #[inline]
    fn is_true(&self, column: usize) -> bool {
        self.cells[column] == Cell::Int(1)
    }

    #[inline]
    fn is_null(&self, column: usize) -> bool {
        self.cells[column] == Cell::Null
    }

    #[inline]
    fn has_error(&self, column: usize) -> bool {
        matches!(self.cells[column], Cell::Error(_))
    }
}
