//! A folder of a server, by SFTP: all files below it that fit the pattern. A file is brought here as a whole before it is read.
//!
//! ```text
//! list ──► lstat of each part of the path ──► open ──fstat: still the same──► its bytes ──fstat: still──► a copy of our own ──► rows
//!          done/NAME ◄──rename, where the name is free; else HASH-NAME──┘
//! ```
//!
//! 1. No link below the folder is followed: each part of a path is a folder itself, the file a regular one, and what is open is what was
//!    found (kind, size, time). The protocol has no `O_NOFOLLOW`: what a server lets its user see bounds what is left.
//! 2. Nothing is written over: a name is looked at before it is taken, and only this source moves its files. One that is taken by another
//!    content gets the hash in front.
//! 3. A session is kept between two looks, and made anew where it is over. What a server does not answer in time is `waiting`, who it
//!    should not be is `broken`.

mod hosts;
mod session;

use std::io::Write;

use tokio::runtime::{Builder, Runtime};

use self::session::{Fault, Kind, Meta, Session};
use super::Goes;
use super::names::{DEPTH, MOST, is_beside, is_ours, is_wanted};
use super::rows::{hash, of_copy};
use crate::raw::Raw;
use crate::secret::{self, NoSecret};
use standings_ingest::config::{After, Proof, Sftp as Server};
use standings_ingest::feed::Trouble;
use standings_ingest::files::{Fate, Opened, Place, RowsTrouble, Seen, Taken};
use standings_model::table::Table;

/// A folder of a server.
pub struct Sftp {
    source: String,
    server: Server,
    after: After,
    table: Table,
    raw: Option<Raw>,
    session: Option<Session>,
    /// Dropped last: what the session still says is said by it.
    runtime: Runtime,
}

impl Sftp {
    /// Nothing is asked yet; secrets are where they should be. `raw`: where files are kept as they came.
    ///
    /// # Errors
    /// A secret is not there, or this process has no thread for it.
    pub fn new(
        source: &str,
        server: &Server,
        after: After,
        table: Table,
        raw: Option<Raw>,
    ) -> Result<Self, Unmade> {
        match &server.proof {
            Proof::Password(at) => drop(secret::all(source, at)?),
            Proof::Key { key, passphrase } => {
                secret::all(source, key)?;
                passphrase
                    .iter()
                    .try_for_each(|at| secret::all(source, at).map(drop))?;
            }
        }
        // A thread of its own: a server that asks whether we are there is answered between two looks.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(format!("sftp-{source}"))
            .enable_all()
            .build();
        Ok(Sftp {
            source: source.to_owned(),
            server: server.clone(),
            after,
            table,
            raw,
            session: None,
            runtime: runtime.map_err(|e| Unmade::Runtime(e.to_string()))?,
        })
    }

    /// Calls the server, on a session that is open by then; one that is lost is forgotten.
    fn call<T>(
        &mut self,
        what: &str,
        call: impl AsyncFnOnce(&Session, &Server) -> Result<T, Fault>,
    ) -> Result<T, Trouble> {
        if self.session.as_ref().is_none_or(Session::is_over) {
            let opened = self
                .runtime
                .block_on(Session::open(&self.source, &self.server));
            self.session = Some(opened?);
        }
        let Some(session) = &self.session else {
            return Err(Trouble::later("no session: a defect"));
        };
        let called = self.runtime.block_on(call(session, &self.server));
        called.map_err(|fault| {
            let said = fault.said();
            let why = format!("the server {}: {what}: {said}", self.server.address());
            match fault {
                Fault::Denied(_) | Fault::Gone => Trouble::Broken(why),
                Fault::Refused(_) => Trouble::later(why),
                Fault::Lost(_) => {
                    self.session = None;
                    Trouble::later(why)
                }
            }
        })
    }
}

/// Why a source of SFTP cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum Unmade {
    /// A secret is not where it should be.
    #[error(transparent)]
    Secret(#[from] NoSecret),
    /// There is no thread for it.
    #[error("{0}")]
    Runtime(String),
}

impl Drop for Sftp {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.runtime.block_on(session.close());
        }
    }
}

/// All files below the folder.
async fn walk(session: &Session, server: &Server) -> Result<Vec<Seen>, Fault> {
    let (mut all, mut folders) = (Vec::new(), vec![(String::new(), 0)]);
    while let Some((before, depth)) = folders.pop() {
        if depth > DEPTH {
            return Err(Fault::Refused(format!(
                "more than {DEPTH} folders in each other"
            )));
        }
        let folder = server.of(&before);
        let folder = match folder.trim_end_matches('/') {
            "" if folder.is_empty() => ".",
            "" => "/",
            folder => folder,
        };
        let entries = match session.entries(folder, MOST).await {
            // Gone since its folder was read.
            Err(Fault::Gone) if depth > 0 => continue,
            entries => entries?,
        };
        for (name, meta) in entries {
            if is_beside(&name) || !is_name(&name) {
                continue;
            }
            let path = format!("{before}{name}");
            let meta = match meta {
                Some(meta) => Some(meta),
                None => session.meta(&server.of(&path)).await?,
            };
            let Some(meta) = meta else { continue };
            match meta.kind {
                Kind::Folder if !is_ours(&before, &name) => {
                    folders.push((format!("{path}/"), depth + 1));
                }
                Kind::File if is_wanted(server.pattern.as_deref(), &path) => {
                    all.push(seen(path, meta));
                }
                Kind::Folder | Kind::File | Kind::Other => {}
            }
        }
        if all.len() + folders.len() > MOST {
            return Err(Fault::Refused(format!("more than {MOST} files")));
        }
    }
    all.sort_by(|a: &Seen, b| a.path.cmp(&b.path));
    Ok(all)
}

/// A name of an entry that can be in a position: one part of a path, and text.
fn is_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0', char::REPLACEMENT_CHARACTER])
}

fn seen(path: String, meta: Meta) -> Seen {
    Seen {
        path,
        size: meta.size,
        modified: meta.modified,
    }
}

/// What a file is, when no part of its path is a link.
async fn straight(session: &Session, server: &Server, path: &str) -> Result<Meta, Fault> {
    let mut at = String::new();
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        if !is_name(part) {
            return Err(Fault::Refused("no path below the folder".to_owned()));
        }
        at.push_str(part);
        let Some(meta) = session.meta(&server.of(&at)).await? else {
            return Err(Fault::Gone);
        };
        match (parts.peek().is_some(), meta.kind) {
            (true, Kind::Folder) => at.push('/'),
            (false, Kind::File) => return Ok(meta),
            _ => {
                return Err(Fault::Denied(format!(
                    "{at} is a link, or no regular file: it is not followed"
                )));
            }
        }
    }
    Err(Fault::Gone)
}

/// Makes the folders that a path is in, where they are not there; none of them is a link.
async fn make_room(session: &Session, server: &Server, path: &str) -> Result<(), Fault> {
    for (at, _) in path.match_indices('/') {
        let folder = server.of(&path[..at]);
        match session.meta(&folder).await? {
            Some(meta) if meta.kind == Kind::Folder => {}
            Some(_) => return Err(Fault::Denied(format!("{folder} is no folder"))),
            None => session.make(&folder).await?,
        }
    }
    Ok(())
}

/// Moves a file into one of our folders.
async fn put_away(
    session: &Session,
    server: &Server,
    taken: &Taken,
    into: &str,
) -> Result<(), Fault> {
    let path = &taken.seen.path;
    let from = server.of(path);
    if session.meta(&from).await?.is_none() {
        return Ok(());
    }
    let hashed = match path.rsplit_once('/') {
        Some((folder, name)) => format!("{into}/{folder}/{}-{name}", taken.hash),
        None => format!("{into}/{}-{path}", taken.hash),
    };
    let plain = format!("{into}/{path}");
    make_room(session, server, &plain).await?;
    for to in [plain, hashed] {
        let to = server.of(&to);
        match session.meta(&to).await? {
            None => return session.rename(&from, &to).await,
            // The same once more.
            Some(there) if is_same(session, &to, there, taken).await? => {
                return session.remove(&from).await;
            }
            Some(_) => {}
        }
    }
    Err(Fault::Denied(format!(
        "both names in {into}/ are taken by other content"
    )))
}

/// Whether what is there is what was taken, byte for byte.
async fn is_same(session: &Session, path: &str, there: Meta, taken: &Taken) -> Result<bool, Fault> {
    if there.kind != Kind::File || there.size != taken.seen.size {
        return Ok(false);
    }
    let copy = |e: std::io::Error| Fault::Refused(format!("cannot be compared: {e}"));
    let mut file = tempfile::tempfile().map_err(copy)?;
    session
        .bring(path, there, |piece| file.write_all(piece))
        .await?;
    Ok(hash(&file).map_err(copy)? == taken.hash)
}

impl Place for Sftp {
    fn list(&mut self) -> Result<Vec<Seen>, Trouble> {
        let what = format!("the folder {} cannot be read", self.server.folder);
        self.call(&what, walk)
    }

    fn open(&mut self, path: &str) -> Result<Opened, RowsTrouble> {
        let what = format!("{path} cannot be brought here");
        let brought = self.call(&what, async |session, server| {
            let copy = |e: std::io::Error| Fault::Refused(e.to_string());
            let mut file = tempfile::tempfile().map_err(copy)?;
            let meta = straight(session, server, path).await?;
            session
                .bring(&server.of(path), meta, |piece| file.write_all(piece))
                .await?;
            Ok((file, meta))
        });
        let (file, meta) = brought.map_err(RowsTrouble::Trouble)?;
        let seen = seen(path.to_owned(), meta);
        of_copy(file, seen, &self.table, self.raw.as_ref())
    }

    fn finish(&mut self, taken: &Taken, fate: Fate) -> Result<(), Trouble> {
        let goes = Goes::of(self.after, fate);
        let what = format!("{} was taken, and cannot be put away", taken.seen.path);
        self.call(&what, async |session, server| {
            match goes {
                Goes::Nowhere => return Ok(()),
                Goes::Into(folder) => put_away(session, server, taken, folder).await?,
                Goes::Away => session.remove(&server.of(&taken.seen.path)).await?,
            }
            if let Some(marker) = &taken.marker {
                session.remove(&server.of(marker)).await?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests;
