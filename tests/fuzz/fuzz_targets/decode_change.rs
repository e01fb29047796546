//! Records that say what became of rows.
#![no_main]

#[path = "../bodies/change.rs"]
mod body;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    body::Changes::new().check(input);
});
