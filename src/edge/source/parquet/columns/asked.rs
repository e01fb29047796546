//! What is asked of the columns of a file before they are read: who reads them, and what they take.

use arrow_array::Array;
use arrow_schema::DataType;

use super::{Column, Direct, ESCAPED, given};
use standings_decode::direct::Taken;
use standings_scalar::Zone;

impl Direct {
    /// How many columns of the file are the table's.
    pub(in super::super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// Their names in the file, each with its place among them.
    pub(in super::super) fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        let columns = self.columns.iter().enumerate();
        columns.map(|(position, column)| (position, &*column.name))
    }

    /// Whether somebody reads a column, by what is said of its number in the table.
    pub(in super::super) fn is_needed(&self, position: usize, needed: &[bool]) -> bool {
        needed.get(self.columns[position].number) != Some(&false)
    }

    /// Whether a column must have a value.
    pub(in super::super) fn is_required(&self, position: usize) -> bool {
        self.columns[position].takes.required
    }

    /// Whether all values of a type of the file are taken that lie between two that are.
    pub(in super::super) fn is_told_by_bounds(
        &self,
        position: usize,
        kind: &DataType,
        zone: Option<&Zone>,
    ) -> bool {
        let scale = match kind {
            DataType::Decimal32(_, scale)
            | DataType::Decimal64(_, scale)
            | DataType::Decimal128(_, scale) => scale.unsigned_abs(),
            // A clock of a zone jumps.
            DataType::Timestamp(_, None) if zone.is_some() => return false,
            _ => 0,
        };
        let takes = self.columns[position].takes;
        given(kind).is_some_and(|given| takes.is_told_by_bounds(given, scale))
    }

    /// Whether a column takes each of these values.
    pub(in super::super) fn takes_all(
        &self,
        position: usize,
        values: &dyn Array,
        zone: Option<&Zone>,
    ) -> bool {
        let mut left = vec![false; values.len()];
        let taken = Taken {
            nulls: &[],
            left: &mut left,
        };
        let mut column = Column {
            number: 0,
            name: String::new(),
            takes: self.columns[position].takes,
            dictionary: None,
        };
        column.values(values, zone, taken, &mut Vec::new());
        !left.contains(&true)
    }

    /// Whether no row can be too large whose texts have so many bytes that are not looked at.
    pub(in super::super) fn fits(&self, longest: usize) -> bool {
        self.around + ESCAPED * longest <= self.most / 2
    }

    /// Whether a column takes a text.
    pub(in super::super) fn is_taken(&self, position: usize, text: &[u8]) -> bool {
        self.columns[position].takes.is_taken(text, false)
    }
}
