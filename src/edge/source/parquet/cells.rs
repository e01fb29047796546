//! One value of Parquet as the JSON that the decoder reads for a column of the table.
//!
//! | in the file | as JSON |
//! | --- | --- |
//! | whole numbers, decimals of any width | their digits |
//! | floating point | its shortest digits: exact, and so the decoder's to judge |
//! | text; bytes for a column of text | a string |
//! | bytes; text for a column of bytes | base64 |
//! | a day; for a column of times its first instant | `2026-01-23` |
//! | an instant, to the microsecond | milliseconds, or RFC 3339 where it has more digits |
//! | structs and maps; lists | objects; arrays |

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_schema::{DataType, TimeUnit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::ParquetProblem;
use super::blocks::push_json_string;
use super::instants;
use super::texts;
use standings_model::digits;
use standings_model::types::Type;
use standings_scalar::Zone;

const DAY_US: i64 = 86_400_000_000;

/// Whether [`Cell::push`] takes values of this type.
pub fn is_readable(kind: &DataType) -> bool {
    match kind {
        DataType::Struct(fields) => fields.iter().all(|f| is_readable(f.data_type())),
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) => {
            is_readable(of.data_type())
        }
        DataType::Map(entries, _) => is_readable(entries.data_type()),
        kind => {
            kind.is_numeric()
                || kind.is_temporal()
                    && !matches!(kind, DataType::Duration(_) | DataType::Interval(_))
                || is_text(kind)
                || is_bytes(kind)
                || matches!(kind, DataType::Boolean | DataType::Null)
        }
    }
}

fn is_text(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

fn is_bytes(kind: &DataType) -> bool {
    matches!(
        kind,
        DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
    )
}

/// One value, and what it is for the table.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    pub array: &'a dyn Array,
    pub row: usize,
    pub kind: Option<&'a Type>,
    /// `scan.time-zone`: of times that are not adjusted to UTC.
    pub zone: Option<&'a Zone>,
}

/// The value of a row of an array of primitives.
macro_rules! value {
    ($cell:expr, $kind:ty) => {
        $cell.array.as_primitive::<$kind>().value($cell.row)
    };
}

impl Cell<'_> {
    /// Appends its JSON.
    pub fn push(self, out: &mut Vec<u8>) -> Result<(), ParquetProblem> {
        if self.array.is_null(self.row) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        let kind = self.array.data_type();
        match kind {
            DataType::Null => out.extend_from_slice(b"null"),
            DataType::Dictionary(..) => {
                let of = self.array.as_dictionary::<Int32Type>();
                let entry = usize::try_from(of.keys().value(self.row)).unwrap_or_default();
                let (array, row) = (&**of.values(), entry);
                return Cell { array, row, ..self }.push(out);
            }
            DataType::Boolean => {
                let is_so = self.array.as_boolean().value(self.row);
                out.extend_from_slice(if is_so { b"true" } else { b"false" });
            }
            DataType::Struct(_) => return self.push_struct(out),
            DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
                return self.push_list(out);
            }
            DataType::Map(..) => return self.push_map(out),
            _ if is_text(kind) || is_bytes(kind) => self.push_bytes(out),
            _ if kind.is_integer() => {
                digits::push_integer(out, self.integer().unwrap_or_default());
            }
            _ if kind.is_temporal() => return self.push_time(out),
            _ => match self.number(out) {
                true => {}
                false => return Err(ParquetProblem::Type(kind.clone())),
            },
        }
        Ok(())
    }

    fn integer(self) -> Option<i128> {
        Some(match self.array.data_type() {
            DataType::Int8 => i128::from(value!(self, Int8Type)),
            DataType::Int16 => i128::from(value!(self, Int16Type)),
            DataType::Int32 => i128::from(value!(self, Int32Type)),
            DataType::Int64 => i128::from(value!(self, Int64Type)),
            DataType::UInt8 => i128::from(value!(self, UInt8Type)),
            DataType::UInt16 => i128::from(value!(self, UInt16Type)),
            DataType::UInt32 => i128::from(value!(self, UInt32Type)),
            DataType::UInt64 => i128::from(value!(self, UInt64Type)),
            _ => return None,
        })
    }

    /// Decimals and floating point numbers; whether it is one.
    fn number(self, out: &mut Vec<u8>) -> bool {
        match self.array.data_type() {
            DataType::Decimal32(_, scale) => {
                texts::push_decimal(out, i128::from(value!(self, Decimal32Type)), *scale);
            }
            DataType::Decimal64(_, scale) => {
                texts::push_decimal(out, i128::from(value!(self, Decimal64Type)), *scale);
            }
            DataType::Decimal128(_, scale) => {
                texts::push_decimal(out, value!(self, Decimal128Type), *scale);
            }
            DataType::Decimal256(_, scale) => {
                let digits = value!(self, Decimal256Type).to_string();
                out.extend_from_slice(texts::decimal(&digits, *scale).as_bytes());
            }
            kind => {
                let (n, is_single) = match kind {
                    DataType::Float16 => (f64::from(value!(self, Float16Type)), true),
                    DataType::Float32 => (f64::from(value!(self, Float32Type)), true),
                    DataType::Float64 => (value!(self, Float64Type), false),
                    _ => return false,
                };
                out.extend_from_slice(texts::double(n, is_single).as_bytes());
            }
        }
        true
    }

    /// Text, or bytes.
    fn push_bytes(self, out: &mut Vec<u8>) {
        let (array, row) = (self.array, self.row);
        let (bytes, is_text) = match array.data_type() {
            DataType::Utf8 => (array.as_string::<i32>().value(row).as_bytes(), true),
            DataType::LargeUtf8 => (array.as_string::<i64>().value(row).as_bytes(), true),
            DataType::Utf8View => (array.as_string_view().value(row).as_bytes(), true),
            DataType::Binary => (array.as_binary::<i32>().value(row), false),
            DataType::LargeBinary => (array.as_binary::<i64>().value(row), false),
            DataType::BinaryView => (array.as_binary_view().value(row), false),
            _ => (array.as_fixed_size_binary().value(row), false),
        };
        // Texts of old writers are bytes; the table says what they are.
        let as_text = match self.kind {
            Some(Type::Bytes) => false,
            Some(_) => true,
            None => is_text,
        };
        match as_text {
            true => push_json_string(out, bytes),
            false => push_json_string(out, STANDARD.encode(bytes).as_bytes()),
        }
    }

    fn push_time(self, out: &mut Vec<u8>) -> Result<(), ParquetProblem> {
        let kind = self.array.data_type();
        let day = match kind {
            DataType::Date32 => Some(i64::from(value!(self, Date32Type))),
            DataType::Date64 => Some(value!(self, Date64Type).div_euclid(86_400_000)),
            _ => None,
        };
        if let Some(day) = day {
            if matches!(self.kind, Some(Type::Timestamp(_) | Type::Instant(_))) {
                instants::push_instant(out, day.saturating_mul(DAY_US));
                return Ok(());
            }
            out.push(b'"');
            instants::push_date(out, day);
            out.push(b'"');
            return Ok(());
        }
        let clock = match kind {
            DataType::Time32(TimeUnit::Second) => {
                Some(i64::from(value!(self, Time32SecondType)) * 1_000_000)
            }
            DataType::Time32(_) => Some(i64::from(value!(self, Time32MillisecondType)) * 1000),
            DataType::Time64(TimeUnit::Microsecond) => Some(value!(self, Time64MicrosecondType)),
            DataType::Time64(_) => Some(value!(self, Time64NanosecondType).div_euclid(1000)),
            _ => None,
        };
        if let Some(us) = clock {
            out.push(b'"');
            instants::push_clock(out, us.clamp(0, DAY_US));
            out.push(b'"');
            return Ok(());
        }
        let us = match kind {
            DataType::Timestamp(TimeUnit::Second, _) => {
                value!(self, TimestampSecondType).saturating_mul(1_000_000)
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                value!(self, TimestampMillisecondType).saturating_mul(1000)
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => value!(self, TimestampMicrosecondType),
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                value!(self, TimestampNanosecondType).div_euclid(1000)
            }
            other => return Err(ParquetProblem::Type(other.clone())),
        };
        match (kind, self.zone) {
            (DataType::Timestamp(_, None), Some(zone)) => push_local(out, us, zone),
            _ => instants::push_instant(out, us),
        }
        Ok(())
    }

    fn push_struct(self, out: &mut Vec<u8>) -> Result<(), ParquetProblem> {
        let array = self.array.as_struct();
        let declared = match self.kind {
            Some(Type::Row(fields)) => Some(fields),
            _ => None,
        };
        out.push(b'{');
        for (n, (field, part)) in array.fields().iter().zip(array.columns()).enumerate() {
            if n > 0 {
                out.push(b',');
            }
            push_json_string(out, field.name().as_bytes());
            out.push(b':');
            let known = declared.and_then(|all| all.iter().find(|f| f.name == *field.name()));
            let kind = known.map(|f| &f.kind);
            let (array, row) = (&**part, self.row);
            let zone = self.zone;
            Cell {
                array,
                row,
                kind,
                zone,
            }
            .push(out)?;
        }
        out.push(b'}');
        Ok(())
    }

    fn push_list(self, out: &mut Vec<u8>) -> Result<(), ParquetProblem> {
        let elements = match self.array.data_type() {
            DataType::LargeList(_) => self.array.as_list::<i64>().value(self.row),
            DataType::FixedSizeList(..) => self.array.as_fixed_size_list().value(self.row),
            _ => self.array.as_list::<i32>().value(self.row),
        };
        let kind = match self.kind {
            Some(Type::Array(of)) => Some(&**of),
            _ => None,
        };
        out.push(b'[');
        for row in 0..elements.len() {
            if row > 0 {
                out.push(b',');
            }
            let array = &*elements;
            let zone = self.zone;
            Cell {
                array,
                row,
                kind,
                zone,
            }
            .push(out)?;
        }
        out.push(b']');
        Ok(())
    }

    fn push_map(self, out: &mut Vec<u8>) -> Result<(), ParquetProblem> {
        let entries = self.array.as_map().value(self.row);
        let kinds = match self.kind {
            Some(Type::Map(kinds)) => Some(&**kinds),
            _ => None,
        };
        out.push(b'{');
        for row in 0..entries.len() {
            if row > 0 {
                out.push(b',');
            }
            let zone = self.zone;
            let part = |n: usize, kind| Cell {
                zone,
                array: &**entries.column(n),
                row,
                kind,
            };
            let start = out.len();
            part(0, kinds.map(|k| &k.0)).push(out)?;
            // A name is a string, whatever the key is.
            if out.get(start) != Some(&b'"') {
                let key = out.split_off(start);
                push_json_string(out, &key);
            }
            out.push(b':');
            part(1, kinds.map(|k| &k.1)).push(out)?;
        }
        out.push(b'}');
        Ok(())
    }
}
/// Appends what a clock of a zone showed: its instant. What it never showed stays as it is, and is a dead letter.
fn push_local(out: &mut Vec<u8>, us: i64, zone: &Zone) {
    let instant = zone.instant(us);
    if zone.local(instant) == us {
        return instants::push_instant(out, instant);
    }
    out.push(b'"');
    instants::push_date(out, us.div_euclid(DAY_US));
    out.push(b'T');
    instants::push_clock(out, us.rem_euclid(DAY_US));
    out.push(b'"');
}
