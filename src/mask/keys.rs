//! Keys, and what they make of a value.

use std::fmt;

use aes_siv::KeyInit;
use aes_siv::siv::Aes256Siv;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use standings_model::mask::{Mask, Method, REDACTED};

/// Bytes of a key of hashes.
pub(super) const OF_HASHES: usize = 32;
/// Bytes of a key of tokens: two of AES-256.
pub(super) const OF_TOKENS: usize = 64;
/// Letters of a key's id.
pub(super) const ID: usize = 8;

/// A line of the file.
struct Key {
    id: String,
    hashes: hmac::Key,
    tokens: [u8; OF_TOKENS],
}

/// The keys of a file: the first makes masks, all of them read tokens. Not shown by `Debug`.
pub struct Keys(Vec<Key>);

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

/// Why a text has no keys. What it says instead is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Nothing but comments.
    #[error("there is no key in it")]
    Empty,
    /// No key.
    #[error(
        "line {0} is no key (not shown): a key is an id of 8 hexadecimal digits, 64 of a key of hashes and 128 of a key of tokens, with \
         spaces between them; `standings mask-key FILE` makes one"
    )]
    Line(usize),
    /// Two keys of one id.
    #[error("line {0} has the id of another key: nobody could say which of them made a token")]
    Twice(usize),
}

/// Why a token is no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not `ID.…`.
    #[error("is no token: a token is the id of its key, a dot, and letters, digits, - and _")]
    Form,
    /// Of a key that is not in the file.
    #[error("was made with the key {0}, which is not in the file")]
    OtherKey(String),
    /// Not made by that key.
    #[error("was not made with the key that it names, or is not whole")]
    Forged,
}

impl Keys {
    /// Reads the text of a key file. Lines that begin with `#` are for people.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut all: Vec<Key> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = key(line).ok_or(KeyError::Line(number + 1))?;
            if all.iter().any(|known| known.id == key.id) {
                return Err(KeyError::Twice(number + 1));
            }
            all.push(key);
        }
        match all.is_empty() {
            true => Err(KeyError::Empty),
            false => Ok(Keys(all)),
        }
    }

    /// Their ids, that of the one that makes masks first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// The value of a token.
    ///
    /// # Errors
    /// It is none of these keys'.
    pub fn unmask(&self, token: &str) -> Result<Vec<u8>, TokenError> {
        let (id, rest) = token.split_once('.').ok_or(TokenError::Form)?;
        if !is_hex(id, ID) {
            return Err(TokenError::Form);
        }
        let bytes = URL_SAFE_NO_PAD.decode(rest).map_err(|_| TokenError::Form)?;
        let key = self.0.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| TokenError::OtherKey(id.to_owned()))?;
        let mut siv = Aes256Siv::new(&key.tokens.into());
        let opened = siv.decrypt(NO_HEADERS, &bytes);
        opened.map_err(|_| TokenError::Forged)
    }
}

/// Nothing is signed beside the value: equal values of different columns have equal tokens, and can be joined.
const NO_HEADERS: [&[u8]; 0] = [];

impl Mask for Keys {
    fn mask(&self, how: Method, value: &[u8], out: &mut Vec<u8>) {
        // There is one: `parse` gives none without.
        let Some(key) = self.0.first().filter(|_| how.needs_key()) else {
            return out.extend_from_slice(REDACTED.as_bytes());
        };
        if how == Method::Hash {
            let tag = hmac::sign(&key.hashes, value);
            return push_hex(tag.as_ref(), out);
        }
        let mut siv = Aes256Siv::new(&key.tokens.into());
        match siv.encrypt(NO_HEADERS, value) {
            Ok(sealed) => {
                out.extend_from_slice(key.id.as_bytes());
                out.push(b'.');
                out.extend_from_slice(URL_SAFE_NO_PAD.encode(sealed).as_bytes());
            }
            // A value of gigabytes alone fails, and no record is one: it does not show either.
            Err(_) => out.extend_from_slice(REDACTED.as_bytes()),
        }
    }
}

fn key(line: &str) -> Option<Key> {
    let mut words = line.split_ascii_whitespace();
    let (id, hashes, tokens) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !is_hex(id, ID) {
        return None;
    }
    let mut secret = [0; OF_HASHES];
    read_hex(hashes, &mut secret)?;
    let mut tokens_key = [0; OF_TOKENS];
    read_hex(tokens, &mut tokens_key)?;
    Some(Key {
        id: id.to_owned(),
        hashes: hmac::Key::new(hmac::HMAC_SHA256, &secret),
        tokens: tokens_key,
    })
}

fn is_hex(text: &str, length: usize) -> bool {
    let is_digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == length && text.bytes().all(is_digit)
}

fn read_hex(text: &str, into: &mut [u8]) -> Option<()> {
    let text = text.as_bytes();
    if text.len() != into.len() * 2 {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    for (byte, pair) in into.iter_mut().zip(text.chunks_exact(2)) {
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    Some(())
}

/// Appends bytes in hexadecimal.
pub(super) fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

#[cfg(test)]
mod tests;
