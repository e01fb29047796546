//! The sessions of one ranking on the worker that owns their keys.
//!
//! ```text
//! [t, t + gap) of each row ──► by session key: those that touch are one ──► is there a session that holds it?
//!                                                          yes: it stays as it is
//!                                                          no: a new one takes in all that it touches
//!                              ──► each row is added to the session that it is in
//! ```
//!
//! 1. Sessions of one key are disjoint, and lie apart: those that touch, also in one instant, are one. So what there is is the
//!    same for any order and batching.
//! 2. A session that gets other bounds is another window: what was sent of the old one leaves, and all of the new is sent.
//! 3. Candidates of a session have its start before the bytes of their partition: windows that end together are told apart
//!    by it, and rows of several keys whose sessions are the same meet ([`start_of`]).
//!
//! A change of bounds moves the session's rows, which costs their number: once for all that an epoch brings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use hashbrown::HashMap;

use super::copy::{Copy, PIECE, TooLarge};
use super::messages::Candidate;
use super::order::Reader;
use super::window::{Batch, WindowState};
use crate::pack::interner::Interner;
use crate::pack::key::push_i64;
use standings_model::plan::Ranking;

/// The bytes of what sessions are by.
pub type Key = Box<[u8]>;

/// The sessions of one ranking, by key and start.
#[derive(Default)]
pub struct Sessions {
    by_key: HashMap<Key, BTreeMap<i64, Session>>,
    touched: BTreeSet<(Key, i64)>,
    /// Rows that left a session whose bounds are others now.
    gone: Vec<Candidate>,
}

struct Session {
    end: i64,
    rows: WindowState,
}

/// What all of it is of.
#[derive(Clone, Copy)]
pub struct Of<'a> {
    /// The ranking's number.
    pub number: u32,
    /// The ranking.
    pub ranking: &'a Ranking,
    /// Its reader.
    pub reader: &'a Reader,
}

impl Of<'_> {
    /// What the session of a row is by.
    pub fn key(self, bytes: &[u8]) -> Key {
        let mut key = Vec::new();
        let by = &self.ranking.session_by;
        self.reader.codec.project(bytes, by, &mut key);
        key.into()
    }
}

/// Bytes before those of a partition.
const START: usize = 8;

/// Where the session begins that a candidate's partition is of.
pub fn start_of(partition: &[u8]) -> i64 {
    let bytes = partition.get(..START).and_then(|b| b.try_into().ok());
    (u64::from_be_bytes(bytes.unwrap_or_default()) ^ 1 << 63) as i64
}

impl Sessions {
    /// Sees to it that a session holds each of these, which rows make alone: key, start, end.
    pub fn hold(
        &mut self,
        of: Of<'_>,
        texts: &mut Interner,
        mut alone: Vec<(Key, i64, i64)>,
    ) -> Result<(), TooLarge> {
        alone.sort_unstable();
        let mut rest = alone.into_iter().peekable();
        while let Some((key, start, mut end)) = rest.next() {
            let touches = |other: &(Key, i64, i64), end: i64| other.0 == key && other.1 <= end;
            while let Some((_, _, later)) = rest.next_if(|other| touches(other, end)) {
                end = end.max(later);
            }
            self.hold_one(of, texts, key, (start, end))?;
        }
        Ok(())
    }

    fn hold_one(
        &mut self,
        of: Of<'_>,
        texts: &mut Interner,
        key: Key,
        (start, end): (i64, i64),
    ) -> Result<(), TooLarge> {
        let sessions = self.by_key.entry(key.clone()).or_default();
        let before = sessions.range(..=end).rev();
        let touching = before.take_while(|(_, session)| session.end >= start);
        let touching: Vec<(i64, i64)> = touching.map(|(at, s)| (*at, s.end)).collect();
        if let [(from, to)] = touching[..]
            && from <= start
            && to >= end
        {
            return Ok(());
        }
        let begins = touching.iter().map(|(from, _)| *from);
        let begins = begins.fold(start, i64::min);
        let ends = touching.iter().map(|(_, to)| *to);
        let ends = ends.fold(end, i64::max);
        let mut all = WindowState::new(of.reader, (begins, ends));
        for (at, _) in touching {
            let Some(old) = sessions.remove(&at) else {
                continue;
            };
            self.touched.remove(&(key.clone(), at));
            leave(of, texts, at, &old, &mut self.gone);
            take_in(of, texts, &mut all, old.rows)?;
        }
        let all = Session {
            end: ends,
            rows: all,
        };
        sessions.insert(begins, all);
        self.touched.insert((key, begins));
        Ok(())
    }

    /// Adds the rows of a batch, which make a window alone that begins at `start`: each has a session that holds it.
    pub fn merge<'a>(
        &mut self,
        of: Of<'_>,
        texts: &mut Interner,
        batch: &Batch<'_>,
        start: i64,
        distinct: &mut impl Iterator<Item = &'a u32>,
    ) {
        for rows in batch.rows.chunks_exact(of.reader.layout.width + 1) {
            let key = of.key(texts.get(batch.numbers[rows[0] as usize]));
            let sessions = self.by_key.get_mut(&key);
            let Some((at, session)) = sessions.and_then(|s| s.range_mut(..=start).next_back())
            else {
                continue;
            };
            let one = Batch {
                rows,
                numbers: batch.numbers,
                entries: batch.entries,
            };
            let into = &mut session.rows;
            into.merge(of.ranking, of.reader, texts, &one, distinct);
            self.touched.insert((key, *at));
        }
    }

    /// Ends an epoch: what left, and what changed among the best rows of each session.
    pub fn settle(&mut self, of: Of<'_>, texts: &Interner, out: &mut Vec<Candidate>) {
        out.append(&mut self.gone);
        let Of {
            number,
            ranking,
            reader,
        } = of;
        for (key, start) in std::mem::take(&mut self.touched) {
            let sessions = self.by_key.get_mut(&key);
            let Some(session) = sessions.and_then(|s| s.get_mut(&start)) else {
                continue;
            };
            let (from, end) = (out.len(), session.end);
            session
                .rows
                .settle(number, end, ranking, reader, texts, out);
            for candidate in &mut out[from..] {
                candidate.partition = partition(start, &candidate.partition);
            }
        }
    }

    /// The key of a row of which a measure has more digits than a decimal, if there is one.
    pub fn too_wide(&self) -> Option<u32> {
        let mut touched = self.touched.iter();
        touched.find_map(|(key, start)| self.by_key.get(key)?.get(start)?.rows.too_wide())
    }

    /// Copies all rows: a copy of changes would not say which sessions are no more.
    pub fn copy(&mut self, of: Of<'_>, texts: &Interner, into: &mut Copy) {
        for sessions in self.by_key.values_mut() {
            for (start, session) in sessions {
                into.session_start = *start;
                let at = (of.number, session.end);
                session.rows.copy(true, at, of.reader, texts, into);
            }
        }
        into.session_start = 0;
    }

    /// Drops every session that ends at or before `horizon`.
    pub fn retire(&mut self, of: Of<'_>, horizon: i64, texts: &mut Interner) {
        self.by_key.retain(|_, sessions| {
            // They lie apart: the first ends first.
            while let Some(first) = sessions.first_entry()
                && first.get().end <= horizon
            {
                first.remove().rows.release(of.reader, texts);
            }
            !sessions.is_empty()
        });
    }

    /// How many sessions there are, and keys in them.
    pub fn held(&self) -> (usize, usize) {
        let all = self.by_key.values().flat_map(BTreeMap::values);
        all.fold((0, 0), |(n, keys), s| (n + 1, keys + s.rows.keys()))
    }
}

/// The bytes of a partition within a session.
fn partition(start: i64, within: &[u8]) -> Arc<[u8]> {
    let mut bytes = Vec::with_capacity(START + within.len());
    push_i64(&mut bytes, start);
    bytes.extend_from_slice(within);
    bytes.into()
}

/// Every row of a session that is no more: it leaves, if it was sent.
fn leave(of: Of<'_>, texts: &Interner, start: i64, old: &Session, gone: &mut Vec<Candidate>) {
    for key in old.rows.all_keys(texts) {
        let mut within = Vec::new();
        of.reader
            .codec
            .project(key, &of.ranking.partition, &mut within);
        gone.push(Candidate {
            ranking: of.number,
            window_end: old.end,
            partition: partition(start, &within),
            key: key.into(),
            row: None,
        });
    }
}

/// Adds the rows of one session to those of another.
fn take_in(
    of: Of<'_>,
    texts: &mut Interner,
    all: &mut WindowState,
    mut old: WindowState,
) -> Result<(), TooLarge> {
    let mut copy = Copy::new(PIECE);
    old.copy(true, (of.number, 0), of.reader, texts, &mut copy);
    for piece in copy.finish()? {
        let numbers = texts.intern_all(&piece.texts);
        let batch = Batch {
            rows: &piece.words,
            numbers: &numbers,
            entries: &piece.entries,
        };
        let mut distinct = piece.distinct.iter();
        all.merge(of.ranking, of.reader, texts, &batch, &mut distinct);
    }
    old.release(of.reader, texts);
    Ok(())
}
