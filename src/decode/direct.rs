//! Rows of a file of columns, whose values have types already: into cells without being a record first.
//!
//! ```text
//! column of the file ── can it? (once a file) ── does this value? ──► Values ──► decode_row ──► Sale
//!                             │ no                     │ no
//!                             └────────────────────────┴──► a JSON record, as every row was: full path, dead letter
//! ```
//!
//! 1. It never refuses. What it does not take for certain is written as a record, and the decoder says what becomes of that.
//! 2. What it takes has the cell that its record would have had (`src/edge/source/parquet/tests` holds it to that).
//! 3. Whether a table's rows may come so is told by its words ([`columns`]): not where rows change, where something is around
//!    them or before them, where they have rows, arrays or maps.

use standings_model::decimal;
use standings_model::rows::{Filled, Row, Rows, Values};
use standings_model::table::format::{Encoding, Json, JsonEnvelope};
use standings_model::table::{Origin, Table};
use standings_model::time::{DAY, USUAL};
use standings_model::value::Real;

use super::about::About;
use super::cell::Cell;
use super::columns::{Kind, kind};
use super::error::DecodeError;
use super::sale::Sale;
use super::wire::Wire;
use super::{Decoder, times};

/// What a column of a file has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// `true` and `false`.
    Boolean,
    /// Whole numbers of at most 64 bits.
    Whole,
    /// Decimals.
    Decimal,
    /// Floating point numbers of 32 bits.
    Single,
    /// The same of 64.
    Double,
    /// Days.
    Day,
    /// Times of day.
    Clock,
    /// Instants.
    Instant,
    /// Text that is UTF-8.
    Text,
    /// Bytes.
    Bytes,
}

/// What a column of the table takes.
#[derive(Clone, Copy, Debug)]
pub struct Takes {
    kind: Kind,
    /// NULL is refused.
    pub required: bool,
}

/// The rows of one column: which of them are NULL, and which are not taken.
#[derive(Debug)]
pub struct Taken<'a> {
    /// Which are NULL; empty where none is.
    pub nulls: &'a [bool],
    /// Which become records, of all columns.
    pub left: &'a mut [bool],
}

/// By column of the table what it takes, where that is read from a field; none where the table's rows are records.
pub fn columns(table: &Table) -> Option<Vec<Option<Takes>>> {
    let plain = match &table.format.encoding {
        Encoding::ByName | Encoding::Parquet | Encoding::Csv(_) => true,
        Encoding::Json(json) => {
            let envelope = json.envelope == JsonEnvelope::None;
            envelope && !json.coerce_to_string && !json.base64_decimals && !json.texts
        }
        _ => false,
    };
    // What is masked is so behind the decoder of records alone.
    let plain = plain && table.masking.is_empty();
    if !plain || table.changes() || table.has_envelope() || Wire::of(table).is_some() {
        return None;
    }
    let sales = !table.is_named;
    let each = table.columns.iter().enumerate().map(|(number, column)| {
        let Origin::Field(path) = &column.origin else {
            return (column.origin != Origin::Parts).then_some(None);
        };
        if path.len() != 1 {
            return None;
        }
        let kind = match sales && column.name == "sale_id" {
            true => Kind::Id,
            false => kind(&column.kind, sales, &Json::default()),
        };
        let required = !column.nullable || table.event_time == Some(number);
        Some(Some(Takes { kind, required }))
    });
    each.collect()
}

impl Takes {
    /// Whether values of this kind may be the column's: of each that is, its value says so.
    pub fn can(self, given: Given) -> bool {
        match self.kind {
            Kind::Boolean => given == Given::Boolean,
            Kind::Integer { .. } => given == Given::Whole,
            Kind::Decimal { .. } => matches!(
                given,
                Given::Whole | Given::Decimal | Given::Single | Given::Double
            ),
            Kind::Double { single: true } => given == Given::Single,
            Kind::Double { single: false } => {
                matches!(given, Given::Whole | Given::Single | Given::Double)
            }
            Kind::Time(_) => matches!(given, Given::Whole | Given::Day | Given::Instant),
            Kind::Date => given == Given::Day,
            Kind::Clock => given == Given::Clock,
            Kind::Text { .. } | Kind::Id | Kind::Bytes => {
                matches!(given, Given::Text | Given::Bytes)
            }
            Kind::Padded { .. }
            | Kind::Written
            | Kind::Base64 { .. }
            | Kind::Told(_)
            | Kind::Nested => false,
        }
    }

    /// Whether each value is the column's that lies between two that are; `scale`: the fraction digits of decimals.
    pub fn is_told_by_bounds(self, given: Given, scale: u8) -> bool {
        match (self.kind, given) {
            (_, Given::Single | Given::Double | Given::Text | Given::Bytes) => false,
            // Of digits that the column has not got only zeros are taken.
            (Kind::Decimal { scale: most, .. }, Given::Decimal) => scale <= most,
            _ => self.can(given),
        }
    }

    /// Booleans.
    pub fn booleans(self, taken: Taken<'_>, value: impl Fn(usize) -> bool) -> Values {
        Values::Ints(taken.each(|row| Some(i64::from(value(row)))))
    }

    /// Whole numbers; of a column of times they are milliseconds.
    pub fn whole(self, taken: Taken<'_>, value: impl Fn(usize) -> i64) -> Values {
        match self.kind {
            Kind::Time(times) => Values::Ints(taken.each(|row| {
                let us = value(row).checked_mul(1000)?;
                times.kept(us)
            })),
            Kind::Double { .. } => {
                Values::Doubles(taken.each(|row| Some(Real::new(value(row) as f64))))
            }
            Kind::Decimal { .. } => self.decimals(taken, 0, |row| Some(i128::from(value(row)))),
            Kind::Integer { width } => Values::Ints(taken.each(|row| {
                let n = value(row);
                width.holds(i128::from(n)).then_some(n)
            })),
            _ => taken.nothing(),
        }
    }

    /// Decimals of so many fraction digits.
    pub fn decimals(
        self,
        taken: Taken<'_>,
        from: u8,
        value: impl Fn(usize) -> Option<i128>,
    ) -> Values {
        let Kind::Decimal {
            precision, scale, ..
        } = self.kind
        else {
            return taken.nothing();
        };
        let ten = |digits: u8| 10i128.pow(u32::from(digits.min(38)));
        let most = ten(precision);
        let (up, down) = (ten(scale.saturating_sub(from)), from.checked_sub(scale));
        let down = down.map(ten).filter(|down| *down > 1);
        let fits = |n: i128| {
            let n = match down {
                // Zeros behind the scale are nothing.
                Some(down) if n % down == 0 => n / down,
                Some(_) => return None,
                None if up == 1 => n,
                None => n.checked_mul(up)?,
            };
            (n.unsigned_abs() < most.unsigned_abs()).then_some(n)
        };
        match precision {
            ..=18 => Values::Decimals(taken.each(|row| {
                let n = fits(value(row)?)?;
                i64::try_from(n).ok()
            })),
            _ => Values::Wide(taken.each(|row| fits(value(row)?))),
        }
    }

    /// Floating point numbers; `digits`: as they are written.
    pub fn doubles(
        self,
        taken: Taken<'_>,
        value: impl Fn(usize) -> f64,
        digits: impl Fn(usize) -> String,
    ) -> Values {
        match self.kind {
            Kind::Decimal {
                precision,
                scale,
                zeros,
            } => {
                let exact =
                    |row| decimal::parse(digits(row).as_bytes(), precision, scale, zeros).ok();
                match precision {
                    ..=18 => Values::Decimals(taken.each(|row| i64::try_from(exact(row)?).ok())),
                    _ => Values::Wide(taken.each(exact)),
                }
            }
            Kind::Double { .. } => Values::Doubles(taken.each(|row| {
                let n = value(row);
                n.is_finite().then(|| Real::new(n))
            })),
            _ => taken.nothing(),
        }
    }

    /// Instants, in microseconds; none for what no clock showed.
    pub fn instants(self, taken: Taken<'_>, value: impl Fn(usize) -> Option<i64>) -> Values {
        match self.kind {
            Kind::Time(times) => Values::Ints(taken.each(|row| times.kept(value(row)?))),
            _ => taken.nothing(),
        }
    }

    /// Days since 1970-01-01; of a column of times their first instants.
    pub fn days(self, taken: Taken<'_>, value: impl Fn(usize) -> i64) -> Values {
        const DAY: i64 = 86_400_000_000;
        match self.kind {
            Kind::Time(times) => {
                Values::Ints(taken.each(|row| times.kept(value(row).saturating_mul(DAY))))
            }
            Kind::Date => Values::Ints(taken.each(|row| {
                let day = value(row);
                // Of a year of four digits.
                let all = times::Times::new(6, false, Default::default());
                all.kept(day.checked_mul(DAY)?).map(|_| day)
            })),
            _ => taken.nothing(),
        }
    }

    /// Times of day, in microseconds.
    pub fn clocks(self, taken: Taken<'_>, value: impl Fn(usize) -> i64) -> Values {
        Values::Ints(taken.each(|row| {
            let us = value(row);
            (0..86_400_000_000).contains(&us).then_some(us)
        }))
    }

    /// Whether a text, or bytes, is the column's; `is_text`: it is known to be UTF-8.
    pub fn is_taken(self, bytes: &[u8], is_text: bool) -> bool {
        let most = match self.kind {
            Kind::Text { most } => most as usize,
            Kind::Id => usize::MAX,
            Kind::Bytes => return true,
            _ => return false,
        };
        let is_plain = memchr::memchr(0, bytes).is_none();
        if is_plain && is_text && bytes.len() <= most {
            return true;
        }
        let text = std::str::from_utf8(bytes);
        is_plain && text.is_ok_and(|t| t.len() <= most || t.chars().count() <= most)
    }
}

impl Taken<'_> {
    /// A value for each row; one that has none becomes a record.
    #[inline]
    fn each<T: Copy + Default>(self, value: impl Fn(usize) -> Option<T>) -> Vec<T> {
        let Taken { nulls, left } = self;
        let rows = left.iter_mut().enumerate().map(|(row, left)| {
            // In the place of a NULL anything may stand.
            value(row).unwrap_or_else(|| {
                *left |= nulls.get(row) != Some(&true);
                T::default()
            })
        });
        rows.collect()
    }

    /// No row: of a kind that [`Takes::can`] does not know.
    fn nothing(self) -> Values {
        self.left.fill(true);
        Values::Ints(vec![0; self.left.len()])
    }
}

impl Decoder {
    /// Decodes a row of a block of columns; `bytes` are the block's.
    ///
    /// # Errors
    /// What is computed of it has none, or the time of an event is of no year that is taken.
    #[inline]
    pub fn decode_row<'a>(
        &'a mut self,
        row: Row<'a>,
        bytes: &'a [u8],
        about: About<'_>,
    ) -> Result<Sale<'a>, DecodeError> {
        self.made.clear();
        for column in row.columns() {
            self.cells[column.number] = cell(column, row.number());
        }
        for number in row.absent() {
            self.cells[*number] = Cell::Null;
        }
        let event_time = self.beside_and_time(bytes, about)?;
        Ok(Sale {
            row: Some(row),
            ..self.sale(bytes, event_time)
        })
    }
}

impl Decoder {
    /// The event times of all rows of a block of columns, ms, and the least and the greatest of them; where a table has none they
    /// are 0. None where a row has to be looked at for itself: something of it is computed, or its time is one that is counted as
    /// odd, or refused.
    pub fn times(&self, rows: &Rows, times: &mut Vec<i64>) -> Option<(i64, i64)> {
        times.clear();
        if !self.is_plain || self.change.is_some() {
            return None;
        }
        let Some((number, is_date)) = self.time else {
            times.resize(rows.here.len(), 0);
            return Some((0, 0));
        };
        let of = rows.columns.iter().find(|of| of.number == number)?;
        let Values::Ints(all) = &of.values else {
            return None;
        };
        if of.nulls.contains(&true) {
            return None;
        }
        let ms = |n: i64| match is_date {
            true => n.saturating_mul(DAY),
            false => n.div_euclid(1000),
        };
        times.extend(all.iter().map(|n| ms(*n)));
        let (least, greatest) = (*times.iter().min()?, *times.iter().max()?);
        (USUAL.0 <= least && greatest < USUAL.1).then_some((least, greatest))
    }
}

#[inline(always)]
fn cell(column: &Filled, row: usize) -> Cell {
    if column.nulls.get(row) == Some(&true) {
        return Cell::Null;
    }
    match &column.values {
        Values::Ints(all) => Cell::Int(all[row]),
        Values::Decimals(all) => Cell::Decimal(i128::from(all[row])),
        Values::Wide(all) => Cell::Decimal(all[row]),
        Values::Doubles(all) => Cell::Double(all[row]),
        Values::Texts(texts) => {
            let (start, end) = texts.places[row];
            Cell::Text {
                start,
                end,
                scratch: false,
            }
        }
    }
}
