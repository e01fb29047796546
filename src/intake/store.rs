//! A folder or a bucket, by how it is written.

use std::sync::Arc;

use object_store::ObjectStore;
use standings_edge::store::{StateUrl, objects};
use tokio::runtime::Runtime;

/// A store of a folder, or of `s3://BUCKET/PREFIX`.
pub(crate) fn open(place: &str) -> Result<(Arc<dyn ObjectStore>, Arc<Runtime>), String> {
    let url = match place.starts_with("s3:") {
        true => place.parse().map_err(|e| format!("{e}"))?,
        false => StateUrl::File(place.strip_prefix("file:").unwrap_or(place).into()),
    };
    let store = objects(&url).map_err(|e| format!("{url}: {e}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|e| e.to_string())?;
    Ok((store, Arc::new(runtime)))
}
