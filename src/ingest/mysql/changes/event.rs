//! The log of MariaDB, event by event: what the bytes behind an event's header say.
//!
//! ```text
//! GTID ──► (BEGIN) ──► TABLE_MAP ──► rows, rows … ──► XID or COMMIT          a transaction
//! GTID, alone ──► QUERY                                                    a statement that is none: TRUNCATE, ALTER …
//! ```
//!
//! 1. What is not known is passed over by its length, as the log means it; what is cut short is no event, and no panic.
//! 2. Names, signs and character sets of columns are in the log itself (`binlog_row_metadata = FULL`): nothing is asked of a catalog that is
//!    ahead of it.
//! 3. Compressed events (`log_bin_compress`) are the same ones, packed.

use super::bytes::{Bytes, unpacked};

/// An event, as it comes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Raw {
    /// Its kind.
    pub kind: u8,
    /// When it was written, s since 1970.
    pub at: u32,
    /// By which server.
    pub server: u32,
    /// Where it ends in its file; 0 of one that is in none.
    pub end: u32,
    /// What is behind its header.
    pub data: Vec<u8>,
}

/// A transaction's number, as MariaDB gives it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Gtid {
    /// Whose order it is of.
    pub domain: u32,
    /// The server that committed it first.
    pub server: u32,
    /// Its place in that order.
    pub sequence: u64,
}

impl std::fmt::Display for Gtid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.server, self.sequence)
    }
}

impl Gtid {
    /// `0-1-14`.
    pub fn parse(text: &str) -> Option<Gtid> {
        let mut parts = text.trim().split('-');
        let gtid = Gtid {
            domain: parts.next()?.parse().ok()?,
            server: parts.next()?.parse().ok()?,
            sequence: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(gtid)
    }
}

/// What an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The log goes on in another file.
    Rotate(String),
    /// A transaction begins, or a statement alone follows.
    Begin {
        /// Its number.
        gtid: Gtid,
        /// A statement that is no transaction, and that nothing ends but itself.
        is_alone: bool,
        /// It is prepared, and committed somewhere else in the log.
        is_prepared: bool,
    },
    /// A statement.
    Query {
        /// In which database.
        database: String,
        /// Its text.
        text: String,
    },
    /// How the rows of a table are written from here on.
    Map(Map),
    /// Rows of a table.
    Rows(Rows),
    /// The transaction is whole.
    Commit,
    /// The server says that its log may have a hole.
    Incident,
    /// The log is as long as was told.
    Alive,
    /// Nothing of interest.
    Aside,
}

/// A table in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Map {
    /// Its number, until the next map of it.
    pub id: u64,
    /// Its database.
    pub database: String,
    /// Its name.
    pub table: String,
    /// Its columns; without names where the server does not write them.
    pub columns: Vec<Column>,
}

/// A column in the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type's number.
    pub kind: u8,
    /// What that is limited to.
    pub meta: u16,
    /// A number without a sign.
    pub is_unsigned: bool,
    /// The number of its collation; none: it has no characters.
    pub collation: Option<u32>,
    /// The words of an ENUM or a SET, in the column's characters.
    pub words: Vec<Vec<u8>>,
}

/// What was done to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// They are new.
    Inserted,
    /// They were, and are.
    Updated,
    /// They are gone.
    Deleted,
}

/// Rows of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// What was done.
    pub done: Done,
    /// To which.
    pub table: u64,
    /// How many columns they have.
    pub columns: usize,
    /// Each row has all of them.
    pub is_full: bool,
    /// Their values.
    pub data: Vec<u8>,
}

/// What is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the log (type {kind}) {said}")]
pub struct NoEvent {
    /// Its kind.
    pub kind: u8,
    /// What is wrong.
    pub said: String,
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What an event says.
///
/// # Errors
/// It is cut short, or packed as nobody packs.
pub fn decode(raw: &Raw) -> Result<Message, NoEvent> {
    let mut bytes = Bytes(&raw.data);
    decoded(raw, &mut bytes).ok_or_else(|| NoEvent {
        kind: raw.kind,
        said: "is cut short, or is written as this version does not know".to_owned(),
    })
}

fn decoded(raw: &Raw, bytes: &mut Bytes<'_>) -> Option<Message> {
    Some(match raw.kind {
        4 => {
            bytes.take(8)?;
            Message::Rotate(text(bytes.0))
        }
        162 => {
            let (sequence, domain) = (bytes.number(8)?, bytes.number(4)?);
            let flags = bytes.number(1)?;
            Message::Begin {
                gtid: Gtid {
                    domain: domain.try_into().ok()?,
                    server: raw.server,
                    sequence,
                },
                is_alone: flags & 1 != 0,
                is_prepared: flags & 64 != 0,
            }
        }
        2 | 165 => {
            bytes.take(8)?;
            let database = bytes.small()?;
            bytes.take(2)?;
            let status = usize::try_from(bytes.number(2)?).ok()?;
            bytes.take(status)?;
            let database = text(bytes.take(database)?);
            bytes.take(1)?;
            let query = match raw.kind {
                2 => text(bytes.0),
                _ => text(&unpacked(bytes)?),
            };
            match query.as_str() {
                "COMMIT" => Message::Commit,
                "BEGIN" => Message::Aside,
                _ => Message::Query {
                    database,
                    text: query,
                },
            }
        }
        16 => Message::Commit,
        19 => Message::Map(map(bytes)?),
        23..=25 | 30..=32 | 166..=171 => Message::Rows(rows(raw.kind, bytes)?),
        26 => Message::Incident,
        27 => Message::Alive,
        _ => Message::Aside,
    })
}

fn rows(kind: u8, bytes: &mut Bytes<'_>) -> Option<Rows> {
    let (done, is_second, is_packed) = match kind {
        23 => (Done::Inserted, false, false),
        24 => (Done::Updated, false, false),
        25 => (Done::Deleted, false, false),
        30 => (Done::Inserted, true, false),
        31 => (Done::Updated, true, false),
        32 => (Done::Deleted, true, false),
        166 => (Done::Inserted, false, true),
        167 => (Done::Updated, false, true),
        168 => (Done::Deleted, false, true),
        169 => (Done::Inserted, true, true),
        170 => (Done::Updated, true, true),
        _ => (Done::Deleted, true, true),
    };
    let table = bytes.number(6)?;
    bytes.take(2)?;
    if is_second {
        let extra = usize::try_from(bytes.number(2)?).ok()?;
        bytes.take(extra.checked_sub(2)?)?;
    }
    let columns = bytes.packed()?;
    let mut is_full = true;
    let images = if done == Done::Updated { 2 } else { 1 };
    for _ in 0..images {
        let bitmap = bytes.take(columns.div_ceil(8))?;
        is_full &= (0..columns).all(|at| bitmap[at / 8] & 1 << (at % 8) != 0);
    }
    let data = match is_packed {
        true => unpacked(bytes)?,
        false => bytes.0.to_vec(),
    };
    Some(Rows {
        done,
        table,
        columns,
        is_full,
        data,
    })
}

/// The numbers of types.
pub(super) mod kinds {
    pub(in super::super) const TINY: u8 = 1;
    pub(in super::super) const SHORT: u8 = 2;
    pub(in super::super) const LONG: u8 = 3;
    pub(in super::super) const FLOAT: u8 = 4;
    pub(in super::super) const DOUBLE: u8 = 5;
    pub(in super::super) const LONGLONG: u8 = 8;
    pub(in super::super) const INT24: u8 = 9;
    pub(in super::super) const DATE: u8 = 10;
    pub(in super::super) const YEAR: u8 = 13;
    pub(in super::super) const VARCHAR: u8 = 15;
    pub(in super::super) const BIT: u8 = 16;
    pub(in super::super) const TIMESTAMP2: u8 = 17;
    pub(in super::super) const DATETIME2: u8 = 18;
    pub(in super::super) const TIME2: u8 = 19;
    pub(in super::super) const NEWDECIMAL: u8 = 246;
    pub(in super::super) const ENUM: u8 = 247;
    pub(in super::super) const SET: u8 = 248;
    pub(in super::super) const BLOB: u8 = 252;
    pub(in super::super) const VAR_STRING: u8 = 253;
    pub(in super::super) const STRING: u8 = 254;
    pub(in super::super) const GEOMETRY: u8 = 255;
}

fn map(bytes: &mut Bytes<'_>) -> Option<Map> {
    use kinds::*;
    let id = bytes.number(6)?;
    bytes.take(2)?;
    let length = bytes.small()?;
    let database = text(bytes.take(length)?);
    bytes.take(1)?;
    let length = bytes.small()?;
    let table = text(bytes.take(length)?);
    bytes.take(1)?;
    let many = bytes.packed()?;
    let kinds = bytes.take(many)?;
    let length = bytes.packed()?;
    let mut metas = Bytes(bytes.take(length)?);
    bytes.take(many.div_ceil(8))?;
    let mut columns = Vec::with_capacity(many);
    for kind in kinds {
        let (mut kind, mut meta) = (*kind, 0);
        match kind {
            FLOAT | DOUBLE | BLOB | GEOMETRY | TIMESTAMP2 | DATETIME2 | TIME2 => {
                meta = metas.number(1)?;
            }
            VARCHAR | VAR_STRING | BIT => meta = metas.number(2)?,
            NEWDECIMAL | STRING | ENUM | SET => meta = metas.big(2)?,
            // JSON of Oracle's: it is refused, by name.
            245 => meta = metas.number(1)?,
            _ => {}
        }
        if kind == STRING {
            // The type is in the upper half, and two bits of the length with it.
            let (upper, lower) = ((meta >> 8) as u8, meta & 0xff);
            match upper {
                ENUM | SET => (kind, meta) = (upper, lower),
                _ => meta = lower | (u64::from(!upper & 0x30) << 4),
            }
        }
        columns.push(Column {
            kind,
            meta: meta.try_into().ok()?,
            ..Column::default()
        });
    }
    described(bytes, &mut columns)?;
    Some(Map {
        id,
        database,
        table,
        columns,
    })
}

/// What is told of columns beside their types.
fn described(bytes: &mut Bytes<'_>, columns: &mut [Column]) -> Option<()> {
    use kinds::*;
    let of = |columns: &[Column], which: &[u8]| -> Vec<usize> {
        let found = columns
            .iter()
            .enumerate()
            .filter(|(_, c)| which.contains(&c.kind));
        found.map(|(at, _)| at).collect()
    };
    let numbers = of(
        columns,
        &[
            TINY, SHORT, LONG, LONGLONG, INT24, FLOAT, DOUBLE, NEWDECIMAL, YEAR,
        ],
    );
    let texts = of(columns, &[VARCHAR, VAR_STRING, STRING, BLOB]);
    let words = of(columns, &[ENUM, SET]);
    while !bytes.0.is_empty() {
        let field = bytes.small()?;
        let length = bytes.packed()?;
        let mut field_bytes = Bytes(bytes.take(length)?);
        let inner = &mut field_bytes;
        match field {
            1 => {
                for (n, at) in numbers.iter().enumerate() {
                    columns[*at].is_unsigned = inner.0.get(n / 8)? & 0x80 >> (n % 8) != 0;
                }
            }
            2 | 10 => {
                let those = if field == 2 { &texts } else { &words };
                let usual = u32::try_from(inner.packed()?).ok()?;
                for at in those {
                    columns[*at].collation = Some(usual);
                }
                while !inner.0.is_empty() {
                    let at = *those.get(inner.packed()?)?;
                    columns[at].collation = Some(u32::try_from(inner.packed()?).ok()?);
                }
            }
            3 | 11 => {
                for at in if field == 3 { &texts } else { &words } {
                    columns[*at].collation = Some(u32::try_from(inner.packed()?).ok()?);
                }
            }
            4 => {
                for column in columns.iter_mut() {
                    let length = inner.packed()?;
                    column.name = text(inner.take(length)?);
                }
            }
            5 | 6 => {
                let kind = if field == 5 { SET } else { ENUM };
                for at in of(columns, &[kind]) {
                    for _ in 0..inner.packed()? {
                        let length = inner.packed()?;
                        columns[at].words.push(inner.take(length)?.to_vec());
                    }
                }
            }
            _ => {}
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: u8, data: &[u8]) -> Raw {
        Raw {
            kind,
            server: 1,
            data: data.to_vec(),
            ..Raw::default()
        }
    }

    #[test]
    fn transactions() {
        let begin = decode(&of(162, &[14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 41])).unwrap();
        let gtid = Gtid::parse("0-1-14").unwrap();
        let want = Message::Begin {
            gtid,
            is_alone: true,
            is_prepared: false,
        };
        assert_eq!(begin, want);
        assert_eq!(gtid.to_string(), "0-1-14");
        assert_eq!(Gtid::parse("0-1"), None);
        assert_eq!(decode(&of(16, &[0; 8])), Ok(Message::Commit));
        assert_eq!(decode(&of(99, b"whatever")), Ok(Message::Aside));
    }

    /// Whatever comes, it is an event or it is none.
    #[test]
    fn what_is_cut_short_is_no_event() {
        let mut dice = 7u64;
        for kind in 0..=255u8 {
            for length in 0..200 {
                let data: Vec<u8> = (0..length)
                    .map(|_| {
                        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        (dice >> 60) as u8
                    })
                    .collect();
                let _ = decode(&of(kind, &data));
            }
        }
        assert!(decode(&of(19, &[1, 2, 3])).is_err());
    }
}
