//! A bucket: an object is a file. It is brought here as a whole before it is read, so that what is read is one version of it,
//! and it is moved by a copy that writes over nothing, and a removal.

use std::io::Write;
use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{Error, GetOptions, ObjectStore, ObjectStoreExt};
use tokio::runtime::Runtime;

use super::rows::of_copy;
use super::{DONE, FAILED, Goes};
use crate::raw::Raw;
use crate::store;
use standings_edge::source::glob::fits_path;
use standings_ingest::config::After;
use standings_ingest::feed::Trouble;
use standings_ingest::files::{Fate, Opened, Place, RowsTrouble, Seen, Taken};
use standings_model::table::Table;

/// A bucket.
pub struct Bucket {
    store: Arc<dyn ObjectStore>,
    runtime: Arc<Runtime>,
    name: String,
    pattern: Option<String>,
    after: After,
    table: Table,
    raw: Option<Raw>,
}

impl Bucket {
    /// Nothing is asked yet. Credentials come from the environment, as AWS tools read them.
    ///
    /// # Errors
    /// What the environment says is not enough.
    pub fn new(
        bucket: &str,
        prefix: &str,
        pattern: Option<&str>,
        after: After,
        table: Table,
        raw: Option<Raw>,
    ) -> Result<Self, String> {
        let name = format!("s3://{bucket}/{prefix}");
        let (store, runtime) = store::open(&name)?;
        Ok(Bucket {
            store,
            runtime,
            name,
            pattern: pattern.map(str::to_owned),
            after,
            table,
            raw,
        })
    }

    fn trouble(&self, what: &str, error: &Error) -> Trouble {
        let why = format!("{} {what}: {error}", self.name);
        match error {
            Error::NotFound { .. }
            | Error::PermissionDenied { .. }
            | Error::Unauthenticated { .. } => Trouble::Broken(why),
            _ => Trouble::later(why),
        }
    }

    fn put_away(&self, taken: &Taken, into: &str) -> Result<(), Error> {
        let from = Path::from(taken.seen.path.as_str());
        let hashed = match taken.seen.path.rsplit_once('/') {
            Some((folder, name)) => format!("{into}/{folder}/{}-{name}", taken.hash),
            None => format!("{into}/{}-{}", taken.hash, taken.seen.path),
        };
        self.runtime.block_on(async {
            let plain = Path::from(format!("{into}/{}", taken.seen.path));
            let own = match self.store.head(&from).await {
                Err(Error::NotFound { .. }) => return Ok(()),
                found => found?,
            };
            // Not every bucket can copy without writing over: it is looked first, and only this source moves its files.
            let to = match self.store.head(&plain).await {
                Ok(there) if there.size == own.size && there.e_tag == own.e_tag => None,
                Ok(_) => Some(Path::from(hashed)),
                Err(Error::NotFound { .. }) => Some(plain),
                Err(e) => return Err(e),
            };
            if let Some(to) = to {
                self.store.copy(&from, &to).await?;
            }
            self.store.delete(&from).await
        })
    }
}

impl Place for Bucket {
    fn list(&mut self) -> Result<Vec<Seen>, Trouble> {
        let listed = self
            .runtime
            .block_on(async { self.store.list(None).try_collect::<Vec<_>>().await });
        let listed = listed.map_err(|e| self.trouble("cannot be listed", &e))?;
        let all = listed.into_iter().filter_map(|meta| {
            let path = meta.location.to_string();
            let name = path.rsplit('/').next().unwrap_or_default();
            let is_ours = [DONE, FAILED].iter().any(|ours| {
                path.strip_prefix(ours)
                    .is_some_and(|rest| rest.starts_with('/'))
            });
            let is_hidden = name.starts_with(['.', '_']);
            let is_wanted = self.pattern.as_deref().is_none_or(|p| fits_path(p, &path));
            (!is_ours && !is_hidden && is_wanted).then(|| Seen {
                size: meta.size,
                modified: meta.last_modified.timestamp_millis(),
                path: path.clone(),
            })
        });
        let mut all: Vec<Seen> = all.collect();
        all.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(all)
    }

    fn open(&mut self, path: &str) -> Result<Opened, RowsTrouble> {
        let failed =
            |e: &Error| RowsTrouble::Trouble(self.trouble(&format!("{path} cannot be read"), e));
        let io = |e: std::io::Error| {
            RowsTrouble::Trouble(Trouble::later(format!(
                "{path} cannot be brought here: {e}"
            )))
        };
        let mut file = tempfile::tempfile().map_err(io)?;
        let meta = self.runtime.block_on(async {
            let got = self
                .store
                .get_opts(&Path::from(path), GetOptions::default())
                .await;
            let got = got.map_err(|e| failed(&e))?;
            let meta = got.meta.clone();
            let mut pieces = got.into_stream();
            while let Some(piece) = pieces.next().await {
                file.write_all(&piece.map_err(|e| failed(&e))?)
                    .map_err(io)?;
            }
            Ok(meta)
        })?;
        let seen = Seen {
            path: path.to_owned(),
            size: meta.size,
            modified: meta.last_modified.timestamp_millis(),
        };
        of_copy(file, seen, &self.table, self.raw.as_ref())
    }

    fn finish(&mut self, taken: &Taken, fate: Fate) -> Result<(), Trouble> {
        let path = Path::from(taken.seen.path.as_str());
        let done = match Goes::of(self.after, fate) {
            Goes::Nowhere => return Ok(()),
            Goes::Into(folder) => self.put_away(taken, folder),
            Goes::Away => self.runtime.block_on(self.store.delete(&path)),
        };
        match done {
            Ok(()) | Err(Error::NotFound { .. }) => {}
            Err(e) => {
                return Err(self.trouble(&format!("{path} was taken, and cannot be put away"), &e));
            }
        }
        if let Some(marker) = &taken.marker {
            // One that is gone is as good.
            let _ = self
                .runtime
                .block_on(self.store.delete(&Path::from(marker.as_str())));
        }
        Ok(())
    }
}
