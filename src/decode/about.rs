//! What is known of a record beside its value: metadata columns, and columns that a file's path tells.

use std::sync::Arc;

use standings_model::block::{
    Beside, Block, Clock, Header, Home, NO_EPOCH, NO_TIMESTAMP, RecordRef,
};
use standings_model::table::{Column, Metadata, Origin, Table};
use standings_model::value::Value;

use super::cell::Cell;
use super::columns::{Kind, kind};
use super::error::{self, DecodeError, shorten};
use super::made::Made;
use super::scalar::{Scalar, scalar};

/// What is a record's own: it is looked for only where a table asks.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// The block that it lies in, and its number there.
    of: Option<(&'a Block, usize)>,
}

/// The headers of a record.
#[derive(Clone, Copy, Debug, Default)]
struct Headers<'a> {
    /// What their places are in.
    bytes: &'a [u8],
    /// Where each lies.
    list: &'a [Header],
}

impl<'a> About<'a> {
    /// What is known of the record with this number in a block.
    #[inline]
    pub fn of(block: &'a Block, number: usize) -> Self {
        About {
            of: Some((block, number)),
        }
    }

    fn record(self) -> Option<&'a RecordRef> {
        self.of
            .and_then(|(block, number)| block.records.get(number))
    }

    fn beside(self) -> Option<&'a Beside> {
        self.of.and_then(|(block, number)| block.beside.get(number))
    }

    fn offset(self) -> u64 {
        self.record().map_or(0, |record| record.offset)
    }

    /// Its timestamp, ms: as it was written where that is known.
    fn timestamp(self) -> Option<i64> {
        let beside = self.beside().map(|beside| beside.timestamp);
        let found = beside.or_else(|| self.record().map(|record| record.timestamp));
        found.filter(|timestamp| *timestamp != NO_TIMESTAMP)
    }

    /// Which clock that is of.
    fn clock(self) -> Clock {
        self.beside().map_or(Clock::None, |beside| beside.clock)
    }

    /// The leader epoch that it was written under.
    fn leader_epoch(self) -> Option<i32> {
        let beside = self.beside().map(|beside| beside.leader_epoch);
        beside.filter(|epoch| *epoch != NO_EPOCH)
    }

    pub(super) fn key(self) -> Option<&'a [u8]> {
        let (block, number) = self.of?;
        block
            .beside
            .get(number)?
            .key
            .map(|place| block.slice(place))
    }

    fn headers(self) -> Headers<'a> {
        let (Some((block, _)), Some(beside)) = (self.of, self.beside()) else {
            return Headers::default();
        };
        let (first, end) = beside.headers;
        Headers {
            bytes: &block.bytes,
            list: &block.headers[first as usize..end as usize],
        }
    }

    /// Whether its headers say that it is a CloudEvent whose value is the data alone (binary mode).
    pub(super) fn is_cloud_event(self) -> bool {
        let mut all = self.headers().all();
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
                // What reads the envelope fills it.
                Origin::Metadata(Metadata::Told(_)) => continue,
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

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.filled.is_empty()
    }

    pub(super) fn fill(
        &self,
        about: About<'_>,
        columns: &[Column],
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        for filled in &self.filled {
            let cell = match &filled.from {
                From::Cell(cell) => *cell,
                From::Text(text) => made.bytes(text.as_bytes()),
                From::Metadata(Metadata::Offset) => {
                    Cell::Int(i64::try_from(about.offset()).unwrap_or(i64::MAX))
                }
                From::Metadata(Metadata::Timestamp) => match about.timestamp() {
                    Some(ms) => Cell::Int(ms.saturating_mul(1000)),
                    None => Cell::Null,
                },
                From::Metadata(Metadata::Key) => match about.key() {
                    Some(key) => made.bytes(key),
                    None => Cell::Null,
                },
                From::Metadata(Metadata::TimestampType) => made.bytes(match about.clock() {
                    Clock::None => b"NoTimestampType",
                    Clock::Create => b"CreateTime",
                    Clock::Append => b"LogAppendTime",
                }),
                From::Metadata(Metadata::LeaderEpoch) => match about.leader_epoch() {
                    Some(epoch) => Cell::Int(i64::from(epoch)),
                    None => Cell::Null,
                },
                From::Metadata(Metadata::Headers) => made.value(about.headers().map()),
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
        | Metadata::Told(_)
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
