//! A place of a row: one line of memory, with the row inside where it is short enough, so that looking at it costs no second line
//! that is not in the cache.
//!
//! ```text
//! short   tag │ length │ key's length │ key │ rest … (50 bytes) │ part of the hash │ until        64 bytes, and no allocation
//! long    tag │ part of the hash │ until │ ─► key's length │ key │ rest                           a piece of memory of its own
//! ```

use standings_model::leb128;

/// Bytes that lie inside a place.
const INSIDE: usize = 50;

/// A place: free, or a row's. `until`: as of [`Row::until`](super::Row::until); `hash`: as of [`short`](super::short), never 0.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Slot(Is);

#[derive(Debug, Default)]
enum Is {
    #[default]
    Free,
    Short {
        length: u8,
        bytes: [u8; INSIDE],
        hash: u32,
        until: i64,
    },
    Long {
        hash: u32,
        until: i64,
        bytes: Box<[u8]>,
    },
}

const _: () = assert!(size_of::<Slot>() == 64);

/// The length of a piece: that of the key, the key, the rest.
fn length(key: &[u8], rest: &[u8]) -> usize {
    let before = (64 - (key.len() as u64 | 1).leading_zeros() as usize).div_ceil(7);
    before + key.len() + rest.len()
}

impl Slot {
    /// A row's.
    pub(super) fn new(hash: u32, until: i64, key: &[u8], rest: &[u8]) -> Self {
        let length = length(key, rest);
        if length > INSIDE {
            // Of exactly its size: what is too large would be moved.
            let mut bytes = Vec::with_capacity(length);
            leb128::push(&mut bytes, key.len() as u64);
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(rest);
            let bytes = bytes.into_boxed_slice();
            return Slot(Is::Long { hash, until, bytes });
        }
        let mut bytes = [0; INSIDE];
        let (before, of) = bytes.split_at_mut(length - key.len() - rest.len());
        // A key that lies inside is shorter than 128 bytes: its length is one.
        before.fill(key.len() as u8);
        of[..key.len()].copy_from_slice(key);
        of[key.len()..][..rest.len()].copy_from_slice(rest);
        Slot(Is::Short {
            length: length as u8,
            bytes,
            hash,
            until,
        })
    }

    /// What is kept of the hash; 0 of a free place.
    pub(super) fn hash(&self) -> u32 {
        match self.0 {
            Is::Free => 0,
            Is::Short { hash, .. } | Is::Long { hash, .. } => hash,
        }
    }

    /// Until when the row counts; [`i64::MIN`] of a free place.
    pub(super) fn until(&self) -> i64 {
        match self.0 {
            Is::Free => i64::MIN,
            Is::Short { until, .. } | Is::Long { until, .. } => until,
        }
    }

    /// The length of the key, the key, the rest; of a free place nothing.
    #[inline]
    pub(super) fn piece(&self) -> &[u8] {
        match &self.0 {
            Is::Free => &[],
            Is::Short { length, bytes, .. } => &bytes[..usize::from(*length)],
            Is::Long { bytes, .. } => bytes,
        }
    }

    /// Bytes beside the place itself.
    pub(super) fn outside(&self) -> usize {
        match &self.0 {
            Is::Free | Is::Short { .. } => 0,
            // And what an allocation costs.
            Is::Long { bytes, .. } => bytes.len() + 8,
        }
    }

    /// The row of the same key is another now. Most are as long as they were, and lie where they lay.
    pub(super) fn replace(&mut self, now: i64, key: &[u8], rest: &[u8]) {
        let hash = self.hash();
        let same = match &mut self.0 {
            Is::Free => None,
            Is::Short {
                length,
                bytes,
                until,
                ..
            } => Some((until, &mut bytes[..usize::from(*length)])),
            Is::Long { bytes, until, .. } => Some((until, &mut bytes[..])),
        };
        let length = length(key, rest);
        match same.filter(|(_, bytes)| bytes.len() == length) {
            Some((until, bytes)) => {
                *until = now;
                bytes[length - rest.len()..].copy_from_slice(rest);
            }
            None => *self = Slot::new(hash, now, key, rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::held::parts;

    #[test]
    fn a_row_is_what_it_was_put_as_inside_and_outside() {
        let bytes: Vec<u8> = (0..=255).collect();
        let of = |slot: &Slot| parts(slot.piece()).map(|(key, all)| (key, all.to_vec()));
        for key in [0, 1, 48, 49, 50, 51, 127, 128, 200] {
            for rest in [0, 1, 2, 49, 50, 51] {
                let (key, rest) = (&bytes[..key], &bytes[..rest]);
                let mut slot = Slot::new(7, 9, key, rest);
                let want = Some((key.len(), [key, rest].concat()));
                assert_eq!((slot.hash(), slot.until()), (7, 9));
                assert_eq!(of(&slot), want);
                let piece = slot.piece().len();
                let outside = if piece > INSIDE { piece + 8 } else { 0 };
                assert_eq!(slot.outside(), outside);
                for other in [rest.to_vec(), vec![3; rest.len()], vec![5; 20], vec![6; 90]] {
                    slot.replace(11, key, &other);
                    assert_eq!((slot.hash(), slot.until()), (7, 11));
                    assert_eq!(of(&slot), Some((key.len(), [key, &other[..]].concat())));
                }
            }
        }
        let free = Slot::default();
        assert_eq!((free.hash(), of(&free), free.outside()), (0, None, 0));
    }
}
