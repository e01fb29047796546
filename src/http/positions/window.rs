//! All keys of a window in the order of their ranking, as of a commit.
//!
//! ```text
//! rows     place (partition, order), key ─► measures        how many are before one is its rank
//! keys     five bytes of the key's hash, place              where a key stands; another of the same hash is passed over
//! orders   place                                            of rankings that count equal places once
//! ```

use std::collections::HashMap;

use standings_engine::pack::hash::hash;
use standings_model::placed::PlacedRow;

use super::cut::{Cut, Item};
use super::leaf::Row;
use crate::as_of::AsOf;

/// Changes that are put in while nobody can look.
const SLICE: usize = 64;

/// What a key is now: its place, its measures; or not ranked.
pub(super) type Now = Option<(Box<[u8]>, Box<[u8]>)>;

/// Keys that changed, each as it is now.
pub(super) type Changed = HashMap<Box<[u8]>, Now>;

/// Notes a row that was told.
pub(super) fn note(changed: &mut Changed, row: PlacedRow<'_>) {
    let now = row
        .measures
        .map(|measures| (row.place.into(), measures.into()));
    changed.insert(row.key.into(), now);
}

/// All keys of a window.
#[derive(Debug, Default)]
pub(super) struct Window {
    rows: Cut,
    keys: Cut,
    /// Places, each once, where they are counted.
    orders: Option<Cut>,
    as_of: AsOf,
    /// The last commit that changed it.
    changed: u64,
}

/// What is to be put into a window.
pub(super) struct Batch {
    rows: (Vec<Item>, Vec<Item>),
    keys: (Vec<Item>, Vec<Item>),
    orders: (Vec<Item>, Vec<Item>),
}

/// The beginning of where a key is looked up.
fn name(key: &[u8]) -> [u8; 5] {
    let [a, b, c, d, e, ..] = hash(key).to_be_bytes();
    [a, b, c, d, e]
}

/// What a row is sorted by.
fn sort(place: &[u8], key: &[u8]) -> Box<[u8]> {
    [place, key].concat().into()
}

fn bare(sort: Box<[u8]>) -> Item {
    Item {
        sort,
        place: 0,
        rest: Box::default(),
    }
}

impl Window {
    /// Nothing yet; `counts`: equal places are counted once.
    pub(super) fn new(counts: bool) -> Self {
        Window {
            orders: counts.then(Cut::default),
            ..Window::default()
        }
    }

    /// What it is of.
    pub(super) fn as_of(&self) -> &AsOf {
        &self.as_of
    }

    /// The last commit that changed it.
    pub(super) fn changed(&self) -> u64 {
        self.changed
    }

    /// Its rows.
    pub(super) fn rows(&self) -> &Cut {
        &self.rows
    }

    /// Its places, where they are counted.
    pub(super) fn orders(&self) -> Option<&Cut> {
        self.orders.as_ref()
    }

    /// Bytes that it takes, roughly.
    pub(super) fn bytes(&self) -> usize {
        let orders = self
            .orders
            .as_ref()
            .map_or(0, |orders| orders.tree().bytes());
        self.rows.tree().bytes() + self.keys.tree().bytes() + orders
    }

    /// The row of a key, if it is ranked.
    pub(super) fn find(&self, key: &[u8]) -> Option<Row<'_>> {
        let name = name(key);
        let mut alike = self.keys.maybe(&name);
        alike.find_map(|row| self.rows.get(&sort(&row.sort[name.len()..], key)))
    }

    /// What the keys that changed come to. Nothing may be on its way.
    pub(super) fn batch(&self, changed: Changed) -> Batch {
        let mut batch = Batch {
            rows: Default::default(),
            keys: Default::default(),
            orders: Default::default(),
        };
        // By place: how many rows leave it, and how many come.
        let mut moves: HashMap<Box<[u8]>, (u64, u64)> = HashMap::new();
        let counts = self.orders.is_some();
        for (key, now) in changed {
            let was = self.find(&key);
            let same = match (&was, &now) {
                (Some(was), Some((place, measures))) => {
                    was.place() == &place[..] && was.rest == &measures[..]
                }
                (None, None) => true,
                _ => false,
            };
            if same {
                continue;
            }
            let stays = was.map(Row::place) == now.as_ref().map(|(place, _)| &place[..]);
            let at = |place: &[u8]| bare([&name(&key)[..], place].concat().into());
            if let Some(was) = was {
                batch.rows.0.push(Item::of(was));
                if !stays {
                    batch.keys.0.push(at(was.place()));
                }
                if counts && !stays {
                    moves.entry(was.place().into()).or_default().0 += 1;
                }
            }
            if let Some((place, measures)) = now {
                if !stays {
                    batch.keys.1.push(at(&place));
                }
                if counts && !stays {
                    moves.entry(place.clone()).or_default().1 += 1;
                }
                batch.rows.1.push(Item {
                    sort: sort(&place, &key),
                    place: place.len(),
                    rest: measures,
                });
            }
        }
        for (place, (leave, come)) in moves {
            let before = self
                .rows
                .from(&place)
                .take_while(|row| row.place() == &place[..]);
            // As many as leave, and one that stays, are enough to know.
            let before = before.take(leave as usize + 1).count() as u64;
            match (before > 0, before + come > leave) {
                (true, false) => batch.orders.0.push(bare(place)),
                (false, true) => batch.orders.1.push(bare(place)),
                _ => {}
            }
        }
        batch
    }

    /// Has a batch put in by and by.
    pub(super) fn begin(&mut self, batch: Batch) {
        self.rows.begin(batch.rows.0, batch.rows.1);
        self.keys.begin(batch.keys.0, batch.keys.1);
        if let Some(orders) = &mut self.orders {
            orders.begin(batch.orders.0, batch.orders.1);
        }
    }

    /// Puts a slice of it in; whether all is in.
    pub(super) fn step(&mut self) -> bool {
        let left = self.rows.step(SLICE);
        let left = self.keys.step(left);
        if let Some(orders) = &mut self.orders {
            orders.step(left);
        }
        let orders = self.orders.as_ref();
        self.rows.is_done() && self.keys.is_done() && orders.is_none_or(Cut::is_done)
    }

    /// Nothing has changed since what it is of.
    pub(super) fn is_still(&mut self, as_of: AsOf) {
        self.as_of = as_of;
    }

    /// From now on all that was put in counts, and it is of this.
    pub(super) fn end(&mut self, as_of: AsOf) {
        self.rows.end();
        self.keys.end();
        if let Some(orders) = &mut self.orders {
            orders.end();
        }
        self.changed = as_of.commit;
        self.as_of = as_of;
    }
}
