//! The table as it is known where the log is read: its columns, how each is written, and what the configuration names of it.

use std::collections::BTreeMap;

use standings_model::sabotage::{self, Mistake};

use super::kind::{self, Kind, Types};
use super::pgoutput::{Column, Datum, Tuple};
use super::value;
use crate::drift::{self, Drift};
use crate::row::push_text;

/// A table's columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    columns: Vec<Column>,
    kinds: Vec<Kind>,
    /// The types' names, by column.
    pub(super) named: BTreeMap<String, String>,
}

impl Known {
    pub(super) fn new(columns: &[Column], types: &Types, is_iso: bool) -> Self {
        let named = columns
            .iter()
            .map(|c| (c.name.clone(), kind::name(c, types)));
        Known {
            kinds: columns
                .iter()
                .map(|c| match is_iso {
                    true => Kind::of(c, types).iso(),
                    false => Kind::of(c, types),
                })
                .collect(),
            named: named.collect(),
            columns: columns.to_vec(),
        }
    }

    /// Columns that the configuration names must be what they were; those with their types.
    pub(super) fn judge(
        &self,
        mapped: &[String],
        was: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, Drift> {
        drift::judge(mapped.iter().map(String::as_str), was, &self.named)?;
        let of = mapped.iter();
        Ok(of
            .filter_map(|name| Some((name.clone(), self.named.get(name)?.clone())))
            .collect())
    }

    /// A row as JSON.
    pub(super) fn json(&self, row: &Tuple) -> Vec<u8> {
        let mut out = vec![b'{'];
        for ((column, kind), datum) in self.columns.iter().zip(&self.kinds).zip(row) {
            if out.len() > 1 {
                out.push(b',');
            }
            push_text(&mut out, &column.name);
            out.push(b':');
            match datum {
                Datum::Text(text) => value::push(&mut out, kind, text),
                Datum::Null | Datum::Unchanged => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
        out
    }

    /// The texts of some columns; none where one of them is NULL, or not there.
    pub(super) fn texts(&self, row: &Tuple, names: &[String]) -> Option<Vec<String>> {
        let text = |name: &String| {
            let at = self.columns.iter().position(|c| c.name == *name)?;
            match row.get(at)? {
                Datum::Text(text) => Some(text.clone()),
                Datum::Null | Datum::Unchanged => None,
            }
        };
        names.iter().map(text).collect()
    }

    /// A row by its columns' names.
    pub(super) fn by_name(&self, row: &Tuple) -> BTreeMap<String, Option<String>> {
        let pairs = self.columns.iter().zip(row);
        let pairs = pairs.map(|(column, datum)| {
            let text = match datum {
                Datum::Text(text) => Some(text.clone()),
                Datum::Null | Datum::Unchanged => None,
            };
            (column.name.clone(), text)
        });
        pairs.collect()
    }
}

/// A row with what was not changed of it, from the row before.
pub(super) fn whole(new: Tuple, old: &Tuple) -> Tuple {
    let of = |(at, datum): (usize, Datum)| match datum {
        Datum::Unchanged if !sabotage::is(Mistake::IngestUnchangedNull) => {
            old.get(at).cloned().unwrap_or(Datum::Null)
        }
        datum => datum,
    };
    new.into_iter().enumerate().map(of).collect()
}
