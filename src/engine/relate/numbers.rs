//! Numbers of what is joined, of one join on one worker: so that arrangements hold things of one size, without a text.
//!
//! ```text
//! what rows alike are      number within their window      goes with the window
//! what they are joined by  number                          goes when no row asks for it, and nothing is told of it
//! what they are joined with number                         goes when no version is of it
//! ```
//!
//! 1. Who takes what comes out of the join ([`Numbers::heard`]) asks what numbers stand for, some epochs later: until all takers
//!    are past the epoch in which something was used last, it stays.
//! 2. A number may be another's later. What an arrangement still has of the one before is as much there as it is gone: it comes to
//!    nothing, whatever it is joined with.

use std::collections::BTreeMap;

use hashbrown::HashMap;

use super::coverage::Coverage;
use super::joins::{Alike, Holds, NONE, Partner};
use crate::pack::texts::Texts;
use crate::rank::messages::Epoch;

/// The numbers of a join.
#[derive(Debug, Default)]
pub struct Numbers {
    windows: HashMap<(u32, i64), Window>,
    keys: HashMap<Box<[u8]>, u32>,
    known: Vec<Known>,
    free: Vec<u32>,
    partners: Partners,
    /// Keys that something changed of since it was told last, and what was told of them.
    touched: BTreeMap<u32, Vec<Holds>>,
    /// By taker: the first epoch of which it may ask still.
    heard: Vec<Epoch>,
}

/// The rows of a window of a ranking.
#[derive(Debug, Default)]
struct Window {
    texts: Texts,
    rows: Vec<Row>,
    /// How many rows are behind them.
    left: i64,
    last: Epoch,
}

/// Rows alike.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// The number of what they are joined by; [`NONE`] where they are joined with nothing, and do not stay.
    key: u32,
    time: i64,
}

#[derive(Debug, Default)]
struct Known {
    key: Box<[u8]>,
    coverage: Coverage,
}

/// What rows are joined with.
#[derive(Debug, Default)]
struct Partners {
    numbers: HashMap<Box<[u8]>, u32>,
    rows: Vec<PartnerRow>,
    free: Vec<u32>,
    /// Numbers of rows that no version is of, and since when.
    gone: Vec<(u32, Epoch)>,
}

#[derive(Debug, Default)]
struct PartnerRow {
    row: Box<[u8]>,
    versions: u32,
    last: Epoch,
}

impl Numbers {
    /// None, with so many who take what comes out.
    pub fn new(takers: usize) -> Self {
        Numbers {
            heard: vec![0; takers],
            ..Numbers::default()
        }
    }

    /// Rows alike came to more, by so many rows, or less. What they are joined by and when they are is asked where they are new: no
    /// key where they can be passed over. The number of their key, and they; none of those.
    pub fn put(
        &mut self,
        epoch: Epoch,
        (ranking, window_end): (u32, i64),
        (text, rows): (&[u8], i64),
        describe: impl FnOnce() -> (Option<Vec<u8>>, i64),
    ) -> Option<(u32, Alike)> {
        let window = self.windows.entry((ranking, window_end)).or_default();
        window.left += rows;
        window.last = epoch;
        let row = window.texts.intern(text);
        let known = match window.rows.get(row as usize) {
            Some(known) => *known,
            None => {
                let (key, time) = describe();
                let key = key.map(|key| self.asked(&key));
                let new = Row {
                    key: key.unwrap_or(NONE),
                    time,
                };
                // Texts are numbered one after the other.
                if let Some(window) = self.windows.get_mut(&(ranking, window_end)) {
                    window.rows.push(new);
                }
                new
            }
        };
        let alike = Alike {
            window_end,
            time: known.time,
            ranking,
            row,
        };
        (known.key != NONE).then_some((known.key, alike))
    }

    /// One more row asks for a key.
    fn asked(&mut self, key: &[u8]) -> u32 {
        let number = self.number(key);
        if self.known[number as usize].coverage.rows == 0 {
            self.touch(number);
        }
        self.known[number as usize].coverage.rows += 1;
        number
    }

    fn number(&mut self, key: &[u8]) -> u32 {
        if let Some(number) = self.keys.get(key) {
            return *number;
        }
        let number = self.free.pop().unwrap_or(self.known.len() as u32);
        if number as usize == self.known.len() {
            self.known.push(Known::default());
        }
        self.known[number as usize].key = key.into();
        self.keys.insert(key.into(), number);
        number
    }

    fn touch(&mut self, number: u32) {
        let known = &self.known[number as usize];
        let all = || known.coverage.all();
        self.touched.entry(number).or_insert_with(all);
    }

    /// A version of a key is there now, or is no more.
    pub fn version(
        &mut self,
        epoch: Epoch,
        key: &[u8],
        (from, to, row): &(i64, i64, Vec<u8>),
        comes: bool,
    ) {
        let row = self.partners.version(row, comes, epoch);
        let number = self.number(key);
        self.touch(number);
        let coverage = &mut self.known[number as usize].coverage;
        coverage.change((*from, *to, row), comes);
    }

    /// What changed of versions and gaps up to here.
    pub fn told(&mut self, epoch: Epoch, out: &mut Vec<Partner>) {
        for (number, before) in std::mem::take(&mut self.touched) {
            let known = &mut self.known[number as usize];
            let now = known.coverage.all();
            // Both are in order.
            let gone = before.iter().filter(|holds| now.binary_search(holds).is_err());
            out.extend(gone.map(|holds| ((number, *holds), epoch, -1)));
            let come = now.iter().filter(|holds| before.binary_search(holds).is_err());
            out.extend(come.map(|holds| ((number, *holds), epoch, 1)));
            if known.coverage.is_nothing() {
                self.keys.remove(&std::mem::take(&mut known.key));
                self.free.push(number);
            }
        }
    }

    /// What rows alike are.
    pub fn text(&self, of: &Alike) -> &[u8] {
        let window = self.windows.get(&(of.ranking, of.window_end));
        window.map_or(&[], |window| window.texts.table().get(of.row))
    }

    /// A row that they are joined with.
    pub fn partner(&self, number: u32) -> Option<&[u8]> {
        let row = self.partners.rows.get(number as usize)?;
        Some(&row.row)
    }

    /// A taker asks of nothing before this epoch any more: what was used last before it, and is used no more, goes.
    pub fn heard(&mut self, taker: usize, reached: Epoch) {
        if std::mem::replace(&mut self.heard[taker], reached) == reached {
            return;
        }
        let all = self.heard.iter().copied().min().unwrap_or(0);
        self.partners.let_go(all);
        let empty = |window: &Window| window.left == 0 && window.last < all;
        if !self.windows.values().any(empty) {
            return;
        }
        let gone: Vec<Window> = self
            .windows
            .extract_if(|_, window| empty(window))
            .map(|(_, window)| window)
            .collect();
        for row in gone.iter().flat_map(|window| &window.rows) {
            if row.key != NONE {
                self.touch(row.key);
                self.known[row.key as usize].coverage.rows -= 1;
            }
        }
    }
}

impl Partners {
    /// The number of a row, of which a version comes or goes.
    fn version(&mut self, row: &[u8], comes: bool, epoch: Epoch) -> u32 {
        let number = match self.numbers.get(row) {
            Some(number) => *number,
            None => {
                let number = self.free.pop().unwrap_or(self.rows.len() as u32);
                if number as usize == self.rows.len() {
                    self.rows.push(PartnerRow::default());
                }
                self.rows[number as usize].row = row.into();
                self.numbers.insert(row.into(), number);
                number
            }
        };
        let known = &mut self.rows[number as usize];
        known.last = epoch;
        match comes {
            true => known.versions += 1,
            false => known.versions = known.versions.saturating_sub(1),
        }
        if known.versions == 0 {
            self.gone.push((number, epoch));
        }
        number
    }

    fn let_go(&mut self, reached: Epoch) {
        if self.gone.is_empty() {
            return;
        }
        for (number, since) in std::mem::take(&mut self.gone) {
            let known = &mut self.rows[number as usize];
            if since >= reached {
                self.gone.push((number, since));
            } else if known.versions == 0 && known.last == since {
                // Its last word: one that came again since is not gone, or is noted once more.
                self.numbers.remove(&std::mem::take(&mut known.row));
                known.last = Epoch::MAX;
                self.free.push(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(numbers: &mut Numbers, epoch: Epoch) -> Vec<(u32, Holds, isize)> {
        let mut out = Vec::new();
        numbers.told(epoch, &mut out);
        out.into_iter()
            .map(|((key, holds), _, sign)| (key, holds, sign))
            .collect()
    }

    const ALL: (i64, i64) = super::super::versions::EVER;

    #[test]
    fn a_row_without_a_partner_meets_none_and_then_the_one_that_comes() {
        let mut numbers = Numbers::new(1);
        let lisbon = |numbers: &mut Numbers, epoch, rows| {
            let describe = || (Some(b"L".to_vec()), 5);
            numbers.put(epoch, (0, 60), (b"row", rows), describe)
        };
        let (key, alike) = lisbon(&mut numbers, 1, 1).unwrap();
        assert_eq!(numbers.text(&alike), b"row");
        assert_eq!(told(&mut numbers, 1), [(key, (ALL.0, ALL.1, NONE), 1)]);
        assert_eq!(lisbon(&mut numbers, 2, 3), Some((key, alike)));
        assert_eq!(told(&mut numbers, 2), []);
        numbers.version(3, b"L", &(10, 20, b"south".to_vec()), true);
        let south = 0;
        let want = [
            (key, (ALL.0, ALL.1, NONE), -1),
            (key, (ALL.0, 10, NONE), 1),
            (key, (10, 20, south), 1),
            (key, (20, ALL.1, NONE), 1),
        ];
        assert_eq!(told(&mut numbers, 3), want);
        assert_eq!(numbers.partner(south), Some(&b"south"[..]));
        // The window goes; what it is called is asked until the taker is past that.
        lisbon(&mut numbers, 4, -4);
        numbers.heard(0, 4);
        assert_eq!(numbers.text(&alike), b"row");
        numbers.heard(0, 5);
        assert_eq!(numbers.text(&alike), b"");
        let want = [(key, (ALL.0, 10, NONE), -1), (key, (20, ALL.1, NONE), -1)];
        assert_eq!(told(&mut numbers, 6), want);
        numbers.version(7, b"L", &(10, 20, b"south".to_vec()), false);
        assert_eq!(told(&mut numbers, 7), [(key, (10, 20, south), -1)]);
        numbers.heard(0, 8);
        assert!(numbers.keys.is_empty() && numbers.partners.numbers.is_empty());
    }

    #[test]
    fn what_comes_again_before_it_was_let_go_stays() {
        let mut numbers = Numbers::new(2);
        let version = (ALL.0, ALL.1, b"x".to_vec());
        numbers.version(1, b"k", &version, true);
        numbers.version(2, b"k", &version, false);
        numbers.version(3, b"k", &version, true);
        numbers.heard(0, 9);
        assert_eq!(numbers.partners.gone.len(), 1, "the other taker is not there yet");
        numbers.heard(1, 9);
        assert_eq!(numbers.partner(0), Some(&b"x"[..]));
        numbers.version(10, b"k", &version, false);
        numbers.heard(0, 11);
        numbers.heard(1, 11);
        assert!(numbers.partners.numbers.is_empty());
        assert_eq!(numbers.partners.free, [0]);
    }

    #[test]
    fn rows_that_are_joined_with_nothing_and_do_not_stay_are_passed_over() {
        let mut numbers = Numbers::new(1);
        let put = |numbers: &mut Numbers| numbers.put(1, (0, 60), (b"row", 1), || (None, 0));
        assert_eq!(put(&mut numbers), None);
        assert_eq!(put(&mut numbers), None);
        assert_eq!(told(&mut numbers, 1), []);
    }
}
