//! What is known of a record beside its value: metadata columns, and columns that a file's path tells.

use std::sync::Arc;

use standings_model::block::{Beside, Block, Clock, Header, Home, NO_EPOCH, NO_TIMESTAMP};
use standings_model::table::{Column, Metadata, Origin, Table};
use standings_model::value::Value;

use super::cell::Cell;
use super::columns::{Kind, kind};
use super::error::{self, DecodeError, shorten};
use super::made::Made;
use super::scalar::{Scalar, scalar};

/// What is a record's own.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// Its offset.
    pub offset: u64,
    /// Its timestamp, ms, or [`NO_TIMESTAMP`].
    pub timestamp: i64,
    /// Which clock that is of.
    pub clock: Clock,
    /// The leader epoch that it was written under, or [`NO_EPOCH`].
    pub leader_epoch: i32,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its headers.
    pub headers: Headers<'a>,
}

/// The headers of a record.
#[derive(Clone, Copy, Debug, Default)]
pub struct Headers<'a> {
    /// What their places are in.
    pub bytes: &'a [u8],
    /// Where each lies.
    pub list: &'a [Header],
}

impl<'a> About<'a> {
    /// What is known of the record with this number in a block.
    #[inline]
    pub fn of(block: &'a Block, number: usize) -> Self {
        let mut about = match block.beside.get(number) {
            Some(beside) => About::beside(block, beside),
            None => About::default(),
        };
        if let Some(record) = block.records.get(number) {
            about.offset = record.offset;
            if block.beside.is_empty() {
                about.timestamp = record.timestamp;
            }
        }
        about
    }

    fn beside(block: &'a Block, beside: &Beside) -> Self {
        let (first, end) = beside.headers;
        About {
            offset: 0,
            timestamp: beside.timestamp,
            clock: beside.clock,
            leader_epoch: beside.leader_epoch,
            key: beside.key.map(|at| block.slice(at)),
            headers: Headers {
                bytes: &block.bytes,
                list: &block.headers[first as usize..end as usize],
            },
        }
    }

    /// Whether its headers say that it is a CloudEvent whose value is the data alone (binary mode).
    pub(super) fn is_cloud_event(&self) -> bool {
        let mut all = self.headers.all();
        all.any(|(name, _)| name == b"ce_specversion")
    }
}

impl<'a> Headers<'a> {
    fn all(self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> {
        let slice = move |(start, end): (u32, u32)| &self.bytes[start as usize..end as usize];
        let list = self.list.iter();
        list.map(move |header| (slice(header.name), header.value.map(slice)))
    }

    /// As `MAP<STRING, BYTES>`: of several of one name the last.
    fn map(self) -> Value {
        let mut all: Vec<(Value, Value)> = Vec::new();
        for (name, value) in self.all() {
            let name = Value::text(String::from_utf8_lossy(name));
            let value = value.map_or(Value::Null, |bytes| Value::Bytes(Arc::from(bytes)));
            match all.iter_mut().find(|(known, _)| *known == name) {
                Some((_, last)) => *last = value,
                None => all.push((name, value)),
            }
        }
        Value::Map(all.into())
    }
}

impl Default for About<'_> {
    fn default() -> Self {
        About {
            offset: 0,
            timestamp: NO_TIMESTAMP,
            clock: Clock::None,
            leader_epoch: NO_EPOCH,
            key: None,
            headers: Headers::default(),
        }
    }
}

/// A column that is filled from them.
#[derive(Debug)]
struct Filled {
    number: usize,
    from: From,
    required: bool,
}

#[derive(Debug)]
enum From {
    Metadata(Metadata),
    /// The same for all records of the partition.
    Cell(Cell),
    Text(Arc<str>),
}

/// All columns that are.
#[derive(Debug, Default)]
pub(super) struct Known {
    filled: Vec<Filled>,
}

impl Known {
    /// The columns of a table, for records of one partition. What a path says of a column and the column does not take is an
    /// error of each of its records.
    pub(super) fn new(table: &Table, home: &Home) -> Result<Self, DecodeError> {
        let mut filled = Vec::new();
        for (number, column) in table.columns.iter().enumerate() {
            let from = match &column.origin {
                // The fold's.
                Origin::Metadata(Metadata::RowId) => continue,
                Origin::Metadata(of) => constant(*of, home).unwrap_or(From::Metadata(*of)),
                Origin::Path => part(column, home)?,
                _ => continue,
            };
            let required = !column.nullable || table.event_time == Some(number);
            filled.push(Filled {
                number,
                from,
                required,
            });
        }
        Ok(Known { filled })
    }

    pub(super) fn fill(
        &self,
        about: &About<'_>,
        columns: &[Column],
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        for filled in &self.filled {
            let cell = match &filled.from {
                From::Cell(cell) => *cell,
                From::Text(text) => made.bytes(text.as_bytes()),
                From::Metadata(Metadata::Offset) => {
                    Cell::Int(i64::try_from(about.offset).unwrap_or(i64::MAX))
                }
                From::Metadata(Metadata::Timestamp) if about.timestamp != NO_TIMESTAMP => {
                    Cell::Int(about.timestamp.saturating_mul(1000))
                }
                From::Metadata(Metadata::Key) => match about.key {
                    Some(key) => made.bytes(key),
                    None => Cell::Null,
                },
                From::Metadata(Metadata::TimestampType) => made.bytes(match about.clock {
                    Clock::None => b"NoTimestampType",
                    Clock::Create => b"CreateTime",
                    Clock::Append => b"LogAppendTime",
                }),
                From::Metadata(Metadata::LeaderEpoch) if about.leader_epoch != NO_EPOCH => {
                    Cell::Int(i64::from(about.leader_epoch))
                }
                From::Metadata(Metadata::Headers) => made.value(about.headers.map()),
                From::Metadata(_) => Cell::Null,
            };
            if cell == Cell::Null && filled.required {
                let name = &columns[filled.number].name;
                let detail = format!("column {:?}: the record has none", shorten(name));
                return Err(DecodeError::new(error::MISSING_FIELD, detail));
            }
            cells[filled.number] = cell;
        }
        Ok(())
    }
}

fn constant(of: Metadata, home: &Home) -> Option<From> {
    let text = |text: &Option<Arc<str>>| match text {
        Some(text) => From::Text(Arc::clone(text)),
        None => From::Cell(Cell::Null),
    };
    let file = home.file.as_deref();
    let text_of = |text: Option<&str>| text.map(Arc::from);
    Some(match of {
        Metadata::Partition => From::Cell(Cell::Int(i64::from(home.partition))),
        Metadata::Topic => text(&home.topic),
        Metadata::FileName => text(&text_of(file.map(|f| &*f.name))),
        Metadata::FilePath => text(&text_of(file.map(|f| &*f.path))),
        Metadata::FileSize => From::Cell(match file {
            Some(file) => Cell::Int(i64::try_from(file.size).unwrap_or(i64::MAX)),
            None => Cell::Null,
        }),
        Metadata::FileModified => From::Cell(match file {
            Some(file) => Cell::Int(file.modified.saturating_mul(1000)),
            None => Cell::Null,
        }),
        Metadata::Offset
        | Metadata::Timestamp
        | Metadata::TimestampType
        | Metadata::LeaderEpoch
        | Metadata::Headers
        | Metadata::Key
        | Metadata::RowId => return None,
    })
}

/// What the path says of a column.
fn part(column: &Column, home: &Home) -> Result<From, DecodeError> {
    let parts = home.file.as_ref().map_or(&[][..], |file| &file.parts);
    let found = parts.iter().find(|(name, _)| *name == column.name);
    let Some((_, Some(text))) = found else {
        return Ok(From::Cell(Cell::Null));
    };
    let json = serde_json::to_string(text).unwrap_or_default();
    let of = kind(&column.kind, false, &Default::default());
    let raw = match of {
        Kind::Boolean | Kind::Integer { .. } | Kind::Double { .. } => text,
        _ => &json,
    };
    let wrong = |reason, expected: &str| {
        let name = format!("{} of the file's path", column.name);
        DecodeError::field(reason, &name, text, expected)
    };
    match scalar(of, raw, &Default::default()) {
        Ok(Scalar::Text(text)) => Ok(From::Text(Arc::from(&*text))),
        Ok(Scalar::Int(n)) => Ok(From::Cell(Cell::Int(n))),
        Ok(Scalar::Decimal(n)) => Ok(From::Cell(Cell::Decimal(n))),
        Ok(Scalar::Double(n)) => Ok(From::Cell(Cell::Double(n))),
        Ok(Scalar::Null | Scalar::Bytes(_)) => {
            Err(wrong(error::WRONG_TYPE, "a type that a path can tell"))
        }
        Err(no) => Err(wrong(no.reason, &no.expected)),
    }
}
