//! Rows ranked as they are, as one piece of bytes each, from who reads them to who shows them.
//!
//! ```text
//! [ length of the place, 4 bytes ][ place: ORDER BY, then the row's name, 16 bytes ][ its accumulators' values, in their order ]
//! partition: the columns that it is partitioned by, as they lie in a key behind the row's name
//! ```
//!
//! Such a row never changes, and few are kept of each partition: what costs is to make it, to move it and to hold it. So it is
//! made once, by its reader, and only if its place says that it can be ranked; it is moved and compared as bytes, and decoded where
//! a commit shows it. Owner and gather share the same bytes where they are of one process.
//!
//! 1. Of two places of a ranking that which comes first is the lesser, byte by byte; no two rows have one place.
//! 2. A place depends on the row alone: neither on its table's types beyond the plan nor on who reads it.
//! 3. Nothing of this is in a file: snapshots hold such rows as all others ([`TopCodec::to_words`]).
//!
//! Which rankings have rows like that is said by [`is_top`]: a few best of each partition by `ROW_NUMBER`, in one window each, of
//! tables that only grow, with nothing computed of them and nobody who reads them on.

mod cells;
mod few;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::cells::{Cells, OfSale, Words};
pub use self::few::Few;
use super::key::{push_escaped, push_i64, push_i128};
use super::layout::{Layout, NO_TEXT, NULL_NUMBER, SlotKind, Source, put_wide};
use standings_model::leb128;
use standings_model::plan::{Aggregate, Field, OrderTerm, Plan, RankFunction};
use standings_model::row_id::RowId;
use standings_model::types::Type;
use standings_model::value::Value;

/// With more ranks a partition is no short list any more.
const MOST: u64 = 1024;
/// Bytes before the place.
const HEAD: usize = 4;
/// Bytes of a row's name.
const NAME: usize = 16;

/// Whether a ranking's rows are kept as pieces of bytes.
pub fn is_top(plan: &Plan, number: usize) -> bool {
    let ranking = &plan.rankings[number];
    let window = &ranking.window;
    let is_one = window.is_always() || (!window.is_session() && window.pane() == window.size());
    let mut of_tables = plan.tables.iter().filter_map(|t| t.of_ranking.as_ref());
    let is_read = of_tables.any(|of| *of.ranking == *ranking.name);
    // The only key is the row's name, and all that is behind it is partitioned by.
    let names = |column: usize| ranking.row[column].is_row_id && !ranking.row[column].nullable;
    let is_named = matches!(&ranking.keys[..], [key] if names(key.column));
    let mut placed = 1..1 + ranking.placed.len();
    let is_placed =
        placed.all(|i| ranking.partition.contains(&i)) && ranking.partition.iter().all(|i| *i >= 1);
    let is_plain = |column: usize| !ranking.row[column].kind.is_nested();
    let of_row = |aggregate: &Aggregate| match aggregate {
        Aggregate::LastValue(c) => is_plain(*c),
        _ => false,
    };
    let mut measures = ranking.measures.iter();
    let mut order = ranking.order.iter();
    ranking.is_rows
        && !ranking.retracts
        && !ranking.lets_go
        && !ranking.is_hidden
        && ranking.joined.is_none()
        && ranking.having.is_none()
        && ranking.shown_if.is_none()
        && ranking.computed.is_empty()
        && ranking.rank == Some(RankFunction::RowNumber)
        && ranking.limit <= MOST
        && is_one
        && is_named
        && is_placed
        && !is_read
        && !plan.is_nested(ranking)
        && measures.all(|m| m.filter.is_none() && of_row(&m.aggregate))
        && order.all(|term| matches!(term.field, Field::Measure(_)))
}

/// How the rows of one ranking lie in their bytes.
#[derive(Clone, Debug)]
pub struct TopCodec {
    /// By accumulator, whether it is a text, and where its words begin in the layout's row.
    slots: Vec<(bool, usize)>,
    terms: Vec<Term>,
    /// By measure, the accumulator and the type; none of what is not told.
    measures: Vec<Option<(usize, Type)>>,
    /// Each measure has the accumulator of its own number.
    is_straight: bool,
    /// Words of a row of the layout.
    width: usize,
    /// How many are kept of a partition.
    limit: usize,
}

/// A term of the order.
#[derive(Clone, Debug)]
struct Term {
    slot: usize,
    of: OrderTerm,
    form: Form,
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// A text, which never holds 0x00.
    Text,
    Bytes,
    /// A number of 64 bits at most.
    Narrow,
    Wide,
}

impl TopCodec {
    /// Of a ranking that [`is_top`]; none of others.
    pub fn new(plan: &Plan, number: usize) -> Option<Self> {
        if !is_top(plan, number) {
            return None;
        }
        let ranking = &plan.rankings[number];
        let layout = Layout::new(ranking);
        let slot = |source: Source| {
            let (Source::Text(at) | Source::Value(at)) = source else {
                return None;
            };
            layout.slots.iter().position(|s| s.at == at)
        };
        let term = |of: &OrderTerm| {
            let Field::Measure(measure) = of.field else {
                return None;
            };
            let form = match ranking.field_type(of.field).0 {
                Type::Bytes => Form::Bytes,
                kind if kind.is_text() => Form::Text,
                Type::Decimal { .. } => Form::Wide,
                _ => Form::Narrow,
            };
            Some(Term {
                slot: slot(layout.sources[measure])?,
                of: *of,
                form,
            })
        };
        let measure = |i: usize| {
            let kind = ranking.field_type(Field::Measure(i)).0;
            let slot = slot(layout.sources[i])?;
            Some(ranking.tells(i).then_some((slot, kind)))
        };
        let measures = (0..ranking.measures.len()).map(measure);
        let measures: Vec<_> = measures.collect::<Option<_>>()?;
        let is_own = |(i, of): (usize, &Option<(usize, Type)>)| {
            of.as_ref().is_none_or(|(slot, _)| *slot == i)
        };
        let is_straight =
            measures.len() == layout.slots.len() && measures.iter().enumerate().all(is_own);
        let slots = layout.slots.iter();
        let slots = slots.map(|s| match s.kind {
            SlotKind::Only(_) => Some((false, s.at)),
            SlotKind::OnlyText(_) => Some((true, s.at)),
            _ => None,
        });
        Some(TopCodec {
            slots: slots.collect::<Option<_>>()?,
            terms: ranking.order.iter().map(term).collect::<Option<_>>()?,
            measures,
            is_straight,
            width: layout.width,
            limit: usize::try_from(ranking.limit).ok()?,
        })
    }

    /// How many rows are kept of a partition.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Appends the place of a row with this name.
    #[inline]
    pub fn push_place(&self, out: &mut Vec<u8>, cells: &impl Cells, name: i128) {
        for Term { slot, of, form } in &self.terms {
            let from = out.len();
            match form {
                Form::Narrow | Form::Wide => {
                    let number = cells.number(*slot);
                    let Some(n) = number.map(|n| if of.descending { !n } else { n }) else {
                        out.push(if of.nulls_first { 0 } else { 2 });
                        continue;
                    };
                    out.push(1);
                    match form {
                        // All but decimals have 64 bits.
                        Form::Narrow => push_i64(out, n as i64),
                        _ => push_i128(out, n),
                    }
                    continue;
                }
                Form::Text | Form::Bytes => {
                    let Some(bytes) = cells.bytes(*slot) else {
                        out.push(if of.nulls_first { 0 } else { 2 });
                        continue;
                    };
                    out.push(1);
                    match form {
                        Form::Bytes => push_escaped(out, bytes),
                        _ => {
                            out.extend_from_slice(bytes);
                            out.push(0);
                        }
                    }
                }
            }
            if of.descending {
                out[from + 1..].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        out.extend_from_slice(&name.to_be_bytes());
    }

    /// Appends a row by its place.
    #[inline]
    pub fn push_row(&self, out: &mut Vec<u8>, place: &[u8], cells: &impl Cells) {
        out.extend_from_slice(&(place.len() as u32).to_le_bytes());
        out.extend_from_slice(place);
        for (slot, (is_text, _)) in self.slots.iter().enumerate() {
            match is_text {
                true => match cells.bytes(slot) {
                    None => out.push(0),
                    Some(bytes) => {
                        leb128::push(out, bytes.len() as u64 + 1);
                        out.extend_from_slice(bytes);
                    }
                },
                false => match cells.number(slot) {
                    None => out.push(0),
                    Some(n) => push_number(out, n),
                },
            }
        }
    }

    /// The values of a row's key: its name.
    pub fn key(&self, row: &[u8]) -> Arc<[Value]> {
        Arc::from([Value::Text(RowId::of_number(name(row)).text())])
    }

    /// Its measures as they are told; NULL for what is not.
    pub fn measures(&self, row: &[u8]) -> Arc<[Value]> {
        if self.is_straight {
            let mut rest = values(row);
            let all = self.slots.iter().zip(&self.measures);
            let told = all.map(|((is_text, _), measure)| {
                let cell = next(&mut rest, *is_text);
                let told = cell.zip(measure.as_ref());
                told.map_or(Value::Null, |(bytes, (_, kind))| {
                    value(bytes, *is_text, kind)
                })
            });
            return told.collect();
        }
        let cells = self.split(row);
        let told = self.measures.iter().map(|measure| {
            let Some((slot, kind)) = measure else {
                return Value::Null;
            };
            let is_text = self.slots[*slot].0;
            cells[*slot].map_or(Value::Null, |bytes| value(bytes, is_text, kind))
        });
        told.collect()
    }

    /// The bytes of each accumulator's value; none of NULL.
    fn split<'a>(&self, row: &'a [u8]) -> Vec<Option<&'a [u8]>> {
        let mut rest = values(row);
        let all = self.slots.iter();
        all.map(|(is_text, _)| next(&mut rest, *is_text)).collect()
    }

    /// Appends a row as words of the layout; `text` gives each text a number.
    pub fn to_words(&self, row: &[u8], words: &mut Vec<u64>, mut text: impl FnMut(&[u8]) -> u32) {
        let from = words.len();
        words.resize(from + self.width, 0);
        let words = &mut words[from..];
        for ((is_text, at), cell) in self.slots.iter().zip(self.split(row)) {
            match (is_text, cell) {
                (true, None) => words[*at] = NO_TEXT,
                (true, Some(bytes)) => words[*at] = u64::from(text(bytes)),
                (false, cell) => put_wide(words, *at, cell.map_or(NULL_NUMBER, number)),
            }
        }
    }

    /// Where the words of an accumulator begin in the layout's row.
    pub fn at(&self, slot: usize) -> usize {
        self.slots[slot].1
    }

    /// Words of a row of the layout.
    pub fn width(&self) -> usize {
        self.width
    }
}

/// Where a row stands in its partition: that with the lesser bytes comes first.
#[inline]
pub fn place(row: &[u8]) -> &[u8] {
    let length = row.first_chunk().map_or(0, |n| u32::from_le_bytes(*n));
    row.get(HEAD..HEAD + length as usize).unwrap_or_default()
}

/// The values of a row's accumulators, one behind the other.
fn values(row: &[u8]) -> &[u8] {
    row.get(HEAD + place(row).len()..).unwrap_or_default()
}

/// Takes the bytes of the next value; none of NULL.
#[inline]
fn next<'a>(rest: &mut &'a [u8], is_text: bool) -> Option<&'a [u8]> {
    let length = match is_text {
        true => leb128::take(rest)? as usize,
        false => {
            let (tag, behind) = rest.split_first()?;
            *rest = behind;
            usize::from(*tag) + usize::from(*tag > 0)
        }
    };
    // One more than there are bytes, and nothing for NULL.
    let (bytes, behind) = rest.split_at_checked(length.checked_sub(1)?)?;
    *rest = behind;
    Some(bytes)
}

#[inline]
fn value(bytes: &[u8], is_text: bool, kind: &Type) -> Value {
    match is_text {
        true => Value::of_bytes(bytes, kind),
        false => Value::of_number(number(bytes), kind),
    }
}

/// A row's name, as a number.
pub fn name(row: &[u8]) -> i128 {
    let name = place(row).last_chunk::<NAME>();
    name.map_or(0, |bytes| i128::from_be_bytes(*bytes))
}

/// A row's name and its partition, out of the bytes of its key.
pub fn of_key(key: &[u8]) -> Option<(i128, &[u8])> {
    let (name, partition) = key.split_first_chunk::<NAME>()?;
    Some((i128::from_be_bytes(*name), partition))
}

/// Appends how many bytes a number needs, and these, the lowest first.
fn push_number(out: &mut Vec<u8>, n: i128) {
    let bits = 128 - (if n < 0 { !n } else { n }).leading_zeros();
    // One for the sign.
    let bytes = bits as usize / 8 + 1;
    out.push(bytes as u8);
    out.extend_from_slice(&n.to_le_bytes()[..bytes]);
}

/// Reads what [`push_number`] wrote behind the number of bytes.
fn number(bytes: &[u8]) -> i128 {
    let is_negative = bytes.last().is_some_and(|last| last & 0x80 != 0);
    let mut all = [if is_negative { 0xff } else { 0 }; 16];
    for (to, from) in all.iter_mut().zip(bytes) {
        *to = *from;
    }
    i128::from_le_bytes(all)
}
