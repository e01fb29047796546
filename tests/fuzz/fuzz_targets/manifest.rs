//! A snapshot's manifest: as it is, where only the original may be taken, and with a checksum that is right.
#![no_main]
#![allow(dead_code)]

use std::path::Path;
use std::sync::LazyLock;

#[path = "../bodies/snapshots.rs"]
mod body;

static SNAPSHOT: LazyLock<body::Snapshot> =
    LazyLock::new(|| body::Snapshot::fixture(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")));

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    SNAPSHOT.changed(&SNAPSHOT.manifest, input);
    SNAPSHOT.any_manifest(input);
});
