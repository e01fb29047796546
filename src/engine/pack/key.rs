//! Group keys as bytes whose order is the keys' order: the last tie-break of every ranking is one `memcmp`.
//!
//! ```text
//! text, not NULL      bytes, and 0x00 behind them unless it is the last column (text never holds U+0000)
//! text, the last      bytes; where it may be NULL that is no byte, and the empty text is 0x00
//! other, may be NULL  0x00 for NULL, else 0x01 and then as if it may not
//! bytes               as text, with 0x00 inside as 0x00 0x01, and 0x00 0x00 behind them
//! decimals            16 bytes, big-endian, with the sign bit turned
//! a row's name        16 bytes, big-endian
//! all else            8 bytes, likewise
//! ```
//!
//! NULL is least. Behind the keys lie columns that nobody sees, which rows are placed by ([`Ranking::placed`]). Where one of several
//! rows of a key says what that is ([`Ranking::is_placed_by_speaker`]), they are not in the key: they are kept beside it, as the same
//! bytes, and behind the key they are as if they were.

use std::sync::Arc;

use super::hash::hash;
use standings_model::plan::Ranking;
use standings_model::row_id::RowId;
use standings_model::types::Type;
use standings_model::value::Value;

/// The columns of a key, in order.
#[derive(Clone, Debug)]
pub struct KeyCodec {
    columns: Vec<Column>,
    /// How many of them are keys.
    keys: usize,
}

#[derive(Clone, Debug)]
struct Column {
    kind: Type,
    form: Form,
    /// Whether a byte before the value says if it is NULL.
    marked: bool,
    nullable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Text with an end.
    Text,
    /// Text to the end of the key.
    Last,
    Bytes,
    Eight,
    Sixteen,
    /// A row's name.
    Id,
}

const NULL: u8 = 0;
const VALUE: u8 = 1;
/// The empty text of a last column that may be NULL.
const EMPTY: &[u8] = &[0];

impl KeyCodec {
    /// For a ranking's group keys.
    pub fn new(ranking: &Ranking) -> Self {
        let columns: Vec<usize> = ranking.key_columns().collect();
        let column = |(i, column): (usize, &usize)| {
            let of = &ranking.row[*column];
            let form = match &of.kind {
                _ if of.is_row_id => Form::Id,
                kind if kind.is_text() && i + 1 == columns.len() => Form::Last,
                kind if kind.is_text() => Form::Text,
                Type::Bytes => Form::Bytes,
                Type::Decimal { .. } => Form::Sixteen,
                _ => Form::Eight,
            };
            Column {
                kind: of.kind.clone(),
                form,
                marked: of.nullable && form != Form::Last,
                nullable: of.nullable,
            }
        };
        KeyCodec {
            columns: columns.iter().enumerate().map(column).collect(),
            keys: ranking.keys.len(),
        }
    }

    /// Whether the key is one text column, whose bytes are then the key itself; and whether it may be NULL, so that NULL is
    /// no byte and an empty text is [`KeyCodec::EMPTY`].
    pub fn plain_text(&self) -> Option<bool> {
        match &self.columns[..] {
            [only] if only.form == Form::Last && self.keys == 1 => Some(only.nullable),
            _ => None,
        }
    }

    /// The key of an empty text in a [plain](KeyCodec::plain_text) key that may be NULL.
    pub const EMPTY: &'static [u8] = EMPTY;

    /// Appends the value of a column that is kept as bytes.
    pub fn push_bytes(&self, out: &mut Vec<u8>, column: usize, value: Option<&[u8]>) {
        let of = &self.columns[column];
        if of.marked {
            out.push(if value.is_some() { VALUE } else { NULL });
            if value.is_none() {
                return;
            }
        }
        let bytes = value.unwrap_or_default();
        match of.form {
            Form::Last if of.nullable && value.is_some() && bytes.is_empty() => {
                out.extend_from_slice(EMPTY);
            }
            Form::Bytes => push_escaped(out, bytes),
            form => {
                out.extend_from_slice(bytes);
                if form == Form::Text {
                    out.push(0);
                }
            }
        }
    }

    /// Appends the value of a column that is kept as a number.
    pub fn push_number(&self, out: &mut Vec<u8>, column: usize, value: Option<i128>) {
        let of = &self.columns[column];
        if of.marked {
            out.push(if value.is_some() { VALUE } else { NULL });
            if value.is_none() {
                return;
            }
        }
        let n = value.unwrap_or_default();
        match of.form {
            Form::Sixteen => push_i128(out, n),
            Form::Id => out.extend_from_slice(&n.to_be_bytes()),
            // All other types have 64 bits at most.
            _ => push_i64(out, n as i64),
        }
    }

    /// Whether a column is kept as bytes.
    pub fn is_bytes(&self, column: usize) -> bool {
        let of = &self.columns[column];
        of.kind.is_bytes() && of.form != Form::Id
    }

    /// The column that is a row's name, if one is.
    pub fn row_id(&self) -> Option<usize> {
        self.columns.iter().position(|c| c.form == Form::Id)
    }

    /// The key's values, without what it is placed by.
    pub fn decode(&self, bytes: &[u8]) -> Arc<[Value]> {
        let columns = &self.columns[..self.keys];
        let parts = split(columns, bytes);
        let parts = parts.iter().zip(columns);
        parts.map(|(part, column)| column.decode(part)).collect()
    }

    /// The bytes of the columns `which` alone, as a key of their own (a partition of the ranking).
    pub fn project(&self, bytes: &[u8], which: &[usize], out: &mut Vec<u8>) {
        let parts = split(&self.columns, bytes);
        for i in which {
            out.extend_from_slice(parts[*i]);
            if matches!(self.columns[*i].form, Form::Text | Form::Last) {
                out.push(0);
            }
        }
    }

    /// The hash by which the owner of a session is found: of what sessions are by.
    pub fn owner(&self, bytes: &[u8], by: &[usize]) -> u64 {
        let mut key = Vec::new();
        self.project(bytes, by, &mut key);
        hash(&key)
    }
}

/// The columns' bytes, with their markers and without the end of a text.
fn split<'a>(columns: &[Column], mut bytes: &'a [u8]) -> Vec<&'a [u8]> {
    let mut parts = Vec::with_capacity(columns.len());
    for column in columns {
        let (part, skip) = column.length(bytes);
        let part = part.min(bytes.len());
        parts.push(&bytes[..part]);
        bytes = &bytes[(part + skip).min(bytes.len())..];
    }
    parts
}

impl Column {
    /// How many bytes are its own, and how many behind it are its end.
    fn length(&self, bytes: &[u8]) -> (usize, usize) {
        let before = usize::from(self.marked);
        if self.marked && bytes.first() == Some(&NULL) {
            return (1, 0);
        }
        let rest = bytes.get(before..).unwrap_or_default();
        match self.form {
            Form::Last => (bytes.len(), 0),
            Form::Text => (before + memchr::memchr(0, rest).unwrap_or(rest.len()), 1),
            Form::Bytes => (before + escaped_length(rest), 0),
            Form::Eight => (before + 8, 0),
            Form::Sixteen | Form::Id => (before + 16, 0),
        }
    }

    fn decode(&self, part: &[u8]) -> Value {
        let bytes = match self.marked {
            true => match part.split_first() {
                Some((&VALUE, rest)) => rest,
                _ => return Value::Null,
            },
            false => part,
        };
        match self.form {
            Form::Last if self.nullable && bytes.is_empty() => Value::Null,
            Form::Last if self.nullable && bytes == EMPTY => Value::of_bytes(&[], &self.kind),
            Form::Text | Form::Last => Value::of_bytes(bytes, &self.kind),
            Form::Bytes => Value::of_bytes(&unescaped(bytes), &self.kind),
            Form::Eight => {
                let mut word = [0; 8];
                word.copy_from_slice(&bytes[..8]);
                let n = (u64::from_be_bytes(word) ^ 1 << 63) as i64;
                Value::of_number(i128::from(n), &self.kind)
            }
            Form::Sixteen => {
                let mut word = [0; 16];
                word.copy_from_slice(&bytes[..16]);
                let n = (u128::from_be_bytes(word) ^ 1 << 127) as i128;
                Value::of_number(n, &self.kind)
            }
            Form::Id => {
                let mut word = [0; 16];
                word.copy_from_slice(&bytes[..16]);
                Value::text(RowId::of_number(i128::from_be_bytes(word)).to_string())
            }
        }
    }
}

/// Appends bytes that may hold 0x00 so that they end, and order as they do.
pub fn push_escaped(out: &mut Vec<u8>, bytes: &[u8]) {
    for byte in bytes {
        out.push(*byte);
        if *byte == 0 {
            out.push(1);
        }
    }
    out.extend_from_slice(&[0, 0]);
}

/// How long bytes are that [`push_escaped`] wrote, with their end.
fn escaped_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (0, Some(1)) => at += 2,
            (0, _) => return at + 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn unescaped(bytes: &[u8]) -> Vec<u8> {
    let bytes = bytes.strip_suffix(&[0, 0]).unwrap_or(bytes);
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        out.push(*byte);
        if *byte == 0 {
            rest.next();
        }
    }
    out
}

/// Appends a 64-bit number so that bytes order as numbers.
pub fn push_i64(out: &mut Vec<u8>, n: i64) {
    out.extend_from_slice(&(n as u64 ^ 1 << 63).to_be_bytes());
}

/// Appends a 128-bit number so that bytes order as numbers.
pub fn push_i128(out: &mut Vec<u8>, n: i128) {
    out.extend_from_slice(&(n as u128 ^ 1 << 127).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use standings_model::plan::{Key, Provisional, RankFunction, RowColumn};
    use standings_model::window::Window;

    /// Of these columns, of which the last `placed` are no keys.
    fn codec(columns: &[(Type, bool)], placed: usize) -> KeyCodec {
        let row = columns.iter().map(|(kind, nullable)| RowColumn {
            kind: kind.clone(),
            nullable: *nullable,
            meaning: String::new(),
            is_row_id: *kind == Type::Char(255),
        });
        let keys = columns.len() - placed;
        let keys = (0..keys).map(|column| Key {
            name: format!("k{column}"),
            column,
        });
        KeyCodec::new(&Ranking {
            name: "r".to_owned(),
            window: Window::tumbling(1000),
            keeps_windows: false,
            lets_go: false,
            waits: 0,
            is_hidden: false,
            inputs: Vec::new(),
            row: row.collect(),
            keys: keys.collect(),
            placed: (columns.len() - placed..columns.len()).collect(),
            partition: Vec::new(),
            is_rows: false,
            retracts: false,
            joined: None,
            paired: None,
            as_they_are: false,
            measures: Vec::new(),
            order: Vec::new(),
            computed: Vec::new(),
            having: None,
            from: 1,
            shows_rank: true,
            shown_if: None,
            provisional: Provisional::All,
            rank: Some(RankFunction::RowNumber),
            session_by: vec![],
            limit: 1,
            fields: Vec::new(),
        })
    }

    fn encode(codec: &KeyCodec, values: &[Value]) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, value) in values.iter().enumerate() {
            match codec.is_bytes(i) {
                true => codec.push_bytes(&mut out, i, value.bytes()),
                false => codec.push_number(&mut out, i, value.number()),
            }
        }
        out
    }

    fn types() -> impl Strategy<Value = (Type, bool)> {
        let kinds = vec![
            Type::STRING,
            Type::Bytes,
            Type::Boolean,
            Type::BIGINT,
            Type::decimal(38, 4),
            Type::Double,
            Type::Date,
            Type::Instant(3),
        ];
        (proptest::sample::select(kinds), any::<bool>())
    }

    fn value(kind: &Type, nullable: bool) -> BoxedStrategy<Value> {
        let text = proptest::collection::vec(
            proptest::sample::select(vec!["a", "b", "é", "\u{1}", "\u{10ffff}"]),
            0..4,
        );
        let some = match kind {
            Type::Text(_) => text.prop_map(|t| Value::text(t.concat())).boxed(),
            Type::Bytes => {
                proptest::collection::vec(proptest::sample::select(vec![0u8, 1, 2, 255]), 0..4)
                    .prop_map(|b| Value::Bytes(b.into()))
                    .boxed()
            }
            Type::Double => any::<f64>().prop_map(Value::double).boxed(),
            Type::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
            Type::Date => any::<i32>().prop_map(Value::Date).boxed(),
            Type::Decimal { .. } => any::<i64>()
                .prop_map(|n| Value::decimal(i128::from(n) * 1_000_000_007, 4))
                .boxed(),
            Type::Instant(_) => any::<i64>().prop_map(Value::Instant).boxed(),
            _ => any::<i64>().prop_map(|n| Value::Integer(n.into())).boxed(),
        };
        match nullable {
            true => prop_oneof![1 => Just(Value::Null), 3 => some].boxed(),
            false => some,
        }
    }

    proptest! {
        #[test]
        fn keys_come_back_and_order_as_their_values(
            (columns, a, b) in proptest::collection::vec(types(), 1..4).prop_flat_map(|columns| {
                let row = |columns: &[(Type, bool)]| -> Vec<BoxedStrategy<Value>> {
                    columns.iter().map(|(kind, nullable)| value(kind, *nullable)).collect()
                };
                let (a, b) = (row(&columns), row(&columns));
                (Just(columns), a, b)
            })
        ) {
            let codec = codec(&columns, 0);
            let (left, right) = (encode(&codec, &a), encode(&codec, &b));
            prop_assert_eq!(&codec.decode(&left)[..], &a[..]);
            prop_assert_eq!(left.cmp(&right), a.cmp(&b));
            // A part of a key names its partition.
            for i in 0..columns.len() {
                let part = |key: &[u8]| {
                    let mut out = Vec::new();
                    codec.project(key, &[i], &mut out);
                    out
                };
                prop_assert_eq!(part(&left) == part(&right), a[i] == b[i]);
            }
        }

        #[test]
        fn what_a_key_is_placed_by_is_not_seen_and_names_its_partition(
            (a, b, city, other) in (0u64..20, 0u64..20, "[ab]{0,2}", "[ab]{0,2}")
        ) {
            // A name of a row has a type of its own in these tests.
            let columns = [(Type::Char(255), false), (Type::STRING, true)];
            let codec = codec(&columns, 1);
            prop_assert_eq!((codec.plain_text(), codec.row_id(), codec.is_bytes(0)), (None, Some(0), false));
            let id = |offset| RowId { partition: 3, offset, row: 0 };
            let key = |offset, city: &str| {
                let mut out = Vec::new();
                codec.push_number(&mut out, 0, Some(id(offset).number()));
                codec.push_bytes(&mut out, 1, Some(city.as_bytes()));
                out
            };
            let (left, right) = (key(a, &city), key(b, &other));
            prop_assert_eq!(&codec.decode(&left)[..], &[Value::text(format!("3:{a}"))][..]);
            prop_assert_eq!(left.cmp(&right), (a, &city).cmp(&(b, &other)));
            let part = |key: &[u8]| {
                let mut out = Vec::new();
                codec.project(key, &[1], &mut out);
                out
            };
            prop_assert_eq!(part(&left) == part(&right), city == other);
        }
    }
}
