//! The first look at a file: how it is compressed, what it is, and its bytes from the first on.

use std::io::{self, Cursor, Read};
use std::path::Path;

use super::charset::Text;
use super::compression::Compression;
use super::error::FileError;
use super::kind::{self, Kind};
use super::pipe;
use super::site::{Patience, Site};
use standings_model::table::Table;

/// How many bytes are looked at.
const HEAD: u64 = 16 << 10;

/// A file that can be read.
pub struct Looked {
    pub kind: Kind,
    /// How it is compressed.
    pub compression: Option<Compression>,
    /// What was not as it said, a sentence each.
    pub said: Vec<String>,
    /// The first bytes.
    pub head: Vec<u8>,
    /// All of them, decompressed; JSON as UTF-8.
    pub input: Box<dyn Read + Send>,
}

/// Looks at a file.
pub fn at(site: &Site, table: &Table) -> Result<Looked, FileError> {
    let bytes = site.read(&Patience::default());
    of(
        bytes.map_err(FileError::reading(site.path()))?,
        site.path(),
        table,
    )
}

/// Looks at the bytes of a file that is open, whatever is at its path by now.
pub fn of(bytes: Box<dyn Read + Send>, path: &Path, table: &Table) -> Result<Looked, FileError> {
    let reading = FileError::reading(path);
    let is_pipe = is_pipe(path);
    let (mut head, mut input) = begin(bytes, is_pipe).map_err(&reading)?;
    let compression = Compression::of_content(&head);
    if let Some(compression) = compression {
        let plain = compression.plain(input).map_err(&reading)?;
        (head, input) = begin(plain, is_pipe).map_err(&reading)?;
    }
    let found = kind::kind(path, &table.format.encoding, compression, &head);
    let found = found.map_err(|foreign| FileError::Foreign {
        path: path.to_owned(),
        what: foreign.what,
        instead: foreign.instead(path),
    })?;
    if found.kind == Kind::Json && matches!(head[..], [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) {
        (head, input) = begin(Box::new(Text::new(input, None)), is_pipe).map_err(&reading)?;
    }
    const MARK: &[u8] = b"\xef\xbb\xbf";
    if found.kind == Kind::Json && head.starts_with(MARK) {
        head.drain(..MARK.len());
        input.read_exact(&mut [0; MARK.len()]).map_err(&reading)?;
    }
    Ok(Looked {
        kind: found.kind,
        compression,
        said: found.said,
        head,
        input,
    })
}

/// Whether somebody may still be writing what is read: a first line has to be enough then.
fn is_pipe(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| !meta.is_file())
}

/// The first bytes, and all of them. What cannot be read behind some that can is found when it is its turn.
fn begin(
    mut from: Box<dyn Read + Send>,
    is_pipe: bool,
) -> io::Result<(Vec<u8>, Box<dyn Read + Send>)> {
    let mut head = Vec::new();
    let read = match is_pipe {
        true => pipe::read(&mut from, &mut head, HEAD as usize).map(drop),
        false => (&mut from).take(HEAD).read_to_end(&mut head).map(drop),
    };
    let first = Cursor::new(head.clone());
    match read {
        Ok(()) => Ok((head, Box::new(first.chain(from)))),
        Err(e) if head.is_empty() => Err(e),
        Err(e) => Ok((head, Box::new(first.chain(Failed(Some(e)))))),
    }
}

/// What failed already.
struct Failed(Option<io::Error>);

impl Read for Failed {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}
