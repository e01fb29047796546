//! Columns made up: values of every type, edges among them.

use std::sync::Arc;

use arrow_array::builder::{
    BinaryBuilder, BooleanBuilder, FixedSizeBinaryBuilder, PrimitiveBuilder, StringBuilder,
};
use arrow_array::types::*;
use arrow_array::{ArrayRef, ArrowPrimitiveType};
use arrow_schema::{DataType, TimeUnit};

use standings_model::types::{Type, Width};

/// Dice of a seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    pub(super) fn one<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    /// Mostly small, at times at an edge of its type.
    pub(super) fn whole(&mut self, least: i128, most: i128) -> i128 {
        let small = i128::from(self.next() % 2000) - 1000;
        let wide = i128::from(self.next() as i64);
        let edges = [
            least,
            most,
            0,
            -1,
            wide,
            small * 1_000_000_000,
            127,
            32_768,
            1 << 31,
        ];
        let n = match self.below(3) {
            0 => self.one(&edges),
            _ => small,
        };
        n.clamp(least, most)
    }
}

pub(super) fn stamp(unit: TimeUnit, zone: bool) -> DataType {
    DataType::Timestamp(unit, zone.then(|| "UTC".into()))
}

/// What columns of files are.
pub(super) fn file_types() -> Vec<DataType> {
    use DataType::*;
    let mut all = vec![
        Boolean,
        Int8,
        Int16,
        Int32,
        Int64,
        UInt8,
        UInt16,
        UInt32,
        UInt64,
        Float32,
        Float64,
        Decimal128(9, 2),
        Decimal128(18, 4),
        Decimal128(38, 6),
        Decimal128(20, 0),
        Date32,
        Time32(TimeUnit::Millisecond),
        Time64(TimeUnit::Microsecond),
        Time64(TimeUnit::Nanosecond),
        Utf8,
        Utf8,
        Utf8,
        Binary,
        FixedSizeBinary(3),
    ];
    for unit in [
        TimeUnit::Millisecond,
        TimeUnit::Microsecond,
        TimeUnit::Nanosecond,
    ] {
        all.extend([stamp(unit, true), stamp(unit, false)]);
    }
    all
}

/// What columns of tables are: mostly what would be declared for one of the file, at times anything.
pub(super) fn table_type(dice: &mut Dice, of: &DataType) -> Type {
    let any = [
        Type::Boolean,
        Type::Integer(Width::Tiny),
        Type::Integer(Width::Int),
        Type::BIGINT,
        Type::decimal(12, 2),
        Type::decimal(38, 6),
        Type::decimal(4, 4),
        Type::Float,
        Type::Double,
        Type::STRING,
        Type::Text(Some(3)),
        Type::Char(4),
        Type::Bytes,
        Type::Date,
        Type::Time,
        Type::Timestamp(3),
        Type::Instant(6),
        Type::Instant(0),
    ];
    if dice.below(5) == 0 {
        return dice.one(&any);
    }
    match of {
        DataType::Boolean => Type::Boolean,
        kind if kind.is_integer() => dice.one(&any[1..9]),
        DataType::Float32 | DataType::Float64 => dice.one(&any[4..9]),
        DataType::Decimal128(..) => dice.one(&any[4..7]),
        DataType::Date32 => dice.one(&[Type::Date, Type::Instant(3)]),
        DataType::Time32(_) | DataType::Time64(_) => Type::Time,
        DataType::Timestamp(..) => dice.one(&any[15..18]),
        _ => dice.one(&any[9..13]),
    }
}

fn numbers<T: ArrowPrimitiveType>(
    dice: &mut Dice,
    kind: &DataType,
    rows: usize,
    nulls: usize,
    mut value: impl FnMut(&mut Dice) -> T::Native,
) -> ArrayRef {
    let mut builder = PrimitiveBuilder::<T>::new().with_data_type(kind.clone());
    for _ in 0..rows {
        match nulls > 0 && dice.below(nulls) == 0 {
            true => builder.append_null(),
            false => builder.append_value(value(dice)),
        }
    }
    Arc::new(builder.finish())
}

/// A double, of few digits or of many, or none.
fn double(dice: &mut Dice) -> f64 {
    let n = dice.whole(-1_000_000, 1_000_000) as f64;
    match dice.below(8) {
        0 => n / 7.0,
        1 => dice.one(&[
            f64::NAN,
            f64::INFINITY,
            -0.0,
            1e300,
            1e-9,
            f64::MIN_POSITIVE,
        ]),
        2 => f64::from_bits(dice.next()),
        _ => n / 100.0,
    }
}

fn text(dice: &mut Dice, all: usize) -> Vec<u8> {
    let odd = [
        "",
        "\u{0}",
        "a\u{0}b",
        "\"",
        "\\n",
        "Łódź",
        "\n\t",
        "日本語",
        "x\u{7f}",
    ];
    match dice.below(12) {
        0 => dice.one(&odd).into(),
        1 => "long ".repeat(dice.below(40)).into(),
        _ => format!("t{}", dice.below(all)).into(),
    }
}

/// A column of a file.
pub(super) fn column(dice: &mut Dice, kind: &DataType, rows: usize) -> ArrayRef {
    let nulls = dice.one(&[0, 0, 2, 20]);
    let is_null = |dice: &mut Dice| nulls > 0 && dice.below(nulls) == 0;
    macro_rules! whole {
        ($type:ty, $native:ty) => {
            numbers::<$type>(dice, kind, rows, nulls, |dice| {
                dice.whole(<$native>::MIN.into(), <$native>::MAX.into()) as $native
            })
        };
    }
    match kind {
        DataType::Boolean => {
            let mut builder = BooleanBuilder::new();
            for _ in 0..rows {
                let value = dice.below(2) == 0;
                builder.append_option((!is_null(dice)).then_some(value));
            }
            Arc::new(builder.finish())
        }
        DataType::Int8 => whole!(Int8Type, i8),
        DataType::Int16 => whole!(Int16Type, i16),
        DataType::Int32 => whole!(Int32Type, i32),
        DataType::Int64 => whole!(Int64Type, i64),
        DataType::UInt8 => whole!(UInt8Type, u8),
        DataType::UInt16 => whole!(UInt16Type, u16),
        DataType::UInt32 => whole!(UInt32Type, u32),
        DataType::UInt64 => whole!(UInt64Type, u64),
        DataType::Float32 => {
            numbers::<Float32Type>(dice, kind, rows, nulls, |dice| double(dice) as f32)
        }
        DataType::Float64 => numbers::<Float64Type>(dice, kind, rows, nulls, double),
        DataType::Decimal128(precision, _) => {
            let most = 10i128.pow(u32::from(*precision)) - 1;
            numbers::<Decimal128Type>(dice, kind, rows, nulls, |dice| {
                let n = dice.whole(-most, most);
                (n / 100 * dice.one(&[1, 100])).clamp(-most, most)
            })
        }
        DataType::Date32 => numbers::<Date32Type>(dice, kind, rows, nulls, |dice| {
            dice.one(&[
                0,
                19_000,
                20_000,
                -800_000,
                3_000_000,
                i32::MIN,
                i32::MAX,
                -1,
            ])
        }),
        DataType::Time32(_) | DataType::Time64(_) | DataType::Timestamp(..) => {
            times(dice, kind, rows, nulls)
        }
        _ => texts(dice, kind, rows, nulls),
    }
}

/// Times of day, and instants.
fn times(dice: &mut Dice, kind: &DataType, rows: usize, nulls: usize) -> ArrayRef {
    // Some years around now, and at times anything.
    let per_second = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    };
    let time = |dice: &mut Dice, unit: &TimeUnit| match dice.below(20) {
        0 => dice.next() as i64,
        1 => (-dice.whole(0, 60_000_000_000) as i64).saturating_mul(per_second(unit) / 1000),
        2 => 32_503_680_000_i64.saturating_mul(per_second(unit)),
        _ => {
            let second = 1_700_000_000 + dice.below(40_000_000) as i64;
            second * per_second(unit) + dice.one(&[0, 0, dice.0 as i64 % 1000])
        }
    };
    match kind {
        DataType::Time32(_) => numbers::<Time32MillisecondType>(dice, kind, rows, nulls, |dice| {
            dice.below(86_400_001) as i32
        }),
        DataType::Time64(TimeUnit::Microsecond) => {
            numbers::<Time64MicrosecondType>(dice, kind, rows, nulls, |dice| {
                dice.below(86_400_000_001) as i64
            })
        }
        DataType::Time64(_) => numbers::<Time64NanosecondType>(dice, kind, rows, nulls, |dice| {
            dice.below(86_400_000_000_001) as i64
        }),
        DataType::Timestamp(unit @ TimeUnit::Millisecond, _) => {
            numbers::<TimestampMillisecondType>(dice, kind, rows, nulls, |d| time(d, unit))
        }
        DataType::Timestamp(unit @ TimeUnit::Microsecond, _) => {
            numbers::<TimestampMicrosecondType>(dice, kind, rows, nulls, |d| time(d, unit))
        }
        DataType::Timestamp(unit, _) => {
            numbers::<TimestampNanosecondType>(dice, kind, rows, nulls, |d| time(d, unit))
        }
        other => panic!("{other} is no time"),
    }
}

/// Texts, and bytes.
fn texts(dice: &mut Dice, kind: &DataType, rows: usize, nulls: usize) -> ArrayRef {
    let all = dice.one(&[3, 50, 100_000]);
    let is_null = |dice: &mut Dice| nulls > 0 && dice.below(nulls) == 0;
    match kind {
        DataType::Utf8 => {
            let mut builder = StringBuilder::new();
            for _ in 0..rows {
                let value = String::from_utf8(text(dice, all)).unwrap();
                builder.append_option((!is_null(dice)).then_some(value));
            }
            Arc::new(builder.finish())
        }
        DataType::Binary => {
            let mut builder = BinaryBuilder::new();
            for _ in 0..rows {
                let mut value = text(dice, all);
                if dice.below(20) == 0 {
                    value.push(0xff);
                }
                builder.append_option((!is_null(dice)).then_some(value));
            }
            Arc::new(builder.finish())
        }
        _ => {
            let mut builder = FixedSizeBinaryBuilder::new(3);
            for _ in 0..rows {
                match is_null(dice) {
                    true => builder.append_null(),
                    false => builder
                        .append_value(dice.one(&[b"abc", b"a\0c", b"\xff\xfe\xfd"]))
                        .unwrap(),
                }
            }
            Arc::new(builder.finish())
        }
    }
}
