//! `ORDER BY` as one comparable key: the least comes first, whatever the directions and NULL placements.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::computed::Computed;
use crate::pack::bag;
use crate::pack::key::{KeyCodec, push_escaped, push_i128};
use crate::pack::layout::{Layout, NO_TEXT, Show, Source, TOO_WIDE, wide};
use standings_model::placed::{push_measure, push_ordered};
use standings_model::plan::{Field, OrderTerm, Ranking};
use standings_model::sabotage::{self, Mistake};
use standings_model::statistics::{between, position};
use standings_model::types::Type;
use standings_model::value::Value;

use crate::pack::aside::Aside;
use crate::pack::interner::Interner;
use crate::pack::rows::Packing;

/// The order values of a row. Equal keys are ties.
///
/// The first numeric term is a plain number, since nearly every ranking orders by one sum; further terms are bytes
/// whose order is theirs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OrderKey {
    head: i128,
    tail: Option<Box<[u8]>>,
}

impl OrderKey {
    /// Of one number: the least comes first.
    pub fn of(head: i128) -> Self {
        OrderKey { head, tail: None }
    }

    /// Appends it as bytes whose order is the same, and that end by themselves.
    pub fn push(&self, out: &mut Vec<u8>) {
        push_ordered(out, self.head);
        out.extend_from_slice(self.tail.as_deref().unwrap_or_default());
    }
}

/// Reads measures and order keys out of rows of one ranking.
pub struct Reader {
    /// Row layout.
    pub layout: Layout,
    /// How totals keep such rows.
    pub packing: Packing,
    /// Group key columns.
    pub codec: KeyCodec,
    types: Vec<Type>,
    /// Measures that can have more digits than a decimal.
    at_risk: Vec<usize>,
    order: Vec<OrderTerm>,
    /// Measures that are not told beyond their owner.
    untold: Vec<bool>,
    computed: Option<Computed>,
    gate: Gate,
    /// Whether rows are ranked.
    pub ranks: bool,
}

/// Which rows can be ranked.
#[derive(Clone, Copy)]
enum Gate {
    All,
    /// Those of which this measure holds.
    Having(usize),
    /// Those that stand for a row of the input at least, by where their number is; and of which a measure holds.
    Held(usize, Option<usize>),
}

/// Sums of upper halves from here on are of sums that have more digits than a decimal; those of smaller ones have not more than 128
/// bits.
const TOO_HIGH: u128 = 3 << 61;

/// The same of the highest 64 bits of squares: sums of smaller ones have not more than 256 bits.
const TOO_HIGH_SQUARES: u128 = 3 << 62;

/// A row of accumulators with what its words refer to.
#[derive(Clone, Copy)]
pub struct RowView<'a> {
    /// The accumulators.
    pub words: &'a [u64],
    /// The text that is the group key.
    pub key: u32,
    /// Texts of the worker.
    pub texts: &'a Interner,
    /// What rows of the window keep beside their words.
    pub aside: &'a Aside,
    /// The window's start and end, ms.
    pub window: (i64, i64),
}

impl<'a> RowView<'a> {
    /// The group key's bytes.
    #[inline]
    pub fn key_bytes(self) -> &'a [u8] {
        self.texts.get(self.key)
    }
}

impl Reader {
    /// For one ranking, whose local times are those of a zone.
    pub fn new(ranking: &Ranking, zone: Option<&str>) -> Self {
        let layout = Layout::new(ranking);
        Reader {
            at_risk: layout.at_risk(ranking),
            packing: Packing::new(&layout, !ranking.partition.is_empty()),
            gate: match (layout.rows, ranking.having) {
                (Some(rows), having) => Gate::Held(rows, having),
                (None, Some(having)) => Gate::Having(having),
                (None, None) => Gate::All,
            },
            layout,
            codec: KeyCodec::new(ranking),
            types: (0..ranking.measures.len())
                .map(|i| ranking.field_type(Field::Measure(i)).0)
                .collect(),
            order: ranking.order.clone(),
            untold: (0..ranking.measures.len())
                .map(|i| !ranking.tells(i))
                .collect(),
            computed: Computed::new(ranking, zone),
            ranks: ranking.rank.is_some(),
        }
    }

    /// Whether a row is one, and passes `HAVING`.
    #[inline]
    pub fn passes(&self, row: RowView<'_>) -> bool {
        let holds = |measure: usize| self.measure(measure, row) == Value::Boolean(true);
        match self.gate {
            Gate::All => true,
            Gate::Having(measure) => holds(measure),
            Gate::Held(rows, having) => {
                let is_one = row.words[rows] != 0 || sabotage::is(Mistake::EmptyGroupStays);
                is_one && having.is_none_or(holds)
            }
        }
    }

    /// How many computed values had an error since this was asked last.
    pub fn take_errors(&self) -> u64 {
        self.computed.as_ref().map_or(0, Computed::take_errors)
    }

    /// Counts errors that were seen elsewhere.
    pub fn add_errors(&self, more: u64) {
        if let Some(computed) = &self.computed {
            computed.add_errors(more);
        }
    }

    /// Whether some measure can have more digits than a decimal.
    #[inline]
    pub fn is_at_risk(&self) -> bool {
        !self.at_risk.is_empty()
    }

    /// Whether some measure of a row has.
    pub fn is_too_wide(&self, row: RowView<'_>) -> bool {
        let high = self.layout.high.iter();
        let mut high = high.map(|at| wide(row.words, *at).unsigned_abs());
        if high.any(|sum| sum >= TOO_HIGH_SQUARES) {
            return true;
        }
        let upper = self.layout.upper.iter().flatten();
        let mut upper = upper.map(|at| wide(row.words, *at).unsigned_abs());
        if upper.any(|sum| sum >= TOO_HIGH) {
            return true;
        }
        let numbers = self.at_risk.iter().map(|i| self.number(*i, row));
        numbers.flatten().any(|n| n.unsigned_abs() >= TOO_WIDE)
    }

    /// The measures of a row that are told of it; NULL for the others.
    pub fn measures(&self, row: RowView<'_>) -> Arc<[Value]> {
        let told = |i: usize| match self.untold[i] {
            true => Value::Null,
            false => self.measure(i, row),
        };
        (0..self.types.len()).map(told).collect()
    }

    /// Appends the same as bytes (`standings_model::placed`).
    pub fn push_measures(&self, row: RowView<'_>, out: &mut Vec<u8>) {
        for i in 0..self.types.len() {
            match self.untold[i] {
                true => push_measure(out, &Value::Null),
                false => push_measure(out, &self.measure(i, row)),
            }
        }
    }

    fn measure(&self, i: usize, row: RowView<'_>) -> Value {
        let kind = &self.types[i];
        if self.layout.sources[i] == Source::Computed {
            return self.compute(i, row).unwrap_or(Value::Null);
        }
        if let Some(at) = self.layout.sources[i].text() {
            return match row.words[at] {
                NO_TEXT => Value::Null,
                id => Value::of_bytes(row.texts.get(id as u32), kind),
            };
        }
        if self.is_text(i) {
            let bytes = self.layout.sources[i].shown(row);
            return bytes.map_or(Value::Null, |bytes| Value::of_bytes(bytes, kind));
        }
        let number = self.number(i, row);
        number.map_or(Value::Null, |n| Value::of_number(n, kind))
    }

    /// A measure that is computed of others.
    fn compute(&self, i: usize, row: RowView<'_>) -> Option<Value> {
        let key = || self.codec.decode(row.key_bytes());
        let of = |other: usize| self.measure(other, row);
        let computed = self.computed.as_ref()?;
        computed.value(i, &self.types[i], row.window, key, of)
    }

    /// A measure as a number; `None` for NULL and for what is kept as bytes.
    fn number(&self, i: usize, row: RowView<'_>) -> Option<i128> {
        match self.layout.sources[i] {
            Source::Distinct(at) => Some(row.aside.sets.len(row.words[at]) as i128),
            Source::Percentile(at, of, from, to) => {
                let all = row.aside.values(row.words[at])?;
                let (place, parts) = position(all.len(), of);
                let (low, high) = (all.at(place), all.at(place + 1));
                Some(between(low, high, parts, from, to))
            }
            Source::Sketch(at) => {
                let sketch = row.aside.sketch(row.words[at]);
                Some(sketch.map_or(0, |s| i128::from(s.estimate())))
            }
            Source::Computed => self.compute(i, row)?.number(),
            Source::Least(at) => row.aside.values(row.words[at])?.least(),
            Source::Greatest(at) => row.aside.values(row.words[at])?.greatest(),
            Source::Different(at) => {
                let all = row.aside.values(row.words[at]);
                Some(all.map_or(0, |all| all.different() as i128))
            }
            Source::Entries(at) => {
                let bag = row.aside.bag(row.words[at]);
                Some(bag.map_or(0, |bag| bag.len() as i128))
            }
            source @ (Source::First(..) | Source::Last(..)) => {
                let bytes = source.shown(row)?.try_into().ok()?;
                Some(i128::from_be_bytes(bytes))
            }
            source => source.number(row.words),
        }
    }

    /// The order key of a row.
    pub fn order(&self, row: RowView<'_>) -> OrderKey {
        if let [term] = &self.order[..]
            && let Field::Measure(i) = term.field
            && !self.is_text(i)
        {
            let by_hash = sabotage::is(Mistake::TiesByHash);
            return OrderKey {
                head: term.turned(self.number(i, row)),
                tail: by_hash
                    .then(|| Box::from(xxhash_rust::xxh3::xxh3_64(row.key_bytes()).to_be_bytes())),
            };
        }
        let mut tail = Vec::new();
        let mut head = 0;
        let mut key = None;
        for (n, term) in self.order.iter().enumerate() {
            let value = match term.field {
                Field::Measure(i) if !self.is_text(i) => {
                    let number = term.turned(self.number(i, row));
                    if n == 0 {
                        head = number;
                    } else {
                        push_i128(&mut tail, number);
                    }
                    continue;
                }
                Field::Measure(i) => self.measure(i, row),
                Field::Key(i) => {
                    key.get_or_insert_with(|| self.codec.decode(row.key_bytes()))[i].clone()
                }
            };
            let is_bytes = match term.field {
                Field::Measure(_) => true,
                Field::Key(i) => self.codec.is_bytes(i),
            };
            if !is_bytes {
                push_i128(&mut tail, term.turned(value.number()));
                continue;
            }
            match value.bytes() {
                Some(bytes) => {
                    tail.push(1);
                    let from = tail.len();
                    match value {
                        Value::Text(_) => {
                            // Text never holds 0x00.
                            tail.extend_from_slice(bytes);
                            tail.push(0);
                        }
                        _ => push_escaped(&mut tail, bytes),
                    }
                    if term.descending {
                        tail[from..].iter_mut().for_each(|b| *b = !*b);
                    }
                }
                None => tail.push(if term.nulls_first { 0 } else { 2 }),
            }
        }
        OrderKey {
            head,
            tail: Some(tail.into()),
        }
    }

    fn is_text(&self, measure: usize) -> bool {
        match self.layout.sources[measure] {
            Source::Computed => self.types[measure].is_bytes(),
            Source::First(_, show) | Source::Last(_, show) => show != Show::Number,
            source => source.text().is_some(),
        }
    }
}

impl Source {
    /// The value that the first or the last entry of a bag shows, as it lies there; none of NULL.
    fn shown(self, row: RowView<'_>) -> Option<&[u8]> {
        let (entry, show) = match self {
            Source::First(at, show) => (row.aside.bag(row.words[at])?.first()?, show),
            Source::Last(at, show) => (row.aside.bag(row.words[at])?.last()?, show),
            _ => return None,
        };
        match show {
            Show::Whole => Some(entry),
            Show::Bytes | Show::Number => bag::value(entry),
        }
    }
}
