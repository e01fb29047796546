//! Numbers: exact ones of any scale up to 38 digits, doubles, and both as text.

pub mod double;
pub mod exact;
pub mod parse;
mod wide;
