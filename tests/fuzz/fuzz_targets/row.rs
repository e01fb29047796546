//! A row of a snapshot's part, in a part whose checksum is right.
#![no_main]

mod snapshot;

use snapshot::SNAPSHOT;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    SNAPSHOT.any_row(input);
});
