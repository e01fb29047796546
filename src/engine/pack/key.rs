//! Group keys as bytes whose order is the keys' order: the last tie-break of every ranking is one `memcmp`.
//!
//! Text ends with 0x00 (text never holds U+0000) unless it is the last column; whole numbers and times are 8 bytes
//! big-endian with the sign bit turned, decimals 16. Group keys are never NULL.

use std::sync::Arc;

use standings_model::plan::Ranking;
use standings_model::schema::{ColumnType, Schema};
use standings_model::value::Value;

/// The columns of a key, in order.
#[derive(Clone, Debug)]
pub struct KeyCodec {
    kinds: Vec<ColumnType>,
}

impl KeyCodec {
    /// For a ranking's group keys.
    pub fn new(ranking: &Ranking, schema: &Schema) -> Self {
        KeyCodec {
            kinds: ranking
                .keys
                .iter()
                .map(|k| schema.columns[k.column].kind)
                .collect(),
        }
    }

    /// Whether the key is one text column, whose bytes are then the key itself.
    pub fn is_plain_text(&self) -> bool {
        matches!(self.kinds[..], [ColumnType::Text])
    }

    /// The key's values.
    pub fn decode(&self, bytes: &[u8]) -> Arc<[Value]> {
        self.split(bytes)
            .iter()
            .zip(&self.kinds)
            .map(|(part, kind)| decode_one(part, *kind))
            .collect()
    }

    /// The bytes of the columns `which` alone, as a key of their own (a partition of the ranking).
    pub fn project(&self, bytes: &[u8], which: &[usize], out: &mut Vec<u8>) {
        let parts = self.split(bytes);
        for i in which {
            out.extend_from_slice(parts[*i]);
            if self.kinds[*i] == ColumnType::Text {
                out.push(0);
            }
        }
    }

    fn split<'a>(&self, mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
        let mut parts = Vec::with_capacity(self.kinds.len());
        for (i, kind) in self.kinds.iter().enumerate() {
            let (part, skip) = match kind {
                ColumnType::Text if i + 1 == self.kinds.len() => (bytes.len(), 0),
                ColumnType::Text => (memchr::memchr(0, bytes).unwrap_or(bytes.len()), 1),
                ColumnType::BigInt | ColumnType::Timestamp => (8, 0),
                ColumnType::Decimal { .. } => (16, 0),
            };
            let part = part.min(bytes.len());
            parts.push(&bytes[..part]);
            bytes = &bytes[(part + skip).min(bytes.len())..];
        }
        parts
    }
}

fn decode_one(bytes: &[u8], kind: ColumnType) -> Value {
    let eight = |b: &[u8]| {
        let mut word = [0; 8];
        word.copy_from_slice(&b[..8]);
        (u64::from_be_bytes(word) ^ 1 << 63) as i64
    };
    match kind {
        ColumnType::Text => Value::text(String::from_utf8_lossy(bytes).into_owned()),
        ColumnType::BigInt => Value::Integer(i128::from(eight(bytes))),
        ColumnType::Timestamp => Value::Time(eight(bytes)),
        ColumnType::Decimal { .. } => {
            let mut word = [0; 16];
            word.copy_from_slice(&bytes[..16]);
            Value::Decimal((u128::from_be_bytes(word) ^ 1 << 127) as i128)
        }
    }
}

/// Appends a 64-bit number so that bytes order as numbers.
pub fn push_i64(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(&(n as u64 ^ 1 << 63).to_be_bytes());
}

/// Appends a 128-bit number so that bytes order as numbers.
pub fn push_i128(out: &mut Vec<u8>, n: i128) {
    out.extend_from_slice(&(n as u128 ^ 1 << 127).to_be_bytes());
}
