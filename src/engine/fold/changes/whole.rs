//! Rows without a primary key: a row is its own key, and equal ones are told apart by where they came from.
//!
//! ```text
//! held:  what the row says of itself (the key) │ place │ metadata │ place │ metadata │ …      the first that came first
//! ```
//!
//! What is taken back is one equal row, the first that came. Where there is none the record is contradicted.

use super::at::{At, Letters, To};
use super::{Changing, Of, Packed};
use crate::combine::combiner::{Origin, Sign};
use crate::fold::counting::count;
use crate::fold::into::Folds;
use crate::held::Row;
use standings_model::leb128;
use standings_model::reject::Half;

/// One of several equal rows: where it came from, and its metadata.
struct Copy<'a> {
    offset: u64,
    row: u32,
    metadata: &'a [u8],
}

/// The first of these.
fn first<'a>(all: &mut &'a [u8]) -> Option<Copy<'a>> {
    let offset = leb128::take(all)?;
    let row = leb128::take(all)? as u32;
    let length = leb128::take(all)? as usize;
    let (metadata, rest) = all.split_at_checked(length)?;
    *all = rest;
    Some(Copy {
        offset,
        row,
        metadata,
    })
}

fn push(out: &mut Vec<u8>, copy: &Copy<'_>) {
    leb128::push(out, copy.offset);
    leb128::push(out, u64::from(copy.row));
    leb128::push(out, copy.metadata.len() as u64);
    out.extend_from_slice(copy.metadata);
}

impl Copy<'_> {
    fn origin(&self, at: &At<'_>) -> Origin {
        Origin {
            offset: self.offset,
            row: self.row,
            ..at.origin()
        }
    }

    /// The row as it was packed.
    fn whole(&self, key: &[u8]) -> Vec<u8> {
        [key, self.metadata].concat()
    }
}

impl Of<'_> {
    /// A row comes, in the place of another that is equal to what the record says.
    pub(super) fn put_whole(
        &mut self,
        at: &At<'_>,
        said: Option<Packed>,
        is: Packed,
        into: &mut Folds<'_>,
    ) {
        let is_update = match said {
            Some(said) => {
                let Changing { now, was, held, .. } = &*self.changing;
                let key = &was[..said.ends.own];
                let same = key == &now[..is.ends.own];
                let known = held.get(key, |until| at.is_open(until));
                if same && known.is_some() {
                    self.counts.unchanged += 1;
                    return;
                }
                self.take_one(at, said, into)
            }
            None => false,
        };
        let Changing {
            keep, held, now, ..
        } = &mut *self.changing;
        let mut to = To::new(self.decoder, keep, self.numbers, into);
        let Letters {
            outcome,
            lost,
            time,
            until,
        } = to.half(at, now, at.origin(), Sign::Plus);
        if at.is_open(until) {
            let (key, metadata) = now.split_at(is.ends.own);
            let known = held.get(key, |_| true);
            let mut all = known.map_or_else(Vec::new, |row| row.bytes[row.key..].to_vec());
            let Origin { offset, row, .. } = at.origin();
            push(
                &mut all,
                &Copy {
                    offset,
                    row,
                    metadata,
                },
            );
            held.put(key, until, &all);
            held.let_go(|until, _| at.is_open(until));
        }
        match is_update {
            true => self.counts.updated += 1,
            false => count(self.counts, outcome, &lost.missing.windows),
        }
        at.tell(lost, time, Half::Insert, into.rejects);
    }

    /// One equal row ends.
    pub(super) fn end_whole(&mut self, at: &At<'_>, said: Packed, into: &mut Folds<'_>) {
        match self.take_one(at, said, into) {
            true => self.counts.deleted += 1,
            false => self.counts.unchanged += 1,
        }
    }

    /// Takes one row back that is equal to what the record says; whether there was one.
    fn take_one(&mut self, at: &At<'_>, said: Packed, into: &mut Folds<'_>) -> bool {
        let Changing {
            keep, held, was, ..
        } = &mut *self.changing;
        let key = &was[..said.ends.own];
        let known = held.get(key, |until| at.is_open(until));
        let known = known.map(|row| (row.until, row.bytes[row.key..].to_vec()));
        let (until, mut all) = known
            .as_ref()
            .map_or((0, &[][..]), |(until, all)| (*until, all));
        let mut to = To::new(self.decoder, keep, self.numbers, into);
        let Some(copy) = first(&mut all) else {
            let (lost, until) = to.late(at, was);
            // Of a row whose windows are all late none is held.
            self.counts.contradicted += u64::from(at.is_open(until));
            at.tell(lost, said.time, Half::Retract, into.rejects);
            return false;
        };
        let row = copy.whole(key);
        let half = to.half(at, &row, copy.origin(at), Sign::Minus);
        match all.is_empty() {
            true => drop(held.remove(key)),
            false => held.put(key, until, all),
        }
        at.tell(half.lost, half.time, Half::Retract, into.rejects);
        true
    }

    /// Takes all of some equal rows back.
    pub(super) fn take_back_all(&mut self, at: &At<'_>, row: Row<'_>, into: &mut Folds<'_>) {
        let (key, mut all) = row.bytes.split_at(row.key);
        while let Some(copy) = first(&mut all) {
            self.take_back(at, &copy.whole(key), copy.origin(at), into);
        }
    }
}
