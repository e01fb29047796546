//! All windows that one worker holds: applies deltas, ends epochs, drops windows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::copy::{Copy, PIECE, TooLarge};
use super::messages::Candidate;
use super::order::Reader;
use super::sessions::{self, Of, Sessions};
use super::tops::{Tops, TopsTold};
use super::watched::{Watched, is_kept};
use super::window::{Batch, WindowState};
use crate::event_time::BEGINNING;
use crate::pack::deltas::Deltas;
use crate::pack::interner::Interner;
use standings_model::placed::{Placed, Watch};
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};
use standings_model::value::Value;

/// One worker's totals.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// # use standings_decode::Decoder;
/// use standings_engine::combine::combiner::{Combiner, Missing, Origin};
/// use standings_engine::event_time::partition::Verdict;
/// use standings_engine::rank::totals::Totals;
///
/// let plan = Arc::new(standings_query::load_shipped().unwrap());
/// let mut totals = Totals::new(Arc::clone(&plan));
/// let mut combiner = Combiner::new(&plan);
/// # let mut decoder = Decoder::new(&plan.tables[0], None, 1 << 20);
/// let mut sell = |city: &str, cents: u32| {
///     // One sale an epoch: folded, and given to who owns its keys.
/// #   let record = format!(r#"{{"event_time":5,"city":"{city}","salesman_id":"S1","amount":"{cents}e-2"}}"#);
/// #   let sale = decoder.decode(record.as_bytes()).unwrap();
///     combiner.add(0, &sale, Origin { partition: 0, offset: 0, row: 0 }, |_| Verdict::Counted, &mut Missing::default());
///     combiner.flush(1, &mut Vec::new()).iter().for_each(|deltas| totals.apply(deltas));
///     totals.settle()
/// };
/// // A sale touches a row of each of the three rankings.
/// assert_eq!(sell("Lisbon", 500).len(), 3);
/// let candidates = sell("Lisbon", 700);
/// let city = candidates.iter().find(|c| plan.rankings[c.ranking as usize].name == "top_sales_per_city");
/// let row = city.unwrap().row.as_ref().unwrap();
/// // Total, count, average, greatest: totals are added to, and no sale is kept.
/// let measures: Vec<String> = row.measures.iter().map(ToString::to_string).collect();
/// assert_eq!(measures, ["12.00", "2", "6.00", "7.00"]);
/// ```
pub struct Totals {
    plan: Arc<Plan>,
    readers: Vec<Reader>,
    /// By ranking and end.
    windows: BTreeMap<(u32, i64), WindowState>,
    texts: Interner,
    touched: Vec<(u32, i64)>,
    /// Of rankings by sessions.
    sessions: BTreeMap<u32, Sessions>,
    /// Of rankings whose rows are pieces of bytes.
    tops: Tops,
    too_wide: Option<TooWide>,
    overdrawn: Option<Overdrawn>,
    /// How much is held beside these, by ranking, where others hold it.
    beside: Held,
    /// How many keys were let go, by ranking.
    expired: RefCell<BTreeMap<usize, u64>>,
    watched: Watched,
    /// Up to where windows were dropped: of those there is nothing to tell but that.
    retired: i64,
}

/// A group from which more was taken than was there: what is counted is not what it should be, and nothing of it may be committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overdrawn {
    /// Ranking number in the plan.
    pub ranking: usize,
    /// Its group key.
    pub key: Arc<[Value]>,
}

/// A row of which a measure has more digits than a decimal: there is no number that it could be written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooWide {
    /// Ranking number in the plan.
    pub ranking: usize,
    /// Its group key.
    pub key: Arc<[Value]>,
}

/// How much one worker holds: windows and keys, by ranking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held(Vec<(usize, usize)>);

impl Held {
    /// (Window, key) pairs of all rankings.
    pub fn keys(&self) -> usize {
        self.0.iter().map(|(_, keys)| keys).sum()
    }

    /// Windows of a ranking.
    pub fn windows(&self, ranking: usize) -> usize {
        self.0[ranking].0
    }

    /// The ranking with the most windows, and how many; of a plan without rankings (0, 0).
    pub fn most_windows(&self) -> (usize, usize) {
        most(self.0.iter().map(|(windows, _)| *windows))
    }

    /// The ranking with the most keys, and how many.
    pub fn most_keys(&self) -> (usize, usize) {
        most(self.0.iter().map(|(_, keys)| *keys))
    }
}

/// What sessions are of.
fn of<'a>(plan: &'a Plan, readers: &'a [Reader], number: u32) -> Of<'a> {
    Of {
        number,
        ranking: &plan.rankings[number as usize],
        reader: &readers[number as usize],
    }
}

fn most(all: impl Iterator<Item = usize>) -> (usize, usize) {
    all.enumerate().max_by_key(|(_, n)| *n).unwrap_or((0, 0))
}

impl Totals {
    /// Nothing yet.
    pub fn new(plan: Arc<Plan>) -> Self {
        let reader = |ranking| Reader::new(ranking, plan.zone.as_deref());
        let readers = plan.rankings.iter().map(reader).collect();
        let by_session = plan.rankings.iter().enumerate();
        let by_session = by_session.filter(|(_, r)| r.window.is_session());
        let sessions = by_session.map(|(number, _)| (number as u32, Sessions::default()));
        Totals {
            sessions: sessions.collect(),
            tops: Tops::new(&plan),
            plan,
            readers,
            windows: BTreeMap::new(),
            texts: Interner::default(),
            touched: Vec::new(),
            too_wide: None,
            overdrawn: None,
            beside: Held::default(),
            expired: RefCell::default(),
            watched: Watched::default(),
            retired: BEGINNING,
        }
    }

    /// Notes what is held beside these, and what is wrong with it, to be said with them.
    pub fn count_beside(&mut self, other: &Totals) {
        other.held(&mut self.beside);
        self.too_wide = self.too_wide.take().or_else(|| other.too_wide.clone());
        self.overdrawn = self.overdrawn.take().or_else(|| other.overdrawn.clone());
        for (own, reader) in self.readers.iter().zip(&other.readers) {
            own.add_errors(reader.take_errors());
        }
    }

    /// Adds one batch.
    pub fn apply(&mut self, deltas: &Deltas) {
        let numbers = self.texts.intern_all(&deltas.texts);
        if !self.sessions.is_empty() {
            self.hold(deltas, &numbers);
        }
        self.tops.apply(deltas);
        let mut words = &deltas.words[..];
        let mut distinct = deltas.distinct.iter();
        for group in &deltas.groups {
            let ranking = &self.plan.rankings[group.ranking as usize];
            let reader = &self.readers[group.ranking as usize];
            let (rows, rest) = words.split_at((reader.layout.width + 1) * group.rows as usize);
            words = rest;
            if self.tops.has(group.ranking) {
                self.tops.load(group, rows, deltas);
                continue;
            }
            let batch = Batch {
                rows,
                numbers: &numbers,
                entries: &deltas.entries,
            };
            if let Some(sessions) = self.sessions.get_mut(&group.ranking) {
                let of = of(&self.plan, &self.readers, group.ranking);
                let start = group.session_start;
                sessions.merge(of, &mut self.texts, &batch, start, &mut distinct);
                continue;
            }
            let values = distinct.clone();
            let mut end = group.window_end;
            for earlier in 0..group.windows {
                if earlier > 0 {
                    end = ranking.window.before(end);
                }
                let at = (group.ranking, end);
                let window = self.windows.entry(at);
                let watched = &self.watched;
                let window = window.or_insert_with(|| {
                    let mut new = WindowState::new(reader, (ranking.window.start(end), end));
                    watched.begin(at, &mut new);
                    new
                });
                distinct = values.clone();
                window.merge(ranking, reader, &mut self.texts, &batch, &mut distinct);
                if let Some(key) = window.overdrawn() {
                    self.overdrawn = Some(Overdrawn {
                        ranking: group.ranking as usize,
                        key: reader.codec.decode(self.texts.get(key)),
                    });
                }
                if let Some(key) = window.too_wide() {
                    self.too_wide = Some(TooWide {
                        ranking: group.ranking as usize,
                        key: reader.codec.decode(self.texts.get(key)),
                    });
                }
                self.touched.push(at);
            }
        }
        for (number, sessions) in &self.sessions {
            if let Some(key) = sessions.too_wide() {
                let of = of(&self.plan, &self.readers, *number);
                self.too_wide = Some(TooWide {
                    ranking: *number as usize,
                    key: of.reader.codec.decode(self.texts.get(key)),
                });
            }
        }
        self.texts.sweep();
    }

    /// Sees to it that there is a session for each row of a batch that is of one.
    fn hold(&mut self, deltas: &Deltas, numbers: &[u32]) {
        let mut words = &deltas.words[..];
        let mut alone: BTreeMap<u32, Vec<(sessions::Key, i64, i64)>> = BTreeMap::new();
        for group in &deltas.groups {
            let of = of(&self.plan, &self.readers, group.ranking);
            let stride = of.reader.layout.width + 1;
            let (rows, rest) = words.split_at(stride * group.rows as usize);
            words = rest;
            if !self.sessions.contains_key(&group.ranking) {
                continue;
            }
            let all = alone.entry(group.ranking).or_default();
            all.extend(rows.chunks_exact(stride).map(|row| {
                let key = of.key(self.texts.get(numbers[row[0] as usize]));
                (key, group.session_start, group.window_end)
            }));
        }
        for (number, alone) in alone {
            let of = of(&self.plan, &self.readers, number);
            let Some(sessions) = self.sessions.get_mut(&number) else {
                continue;
            };
            if sessions.hold(of, &mut self.texts, alone).is_err() {
                // The process ends by it, before anything is committed.
                self.too_wide = Some(TooWide {
                    ranking: number as usize,
                    key: Arc::from([]),
                });
            }
        }
    }

    /// Ends an epoch: what changed among this worker's best rows.
    pub fn settle(&mut self) -> Vec<Candidate> {
        self.touched.sort_unstable();
        self.touched.dedup();
        let mut out = Vec::new();
        for (number, end) in self.touched.drain(..) {
            if let Some(window) = self.windows.get_mut(&(number, end)) {
                let ranking = &self.plan.rankings[number as usize];
                window.settle(
                    number,
                    end,
                    ranking,
                    &self.readers[number as usize],
                    &self.texts,
                    &mut out,
                );
                let reader = &self.readers[number as usize];
                self.watched.tell(window, (ranking, reader, &self.texts));
                window.compact(ranking, reader, &mut self.texts);
            }
        }
        for (number, sessions) in &mut self.sessions {
            let of = of(&self.plan, &self.readers, *number);
            sessions.settle(of, &self.texts, &mut out);
        }
        out
    }

    /// From now on these windows are told of, and no others.
    pub fn watch(&mut self, watches: &[Watch]) {
        let is_known = |w: &&Watch| is_kept(&self.plan, w.ranking as usize);
        let watches = watches.iter().filter(is_known);
        self.watched.set(watches, &mut self.windows);
        if !sabotage::is(Mistake::DroppedWindowToldEmpty) {
            self.tell_gone();
        }
    }

    /// Tells which windows that are asked for are dropped, also those that were before anybody asked.
    fn tell_gone(&mut self) {
        let rankings = &self.plan.rankings;
        let is_gone = |(n, end): (u32, i64)| end <= rankings[n as usize].horizon(self.retired);
        self.watched.tell_gone(is_gone);
    }

    /// What is to be told of them, after an epoch was settled; one of `workers`. And whether there is more.
    pub fn tell(&mut self, workers: u32) -> (Vec<Placed>, bool) {
        let (plan, readers, texts) = (&self.plan, &self.readers, &self.texts);
        let with = |number: u32| {
            let number = number as usize;
            (&plan.rankings[number], &readers[number], texts)
        };
        self.watched.finish(&mut self.windows, with, workers)
    }

    /// Ends an epoch likewise, of rankings whose rows are pieces of bytes.
    pub fn settle_tops(&mut self) -> Vec<TopsTold> {
        self.tops.settle()
    }

    /// Copies rows as deltas from nothing: those that changed since the last copy, or all. In pieces of some
    /// [`PIECE`] bytes; an error if one row is too large for any.
    pub fn copy(&mut self, full: bool) -> Result<Vec<Deltas>, TooLarge> {
        self.copy_in(full, PIECE)
    }

    /// [`Totals::copy`] in pieces of so many bytes.
    pub fn copy_in(&mut self, full: bool, piece: usize) -> Result<Vec<Deltas>, TooLarge> {
        let mut copy = Copy::new(piece);
        for (at, window) in &mut self.windows {
            // Those that are joined are made again of their first level.
            if self.plan.rankings[at.0 as usize].joined.is_some() {
                continue;
            }
            let reader = &self.readers[at.0 as usize];
            window.copy(full, *at, reader, &self.texts, &mut copy);
        }
        for (number, sessions) in &mut self.sessions {
            let of = of(&self.plan, &self.readers, *number);
            sessions.copy(of, &self.texts, &mut copy);
        }
        self.tops.copy(full, &mut copy);
        copy.finish()
    }

    /// What was applied is in the last snapshot already.
    pub fn forget_changes(&mut self) {
        self.windows.values_mut().for_each(WindowState::forget);
        self.tops.forget_changes();
    }

    /// Drops every window that ends at or before `horizon`.
    pub fn retire(&mut self, horizon: i64) {
        self.retired = self.retired.max(horizon);
        self.tell_gone();
        let rankings = &self.plan.rankings;
        let is_gone = |(n, end): &&(u32, i64)| *end <= rankings[*n as usize].horizon(horizon);
        let gone = self.windows.keys().filter(is_gone);
        let gone: Vec<(u32, i64)> = gone.copied().collect();
        for at in gone {
            if let Some(window) = self.windows.remove(&at) {
                window.release(&self.readers[at.0 as usize], &mut self.texts);
            }
        }
        self.tops
            .retire(|n, end| end <= rankings[n as usize].horizon(horizon));
        for (number, sessions) in &mut self.sessions {
            let of = of(&self.plan, &self.readers, *number);
            sessions.retire(of, of.ranking.horizon(horizon), &mut self.texts);
        }
        self.texts.sweep();
    }

    /// As [`Totals::retire`]; all rows of the windows that go, as deltas from nothing.
    pub fn retire_told(&mut self, horizon: i64) -> Result<Vec<Deltas>, TooLarge> {
        let mut copy = Copy::new(PIECE);
        for (at, window) in &mut self.windows {
            if at.1 <= horizon {
                let reader = &self.readers[at.0 as usize];
                window.copy(true, *at, reader, &self.texts, &mut copy);
            }
        }
        self.retire(horizon);
        copy.finish()
    }

    /// How much is held, by ranking.
    pub fn held(&self, into: &mut Held) {
        into.0.clear();
        into.0.resize(self.plan.rankings.len(), (0, 0));
        for ((ranking, _), window) in &self.windows {
            let (windows, keys) = &mut into.0[*ranking as usize];
            *windows += 1;
            *keys += window.keys();
        }
        self.tops.count(&mut into.0);
        for (ranking, sessions) in &self.sessions {
            into.0[*ranking as usize] = sessions.held();
        }
        for (own, (windows, keys)) in into.0.iter_mut().zip(&self.beside.0) {
            own.0 += windows;
            own.1 += keys;
        }
    }

    /// A row that cannot be written, if there is one: the process must end before it commits.
    pub fn too_wide(&self) -> Option<&TooWide> {
        self.too_wide.as_ref()
    }

    /// A group from which more was taken than was there, if there is one: a mistake of this program, by which the process must end
    /// before it commits.
    pub fn overdrawn(&self) -> Option<&Overdrawn> {
        self.overdrawn.as_ref()
    }

    /// How many computed values of a ranking had an error since this was asked last.
    pub fn take_value_errors(&self, ranking: usize) -> u64 {
        self.readers[ranking].take_errors()
    }

    /// Counts errors in values that were computed elsewhere.
    pub fn add_value_errors(&self, ranking: usize, errors: u64) {
        self.readers[ranking].add_errors(errors);
    }

    /// Counts keys that were let go.
    pub fn add_expired(&self, ranking: usize, keys: u64) {
        *self.expired.borrow_mut().entry(ranking).or_default() += keys;
    }

    /// How many keys of each ranking were let go since this was asked last.
    pub fn take_expired(&self) -> BTreeMap<usize, u64> {
        std::mem::take(&mut *self.expired.borrow_mut())
    }

    /// Texts held, for metrics.
    pub fn live_texts(&self) -> usize {
        self.texts.len()
    }
}
