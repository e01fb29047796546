//! Where snapshots lie: a folder, or a bucket.

mod bucket;
mod reachable;
mod url;

use std::sync::Arc;

use standings_engine::snapshot::Store;
use standings_model::clock::Clock;

pub use self::reachable::wait_for;
pub use self::url::StateUrl;

/// Opens a store; a folder is made when missing.
pub fn open(url: &StateUrl) -> Result<Store, String> {
    let objects = bucket::Bucket::open(url).map_err(|e| format!("--state {url}: {e}"))?;
    Ok(Store::of(
        url.to_string(),
        Arc::new(objects),
        Clock::default(),
    ))
}
