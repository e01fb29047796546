//! Arrays, maps, and rows in them: values that several fields make.

use std::collections::HashMap;

use standings_model::table::protobuf::{Kind, Schema};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_protobuf::{Filled, Fills, Raw, Reader, Take, Wire};

use super::{known, piece};
use crate::cell::integer;
use crate::error::{self, DecodeError, shorten};
use crate::scalar::Scalar;
use crate::zone::Zone;

use std::borrow::Cow;

/// Values that may be made of one record: a few bytes can stand for many.
const MOST: usize = 1 << 20;

/// What is made of one record.
pub(super) struct Values<'a, 'm> {
    record: &'a [u8],
    schema: &'m Schema,
    made: usize,
}

/// The bytes of a message; otherwise the field is of another shape.
pub(super) fn message_of<'a>(raw: Raw<'a>, name: &str) -> Result<&'a [u8], DecodeError> {
    match raw {
        Raw::Bytes(bytes) | Raw::Group(bytes) => Ok(bytes),
        raw => {
            let expected = "a message, by its descriptor";
            let reason = error::WRONG_TYPE;
            Err(DecodeError::field(reason, name, raw.name(), expected))
        }
    }
}

/// Several parts of a message are one, behind each other.
fn whole<'b>(raws: &[Raw<'b>], name: &str) -> Result<Cow<'b, [u8]>, DecodeError> {
    match raws {
        [] => Ok(Cow::Borrowed(&[])),
        [one] => message_of(*one, name).map(Cow::Borrowed),
        all => {
            let mut bytes = Vec::new();
            for raw in all {
                bytes.extend_from_slice(message_of(*raw, name)?);
            }
            Ok(Cow::Owned(bytes))
        }
    }
}

impl<'a, 'm> Values<'a, 'm> {
    pub(super) fn new(record: &'a [u8], schema: &'m Schema) -> Self {
        Values {
            record,
            schema,
            made: 0,
        }
    }

    /// What the occurrences of a field make.
    pub(super) fn of(
        &mut self,
        field: &Filled,
        take: &Take,
        raws: &[Raw<'_>],
        zone: &Zone,
    ) -> Result<Value, DecodeError> {
        match take {
            Take::List(take) => self.list(field, take, raws, zone),
            Take::Map(entry) => self.map(field, entry, raws, zone),
            Take::Row(_) if raws.is_empty() => Ok(Value::Null),
            Take::Row(reader) => {
                let bytes = whole(raws, &field.name)?;
                let row = self.row(reader, &bytes, zone)?;
                Ok(Value::Row(row.into()))
            }
            take if raws.is_empty() => {
                let default = piece::default(self.schema, field, take);
                Ok(default.map_or(Value::Null, |scalar| owned(scalar, take)))
            }
            take if field.kind.message().is_some() => {
                let bytes = whole(raws, &field.name)?;
                self.one(field, take, Raw::Bytes(&bytes), zone)
            }
            take => {
                let mut value = Value::Null;
                for raw in raws {
                    let found = self.one(field, take, *raw, zone)?;
                    // What is as if it were absent leaves what was there.
                    if !found.is_null() {
                        value = found;
                    }
                }
                Ok(value)
            }
        }
    }

    /// Counts a value.
    fn count(&mut self) -> Result<(), DecodeError> {
        self.made += 1;
        if self.made > MOST {
            let detail = format!("more than {MOST} values in one record");
            return Err(DecodeError::new(error::TOO_LARGE, detail));
        }
        Ok(())
    }

    /// One value of a field.
    fn one(
        &mut self,
        field: &Filled,
        take: &Take,
        raw: Raw<'_>,
        zone: &Zone,
    ) -> Result<Value, DecodeError> {
        self.count()?;
        if let Take::Row(reader) = take {
            let row = self.row(reader, message_of(raw, &field.name)?, zone)?;
            return Ok(Value::Row(row.into()));
        }
        let found = match (field.kind.message(), raw) {
            (Some(_), raw) => {
                let bytes = message_of(raw, &field.name)?;
                known::scalar(self.schema, take, bytes, zone)
            }
            (None, raw) => piece::scalar(self.schema, field.kind, take, raw, zone),
        };
        let found = found.map_err(|no| piece::error(no, field.kind, &field.name, raw))?;
        Ok(found.map_or(Value::Null, |scalar| owned(scalar, take)))
    }

    fn list(
        &mut self,
        field: &Filled,
        take: &Take,
        raws: &[Raw<'_>],
        zone: &Zone,
    ) -> Result<Value, DecodeError> {
        let mut all = Vec::with_capacity(raws.len());
        for raw in raws {
            match raw {
                Raw::Bytes(bytes) if field.kind.is_packable() => {
                    let mut wire = Wire::new(bytes);
                    let like = piece::least(field.kind);
                    while let Some(raw) = wire.packed(like).map_err(|e| self.broken(bytes, e))? {
                        self.push(&mut all, field, take, raw, zone)?;
                    }
                }
                raw => self.push(&mut all, field, take, *raw, zone)?,
            }
        }
        Ok(Value::Array(all.into()))
    }

    fn push(
        &mut self,
        all: &mut Vec<Value>,
        field: &Filled,
        take: &Take,
        raw: Raw<'_>,
        zone: &Zone,
    ) -> Result<(), DecodeError> {
        let value = self.one(field, take, raw, zone)?;
        // A number that a closed enum does not name is no element.
        if !(value.is_null() && matches!(field.kind, Kind::Enum(_))) {
            all.push(value);
        }
        Ok(())
    }

    /// Of several entries with one key the last.
    fn map(
        &mut self,
        field: &Filled,
        entry: &Reader,
        raws: &[Raw<'_>],
        zone: &Zone,
    ) -> Result<Value, DecodeError> {
        let mut all: Vec<(Value, Value)> = Vec::with_capacity(raws.len());
        let mut places = HashMap::new();
        for raw in raws {
            self.count()?;
            let row = self.row(entry, message_of(*raw, &field.name)?, zone)?;
            let [key, mut value] =
                <[Value; 2]>::try_from(row).unwrap_or([Value::Null, Value::Null]);
            if let (true, Some(of)) = (value.is_null(), entry.fields.iter().find(|f| f.number == 2))
                && let Fills::Column(_, take) = &of.fills
            {
                // A value that is not there is the least of its kind, of a message one without fields.
                value = self.one(of, take, piece::least(of.kind), zone)?;
            }
            match places.get(&key) {
                Some(place) => {
                    let place: usize = *place;
                    all[place].1 = value;
                }
                None => {
                    places.insert(key.clone(), all.len());
                    all.push((key, value));
                }
            }
        }
        Ok(Value::Map(all.into()))
    }

    /// The values of a message, by the numbers of its columns.
    fn row(
        &mut self,
        reader: &Reader,
        bytes: &[u8],
        zone: &Zone,
    ) -> Result<Vec<Value>, DecodeError> {
        let mut found: Vec<Vec<Raw<'_>>> = vec![Vec::new(); reader.fields.len()];
        let mut wire = Wire::new(bytes);
        while let Some((number, raw)) = wire.field().map_err(|e| self.broken(bytes, e))? {
            let Some(place) = reader.place(number) else {
                continue;
            };
            for rival in &reader.fields[place].rivals {
                found[*rival].clear();
            }
            found[place].push(raw);
        }
        let missing = |name: &str| {
            let detail = format!("field {:?} is missing", shorten(name));
            Err(DecodeError::new(error::MISSING_FIELD, detail))
        };
        let mut row = vec![Value::Null; reader.fields.len() + reader.absent.len()];
        if let Some(absent) = reader.absent.iter().find(|a| a.required) {
            return missing(&absent.name);
        }
        for (field, raws) in reader.fields.iter().zip(&found) {
            let Fills::Column(column, take) = &field.fills else {
                continue;
            };
            self.count()?;
            row[*column] = self.of(field, take, raws, zone)?;
            if field.required && row[*column].is_null() {
                return missing(&field.name);
            }
        }
        Ok(row)
    }

    #[cold]
    fn broken(&self, bytes: &[u8], broken: standings_protobuf::Broken) -> DecodeError {
        // Of what was put together from parts there is no place in the record.
        let start = bytes
            .as_ptr()
            .addr()
            .checked_sub(self.record.as_ptr().addr());
        let start = start.filter(|start| start + bytes.len() <= self.record.len());
        let detail = match start {
            Some(start) => format!("byte {}: {}", start + broken.at, broken.what),
            None => broken.what.to_owned(),
        };
        DecodeError::new(error::MALFORMED, detail)
    }
}

/// A value as one of its own, by the type that it is taken for.
fn owned(scalar: Scalar<'_>, take: &Take) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Decimal(n) => Value::decimal(n, scale(take)),
        Scalar::Double(n) => Value::Double(n),
        Scalar::Text(text) => Value::text(&*text),
        Scalar::Bytes(bytes) => Value::Bytes(bytes.into()),
        Scalar::Int(n) => match take {
            Take::Flag => Value::Boolean(n != 0),
            Take::Day => Value::Date(n as i32),
            Take::Clock => Value::Time(n),
            Take::Written(of) | Take::Millis(of) | Take::Instant(of) => integer(n, of),
            Take::Wrapped(_, take) => owned(Scalar::Int(n), take),
            _ => integer(n, &Type::BIGINT),
        },
    }
}

fn scale(take: &Take) -> u8 {
    match take {
        Take::Digits { scale, .. }
        | Take::RealDigits { scale, .. }
        | Take::DecimalBytes { scale, .. } => *scale,
        Take::Written(of) | Take::DecimalText(of) => of.scale(),
        Take::Wrapped(_, take) => scale(take),
        _ => 0,
    }
}
