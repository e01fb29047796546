//! What sources of changes have in common, whichever database they are of: Debezium's envelope, keys, tombstones.

mod maker;
mod mapped;

pub(crate) use maker::{Change, From, Maker};
pub(crate) use mapped::mapped;
