//! Text as UTF-8, whatever a file has: by the mark at its begin (BOM), else by the table's word, else it is UTF-8 already.
//!
//! What is no character becomes a byte that UTF-8 has not got ([`NO_CHARACTER`]): it costs the record that it is in, and
//! nothing else.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};

/// What stands for a byte that is no character: never part of UTF-8.
pub const NO_CHARACTER: u8 = 0xff;

/// How much is read at once.
const CHUNK: usize = 32 << 10;

/// How bytes become characters.
enum Way {
    /// They are UTF-8: nobody looks at them here.
    AsTheyAre,
    /// Each byte is the character of its number; of ASCII only the first half.
    Bytes { ascii: bool },
    /// By a table.
    Table(Box<Decoder>),
}

/// A file's text.
pub struct Text {
    input: Box<dyn Read + Send>,
    /// The name by which it is read, if that is not UTF-8.
    charset: Option<String>,
    way: Way,
    /// Of the begin, while it was not looked at.
    started: bool,
    /// Bytes that were read and not made characters of.
    raw: Vec<u8>,
    /// Characters that were not given away, from `at` on.
    ready: Vec<u8>,
    at: usize,
    at_end: bool,
}

impl Text {
    /// Text of this charset; of none UTF-8.
    pub fn new(input: Box<dyn Read + Send>, charset: Option<&str>) -> Self {
        let charset = charset.filter(|c| !c.eq_ignore_ascii_case("utf-8"));
        Text {
            input,
            charset: charset.map(str::to_owned),
            way: charset.map_or(Way::AsTheyAre, way),
            started: false,
            raw: Vec::new(),
            ready: Vec::new(),
            at: 0,
            at_end: false,
        }
    }

    /// What it is read as, if that is not UTF-8.
    pub fn charset(&self) -> Option<&str> {
        self.charset.as_deref()
    }

    /// Looks at the first bytes: a mark there says more than any word.
    fn start(&mut self) -> io::Result<()> {
        self.started = true;
        while self.raw.len() < 3 && self.more(3)? > 0 {}
        let marked = match &self.raw[..] {
            [0xef, 0xbb, 0xbf, ..] => Some((3, None)),
            [0xff, 0xfe, ..] => Some((2, Some(UTF_16LE))),
            [0xfe, 0xff, ..] => Some((2, Some(UTF_16BE))),
            _ => None,
        };
        if let Some((length, encoding)) = marked {
            self.raw.drain(..length);
            self.charset = encoding.map(|e| e.name().to_owned());
            self.way = encoding.map_or(Way::AsTheyAre, |e| {
                Way::Table(Box::new(e.new_decoder_without_bom_handling()))
            });
        }
        Ok(())
    }

    /// Reads at most so many bytes behind those that are there.
    fn more(&mut self, most: usize) -> io::Result<usize> {
        let had = self.raw.len();
        self.raw.resize(had + most, 0);
        let read = loop {
            match self.input.read(&mut self.raw[had..]) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        self.raw.truncate(had + *read.as_ref().unwrap_or(&0));
        self.at_end = matches!(read, Ok(0));
        read
    }

    /// Makes characters of what was read.
    fn convert(&mut self) {
        self.ready.clear();
        self.at = 0;
        match &mut self.way {
            Way::AsTheyAre => std::mem::swap(&mut self.raw, &mut self.ready),
            Way::Bytes { ascii } => {
                for b in self.raw.drain(..) {
                    match b {
                        0..0x80 => self.ready.push(b),
                        _ if *ascii => self.ready.push(NO_CHARACTER),
                        _ => self.ready.extend([0xc0 | b >> 6, 0x80 | b & 0x3f]),
                    }
                }
            }
            Way::Table(decoder) => {
                table(decoder, &self.raw, &mut self.ready, self.at_end);
                self.raw.clear();
            }
        }
    }
}

fn way(charset: &str) -> Way {
    match charset {
        "iso-8859-1" | "latin1" => Way::Bytes { ascii: false },
        "us-ascii" => Way::Bytes { ascii: true },
        // The names were checked with the table.
        name => match Encoding::for_label(name.as_bytes()) {
            Some(encoding) => Way::Table(Box::new(encoding.new_decoder_without_bom_handling())),
            None => Way::AsTheyAre,
        },
    }
}

fn table(decoder: &mut Decoder, mut raw: &[u8], into: &mut Vec<u8>, last: bool) {
    loop {
        let had = into.len();
        into.resize(had + raw.len() * 3 + 16, 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(raw, &mut into[had..], last);
        into.truncate(had + written);
        raw = &raw[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => into.push(NO_CHARACTER),
        }
    }
}

impl Read for Text {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if !self.started {
            self.start()?;
            self.convert();
        }
        loop {
            let ready = &self.ready[self.at..];
            if !ready.is_empty() {
                let length = ready.len().min(into.len());
                into[..length].copy_from_slice(&ready[..length]);
                self.at += length;
                return Ok(length);
            }
            if self.at_end || into.is_empty() {
                return Ok(0);
            }
            if matches!(self.way, Way::AsTheyAre) {
                return self.input.read(into);
            }
            self.more(CHUNK)?;
            self.convert();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a few bytes at a time.
    struct Slow(Vec<u8>, usize);

    impl Read for Slow {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let length = self.1.min(self.0.len()).min(into.len());
            into[..length].copy_from_slice(&self.0[..length]);
            self.0.drain(..length);
            Ok(length)
        }
    }

    fn read(bytes: &[u8], charset: Option<&str>) -> Vec<u8> {
        let all: Vec<Vec<u8>> = (1..6)
            .map(|step| {
                let mut out = Vec::new();
                let mut text = Text::new(Box::new(Slow(bytes.to_vec(), step)), charset);
                text.read_to_end(&mut out).unwrap();
                out
            })
            .collect();
        assert!(all.iter().all(|one| *one == all[0]), "{all:?}");
        all[0].clone()
    }

    #[test]
    fn texts_of_the_world() {
        for (bytes, charset, want) in [
            (&b"S\xe3o"[..], Some("windows-1252"), "São".as_bytes()),
            (b"\x80\xe9", Some("iso-8859-1"), "\u{80}é".as_bytes()),
            (b"\x80", Some("windows-1252"), "€".as_bytes()),
            (b"a\xe9b", Some("us-ascii"), b"a\xffb"),
            (b"\x8c\xfb", Some("shift_jis"), "口".as_bytes()),
            (
                b"\x82\xa0\x82",
                Some("shift_jis"),
                &[0xe3, 0x81, 0x82, 0xff],
            ),
            (b"a\0\xe9\0", Some("utf-16le"), "aé".as_bytes()),
            (b"\xff\xfea\0\xe9\0", None, "aé".as_bytes()),
            (b"\xfe\xff\0a\0\xe9", Some("windows-1252"), "aé".as_bytes()),
            (b"\xef\xbb\xbfa", None, b"a"),
            (
                b"\xef\xbb\xbf\xc3\xa9",
                Some("windows-1252"),
                "é".as_bytes(),
            ),
            (b"a\xff", None, b"a\xff"),
            (b"", None, b""),
            (b"\xff\xfe", None, b""),
            (b"\xff\xfea\0\0\xd8b\0", None, b"a\xffb"),
        ] {
            let found = read(bytes, charset);
            assert_eq!(found, want, "{bytes:?} as {charset:?}");
        }
    }
}
