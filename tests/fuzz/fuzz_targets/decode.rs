//! Records: takes the two modules that it needs by path, and so builds in seconds.
#![no_main]
#![allow(dead_code, unused_imports)]

#[path = "../../../src/decode/mod.rs"]
mod decode;
#[path = "../../../src/model/mod.rs"]
mod model;

mod body {
    use crate::{decode, model};
    include!("../bodies/decode.rs");
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    body::Decoders::new().check(input);
});
