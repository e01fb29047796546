//! What files are compressed with: told by their first bytes, and named by the endings of their names.

use std::io::{self, BufRead, BufReader, Read};

use super::gzip::Gzip;

/// The greatest dictionary of xz, in KiB, and what its decoder needs beside: `xz -9` has 64 MiB.
pub const XZ_KIB: u32 = (64 << 10) + (1 << 10);

/// How a file is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    Gzip,
    Zstd,
    Bzip2,
    Xz,
    Lz4,
    Snappy,
}

use Compression::{Bzip2, Gzip as Gz, Lz4, Snappy, Xz, Zstd};

/// Each with its endings, and what it begins with.
const ALL: &[(Compression, &[&str], &[u8])] = &[
    (Gz, &["gz", "gzip"], b"\x1f\x8b"),
    (Zstd, &["zst", "zstd"], b"\x28\xb5\x2f\xfd"),
    (Bzip2, &["bz2"], b"BZh"),
    (Xz, &["xz"], b"\xfd7zXZ\0"),
    (Lz4, &["lz4"], b"\x04\x22\x4d\x18"),
    (Snappy, &["sz", "snappy"], b"\xff\x06\0\0sNaPpY"),
];

impl Compression {
    /// By an ending of a name.
    pub fn of_ending(ending: &str) -> Option<Self> {
        let mut all = ALL.iter();
        all.find(|(_, endings, _)| endings.contains(&ending))
            .map(|(one, ..)| *one)
    }

    /// By the first bytes.
    pub fn of_content(head: &[u8]) -> Option<Self> {
        // Bzip2's three letters could be those of a text: behind them is a level, and a number that no text has.
        let is_it = |one: Compression, begin: &[u8]| match one {
            Bzip2 => head.get(4..10) == Some(b"1AY&SY") || head.get(4..10) == Some(b"\x17rE8P\x90"),
            _ => head.starts_with(begin),
        };
        let mut all = ALL.iter();
        all.find(|(one, _, begin)| is_it(*one, begin))
            .map(|(one, ..)| *one)
            .or_else(|| is_zstd_behind(head).then_some(Zstd))
    }

    /// For a person.
    pub fn name(self) -> &'static str {
        match self {
            Gz => "gzip",
            Zstd => "zstd",
            Bzip2 => "bzip2",
            Xz => "xz",
            Lz4 => "lz4",
            Snappy => "snappy",
        }
    }

    /// What was compressed.
    pub fn plain(self, from: Box<dyn Read + Send>) -> io::Result<Box<dyn Read + Send>> {
        let from = BufReader::with_capacity(32 << 10, from);
        Ok(match self {
            Gz => Box::new(Gzip::new(from)),
            Zstd => Box::new(zstd::Decoder::with_buffer(from)?),
            Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(from)),
            Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(from, true, XZ_KIB)),
            Lz4 => {
                let (bytes, may_end) = (from, true);
                let whole = Whole { bytes, may_end };
                Box::new(Lz4Frames(lz4_flex::frame::FrameDecoder::new(whole)))
            }
            Snappy => Box::new(snap::read::FrameDecoder::new(from)),
        })
    }
}

/// Whether zstd follows frames that are passed over, as `pzstd` and the seekable form of it write them.
fn is_zstd_behind(head: &[u8]) -> bool {
    let mut rest = head;
    while let [0x50..=0x5f, 0x2a, 0x4d, 0x18, a, b, c, d, ..] = rest {
        let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
        rest = rest.get(length.saturating_add(8)..).unwrap_or_default();
    }
    rest.len() < head.len() && rest.starts_with(b"\x28\xb5\x2f\xfd")
}

/// Frames of lz4, one after the other: the library stops behind each, and takes one that is cut off between two of its blocks
/// for whole.
struct Lz4Frames<R: BufRead>(lz4_flex::frame::FrameDecoder<Whole<R>>);

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.0.read(into)?;
            if read > 0 || into.is_empty() {
                return Ok(read);
            }
            let from = self.0.get_mut();
            from.may_end = true;
            if from.bytes.fill_buf()?.is_empty() {
                return Ok(0);
            }
        }
    }
}

/// Bytes that may end only where it is said.
struct Whole<R> {
    bytes: R,
    may_end: bool,
}

impl<R: Read> Read for Whole<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(into)?;
        if read == 0 && !into.is_empty() && !self.may_end {
            let text = "it ends in the middle of a frame of lz4: it is cut off";
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        self.may_end &= read == 0;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};

    use super::*;

    fn compressed(by: Compression, text: &[u8]) -> Vec<u8> {
        match by {
            Gz => {
                let mut out =
                    flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            Zstd => zstd::encode_all(text, 1).unwrap(),
            Bzip2 => {
                let mut out = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            // `printf 'one\n' | xz`: the library is built without what writes.
            Xz => XZ.to_vec(),
            Lz4 => {
                let mut out = lz4_flex::frame::FrameEncoder::new(Vec::new());
                out.write_all(text).unwrap();
                out.finish().unwrap()
            }
            Snappy => {
                let mut out = snap::write::FrameEncoder::new(Vec::new());
                out.write_all(text).unwrap();
                out.into_inner().unwrap()
            }
        }
    }

    const XZ: &[u8] = b"\xfd7zXZ\x00\x00\x04\xe6\xd6\xb4F\x02\x00!\x01\x16\x00\x00\x00t/\xe5\xa3\x01\x00\x03one\x0a\x00\xf5\x5c\xbbV\x1f\xc6\xfd\x86\x00\x01\x1c\x04o,\x9c\xc1\x1f\xb6\xf3}\x01\x00\x00\x00\x00\x04YZ";

    fn read(by: Compression, bytes: Vec<u8>) -> io::Result<String> {
        let mut text = String::new();
        by.plain(Box::new(Cursor::new(bytes)))?
            .read_to_string(&mut text)
            .map(|_| text)
    }

    #[test]
    fn each_is_told_and_read() {
        for (one, endings, _) in ALL {
            let bytes = compressed(*one, b"one\n");
            assert_eq!(Compression::of_content(&bytes), Some(*one));
            assert_eq!(Compression::of_ending(endings[0]), Some(*one));
            assert_eq!(read(*one, bytes.clone()).unwrap(), "one\n", "{one:?}");
            // One behind the other is one text.
            let twice = [&bytes[..], &bytes].concat();
            assert_eq!(read(*one, twice).unwrap(), "one\none\n", "{one:?}");
            // What is cut off is never taken for the end.
            for length in 1..bytes.len() {
                let cut = read(*one, bytes[..length].to_vec());
                // Snappy's first frame alone is a whole text of nothing.
                let is_none = *one == Snappy && length == 10;
                assert!(
                    cut.is_err() || is_none,
                    "{one:?}: {length} of {}",
                    bytes.len()
                );
            }
        }
        assert_eq!(Compression::of_content(b"BZhello,1\n"), None);
        assert_eq!(Compression::of_content(b""), None);
        assert_eq!(Compression::of_ending("csv"), None);
    }
}
