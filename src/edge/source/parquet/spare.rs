//! Which columns of a row group need not be read: nobody reads them, and none of their values can refuse a row.
//!
//! | a column of | can refuse no row where |
//! | --- | --- |
//! | booleans, whole numbers, decimals, days, times | the least and the greatest value of the group, or of the type, are taken |
//! | texts | all of them are entries of a dictionary, and each entry is taken |
//! | floating point numbers, bytes, texts without a dictionary | never: each value has to be looked at |
//!
//! Where the column must have a value, the group must say that none is NULL.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Int8Array, Int16Array, Int32Array, Int64Array, UInt8Array, UInt16Array,
    UInt32Array,
};
use arrow_schema::{DataType, Field};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::Encoding;
use parquet::column::page::{Page, PageReader};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use super::again::Placed;
use super::columns::Direct;
use standings_model::guarded::guarded;
use standings_scalar::Zone;

/// What is left out of a row group.
#[derive(Debug, Default)]
pub(super) struct Left {
    /// By column of the file that is the table's; empty where none is left out.
    columns: Vec<bool>,
    /// Bytes that the texts of a row can have together that are left out.
    pub(super) longest: usize,
}

impl Left {
    /// Nothing is left out.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// By column of the file that is the table's, whether it is left out; empty where none is.
    pub(super) fn columns(&self) -> &[bool] {
        &self.columns
    }

    /// What can be left out of a row group: of columns of which `needed` says by their number in the table whether they are read.
    pub(super) fn of(
        (file, footer, group): (&Placed, &ArrowReaderMetadata, usize),
        direct: &Direct,
        needed: &[bool],
        zone: Option<&Zone>,
    ) -> Self {
        let mut left = Left {
            columns: vec![false; direct.len()],
            longest: 0,
        };
        for (position, name) in direct.names() {
            if direct.is_needed(position, needed) {
                continue;
            }
            let of = Chunk::new((file, footer, group), name);
            let spared = of.and_then(|chunk| chunk.spared(direct, position, zone));
            if let Some(longest) = spared {
                left.columns[position] = true;
                left.longest += longest;
            }
        }
        // Rows that could be too large are looked at one by one; and of none that is read something must be.
        if !direct.fits(left.longest) || !left.columns.contains(&true) {
            return Left::default();
        }
        left
    }
}

/// A column of a row group.
struct Chunk<'a> {
    file: &'a Placed,
    footer: &'a ArrowReaderMetadata,
    group: usize,
    field: &'a Field,
    number: usize,
}

impl<'a> Chunk<'a> {
    fn new(
        (file, footer, group): (&'a Placed, &'a ArrowReaderMetadata, usize),
        name: &str,
    ) -> Option<Self> {
        let (_, field) = footer.schema().column_with_name(name)?;
        let columns = footer.parquet_schema().columns().iter();
        let mut leaves = columns.enumerate();
        let (number, _) = leaves.find(|(_, leaf)| leaf.path().parts() == [name])?;
        Some(Chunk {
            file,
            footer,
            group,
            field,
            number,
        })
    }

    fn meta(&self) -> &'a ColumnChunkMetaData {
        self.footer
            .metadata()
            .row_group(self.group)
            .column(self.number)
    }

    /// Whether it need not be read; then the bytes that its longest text has.
    fn spared(&self, direct: &Direct, position: usize, zone: Option<&Zone>) -> Option<usize> {
        let has_nulls = || {
            let known = self.meta().statistics()?.null_count_opt()?;
            Some(known > 0)
        };
        if direct.is_required(position) && has_nulls() != Some(false) {
            return None;
        }
        match self.field.data_type() {
            DataType::Boolean => Some(0),
            DataType::Dictionary(..) => self.longest_entry(direct, position),
            kind if direct.is_told_by_bounds(position, kind, zone) => {
                let fits = |array: &ArrayRef| direct.takes_all(position, &**array, zone);
                let is_spared = match of_type(kind) {
                    Some(all) if fits(&all) => true,
                    _ => self.bounds()?.iter().all(fits),
                };
                is_spared.then_some(0)
            }
            _ => None,
        }
    }

    /// The least and the greatest value, where the group says them.
    fn bounds(&self) -> Option<[ArrayRef; 2]> {
        let (schema, parquet) = (self.footer.schema(), self.footer.parquet_schema());
        let group = [self.footer.metadata().row_group(self.group)];
        let both = guarded(|| {
            let of = StatisticsConverter::try_new(self.field.name(), schema, parquet)?;
            Ok::<_, parquet::errors::ParquetError>([
                of.row_group_mins(group)?,
                of.row_group_maxes(group)?,
            ])
        });
        let both = both.ok()?.ok()?;
        both.iter()
            .all(|bound| bound.len() == 1 && bound.null_count() == 0)
            .then_some(both)
    }

    /// The bytes of the longest text, where all are entries of a dictionary that the column takes.
    fn longest_entry(&self, direct: &Direct, position: usize) -> Option<usize> {
        if !is_all_dictionary(self.meta()) {
            return None;
        }
        let rows = self.footer.metadata().row_group(self.group).num_rows();
        let rows = usize::try_from(rows).ok()?;
        let file = Arc::new(self.file.clone());
        let first =
            guarded(|| SerializedPageReader::new(file, self.meta(), rows, None)?.get_next_page());
        let Some(Page::DictionaryPage {
            buf,
            num_values,
            encoding: Encoding::PLAIN | Encoding::PLAIN_DICTIONARY,
            ..
        }) = first.ok()?.ok()?
        else {
            return None;
        };
        let (mut rest, mut longest) = (&buf[..], 0);
        for _ in 0..num_values {
            let (length, behind) = rest.split_first_chunk::<4>()?;
            let length = u32::from_le_bytes(*length) as usize;
            let text = behind.get(..length)?;
            rest = &behind[length..];
            if !direct.is_taken(position, text) {
                return None;
            }
            longest = longest.max(length);
        }
        Some(longest)
    }
}

/// Whether all pages of a column have entries of its dictionary.
fn is_all_dictionary(of: &ColumnChunkMetaData) -> bool {
    let by_pages = of.page_encoding_stats_mask().map(|mask| {
        mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY)
    });
    // Writers of old say PLAIN of a page that is, and not of the dictionary.
    let by_column = || {
        let mut all = of.encodings();
        all.all(|encoding| matches!(encoding, Encoding::PLAIN_DICTIONARY | Encoding::RLE))
    };
    of.dictionary_page_offset().is_some() && by_pages.unwrap_or_else(by_column)
}

/// The least and the greatest value of a type of whole numbers.
fn of_type(kind: &DataType) -> Option<ArrayRef> {
    Some(match kind {
        DataType::Int8 => Arc::new(Int8Array::from(vec![i8::MIN, i8::MAX])),
        DataType::Int16 => Arc::new(Int16Array::from(vec![i16::MIN, i16::MAX])),
        DataType::Int32 => Arc::new(Int32Array::from(vec![i32::MIN, i32::MAX])),
        DataType::Int64 => Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX])),
        DataType::UInt8 => Arc::new(UInt8Array::from(vec![0, u8::MAX])),
        DataType::UInt16 => Arc::new(UInt16Array::from(vec![0, u16::MAX])),
        DataType::UInt32 => Arc::new(UInt32Array::from(vec![0, u32::MAX])),
        _ => return None,
    })
}
