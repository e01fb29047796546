//! Records.
#![no_main]

#[path = "../bodies/decode.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    body::Decoders::new().check(input);
});
