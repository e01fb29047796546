//! What names a row without a primary key: its record, and which of the record's rows it is.

use std::fmt;
use std::sync::Arc;

/// A row's partition, its record's offset, and its number among the record's rows, from 0. Shown as `partition:offset`, and
/// from the second row of a record on as `partition:offset:n`.
///
/// # Examples
///
/// ```
/// use standings_model::row_id::RowId;
///
/// let first = RowId { partition: 2, offset: 10, row: 0 };
/// let second = RowId { row: 1, ..first };
/// assert_eq!((first.to_string(), second.to_string()), ("2:10".to_owned(), "2:10:1".to_owned()));
/// // Their order is that of the numbers, not of the texts.
/// assert!(RowId { offset: 9, ..second } < first && first < second);
/// assert_eq!(RowId::of_number(second.number()), second);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowId {
    /// Partition.
    pub partition: u32,
    /// Offset in the partition.
    pub offset: u64,
    /// Which of the record's rows.
    pub row: u32,
}

impl RowId {
    /// As one number that is not negative, in the same order.
    #[inline]
    pub fn number(self) -> i128 {
        // 31 bits of the partition are more than any source has.
        i128::from(self.partition & 0x7fff_ffff) << 96
            | i128::from(self.offset) << 32
            | i128::from(self.row)
    }

    /// The row that [`RowId::number`] gave this for.
    pub fn of_number(n: i128) -> Self {
        RowId {
            partition: (n >> 96) as u32,
            offset: (n >> 32) as u64,
            row: n as u32,
        }
    }

    /// As it is shown. Of rows ranked as they are each change has one, so it is written by hand.
    pub fn text(self) -> Arc<str> {
        // 10, 20 and 10 digits at most, and what is between them.
        let (mut all, mut at) = ([0; 42], 42);
        let mut put = |mut n: u64, before: bool| {
            loop {
                at -= 1;
                all[at] = b'0' + (n % 10) as u8;
                n /= 10;
                if n == 0 {
                    break;
                }
            }
            if before {
                at -= 1;
                all[at] = b':';
            }
        };
        if self.row > 0 {
            put(self.row.into(), true);
        }
        put(self.offset, true);
        put(self.partition.into(), false);
        // Digits and colons.
        Arc::from(str::from_utf8(&all[at..]).unwrap_or_default())
    }

    /// Reads it as it is shown.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let id = RowId {
            partition: parts.next()?.parse().ok()?,
            offset: parts.next()?.parse().ok()?,
            row: parts.next().map_or(Some(0), |n| n.parse().ok())?,
        };
        (parts.next().is_none() && id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for RowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.partition, self.offset)?;
        match self.row {
            0 => Ok(()),
            n => write!(f, ":{n}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_read() {
        for id in [(0, 0, 0), (7, u64::MAX, 1), (0x7fff_ffff, 5, u32::MAX)] {
            let (partition, offset, row) = id;
            let id = RowId {
                partition,
                offset,
                row,
            };
            assert_eq!(RowId::parse(&id.to_string()), Some(id));
            assert_eq!(*id.text(), *id.to_string());
            assert_eq!(RowId::of_number(id.number()), id);
        }
        for text in ["", "1", "1:", "a:1", "1:2:0", "1:2:3:4", "+1:2", "01:2"] {
            assert_eq!(RowId::parse(text), None, "{text}");
        }
    }
}
