//! Where snapshots lie: a folder, or a bucket.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use tokio::runtime::Runtime;
use xxhash_rust::xxh3::xxh3_64;

use super::objects::{ObjectError, Objects, StoreError};
use crate::model::clock::Clock;

/// `--state`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateUrl {
    /// A folder.
    File(PathBuf),
    /// A bucket and a prefix in it; credentials come from the environment, as AWS tools read it.
    S3 {
        /// Bucket.
        bucket: String,
        /// Prefix, without slashes at its ends.
        prefix: String,
    },
}

impl FromStr for StateUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err("file: needs a folder, such as file:/var/lib/standings".to_owned());
            }
            return Ok(StateUrl::File(path.into()));
        }
        if let Some(rest) = text
            .strip_prefix("s3://")
            .or_else(|| text.strip_prefix("s3:"))
        {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            if bucket.contains(['@', ':']) || prefix.contains('?') {
                return Err("credentials have no place in the URL; give them in the environment, as AWS tools read them".to_owned());
            }
            if bucket.is_empty() {
                return Err("s3: needs a bucket, such as s3://bucket/standings".to_owned());
            }
            return Ok(StateUrl::S3 {
                bucket: bucket.to_owned(),
                prefix: prefix.trim_matches('/').to_owned(),
            });
        }
        Err(format!(
            "`{}…` is no place for state; allowed are file:FOLDER and s3://BUCKET/PREFIX",
            crate::model::redact::scheme(text)
        ))
    }
}

impl fmt::Display for StateUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateUrl::File(path) => write!(f, "file:{}", path.display()),
            StateUrl::S3 { bucket, prefix } => write!(f, "s3://{bucket}/{prefix}"),
        }
    }
}

/// A store that is open; copies of it are the same store.
#[derive(Clone)]
pub struct Store {
    name: String,
    objects: Arc<dyn Objects>,
    clock: Clock,
}

/// Waits before a call is tried again: what fails in passing is not lost.
const AGAIN: [Duration; 3] = [
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_millis(1000),
];

impl Store {
    /// Opens it; a folder is made when missing.
    pub fn open(url: &StateUrl) -> Result<Self, String> {
        let objects = Bucket::open(url).map_err(|e| format!("--state {url}: {e}"))?;
        Ok(Store::of(
            url.to_string(),
            Arc::new(objects),
            Clock::default(),
        ))
    }

    /// These objects, under a name for logs; waits are by this clock.
    pub fn of(name: String, objects: Arc<dyn Objects>, clock: Clock) -> Self {
        Store {
            name,
            objects,
            clock,
        }
    }

    /// Where, for logs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Writes a new object; an error if there is one of that name, which then stays. Is not tried again: who writes knows
    /// what a lost answer means.
    pub fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        let put = self.objects.put(name, bytes);
        put.map_err(|e| StoreError::of(e, "writing", name))
    }

    /// Reads an object; tried again where that fails in passing.
    pub fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        self.patiently("reading", name, || self.objects.get(name))
    }

    /// The names below a folder, sorted; tried again where that fails in passing.
    pub fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        let mut names = self.patiently("listing", folder, || self.objects.list(folder))?;
        names.sort();
        Ok(names)
    }

    /// Removes an object; one that is not there is no error.
    pub fn remove(&self, name: &str) {
        if let Err(problem) = self.objects.remove(name) {
            tracing::debug!(event = "snapshot_not_removed", name, problem = %problem);
        }
    }

    fn patiently<R>(
        &self,
        doing: &'static str,
        name: &str,
        call: impl Fn() -> Result<R, ObjectError>,
    ) -> Result<R, StoreError> {
        let mut waits = AGAIN.iter();
        loop {
            match (call(), waits.next()) {
                (Err(ObjectError::Failed(problem)), Some(wait)) => {
                    tracing::debug!(event = "store_tried_again", doing, name, problem);
                    self.clock.sleep(*wait);
                }
                (done, _) => return done.map_err(|e| StoreError::of(e, doing, name)),
            }
        }
    }
}

/// A bucket as the environment says that it is reached.
pub(super) fn s3(bucket: &str) -> AmazonS3Builder {
    // Fails when it was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    AmazonS3Builder::from_env().with_bucket_name(bucket)
}

/// A folder or a bucket.
struct Bucket {
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

impl Bucket {
    fn open(url: &StateUrl) -> Result<Self, Box<dyn std::error::Error>> {
        let store: Arc<dyn ObjectStore> = match url {
            StateUrl::File(path) => {
                std::fs::create_dir_all(path)?;
                let local = LocalFileSystem::new_with_prefix(path)?;
                Arc::new(local.with_automatic_cleanup(false).with_fsync(true))
            }
            StateUrl::S3 { bucket, prefix } => {
                let s3 = s3(bucket).build()?;
                Arc::new(PrefixStore::new(s3, Path::from(prefix.as_str())))
            }
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(Bucket { store, runtime })
    }
}

impl Objects for Bucket {
    fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ObjectError> {
        let options = PutOptions::from(PutMode::Create);
        let path = Path::from(name);
        let put = self.store.put_opts(&path, bytes.into(), options);
        self.runtime.block_on(put).map(drop).map_err(object_error)
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, ObjectError> {
        let got = self.runtime.block_on(async {
            let found = self.store.get(&Path::from(name)).await?;
            found.bytes().await
        });
        got.map(|bytes| bytes.to_vec()).map_err(object_error)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, ObjectError> {
        let prefix = Path::from(folder);
        let listed = self.runtime.block_on(async {
            let all = self.store.list(Some(&prefix));
            all.map_ok(|meta| meta.location.to_string())
                .try_collect::<Vec<_>>()
                .await
        });
        listed.map_err(object_error)
    }

    fn remove(&self, name: &str) -> Result<(), ObjectError> {
        let removed = self.runtime.block_on(self.store.delete(&Path::from(name)));
        match removed.map_err(object_error) {
            Err(ObjectError::Missing) => Ok(()),
            done => done,
        }
    }
}

fn object_error(error: object_store::Error) -> ObjectError {
    match error {
        object_store::Error::AlreadyExists { .. } => ObjectError::Exists,
        object_store::Error::NotFound { .. } => ObjectError::Missing,
        other => ObjectError::Failed(other.to_string()),
    }
}

/// The checksum of a part or a manifest.
pub fn checksum(bytes: &[u8]) -> String {
    format!("{:016x}", xxh3_64(bytes))
}
