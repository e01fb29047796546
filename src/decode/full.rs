//! The full path: any JSON object, by `serde_json`.
//!
//! The whole record is read before any column is judged, so what is wrong is reported in a fixed order: not UTF-8,
//! malformed, repeated, then the columns as the schema has them.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::Cell;
use super::columns::Columns;
use super::error::{self, DecodeError, shorten};
use super::typed;

/// Fields and bytes of scratch that stay allocated between records.
const KEPT: usize = 4096;

/// A field as found: where its value lies and which column it fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) start: u32,
    pub(super) end: u32,
    pub(super) column: Option<usize>,
}

/// The full path with the memory that it reuses.
#[derive(Debug, Default)]
pub(super) struct Full {
    fields: Vec<Field>,
    scratch: String,
}

impl Full {
    /// Fills one cell per column; the event time.
    pub(super) fn decode(
        &mut self,
        record: &[u8],
        columns: &Columns,
        cells: &mut [Cell],
    ) -> Result<i64, DecodeError> {
        self.fields.clear();
        self.scratch.clear();
        // One giant record must not hold its memory for good.
        self.fields.shrink_to(KEPT);
        self.scratch.shrink_to(KEPT);
        let text = std::str::from_utf8(record).map_err(|e| {
            DecodeError::new(
                error::NOT_UTF8,
                format!("byte {} is not part of UTF-8 text", e.valid_up_to()),
            )
        })?;

        let mut json = serde_json::Deserializer::from_str(text);
        let visitor = Fields {
            text,
            columns,
            fields: &mut self.fields,
        };
        let repeated = (&mut json)
            .deserialize_map(visitor)
            .and_then(|repeated| json.end().map(|()| repeated))
            .map_err(|e| DecodeError::new(error::MALFORMED, shorten(&e.to_string())))?;
        if let Some(name) = repeated {
            return Err(DecodeError::new(
                error::REPEATED_FIELD,
                format!("field {:?} stands twice", shorten(&name)),
            ));
        }

        for (number, (column, cell)) in columns.list.iter().zip(cells.iter_mut()).enumerate() {
            *cell = match self.fields.iter().find(|f| f.column == Some(number)) {
                Some(field) => {
                    let raw = text
                        .get(field.start as usize..field.end as usize)
                        .unwrap_or_default();
                    typed::cell(column, raw, field.start, &mut self.scratch)?
                }
                None if column.required => {
                    let detail = format!("field {:?} is missing", shorten(&column.name));
                    return Err(DecodeError::new(error::MISSING_FIELD, detail));
                }
                None => Cell::Null,
            };
        }
        match cells.get(columns.event_time) {
            Some(Cell::Time(event_time)) => Ok(*event_time),
            // Only for a schema that does not declare `event_time` as a time, which the queries' check refuses.
            _ => Err(DecodeError::new(
                error::MISSING_FIELD,
                "no column \"event_time\" is declared".to_owned(),
            )),
        }
    }

    /// The fields of the record just decoded, in its order.
    pub(super) fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The unescaped text of the record just decoded.
    pub(super) fn scratch(&self) -> &[u8] {
        self.scratch.as_bytes()
    }
}

/// Collects the fields of the object; gives the first name that stands twice.
struct Fields<'t, 'f> {
    text: &'t str,
    columns: &'f Columns,
    fields: &'f mut Vec<Field>,
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Visitor<'de> for Fields<'de, '_> {
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
            // It borrows from the text, so its place is the difference of the addresses.
            let start = raw.as_ptr().addr() - self.text.as_ptr().addr();
            if repeated.is_some() {
                // Refused already; what is left matters only when it is malformed.
                continue;
            }
            let column = self.columns.find(&name);
            let again = match column {
                Some(_) => self.fields.iter().any(|f| f.column == column),
                None => !unknown.insert(&name),
            };
            if again {
                repeated = Some(name.into_owned());
            } else {
                // The decoder refuses records of 4 GiB and more: places fit.
                self.fields.push(Field {
                    start: start as u32,
                    end: (start + raw.len()) as u32,
                    column,
                });
            }
        }
        Ok(repeated)
    }
}

/// Names seen so far. The set's hash is keyed, so that a record of many crafted names stays linear.
#[derive(Default)]
struct Names {
    few: Vec<String>,
    many: HashSet<String>,
}

impl Names {
    /// Whether the name is new.
    fn insert(&mut self, name: &str) -> bool {
        const FEW: usize = 16;
        if self.many.is_empty() {
            if self.few.iter().any(|n| n == name) {
                return false;
            }
            self.few.push(name.to_owned());
            if self.few.len() > FEW {
                self.many.extend(self.few.drain(..));
            }
            return true;
        }
        self.many.insert(name.to_owned())
    }
}
