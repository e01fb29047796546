//! The end of an epoch: rows become one batch of deltas for each worker that owns some of the keys.

use super::rows::{Counted, Distinct, Fold, NO_SPAN, Span};
use crate::pack::deltas::{Deltas, Group, bin};
use crate::pack::layout::{NO_TEXT, SlotKind};
use crate::pack::texts::TextTable;
use crate::pack::values;

/// A batch in the making: with several workers each gets a dictionary of its own.
pub(super) struct Outgoing {
    pub(super) deltas: Deltas,
    /// This batch's number of each text, or `u32::MAX`; empty when the dictionary goes along whole.
    renumbered: Vec<u32>,
}

impl Outgoing {
    pub(super) fn new(worker: u64, workers: usize, texts: usize, mut deltas: Deltas) -> Self {
        deltas.clear();
        deltas.worker = worker;
        let renumbered = if workers == 1 {
            Vec::new()
        } else {
            vec![u32::MAX; texts]
        };
        Outgoing { deltas, renumbered }
    }

    fn text(&mut self, texts: &TextTable, id: u32) -> u32 {
        if self.renumbered.is_empty() {
            return id;
        }
        let number = &mut self.renumbered[id as usize];
        if *number == u32::MAX {
            *number = self.deltas.texts.push(texts.get(id), texts.hash(id));
        }
        *number
    }

    fn rewrite(&mut self, texts: &TextTable, at: usize) {
        let id = self.deltas.words[at];
        if id != NO_TEXT {
            self.deltas.words[at] = u64::from(self.text(texts, id as u32));
        }
    }
}

/// What a slot has seen of a row.
fn of_row(all: &[Distinct], at: usize, row: u32, many: usize) -> &[u64] {
    let found = all.iter().find(|d| d.at == at);
    let pairs = found.map_or(&[][..], |d| &d.pairs);
    let from = pairs.partition_point(|pair| pair >> 32 < u64::from(row));
    &pairs[from..from + many]
}

/// The same of counted values.
fn counted_of(all: &[Counted], at: usize, row: u32, many: usize) -> &[(u32, i128, u64)] {
    let found = all.iter().find(|c| c.at == at);
    let pairs = found.map_or(&[][..], |c| &c.pairs);
    let from = pairs.partition_point(|pair| pair.0 < row);
    &pairs[from..from + many]
}

impl Fold {
    /// The hash that says whose a key is.
    #[inline]
    fn owner(&self, texts: &TextTable, key: u32) -> u64 {
        match self.ranking.window.is_session() {
            true => self.codec.owner(texts.get(key), &self.ranking.session_by),
            false => texts.hash(key),
        }
    }

    /// Whether nothing was folded.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.tops.as_ref().is_none_or(|tops| tops.rows() == 0)
    }

    fn session_start(&self, end: i64) -> i64 {
        match self.ranking.window.is_session() {
            true => self.ranking.window.start(end),
            false => 0,
        }
    }

    /// Ends the epoch: the rows by window, each to the batch of the worker that owns its key.
    pub(super) fn flush(&mut self, number: u32, texts: &TextTable, out: &mut [Outgoing]) {
        if let Some(tops) = &mut self.tops {
            return tops.flush(number, out);
        }
        let stride = self.layout.width + 1;
        let count = self.rows.len() / stride;
        self.order.clear();
        self.order.extend(0..count as u32);
        if self.spans.len() > 1 {
            let rows = &self.rows;
            self.order.sort_by_key(|r| rows[*r as usize * stride] >> 32);
        }
        for Distinct { seen, pairs, .. } in &mut self.distinct {
            pairs.clear();
            pairs.extend(seen.drain());
            pairs.sort_unstable();
        }
        for Counted { seen, pairs, .. } in &mut self.counted {
            pairs.clear();
            pairs.extend(seen.drain().map(|((row, n), times)| (row, n, times)));
            pairs.sort_unstable();
        }
        let entries = match self.signed.is_some() {
            true => self.net(),
            false => TextTable::default(),
        };
        for &row in &self.order {
            let words = &self.rows[row as usize * stride..(row as usize + 1) * stride];
            let (span, key) = ((words[0] >> 32) as usize, words[0] as u32);
            let workers = out.len() as u64;
            let to = &mut out[if workers == 1 {
                0
            } else {
                (bin(self.owner(texts, key)) % workers) as usize
            }];
            let Span { latest, windows } = self.spans[span];
            match to.deltas.groups.last_mut() {
                Some(g) if (g.ranking, g.window_end, g.windows) == (number, latest, windows) => {
                    g.rows += 1;
                }
                _ => to.deltas.groups.push(Group {
                    ranking: number,
                    rows: 1,
                    window_end: latest,
                    windows,
                    session_start: self.session_start(latest),
                }),
            }
            let key = to.text(texts, key);
            let at = to.deltas.words.len() + 1;
            to.deltas.words.push(u64::from(key));
            to.deltas.words.extend_from_slice(&words[1..]);
            for place in &self.layout.texts {
                to.rewrite(texts, at + place);
            }
            self.aside(row, texts, &entries, to);
        }
        if let Some(signed) = &mut self.signed {
            signed.spare = entries;
        }
        self.rows.clear();
        self.index.clear();
        self.spans.clear();
        self.span_numbers.clear();
        self.last.1 = NO_SPAN;
        self.entries.forget();
    }

    /// Appends what a row has aside of its words.
    fn aside(&self, row: u32, texts: &TextTable, entries: &TextTable, to: &mut Outgoing) {
        let words = &self.rows[row as usize * (self.layout.width + 1)..];
        for slot in &self.layout.aside {
            let many = words[1 + slot.at] as usize;
            match slot.kind {
                SlotKind::Distinct(_) => {
                    for pair in of_row(&self.distinct, slot.at, row, many) {
                        let id = to.text(texts, *pair as u32);
                        to.deltas.distinct.push(id);
                    }
                }
                SlotKind::Sketch(_) => {
                    for (_, code, _) in counted_of(&self.counted, slot.at, row, many) {
                        values::push_code(&mut to.deltas.distinct, *code as u64);
                    }
                }
                SlotKind::Values(..) | SlotKind::Multiset(..) => {
                    for (_, number, times) in counted_of(&self.counted, slot.at, row, many) {
                        values::push(&mut to.deltas.distinct, *number, *times);
                    }
                }
                SlotKind::Bag(_) => {
                    for (_, entry, times) in counted_of(&self.counted, slot.at, row, many) {
                        let number = to.deltas.entries.push(entries.get(*entry as u32), 0);
                        to.deltas.distinct.push(number);
                        values::push_code(&mut to.deltas.distinct, *times);
                    }
                }
                _ => {}
            }
        }
    }
}
