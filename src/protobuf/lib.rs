//! Protobuf: descriptors to messages, and what of a message a table reads.
//!
//! ```text
//! FileDescriptorSet ── descriptors ──┐
//! .proto text ── written ────────────┴─► Schema ─┐
//!                                                ├─ fit ──► Reader: which field fills which column, and how
//!                                Table's columns ┘
//! record ── wire ──► fields as they lie there
//! ```
//!
//! What the queries' check refuses and what the decoder reads is by one list ([`fit()`]). The records themselves are
//! decoded elsewhere.
//!
//! # Where to begin
//!
//! - [`schema`]: the bytes of a compiled descriptor file as messages. [`fit()`]: a message and a table.
//! - [`Wire`]: the fields of a message, one by one.
//!
//! # What it must never do
//!
//! Take a field for a column that would hold another value than the field.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

mod declared;
mod descriptors;
mod fit;
mod reader;
mod take;
mod wire;
mod written;

pub use declared::declared;
pub use descriptors::{DescriptorError, of_set, schema};
pub use fit::{Problem, fit};
pub use reader::{Absent, Filled, Fills, Reader, Take};
pub use wire::{Broken, Raw, Wire};
pub use written::{Written, WrittenError};
