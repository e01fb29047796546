//! Messages of Protobuf, and descriptors of them.
#![no_main]

#[path = "../bodies/protobuf.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let mut messages = body::Messages::new();
    messages.check(input);
    messages.check_descriptors(input);
});
