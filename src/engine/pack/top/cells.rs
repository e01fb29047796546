//! Where the values of a row's accumulators come from: from a row that was just decoded, or from words.

use crate::pack::layout::{NO_TEXT, NULL_NUMBER, wide};
use crate::pack::texts::TextTable;

/// The values of a row's accumulators, by their number.
pub trait Cells {
    /// As a number; none of NULL, and of what is a text.
    fn number(&self, slot: usize) -> Option<i128>;
    /// As bytes; none of NULL, and of what is a number.
    fn bytes(&self, slot: usize) -> Option<&[u8]>;
}

/// Of a row that was just decoded: each accumulator is one column.
pub struct OfSale<'a, N, B> {
    /// The columns of the accumulators.
    pub columns: &'a [usize],
    /// A column as a number.
    pub number: N,
    /// A column as bytes.
    pub bytes: B,
}

impl<'a, N, B> Cells for OfSale<'a, N, B>
where
    N: Fn(usize) -> Option<i128>,
    B: Fn(usize) -> Option<&'a [u8]>,
{
    #[inline]
    fn number(&self, slot: usize) -> Option<i128> {
        (self.number)(self.columns[slot])
    }

    #[inline]
    fn bytes(&self, slot: usize) -> Option<&[u8]> {
        (self.bytes)(self.columns[slot])
    }
}

/// Of a row of a layout's words.
pub struct Words<'a> {
    /// The words.
    pub words: &'a [u64],
    /// Where those of each accumulator begin.
    pub codec: &'a super::TopCodec,
    /// The texts that the words are numbers of.
    pub texts: &'a TextTable,
}

impl Cells for Words<'_> {
    fn number(&self, slot: usize) -> Option<i128> {
        let n = wide(self.words, self.codec.at(slot));
        (n != NULL_NUMBER).then_some(n)
    }

    fn bytes(&self, slot: usize) -> Option<&[u8]> {
        match self.words[self.codec.at(slot)] {
            NO_TEXT => None,
            id => Some(self.texts.get(id as u32)),
        }
    }
}
