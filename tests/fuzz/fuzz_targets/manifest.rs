//! A snapshot's manifest: as it is, where only the original may be taken, and with a checksum that is right.
#![no_main]

mod snapshot;

use snapshot::SNAPSHOT;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    SNAPSHOT.changed(&SNAPSHOT.manifest, input);
    SNAPSHOT.any_manifest(input);
});
