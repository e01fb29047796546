//! A folder or a bucket as the store of snapshots.

use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use standings_engine::snapshot::{ObjectError, Objects};
use tokio::runtime::Runtime;

use super::error::OpenProblem;
use super::url::StateUrl;

/// A bucket as the environment says that it is reached.
pub(crate) fn s3(bucket: &str) -> AmazonS3Builder {
    // Fails when it was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    AmazonS3Builder::from_env().with_bucket_name(bucket)
}

/// The objects of a folder, which is made when missing, or of a bucket below a prefix. A bucket is not asked yet.
///
/// # Errors
/// The folder cannot be made; what the environment says of the bucket is not enough.
pub fn objects(url: &StateUrl) -> Result<Arc<dyn ObjectStore>, OpenProblem> {
    Ok(match url {
        StateUrl::File(path) => {
            std::fs::create_dir_all(path)?;
            let local = LocalFileSystem::new_with_prefix(path)?;
            Arc::new(local.with_automatic_cleanup(false).with_fsync(true))
        }
        StateUrl::S3 { bucket, prefix } => {
            let s3 = s3(bucket).build()?;
            Arc::new(PrefixStore::new(s3, Path::from(prefix.as_str())))
        }
    })
}

/// A folder or a bucket.
pub(super) struct Bucket {
    store: Arc<dyn ObjectStore>,
    runtime: Runtime,
}

impl Bucket {
    pub(super) fn open(url: &StateUrl) -> Result<Self, OpenProblem> {
        let store = objects(url)?;
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
