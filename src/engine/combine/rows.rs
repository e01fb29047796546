//! One ranking's rows of accumulators, and what a sale adds to them.

use hashbrown::{HashMap, HashTable};

use super::block::EntryRows;
use super::columns::Columns;
use super::combiner::{Missing, Origin as Place, SaleView};
use super::floor::Floors;
use super::more::{Accumulator, whole};
use super::signed::{Signed, Tie, ties};
use super::slots;
use super::tops::EpochTops;
use crate::event_time::partition::Verdict;
use crate::pack::hash::mix;
use crate::pack::key::KeyCodec;
use crate::pack::layout::{Layout, NO_TEXT, NULL_NUMBER, Slot, SlotKind, put_wide, wide};
use crate::pack::texts::Texts;
use standings_model::bytes::same;
use standings_model::plan::{Input, Ranking};
use standings_model::reject::MissedWindow;
use standings_model::table::{Origin, Table};
use standings_model::window::Cover;

/// What one table gives to a ranking; columns are the table's.
pub(super) struct Source {
    /// `WHERE`.
    pub(super) filter: Option<usize>,
    /// Of the key, in order.
    keys: Vec<usize>,
    /// What a row is placed by, where that is no part of its key's bytes.
    pub(super) placed: Vec<usize>,
    /// The key where it is one text column, and whether that may be NULL.
    pub(super) plain: Option<(usize, bool)>,
    pub(super) slots: Vec<Slot>,
    /// Of a table whose rows change, what breaks ties of their event time.
    pub(super) tie: Vec<Tie>,
    /// Columns whose value may have an error, each with the condition of the measure that reads it.
    pub(super) fallible: Vec<(usize, Option<usize>)>,
}

/// One ranking's part of the fold: a row of accumulators for each key in each set of windows.
pub(super) struct Fold {
    pub(super) ranking: Ranking,
    /// The ranking that is told of what is not counted: of one that nobody sees, who reads it.
    pub(super) told: usize,
    pub(super) sources: Vec<Source>,
    pub(super) layout: Layout,
    pub(super) codec: KeyCodec,
    /// The column of the key that names the row.
    row_id: Option<usize>,
    /// The key of the present row, in bytes.
    key: Vec<u8>,
    /// Rows: span number and key's text number packed in one word, then the accumulators.
    pub(super) rows: Vec<u64>,
    pub(super) index: HashTable<u32>,
    pub(super) spans: Vec<Span>,
    pub(super) span_numbers: HashMap<Span, u32>,
    /// The pane of the previous sale.
    pub(super) pane: Pane,
    /// The windows of the previous row.
    pub(super) last: (Span, u32),
    /// Per slot of distinct values.
    pub(super) distinct: Vec<Distinct>,
    /// Per slot of counted values, and of sketches.
    pub(super) counted: Vec<Counted>,
    /// What turns rows away that can no longer be ranked.
    pub(super) floors: Option<Floors>,
    /// Of a ranking whose rows are pieces of bytes: then nothing else is kept of them.
    pub(super) tops: Option<Box<EpochTops>>,
    /// For the flush: the rows' order.
    pub(super) order: Vec<u32>,
    /// Of a ranking whose rows are also taken back.
    pub(super) signed: Option<Box<Signed>>,
    /// The rows of a dictionary's entries.
    pub(super) entries: EntryRows,
    /// The row of each row of a block of columns.
    pub(super) at: Vec<u32>,
}

/// What a slot of counted values has seen, or one of a sketch.
pub(super) struct Counted {
    /// Where the slot's number of values is in a row.
    pub(super) at: usize,
    /// How many times each row had each value; of a sketch, its code; of a bag, the number of an entry.
    pub(super) seen: HashMap<(u32, i128), u64>,
    /// For the flush: the same, sorted.
    pub(super) pairs: Vec<(u32, i128, u64)>,
}

/// What a slot of distinct values has seen.
pub(super) struct Distinct {
    /// Where the slot's count is in a row.
    pub(super) at: usize,
    /// Row and value's text number, packed.
    pub(super) seen: HashTable<u64>,
    /// For the flush: the same, sorted.
    pub(super) pairs: Vec<u64>,
}

/// A pane, and the windows that hold it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pane {
    pub(super) length: i64,
    pub(super) start: i64,
    pub(super) cover: Cover,
}

impl Pane {
    fn new(cover: Cover) -> Self {
        Pane {
            length: cover.holds,
            start: cover.pane,
            cover,
        }
    }
}

/// Windows that a row counts in, alike: the latest by its end, and those before it, each a pane earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Span {
    pub(super) latest: i64,
    pub(super) windows: u32,
}

/// The number of no span.
pub(super) const NO_SPAN: u32 = u32::MAX;

impl Fold {
    /// Nothing yet.
    pub(super) fn new(ranking: &Ranking, tables: &[Table]) -> Self {
        let layout = Layout::new(ranking);
        let codec = KeyCodec::new(ranking);
        let sources = ranking.inputs.iter().map(|input| {
            let slots = layout.of_input(&input.columns);
            let mut source = Source::new(ranking, input, slots, &tables[input.table]);
            source.plain = codec
                .plain_text()
                .map(|nullable| (source.keys[0], nullable));
            source
        });
        Fold {
            ranking: ranking.clone(),
            told: 0,
            sources: sources.collect(),
            distinct: slots::distinct(&layout),
            counted: slots::counted(&layout),
            order: Vec::new(),
            signed: ranking.retracts.then(Box::default),
            floors: Floors::new(ranking),
            tops: None,
            layout,
            row_id: codec.row_id(),
            codec,
            key: Vec::new(),
            rows: Vec::new(),
            index: HashTable::new(),
            spans: Vec::new(),
            span_numbers: HashMap::new(),
            pane: Pane::new(ranking.window.cover(0)),
            last: (Span::default(), NO_SPAN),
            entries: EntryRows::default(),
            at: Vec::new(),
        }
    }

    #[inline]
    pub(super) fn key(
        &mut self,
        source: usize,
        texts: &mut Texts,
        columns: &mut Columns,
        sale: &impl SaleView,
        origin: Place,
    ) -> u32 {
        let of = &self.sources[source];
        if let Some((column, nullable)) = of.plain {
            let id = columns.text(texts, sale, column);
            return plain_key(texts, id, nullable);
        }
        self.made_key(source, texts, sale, origin)
    }

    /// The column that says which row of the input a row is, if the key does.
    pub(super) fn named_by(&self, source: usize) -> Option<usize> {
        Some(self.sources[source].keys[self.row_id?])
    }

    /// A key of several columns, or of one that is no text.
    #[inline(never)]
    fn made_key(
        &mut self,
        source: usize,
        texts: &mut Texts,
        sale: &impl SaleView,
        origin: Place,
    ) -> u32 {
        let of = &self.sources[source];
        self.key.clear();
        for (i, column) in of.keys.iter().enumerate() {
            let number = match self.codec.is_bytes(i) {
                true => {
                    self.codec.push_bytes(&mut self.key, i, sale.bytes(*column));
                    continue;
                }
                false if self.row_id == Some(i) => Some(origin.row_id()),
                false => sale.number(*column),
            };
            self.codec.push_number(&mut self.key, i, number);
        }
        texts.intern(&self.key)
    }

    /// Whether a sale passes the ranking's `WHERE`, and what is computed of it has no error; one is noted.
    #[inline]
    pub(super) fn takes(&self, source: usize, sale: &impl SaleView, missing: &mut Missing) -> bool {
        let source = &self.sources[source];
        let failed = match source.filter {
            Some(filter) if sale.has_error(filter) => Some(filter),
            Some(filter) if !sale.is_true(filter) => return false,
            _ => source.failed(sale),
        };
        if let Some(column) = failed {
            missing.failed.push((self.told, column));
        }
        failed.is_none()
    }

    /// Whether a row of a window that ends then is done with: it can no longer be ranked, or is kept as a piece of bytes.
    #[inline]
    pub(super) fn is_done_with(
        &mut self,
        source: usize,
        end: i64,
        sale: &impl SaleView,
        origin: Place,
    ) -> bool {
        if let Some(tops) = &mut self.tops {
            tops.add(source, end, sale, origin);
            return true;
        }
        let input = &self.ranking.inputs[source];
        let floors = self.floors.as_mut();
        floors.is_some_and(|floors| !floors.passes(end, &self.codec, input, sale))
    }

    /// A window that a sale missed.
    pub(super) fn missed(&self, end: i64, verdict: Verdict) -> MissedWindow {
        MissedWindow {
            ranking: self.told,
            start: self.ranking.window.start(end),
            end,
            retired: verdict == Verdict::Retired,
        }
    }

    /// The windows that hold a time.
    #[inline]
    pub(super) fn cover(&mut self, time: i64) -> Cover {
        let Pane { length, start, .. } = self.pane;
        // Sales that come together are mostly of one pane, and a division costs as much as all the rest here.
        if !(0..length).contains(&time.wrapping_sub(start)) {
            self.pane = Pane::new(self.ranking.window.cover(time));
        }
        self.pane.cover
    }

    /// The row of a key in some windows, made when new.
    #[inline]
    pub(super) fn row(&mut self, span: Span, key: u32) -> usize {
        if self.last.0 != span || self.last.1 == NO_SPAN {
            let spans = &mut self.spans;
            let number = *self.span_numbers.entry(span).or_insert_with(|| {
                spans.push(span);
                spans.len() as u32 - 1
            });
            self.last = (span, number);
        }
        let owner = u64::from(self.last.1) << 32 | u64::from(key);
        let stride = self.layout.width + 1;
        let rows = &self.rows;
        let hash = mix(owner);
        if let Some(row) = self
            .index
            .find(hash, |r| rows[*r as usize * stride] == owner)
        {
            return *row as usize;
        }
        let row = (rows.len() / stride) as u32;
        self.rows.resize(self.rows.len() + stride, 0);
        let at = row as usize * stride;
        self.rows[at] = owner;
        self.layout.clear(&mut self.rows[at + 1..]);
        let rows = &self.rows;
        self.index
            .insert_unique(hash, row, |r| mix(rows[*r as usize * stride]));
        row as usize
    }

    /// Adds a sale to a row.
    #[inline]
    pub(super) fn accumulate(
        &mut self,
        (source, row): (usize, usize),
        texts: &mut Texts,
        columns: &mut Columns,
        sale: &impl SaleView,
        time: i64,
        origin: Place,
    ) {
        let stride = self.layout.width + 1;
        let words = &mut self.rows[row * stride + 1..(row + 1) * stride];
        for slot in &self.sources[source].slots {
            let at = slot.at;
            if let Some(condition) = slot.filter
                && !sale.is_true(condition)
            {
                continue;
            }
            match slot.kind {
                SlotKind::CountAll => words[at] += 1,
                SlotKind::Count(c) => words[at] += u64::from(!sale.is_null(c)),
                SlotKind::Sum(c) => {
                    if let Some(n) = sale.number(c) {
                        put_wide(words, at, wide(words, at).saturating_add(n));
                    }
                }
                SlotKind::Min(c) => {
                    if let Some(n) = sale.number(c) {
                        put_wide(words, at, wide(words, at).min(n));
                    }
                }
                SlotKind::Max(c) => {
                    if let Some(n) = sale.number(c) {
                        put_wide(words, at, wide(words, at).max(n));
                    }
                }
                SlotKind::MinText(c) | SlotKind::MaxText(c) => {
                    let id = columns.text(texts, sale, c);
                    let least = matches!(slot.kind, SlotKind::MinText(_));
                    if goes_before(texts, id, words[at], least) {
                        words[at] = id;
                    }
                }
                SlotKind::Last(c) => {
                    if is_later(words, at, time, origin) {
                        set_last(words, at, time, origin);
                        put_wide(words, at + 3, sale.number(c).unwrap_or(NULL_NUMBER));
                    }
                }
                SlotKind::LastText(c) => {
                    if is_later(words, at, time, origin) {
                        set_last(words, at, time, origin);
                        // A label rarely changes: comparing with the one that is there spares the look-up.
                        if !is_text(texts, words[at + 3], sale.bytes(c)) {
                            words[at + 3] = columns.text(texts, sale, c);
                        }
                    }
                }
                SlotKind::Distinct(c) => {
                    let id = match sale.number(c) {
                        Some(n) => u64::from(texts.intern(&n.to_be_bytes())),
                        None => match sale.nested(c) {
                            Some(value) => u64::from(texts.intern(&whole(value))),
                            None => columns.text(texts, sale, c),
                        },
                    };
                    if id == NO_TEXT {
                        continue;
                    }
                    let of = self.distinct.iter_mut().find(|d| d.at == at);
                    words[at] += u64::from(of.is_some_and(|of| of.is_new(row, id as u32)));
                }
                kind => {
                    let to = (&mut *words, at, row);
                    let slot = Accumulator::new(to, &mut self.counted, texts, columns);
                    add_rare(slot, kind, sale, (time, origin));
                }
            }
        }
    }
}

impl Source {
    fn new(ranking: &Ranking, input: &Input, slots: Vec<Slot>, table: &Table) -> Self {
        let mut keys: Vec<usize> = ranking.key_columns().map(|c| input.columns[c]).collect();
        let of_keys = keys.iter().map(|c| (*c, None));
        let of_slots = slots
            .iter()
            .flat_map(|slot| slot.kind.columns().map(|c| (c, slot.filter)));
        let filters = slots.iter().filter_map(|slot| Some((slot.filter?, None)));
        let derived = |c: usize| {
            matches!(
                table.columns[c].origin,
                Origin::Derived(_) | Origin::Behind(_)
            )
        };
        let fallible = of_keys.chain(filters).chain(of_slots);
        let fallible = fallible.filter(|(c, _)| derived(*c)).collect();
        let placed = match ranking.is_placed_by_speaker() {
            true => keys.split_off(ranking.keys.len()),
            false => Vec::new(),
        };
        Source {
            filter: input.filter,
            fallible,
            keys,
            placed,
            plain: None,
            slots,
            tie: ties(table),
        }
    }

    /// How many columns its key has.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// The first column that this row needs and whose value has an error.
    #[inline]
    pub(super) fn failed(&self, sale: &impl SaleView) -> Option<usize> {
        let needed = self
            .fallible
            .iter()
            .filter(|(_, condition)| condition.is_none_or(|c| sale.is_true(c)));
        needed
            .map(|(column, _)| *column)
            .find(|column| sale.has_error(*column))
    }
}

impl Distinct {
    /// Notes a value of a row; whether the row had not had it.
    #[inline]
    fn is_new(&mut self, row: usize, id: u32) -> bool {
        let pair = (row as u64) << 32 | u64::from(id);
        let hash = mix(pair);
        let new = self.seen.find(hash, |other| *other == pair).is_none();
        if new {
            self.seen.insert_unique(hash, pair, |p| mix(*p));
        }
        new
    }
}

/// The key that is one text, by the text's number; `nullable`: whether it may be NULL.
#[inline]
pub(super) fn plain_key(texts: &mut Texts, id: u64, nullable: bool) -> u32 {
    match nullable {
        true if id == NO_TEXT => texts.intern(&[]),
        true if texts.table().get(id as u32).is_empty() => texts.intern(KeyCodec::EMPTY),
        _ => id as u32,
    }
}

/// Adds a sale to an accumulator of the less usual kinds. Apart, so that the usual ones are not slower for it.
#[inline(never)]
fn add_rare(slot: Accumulator<'_>, kind: SlotKind, sale: &impl SaleView, at: (i64, Place)) {
    slot.add(kind, sale, at);
}

/// Whether a text takes the place of the least (or greatest) so far.
#[inline]
fn goes_before(texts: &Texts, id: u64, so_far: u64, least: bool) -> bool {
    let text = |id: u64| texts.table().get(id as u32);
    id != NO_TEXT && (so_far == NO_TEXT || (text(id) < text(so_far)) == least)
}

/// Whether a text is the one of a number.
#[inline]
fn is_text(texts: &Texts, id: u64, text: Option<&[u8]>) -> bool {
    id != NO_TEXT && text.is_some_and(|text| same(text, texts.table().get(id as u32)))
}

/// Whether a sale comes after the one that a last-value slot holds, by (event time, partition, offset). Rows of one record
/// come in their order, and to one fold.
#[inline]
fn is_later(words: &[u64], at: usize, time: i64, origin: Place) -> bool {
    (words[at], words[at + 1], words[at + 2])
        <= (time as u64 + 1, u64::from(origin.partition), origin.offset)
        || words[at] == 0
}

pub(super) fn set_last(words: &mut [u64], at: usize, time: i64, origin: Place) {
    words[at] = time as u64 + 1;
    words[at + 1] = u64::from(origin.partition);
    words[at + 2] = origin.offset;
}
