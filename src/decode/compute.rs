//! Computed columns, and what rankings compute: cells that are made of other cells.

use std::borrow::Cow;

use standings_model::table::{Column, Origin, Table};
use standings_model::types::Type;
use standings_model::value::{Real, Value};
use standings_scalar::{Datum, Program, Row, Zone};

use super::cell::Cell;
use super::error::{self, DecodeError, shorten};
use super::made::Made;

/// One column that is computed.
#[derive(Debug)]
struct Computed {
    number: usize,
    program: Program,
    required: bool,
}

/// All of a table: first what makes a record a dead letter, then what costs a ranking; and what is computed of the elements of
/// an array, anew for each.
#[derive(Debug, Default)]
pub(super) struct Compute {
    columns: Vec<Computed>,
    derived: Vec<Computed>,
    pub(super) unnested: Vec<Unnested>,
}

/// An array whose elements are rows.
#[derive(Debug)]
pub(super) struct Unnested {
    /// The array's column, and those of its elements and of their numbers.
    pub(super) array: usize,
    pub(super) element: usize,
    pub(super) ordinal: usize,
    /// What is computed of them.
    derived: Vec<Computed>,
}

/// A record as expressions see it.
#[derive(Clone, Copy)]
struct View<'a> {
    cells: &'a [Cell],
    columns: &'a [Column],
    record: &'a [u8],
    made: &'a Made,
}

impl Compute {
    pub(super) fn new(table: &Table, zone: &Zone) -> Self {
        let mut all = Compute::default();
        let name = |column: usize| table.columns[column].name.clone();
        for (array, _) in table.columns.iter().enumerate() {
            if let Some((element, ordinal)) = table.elements(array) {
                all.unnested.push(Unnested {
                    array,
                    element,
                    ordinal,
                    derived: Vec::new(),
                });
            }
        }
        for (number, column) in table.columns.iter().enumerate() {
            let (list, expr) = match &column.origin {
                Origin::Computed(expr) => (&mut all.columns, expr),
                Origin::Derived(expr) => {
                    let reads = expr.columns();
                    let is_of = |of: &&mut Unnested| {
                        reads.contains(&of.element) || reads.contains(&of.ordinal)
                    };
                    match all.unnested.iter_mut().find(is_of) {
                        Some(of) => (&mut of.derived, expr),
                        None => (&mut all.derived, expr),
                    }
                }
                _ => continue,
            };
            list.push(Computed {
                number,
                program: Program::new(expr, zone, &name),
                required: !column.nullable || table.event_time == Some(number),
            });
        }
        // A computed column may be made of computed ones that stand behind it.
        let reads = |of: &Computed| match &table.columns[of.number].origin {
            Origin::Computed(expr) => expr.columns(),
            _ => Vec::new(),
        };
        all.columns = in_order(all.columns, reads);
        all
    }

    /// Whether nothing is computed.
    pub(super) fn is_empty(&self) -> bool {
        self.columns.is_empty() && self.derived.is_empty() && self.unnested.is_empty()
    }

    /// Fills the computed columns; the first error in a value.
    pub(super) fn columns(
        &self,
        record: &[u8],
        columns: &[Column],
        cells: &mut [Cell],
        made: &mut Made,
    ) -> Result<(), DecodeError> {
        for computed in &self.columns {
            let name = &columns[computed.number].name;
            let cell = computed.cell(record, columns, cells, made).map_err(|e| {
                let detail = format!("column {:?}: {}", shorten(name), e.detail);
                DecodeError::new(e.reason, detail)
            })?;
            if cell == Cell::Null && computed.required {
                let detail = format!("column {:?} has no value", shorten(name));
                return Err(DecodeError::new(error::MISSING_FIELD, detail));
            }
            cells[computed.number] = cell;
        }
        Ok(())
    }

    /// Nothing is computed: what it would be computed of is not there.
    pub(super) fn forget(&self, cells: &mut [Cell]) {
        let all = self.columns.iter().chain(&self.derived);
        all.for_each(|computed| cells[computed.number] = Cell::Null);
    }

    /// Fills what rankings compute; an error in a value is kept in its cell. What is of elements is NULL until it is their
    /// turn.
    pub(super) fn derived(
        &self,
        record: &[u8],
        columns: &[Column],
        cells: &mut [Cell],
        made: &mut Made,
    ) {
        for of in &self.unnested {
            let derived = of.derived.iter().map(|computed| computed.number);
            for number in derived.chain([of.element, of.ordinal]) {
                cells[number] = Cell::Null;
            }
        }
        fill(&self.derived, record, columns, cells, made);
    }

    /// Fills what is of an element, by its number from 0; whether there is one.
    pub(super) fn element(
        &self,
        (array, nth): (usize, usize),
        record: &[u8],
        columns: &[Column],
        cells: &mut [Cell],
        made: &mut Made,
    ) -> bool {
        let Some(of) = self.unnested.iter().find(|of| of.array == array) else {
            return false;
        };
        let Cell::Nested(value) = cells[array] else {
            return false;
        };
        let Some(Value::Array(elements)) = made.nested.get(value as usize) else {
            return false;
        };
        let Some(element) = elements.get(nth).cloned() else {
            return false;
        };
        cells[of.element] = made.cell(element);
        cells[of.ordinal] = Cell::Int(nth as i64 + 1);
        fill(&of.derived, record, columns, cells, made);
        true
    }
}

fn fill(
    derived: &[Computed],
    record: &[u8],
    columns: &[Column],
    cells: &mut [Cell],
    made: &mut Made,
) {
    for computed in derived {
        cells[computed.number] = match computed.cell(record, columns, cells, made) {
            Ok(cell) => cell,
            Err(e) => {
                made.errors.push(e);
                Cell::Error(made.errors.len() as u32 - 1)
            }
        };
    }
}

/// Columns, each behind those that it reads. Circles are refused where tables are declared.
fn in_order(mut left: Vec<Computed>, reads: impl Fn(&Computed) -> Vec<usize>) -> Vec<Computed> {
    let mut ordered: Vec<Computed> = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let waits = |of: &Computed| {
            let needs = reads(of);
            left.iter()
                .any(|other| other.number != of.number && needs.contains(&other.number))
        };
        let next = left.iter().position(|of| !waits(of)).unwrap_or(0);
        ordered.push(left.remove(next));
    }
    ordered
}

impl Computed {
    fn cell(
        &self,
        record: &[u8],
        columns: &[Column],
        cells: &[Cell],
        made: &mut Made,
    ) -> Result<Cell, DecodeError> {
        let view = View {
            cells,
            columns,
            record,
            made,
        };
        let datum = self
            .program
            .eval(&view)
            .map_err(|e| DecodeError::new(error::VALUE_ERROR, e.to_string()))?;
        let bytes: Cow<'_, [u8]> = match datum {
            Datum::Null => return Ok(Cell::Null),
            Datum::Boolean(b) => return Ok(Cell::Int(i64::from(b))),
            Datum::Integer(n) => {
                return i64::try_from(n).map(Cell::Int).map_err(|_| {
                    let detail = format!("{n} is beyond BIGINT");
                    DecodeError::new(error::VALUE_ERROR, detail)
                });
            }
            Datum::Decimal(n) => return Ok(Cell::Decimal(n)),
            Datum::Double(n) => return Ok(Cell::Double(Real::new(n))),
            Datum::Date(n) => return Ok(Cell::Int(i64::from(n))),
            Datum::Time(n)
            | Datum::Timestamp(n)
            | Datum::Instant(n)
            | Datum::Months(n)
            | Datum::Span(n) => return Ok(Cell::Int(n)),
            Datum::Nested(value) => {
                let value = value.into_owned();
                made.nested.push(value);
                return Ok(Cell::Nested(made.nested.len() as u32 - 1));
            }
            Datum::Text(Cow::Borrowed(text)) => Cow::Borrowed(text.as_bytes()),
            Datum::Text(Cow::Owned(text)) => Cow::Owned(text.into_bytes()),
            Datum::Bytes(bytes) => bytes,
        };
        if let Some(cell) =
            within(&bytes, record, false).or_else(|| within(&bytes, &made.scratch, true))
        {
            return Ok(cell);
        }
        let bytes = bytes.into_owned();
        Ok(made.bytes(&bytes))
    }
}

/// The cell of bytes that are a part of others.
pub(super) fn within(part: &[u8], whole: &[u8], scratch: bool) -> Option<Cell> {
    let start = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    let end = start.checked_add(part.len())?;
    (end <= whole.len()).then_some(Cell::Text {
        start: start as u32,
        end: end as u32,
        scratch,
    })
}

impl Row for View<'_> {
    #[inline]
    fn datum(&self, column: usize) -> Datum<'_> {
        let (Some(cell), Some(of)) = (self.cells.get(column), self.columns.get(column)) else {
            return Datum::Null;
        };
        match *cell {
            Cell::Null | Cell::Error(_) => Datum::Null,
            Cell::Decimal(n) => Datum::Decimal(n),
            Cell::Double(n) => Datum::Double(n.get()),
            Cell::Nested(n) => {
                let value = self.made.nested.get(n as usize);
                value.map_or(Datum::Null, |v: &Value| Datum::Nested(Cow::Borrowed(v)))
            }
            Cell::Text {
                start,
                end,
                scratch,
            } => {
                let all = if scratch {
                    &self.made.scratch
                } else {
                    self.record
                };
                let bytes = all.get(start as usize..end as usize).unwrap_or_default();
                match of.kind {
                    Type::Bytes => Datum::Bytes(Cow::Borrowed(bytes)),
                    // It was checked when the cell was made.
                    _ => Datum::Text(String::from_utf8_lossy(bytes)),
                }
            }
            Cell::Int(n) => match of.kind {
                Type::Boolean => Datum::Boolean(n != 0),
                Type::Date => Datum::Date(n as i32),
                Type::Time => Datum::Time(n),
                Type::Timestamp(_) => Datum::Timestamp(n),
                Type::Instant(_) => Datum::Instant(n),
                _ => Datum::Integer(i128::from(n)),
            },
        }
    }
}
