//! A folder: all files below it that fit the pattern.
//!
//! ```text
//! root ──openat, O_NOFOLLOW, folder by folder──► the file ──fstat: a regular one──► its bytes, whatever the path is by now
//! done/NAME ◄──link, which never writes over──┘
//! ```

use std::ffi::{CString, OsStr};
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Goes;
use super::names::{DEPTH, MOST, is_beside, is_ours, is_wanted};
use super::rows::{FileRows, hash, seen};
use crate::raw::Raw;
use standings_ingest::config::After;
use standings_ingest::feed::Trouble;
use standings_ingest::files::{Fate, Opened, Place, RowsTrouble, Seen, Taken};
use standings_model::table::Table;

/// A folder.
pub struct Folder {
    root: PathBuf,
    pattern: Option<String>,
    after: After,
    table: Table,
    raw: Option<Raw>,
}

impl Folder {
    /// Nothing is looked at yet. `raw`: where files are kept as they came.
    pub fn new(
        root: &Path,
        pattern: Option<&str>,
        after: After,
        table: Table,
        raw: Option<Raw>,
    ) -> Self {
        Folder {
            root: root.to_owned(),
            pattern: pattern.map(str::to_owned),
            after,
            table,
            raw,
        }
    }

    fn walk(
        &self,
        folder: &Path,
        before: &str,
        depth: usize,
        all: &mut Vec<Seen>,
    ) -> io::Result<()> {
        if depth > DEPTH {
            return Err(io::Error::other(format!(
                "more than {DEPTH} folders in each other"
            )));
        }
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            // A name that is no text can be in no position.
            let Some(name) = name.to_str().filter(|name| !is_beside(name)) else {
                continue;
            };
            let path = format!("{before}{name}");
            // Of the entry itself: a link is none of the two.
            let kind = entry.file_type()?;
            if kind.is_dir() {
                if !is_ours(before, name) {
                    self.walk(&entry.path(), &format!("{path}/"), depth + 1, all)?;
                }
                continue;
            }
            if !kind.is_file() || !is_wanted(self.pattern.as_deref(), &path) {
                continue;
            }
            let meta = match entry.metadata() {
                Ok(meta) => meta,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(e),
            };
            if all.len() >= MOST {
                return Err(io::Error::other(format!("more than {MOST} files")));
            }
            let modified = meta.mtime().saturating_mul(1000) + meta.mtime_nsec() / 1_000_000;
            all.push(Seen {
                path,
                size: meta.len(),
                modified,
            });
        }
        Ok(())
    }

    /// Opens a file below the root, following no link.
    fn open_below(&self, path: &str) -> io::Result<File> {
        let parts: Vec<&str> = path.split('/').collect();
        if parts
            .iter()
            .any(|p| p.is_empty() || *p == "." || *p == "..")
        {
            return Err(io::Error::other("no path below the folder"));
        }
        let mut at: OwnedFd = File::open(&self.root)?.into();
        let last = parts.len() - 1;
        for (n, part) in parts.iter().enumerate() {
            let kind = if n == last {
                libc::O_NONBLOCK
            } else {
                libc::O_DIRECTORY
            };
            at = open_at(
                &at,
                OsStr::new(part),
                libc::O_RDONLY | libc::O_NOFOLLOW | libc::O_CLOEXEC | kind,
            )?;
        }
        Ok(File::from(at))
    }

    /// Where a file goes: a name that is taken by another gets the hash.
    fn put_away(&self, taken: &Taken, into: &str) -> io::Result<()> {
        let from = self.root.join(&taken.seen.path);
        let to = self.root.join(into).join(&taken.seen.path);
        let hashed = match to.file_name().and_then(OsStr::to_str) {
            Some(name) => to.with_file_name(format!("{}-{name}", taken.hash)),
            None => return Err(io::Error::other("no name")),
        };
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        let own = fs::symlink_metadata(&from)?;
        for to in [&to, &hashed] {
            match fs::hard_link(&from, to) {
                Ok(()) => return fs::remove_file(&from),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    let there = fs::symlink_metadata(to)?;
                    // Torn apart between the link and the removal, or the same once more.
                    let is_one = (there.dev(), there.ino()) == (own.dev(), own.ino());
                    let is_same = || {
                        let alike = there.is_file() && there.len() == own.len();
                        alike
                            && File::open(to)
                                .and_then(|f| hash(&f))
                                .is_ok_and(|h| h == taken.hash)
                    };
                    if is_one || is_same() {
                        return fs::remove_file(&from);
                    }
                }
                // A file system without links, or another one below.
                Err(_) if !to.exists() => return fs::rename(&from, to),
                Err(e) => return Err(e),
            }
        }
        // The same content under both names: it is there.
        fs::remove_file(&from)
    }
}

fn open_at(folder: &OwnedFd, name: &OsStr, flags: i32) -> io::Result<OwnedFd> {
    let name = CString::new(name.as_bytes()).map_err(|_| io::Error::other("a zero in a name"))?;
    // SAFETY: the descriptor is open for as long as the call, and the name ends with a zero.
    let opened = unsafe { libc::openat(folder.as_raw_fd(), name.as_ptr(), flags) };
    match opened < 0 {
        true => Err(io::Error::last_os_error()),
        // SAFETY: it was opened just now, and nobody else has it.
        false => Ok(unsafe { OwnedFd::from_raw_fd(opened) }),
    }
}

impl Place for Folder {
    fn list(&mut self) -> Result<Vec<Seen>, Trouble> {
        let mut all = Vec::new();
        self.walk(&self.root, "", 0, &mut all).map_err(|e| {
            let why = format!("cannot read the folder {}: {e}", self.root.display());
            match e.kind() {
                io::ErrorKind::NotFound
                | io::ErrorKind::PermissionDenied
                | io::ErrorKind::NotADirectory => Trouble::Broken(why),
                _ => Trouble::later(why),
            }
        })?;
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }

    fn open(&mut self, path: &str) -> Result<Opened, RowsTrouble> {
        let trouble = |e: io::Error| {
            let why = format!("cannot open {}: {e}", self.root.join(path).display());
            RowsTrouble::Trouble(match e.raw_os_error() {
                Some(libc::ELOOP) => {
                    Trouble::Broken(format!("{why}: a link, which is not followed"))
                }
                Some(libc::ENOENT) => Trouble::Broken(format!("{why}: it is gone")),
                Some(libc::EACCES) => Trouble::Broken(why),
                _ => Trouble::later(why),
            })
        };
        let file = self.open_below(path).map_err(trouble)?;
        let meta = file.metadata().map_err(trouble)?;
        if !meta.is_file() {
            let why = format!("{} is no regular file", self.root.join(path).display());
            return Err(RowsTrouble::Trouble(Trouble::Broken(why)));
        }
        let seen = seen(&file, path).map_err(trouble)?;
        let hash = hash(&file).map_err(trouble)?;
        if let Some(raw) = &self.raw {
            raw.file(&file, &seen, &hash)
                .map_err(RowsTrouble::Trouble)?;
        }
        let (rows, columns) =
            FileRows::open(file, &seen, &hash, &self.root.join(path), &self.table)?;
        Ok(Opened {
            seen,
            hash,
            columns,
            rows: Box::new(rows),
        })
    }

    fn finish(&mut self, taken: &Taken, fate: Fate) -> Result<(), Trouble> {
        let from = self.root.join(&taken.seen.path);
        let done = match Goes::of(self.after, fate) {
            Goes::Nowhere => return Ok(()),
            Goes::Into(folder) => self.put_away(taken, folder),
            Goes::Away => fs::remove_file(&from),
        };
        match done {
            Err(e) if e.kind() != io::ErrorKind::NotFound => {
                return Err(Trouble::Broken(format!(
                    "{} was taken, and cannot be put away: {e}",
                    from.display()
                )));
            }
            _ => {}
        }
        if let Some(marker) = &taken.marker {
            // One that is gone is as good.
            let _ = fs::remove_file(self.root.join(marker));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
