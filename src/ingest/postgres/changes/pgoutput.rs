//! What the log says, by the messages of Postgres' own output plugin (`pgoutput`, protocol 1), read by their definition in Postgres'
//! documentation ("Logical Replication Message Formats").
//!
//! 1. A value is its text, as the server writes it; one that is kept apart and was not changed is not there ([`Datum::Unchanged`]).
//! 2. Bytes that end early, or go on behind their end, are refused: nothing is guessed of the log.

/// A value of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// NULL.
    Null,
    /// Kept apart (TOAST), and the same as before.
    Unchanged,
    /// As the server writes it.
    Text(String),
}

impl Datum {
    /// What it takes, about.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Datum::Text(text) => text.len(),
            Datum::Null | Datum::Unchanged => 0,
        }
    }
}

/// A row's values, in the order of the columns.
pub type Tuple = Vec<Datum>;

/// A column, as the log describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The number of its type.
    pub kind: u32,
    /// What its type is limited to; -1 where to nothing.
    pub modifier: i32,
}

/// A table, as the log describes it before the first change of it, and again when it has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its number.
    pub id: u32,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Rows as they were are in the log whole.
    pub is_full: bool,
    /// Its columns.
    pub columns: Vec<Column>,
}

/// What the log says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A transaction: where it is committed, when (µs since 1970), and its number.
    Begin {
        /// The place of its commit.
        lsn: u64,
        /// When.
        at: i64,
        /// Its number.
        xid: u32,
    },
    /// Its end.
    Commit {
        /// Behind all of it.
        end: u64,
    },
    /// How a table is.
    Relation(Relation),
    /// A row that is new.
    Insert {
        /// Of which table.
        of: u32,
        /// The row.
        new: Tuple,
    },
    /// A row that is another.
    Update {
        /// Of which table.
        of: u32,
        /// As it was; none where the log has not all of it.
        old: Option<Tuple>,
        /// As it is.
        new: Tuple,
    },
    /// A row that is gone.
    Delete {
        /// Of which table.
        of: u32,
        /// As it was; none where the log has not all of it.
        old: Option<Tuple>,
    },
    /// Tables that are emptied.
    Truncate {
        /// Which.
        of: Vec<u32>,
    },
    /// What says nothing of rows: a type, an origin.
    Aside,
}

/// Bytes that are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log holds a message that is none (`{letter}`, {bytes} bytes)")]
pub struct Malformed {
    letter: char,
    bytes: usize,
}

/// Postgres counts from 2000-01-01.
const EPOCH: i64 = 946_684_800_000_000;

/// Reads a message.
///
/// # Errors
/// It is none.
pub fn decode(bytes: &[u8]) -> Result<Message, Malformed> {
    let mut from = Bytes(bytes);
    let message = message(&mut from).filter(|_| from.0.is_empty());
    message.ok_or_else(|| Malformed {
        letter: bytes.first().copied().map_or(' ', char::from),
        bytes: bytes.len(),
    })
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|b| b[0])
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.take(8)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<String> {
        let end = self.0.iter().position(|b| *b == 0)?;
        let text = std::str::from_utf8(self.take(end)?).ok()?.to_owned();
        self.take(1)?;
        Some(text)
    }

    /// A moment, µs since 1970.
    fn moment(&mut self) -> Option<i64> {
        i64::try_from(self.u64()?).ok()?.checked_add(EPOCH)
    }

    fn tuple(&mut self) -> Option<Tuple> {
        let columns = self.u16()?;
        (0..columns).map(|_| self.datum()).collect()
    }

    fn datum(&mut self) -> Option<Datum> {
        match self.u8()? {
            b'n' => Some(Datum::Null),
            b'u' => Some(Datum::Unchanged),
            b't' => {
                let length = self.u32()?;
                let text = self.take(usize::try_from(length).ok()?)?;
                Some(Datum::Text(std::str::from_utf8(text).ok()?.to_owned()))
            }
            _ => None,
        }
    }

    /// A row as it was: whole after `O`; after `K` its key alone, which is not a row.
    fn old(&mut self, letter: u8) -> Option<Option<Tuple>> {
        let tuple = self.tuple()?;
        match letter {
            b'O' => Some(Some(tuple)),
            b'K' => Some(None),
            _ => None,
        }
    }
}

fn message(from: &mut Bytes<'_>) -> Option<Message> {
    Some(match from.u8()? {
        b'B' => Message::Begin {
            lsn: from.u64()?,
            at: from.moment()?,
            xid: from.u32()?,
        },
        b'C' => {
            from.u8()?;
            from.u64()?;
            let end = from.u64()?;
            from.moment()?;
            Message::Commit { end }
        }
        b'R' => Message::Relation(relation(from)?),
        b'I' => {
            let of = from.u32()?;
            (from.u8()? == b'N').then_some(())?;
            Message::Insert {
                of,
                new: from.tuple()?,
            }
        }
        b'U' => {
            let of = from.u32()?;
            let (old, letter) = match from.u8()? {
                b'N' => (None, b'N'),
                letter => (from.old(letter)?, from.u8()?),
            };
            (letter == b'N').then_some(())?;
            let new = from.tuple()?;
            Message::Update { of, old, new }
        }
        b'D' => {
            let of = from.u32()?;
            let letter = from.u8()?;
            Message::Delete {
                of,
                old: from.old(letter)?,
            }
        }
        b'T' => {
            let tables = from.u32()?;
            from.u8()?;
            let of: Option<Vec<u32>> = (0..tables).map(|_| from.u32()).collect();
            Message::Truncate { of: of? }
        }
        // A type, an origin, a message of somebody: nothing of them is of a row.
        b'Y' | b'O' | b'M' => {
            from.0 = &[];
            Message::Aside
        }
        _ => return None,
    })
}

fn relation(from: &mut Bytes<'_>) -> Option<Relation> {
    let id = from.u32()?;
    let (schema, name) = (from.text()?, from.text()?);
    let is_full = from.u8()? == b'f';
    let columns = from.u16()?;
    let column = |_| {
        from.u8()?;
        Some(Column {
            name: from.text()?,
            kind: from.u32()?,
            modifier: i32::from_be_bytes(from.take(4)?.try_into().ok()?),
        })
    };
    let columns: Option<Vec<Column>> = (0..columns).map(column).collect();
    Some(Relation {
        id,
        // Of the catalog itself nothing is written.
        schema: match schema.is_empty() {
            true => "pg_catalog".to_owned(),
            false => schema,
        },
        name,
        is_full,
        columns: columns?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(parts: &[&[u8]]) -> Vec<u8> {
        parts.concat()
    }

    fn all() -> Vec<(Vec<u8>, Message)> {
        let row = bytes(&[b"\0\x03t\0\0\0\x02ab", b"n", b"u"]);
        let tuple = vec![Datum::Text("ab".to_owned()), Datum::Null, Datum::Unchanged];
        let of = [0, 0, 1, 0];
        vec![
            (
                bytes(&[
                    b"B",
                    &7u64.to_be_bytes(),
                    &1_000_000u64.to_be_bytes(),
                    &9u32.to_be_bytes(),
                ]),
                Message::Begin {
                    lsn: 7,
                    at: EPOCH + 1_000_000,
                    xid: 9,
                },
            ),
            (
                bytes(&[
                    b"C\0",
                    &7u64.to_be_bytes(),
                    &8u64.to_be_bytes(),
                    &0u64.to_be_bytes(),
                ]),
                Message::Commit { end: 8 },
            ),
            (
                bytes(&[
                    b"R",
                    &of,
                    b"public\0sales\0f\0\x01\x01id\0\0\0\0\x14\xff\xff\xff\xff",
                ]),
                Message::Relation(Relation {
                    id: 256,
                    schema: "public".to_owned(),
                    name: "sales".to_owned(),
                    is_full: true,
                    columns: vec![Column {
                        name: "id".to_owned(),
                        kind: 20,
                        modifier: -1,
                    }],
                }),
            ),
            (
                bytes(&[b"I", &of, b"N", &row]),
                Message::Insert {
                    of: 256,
                    new: tuple.clone(),
                },
            ),
            (
                bytes(&[b"U", &of, b"O", &row, b"N", &row]),
                Message::Update {
                    of: 256,
                    old: Some(tuple.clone()),
                    new: tuple.clone(),
                },
            ),
            (
                bytes(&[b"U", &of, b"N", &row]),
                Message::Update {
                    of: 256,
                    old: None,
                    new: tuple.clone(),
                },
            ),
            (
                bytes(&[b"D", &of, b"K", &row]),
                Message::Delete { of: 256, old: None },
            ),
            (
                bytes(&[b"D", &of, b"O", &row]),
                Message::Delete {
                    of: 256,
                    old: Some(tuple),
                },
            ),
            (
                bytes(&[b"T\0\0\0\x02\0", &of, &[0, 0, 0, 5]]),
                Message::Truncate { of: vec![256, 5] },
            ),
        ]
    }

    #[test]
    fn messages() {
        for (bytes, want) in all() {
            assert_eq!(decode(&bytes), Ok(want));
        }
        assert_eq!(decode(b"Y\0\0\0\x01pub\0mood\0"), Ok(Message::Aside));
    }

    #[test]
    fn what_ends_early_or_goes_on_is_refused() {
        for (bytes, _) in all() {
            for cut in 0..bytes.len() {
                assert!(decode(&bytes[..cut]).is_err(), "{bytes:?} up to {cut}");
            }
            assert!(decode(&[&bytes[..], &[0]].concat()).is_err(), "{bytes:?}");
        }
        assert!(decode(b"?").is_err());
        assert!(decode(b"I\0\0\x01\0N\0\x01t\xff\xff\xff\xffab").is_err());
        assert!(decode(b"I\0\0\x01\0N\0\x01t\0\0\0\x01\xff").is_err());
    }
}
