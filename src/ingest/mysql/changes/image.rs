//! A row of the log: the bytes of its columns, one behind the other, as each type lies there.

use super::bytes::Bytes;
use super::event::{Column, kinds};
use crate::mysql::value::Datum;

/// The number of the collation that is of bytes.
pub(super) const BINARY: u32 = 63;

/// A row. None: it is cut short, or written otherwise than its map says.
pub(super) fn row(columns: &[Column], bytes: &mut Bytes<'_>) -> Option<Vec<Datum>> {
    let nulls = bytes.take(columns.len().div_ceil(8))?;
    let one = |(at, column): (usize, &Column)| match nulls[at / 8] & 1 << (at % 8) {
        0 => value(column, bytes),
        _ => Some(Datum::Null),
    };
    columns.iter().enumerate().map(one).collect()
}

fn value(column: &Column, bytes: &mut Bytes<'_>) -> Option<Datum> {
    use kinds::*;
    let meta = usize::from(column.meta);
    Some(match column.kind {
        TINY => whole(column, bytes, 1)?,
        SHORT => whole(column, bytes, 2)?,
        INT24 => whole(column, bytes, 3)?,
        LONG => whole(column, bytes, 4)?,
        LONGLONG => whole(column, bytes, 8)?,
        FLOAT => Datum::Float(f32::from_bits(u32::try_from(bytes.number(4)?).ok()?)),
        DOUBLE => Datum::Double(f64::from_bits(bytes.number(8)?)),
        NEWDECIMAL => decimal(bytes, meta >> 8, meta & 0xff)?,
        YEAR => match bytes.number(1)? {
            0 => Datum::UInt(0),
            year => Datum::UInt(1900 + year),
        },
        DATE => {
            let n = bytes.number(3)?;
            date(n >> 9, n >> 5 & 15, n & 31)?
        }
        DATETIME2 => datetime(bytes, meta)?,
        TIMESTAMP2 => timestamp(bytes, meta)?,
        TIME2 => time(bytes, meta)?,
        BIT => Datum::Bytes(
            bytes
                .take((meta >> 8) + usize::from(meta & 0xff > 0))?
                .to_vec(),
        ),
        ENUM => match bytes.number(meta)? {
            // What was none of its words.
            0 => Datum::Bytes(Vec::new()),
            n => Datum::Bytes(column.words.get(usize::try_from(n).ok()? - 1)?.clone()),
        },
        SET => {
            let n = bytes.number(meta)?;
            let words = column.words.iter().enumerate();
            let words: Vec<&[u8]> = words
                .filter(|(at, _)| *at < 64 && n & 1 << at != 0)
                .map(|(_, word)| word.as_slice())
                .collect();
            Datum::Bytes(words.join(&b','))
        }
        VARCHAR | VAR_STRING | STRING => {
            let length = bytes.number(if meta > 255 { 2 } else { 1 })?;
            let mut own = bytes.take(usize::try_from(length).ok()?)?.to_vec();
            // The zeros behind a BINARY are left out there.
            if column.kind == STRING && column.collation == Some(BINARY) {
                own.resize(meta.max(own.len()), 0);
            }
            Datum::Bytes(own)
        }
        BLOB | GEOMETRY => {
            let length = bytes.number(meta)?;
            Datum::Bytes(bytes.take(usize::try_from(length).ok()?)?.to_vec())
        }
        _ => return None,
    })
}

fn whole(column: &Column, bytes: &mut Bytes<'_>, many: usize) -> Option<Datum> {
    let n = bytes.number(many)?;
    let unused = 64 - 8 * many as u32;
    Some(match column.is_unsigned {
        true => Datum::UInt(n),
        false => Datum::Int((n << unused).cast_signed() >> unused),
    })
}

fn date(year: u64, month: u64, day: u64) -> Option<Datum> {
    let (year, month, day) = (
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    );
    Some(Datum::Date(year, month, day, 0, 0, 0, 0))
}

/// Behind the point: so many digits lie in half as many bytes; as µs.
fn fraction(bytes: &mut Bytes<'_>, digits: usize) -> Option<u32> {
    let n = bytes.big(digits.div_ceil(2))?;
    let by = [1_000_000, 10_000, 10_000, 100, 100, 1, 1].get(digits)?;
    u32::try_from(n * by).ok()
}

fn datetime(bytes: &mut Bytes<'_>, digits: usize) -> Option<Datum> {
    // The upper bit is the sign, and there are none that are negative.
    let n = bytes.big(5)?.checked_sub(0x80_0000_0000)?;
    let micros = fraction(bytes, digits)?;
    let (days, time) = (n >> 17, n & 0x1_ffff);
    let (months, day) = (days >> 5, days & 31);
    let small = |n: u64| u8::try_from(n).ok();
    Some(Datum::Date(
        u16::try_from(months / 13).ok()?,
        small(months % 13)?,
        small(day)?,
        small(time >> 12)?,
        small(time >> 6 & 63)?,
        small(time & 63)?,
        micros,
    ))
}

fn timestamp(bytes: &mut Bytes<'_>, digits: usize) -> Option<Datum> {
    use standings_model::time::civil_from_days;
    let seconds = i64::try_from(bytes.big(4)?).ok()?;
    let micros = fraction(bytes, digits)?;
    if seconds == 0 && micros == 0 {
        // No moment is written so: it is the one that is none.
        return date(0, 0, 0);
    }
    let (year, month, day) = civil_from_days(seconds / 86_400);
    let of_day = seconds % 86_400;
    let small = |n: i64| u8::try_from(n).ok();
    Some(Datum::Date(
        u16::try_from(year).ok()?,
        u8::try_from(month).ok()?,
        u8::try_from(day).ok()?,
        small(of_day / 3_600)?,
        small(of_day / 60 % 60)?,
        small(of_day % 60)?,
        micros,
    ))
}

/// All of it is one number with its sign, from the fraction up.
fn time(bytes: &mut Bytes<'_>, digits: usize) -> Option<Datum> {
    let many = digits.div_ceil(2);
    let n = bytes.big(3 + many)?;
    let middle = 0x80_0000u64 << (8 * many);
    let (is_negative, n) = (n < middle, n.abs_diff(middle));
    let parts = n >> (8 * many);
    let below = n & ((1u64 << (8 * many)) - 1);
    let by: u64 = *[0, 10_000, 10_000, 100, 100, 1, 1].get(digits)?;
    let small = |n: u64| u8::try_from(n).ok();
    Some(Datum::Time(
        is_negative,
        u32::try_from(parts >> 12 & 0x3ff).ok()?,
        small(parts >> 6 & 63)?,
        small(parts & 63)?,
        u32::try_from(below * by).ok()?,
    ))
}

/// Nine digits lie in four bytes, what is left over in as few as it needs; the first bit is turned, and of a negative one all are.
fn decimal(bytes: &mut Bytes<'_>, digits: usize, scale: usize) -> Option<Datum> {
    const LEFT: [usize; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];
    let before = digits.checked_sub(scale)?;
    let mut parts = Vec::new();
    if before % 9 > 0 {
        parts.push(before % 9);
    }
    parts.extend(std::iter::repeat_n(9, before / 9));
    let point = parts.len();
    parts.extend(std::iter::repeat_n(9, scale / 9));
    if !scale.is_multiple_of(9) {
        parts.push(scale % 9);
    }
    let all: usize = parts.iter().map(|n| LEFT[*n]).sum();
    let mut own = bytes.take(all)?.to_vec();
    let is_negative = *own.first()? & 0x80 == 0;
    own[0] ^= 0x80;
    if is_negative {
        own.iter_mut().for_each(|b| *b = !*b);
    }
    let mut own = Bytes(&own);
    let (mut whole, mut behind) = (String::new(), String::new());
    for (at, digits) in parts.into_iter().enumerate() {
        let n = own.big(LEFT[digits])?;
        let to = if at < point { &mut whole } else { &mut behind };
        to.push_str(&format!("{n:0digits$}"));
    }
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let sign = if is_negative { "-" } else { "" };
    let text = match scale {
        0 => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{behind}"),
    };
    Some(Datum::Bytes(text.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: u8, meta: u16, data: &[u8]) -> Option<Datum> {
        let column = Column {
            kind,
            meta,
            ..Column::default()
        };
        value(&column, &mut Bytes(data))
    }

    #[test]
    fn values_as_they_lie_there() {
        let text = |text: &str| Some(Datum::Bytes(text.as_bytes().to_vec()));
        // 1234567890.1234 and its negative, as MySQL's own documentation has them.
        let of = [0x81, 0x0d, 0xfb, 0x38, 0xd2, 0x04, 0xd2];
        assert_eq!(
            read(kinds::NEWDECIMAL, 14 << 8 | 4, &of),
            text("1234567890.1234")
        );
        let of = [0x7e, 0xf2, 0x04, 0xc7, 0x2d, 0xfb, 0x2d];
        assert_eq!(
            read(kinds::NEWDECIMAL, 14 << 8 | 4, &of),
            text("-1234567890.1234")
        );
        // -12:00:00.50
        let of = [0x7f, 0x3f, 0xff, 0xce];
        assert_eq!(
            read(kinds::TIME2, 2, &of),
            Some(Datum::Time(true, 12, 0, 0, 500_000))
        );
        assert_eq!(
            read(kinds::INT24, 0, &[0xff, 0xff, 0xff]),
            Some(Datum::Int(-1))
        );
        assert_eq!(
            read(kinds::DATE, 0, &[0, 0, 0]),
            Some(Datum::Date(0, 0, 0, 0, 0, 0, 0))
        );
        assert_eq!(read(kinds::NEWDECIMAL, 14 << 8 | 4, &[0x81]), None);
    }

    /// Whatever comes, it is a value or it is none.
    #[test]
    fn what_is_cut_short_is_no_value() {
        let mut dice = 3u64;
        for kind in 0..=255u8 {
            for n in 0..400u16 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let bytes = dice.to_be_bytes();
                let _ = read(kind, n.wrapping_mul(677), &bytes[..usize::from(n) % 9]);
            }
        }
    }
}
