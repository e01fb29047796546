//! A part of a snapshot, Parquet, under a checksum that is right.
#![no_main]

mod snapshot;

use snapshot::SNAPSHOT;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let _ = SNAPSHOT.any_part(input);
});
