//! All rows of a window, told while somebody asks for positions: once each, a piece an epoch, and then what changes.
//!
//! ```text
//! rows by number   0 ─────────── told ─────────── cursor ────── not yet ────── len
//!                  changed: told again            the next piece, as it is now
//! ```
//!
//! 1. What is told with an epoch is of the end of that epoch: once the cursor has passed all rows, what was told is the window.
//! 2. Numbers of rows are given again ([`super::gone`]): a row that is no more is told before its number is free.
//! 3. Where rows are let go that can rank no more ([`super::compact`]) there are no positions to ask for, and nothing is told.

use super::gone::GONE;
use super::{WindowState, view};
use crate::pack::interner::Interner;
use crate::pack::key::push_escaped;
use crate::rank::order::Reader;
use standings_model::placed::{push_none, push_row};
use standings_model::plan::Ranking;
use standings_model::sabotage::{self, Mistake};

/// Rows that are told in a piece: a few milliseconds. In tests few, so that rows change and go between two pieces.
const PIECE: u32 = if cfg!(test) { 2 } else { 8192 };

/// What was told of a window.
pub(super) struct Watched {
    id: u64,
    /// Rows that changed in this epoch, some more than once.
    touched: Vec<u32>,
    /// Rows before this one were told.
    cursor: u32,
    /// All were.
    is_whole: bool,
}

impl Watched {
    /// A row has changed.
    #[inline]
    pub(super) fn touch(&mut self, row: u32) {
        let is_told = self.is_whole || row < self.cursor;
        if is_told && !sabotage::is(Mistake::PositionsToldOnce) {
            self.touched.push(row);
        }
    }
}

/// What is told of a window with an epoch.
pub struct RowsTold {
    /// The watch.
    pub id: u64,
    /// The rows; may be empty.
    pub rows: Vec<u8>,
    /// All are told.
    pub is_whole: bool,
}

impl WindowState {
    /// From now on its rows are told.
    pub fn watch(&mut self, id: u64) {
        if self.watched.as_ref().is_none_or(|watched| watched.id != id) {
            self.watched = Some(Box::new(Watched {
                id,
                touched: Vec::new(),
                cursor: 0,
                is_whole: false,
            }));
        }
    }

    /// Nobody asks any more.
    pub fn unwatch(&mut self) {
        self.watched = None;
    }

    /// Whether there is something to tell.
    pub fn has_news(&self) -> bool {
        let watched = self.watched.as_ref();
        watched.is_some_and(|watched| !watched.is_whole || !watched.touched.is_empty())
    }

    /// Ends an epoch: what is to be told of its rows. Before anything that is no more makes room.
    pub fn tell_rows(
        &mut self,
        ranking: &Ranking,
        reader: &Reader,
        texts: &Interner,
    ) -> Option<RowsTold> {
        let mut watched = self.watched.take()?;
        let mut rows = Vec::new();
        watched.touched.sort_unstable();
        watched.touched.dedup();
        let mut words = vec![0; reader.layout.width];
        let mut place = Vec::new();
        let from = watched.cursor;
        let piece = match watched.is_whole {
            true => from..from,
            false => from..(self.rows.len() as u32).min(from.saturating_add(PIECE)),
        };
        watched.cursor = piece.end;
        for row in watched.touched.drain(..).chain(piece) {
            self.tell_row(
                (ranking, reader, texts),
                row,
                (&mut words, &mut place),
                &mut rows,
            );
        }
        watched.is_whole |= watched.cursor as usize == self.rows.len();
        let told = RowsTold {
            id: watched.id,
            rows,
            is_whole: watched.is_whole,
        };
        self.watched = Some(watched);
        Some(told)
    }

    fn tell_row(
        &self,
        (ranking, reader, texts): (&Ranking, &Reader, &Interner),
        row: u32,
        (words, place): (&mut [u64], &mut Vec<u8>),
        out: &mut Vec<u8>,
    ) {
        let key = self.rows.key(row);
        if key == GONE {
            return;
        }
        let row_of = (&self.aside, self.window);
        let view = view(&self.rows, reader, texts, row_of, row, words);
        let number = self.rows.partition(&reader.packing, row);
        let partition = self.partitions.get(number as usize);
        let Some(partition) = partition.filter(|_| reader.passes(view)) else {
            if !sabotage::is(Mistake::PositionOfGoneStays) {
                push_none(out, texts.get(key));
            }
            return;
        };
        place.clear();
        if !ranking.partition.is_empty() {
            push_escaped(place, &partition.key);
        }
        reader.order(view).push(place);
        push_row(out, place, texts.get(key), |out| {
            reader.push_measures(view, out);
        });
    }
}
