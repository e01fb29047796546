//! Rows with a primary key: one of each key.

use super::at::{At, Letters, To};
use super::{Changing, Of, Packed, known};
use crate::combine::combiner::Sign;
use crate::fold::counting::count;
use crate::fold::into::Folds;
use crate::held::{Held, Piece};
use crate::rank::keys::NewKey;
use standings_model::reject::Half;
use standings_model::sabotage::{self, Mistake};

/// Whether a record says of the row before it what is not so.
fn contradicts(was: Option<Packed>, bytes: &[u8], held: &[u8]) -> bool {
    // Metadata is the record's, not the row's.
    was.is_some_and(|was| !held.starts_with(&bytes[..was.ends.own]))
}

/// Keeps a row that is not held for what it is, as long as that may be asked for: up to `end`. Else what was kept of its key goes.
fn know(
    held: &mut Held,
    at: &At<'_>,
    (place, end): (Option<u32>, i64),
    (key, rest): (&[u8], &[u8]),
    is_known: impl FnMut(i64, Piece<'_>) -> bool,
) {
    if at.is_open(end) {
        held.put_at(place, key, -end, rest);
        held.let_go(is_known);
    } else if place.is_some() {
        held.remove(key);
    }
}

impl Changing {
    /// Where the row of the present one's key is, and whether it is the same.
    pub(super) fn found(&self, at: &At<'_>, is: Packed) -> (Option<u32>, bool) {
        let place = self.held.find(&self.now[..is.ends.key]);
        let old = place.and_then(|place| self.held.at(place));
        let is_same = old.is_some_and(|old| old.bytes == &self.now[..] && at.is_open(old.until));
        (place, is_same)
    }
}

impl Of<'_> {
    /// The row of a key is another one now, or there was none. `came`: what became of the row, where it was folded already;
    /// which half is first is nothing to who adds them up.
    pub(super) fn put_keyed(
        &mut self,
        at: &At<'_>,
        said: Option<Packed>,
        (is, place): (Packed, Option<u32>),
        came: Option<Letters>,
        into: &mut Folds<'_>,
    ) {
        let Changing {
            keep,
            held,
            now,
            was,
            #[cfg(feature = "sabotage")]
            owed,
            ..
        } = &mut *self.changing;
        let (key, rest) = now.split_at(is.ends.key);
        let old = place.and_then(|place| held.at(place));
        let old = old.filter(|old| at.is_open(old.until));
        let before = old.map(|old| old.until);
        let is_update = before.is_some();
        let mut to = To::new(self.decoder, keep, self.numbers, into);
        let mut retracted = None;
        if let Some(old) = old {
            self.counts.contradicted += u64::from(contradicts(said, was, old.bytes));
            if old.bytes == &now[..] && !sabotage::is(Mistake::SameRowUpdated) {
                self.counts.unchanged += 1;
                to.again(at, now);
                return;
            }
            let old = match said {
                _ if sabotage::is(Mistake::HeldBeforeRetraction) => &now[..],
                Some(_) if sabotage::is(Mistake::BeforeBelieved) => &was[..],
                _ => old.bytes,
            };
            let half = match sabotage::is(Mistake::RetractionJudgedAfter) {
                true => to.half(&at.behind(is.time), old, at.origin(), Sign::Minus),
                false => to.half(at, old, at.origin(), Sign::Minus),
            };
            #[cfg(feature = "sabotage")]
            if sabotage::is(Mistake::HalvesInTwoEpochs) {
                *owed = Some(old.to_vec());
                to.half(at, old, at.origin(), Sign::Plus);
            }
            retracted = Some((half.lost, half.time));
        } else if let Some(said) = said {
            retracted = Some((to.late(at, was).0, said.time));
        }
        let Letters {
            outcome,
            lost,
            time,
            until,
        } = match came {
            Some(came) => came,
            None => to.half(at, now, at.origin(), Sign::Plus),
        };
        let end = known::end(at, keep, into.combiner, (is.time, until));
        let is_known = known::knows(at, (self.decoder, keep), into.combiner);
        let is_half_late = sabotage::is(Mistake::HalfLateLetGo) && !lost.missing.windows.is_empty();
        if at.is_open(until) && !is_half_late {
            held.put_at(place, key, until, rest);
            held.let_go(is_known);
            if into.keys.asks(at.table) && before.is_none_or(|before| until > before) {
                // Who hears of all partitions of a key is told that a row of it is held now, or for longer.
                let new = NewKey::new(at.table, at.partition, until, key, false);
                into.keys.new.push(new);
            }
        } else {
            know(held, at, (place, end), (key, rest), is_known);
        }
        match is_update {
            true => self.updated(at, into),
            false => count(self.counts, outcome, &lost.missing.windows),
        }
        if let Some((lost, time)) = retracted {
            at.tell(lost, time, Half::Retract, into.rejects);
        }
        at.tell(lost, time, Half::Insert, into.rejects);
    }

    fn updated(&mut self, at: &At<'_>, into: &mut Folds<'_>) {
        self.counts.updated += 1;
        if into.dimensions.wants(at.table) {
            into.dimensions.replaces();
        }
    }

    /// The row of a key ends, if there is one.
    pub(super) fn end_keyed(&mut self, at: &At<'_>, said: Option<Packed>, into: &mut Folds<'_>) {
        let Changing {
            keep,
            held,
            now: key,
            was,
            ..
        } = &mut *self.changing;
        let old = held.get(key, |until| at.is_open(until));
        let mut to = To::new(self.decoder, keep, self.numbers, into);
        let (lost, time) = match (old, said) {
            (Some(old), _) => {
                self.counts.contradicted += u64::from(contradicts(said, was, old.bytes));
                self.counts.deleted += 1;
                let half = to.half(at, old.bytes, at.origin(), Sign::Minus);
                (half.lost, half.time)
            }
            (None, Some(said)) => {
                self.counts.unchanged += 1;
                (to.late(at, was).0, said.time)
            }
            (None, None) => {
                self.counts.unchanged += 1;
                held.remove(key);
                return;
            }
        };
        held.remove(key);
        at.tell(lost, time, Half::Retract, into.rejects);
    }
}
