//! Numbers and pieces of bytes as the log has them, each taken or not there.

use std::io::Read;

use flate2::read::ZlibDecoder;

/// Bytes that are taken one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, many: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(many)?;
        self.0 = rest;
        Some(taken)
    }

    /// A whole number, the lowest byte first.
    pub(super) fn number(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(taken.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// One with the highest byte first.
    pub(super) fn big(&mut self, bytes: usize) -> Option<u64> {
        let taken = self.take(bytes)?;
        Some(taken.iter().fold(0, |n, b| n << 8 | u64::from(*b)))
    }

    /// One that says itself how long it is.
    pub(super) fn packed(&mut self) -> Option<usize> {
        let n = match self.number(1)? {
            252 => self.number(2)?,
            253 => self.number(3)?,
            254 => self.number(8)?,
            n => n,
        };
        usize::try_from(n).ok()
    }

    pub(super) fn small(&mut self) -> Option<usize> {
        self.number(1)?.try_into().ok()
    }
}

/// Bytes of an event that are taken at most once it is unpacked.
const MOST: u64 = 1 << 30;

/// What `log_bin_compress` has packed.
pub(super) fn unpacked(bytes: &mut Bytes<'_>) -> Option<Vec<u8>> {
    let head = bytes.small()?;
    let (kind, length) = (head >> 4 & 7, head & 7);
    // The length comes with the highest byte first.
    let length = bytes.big(length)?;
    if kind != 0 || length > MOST {
        return None;
    }
    let mut out = Vec::new();
    ZlibDecoder::new(bytes.0)
        .take(length + 1)
        .read_to_end(&mut out)
        .ok()?;
    bytes.0 = &[];
    (out.len() as u64 == length).then_some(out)
}
