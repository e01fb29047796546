//! The fast path: layouts of recent records, compared with the next one byte for byte.

use super::cell::Cell;
use super::columns::{Columns, Kind};
use super::full::Found;
use super::number;
use super::scan::{self, DayCache};
use super::times::{self, Times};
use standings_model::bytes::same;
use standings_model::value::Real;

/// How many layouts are remembered: a topic written by a few versions of a few producers.
const MOST: usize = 4;
/// A layout that leaves with fewer hits was not worth learning.
const WORTH: u32 = 16;
/// The most records that pass between two lessons when layouts do not repeat.
const LONGEST_PAUSE: u32 = 256;
/// Records of more fields are left to the full path.
const MOST_FIELDS: usize = 256;

/// What stands between the values, and what the values are.
#[derive(Debug, PartialEq, Eq)]
struct Layout {
    /// The bytes before each value, and after the last one.
    literals: Box<[u8]>,
    slots: Box<[Slot]>,
    /// Columns that are not among the slots, by their numbers.
    absent: Box<[usize]>,
}

/// One value.
#[derive(Debug, PartialEq, Eq)]
struct Slot {
    /// Where the literal before it ends; it begins where the one before ended.
    literal_end: usize,
    /// The number of its column in the table; for an unknown field none.
    column: usize,
    /// `None` for an unknown field.
    kind: Option<Kind>,
    usual: Usual,
    required: bool,
}

/// The kinds that most columns have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usual {
    No,
    Text { most: u32 },
    Decimal { precision: u8, scale: u8 },
    Time(Times),
}

impl Usual {
    fn of(kind: Option<Kind>) -> Self {
        match kind {
            Some(Kind::Text { most }) => Usual::Text { most },
            Some(Kind::Id) => Usual::Text { most: u32::MAX },
            Some(Kind::Decimal {
                precision, scale, ..
            }) => Usual::Decimal { precision, scale },
            Some(Kind::Time(times)) => Usual::Time(times),
            _ => Usual::No,
        }
    }
}

/// The layouts, most recently used first.
#[derive(Debug, Default)]
pub(super) struct Layouts {
    list: Vec<Known>,
    /// Misses to let pass before the next lesson.
    pause: u32,
    /// How long the pause after the next useless lesson is.
    next_pause: u32,
}

#[derive(Debug)]
struct Known {
    layout: Layout,
    hits: u32,
    /// The hits when it was last asked for.
    told: u32,
}

impl Layouts {
    /// Fills the cells when a remembered layout fits. On `None` the cells hold nothing of use.
    #[inline]
    pub(super) fn decode(
        &mut self,
        record: &[u8],
        cells: &mut [Cell],
        days: &mut DayCache,
    ) -> Option<()> {
        for index in 0..self.list.len() {
            let known = self.list.get_mut(index)?;
            if known.layout.decode(record, cells, days).is_none() {
                continue;
            }
            known.hits = known.hits.saturating_add(1);
            if index > 0
                && let Some(recent) = self.list.get_mut(..=index)
            {
                recent.rotate_right(1);
            }
            return Some(());
        }
        None
    }

    /// The columns that are absent from each layout that records had since this was last asked.
    pub(super) fn used(&mut self, mut each: impl FnMut(&[usize])) {
        for known in &mut self.list {
            if std::mem::replace(&mut known.told, known.hits) != known.hits {
                each(&known.layout.absent);
            }
        }
    }

    /// Remembers the layout of a record that the full path accepted, if records like it can go the fast way; whether it was
    /// not known.
    pub(super) fn learn(&mut self, record: &[u8], columns: &Columns, fields: &[Found]) -> bool {
        if self.pause > 0 {
            self.pause -= 1;
            return false;
        }
        let Some(layout) = Layout::of(record, columns, fields) else {
            return false;
        };
        if let Some(index) = self.list.iter().position(|known| known.layout == layout) {
            self.list[..=index].rotate_right(1);
            return false;
        }
        if self.list.len() == MOST
            && let Some(oldest) = self.list.pop()
        {
            // Layouts that never come back cost more to learn than they save: learn ever more rarely.
            self.next_pause = if oldest.hits < WORTH {
                (self.next_pause * 2).clamp(1, LONGEST_PAUSE)
            } else {
                0
            };
            self.pause = self.next_pause;
        }
        let known = Known {
            layout,
            hits: 0,
            told: 0,
        };
        self.list.insert(0, known);
        true
    }
}

impl Layout {
    /// The layout of an ordinary record: no escapes, and no arrays or objects inside.
    fn of(record: &[u8], columns: &Columns, fields: &[Found]) -> Option<Self> {
        if fields.is_empty()
            || fields.len() > MOST_FIELDS
            || memchr::memchr(b'\\', record).is_some()
        {
            return None;
        }
        let mut literals = Vec::with_capacity(record.len());
        let mut slots = Vec::with_capacity(fields.len());
        let mut at = 0;
        for field in fields {
            let (start, end) = (field.start as usize, field.end as usize);
            if matches!(record.get(start), None | Some(b'{' | b'[')) {
                return None;
            }
            literals.extend_from_slice(record.get(at..start)?);
            at = end;
            let column = field.column.and_then(|number| columns.list.get(number));
            slots.push(Slot {
                literal_end: literals.len(),
                column: column.map_or(usize::MAX, |c| c.number),
                kind: column.map(|c| c.kind),
                usual: Usual::of(column.map(|c| c.kind)),
                required: column.is_some_and(|c| c.required),
            });
        }
        literals.extend_from_slice(record.get(at..)?);
        let is_absent = |place: &usize| !fields.iter().any(|f| f.column == Some(*place));
        let absent = (0..columns.list.len()).filter(is_absent);
        Some(Layout {
            literals: literals.into(),
            slots: slots.into(),
            absent: absent.map(|place| columns.list[place].number).collect(),
        })
    }

    /// Fills the cells if the record has this layout and ordinary values.
    #[inline]
    fn decode(&self, record: &[u8], cells: &mut [Cell], days: &mut DayCache) -> Option<()> {
        for column in &self.absent {
            *cells.get_mut(*column)? = Cell::Null;
        }
        let (mut at, mut literal) = (0, 0);
        for slot in &self.slots {
            let expected = self.literals.get(literal..slot.literal_end)?;
            if !same(record.get(at..at + expected.len())?, expected) {
                return None;
            }
            at += expected.len();
            literal = slot.literal_end;
            let inner = at + 1;
            // Each kind writes its cell where it is made: there are few, and every record comes by here.
            at = match (slot.usual, *record.get(at)?) {
                (Usual::Text { most }, b'"') => {
                    let end = scan::string_end(record, inner)?;
                    // What may be too long is counted by the full path.
                    if end - inner > most as usize {
                        return None;
                    }
                    *cells.get_mut(slot.column)? = borrowed(inner, end);
                    end + 1
                }
                (Usual::Decimal { precision, scale }, b'-' | b'0'..=b'9') => {
                    let (unscaled, end) = number::decimal(record, at, precision, scale)?;
                    *cells.get_mut(slot.column)? = Cell::Decimal(unscaled);
                    end
                }
                (Usual::Time(times), b'"') => {
                    let (us, end) = scan::time(record, inner, times, days)?;
                    *cells.get_mut(slot.column)? = Cell::Int(us);
                    end
                }
                (_, first) => match slot.kind {
                    Some(kind) => {
                        let (cell, end) = rare_value(kind, first, slot.required, record, at)?;
                        *cells.get_mut(slot.column)? = cell;
                        end
                    }
                    None => unknown_end(record, at)?,
                },
            };
        }
        (record.get(at..)? == self.literals.get(literal..)?).then_some(())
    }
}

#[inline(always)]
fn borrowed(start: usize, end: usize) -> Cell {
    Cell::Text {
        start: start as u32,
        end: end as u32,
        scratch: false,
    }
}

/// The less usual forms.
fn rare_value(
    kind: Kind,
    first: u8,
    required: bool,
    record: &[u8],
    at: usize,
) -> Option<(Cell, usize)> {
    let rest = record.get(at..)?;
    match (kind, first) {
        (_, b'n') if !required && rest.starts_with(b"null") => Some((Cell::Null, at + 4)),
        (Kind::Id, b'-' | b'0'..=b'9') => {
            let end = number::integer_end(record, at)?;
            Some((borrowed(at, end), end))
        }
        (Kind::Written, b'"') => {
            let end = scan::string_end(record, at + 1)?;
            Some((borrowed(at + 1, end), end + 1))
        }
        (Kind::Written, b'-' | b'0'..=b'9') => {
            let end = number::number_end(record, at)?;
            Some((borrowed(at, end), end))
        }
        (Kind::Integer { width }, b'-' | b'0'..=b'9') => {
            let (n, end) = number::integer(record, at)?;
            width.holds(i128::from(n)).then_some((Cell::Int(n), end))
        }
        (Kind::Boolean, b't') if rest.starts_with(b"true") => Some((Cell::Int(1), at + 4)),
        (Kind::Boolean, b'f') if rest.starts_with(b"false") => Some((Cell::Int(0), at + 5)),
        (Kind::Double { single: false }, b'-' | b'0'..=b'9') => {
            let end = number::number_end(record, at)?;
            let text = std::str::from_utf8(record.get(at..end)?).ok()?;
            let n: f64 = text.parse().ok()?;
            n.is_finite().then_some((Cell::Double(Real::new(n)), end))
        }
        (Kind::Time(times), b'-' | b'0'..=b'9') => {
            let (ms, end) = number::integer(record, at)?;
            Some((Cell::Int(times.kept(ms.checked_mul(1000)?)?), end))
        }
        (
            Kind::Decimal {
                precision, scale, ..
            },
            b'"',
        ) => {
            let (unscaled, end) = number::decimal(record, at + 1, precision, scale)?;
            (record.get(end) == Some(&b'"')).then_some((Cell::Decimal(unscaled), end + 1))
        }
        (Kind::Date, b'"') => {
            let end = scan::string_end(record, at + 1)?;
            let days = times::date(record.get(at + 1..end)?)?;
            Some((Cell::Int(days), end + 1))
        }
        _ => None,
    }
}

/// Where the value of an unknown field ends: any scalar, checked like the others.
pub(super) fn unknown_end(record: &[u8], at: usize) -> Option<usize> {
    let rest = record.get(at..)?;
    match rest.first()? {
        b'"' => Some(scan::string_end(record, at + 1)? + 1),
        b'-' | b'0'..=b'9' => number::number_end(record, at),
        b't' if rest.starts_with(b"true") => Some(at + 4),
        b'f' if rest.starts_with(b"false") => Some(at + 5),
        b'n' if rest.starts_with(b"null") => Some(at + 4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::Decoder;
    use standings_model::table::Table;

    fn decoder() -> Decoder {
        let mut table = Table::sales();
        table.columns[2].nullable = false;
        Decoder::new(&table, None, 1 << 20)
    }

    fn hits(decoder: &Decoder) -> u32 {
        decoder
            .form
            .layouts
            .list
            .iter()
            .map(|known| known.hits)
            .sum()
    }

    #[test]
    fn records_of_one_layout_go_the_fast_way() {
        let mut decoder = decoder();
        for (n, record) in [
            r#"{"sale_id":"a-1","event_time":"2026-01-23T10:15:00.123Z","city":"Lisbon","x":1,"amount":12.34}"#,
            r#"{"sale_id":17,"event_time":1769163300123,"city":"Łódź","x":true,"amount":"-0.5"}"#,
            r#"{"sale_id":null,"event_time":"2026-01-23T10:15:00+01:00","city":"","x":"é","amount":1e2}"#,
            r#"{"sale_id":"","event_time":"2016-12-31T23:59:60Z","city":"b","x":-1.5e-7,"amount":123456789012345678901}"#,
        ]
        .iter()
        .enumerate()
        {
            decoder.decode(record.as_bytes()).unwrap();
            assert_eq!(hits(&decoder), n as u32, "{record}");
        }
    }

    #[test]
    fn alternating_layouts_all_go_the_fast_way() {
        let mut decoder = decoder();
        let records: Vec<String> = (0..super::MOST)
            .map(|n| format!(r#"{{{:n$}"event_time":1,"city":"a","amount":1}}"#, ""))
            .collect();
        for _ in 0..10 {
            for record in &records {
                decoder.decode(record.as_bytes()).unwrap();
            }
        }
        assert_eq!(hits(&decoder), 9 * super::MOST as u32);
    }

    #[test]
    fn layouts_that_never_come_back_are_learnt_ever_more_rarely() {
        let mut decoder = decoder();
        for n in 0..5000 {
            decoder
                .decode(format!(r#"{{"event_time":1,"city":"a","x{n}":0,"amount":1}}"#).as_bytes())
                .unwrap();
        }
        assert_eq!(decoder.form.layouts.next_pause, super::LONGEST_PAUSE);
        // And a steady stream is learnt again, after the pause.
        for _ in 0..1000 {
            decoder
                .decode(br#"{"event_time":1,"city":"a","amount":1}"#)
                .unwrap();
        }
        assert!(hits(&decoder) > 700);
    }

    #[test]
    fn unusual_records_teach_nothing() {
        let mut decoder = decoder();
        for record in [
            r#"{"event_time":1,"city":"a\u0062","amount":1}"#,
            r#"{"event_time":1,"city":"a","amount":1,"x":{}}"#,
            r#"{"event_time":1,"city":"a","amount":1,"x":[1]}"#,
        ] {
            decoder.decode(record.as_bytes()).unwrap();
        }
        assert!(decoder.form.layouts.list.is_empty());
    }
}
