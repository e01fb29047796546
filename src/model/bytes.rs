//! Comparing short byte strings without a call: keys, labels and the literals between values have a few bytes, for
//! which a call of `memcmp` costs more than the comparison.

/// Whether both are the same bytes.
#[inline(always)]
pub fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(last_a), Some(last_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return a.iter().zip(b).all(|(x, y)| x == y);
    };
    // The last eight overlap the ones before.
    let eights = a.chunks_exact(8).zip(b.chunks_exact(8));
    eights.fold(0, |differ, (x, y)| differ | (word(x) ^ word(y)))
        | (u64::from_le_bytes(*last_a) ^ u64::from_le_bytes(*last_b))
        == 0
}

#[inline(always)]
fn word(eight: &[u8]) -> u64 {
    eight.first_chunk().map_or(0, |c| u64::from_le_bytes(*c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_equality_is() {
        for n in 0..40usize {
            let text: Vec<u8> = (0..n as u8).collect();
            assert!(same(&text, &text.clone()));
            assert!(!same(&text, &[&text[..], b"x"].concat()));
            for place in 0..n {
                let mut other = text.clone();
                other[place] ^= 0x80;
                assert!(!same(&text, &other), "{place} of {n}");
            }
        }
    }
}
