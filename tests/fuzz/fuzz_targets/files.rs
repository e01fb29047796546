//! Files of any kind and compression, as the source reads them.
#![no_main]

use std::sync::LazyLock;

#[path = "../bodies/files.rs"]
mod body;

static FILES: LazyLock<body::Files> = LazyLock::new(body::Files::new);

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    FILES.check(input);
});
