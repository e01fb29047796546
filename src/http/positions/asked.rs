//! What is asked of a window: where a key stands, who is around it, a page of all keys.
//!
//! All of an answer is of one commit: the window is looked at once, under one lock.

use std::sync::{Arc, PoisonError, RwLockReadGuard};

use standings_engine::pack::key::KeyCodec;
use standings_engine::rank::of_rank::OfRank;
use standings_model::placed::take_measure;
use standings_model::plan::{Field, RankFunction, Ranking};
use standings_model::types::Type;
use standings_model::value::Value;
use standings_model::window::Bounds;

use super::leaf::Row as Placed;
use super::window::Window;
use super::{Slot, counts_orders};
use crate::as_of::AsOf;
use crate::board::{Row, WindowInfo};

/// How rows of a ranking are read.
#[derive(Debug)]
pub(super) struct Shape {
    codec: KeyCodec,
    kinds: Vec<Type>,
}

impl Shape {
    pub(super) fn new(ranking: &Ranking) -> Self {
        let kind = |measure| ranking.field_type(Field::Measure(measure)).0;
        Shape {
            codec: KeyCodec::new(ranking),
            kinds: (0..ranking.measures.len()).map(kind).collect(),
        }
    }

    /// A key as its owner keeps it.
    fn key(&self, key: &[Value]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (column, value) in key.iter().enumerate() {
            match self.codec.is_bytes(column) {
                true => self.codec.push_bytes(&mut bytes, column, value.bytes()),
                false => self.codec.push_number(&mut bytes, column, value.number()),
            }
        }
        bytes
    }
}

/// A key among the others.
pub(crate) struct Around {
    /// Its row.
    pub(crate) row: Row,
    /// How many keys it is ranked among, itself included.
    pub(crate) count: u64,
    /// How many of these are before it, and in no tie with it.
    pub(crate) better: u64,
    /// Who stands before it, the nearest first.
    pub(crate) above: Vec<Row>,
    /// Who stands behind it, the nearest first.
    pub(crate) below: Vec<Row>,
    /// Who stands first.
    pub(crate) leader: Row,
    /// Who is the last within the limit; none where all are.
    pub(crate) last: Option<Row>,
}

/// Some of all rows.
pub(crate) struct Page {
    /// In order.
    pub(crate) rows: Vec<Row>,
    /// How many there are in all.
    pub(crate) count: u64,
}

/// A window while it is looked at.
pub(crate) struct Asked<'a> {
    ranking: &'a Ranking,
    shape: &'a Shape,
    bounds: Bounds,
    of_rank: Option<OfRank>,
    window: RwLockReadGuard<'a, Window>,
}

/// The keys of a partition: what they begin with, and how many are before them.
struct Among {
    partition: Box<[u8]>,
    from: u64,
    count: u64,
}

impl Slot {
    /// Looks at the window. What is put in meanwhile waits, so take what is needed and go.
    pub(crate) fn look<'a>(&'a self, ranking: &'a Ranking, zone: Option<&str>) -> Asked<'a> {
        Asked {
            ranking,
            shape: &self.shape,
            bounds: self.bounds,
            of_rank: counts_orders(ranking)
                .then(|| OfRank::new(ranking, zone))
                .flatten(),
            window: self.window.read().unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// What the place of a row begins with: its partition, where rankings have any, with its end.
fn partition(ranking: &Ranking, place: &[u8]) -> Box<[u8]> {
    if ranking.partition.is_empty() {
        return Box::default();
    }
    // Bytes of which 0x00 is followed by 0x01, up to 0x00 0x00.
    let mut at = 0;
    while let Some(byte) = place.get(at) {
        match (byte, place.get(at + 1)) {
            (0, Some(0)) => return place[..at + 2].into(),
            (0, _) => at += 2,
            _ => at += 1,
        }
    }
    place.into()
}

/// The least bytes behind all that begin with a partition.
fn behind(partition: &[u8]) -> Vec<u8> {
    let mut bytes = partition.to_vec();
    if let Some(last) = bytes.last_mut() {
        *last = 1;
    }
    bytes
}

impl Asked<'_> {
    /// What this is of.
    pub(crate) fn as_of(&self) -> &AsOf {
        self.window.as_of()
    }

    /// Whether the window has no key at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.window.rows().len() == 0
    }

    /// The window, as other answers tell it.
    pub(crate) fn info(&self) -> WindowInfo {
        let as_of = self.as_of();
        let closed = as_of
            .watermark
            .is_some_and(|watermark| watermark >= self.bounds.end);
        WindowInfo {
            bounds: self.bounds,
            is_final: closed && !self.bounds.is_always(),
            rows: usize::try_from(self.window.rows().len()).unwrap_or(usize::MAX),
            commit: self.window.changed(),
            truncated: false,
        }
    }

    /// Where a key stands, with so many on each side; none if it has no row that is ranked.
    pub(crate) fn position(&self, key: &[Value], around: usize) -> Option<Around> {
        let rows = self.window.rows();
        let own = self.window.find(&self.shape.key(key))?;
        let among = self.among(own);
        let here = |row: &Placed<'_>| row.sort.starts_with(&among.partition);
        let above = rows.back(own.sort).take(around).take_while(here);
        let below = rows.from(own.sort).skip(1).take(around).take_while(here);
        let show = |row| self.row(row, &among);
        let leader = rows.from(&among.partition).next().unwrap_or(own);
        Some(Around {
            row: show(own),
            count: among.count,
            better: rows.rank(own.place()) - among.from,
            above: above.map(show).collect(),
            below: below.map(show).collect(),
            leader: show(leader),
            last: self.last(&among).map(show),
        })
    }

    /// The rank of a key, if it has a row that is ranked.
    pub(crate) fn row_of(&self, key: &[Value]) -> Option<(Row, u64)> {
        let own = self.window.find(&self.shape.key(key))?;
        let among = self.among(own);
        Some((self.row(own, &among), among.count))
    }

    /// So many rows behind the first ones, by partition and rank.
    pub(crate) fn page(&self, offset: u64, limit: usize) -> Page {
        let rows = self.window.rows();
        let first = rows.select(offset);
        let mut among: Option<Among> = None;
        let page = first.into_iter().flat_map(|first| rows.from(first.sort));
        let page = page.take(limit).map(|row| {
            let same = |among: &&Among| row.sort.starts_with(&among.partition);
            if among.as_ref().filter(same).is_none() {
                among = Some(self.among(row));
            }
            // It was just made, if it was not there.
            let among = among.as_ref();
            among.map_or_else(
                || self.row(row, &self.among(row)),
                |among| self.row(row, among),
            )
        });
        Page {
            rows: page.collect(),
            count: rows.len(),
        }
    }

    /// The keys that a row is ranked among.
    fn among(&self, row: Placed<'_>) -> Among {
        let rows = self.window.rows();
        let partition = partition(self.ranking, row.place());
        let (from, to) = match partition.is_empty() {
            true => (0, rows.len()),
            false => (rows.rank(&partition), rows.rank(&behind(&partition))),
        };
        Among {
            partition,
            from,
            count: to - from,
        }
    }

    /// The last row within the limit, if some are behind it.
    fn last(&self, among: &Among) -> Option<Placed<'_>> {
        let (rows, limit) = (self.window.rows(), self.ranking.limit);
        if self.ranking.rank == Some(RankFunction::DenseRank) {
            let orders = self.window.orders()?;
            let from = orders.rank(&among.partition);
            let to = match among.partition.is_empty() {
                true => orders.len(),
                false => orders.rank(&behind(&among.partition)),
            };
            let place = match to - from > limit {
                true => orders.select(from + limit - 1)?,
                false => return None,
            };
            return rows.from(place.sort).next();
        }
        if among.count <= limit {
            return None;
        }
        let last = rows.select(among.from + limit - 1)?;
        if self.ranking.rank == Some(RankFunction::RowNumber) {
            return Some(last);
        }
        // Ties with the last are within the limit, too.
        let ties = rows
            .from(last.place())
            .take_while(|row| row.place() == last.place());
        let within = rows.rank(last.place()) - among.from + ties.count() as u64;
        (within < among.count).then_some(last)
    }

    /// A row as other answers tell it.
    fn row(&self, row: Placed<'_>, among: &Among) -> Row {
        let rows = self.window.rows();
        let number = || rows.rank(row.sort) - among.from + 1;
        let rank = || rows.rank(row.place()) - among.from + 1;
        let dense = || {
            let orders = self.window.orders();
            orders.map_or(0, |all| {
                all.rank(row.place()) - all.rank(&among.partition) + 1
            })
        };
        let key = self.shape.codec.decode(row.key());
        let mut rest = row.rest;
        let kinds = self.shape.kinds.iter();
        // What was written by the same plan is read by it.
        let told = kinds.map(|kind| take_measure(&mut rest, kind).unwrap_or(Value::Null));
        let told: Arc<[Value]> = told.collect();
        let window = (self.bounds.start, self.bounds.end);
        let measures = match &self.of_rank {
            None => told,
            Some(of_rank) => {
                let ranks = [number(), rank(), dense()];
                of_rank.measures(self.ranking, &key, &told, ranks, window)
            }
        };
        let info = self.info();
        Row {
            rank: match self.ranking.rank {
                Some(RankFunction::Rank) => rank(),
                Some(RankFunction::DenseRank) => dense(),
                _ => number(),
            },
            key,
            measures,
            is_final: info.is_final,
            commit: info.commit,
            at: 0,
            before: None,
            corrected: false,
            corrections: (0, 0),
        }
    }
}
