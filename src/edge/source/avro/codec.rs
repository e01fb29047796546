//! How the blocks of an Avro file are compressed.

use std::io::{self, Read};

use super::super::compression::XZ_KIB;

/// A codec, as the header names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Codec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
    Bzip2,
    Xz,
}

impl Codec {
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Codec::Null,
            "deflate" => Codec::Deflate,
            "snappy" => Codec::Snappy,
            "zstandard" => Codec::Zstandard,
            "bzip2" => Codec::Bzip2,
            "xz" => Codec::Xz,
            _ => return None,
        })
    }

    /// What was compressed, of `most` bytes at most.
    pub(super) fn plain(self, packed: Vec<u8>, most: usize, into: &mut Vec<u8>) -> io::Result<()> {
        into.clear();
        let from = &packed[..];
        match self {
            Codec::Null => {
                *into = packed;
                Ok(())
            }
            Codec::Deflate => all(flate2::bufread::DeflateDecoder::new(from), most, into),
            Codec::Zstandard => all(zstd::Decoder::with_buffer(from)?, most, into),
            Codec::Bzip2 => all(bzip2::bufread::BzDecoder::new(from), most, into),
            Codec::Xz => {
                let reader = lzma_rust2::XzReader::new_mem_limit(from, true, XZ_KIB);
                all(reader, most, into)
            }
            Codec::Snappy => snappy(from, most, into),
        }
    }
}

fn all(from: impl Read, most: usize, into: &mut Vec<u8>) -> io::Result<()> {
    from.take(most as u64 + 1).read_to_end(into)?;
    match into.len() <= most {
        true => Ok(()),
        false => Err(too_large(most)),
    }
}

fn too_large(most: usize) -> io::Error {
    io::Error::other(format!(
        "decompressed it has more than {most} bytes, 16 times --max-record-bytes"
    ))
}

/// Snappy without a frame, and a checksum of what was compressed behind it.
fn snappy(from: &[u8], most: usize, into: &mut Vec<u8>) -> io::Result<()> {
    let (packed, sum) = from
        .split_last_chunk::<4>()
        .ok_or_else(|| io::Error::other("it has no checksum"))?;
    if snap::raw::decompress_len(packed).map_err(io::Error::other)? > most {
        return Err(too_large(most));
    }
    *into = snap::raw::Decoder::new()
        .decompress_vec(packed)
        .map_err(io::Error::other)?;
    let mut crc = flate2::Crc::new();
    crc.update(into);
    match crc.sum() == u32::from_be_bytes(*sum) {
        true => Ok(()),
        false => Err(io::Error::other("its checksum says that it is damaged")),
    }
}
