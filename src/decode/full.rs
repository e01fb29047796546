//! The full path: any JSON object, by `serde_json`.
//!
//! The whole record is read before any column is judged, so what is wrong is reported in a fixed order: not UTF-8,
//! malformed, repeated, then the columns as the table has them.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::Cell;
use super::columns::{Columns, Fills, Object};
use super::connect::Connect;
use super::error::{self, DecodeError, shorten};
use super::made::Made;
use super::names::Names;
use super::typed;

/// Where Kafka Connect's envelope has the schema.
const SCHEMA: &str = "schema";

/// Fields that stay allocated between records.
const KEPT: usize = 4096;

/// A field as found: where its value lies and which column it fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Found {
    pub(super) start: u32,
    pub(super) end: u32,
    /// Place in the list of columns.
    pub(super) column: Option<usize>,
}

/// Bytes of the record.
type Place = (u32, u32);

/// What stands where a row should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    /// Nothing, or null.
    Null,
    /// An object.
    Object,
    /// Something else.
    Other(Place),
}

/// The full path with the memory that it reuses.
#[derive(Debug, Default)]
pub(super) struct Full {
    fields: Vec<Found>,
    columns: Vec<Option<Place>>,
    rows: Vec<Row>,
    /// A row is null: what is there cannot tell how a record with the row looks.
    null_row: bool,
    /// Fields that no column takes, and that one would but for upper and lower case: its name, and theirs.
    alike: Vec<(String, String)>,
    /// Where the schema of the record's fields lies, and what it says.
    schema: Option<Place>,
    /// It lies elsewhere.
    is_described: bool,
    connect: Connect,
}

impl Full {
    /// Takes the schema of an envelope, for the rows in it: whether values stand for anything by it.
    pub(super) fn describe(&mut self, schema: &str) -> bool {
        self.is_described = self.connect.read(schema, Some("after"));
        self.is_described
    }

    /// The next record has a schema of its own, or none.
    pub(super) fn forget_schema(&mut self) {
        self.is_described = false;
    }

    /// Fills the cells of the columns that are read from fields; the others are as they were.
    pub(super) fn decode(
        &mut self,
        record: &[u8],
        columns: &Columns,
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        self.fields.clear();
        self.columns.clear();
        self.columns.resize(columns.list.len(), None);
        self.rows.clear();
        self.rows.resize(columns.rows, Row::Null);
        self.null_row = false;
        self.alike.clear();
        self.schema = None;
        // One giant record must not hold its memory for good.
        self.fields.shrink_to(KEPT);
        let text = std::str::from_utf8(record).map_err(|e| {
            DecodeError::new(
                error::NOT_UTF8,
                format!("byte {} is not part of UTF-8 text", e.valid_up_to()),
            )
        })?;
        let mut reader = Reader {
            text,
            columns,
            full: self,
        };
        if let Some(name) = reader.object(text, &columns.root, true)? {
            return Err(DecodeError::new(
                error::REPEATED_FIELD,
                format!("field {:?} stands twice", shorten(&name)),
            ));
        }
        if let Some((start, end)) = self.schema {
            let schema = text.get(start as usize..end as usize);
            self.connect.read(schema.unwrap_or_default(), None);
        }
        self.judge(text, columns, &columns.root, cells, made)
    }

    fn judge(
        &self,
        text: &str,
        columns: &Columns,
        object: &Object,
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        let missing = |name: &str| Err(self.missing(name));
        let raw = |(start, end): Place| text.get(start as usize..end as usize).unwrap_or_default();
        for field in &object.fields {
            match &field.fills {
                Fills::Column(place) => {
                    let column = &columns.list[*place];
                    cells[column.number] = match self.columns[*place] {
                        Some(at) if self.schema.is_some() || self.is_described => {
                            let value = self.connect.value(column, raw(at));
                            typed::cell(column, &value, at.0, made)?
                        }
                        Some(at) => typed::cell(column, raw(at), at.0, made)?,
                        None if column.required || self.is_alike(&field.full) => {
                            return missing(&column.name);
                        }
                        None => Cell::Null,
                    };
                }
                Fills::Row(id, object) => match self.rows[*id] {
                    Row::Object => self.judge(text, columns, object, cells, made)?,
                    Row::Null if field.required || self.is_alike(&field.full) => {
                        return missing(&field.full);
                    }
                    Row::Null => clear(columns, object, cells),
                    Row::Other(at) => {
                        return Err(DecodeError::field(
                            error::WRONG_TYPE,
                            &field.full,
                            raw(at),
                            "an object",
                        ));
                    }
                },
            }
        }
        Ok(())
    }

    /// Whether a field is there that differs from this one in upper and lower case alone: it is no NULL.
    fn is_alike(&self, full: &str) -> bool {
        !self.alike.is_empty() && self.alike.iter().any(|(name, _)| name == full)
    }

    #[cold]
    fn missing(&self, full: &str) -> DecodeError {
        let mut detail = format!("field {:?} is missing", shorten(full));
        if let Some((_, there)) = self.alike.iter().find(|(name, _)| name == full) {
            let there = shorten(there);
            detail += &format!(
                "; there is {there:?}, which differs in upper and lower case alone: declare the column so"
            );
        }
        DecodeError::new(error::MISSING_FIELD, detail)
    }

    /// Where the columns of the record just read lie, whether or not it was accepted.
    pub(super) fn places(&self) -> &[Option<Place>] {
        &self.columns
    }

    /// The fields of the record just decoded, in its order, those of rows in the place of these; none if the record cannot
    /// tell how others look.
    pub(super) fn fields(&self) -> Option<&[Found]> {
        (!self.null_row).then_some(&self.fields)
    }
}

/// All columns of an object are NULL.
fn clear(columns: &Columns, object: &Object, cells: &mut [Cell]) {
    for field in &object.fields {
        match &field.fills {
            Fills::Column(place) => cells[columns.list[*place].number] = Cell::Null,
            Fills::Row(_, object) => clear(columns, object, cells),
        }
    }
}

/// Collects where fields lie.
struct Reader<'t, 'f> {
    text: &'t str,
    columns: &'f Columns,
    full: &'f mut Full,
}

impl<'t> Reader<'t, '_> {
    /// Reads a whole text as an object; gives the first name that stands twice.
    fn object(
        &mut self,
        text: &'t str,
        object: &Object,
        is_root: bool,
    ) -> Result<Option<String>, DecodeError> {
        let mut json = serde_json::Deserializer::from_str(text);
        let visitor = Fields {
            reader: self,
            object,
            is_root,
        };
        (&mut json)
            .deserialize_map(visitor)
            .and_then(|repeated| json.end().map(|()| repeated))
            .map_err(|e| DecodeError::new(error::MALFORMED, shorten(&e.to_string())))
    }

    /// Where a part of the text lies.
    fn place(&self, raw: &'t str) -> Place {
        // It borrows from the text, so its place is the difference of the addresses.
        let start = raw.as_ptr().addr() - self.text.as_ptr().addr();
        // The decoder refuses records of 4 GiB and more: places fit.
        (start as u32, (start + raw.len()) as u32)
    }

    /// Notes a value; whether its column or row had one before.
    fn take(&mut self, raw: &'t str, fills: Option<&Fills>) -> Result<Taken, DecodeError> {
        let place = self.place(raw);
        let column = match fills {
            Some(Fills::Row(id, object)) => return self.row(*id, object, raw, place),
            Some(Fills::Column(column)) => Some(*column),
            None => None,
        };
        if let Some(column) = column
            && self.full.columns[column].replace(place).is_some()
        {
            return Ok(Taken::Again);
        }
        self.full.fields.push(Found {
            start: place.0,
            end: place.1,
            column,
        });
        Ok(Taken::First)
    }

    fn row(
        &mut self,
        id: usize,
        object: &Object,
        raw: &'t str,
        place: Place,
    ) -> Result<Taken, DecodeError> {
        if self.full.rows[id] != Row::Null {
            return Ok(Taken::Again);
        }
        match raw.as_bytes().first() {
            Some(b'{') => {
                self.full.rows[id] = Row::Object;
                if let Some(name) = self.object(raw, object, false)? {
                    return Ok(Taken::Inside(name));
                }
            }
            Some(b'n') => self.full.null_row = true,
            _ => self.full.rows[id] = Row::Other(place),
        }
        Ok(Taken::First)
    }
}

/// What became of a value.
enum Taken {
    First,
    /// There was one before.
    Again,
    /// In it a name stands twice.
    Inside(String),
}

struct Fields<'r, 't, 'f> {
    reader: &'r mut Reader<'t, 'f>,
    object: &'r Object,
    is_root: bool,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Fields<'_, 'de, '_> {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut repeated = None;
        let mut unknown = Names::default();
        while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
            // A raw value is skipped without recursion, whatever its depth.
            let raw = map.next_value::<&'de RawValue>()?.get();
            if repeated.is_some() {
                // Refused already; what is left matters only when it is malformed.
                continue;
            }
            let known_as = match self.is_root {
                true => self.reader.columns.known_as(&name),
                false => &name,
            };
            let fills = self.object.find(known_as);
            if fills.is_none() {
                if !unknown.insert(&name) {
                    repeated = Some(name.into_owned());
                    continue;
                }
                let alike = self.object.alike(&name);
                let alike = alike.map(|field| (field.full.clone(), name.to_string()));
                self.reader.full.alike.extend(alike);
            }
            if self.is_root && self.reader.columns.has_schema && known_as == SCHEMA {
                self.reader.full.schema = Some(self.reader.place(raw));
            }
            let taken = self.reader.take(raw, fills);
            match taken.map_err(|e| serde::de::Error::custom(e.detail))? {
                Taken::First => {}
                Taken::Again => repeated = Some(name.into_owned()),
                Taken::Inside(inner) => repeated = Some(format!("{name}.{inner}")),
            }
        }
        Ok(repeated)
    }
}
