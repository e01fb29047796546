//! Whole numbers in as few bytes as they need (LEB128, as in DWARF and Protocol Buffers): recordings and snapshots.

use std::io::{self, Read};

/// Appends a number.
pub fn push(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Reads a number; `None` if it is longer than any number of 64 bits.
pub fn read(input: &mut impl Read) -> io::Result<Option<u64>> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let mut byte = [0];
        input.read_exact(&mut byte)?;
        n |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(Some(n));
        }
    }
    Ok(None)
}

/// Takes a number from the beginning of bytes; `None` where they end in the middle of one, or it is longer than any number of 64
/// bits.
#[inline]
pub fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for (place, byte) in bytes.iter().take(10).enumerate() {
        n |= u64::from(byte & 0x7f) << (7 * place);
        if *byte < 0x80 {
            *bytes = &bytes[place + 1..];
            return Some(n);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_comes_back_either_way() {
        for n in [0, 1, 127, 128, 300, u64::from(u32::MAX), 1 << 62, u64::MAX] {
            let mut bytes = Vec::new();
            push(&mut bytes, n);
            let all = bytes.len();
            bytes.push(7);
            let (mut one, mut other) = (&bytes[..], &bytes[..]);
            assert_eq!(
                (take(&mut one), read(&mut other).unwrap()),
                (Some(n), Some(n))
            );
            assert_eq!((one, other), (&[7][..], &[7][..]));
            let mut cut = &bytes[..all - 1];
            assert_eq!(take(&mut cut), None);
        }
        assert_eq!(take(&mut &[0xff; 12][..]), None);
    }
}
