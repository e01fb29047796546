//! Columns of what an envelope says beside the row: `METADATA FROM 'value.source.timestamp'` and the like.

use std::sync::Arc;

use standings_model::table::format::Json;
use standings_model::table::{Changelog, Column, Metadata, Origin, Table, Told};
use standings_model::value::Value;

use super::{Place, is_there, scan, slice, text};
use crate::cell::Cell;
use crate::error::{self, DecodeError, shorten};
use crate::made::Made;
use crate::nested;

/// Which columns there are, and where in the record that was read last each word lies.
#[derive(Debug)]
pub(super) struct Telling {
    how: Changelog,
    /// The column's number, what it is, and whether it must be there.
    columns: Vec<(usize, Told, bool)>,
    places: Places,
}

#[derive(Clone, Copy, Debug, Default)]
struct Places {
    /// When the connector took it.
    ts: Option<Place>,
    /// Of Debezium.
    source: Option<Place>,
    schema: Option<Place>,
    /// Of Maxwell and Canal.
    database: Option<Place>,
    table: Option<Place>,
    keys: Option<Place>,
    made: Option<Place>,
    types: Option<Place>,
}

impl Telling {
    pub(super) fn of(table: &Table) -> Self {
        let columns = table.columns.iter().enumerate();
        let columns = columns.filter_map(|(number, column)| match column.origin {
            Origin::Metadata(Metadata::Told(told)) => {
                let required = !column.nullable || table.event_time == Some(number);
                Some((number, told, required))
            }
            _ => None,
        });
        Telling {
            how: table.changelog,
            columns: columns.collect(),
            places: Places::default(),
        }
    }

    /// Whether there are any.
    pub(super) fn has_columns(&self) -> bool {
        !self.columns.is_empty()
    }

    pub(super) fn note(&mut self, ts: Option<Place>, source: Option<Place>, schema: Option<Place>) {
        self.places = Places {
            ts,
            source,
            schema,
            ..Places::default()
        };
    }

    pub(super) fn of_row(
        &mut self,
        database: Option<Place>,
        table: Option<Place>,
        ts: Option<Place>,
        keys: Option<Place>,
    ) {
        self.places = Places {
            ts,
            database,
            table,
            keys,
            ..Places::default()
        };
    }

    pub(super) fn of_canal(&mut self, made: Option<Place>, types: Option<Place>) {
        (self.places.made, self.places.types) = (made, types);
    }

    /// When a change was made: by its source, else when the connector took it; ms.
    pub(super) fn when(&self, record: &[u8]) -> Option<i64> {
        let source = self.of_source(record);
        let number = |place: Option<Place>| scan::number(record, place?);
        let taken = number(self.places.ts).map(|n| n.saturating_mul(self.unit()));
        number(source[0]).or(number(self.places.made)).or(taken)
    }

    /// Milliseconds of one of the connector's time.
    fn unit(&self) -> i64 {
        match self.how {
            // Maxwell counts seconds.
            Changelog::Maxwell => 1000,
            _ => 1,
        }
    }

    /// `ts_ms`, `db`, `schema`, `table` or `collection` of Debezium's source.
    fn of_source(&self, record: &[u8]) -> [Option<Place>; 4] {
        let Some(source) = is_there(record, self.places.source) else {
            return [None; 4];
        };
        let names = ["ts_ms", "db", "schema", "table", "collection"];
        let Ok(found) = scan::fields(record, source, &names) else {
            return [None; 4];
        };
        let [ts, db, schema, table, collection] = found.at;
        [ts, db, schema, is_there(record, table).or(collection)]
    }

    /// Fills their cells.
    pub(super) fn fill(
        &self,
        record: &[u8],
        columns: &[Column],
        (cells, made): (&mut [Cell], &mut Made),
    ) -> Result<(), DecodeError> {
        if self.columns.is_empty() {
            return Ok(());
        }
        let at = self.places;
        let [source_ts, source_db, source_schema, source_table] = self.of_source(record);
        for (number, told, required) in &self.columns {
            let column = &columns[*number];
            let cell = match told {
                Told::Schema => match is_there(record, at.schema) {
                    Some(place) => made.bytes(slice(record, place)),
                    None => Cell::Null,
                },
                Told::Ingested => time(record, column, at.ts, self.unit())?,
                Told::Made => time(record, column, source_ts.or(at.made), 1)?,
                Told::Database => word(record, source_db.or(at.database), made),
                Told::Namespace => word(record, source_schema, made),
                Told::Table => word(record, source_table.or(at.table), made),
                Told::Properties => match is_there(record, at.source) {
                    Some(place) => made.value(properties(record, place)?),
                    None => Cell::Null,
                },
                Told::KeyNames => parts(record, column, at.keys, made)?,
                Told::SqlTypes => parts(record, column, at.types, made)?,
            };
            if cell == Cell::Null && *required {
                let detail = format!("column {:?}: the record has none", shorten(&column.name));
                return Err(DecodeError::new(error::MISSING_FIELD, detail));
            }
            cells[*number] = cell;
        }
        Ok(())
    }
}

fn time(
    record: &[u8],
    column: &Column,
    place: Option<Place>,
    unit: i64,
) -> Result<Cell, DecodeError> {
    let Some(place) = is_there(record, place) else {
        return Ok(Cell::Null);
    };
    match scan::number(record, place).and_then(|n| n.checked_mul(unit * 1000)) {
        Some(us) => Ok(Cell::Int(us)),
        None => {
            let found = String::from_utf8_lossy(slice(record, place));
            let expected = "a whole number of milliseconds";
            Err(DecodeError::field(
                error::BAD_TIME,
                &column.name,
                &found,
                expected,
            ))
        }
    }
}

fn word(record: &[u8], place: Option<Place>, made: &mut Made) -> Cell {
    match text(record, place) {
        Some(text) => made.bytes(text.as_bytes()),
        None => Cell::Null,
    }
}

fn parts(
    record: &[u8],
    column: &Column,
    place: Option<Place>,
    made: &mut Made,
) -> Result<Cell, DecodeError> {
    let Some(place) = is_there(record, place) else {
        return Ok(Cell::Null);
    };
    let raw = scan::utf8(slice(record, place))?;
    let value = nested::value(
        &column.kind,
        false,
        raw,
        (&Json::default(), made),
        &column.name,
    )?;
    Ok(made.value(value))
}

/// All of the source as texts.
fn properties(record: &[u8], place: Place) -> Result<Value, DecodeError> {
    let all = scan::entries(scan::utf8(slice(record, place))?)?;
    let all = all.into_iter().map(|(name, raw)| {
        let value = match raw {
            "null" => Value::Null,
            raw if raw.starts_with('"') => {
                let text = text(raw.as_bytes(), Some((0, raw.len() as u32)));
                text.map_or(Value::Null, |text| Value::Text(Arc::from(&*text)))
            }
            raw => Value::Text(Arc::from(raw)),
        };
        (Value::Text(Arc::from(&*name)), value)
    });
    Ok(Value::Map(all.collect::<Vec<_>>().into()))
}
