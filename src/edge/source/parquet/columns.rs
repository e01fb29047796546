//! Rows of a batch as columns of the table, where the table's words and the file's types let them be; the others as records.
//!
//! ```text
//! batch ──► each column: its values, as cells have them; which rows it does not take ──► Rows
//!                        texts: copied into the block, those of a dictionary once
//! ```
//!
//! What may be, and what a value comes to, says `standings_decode::direct`; here is what arrays are.

mod asked;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, Time32MillisecondType,
    Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType, UInt8Type, UInt16Type,
    UInt32Type,
};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, TimeUnit};

use super::fields;
use super::spare::Left;
use super::texts;
use standings_decode::direct::{self, Given, Taken, Takes};
use standings_model::rows::{Filled, Original, Rows, Texts, Values};
use standings_model::table::Table;
use standings_scalar::Zone;

/// Texts of a batch that take more are records: a block is not to grow beyond what its places can say.
const MOST_TEXT: usize = 64 << 20;
/// What a value that is no text takes in a record at most: a decimal of 38 digits, its sign and its point.
const WIDEST: usize = 64;
/// What a byte of a text takes in a record at most.
const ESCAPED: usize = 6;

/// Where a dictionary's number comes from.
static DICTIONARIES: AtomicU64 = AtomicU64::new(1);

/// How the columns of a file fill those of the table.
pub(super) struct Direct {
    columns: Vec<Column>,
    absent: Vec<usize>,
    /// Bytes of a row's record beside those of its texts, at most.
    around: usize,
    /// Bytes that a record may have.
    most: usize,
}

struct Column {
    number: usize,
    name: String,
    takes: Takes,
    dictionary: Option<Dictionary>,
}

/// The dictionary of a column that was seen last.
struct Dictionary {
    values: ArrayRef,
    number: u64,
    /// Which of its entries the column does not take; empty where it takes all.
    refused: Vec<bool>,
}

/// What a column of the file gives; none for one whose rows are records.
fn given(kind: &DataType) -> Option<Given> {
    Some(match kind {
        DataType::Boolean => Given::Boolean,
        DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32 => Given::Whole,
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
            if *scale >= 0 =>
        {
            Given::Decimal
        }
        DataType::Float32 => Given::Single,
        DataType::Float64 => Given::Double,
        DataType::Date32 | DataType::Date64 => Given::Day,
        DataType::Time32(_) | DataType::Time64(_) => Given::Clock,
        DataType::Timestamp(..) => Given::Instant,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Given::Text,
        DataType::Binary
        | DataType::LargeBinary
        | DataType::BinaryView
        | DataType::FixedSizeBinary(_) => Given::Bytes,
        _ => return None,
    })
}

impl Direct {
    /// How these columns of a file, which are the table's, fill it; none where its rows are records, of at most `most` bytes.
    pub(super) fn of<'f>(
        file: impl Iterator<Item = &'f Field>,
        table: &Table,
        most: usize,
    ) -> Option<Self> {
        let takes = direct::columns(table)?;
        let (mut columns, mut around) = (Vec::<Column>::new(), 2);
        for field in file {
            let number = fields::column(table, field.name())?;
            let takes = (*takes.get(number)?)?;
            let is_there = columns.iter().any(|column| column.number == number);
            // What a second column of the name says, the decoder judges.
            if is_there || !takes.can(given(field.data_type())?) {
                return None;
            }
            around += ESCAPED * field.name().len() + WIDEST;
            columns.push(Column {
                number,
                name: field.name().clone(),
                takes,
                dictionary: None,
            });
        }
        if columns.is_empty() {
            return None;
        }
        let is_filled = |number: usize| columns.iter().any(|column| column.number == number);
        let read = takes.iter().enumerate();
        let absent: Vec<(usize, Takes)> = read
            .filter(|(number, takes)| takes.is_some() && !is_filled(*number))
            .filter_map(|(number, takes)| Some((number, (*takes)?)))
            .collect();
        // That it has not got what it must have is told of each row.
        if absent.iter().any(|(_, takes)| takes.required) {
            return None;
        }
        Some(Direct {
            columns,
            absent: absent.into_iter().map(|(number, _)| number).collect(),
            around,
            most,
        })
    }

    /// The rows of a batch; texts are appended to `bytes`. What is left out of it is NULL in all of them.
    pub(super) fn rows(
        &mut self,
        (batch, out): (&RecordBatch, &Left),
        zone: Option<&Zone>,
        bytes: &mut Vec<u8>,
        original: Arc<dyn Original>,
    ) -> Rows {
        let mut left = vec![false; batch.num_rows()];
        let before = bytes.len();
        let mut columns = Vec::with_capacity(self.columns.len());
        let mut absent = self.absent.clone();
        let mut arrays = batch.columns().iter();
        for (position, column) in self.columns.iter_mut().enumerate() {
            if out.columns().get(position) == Some(&true) {
                absent.push(column.number);
                continue;
            }
            let Some(array) = arrays.next() else { break };
            let nulls: Vec<bool> = match array.nulls() {
                Some(nulls) if nulls.null_count() > 0 => nulls.iter().map(|is| !is).collect(),
                _ => Vec::new(),
            };
            let taken = Taken {
                nulls: &nulls,
                left: &mut left,
            };
            let values = column.values(&**array, zone, taken, bytes);
            if column.takes.required {
                let rows = left.iter_mut().zip(&nulls);
                rows.for_each(|(left, is_null)| *left |= is_null);
            }
            columns.push(Filled {
                number: column.number,
                nulls,
                values,
            });
        }
        let longest = self.longest(&columns, out.longest, &mut left);
        if bytes.len() - before > MOST_TEXT {
            left.fill(true);
        }
        Rows {
            columns,
            absent,
            here: left.iter().map(|left| !left).collect(),
            longest,
            original,
            first: 0,
        }
    }

    /// Bytes that all texts of a row can have together, with so many that are left out. Rows whose records could be too large are left.
    fn longest(&self, columns: &[Filled], out: usize, left: &mut [bool]) -> usize {
        let texts = || {
            columns.iter().filter_map(|column| match &column.values {
                Values::Texts(texts) => Some(texts),
                _ => None,
            })
        };
        let length = |(start, end): &(u32, u32)| (end - start) as usize;
        let of = |texts: &Texts| texts.places.iter().map(length).max().unwrap_or(0);
        let longest = out + texts().map(of).sum::<usize>();
        if self.around + ESCAPED * longest > self.most {
            for (row, left) in left.iter_mut().enumerate() {
                let all: usize = texts().map(|texts| length(&texts.places[row])).sum();
                *left |= self.around + ESCAPED * (out + all) > self.most;
            }
        }
        longest
    }
}

/// The numbers of an array of primitives.
macro_rules! numbers {
    ($array:expr, $kind:ty) => {{
        let values = $array.as_primitive::<$kind>().values();
        |row: usize| <$kind as ArrowPrimitiveType>::Native::from(values[row])
    }};
}

impl Column {
    fn values(
        &mut self,
        array: &dyn Array,
        zone: Option<&Zone>,
        taken: Taken<'_>,
        bytes: &mut Vec<u8>,
    ) -> Values {
        let takes = self.takes;
        macro_rules! whole {
            ($kind:ty) => {{
                let value = numbers!(array, $kind);
                takes.whole(taken, |row| i64::from(value(row)))
            }};
        }
        macro_rules! decimals {
            ($kind:ty, $scale:expr) => {{
                let value = numbers!(array, $kind);
                takes.decimals(taken, $scale.unsigned_abs(), |row| {
                    Some(i128::from(value(row)))
                })
            }};
        }
        match array.data_type() {
            DataType::Boolean => {
                let array = array.as_boolean();
                takes.booleans(taken, |row| array.value(row))
            }
            DataType::Int8 => whole!(Int8Type),
            DataType::Int16 => whole!(Int16Type),
            DataType::Int32 => whole!(Int32Type),
            DataType::Int64 => whole!(Int64Type),
            DataType::UInt8 => whole!(UInt8Type),
            DataType::UInt16 => whole!(UInt16Type),
            DataType::UInt32 => whole!(UInt32Type),
            DataType::Decimal32(_, scale) => decimals!(Decimal32Type, scale),
            DataType::Decimal64(_, scale) => decimals!(Decimal64Type, scale),
            DataType::Decimal128(_, scale) => decimals!(Decimal128Type, scale),
            DataType::Float32 => {
                let value = numbers!(array, Float32Type);
                // Of 32 bits the digits are those of 32 bits.
                let shown = |row: usize| texts::double(f64::from(value(row)), true);
                takes.doubles(taken, |row| shown(row).parse().unwrap_or(f64::NAN), shown)
            }
            DataType::Float64 => {
                let value = numbers!(array, Float64Type);
                takes.doubles(taken, value, |row| texts::double(value(row), false))
            }
            DataType::Date32 => {
                let value = numbers!(array, Date32Type);
                takes.days(taken, |row| i64::from(value(row)))
            }
            DataType::Date64 => {
                let value = numbers!(array, Date64Type);
                takes.days(taken, |row| value(row).div_euclid(86_400_000))
            }
            DataType::Time32(_) | DataType::Time64(_) => clocks(takes, array, taken),
            DataType::Timestamp(unit, of) => {
                let zone = zone.filter(|_| of.is_none());
                instants(takes, array, *unit, zone, taken)
            }
            _ => self.texts(array, taken, bytes),
        }
    }

    /// Texts, and bytes.
    fn texts(&mut self, array: &dyn Array, taken: Taken<'_>, bytes: &mut Vec<u8>) -> Values {
        let takes = self.takes;
        macro_rules! each {
            ($array:expr, $is_text:expr) => {{
                let array = $array;
                let value = |row: usize| -> &[u8] { array.value(row).as_ref() };
                copied(takes, value, $is_text, taken, bytes)
            }};
        }
        let texts = match array.data_type() {
            DataType::Dictionary(..) => self.entries(array, taken, bytes),
            DataType::Utf8 => each!(array.as_string::<i32>(), true),
            DataType::LargeUtf8 => each!(array.as_string::<i64>(), true),
            DataType::Utf8View => each!(array.as_string_view(), true),
            DataType::Binary => each!(array.as_binary::<i32>(), false),
            DataType::LargeBinary => each!(array.as_binary::<i64>(), false),
            DataType::BinaryView => each!(array.as_binary_view(), false),
            DataType::FixedSizeBinary(_) => each!(array.as_fixed_size_binary(), false),
            // Of no other is it asked.
            _ => {
                taken.left.fill(true);
                Texts {
                    places: vec![(0, 0); array.len()],
                    ..Texts::default()
                }
            }
        };
        Values::Texts(texts)
    }

    /// Texts of a dictionary: each of them once, where the rows are more.
    fn entries(&mut self, array: &dyn Array, taken: Taken<'_>, bytes: &mut Vec<u8>) -> Texts {
        let array = array.as_dictionary::<Int32Type>();
        let (keys, values) = (array.keys().values(), array.values());
        let entries = values.as_string::<i32>();
        // What stands in the place of a NULL may be no entry.
        let entry = |row: usize| usize::try_from(keys[row]).unwrap_or(usize::MAX);
        if entries.is_empty() || entries.len() > keys.len() {
            let value = |row: usize| match entry(row) {
                entry if entry < entries.len() => entries.value(entry).as_bytes(),
                _ => b"",
            };
            return copied(self.takes, value, true, taken, bytes);
        }
        let known = self.dictionary.take_if(|d| Arc::ptr_eq(&d.values, values));
        let takes = self.takes;
        let known = self.dictionary.insert(known.unwrap_or_else(|| {
            let all = entries.iter();
            let refused =
                all.map(|text| !takes.is_taken(text.unwrap_or_default().as_bytes(), true));
            let refused: Vec<bool> = refused.collect();
            Dictionary {
                values: Arc::clone(values),
                number: DICTIONARIES.fetch_add(1, Ordering::Relaxed),
                refused: match refused.contains(&true) {
                    true => refused,
                    false => Vec::new(),
                },
            }
        }));
        let offsets = entries.value_offsets();
        let (first, last) = (offsets[0], offsets[entries.len()]);
        let start = bytes.len() as u32;
        bytes.extend_from_slice(&entries.value_data()[first as usize..last as usize]);
        let place = |at: i32| start + (at - first) as u32;
        let all: Vec<(u32, u32)> = offsets
            .windows(2)
            .map(|pair| (place(pair[0]), place(pair[1])))
            .collect();
        for (row, left) in taken.left.iter_mut().enumerate() {
            if known.refused.get(entry(row)) == Some(&true) {
                *left |= taken.nulls.get(row) != Some(&true);
            }
        }
        let rows = 0..keys.len();
        Texts {
            places: rows
                .clone()
                .map(|row| all.get(entry(row)).copied().unwrap_or_default())
                .collect(),
            dictionary: known.number,
            entries: rows.map(|row| entry(row) as u32).collect(),
        }
    }
}

/// Texts that each row has its own of.
fn copied<'a>(
    takes: Takes,
    value: impl Fn(usize) -> &'a [u8],
    is_text: bool,
    taken: Taken<'_>,
    bytes: &mut Vec<u8>,
) -> Texts {
    let before = bytes.len();
    let rows = taken.left.iter_mut().enumerate().map(|(row, left)| {
        if taken.nulls.get(row) == Some(&true) {
            return (0, 0);
        }
        let text = value(row);
        // Its places could not be told.
        if !takes.is_taken(text, is_text) || bytes.len() - before > MOST_TEXT {
            *left = true;
            return (0, 0);
        }
        let start = bytes.len();
        bytes.extend_from_slice(text);
        (start as u32, bytes.len() as u32)
    });
    Texts {
        places: rows.collect(),
        ..Texts::default()
    }
}

fn clocks(takes: Takes, array: &dyn Array, taken: Taken<'_>) -> Values {
    match array.data_type() {
        DataType::Time32(TimeUnit::Second) => {
            let value = numbers!(array, Time32SecondType);
            takes.clocks(taken, |row| i64::from(value(row)) * 1_000_000)
        }
        DataType::Time32(_) => {
            let value = numbers!(array, Time32MillisecondType);
            takes.clocks(taken, |row| i64::from(value(row)) * 1000)
        }
        DataType::Time64(TimeUnit::Microsecond) => {
            takes.clocks(taken, numbers!(array, Time64MicrosecondType))
        }
        _ => {
            let value = numbers!(array, Time64NanosecondType);
            takes.clocks(taken, |row| value(row).div_euclid(1000))
        }
    }
}

/// Instants; `zone`: whose clocks showed them, where they are not of UTC.
fn instants(
    takes: Takes,
    array: &dyn Array,
    unit: TimeUnit,
    zone: Option<&Zone>,
    taken: Taken<'_>,
) -> Values {
    let told = |us: i64| {
        let Some(zone) = zone else {
            return Some(us);
        };
        let instant = zone.instant(us);
        (zone.local(instant) == us).then_some(instant)
    };
    match unit {
        TimeUnit::Second => {
            let value = numbers!(array, TimestampSecondType);
            takes.instants(taken, |row| told(value(row).saturating_mul(1_000_000)))
        }
        TimeUnit::Millisecond => {
            let value = numbers!(array, TimestampMillisecondType);
            takes.instants(taken, |row| told(value(row).saturating_mul(1000)))
        }
        TimeUnit::Microsecond => {
            let value = numbers!(array, TimestampMicrosecondType);
            takes.instants(taken, |row| told(value(row)))
        }
        TimeUnit::Nanosecond => {
            let value = numbers!(array, TimestampNanosecondType);
            takes.instants(taken, |row| told(value(row).div_euclid(1000)))
        }
    }
}
