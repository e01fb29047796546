//! The beginning of an Avro file: what its records are, and how they are compressed.

use std::io::{self, Read};

use super::codec::Codec;
use super::{AvroProblem, Counted};
use standings_model::schema::{Language, Schema};

/// Bytes of all that it says.
const MOST: usize = 4 << 20;

/// What a file says of itself.
pub(super) struct Header {
    pub(super) schema: Schema,
    pub(super) codec: Codec,
    pub(super) sync: [u8; 16],
}

impl Header {
    pub(super) fn read(input: &mut Counted) -> Result<Self, AvroProblem> {
        let entries =
            entries(input).map_err(|e| AvroProblem::Header(format!("its header: {e}")))?;
        let of = |name: &[u8]| entries.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        let schema = of(b"avro.schema").and_then(|s| std::str::from_utf8(s).ok());
        let schema = schema
            .ok_or_else(|| AvroProblem::Header("its header has no schema in UTF-8".to_owned()))?;
        let codec = of(b"avro.codec").map_or("null".into(), |c| String::from_utf8_lossy(c));
        let codec = Codec::of(&codec)
            .ok_or_else(|| AvroProblem::Codec(codec.chars().take(40).collect()))?;
        let mut sync = [0; 16];
        input
            .read_exact(&mut sync)
            .map_err(|_| AvroProblem::Header("its header is cut off".to_owned()))?;
        Ok(Header {
            schema: Schema::new(Language::Avro, schema),
            codec,
            sync,
        })
    }
}

type Entry = (Vec<u8>, Vec<u8>);

/// The map of the header.
fn entries(input: &mut Counted) -> io::Result<Vec<Entry>> {
    let mut magic = [0; 4];
    input.read_exact(&mut magic)?;
    if &magic != b"Obj\x01" {
        return Err(io::Error::other("it does not begin with \"Obj\" and 1"));
    }
    let cut = || io::Error::other("it is cut off");
    let mut room = MOST;
    let mut all = Vec::new();
    loop {
        let count = input.long()?.ok_or_else(cut)?;
        if count == 0 {
            return Ok(all);
        }
        if count < 0 {
            // The bytes of the block.
            input.long()?.ok_or_else(cut)?;
        }
        for _ in 0..count.unsigned_abs() {
            let mut text = || {
                let size = input.long()?.ok_or_else(cut)?;
                let size = usize::try_from(size).ok().filter(|n| *n < room);
                let size = size.ok_or_else(|| io::Error::other("it has more than 4 MiB"))?;
                room -= size + 1;
                let mut bytes = Vec::new();
                input.exactly(size, &mut bytes)?;
                Ok::<_, io::Error>(bytes)
            };
            let entry = (text()?, text()?);
            all.push(entry);
        }
    }
}
