//! CSV and Parquet rows as NDJSON lines.
//!
//! The decoder's rules are then the same for every kind of file, and a dead letter shows the row as JSON. Cells keep
//! their text: nothing passes through floating point.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Decimal128Type, Int32Type, Int64Type, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt32Type,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::error::SourceError;
use super::file::failed;
use crate::model::schema::{ColumnType, Schema};

/// Rows as lines, made one batch at a time.
struct RowLines<F> {
    next: F,
    buffer: Vec<u8>,
    at: usize,
}

impl<F: FnMut(&mut Vec<u8>) -> io::Result<bool>> Read for RowLines<F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.at == self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            if !(self.next)(&mut self.buffer)? {
                return Ok(0);
            }
        }
        let n = out.len().min(self.buffer.len() - self.at);
        out[..n].copy_from_slice(&self.buffer[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}

/// CSV with a header; an empty cell is NULL. Row *n* after the header has offset *n*.
pub fn csv_lines(
    path: &Path,
    input: Box<dyn Read + Send>,
    schema: &Schema,
) -> Result<Box<dyn Read + Send>, SourceError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
    let headers = reader.byte_headers().map_err(|e| failed(path, &e))?.clone();
    let names: Vec<Vec<u8>> = headers
        .iter()
        .map(|h| h.strip_prefix(b"\xef\xbb\xbf").unwrap_or(h).to_vec())
        .collect();
    let bare: Vec<bool> = names.iter().map(|n| is_number_column(n, schema)).collect();
    for wanted in ["amount"] {
        if !names.iter().any(|n| n == wanted.as_bytes()) {
            return Err(SourceError::Configuration(format!(
                "{}: the header has no column `{wanted}`; found: {}",
                path.display(),
                names
                    .iter()
                    .map(|n| String::from_utf8_lossy(n).into_owned())
                    .collect::<Vec<_>>()
                    .join(", ")
            )));
        }
    }
    let mut row = csv::ByteRecord::new();
    let next = move |out: &mut Vec<u8>| {
        if !reader
            .read_byte_record(&mut row)
            .map_err(io::Error::other)?
        {
            return Ok(false);
        }
        if row.len() != names.len() {
            // Not an object: the decoder makes it a dead letter that shows the row.
            let cells: Vec<&[u8]> = row.iter().collect();
            out.extend(
                cells
                    .join(&b","[..])
                    .iter()
                    .map(|b| if *b == b'\n' || *b == b'\r' { b' ' } else { *b }),
            );
            out.extend_from_slice(b" <- wrong number of cells\n");
            return Ok(true);
        }
        out.push(b'{');
        for ((name, cell), bare) in names.iter().zip(row.iter()).zip(&bare) {
            if out.last() != Some(&b'{') {
                out.push(b',');
            }
            push_json_string(out, name);
            out.push(b':');
            let digits = cell.strip_prefix(b"-").unwrap_or(cell);
            if cell.is_empty() {
                out.extend_from_slice(b"null");
            } else if *bare && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) {
                out.extend_from_slice(cell);
            } else {
                push_json_string(out, cell);
            }
        }
        out.extend_from_slice(b"}\n");
        Ok(true)
    };
    Ok(Box::new(RowLines {
        next,
        buffer: Vec::new(),
        at: 0,
    }))
}

/// Columns whose whole-number cells are JSON numbers: times in ms and BIGINT.
fn is_number_column(name: &[u8], schema: &Schema) -> bool {
    name == b"timestamp"
        || schema.columns.iter().any(|c| {
            c.name.as_bytes() == name
                && matches!(c.kind, ColumnType::BigInt | ColumnType::Timestamp)
        })
}

fn push_json_string(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for b in text {
        match b {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *b]),
            0..=0x1f => out.extend_from_slice(format!("\\u{b:04x}").as_bytes()),
            b => out.push(*b),
        }
    }
    out.push(b'"');
}

/// Refuses column types that cannot be exact.
pub fn check_parquet(path: &Path, schema: &Schema) -> Result<(), SourceError> {
    let file = File::open(path).map_err(|e| failed(path, &e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(path, &e))?;
    for field in builder.schema().fields() {
        let Some(column) = schema.find(field.name()) else {
            continue;
        };
        if field.data_type().is_floating() {
            return Err(SourceError::Configuration(format!(
                "{}: column `{}` is {}; money is exact here: store it as DECIMAL, text or whole numbers",
                path.display(),
                schema.columns[column].name,
                field.data_type()
            )));
        }
    }
    Ok(())
}

/// Parquet rows; row *n* of the file has offset *n*.
pub fn parquet_lines(path: &Path, schema: &Schema) -> Result<Box<dyn Read + Send>, SourceError> {
    check_parquet(path, schema)?;
    let file = File::open(path).map_err(|e| failed(path, &e))?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| failed(path, &e))?;
    let mut batches = builder
        .with_batch_size(4096)
        .build()
        .map_err(|e| failed(path, &e))?;
    let known: Vec<String> = schema
        .columns
        .iter()
        .map(|c| c.name.clone())
        .chain(["timestamp".to_owned()])
        .collect();
    let next = move |out: &mut Vec<u8>| match batches.next() {
        None => Ok(false),
        Some(batch) => {
            push_batch(out, &batch.map_err(io::Error::other)?, &known)?;
            Ok(true)
        }
    };
    Ok(Box::new(RowLines {
        next,
        buffer: Vec::new(),
        at: 0,
    }))
}

fn push_batch(out: &mut Vec<u8>, batch: &RecordBatch, known: &[String]) -> io::Result<()> {
    let schema = batch.schema();
    for row in 0..batch.num_rows() {
        out.push(b'{');
        for (field, column) in schema.fields().iter().zip(batch.columns()) {
            if !known.contains(field.name()) {
                continue;
            }
            if out.last() != Some(&b'{') {
                out.push(b',');
            }
            push_json_string(out, field.name().as_bytes());
            out.push(b':');
            push_cell(out, column, row)
                .map_err(|e| io::Error::other(format!("column `{}`: {e}", field.name())))?;
        }
        out.extend_from_slice(b"}\n");
    }
    Ok(())
}

fn push_cell(out: &mut Vec<u8>, column: &dyn Array, row: usize) -> Result<(), String> {
    if column.is_null(row) {
        out.extend_from_slice(b"null");
        return Ok(());
    }
    let number = match column.data_type() {
        DataType::Utf8 => return text(out, column.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => return text(out, column.as_string::<i64>().value(row)),
        DataType::Utf8View => return text(out, column.as_string_view().value(row)),
        DataType::Decimal128(_, scale) if *scale >= 0 => {
            let digits = column.as_primitive::<Decimal128Type>().value(row);
            out.extend_from_slice(decimal(digits, *scale as usize).as_bytes());
            return Ok(());
        }
        DataType::Int32 => i64::from(column.as_primitive::<Int32Type>().value(row)),
        DataType::UInt32 => i64::from(column.as_primitive::<UInt32Type>().value(row)),
        DataType::Int64 => column.as_primitive::<Int64Type>().value(row),
        DataType::Timestamp(TimeUnit::Second, _) => column
            .as_primitive::<TimestampSecondType>()
            .value(row)
            .saturating_mul(1000),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            column.as_primitive::<TimestampMillisecondType>().value(row)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => column
            .as_primitive::<TimestampMicrosecondType>()
            .value(row)
            .div_euclid(1000),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => column
            .as_primitive::<TimestampNanosecondType>()
            .value(row)
            .div_euclid(1_000_000),
        other => {
            return Err(format!(
                "the type {other} is not read; use text, DECIMAL, whole numbers or TIMESTAMP"
            ));
        }
    };
    out.extend_from_slice(number.to_string().as_bytes());
    Ok(())
}

fn text(out: &mut Vec<u8>, value: &str) -> Result<(), String> {
    push_json_string(out, value.as_bytes());
    Ok(())
}

/// A decimal's digits without the zeros at its end, so that a scale above two is fine when the value is exact.
fn decimal(digits: i128, scale: usize) -> String {
    let sign = if digits < 0 { "-" } else { "" };
    let text = format!("{:0width$}", digits.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_value() {
        assert_eq!(decimal(123_450, 4), "12.345");
        assert_eq!(decimal(-1_200, 4), "-0.12");
        assert_eq!(decimal(1_200, 2), "12");
        assert_eq!(decimal(0, 0), "0");
    }

    #[test]
    fn csv_rows_are_objects() {
        let csv = "event_time,city,amount\n1700000000000,\"Lis\"\"bon\",12.34\n,x,\n1,2\n";
        let mut lines = csv_lines(
            Path::new("t.csv"),
            Box::new(csv.as_bytes()),
            &Schema::sales(),
        )
        .unwrap();
        let mut text = String::new();
        lines.read_to_string(&mut text).unwrap();
        assert_eq!(
            text,
            "{\"event_time\":1700000000000,\"city\":\"Lis\\\"bon\",\"amount\":\"12.34\"}\n\
             {\"event_time\":null,\"city\":\"x\",\"amount\":null}\n1,2 <- wrong number of cells\n"
        );
    }
}
