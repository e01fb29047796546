//! Schemas and records of Avro.
#![no_main]

#[path = "../bodies/avro.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    body::check(input);
});
