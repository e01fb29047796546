//! What can be read but once: standard input, a pipe. Its beginning is kept in a file, which is looked at as any other is.
//!
//! ```text
//! pipe ──► thread ──► a file without a name of its own, gone with the process ──► peek, sample, trial
//!            until its end, MOST bytes, or PATIENCE after its first byte
//! ```
//!
//! Of one that goes on what is there is looked at: of text up to its last whole line.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

/// So much of it is kept: Parquet is looked at from its end, and must be there as a whole.
const MOST: u64 = 256 << 20;
/// How long is waited for more of it.
const PATIENCE: Duration = Duration::from_secs(10);
/// What standard input is called.
const STANDARD_INPUT: &str = "/dev/stdin";
/// The last line that is whole is looked for in so many bytes at the end.
const LAST: u64 = 1 << 20;

/// The file that it is kept in.
#[derive(Debug)]
pub(super) struct Kept(NamedTempFile);

impl Kept {
    /// Where it lies.
    pub(super) fn path(&self) -> PathBuf {
        self.0.path().to_owned()
    }
}

/// Whether a path is of something that can be read but once.
pub(super) fn is_pipe(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
        || std::fs::metadata(path).is_ok_and(|meta| !meta.is_file() && !meta.is_dir())
}

/// How far it was read.
#[derive(Debug, Default)]
struct Progress {
    bytes: u64,
    /// Nothing more comes, or it cannot be read.
    ended: Option<io::Result<()>>,
    /// Nothing more is wanted.
    stopped: bool,
}

/// Keeps the beginning of a pipe.
///
/// # Errors
/// It cannot be read, or there is no room for it.
pub(super) fn keep(path: &Path) -> io::Result<Kept> {
    let kept = NamedTempFile::new()?;
    let mut to = kept.reopen()?;
    let state = Arc::new(Mutex::new(Progress::default()));
    let (shared, path) = (Arc::clone(&state), path.to_owned());
    // It may wait in a read for ever, and is left there.
    std::thread::Builder::new()
        .name("pipe".to_owned())
        .spawn(move || {
            let ended = copy(&path, &mut to, &shared);
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            state.ended = Some(ended);
        })?;
    let until = Instant::now() + PATIENCE;
    loop {
        std::thread::sleep(Duration::from_millis(5));
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(ended) = state.ended.take() {
            ended?;
            return Ok(Kept(kept));
        }
        if state.bytes >= MOST || Instant::now() >= until {
            state.stopped = true;
            break;
        }
    }
    whole_lines(kept.as_file())?;
    Ok(Kept(kept))
}

/// Copies until the end, or until nothing more is wanted.
fn copy(path: &Path, to: &mut File, state: &Mutex<Progress>) -> io::Result<()> {
    let mut from: Box<dyn Read> = match path == Path::new(STANDARD_INPUT) {
        true => Box::new(io::stdin()),
        false => Box::new(File::open(path)?),
    };
    let mut piece = vec![0; 64 << 10];
    loop {
        let read = match from.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.stopped || state.bytes >= MOST {
            return Ok(());
        }
        to.write_all(&piece[..read])?;
        state.bytes += read as u64;
    }
}

/// Cuts off a line that has no end yet; what is no text stays as it is.
fn whole_lines(mut file: &File) -> io::Result<()> {
    let length = file.seek(SeekFrom::End(0))?;
    let from = length.saturating_sub(LAST);
    file.seek(SeekFrom::Start(from))?;
    let mut last = Vec::new();
    file.read_to_end(&mut last)?;
    let end = last.iter().rposition(|b| *b == b'\n');
    match end.filter(|_| !last.contains(&0)) {
        Some(end) => file.set_len(from + end as u64 + 1),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_torn_off_is_no_line() {
        for (bytes, want) in [
            (&b"a,b\n1,2\n3,"[..], &b"a,b\n1,2\n"[..]),
            (b"no line", b"no line"),
            (b"PAR1\0\n\0x", b"PAR1\0\n\0x"),
            (b"", b""),
        ] {
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(bytes).unwrap();
            whole_lines(file.as_file()).unwrap();
            assert_eq!(std::fs::read(file.path()).unwrap(), want);
        }
    }
}
