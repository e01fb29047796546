//! `ORDER BY` as one comparable key: the least comes first, whatever the directions and NULL placements.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::pack::key::{KeyCodec, push_i128};
use crate::pack::layout::{Layout, NO_TEXT, NULL_NUMBER, Source, average, wide};
use standings_model::plan::{Field, FieldType, OrderTerm, Ranking};
use standings_model::sabotage::{self, Mistake};
use standings_model::schema::Schema;
use standings_model::value::Value;

use crate::pack::distinct::Sets;
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
}

/// Reads measures and order keys out of rows of one ranking.
pub struct Reader {
    /// Row layout.
    pub layout: Layout,
    /// How totals keep such rows.
    pub packing: Packing,
    /// Group key columns.
    pub codec: KeyCodec,
    types: Vec<FieldType>,
    order: Vec<OrderTerm>,
}

/// A row of accumulators with what its words refer to.
#[derive(Clone, Copy)]
pub struct RowView<'a> {
    /// The accumulators.
    pub words: &'a [u64],
    /// The text that is the group key.
    pub key: u32,
    /// Texts of the worker.
    pub texts: &'a Interner,
    /// Distinct values of the window.
    pub sets: &'a Sets,
}

impl<'a> RowView<'a> {
    /// The group key's bytes.
    #[inline]
    pub fn key_bytes(self) -> &'a [u8] {
        self.texts.get(self.key)
    }
}

impl Reader {
    /// For one ranking.
    pub fn new(ranking: &Ranking, schema: &Schema) -> Self {
        let layout = Layout::new(ranking, schema);
        Reader {
            packing: Packing::new(&layout, !ranking.partition.is_empty()),
            layout,
            codec: KeyCodec::new(ranking, schema),
            types: (0..ranking.measures.len())
                .map(|i| ranking.field_type(Field::Measure(i), schema))
                .collect(),
            order: ranking.order.clone(),
        }
    }

    /// The measures of a row.
    pub fn measures(&self, row: RowView<'_>) -> Arc<[Value]> {
        (0..self.types.len())
            .map(|i| self.measure(i, row))
            .collect()
    }

    fn measure(&self, i: usize, row: RowView<'_>) -> Value {
        let text = |at: usize| match row.words[at] {
            NO_TEXT => Value::Null,
            id => Value::text(String::from_utf8_lossy(row.texts.get(id as u32)).into_owned()),
        };
        match (self.number(i, row), self.layout.sources[i]) {
            (_, Source::Text(at)) => text(at),
            (_, Source::LastText(at)) => text(at + 3),
            (None, _) => Value::Null,
            (Some(n), _) => match self.types[i] {
                FieldType::Decimal => Value::Decimal(n),
                FieldType::Time => Value::Time(n as i64),
                FieldType::Integer | FieldType::Text => Value::Integer(n),
            },
        }
    }

    /// A measure as a number: decimals in minor units, times in ms; `None` for NULL and for texts.
    fn number(&self, i: usize, row: RowView<'_>) -> Option<i128> {
        let words = row.words;
        match self.layout.sources[i] {
            Source::Count(at) => Some(i128::from(words[at])),
            Source::Sum(at, count) => (words[count] > 0).then(|| wide(words, at)),
            Source::Avg(at, count, decimal) => {
                (words[count] > 0).then(|| average(wide(words, at), words[count], decimal))
            }
            Source::Number(at) => {
                Some(wide(words, at)).filter(|n| *n != i128::MAX && *n != i128::MIN)
            }
            Source::Last(at) => Some(wide(words, at + 3)).filter(|n| *n != NULL_NUMBER),
            Source::Distinct(at) => Some(row.sets.len(words[at]) as i128),
            Source::Text(_) | Source::LastText(_) => None,
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
                head: turned(self.number(i, row), term),
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
                    let number = turned(self.number(i, row), term);
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
            match value {
                Value::Text(text) => {
                    tail.push(1);
                    let end = if term.descending { 0xff } else { 0 };
                    tail.extend(
                        text.bytes()
                            .chain([0])
                            .map(|b| if term.descending { !b } else { b }),
                    );
                    debug_assert_eq!(tail.last(), Some(&end));
                }
                Value::Null => tail.push(if term.nulls_first { 0 } else { 2 }),
                Value::Integer(n) | Value::Decimal(n) => {
                    push_i128(&mut tail, turned(Some(n), term))
                }
                Value::Time(t) => push_i128(&mut tail, turned(Some(i128::from(t)), term)),
            }
        }
        OrderKey {
            head,
            tail: Some(tail.into()),
        }
    }

    fn is_text(&self, measure: usize) -> bool {
        matches!(
            self.layout.sources[measure],
            Source::Text(_) | Source::LastText(_)
        )
    }
}

/// A number such that less comes first. NULL lies outside of what any value can be.
fn turned(value: Option<i128>, term: &OrderTerm) -> i128 {
    match value {
        Some(n) if term.descending => !n,
        Some(n) => n,
        None if term.nulls_first => i128::MIN,
        None => i128::MAX,
    }
}
