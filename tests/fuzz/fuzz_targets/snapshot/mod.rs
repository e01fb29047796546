//! The snapshot that the targets damage.
#![allow(dead_code)]

use std::path::Path;
use std::sync::LazyLock;

#[path = "../../bodies/snapshots.rs"]
mod body;

pub static SNAPSHOT: LazyLock<body::Snapshot> =
    LazyLock::new(|| body::Snapshot::fixture(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")));
