//! Fields of JSON records that come, go, or change their type: noticed where a record is looked at anyhow, so that the fast path
//! knows nothing of it.
//!
//! ```text
//! fast path ──► hits of its layouts ──────────────┐ at the end of a block
//! full path ──► which columns were there ─────────┼──► gone for 10,000 records? ──► dropped
//!           └─► a layout is learnt, each 64th ────┤
//! a record of some thousands, looked at once more ┴──► a name, a type that was not there ──► added, retyped
//! ```
//!
//! 1. What the first thousand records have is what there is: it is no drift.
//! 2. Each is told once by a decoder: a name that comes, a column that goes (and again after it came back), a type of a column.

use std::collections::HashSet;

use serde_json::Value;

use super::columns::{Columns, Fills, Object};
use super::layout::Layouts;

/// Records whose fields are taken for what there is.
const BEGINNING: u64 = 1_000;
/// A column that so many records lack is gone.
const GONE: u64 = 10_000;
/// Of records that teach the fast path nothing one of so many is looked at.
const EACH: u64 = 64;
/// Between two records of the fast path that are looked at.
const BETWEEN: u64 = 4_096;
/// Different names that are remembered, how long they may be, and how many are told.
const NAMES: usize = 1_000;
const LONGEST: usize = 256;
const TOLD: usize = 100;

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Drift {
    /// It is there, and was not; no column takes it.
    Added,
    /// A column whose field was there, and is in none of the last records.
    Dropped,
    /// A column whose field has another JSON type than before.
    Retyped,
}

impl Drift {
    /// All of them.
    pub const ALL: [Drift; 3] = [Drift::Added, Drift::Dropped, Drift::Retyped];

    /// As events and labels name it.
    pub fn word(self) -> &'static str {
        match self {
            Drift::Added => "added",
            Drift::Dropped => "dropped",
            Drift::Retyped => "retyped",
        }
    }
}

/// One column.
#[derive(Clone, Debug, Default)]
struct State {
    /// It was there once.
    ever: bool,
    /// It was there since the last settling.
    now: bool,
    /// Records since it was there.
    missing: u64,
    /// JSON types that were seen, a bit each.
    types: u8,
}

/// What was seen of the fields of one partition's records.
#[derive(Debug, Default)]
pub(super) struct Seen {
    columns: Vec<State>,
    names: HashSet<String>,
    records: u64,
    /// Records of the full path, and records since one of the fast path was looked at.
    slow: u64,
    since: u64,
    /// Names that were told.
    added: usize,
    found: Vec<(String, Drift)>,
}

/// The JSON type that a value begins as; none of null.
fn type_of(first: u8) -> u8 {
    match first {
        b'"' => 1,
        b'{' => 2,
        b'[' => 4,
        b't' | b'f' => 8,
        b'n' => 0,
        _ => 16,
    }
}

impl Seen {
    /// Whether what is seen now is what there is.
    fn begins(&self) -> bool {
        self.records < BEGINNING
    }

    fn state(&mut self, place: usize) -> &mut State {
        if self.columns.len() <= place {
            self.columns.resize_with(place + 1, State::default);
        }
        &mut self.columns[place]
    }

    /// A record that the full path took apart: which columns it has. `is_new`: nothing like it was there before.
    pub(super) fn full(
        &mut self,
        record: &[u8],
        columns: &Columns,
        places: &[Option<(u32, u32)>],
        is_new: bool,
    ) {
        for (place, at) in places.iter().enumerate() {
            if let Some((start, _)) = at {
                self.there(columns, place, record.get(*start as usize).copied());
            }
        }
        self.slow += 1;
        if is_new || self.slow.is_multiple_of(EACH) {
            self.look(record, columns);
        }
    }

    /// A column is there, with a value that begins so.
    fn there(&mut self, columns: &Columns, place: usize, first: Option<u8>) {
        let begins = self.begins();
        let state = self.state(place);
        (state.ever, state.now) = (true, true);
        let of = first.map_or(0, type_of);
        let is_other = of != 0 && state.types != 0 && state.types & of == 0;
        state.types |= of;
        if is_other
            && !begins
            && let Some(column) = columns.list.get(place)
        {
            self.found.push((column.name.clone(), Drift::Retyped));
        }
    }

    /// Looks at all names of a record.
    #[cold]
    fn look(&mut self, record: &[u8], columns: &Columns) {
        if let Ok(value) = serde_json::from_slice(record) {
            self.walk(&value, columns, &columns.root, &mut Vec::new());
        }
    }

    fn walk(&mut self, value: &Value, columns: &Columns, object: &Object, at: &mut Vec<String>) {
        for (name, value) in value.as_object().into_iter().flatten() {
            let known_as = if at.is_empty() {
                columns.known_as(name)
            } else {
                name
            };
            match object.find(known_as) {
                Some(Fills::Column(place)) => {
                    let first = match value {
                        Value::String(_) => b'"',
                        Value::Object(_) => b'{',
                        Value::Array(_) => b'[',
                        Value::Bool(_) => b't',
                        Value::Null => b'n',
                        Value::Number(_) => b'0',
                    };
                    self.there(columns, *place, Some(first));
                }
                Some(Fills::Row(_, inner)) => {
                    at.push(name.clone());
                    self.walk(value, columns, inner, at);
                    at.pop();
                }
                None if self.names.len() < NAMES && name.len() <= LONGEST => {
                    let path = [&at[..], std::slice::from_ref(name)].concat().join(".");
                    let is_new = self.names.insert(path.clone()) && !self.begins();
                    if is_new && self.added < TOLD {
                        self.added += 1;
                        self.found.push((path, Drift::Added));
                    }
                }
                None => {}
            }
        }
    }

    /// After a block of so many records, of which this is the last.
    pub(super) fn settle(
        &mut self,
        records: u64,
        last: &[u8],
        columns: &Columns,
        layouts: &mut Layouts,
    ) {
        self.since += records;
        if self.since >= BETWEEN {
            self.since = 0;
            self.look(last, columns);
        }
        layouts.used(|absent| {
            for (place, column) in columns.list.iter().enumerate() {
                if !absent.contains(&column.number) {
                    let state = self.state(place);
                    (state.ever, state.now) = (true, true);
                }
            }
        });
        self.records += records;
        for (place, column) in columns.list.iter().enumerate() {
            let state = self.state(place);
            if std::mem::take(&mut state.now) {
                state.missing = 0;
                continue;
            }
            let before = state.missing;
            state.missing += records;
            if state.ever && before < GONE && state.missing >= GONE {
                self.found.push((column.name.clone(), Drift::Dropped));
            }
        }
    }

    /// What was found since it was last asked.
    pub(super) fn take(&mut self) -> Vec<(String, Drift)> {
        std::mem::take(&mut self.found)
    }
}

#[cfg(test)]
mod tests {
    use super::Drift::{Added, Dropped, Retyped};
    use super::*;
    use crate::Decoder;

    fn decoder() -> Decoder {
        let sql = "CREATE TABLE orders (id STRING, at TIMESTAMP_LTZ(3), address ROW<city STRING>, amount DECIMAL(10, 2)) \
                   WITH ('format' = 'json')";
        let table = standings_query::parse_table("orders", sql).unwrap();
        Decoder::new(&table, None, 1 << 20)
    }

    /// Gives blocks of a hundred records of the same form; what was found.
    fn feed(decoder: &mut Decoder, record: &str, count: usize) -> Vec<(String, Drift)> {
        for _ in 0..count / 100 {
            for _ in 0..100 {
                let _ = decoder.decode(record.as_bytes());
            }
            decoder.settle(100, record.as_bytes());
        }
        decoder.drifts()
    }

    const USUAL: &str =
        r#"{"id":"a","at":"2026-01-23T10:15:00Z","address":{"city":"Porto"},"amount":"1.50"}"#;

    fn found(name: &str, drift: Drift) -> Vec<(String, Drift)> {
        vec![(name.to_owned(), drift)]
    }

    #[test]
    fn fields_come_go_and_change_once() {
        let mut decoder = decoder();
        assert_eq!(feed(&mut decoder, USUAL, 2000), []);
        let more = USUAL.replace("\"id\"", "\"shop\":1,\"id\"");
        assert_eq!(feed(&mut decoder, &more, 200), found("shop", Added));
        let inside = USUAL.replace("\"city\"", "\"zip\":1,\"city\"");
        assert_eq!(
            feed(&mut decoder, &inside, 200),
            found("address.zip", Added)
        );
        assert_eq!(feed(&mut decoder, &more, 20_000), []);
        // A type that the column takes, on the same layout: seen when a record is looked at.
        let number = USUAL.replace("\"1.50\"", "1.50");
        assert_eq!(
            feed(&mut decoder, &number, 10_000),
            found("amount", Retyped)
        );
        // One that it does not take is seen at once.
        let object = USUAL.replace("\"1.50\"", "{\"value\":1}");
        assert_eq!(feed(&mut decoder, &object, 100), found("amount", Retyped));
        // What is gone is gone when enough lack it, and told again when it came back and went.
        let less = USUAL.replace(",\"amount\":\"1.50\"", "");
        assert_eq!(feed(&mut decoder, &less, 9_900), []);
        assert_eq!(feed(&mut decoder, &less, 200), found("amount", Dropped));
        assert_eq!(feed(&mut decoder, &less, 20_000), []);
        assert_eq!(feed(&mut decoder, USUAL, 100), []);
        assert_eq!(feed(&mut decoder, &less, 10_100), found("amount", Dropped));
    }

    #[test]
    fn what_is_there_from_the_begin_is_no_drift() {
        let mut decoder = decoder();
        for n in 0..900 {
            let record = match n % 3 {
                0 => USUAL.to_owned(),
                1 => USUAL.replace("\"1.50\"", "1.50"),
                _ => USUAL.replace("\"id\"", "\"shop\":1,\"id\""),
            };
            decoder.decode(record.as_bytes()).unwrap();
        }
        decoder.settle(900, USUAL.as_bytes());
        assert_eq!(decoder.drifts(), []);
        // Two producers, of whom only one writes a field: it is there.
        let less = USUAL.replace(",\"amount\":\"1.50\"", "");
        for _ in 0..300 {
            for _ in 0..50 {
                decoder.decode(USUAL.as_bytes()).unwrap();
                decoder.decode(less.as_bytes()).unwrap();
            }
            decoder.settle(100, less.as_bytes());
        }
        assert_eq!(decoder.drifts(), []);
    }
}
