//! A folder or a bucket, by how it is written.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use tokio::runtime::Runtime;

/// A store of a folder, or of `s3://BUCKET/PREFIX`.
pub(crate) fn open(place: &str) -> Result<(Arc<dyn ObjectStore>, Arc<Runtime>), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = Arc::new(runtime.map_err(|e| e.to_string())?);
    let Some(rest) = place.strip_prefix("s3://") else {
        std::fs::create_dir_all(place).map_err(|e| format!("{place}: {e}"))?;
        let local = LocalFileSystem::new_with_prefix(place).map_err(|e| format!("{place}: {e}"))?;
        return Ok((Arc::new(local), runtime));
    };
    // Fails when it was installed before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let s3 = AmazonS3Builder::from_env().with_bucket_name(bucket).build();
    let s3 = s3.map_err(|e| format!("s3://{bucket}: {e}"))?;
    Ok((Arc::new(PrefixStore::new(s3, Path::from(prefix))), runtime))
}
