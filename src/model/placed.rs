//! Where rows of a window stand, as their owner tells it to who answers for positions.
//!
//! ```text
//! somebody asks ─► Watch ─► every worker: Rows, a piece an epoch, and what changes meanwhile ─► Whole ─► what changes
//!                                                                                        a window goes ─► Gone
//! ```
//!
//! A row is `partition, order, key` as bytes whose order is the ranking's, and its measures:
//!
//! ```text
//! row         length of place, length of place and key, place, key, 1 and measures; or 0: it is not ranked (any more)
//! place       partition (bytes that end, where there is one), order (bytes that end)
//! measure     0 for NULL, or 1 and a number in LEB128 (zigzag, 128 bits), or 2 and length and bytes
//! ```

use serde::{Deserialize, Serialize};

use super::leb128;
use super::types::Type;
use super::value::Value;

/// A window whose rows are to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// Never given to another watch of the same run.
    pub id: u64,
    /// Ranking number in the plan.
    pub ranking: u32,
    /// The window's end, ms.
    pub window_end: i64,
}

/// What one worker tells of a watched window, of one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placed {
    /// Which watch.
    pub watch: u64,
    /// How many workers tell of it.
    pub workers: u32,
    /// What.
    pub told: Told,
}

/// What is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Told {
    /// Rows as they are at the end of the epoch, one behind the other.
    Rows(Vec<u8>),
    /// With this epoch all rows of the worker were told once; from now on only what changes is.
    Whole,
    /// The window is gone: nothing more is told of it.
    Gone,
}

/// A row, as it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedRow<'a> {
    /// Partition and order.
    pub place: &'a [u8],
    /// The group key's bytes.
    pub key: &'a [u8],
    /// Its measures; `None`: it is not ranked.
    pub measures: Option<&'a [u8]>,
}

/// Appends a row that is ranked; `measures` appends its measures.
pub fn push_row(out: &mut Vec<u8>, place: &[u8], key: &[u8], measures: impl FnOnce(&mut Vec<u8>)) {
    push_head(out, place, key);
    out.push(1);
    let at = out.len();
    // Room for a length of four bytes, as LEB128 with leading zeros in it.
    out.extend_from_slice(&[0x80, 0x80, 0x80, 0]);
    measures(out);
    let length = out.len() - at - 4;
    for (n, byte) in out[at..at + 4].iter_mut().enumerate() {
        *byte |= (length >> (7 * n)) as u8 & 0x7f;
    }
}

/// Appends that a key is not ranked.
pub fn push_none(out: &mut Vec<u8>, key: &[u8]) {
    push_head(out, &[], key);
    out.push(0);
}

fn push_head(out: &mut Vec<u8>, place: &[u8], key: &[u8]) {
    leb128::push(out, place.len() as u64);
    leb128::push(out, key.len() as u64);
    out.extend_from_slice(place);
    out.extend_from_slice(key);
}

/// Takes the next row from what was told; `None` at the end, or where the bytes are none.
pub fn take_row<'a>(bytes: &mut &'a [u8]) -> Option<PlacedRow<'a>> {
    let place = leb128::take(bytes)? as usize;
    let key = leb128::take(bytes)? as usize;
    let place = take(bytes, place)?;
    let key = take(bytes, key)?;
    let measures = match take(bytes, 1)? {
        [0] => None,
        _ => {
            let length = leb128::take(bytes)? as usize;
            Some(take(bytes, length)?)
        }
    };
    Some(PlacedRow {
        place,
        key,
        measures,
    })
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

/// Appends a measure.
pub fn push_measure(out: &mut Vec<u8>, value: &Value) {
    if let Some(bytes) = value.bytes() {
        out.push(2);
        leb128::push(out, bytes.len() as u64);
        out.extend_from_slice(bytes);
    } else if let Some(n) = value.number() {
        out.push(1);
        let mut zigzag = ((n << 1) ^ (n >> 127)) as u128;
        while zigzag >= 0x80 {
            out.push(zigzag as u8 | 0x80);
            zigzag >>= 7;
        }
        out.push(zigzag as u8);
    } else {
        out.push(0);
    }
}

/// Takes a measure of a type.
pub fn take_measure(bytes: &mut &[u8], kind: &Type) -> Option<Value> {
    match take(bytes, 1)? {
        [0] => Some(Value::Null),
        [1] => {
            let mut zigzag = 0u128;
            for place in 0..19 {
                let byte = *take(bytes, 1)?.first()?;
                zigzag |= u128::from(byte & 0x7f) << (7 * place);
                if byte < 0x80 {
                    let n = (zigzag >> 1) as i128 ^ -((zigzag & 1) as i128);
                    return Some(Value::of_number(n, kind));
                }
            }
            None
        }
        _ => {
            let length = leb128::take(bytes)? as usize;
            Some(Value::of_bytes(take(bytes, length)?, kind))
        }
    }
}

/// Appends a number so that the bytes' order is the numbers', in few bytes where it is near zero; the bytes end by themselves.
///
/// The first byte says the sign and how many bytes follow, as in the keys of FoundationDB's tuples.
pub fn push_ordered(out: &mut Vec<u8>, n: i128) {
    let distance = if n < 0 { !n } else { n } as u128;
    let length = (128 - distance.leading_zeros() as usize).div_ceil(8);
    out.push(match n < 0 {
        false => 0x80 + length as u8,
        true => 0x7f - length as u8,
    });
    out.extend_from_slice(&n.to_be_bytes()[16 - length..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back() {
        let mut bytes = Vec::new();
        let values = [
            Value::Null,
            Value::Integer(-1),
            Value::cents(i128::MAX),
            Value::cents(i128::MIN),
            Value::text("Łódź"),
            Value::text(""),
            Value::Boolean(true),
            Value::double(-0.5),
        ];
        push_row(&mut bytes, b"place", b"key", |out| {
            values.iter().for_each(|v| push_measure(out, v));
        });
        push_none(&mut bytes, b"");
        push_row(&mut bytes, b"", b"", |out| out.resize(out.len() + 300, 7));
        let mut rest = &bytes[..];
        let row = take_row(&mut rest).unwrap();
        assert_eq!((row.place, row.key), (&b"place"[..], &b"key"[..]));
        let mut measures = row.measures.unwrap();
        let money = Type::Decimal {
            precision: 38,
            scale: 2,
        };
        let kinds = [
            Type::Boolean,
            Type::BIGINT,
            money.clone(),
            money,
            Type::Text(None),
            Type::Text(None),
            Type::Boolean,
            Type::Double,
        ];
        for (value, kind) in values.iter().zip(&kinds) {
            assert_eq!(take_measure(&mut measures, kind).as_ref(), Some(value));
        }
        assert!(measures.is_empty());
        let none = take_row(&mut rest).unwrap();
        assert_eq!((none.key, none.measures), (&b""[..], None));
        assert_eq!(take_row(&mut rest).unwrap().measures.unwrap().len(), 300);
        assert_eq!(take_row(&mut rest), None);
        // Cut anywhere it is no row, and nothing worse.
        for end in 0..bytes.len() {
            let mut cut = &bytes[..end];
            while take_row(&mut cut).is_some() {}
        }
    }

    #[test]
    fn numbers_are_in_their_order() {
        let mut all = vec![i128::MIN, i128::MAX, 0];
        for shift in 0..127 {
            for near in [-1, 0, 1] {
                all.extend([(1i128 << shift) + near, -(1i128 << shift) + near]);
            }
        }
        all.sort_unstable();
        all.dedup();
        let bytes = |n: &i128| {
            let mut out = Vec::new();
            push_ordered(&mut out, *n);
            out
        };
        let all: Vec<Vec<u8>> = all.iter().map(bytes).collect();
        assert!(all.windows(2).all(|pair| pair[0] < pair[1]));
        // None is the beginning of another, so that what follows decides nothing.
        assert!(all.windows(2).all(|pair| !pair[1].starts_with(&pair[0])));
        assert_eq!(bytes(&0).len(), 1);
        assert_eq!(bytes(&-200), [0x7e, 0x38]);
    }
}
