//! Rows that are columns already: what a block of a file of columns has beside its bytes.
//!
//! ```text
//! record 0 │ here │ columns: 12  7  –        its cells are these
//! record 1 │  –   │ bytes  {"city":"P…       its bytes are the record, as of any other block: the decoder judges them
//! record 2 │ here │ columns: 12  9  3
//!                     texts: places in the block's bytes
//! ```
//!
//! 1. Each column has one value for each record of the block, also for those that are not here: theirs says nothing.
//! 2. A row is here only where its record would be decoded to these very cells. What could be refused is not here.
//! 3. What a row looks like as a record is made when somebody wants it: a dead letter, a late row.

use std::fmt::Debug;
use std::sync::Arc;

use super::value::Real;

/// Writes rows as the records that they would have been.
pub trait Original: Debug + Send + Sync {
    /// Appends the record of a row.
    fn write(&self, row: usize, out: &mut Vec<u8>);
}

/// Rows of one block.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The columns that are filled.
    pub columns: Vec<Filled>,
    /// The numbers of those that are NULL in all rows.
    pub absent: Vec<usize>,
    /// Of each record of the block, whether it is here.
    pub here: Vec<bool>,
    /// Bytes that all texts of a row can have together.
    pub longest: usize,
    /// The rows as records.
    pub original: Arc<dyn Original>,
    /// Which of its rows the first record of the block is.
    pub first: usize,
}

/// One column of the table.
#[derive(Clone, Debug)]
pub struct Filled {
    /// Its number in the table.
    pub number: usize,
    /// Which rows are NULL; empty where none is.
    pub nulls: Vec<bool>,
    /// Its values.
    pub values: Values,
}

/// Values of one column, a row each.
#[derive(Clone, Debug)]
pub enum Values {
    /// Whole numbers, as cells have them: of times microseconds, of dates days, of booleans 0 or 1.
    Ints(Vec<i64>),
    /// Decimals of at most 18 digits, by their digits.
    Decimals(Vec<i64>),
    /// Decimals of more.
    Wide(Vec<i128>),
    /// Floating point numbers.
    Doubles(Vec<Real>),
    /// Texts and bytes.
    Texts(Texts),
}

/// Texts, or bytes, that lie in the block's bytes.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// Where each lies.
    pub places: Vec<(u32, u32)>,
    /// The dictionary that they are entries of: a number that no other has in this process. 0: of none.
    pub dictionary: u64,
    /// Of a dictionary, which entry each is.
    pub entries: Vec<u32>,
}

/// One row of a block.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    rows: &'a Rows,
    number: usize,
}

impl Rows {
    /// The row that a record of the block is, by the record's number; none where its bytes are the record.
    #[inline]
    pub fn row(&self, number: usize) -> Option<Row<'_>> {
        let is_here = *self.here.get(number)?;
        is_here.then_some(Row { rows: self, number })
    }

    /// Takes the rows from a record on out.
    pub fn split_off(&mut self, at: usize) -> Rows {
        let columns = self.columns.iter_mut().map(|column| Filled {
            number: column.number,
            nulls: column.nulls.split_off(at.min(column.nulls.len())),
            values: column.values.split_off(at),
        });
        Rows {
            columns: columns.collect(),
            absent: self.absent.clone(),
            here: self.here.split_off(at),
            longest: self.longest,
            original: Arc::clone(&self.original),
            first: self.first + at,
        }
    }

    /// Bytes that the columns take.
    pub fn bytes(&self) -> usize {
        let each = self.columns.iter().map(|column| column.values.width());
        self.here.len() * each.sum::<usize>()
    }
}

impl Values {
    fn split_off(&mut self, at: usize) -> Values {
        match self {
            Values::Ints(all) => Values::Ints(all.split_off(at)),
            Values::Decimals(all) => Values::Decimals(all.split_off(at)),
            Values::Wide(all) => Values::Wide(all.split_off(at)),
            Values::Doubles(all) => Values::Doubles(all.split_off(at)),
            Values::Texts(all) => Values::Texts(Texts {
                places: all.places.split_off(at),
                dictionary: all.dictionary,
                entries: all.entries.split_off(at.min(all.entries.len())),
            }),
        }
    }

    /// Bytes of a value.
    fn width(&self) -> usize {
        match self {
            Values::Ints(_) | Values::Decimals(_) | Values::Doubles(_) => 8,
            Values::Wide(_) => 16,
            Values::Texts(of) if of.entries.is_empty() => 8,
            Values::Texts(_) => 12,
        }
    }
}

impl<'a> Row<'a> {
    /// The columns that are filled.
    #[inline]
    pub fn columns(self) -> &'a [Filled] {
        &self.rows.columns
    }

    /// The numbers of the columns that are NULL in all rows.
    #[inline]
    pub fn absent(self) -> &'a [usize] {
        &self.rows.absent
    }

    /// Its number in the block.
    #[inline]
    pub fn number(self) -> usize {
        self.number
    }

    /// Bytes that all its texts can have together.
    #[inline]
    pub fn longest(self) -> usize {
        self.rows.longest
    }

    /// Of a column of texts of a dictionary: the dictionary, and which of its entries this is. NULL has none.
    #[inline]
    pub fn entry(self, column: usize) -> Option<(u64, u32)> {
        let of = self.rows.columns.iter().find(|of| of.number == column)?;
        let Values::Texts(texts) = &of.values else {
            return None;
        };
        let entry = *texts.entries.get(self.number)?;
        (of.nulls.get(self.number) != Some(&true)).then_some((texts.dictionary, entry))
    }

    /// The record that it would have been.
    #[cold]
    pub fn record(self) -> Vec<u8> {
        let mut out = Vec::new();
        let row = self.rows.first + self.number;
        self.rows.original.write(row, &mut out);
        out
    }
}
