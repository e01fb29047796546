//! Functions of texts. Characters are Unicode scalar values, as their lengths in `VARCHAR(n)` are.

mod shape;
mod slice;

pub use shape::*;
pub use slice::*;

/// The most bytes that a function makes of what it is given: what grows beyond costs the record, not the memory.
pub const MOST: usize = 16 << 20;
