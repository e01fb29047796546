//! A file or standard output: one JSON line per change; with `?offsets=true` before those of each commit a line with its offsets.
//!
//! A regular file is the change log of this run: it is emptied on start. (It does not remember how far its input was
//! read, so a log that went on from an earlier run could repeat commits.)

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::url::SinkUrl;
use crate::source::Homes;
use standings_commit::sink::RejectWriter;
use standings_commit::sink::{Shown, Sink, SinkError};
use standings_model::change::Commit;
use standings_model::error::{Code, Coded, codes};
use standings_model::identity::Opening;
use standings_model::json::{push_change, push_offsets, push_reject};
use standings_model::plan::Plan;
use standings_model::reject::Reject;

/// Bytes that are written at once: a commit may have any number.
const PIECE: usize = 1 << 20;

/// Lines to a file or to standard output.
pub struct LineSink {
    url: SinkUrl,
    name: String,
    /// What offsets and letters are said of.
    homes: Homes,
    out: Option<Out>,
    buffer: Vec<u8>,
}

/// Where lines go.
enum Out {
    File {
        file: File,
        /// Where its last whole line ends; `None` for what is no regular file.
        whole: Option<u64>,
        /// Bytes behind that, of a commit that is not all there.
        begun: u64,
    },
    Stdout,
}

impl Out {
    /// Writes whole lines, the last of a commit or not; where it fails none of the commit's, where that can be: of a disk that is
    /// full only a part is written.
    fn put(&mut self, lines: &[u8], ends: bool) -> io::Result<()> {
        match self {
            Out::Stdout => {
                let mut out = io::stdout().lock();
                let written = out.write_all(lines).and_then(|()| out.flush());
                written.inspect_err(standings_process::exit::if_nobody_reads)
            }
            Out::File { file, whole, begun } => {
                let written = file.write_all(lines);
                *begun += lines.len() as u64;
                if let Some(whole) = whole {
                    match &written {
                        Ok(()) if ends => *whole += std::mem::take(begun),
                        Ok(()) => {}
                        // What goes wrong here does not matter beside what did.
                        Err(_) => {
                            let _ = file.set_len(*whole);
                            let _ = file.seek(SeekFrom::Start(*whole));
                            *begun = 0;
                        }
                    }
                }
                written
            }
        }
    }
}

/// A file or standard output that cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// It cannot be made or opened.
    #[error("cannot write {}: {source}", .path.display())]
    Opening {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A write failed.
    #[error("writing {name} failed: {source}")]
    Writing {
        /// For logs.
        name: String,
        /// Why.
        source: io::Error,
    },
}

impl Coded for LinesError {
    fn code(&self) -> &'static Code {
        match self {
            LinesError::Opening { .. } => &codes::line::OUTPUT,
            LinesError::Writing { .. } => &codes::sink::WRITING,
        }
    }
}

impl LineSink {
    /// Not yet opened.
    pub fn new(url: SinkUrl, homes: Homes) -> Self {
        LineSink {
            homes,
            name: url.to_string(),
            url,
            out: None,
            buffer: Vec::new(),
        }
    }

    fn open_now(&mut self, goes_on: bool) -> Result<(), SinkError> {
        self.out = Some(match &self.url {
            SinkUrl::File { path, .. } => {
                let opened = File::options()
                    .create(true)
                    .write(true)
                    .append(goes_on)
                    .truncate(!goes_on)
                    .open(path);
                let opened = opened.and_then(|file| {
                    let whole = whole_lines(&file, path)?;
                    Ok(Out::File {
                        file,
                        whole,
                        begun: 0,
                    })
                });
                opened.map_err(|source| LinesError::Opening {
                    path: path.clone(),
                    source,
                })?
            }
            _ => Out::Stdout,
        });
        Ok(())
    }

    fn says_offsets(&self) -> bool {
        match self.url {
            SinkUrl::File { offsets, .. } | SinkUrl::Stdout { offsets } => offsets,
            _ => false,
        }
    }

    /// Writes what is there; whether it is the last of a commit.
    fn put(&mut self, ends: bool) -> Result<(), SinkError> {
        let Some(out) = &mut self.out else {
            return Ok(());
        };
        let written = out.put(&self.buffer, ends);
        self.buffer.clear();
        Ok(written.map_err(|source| LinesError::Writing {
            name: self.name.clone(),
            source,
        })?)
    }
}

/// Where the last whole line of a file ends. What stands behind it a run was writing when it was killed: its commit was
/// not made, so that all of it comes again.
fn whole_lines(file: &File, path: &Path) -> io::Result<Option<u64>> {
    let found = file.metadata()?;
    if !found.is_file() {
        return Ok(None);
    }
    let length = found.len();
    if length == 0 {
        return Ok(Some(0));
    }
    let mut reader = File::open(path)?;
    let mut piece = [0; 64 << 10];
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(piece.len() as u64);
        let piece = &mut piece[..(end - start) as usize];
        reader.seek(SeekFrom::Start(start))?;
        reader.read_exact(piece)?;
        if let Some(at) = piece.iter().rposition(|b| *b == b'\n') {
            end = start + at as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length {
        tracing::warn!(
            event = "torn_line_cut",
            file = %path.display(),
            bytes = length - end,
            "its last line is not whole: a run was killed while it wrote it, and writes it again"
        );
        file.set_len(end)?;
    }
    Ok(Some(end))
}

impl Sink for LineSink {
    fn name(&self) -> &str {
        &self.name
    }

    fn open(&mut self, _: &Plan, _: &Opening) -> Result<Shown, SinkError> {
        self.open_now(false)?;
        Ok(Shown::default())
    }

    fn write(&mut self, plan: &Plan, commit: &Commit) -> Result<(), SinkError> {
        if self.says_offsets() && !commit.changes.is_empty() {
            let offsets = commit.offsets.iter();
            let offsets = offsets.map(|(partition, next)| (self.homes.of(*partition), *next));
            push_offsets(&mut self.buffer, plan, commit.number, offsets);
            self.buffer.push(b'\n');
        }
        for change in commit.changes.iter() {
            push_change(&mut self.buffer, plan, change, commit.number);
            self.buffer.push(b'\n');
            if self.buffer.len() >= PIECE {
                self.put(false)?;
            }
        }
        self.put(true)
    }
}

impl RejectWriter for LineSink {
    fn open(&mut self, goes_on: bool) -> Result<(), SinkError> {
        self.open_now(goes_on)
    }

    fn write(&mut self, plan: &Plan, rejects: &[&Reject]) -> Result<(), SinkError> {
        for reject in rejects {
            let (_, partition) = self.homes.of(reject.partition);
            push_reject(&mut self.buffer, plan, reject, partition);
            self.buffer.push(b'\n');
        }
        self.put(true)
    }
}

/// A late or dead-letter output.
pub fn reject_lines(url: &SinkUrl, homes: Homes) -> Box<dyn RejectWriter> {
    Box::new(LineSink::new(url.clone(), homes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is written at once is no commit: where the last whole one ends moves with its last piece alone.
    #[test]
    fn the_pieces_of_a_commit_are_whole_with_the_last() {
        let file = tempfile::tempfile().unwrap();
        let mut out = Out::File {
            file: file.try_clone().unwrap(),
            whole: Some(0),
            begun: 0,
        };
        let ends = |out: &Out| match out {
            Out::File { whole, begun, .. } => (*whole, *begun),
            Out::Stdout => panic!("no file"),
        };
        for (piece, last, want) in [
            ("a\n", false, (Some(0), 2)),
            ("bc\n", true, (Some(5), 0)),
            ("d\n", false, (Some(5), 2)),
        ] {
            out.put(piece.as_bytes(), last).unwrap();
            assert_eq!(ends(&out), want);
        }
        assert_eq!(file.metadata().unwrap().len(), 7);
        // A pipe that nobody reads takes the next piece no more: none of the commit counts.
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let mut out = Out::File {
            file: File::from(std::os::fd::OwnedFd::from(writer)),
            whole: Some(5),
            begun: 2,
        };
        assert!(out.put(b"e\n", true).is_err());
        assert_eq!(ends(&out), (Some(5), 0));
    }
}
