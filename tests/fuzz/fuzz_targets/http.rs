//! What is sent to the HTTP server, which runs in this process over the shipped queries, with nothing committed.
#![no_main]

use std::sync::LazyLock;

#[path = "../bodies/http.rs"]
mod body;

static ADDRESS: LazyLock<String> = LazyLock::new(body::serve);

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    body::check(&ADDRESS, input);
});
