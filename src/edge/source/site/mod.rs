//! Where a file lies: on a disk, or in a bucket, where it is an object.
//!
//! ```text
//! file:PATH ─────────► a path ────► opened
//! s3://BUCKET/KEY ───► an object ─► text, Avro: its bytes piece by piece, the next one asked for while one is read
//!                               └─► Parquet, which is read from its end: brought here as a whole
//! ```
//!
//! 1. What is read of an object is one version of it, that which was listed: where another one is in its place by now, reading
//!    ends with an error that says so.
//! 2. An object is a file in every other regard: its partition, its offsets, what it is known by.

mod beside;
mod bucket;
mod chosen;
mod error;
mod object;
mod patience;
mod pieces;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::error::FolderError;
use super::folder::{self, Expanded};
use standings_model::time::unix_ms;

pub(super) use self::beside::each;
pub use self::error::ObjectUrlError;
pub use self::object::{Object, is_object};
pub use self::patience::Patience;

/// Where a file lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Site {
    /// A path.
    Disk(PathBuf),
    /// An object of a bucket.
    Object(Object),
}

/// What is known of a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Bytes.
    pub size: u64,
    /// When it was changed last, ms since the Unix epoch.
    pub modified: i64,
}

impl<P: Into<PathBuf>> From<P> for Site {
    fn from(path: P) -> Self {
        Site::Disk(path.into())
    }
}

impl Site {
    /// What it is called: a path, or `s3://BUCKET/KEY`. For names and messages; only what is on a disk can be opened by it.
    pub fn path(&self) -> &Path {
        match self {
            Site::Disk(path) => path,
            Site::Object(object) => object.path(),
        }
    }

    /// The files that it stands for: itself, those of a folder, those that fit a pattern.
    ///
    /// # Errors
    /// There is none; it cannot be looked into; the bucket does not answer for a minute.
    pub fn expand(&self) -> Result<Expanded, FolderError> {
        match self {
            Site::Disk(path) => folder::expand(path),
            Site::Object(object) => object.expand(),
        }
    }

    /// Whether it can be looked at without being used up, as a pipe cannot.
    pub fn is_regular(&self) -> bool {
        match self {
            Site::Disk(path) => std::fs::metadata(path).is_ok_and(|meta| meta.is_file()),
            Site::Object(_) => true,
        }
    }

    /// What is known of it.
    ///
    /// # Errors
    /// It is not there, or may not be looked at.
    pub fn meta(&self) -> io::Result<Meta> {
        match self {
            Site::Disk(path) => {
                let meta = std::fs::metadata(path)?;
                let modified = meta.modified().map_or(0, unix_ms);
                let size = meta.len();
                Ok(Meta { size, modified })
            }
            Site::Object(object) => object.meta(&Patience::default()),
        }
    }

    /// The path or the address that it is known by again.
    pub fn absolute(&self) -> Option<String> {
        match self {
            Site::Disk(path) => std::fs::canonicalize(path)
                .ok()?
                .to_str()
                .map(str::to_owned),
            Site::Object(object) => Some(object.path().display().to_string()),
        }
    }

    /// What was known by [`Site::absolute`].
    pub fn of_absolute(text: &str) -> Self {
        match text.parse() {
            Ok(object) if is_object(text) => Site::Object(object),
            _ => Site::Disk(text.into()),
        }
    }

    /// Its bytes from the first on.
    pub(super) fn read(&self, patience: &Patience) -> io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Site::Disk(path) => Box::new(File::open(path)?),
            Site::Object(object) => Box::new(object.pieces(patience)?),
        })
    }

    /// The same, asked for already: of an object, whose answer takes its time; nothing of what is on a disk.
    pub(super) fn ahead(&self, patience: &Patience) -> io::Result<Option<Box<dyn Read + Send>>> {
        Ok(match self {
            Site::Disk(_) => None,
            Site::Object(object) => Some(Box::new(object.pieces(patience)?.ahead())),
        })
    }

    /// As a file that can be read anywhere; an object is brought here, into a file without a name.
    pub(super) fn whole(&self, patience: &Patience) -> io::Result<File> {
        match self {
            Site::Disk(path) => File::open(path),
            Site::Object(object) => object.whole(patience),
        }
    }

    /// Its first bytes, so many or all.
    pub(super) fn head(&self, bytes: u64) -> io::Result<Vec<u8>> {
        let mut first = Vec::new();
        match self {
            Site::Disk(path) => File::open(path)?.take(bytes).read_to_end(&mut first)?,
            Site::Object(object) => {
                let pieces = object.pieces(&Patience::default())?;
                pieces
                    .of(bytes as usize)
                    .take(bytes)
                    .read_to_end(&mut first)?
            }
        };
        Ok(first)
    }
}
