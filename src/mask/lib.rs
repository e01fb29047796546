//! Masks of values, by the keys of a file: what `hash` and `tokenize` come to, and tokens back to values.
//!
//! ```text
//! mask-key FILE ──► lines: id, key of hashes, key of tokens ──► Keys ──┬─► hash      HMAC-SHA-256, hexadecimal
//!                   the first makes, all of them read                  ├─► tokenize  ID.base64url(AES-SIV)
//!                                                                      └─► unmask    by the id in front
//! ```
//!
//! 1. Equal values have equal masks under one key: rankings by a masked column are those by the column.
//! 2. A hash and a token are made with different keys: what one shows says nothing of the other.
//! 3. A key file that others can read is refused, and no key is ever shown.
//!
//! # Where to begin
//!
//! - [`Keys`]: what masks. [`file::read`] and [`file::make`]: the file.
//!
//! # Example
//!
//! ```
//! use standings_mask::Keys;
//! use standings_model::mask::{Mask, Method};
//!
//! let keys = Keys::parse("0a0b0c0d 11223344556677889900aabbccddeeff00112233445566778899aabbccddeeff \
//!     000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\
//!     202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f").unwrap();
//! let (mut one, mut two) = (Vec::new(), Vec::new());
//! keys.mask(Method::Tokenize, b"ana@example.com", &mut one);
//! keys.mask(Method::Tokenize, b"ana@example.com", &mut two);
//! assert_eq!(one, two);
//! let token = String::from_utf8(one).unwrap();
//! assert!(token.starts_with("0a0b0c0d."));
//! assert_eq!(keys.unmask(&token).unwrap(), b"ana@example.com");
//! ```
//!
//! # What it must never do
//!
//! Log; or say what was masked, or by which key, in an error.
#![cfg_attr(not(test), deny(clippy::unwrap_used))]

pub mod file;
mod keys;

pub use keys::{KeyError, Keys, TokenError};
