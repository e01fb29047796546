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
