//! Where snapshots lie: a folder, or a bucket.

mod bucket;
mod error;
mod reachable;
mod url;

use std::sync::Arc;

use standings_engine::snapshot::Store;
use standings_model::clock::Clock;

pub use self::bucket::objects;
pub(crate) use self::bucket::s3;
pub use self::error::{OpenError, OpenProblem};
pub use self::reachable::wait_for;
pub(crate) use self::reachable::{passes, words};
pub use self::url::{StateUrl, StateUrlError};

/// Opens a store; a folder is made when missing.
pub fn open(url: &StateUrl) -> Result<Store, OpenError> {
    let objects = bucket::Bucket::open(url).map_err(OpenError::of(url))?;
    Ok(Store::of(
        url.to_string(),
        Arc::new(objects),
        Clock::default(),
    ))
}
