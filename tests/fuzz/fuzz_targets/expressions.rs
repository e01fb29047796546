//! Expressions over a row.
#![no_main]

#[path = "../bodies/expressions.rs"]
mod body;

use std::sync::LazyLock;

static EXPRESSIONS: LazyLock<body::Expressions> = LazyLock::new(body::Expressions::new);

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    EXPRESSIONS.check(input);
});
