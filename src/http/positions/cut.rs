//! A tree as it was at a commit, while the changes of later ones are being put into it.
//!
//! ```text
//! taken out    t t t t │ . . .      what is put in waits in two lists, both sorted; a slice of them at a time goes into the tree
//! put in       p p │ . . . . .      under a lock that nobody else waits long for
//! ```
//!
//! 1. Until all of a batch is in, whoever looks sees the rows before it: those that were taken out are still there, and those that
//!    were put in are not yet. Both are the beginnings of sorted lists, so that how many of them are before a row is a binary search.
//! 2. Everything is taken out before anything is put in: a row whose place is the same is in both.
//! 3. Rows are unlike each other, but where only [`Cut::maybe`] is asked.

use super::leaf::Row;
use super::tree::{Place, Tree};

/// A row that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) sort: Box<[u8]>,
    pub(super) place: usize,
    pub(super) rest: Box<[u8]>,
}

impl Item {
    pub(super) fn of(row: Row<'_>) -> Self {
        Item {
            sort: row.sort.into(),
            place: row.place,
            rest: row.rest.into(),
        }
    }

    pub(super) fn row(&self) -> Row<'_> {
        Row {
            sort: &self.sort,
            place: self.place,
            rest: &self.rest,
        }
    }
}

/// A tree, and what is being put into it.
#[derive(Debug, Default)]
pub(super) struct Cut {
    tree: Tree,
    out: Vec<Item>,
    /// Of those that are to be taken out, how many were.
    taken: usize,
    into: Vec<Item>,
    put: usize,
}

/// How many of a sorted list are before a row.
fn lower(items: &[Item], sort: &[u8]) -> usize {
    items.partition_point(|item| *item.sort < *sort)
}

impl Cut {
    /// Has a batch put in by and by.
    pub(super) fn begin(&mut self, mut out: Vec<Item>, mut into: Vec<Item>) {
        debug_assert!(self.out.is_empty() && self.into.is_empty());
        out.sort_unstable_by(|a, b| a.sort.cmp(&b.sort));
        into.sort_unstable_by(|a, b| a.sort.cmp(&b.sort));
        (self.out, self.into) = (out, into);
    }

    /// Goes on with so many rows at most; how many are left of these.
    pub(super) fn step(&mut self, mut most: usize) -> usize {
        while most > 0
            && let Some(item) = self.out.get(self.taken)
        {
            self.tree.take(&item.sort);
            self.taken += 1;
            most -= 1;
        }
        while most > 0
            && let Some(item) = self.into.get(self.put)
        {
            self.tree.put(item.row());
            self.put += 1;
            most -= 1;
        }
        most
    }

    /// Whether all of the batch is in.
    pub(super) fn is_done(&self) -> bool {
        (self.taken, self.put) == (self.out.len(), self.into.len())
    }

    /// From now on the batch counts.
    pub(super) fn end(&mut self) {
        debug_assert!(self.is_done());
        (self.taken, self.put) = (0, 0);
        self.out = Vec::new();
        self.into = Vec::new();
    }

    /// The tree without what is on its way.
    pub(super) fn tree(&self) -> &Tree {
        &self.tree
    }

    fn out(&self) -> &[Item] {
        &self.out[..self.taken]
    }

    fn into(&self) -> &[Item] {
        &self.into[..self.put]
    }

    /// How many rows.
    pub(super) fn len(&self) -> u64 {
        self.tree.len() + self.taken as u64 - self.put as u64
    }

    /// How many rows are before this.
    pub(super) fn rank(&self, sort: &[u8]) -> u64 {
        let here = self.tree.before(self.tree.lower(sort));
        here + lower(self.out(), sort) as u64 - lower(self.into(), sort) as u64
    }

    /// The row itself, if it is there.
    pub(super) fn get(&self, sort: &[u8]) -> Option<Row<'_>> {
        let row = self.from(sort).next()?;
        (row.sort == sort).then_some(row)
    }

    /// Rows from this one on, in order.
    pub(super) fn from<'a>(&'a self, sort: &[u8]) -> impl Iterator<Item = Row<'a>> + use<'a> {
        Onward {
            cut: self,
            at: self.tree.lower(sort),
            out: lower(self.out(), sort),
        }
    }

    /// Rows before this one, the nearest first.
    pub(super) fn back<'a>(&'a self, sort: &[u8]) -> impl Iterator<Item = Row<'a>> + use<'a> {
        Back {
            cut: self,
            at: self.tree.lower(sort),
            out: lower(self.out(), sort),
        }
    }

    /// Rows that begin so, and perhaps ones that are on their way: where rows may be alike, nobody can tell these apart.
    pub(super) fn maybe<'a>(&'a self, begin: &[u8]) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let begin: Box<[u8]> = begin.into();
        let out = self.out()[lower(self.out(), &begin)..]
            .iter()
            .map(Item::row);
        let mut at = self.tree.lower(&begin);
        let here = std::iter::from_fn(move || {
            let (row, behind) = self.tree.next(at)?;
            at = behind;
            Some(row)
        });
        let own = begin.clone();
        let here = here.take_while(move |row| row.sort.starts_with(&own));
        here.chain(out.take_while(move |row| row.sort.starts_with(&begin)))
    }

    fn is_new(&self, row: Row<'_>) -> bool {
        let found = self
            .into()
            .binary_search_by(|item| (*item.sort).cmp(row.sort));
        found.is_ok()
    }

    /// The row before which there are so many, if there is one.
    pub(super) fn select(&self, n: u64) -> Option<Row<'_>> {
        if n >= self.len() {
            return None;
        }
        if self.taken + self.put == 0 {
            return self.tree.next(self.tree.select(n)).map(|(row, _)| row);
        }
        // The first row of the tree with at least so many before it.
        let (mut low, mut high) = (0, self.tree.len());
        let row_at = |at: u64| self.tree.next(self.tree.select(at)).map(|(row, _)| row);
        while low < high {
            let middle = low + (high - low) / 2;
            let row = row_at(middle)?;
            match self.rank(row.sort) < n {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        match row_at(low) {
            Some(row) => match self.rank(row.sort) - n {
                0 => self.from(row.sort).next(),
                beyond => self.back(row.sort).nth(beyond as usize - 1),
            },
            // Behind the tree's last row are only ones that were taken out of it.
            None => {
                let beyond = self.len() - n;
                let end = self.out().len().checked_sub(beyond as usize)?;
                self.out().get(end).map(Item::row)
            }
        }
    }
}

struct Onward<'a> {
    cut: &'a Cut,
    at: Place,
    out: usize,
}

impl<'a> Iterator for Onward<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        loop {
            let here = self.cut.tree.next(self.at);
            let out = self.cut.out().get(self.out).map(Item::row);
            let row = match (here, out) {
                (Some((row, behind)), out) if out.is_none_or(|out| row.sort <= out.sort) => {
                    self.at = behind;
                    if self.cut.is_new(row) {
                        continue;
                    }
                    row
                }
                (_, Some(out)) => {
                    self.out += 1;
                    out
                }
                _ => return None,
            };
            return Some(row);
        }
    }
}

struct Back<'a> {
    cut: &'a Cut,
    at: Place,
    out: usize,
}

impl<'a> Iterator for Back<'a> {
    type Item = Row<'a>;

    fn next(&mut self) -> Option<Row<'a>> {
        loop {
            let here = self.cut.tree.previous(self.at);
            let out = self.out.checked_sub(1);
            let out = out.and_then(|at| self.cut.out().get(at)).map(Item::row);
            let row = match (here, out) {
                (Some((row, before)), out) if out.is_none_or(|out| row.sort >= out.sort) => {
                    self.at = before;
                    if self.cut.is_new(row) {
                        continue;
                    }
                    row
                }
                (_, Some(out)) => {
                    self.out -= 1;
                    out
                }
                _ => return None,
            };
            return Some(row);
        }
    }
}
