//! A part of a snapshot, Parquet, under a checksum that is right.
#![no_main]
#![allow(dead_code)]

use std::path::Path;
use std::sync::LazyLock;

#[path = "../bodies/snapshots.rs"]
mod body;

static SNAPSHOT: LazyLock<body::Snapshot> =
    LazyLock::new(|| body::Snapshot::fixture(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")));

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = SNAPSHOT.any_part(input);
});
