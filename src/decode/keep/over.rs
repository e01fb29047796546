//! Values that a source leaves out because they did not change: Debezium writes a text in their place, of a column that Postgres
//! keeps apart (TOAST) and that an update does not touch. The row before has them.

use super::{Ends, Form, Keep, Kept, read_bytes, read_number};
use crate::sale::Sale;

/// What stands in the place of a value that is not there; of bytes too.
pub(crate) const UNAVAILABLE: &[u8] = b"__debezium_unavailable_value";

impl Keep {
    /// Whether a record may leave values of its row out: what they were must be known then, also of a row that no ranking takes.
    pub fn may_lack(&self) -> bool {
        self.may_lack
    }

    /// Whether a value is not there.
    pub fn lacks(&self, sale: &Sale<'_>) -> bool {
        self.columns.iter().any(|column| column.lacks(sale))
    }

    /// As [`Keep::pack`], with what is not there as it was in the row before; an error: the number of the column of which that
    /// is not known.
    pub fn pack_over(
        &self,
        sale: &Sale<'_>,
        before: Option<&[u8]>,
        out: &mut Vec<u8>,
    ) -> Result<Ends, usize> {
        let mut at = 0;
        self.pack_by(out, |column, out| {
            let start = at;
            if let Some(before) = before {
                column.skip(before, &mut at);
            }
            if !column.lacks(sale) {
                column.pack(sale, out);
                return Ok(());
            }
            match before.and_then(|before| before.get(start..at)) {
                // The row before may have come without it too.
                Some(cell) if !cell.ends_with(UNAVAILABLE) && !cell.is_empty() => {
                    out.extend_from_slice(cell);
                    Ok(())
                }
                _ => Err(column.number),
            }
        })
    }
}

impl Kept {
    fn lacks(&self, sale: &Sale<'_>) -> bool {
        self.form == Form::Text && sale.bytes(self.number) == Some(UNAVAILABLE)
    }

    /// Passes over its cell.
    fn skip(&self, row: &[u8], at: &mut usize) {
        match self.form {
            Form::Text | Form::Nested => drop(read_bytes(row, at)),
            Form::Int | Form::Decimal | Form::Double => drop(read_number(row, at)),
        }
    }
}
