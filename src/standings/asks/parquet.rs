//! Rows as Parquet: texts, whole numbers, decimals with their own digits, booleans.

use std::fs::File;
use std::io;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Decimal128Builder, Float64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use parquet::arrow::ArrowWriter;

use crate::output::{Cell, Column};

/// Rows of a row group.
const GROUP: usize = 100_000;

/// Rows on their way.
pub(super) struct Columns {
    names: Vec<String>,
    kinds: Vec<Kind>,
    rows: Vec<Vec<Cell>>,
    /// Made with the first rows, which say how many digits decimals have.
    out: Option<ArrowWriter<File>>,
    file: Option<File>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    /// With so many fraction digits; not known before there is a value.
    Decimal(Option<i8>),
    Double,
    Boolean,
}

impl Kind {
    /// As the server calls it.
    fn named(name: &str) -> Self {
        match name {
            "integer" => Kind::Decimal(Some(0)),
            "decimal" => Kind::Decimal(None),
            "double" => Kind::Double,
            "boolean" => Kind::Boolean,
            _ => Kind::Text,
        }
    }
}

fn text(cell: &Cell) -> Option<&str> {
    match cell {
        Cell::Null => None,
        Cell::Text(text) | Cell::Bare(text) => Some(text),
    }
}

/// How many digits are behind the point.
fn digits(text: &str) -> i8 {
    let fraction = text
        .split_once('.')
        .map_or(0, |(_, fraction)| fraction.len());
    i8::try_from(fraction).unwrap_or(38)
}

fn wrong(text: &str) -> io::Error {
    io::Error::other(format!("{text} is no number"))
}

impl Columns {
    /// Into a file; `kind` says what a column is.
    pub(super) fn new<'a>(
        file: File,
        columns: &'a [Column],
        kind: impl Fn(&'a str) -> &'a str,
    ) -> io::Result<Self> {
        let kind = |column: &'a Column| match &column.name[..] {
            "window_start" | "window_end" => Kind::Text,
            "rank" => Kind::Decimal(Some(0)),
            "final" => Kind::Boolean,
            name => Kind::named(kind(name)),
        };
        Ok(Columns {
            names: columns.iter().map(|c| c.name.clone()).collect(),
            kinds: columns.iter().map(kind).collect(),
            rows: Vec::new(),
            out: None,
            file: Some(file),
        })
    }

    /// Adds a row.
    pub(super) fn push(&mut self, cells: &[Cell]) -> io::Result<()> {
        self.rows.push(cells.to_vec());
        match self.rows.len() {
            GROUP.. => self.flush(),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        for (n, kind) in self.kinds.iter_mut().enumerate() {
            if *kind == Kind::Decimal(None) {
                let mut texts = self.rows.iter().filter_map(|row| text(&row[n]));
                *kind = Kind::Decimal(Some(texts.next().map_or(2, digits)));
            }
        }
        let rows = std::mem::take(&mut self.rows);
        let arrays = self.kinds.iter().enumerate();
        let arrays = arrays.map(|(n, kind)| array(*kind, rows.iter().map(|row| text(&row[n]))));
        let arrays: Vec<ArrayRef> = arrays.collect::<io::Result<_>>()?;
        // Every column may be null, or the first rows would say what the rest may be.
        let named = self.names.iter().zip(arrays).map(|(n, a)| (n, a, true));
        let batch = RecordBatch::try_from_iter_with_nullable(named).map_err(io::Error::other)?;
        if let Some(file) = self.file.take() {
            let out = ArrowWriter::try_new(file, batch.schema(), None);
            self.out = Some(out.map_err(io::Error::other)?);
        }
        if let Some(out) = &mut self.out {
            out.write(&batch).map_err(io::Error::other)?;
            out.flush().map_err(io::Error::other)?;
        }
        Ok(())
    }

    /// The end of the file.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if !self.rows.is_empty() || self.out.is_none() {
            self.flush()?;
        }
        let ended = self.out.take().map(ArrowWriter::close).transpose();
        ended.map(drop).map_err(io::Error::other)
    }
}

fn array<'a>(kind: Kind, cells: impl Iterator<Item = Option<&'a str>>) -> io::Result<ArrayRef> {
    Ok(match kind {
        Kind::Text => {
            let mut all = StringBuilder::new();
            cells.for_each(|cell| all.append_option(cell));
            Arc::new(all.finish())
        }
        Kind::Boolean => {
            let mut all = BooleanBuilder::new();
            cells.for_each(|cell| all.append_option(cell.map(|c| c == "true")));
            Arc::new(all.finish())
        }
        Kind::Double => {
            let mut all = Float64Builder::new();
            for cell in cells {
                let number = cell.map(|c| c.parse().map_err(|_| wrong(c)));
                all.append_option(number.transpose()?);
            }
            Arc::new(all.finish())
        }
        Kind::Decimal(scale) => {
            let scale = scale.unwrap_or(0);
            let mut all = Decimal128Builder::new()
                .with_precision_and_scale(38, scale)
                .map_err(io::Error::other)?;
            for cell in cells {
                let number = cell.map(|c| unscaled(c, scale).ok_or_else(|| wrong(c)));
                all.append_option(number.transpose()?);
            }
            Arc::new(all.finish())
        }
    })
}

/// A decimal as a whole number of its last digit.
fn unscaled(text: &str, scale: i8) -> Option<i128> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = usize::try_from(scale).ok()?.checked_sub(fraction.len())?;
    format!("{whole}{fraction}{}", "0".repeat(missing))
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_digits() {
        for (text, scale, want) in [
            ("12.34", 2, Some(1234)),
            ("-0.05", 2, Some(-5)),
            ("7", 2, Some(700)),
            ("7", 0, Some(7)),
            (
                "99999999999999999999999999999999999999",
                0,
                Some(10_i128.pow(38) - 1),
            ),
            ("1.234", 2, None),
            ("x", 0, None),
        ] {
            assert_eq!(unscaled(text, scale), want, "{text}");
        }
        assert_eq!((digits("1.230"), digits("1")), (3, 0));
    }
}
