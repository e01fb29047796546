//! The best rows of one partition of one window, always in order.
//!
//! An ordered index of *all* rows costs tens of bytes and a tree operation for each of them, although nearly no
//! change touches the top. So only the head is kept in order, down to a *floor*; a row that is behind the floor and
//! stays there costs one comparison.
//!
//! 1. Every row at or before the floor is in `entries`; with no floor, every row is.
//! 2. When rows leave and the head no longer settles the limit, it is filled again from all rows of the partition,
//!    twice as deep as the limit needs at least and as deep as the square root of their number: so a refill of *n*
//!    rows happens at most once in √n departures.

use std::cmp::Ordering;
use std::sync::Arc;

use super::entries::Entries;
use super::order::OrderKey;
use standings_model::plan::RankFunction;

/// A row's place: order values, then key bytes, then its number in the window.
pub type Entry = (OrderKey, Arc<[u8]>, u32);

/// The head of one partition.
///
/// # Examples
///
/// ```
/// use standings_engine::rank::head::Head;
/// use standings_engine::rank::order::OrderKey;
/// use standings_model::plan::RankFunction::RowNumber;
///
/// // `ORDER BY total DESC`: more comes first.
/// let by = |total: i128| OrderKey::of(-total);
/// let mut head = Head::default();
/// for (row, key, total) in [(0, b"a", 10), (1, b"b", 30), (2, b"c", 10)] {
///     head.update(row, || &key[..], None, Some(by(total)));
/// }
/// // All rows, if the head has to be filled anew; with so few it never has.
/// let settled = head.settle(2, RowNumber, 3, |_| (Vec::new(), true));
/// // Rows 0 and 2 are tied: the key decides, whoever came first.
/// assert_eq!(settled.upserts, [0, 1]);
///
/// // A cent more, and the other one is in. Who left is told, and who stayed as it was is not.
/// head.update(2, || &b"c"[..], Some(by(10)), Some(by(11)));
/// let settled = head.settle(2, RowNumber, 3, |_| (Vec::new(), true));
/// assert_eq!((settled.upserts, settled.removed), (vec![2], vec![0]));
/// ```
#[derive(Default)]
pub struct Head {
    entries: Entries,
    floor: Option<(OrderKey, Arc<[u8]>)>,
    /// Rows in the head whose place or measures changed since the last [`Head::settle`].
    touched: Vec<u32>,
    /// Rows that the last settle let through, ascending.
    shown: Vec<u32>,
    dirty: bool,
}

/// What changed among the rows that the limit lets through.
pub struct Settled {
    /// Rows that are new there or whose values changed.
    pub upserts: Vec<u32>,
    /// Rows that left.
    pub removed: Vec<u32>,
}

impl Head {
    /// Takes over a row's new place. `before` is its old one, `None` for a row that had none, and so is `now` for one that is not
    /// ranked any more; `key` yields the key's bytes, and is asked only where they matter.
    pub fn update<'a>(
        &mut self,
        row: u32,
        key: impl Fn() -> &'a [u8],
        before: Option<OrderKey>,
        now: Option<OrderKey>,
    ) {
        let was_in = before.as_ref().is_some_and(|b| self.holds(b, &key));
        let is_in = now.as_ref().is_some_and(|n| self.holds(n, &key));
        if !was_in && !is_in {
            return;
        }
        self.dirty = true;
        if was_in && is_in && before == now {
            self.touched.push(row);
            return;
        }
        if let Some(before) = before
            && was_in
        {
            self.entries.remove(&(before, key().into(), row));
        }
        if let Some(now) = now
            && is_in
        {
            self.touched.push(row);
            self.entries.insert((now, key().into(), row));
        }
    }

    fn holds<'a>(&self, order: &OrderKey, key: &impl Fn() -> &'a [u8]) -> bool {
        match &self.floor {
            None => true,
            Some((floor, floor_key)) => match order.cmp(floor) {
                Ordering::Equal => key() <= &floor_key[..],
                other => other == Ordering::Less,
            },
        }
    }

    /// Whether something may have changed since the last settle.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Ends an epoch: what changed among the rows with a rank up to `limit`. `all` yields the best `n` of all rows
    /// of the partition, unordered, and whether these are all there are.
    pub fn settle(
        &mut self,
        limit: u64,
        rank: RankFunction,
        rows: usize,
        mut all: impl FnMut(usize) -> (Vec<Entry>, bool),
    ) -> Settled {
        self.dirty = false;
        let depth = depth(limit, rows);
        let mut want = depth;
        let mut best = loop {
            match self.best(limit, rank) {
                Some(best) => break best,
                None => {
                    let (entries, complete) = all(want);
                    self.entries = entries.into_iter().collect();
                    self.floor = if complete { None } else { self.last() };
                    want = want.saturating_mul(2);
                }
            }
        };
        if self.entries.len()
            > depth
                .saturating_mul(2)
                .max(best.len().saturating_add(depth))
        {
            self.entries.truncate(depth.max(best.len() + 1));
            self.floor = self.last();
        }

        best.sort_unstable();
        self.touched.sort_unstable();
        let upserts = best
            .iter()
            .filter(|r| {
                self.shown.binary_search(r).is_err() || self.touched.binary_search(r).is_ok()
            })
            .copied()
            .collect();
        let removed = self
            .shown
            .iter()
            .filter(|r| best.binary_search(r).is_err())
            .copied()
            .collect();
        self.touched.clear();
        self.shown = best;
        Settled { upserts, removed }
    }

    /// Forgets all but the rows with a rank up to `limit`, when there are no others: those that come later are compared with
    /// these alone. Only after a settle.
    pub fn keep(&mut self, limit: u64, rank: RankFunction) {
        let mut ranks = Ranks::new(rank);
        let mut all = self.entries.iter();
        if let Some(behind) = all.position(|(order, _, _)| ranks.next(order) > limit) {
            self.entries.truncate(behind);
        }
        self.floor = None;
    }

    /// The rows that are in it.
    pub fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        self.entries.iter().map(|(_, _, row)| *row)
    }

    /// Its rows have other numbers, in the same order.
    pub fn renumber(&mut self, of: impl Fn(u32) -> u32) {
        let entries = std::mem::take(&mut self.entries);
        let entries = entries
            .into_iter()
            .map(|(order, key, row)| (order, key, of(row)));
        self.entries = entries.collect();
        self.shown.iter_mut().for_each(|row| *row = of(*row));
        self.touched.iter_mut().for_each(|row| *row = of(*row));
    }

    fn last(&self) -> Option<(OrderKey, Arc<[u8]>)> {
        self.entries
            .last()
            .map(|(order, key, _)| (order.clone(), Arc::clone(key)))
    }

    /// The rows with a rank up to `limit`, or `None` if rows behind the floor could be among them.
    fn best(&self, limit: u64, rank: RankFunction) -> Option<Vec<u32>> {
        let mut ranks = Ranks::new(rank);
        let mut best = Vec::new();
        for (order, _, row) in self.entries.iter() {
            if ranks.next(order) > limit {
                return Some(best);
            }
            best.push(*row);
        }
        let settled =
            self.floor.is_none() || (rank == RankFunction::RowNumber && best.len() as u64 == limit);
        settled.then_some(best)
    }
}

/// How many rows a head is filled with.
fn depth(limit: u64, rows: usize) -> usize {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX / 4);
    limit.saturating_mul(2).max(rows.isqrt()).max(64)
}

/// Ranks of rows that come in order.
pub struct Ranks {
    function: RankFunction,
    rows: u64,
    rank: u64,
    last: Option<OrderKey>,
}

impl Ranks {
    /// Before the first row.
    pub fn new(function: RankFunction) -> Self {
        Ranks {
            function,
            rows: 0,
            rank: 0,
            last: None,
        }
    }

    /// The rank of the next row.
    pub fn next(&mut self, order: &OrderKey) -> u64 {
        self.rows += 1;
        match self.function {
            RankFunction::RowNumber => self.rank = self.rows,
            _ if self.last.as_ref() == Some(order) => {}
            RankFunction::Rank => self.rank = self.rows,
            RankFunction::DenseRank => self.rank += 1,
        }
        if self.function != RankFunction::RowNumber && self.last.as_ref() != Some(order) {
            self.last = Some(order.clone());
        }
        self.rank
    }
}
