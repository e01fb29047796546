//! The rows of a file that is open, and its hash.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::UNIX_EPOCH;

use xxhash_rust::xxh3::Xxh3;

use crate::raw::Raw;
use standings_edge::source::{FileError, Plain, PlainBlocks, plain};
use standings_ingest::feed::Trouble;
use standings_ingest::files::{Opened, Row, Rows, RowsTrouble, Seen};
use standings_model::table::Table;

/// Size and time of an open file.
pub(super) fn seen(file: &File, path: &str) -> io::Result<Seen> {
    let meta = file.metadata()?;
    let modified = meta
        .modified()?
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Ok(Seen {
        path: path.to_owned(),
        size: meta.len(),
        modified: i64::try_from(modified.as_millis()).unwrap_or(i64::MAX),
    })
}

/// The hash of all of a file's bytes.
pub(super) fn hash(file: &File) -> io::Result<String> {
    let mut file = file.try_clone()?;
    file.seek(SeekFrom::Start(0))?;
    let (mut hash, mut piece) = (Xxh3::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(format!("{:032x}", hash.digest128())),
            n => hash.update(&piece[..n]),
        }
    }
}

/// Rows of a file.
pub(super) struct FileRows {
    file: File,
    seen: Seen,
    hash: String,
    rows: Option<PlainBlocks>,
    decimals: Vec<String>,
    /// The file is a copy of ours, which nobody writes to.
    is_copy: bool,
}

/// Names and types of columns.
pub(super) type Columns = Option<BTreeMap<String, String>>;

impl FileRows {
    /// Opens the rows; of a file that holds nothing there are none. `name`: what it is called, for its kind.
    pub(super) fn open(
        file: File,
        seen: &Seen,
        hash: &str,
        name: &Path,
        table: &Table,
    ) -> Result<(Self, Columns), RowsTrouble> {
        let mut rows = FileRows {
            file,
            seen: seen.clone(),
            hash: hash.to_owned(),
            rows: None,
            decimals: Vec::new(),
            is_copy: false,
        };
        if seen.size == 0 {
            return Ok((rows, None));
        }
        let found = plain(&rows.file, name, table);
        let Plain {
            rows: blocks,
            columns,
            decimals,
            said,
        } = found.map_err(|e| rows.refused(e))?;
        for said in said {
            tracing::warn!(
                event = "file_kind",
                file = seen.path,
                "{}: {said}",
                seen.path
            );
        }
        rows.rows = Some(blocks);
        rows.decimals = decimals;
        Ok((rows, columns.map(|all| all.into_iter().collect())))
    }

    fn refused(&self, error: FileError) -> RowsTrouble {
        match &error {
            FileError::Reading { source, .. } if passes(source) => {
                RowsTrouble::Trouble(Trouble::later(error.to_string()))
            }
            _ => self.damaged(error.to_string()),
        }
    }

    fn damaged(&self, why: String) -> RowsTrouble {
        RowsTrouble::Damaged {
            why,
            seen: Box::new(self.seen.clone()),
            hash: self.hash.clone(),
        }
    }
}

/// A file that was brought here as a whole: `file` is a copy of our own, of what was `seen`. Kept in `raw`, where that is wanted.
pub(super) fn of_copy(
    mut file: File,
    seen: Seen,
    table: &Table,
    raw: Option<&Raw>,
) -> Result<Opened, RowsTrouble> {
    let io = |e: io::Error| {
        RowsTrouble::Trouble(Trouble::later(format!(
            "the copy of {} cannot be read: {e}",
            seen.path
        )))
    };
    file.rewind().map_err(io)?;
    let hash = hash(&file).map_err(io)?;
    if let Some(raw) = raw {
        raw.file(&file, &seen, &hash)
            .map_err(RowsTrouble::Trouble)?;
    }
    let name = seen.path.clone();
    let (mut rows, columns) = FileRows::open(file, &seen, &hash, Path::new(&name), table)?;
    rows.is_copy = true;
    Ok(Opened {
        seen,
        hash,
        columns,
        rows: Box::new(rows),
    })
}

/// Whether a disk or a share failed, and not what lies on it.
fn passes(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::Interrupted
            | ErrorKind::TimedOut
            | ErrorKind::StaleNetworkFileHandle
            | ErrorKind::HostUnreachable
            | ErrorKind::NetworkUnreachable
            | ErrorKind::NetworkDown
            | ErrorKind::ConnectionReset
    ) || error.raw_os_error() == Some(libc::EIO)
}

impl Rows for FileRows {
    fn next(&mut self) -> Result<Option<Vec<Row>>, RowsTrouble> {
        let Some(rows) = &mut self.rows else {
            return Ok(None);
        };
        let block = match rows.next_block() {
            Ok(Some(block)) => block,
            Ok(None) => return Ok(None),
            Err(e) if passes(&e) => {
                return Err(RowsTrouble::Trouble(Trouble::later(e.to_string())));
            }
            Err(e) => return Err(self.damaged(e.to_string())),
        };
        let mut refused = block.refused.iter().peekable();
        let mut all = Vec::with_capacity(block.records.len());
        for (n, record) in block.records.iter().enumerate() {
            let bytes =
                |(start, end): (u32, u32)| block.bytes[start as usize..end as usize].to_vec();
            let wrong = refused.next_if(|r| r.record as usize == n);
            let original = block.originals.get(n).copied();
            let at = (record.start, record.end);
            all.push(match wrong {
                Some(wrong) => Row {
                    at: record.offset,
                    bytes: bytes(original.unwrap_or(at)),
                    refused: Some((wrong.reason, wrong.detail.clone())),
                },
                None => Row {
                    at: record.offset,
                    bytes: bytes(at),
                    refused: None,
                },
            });
        }
        // A line of nothing but spaces is no row.
        all.retain(|row| row.refused.is_some() || !row.bytes.trim_ascii().is_empty());
        Ok(Some(all))
    }

    fn decimals(&self) -> &[String] {
        &self.decimals
    }

    fn is_same(&mut self) -> Result<bool, Trouble> {
        if self.is_copy {
            return Ok(true);
        }
        let now = seen(&self.file, &self.seen.path).map_err(|e| Trouble::later(e.to_string()))?;
        Ok(now == self.seen)
    }
}
