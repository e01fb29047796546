//! Two hashes: one that is stable, and one that is quick.

use xxhash_rust::xxh3::xxh3_64;

/// The stable hash of a key's bytes: part of the wire and of what goes to which worker, never of a file format.
pub fn hash(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}

/// Spreads a packed pair of small numbers over 64 bits (Fibonacci hashing, folded).
#[inline]
pub fn mix(n: u64) -> u64 {
    let product = u128::from(n ^ 0x9e37_79b9_7f4a_7c15) * 0xd1b5_4a32_d192_ed03;
    product as u64 ^ (product >> 64) as u64
}
