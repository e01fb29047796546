//! The fold itself. See the module head for the picture and the invariants.

use std::sync::Arc;

use hashbrown::{HashMap, HashTable};

use crate::event_time::partition::Verdict;
use crate::pack::deltas::{Deltas, Group, bin};
use crate::pack::hash::mix;
use crate::pack::key::{KeyCodec, push_i64, push_i128};
use crate::pack::layout::{Layout, NO_TEXT, NULL_NUMBER, Slot, SlotKind, put_wide, wide};
use crate::pack::texts::{TextTable, Texts};
use standings_model::block::PartitionId;
use standings_model::bytes::same;
use standings_model::plan::{Plan, Ranking};
use standings_model::reject::MissedWindow;
use standings_model::schema::ColumnType;
use standings_model::value::Value;
use standings_model::window::Cover;

/// A decoded sale, as the fold needs to see it. Columns are numbers in the schema.
pub trait SaleView {
    /// Event time, ms.
    fn event_time(&self) -> i64;
    /// A text column's UTF-8 bytes; `None` for NULL.
    fn text(&self, column: usize) -> Option<&[u8]>;
    /// A whole number, decimal (minor units) or time (ms); `None` for NULL.
    fn number(&self, column: usize) -> Option<i128>;
    /// Any column, for conditions.
    fn value(&self, column: usize) -> Value;
}

/// Where a sale stands in the input.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Partition.
    pub partition: PartitionId,
    /// Offset.
    pub offset: u64,
}

/// What became of a sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Counted in at least one window.
    Counted,
    /// Passed a `WHERE`, but missed every window.
    Missed,
    /// Passed no ranking's `WHERE`.
    Filtered,
}

/// One epoch's fold on one worker.
pub struct Combiner {
    rankings: Vec<Fold>,
    texts: Texts,
    /// A table that is done with, for its memory.
    spare: TextTable,
    columns: Columns,
    /// Additions to a row since the last flush.
    folded: u64,
}

/// Text numbers of the present sale's columns: each is looked up at most once, whatever the number of rankings.
struct Columns {
    ids: Vec<u64>,
}

const UNKNOWN: u64 = u64::MAX - 1;

impl Columns {
    #[inline]
    fn text(&mut self, texts: &mut Texts, sale: &impl SaleView, column: usize) -> u64 {
        if self.ids[column] == UNKNOWN {
            self.ids[column] = match sale.text(column) {
                Some(bytes) => u64::from(texts.intern(bytes)),
                None => NO_TEXT,
            };
        }
        self.ids[column]
    }
}

struct Fold {
    ranking: Ranking,
    kinds: Vec<ColumnType>,
    layout: Layout,
    /// The column that is the whole key, when it is one text column.
    plain: Option<usize>,
    /// Rows: span number and key's text number packed in one word, then the accumulators.
    rows: Vec<u64>,
    index: HashTable<u32>,
    spans: Vec<Span>,
    span_numbers: HashMap<Span, u32>,
    /// The pane of the previous sale.
    pane: Pane,
    /// The windows of the previous row.
    last: (Span, u32),
    /// Per slot of distinct values.
    distinct: Vec<Distinct>,
    /// For the flush: the rows' order.
    order: Vec<u32>,
}

/// What a slot of distinct values has seen.
struct Distinct {
    /// Where the slot's count is in a row.
    at: usize,
    /// Row and value's text number, packed.
    seen: HashTable<u64>,
    /// For the flush: the same, sorted.
    pairs: Vec<u64>,
}

/// A pane, and the windows that hold it.
#[derive(Clone, Copy, Debug)]
struct Pane {
    length: i64,
    start: i64,
    cover: Cover,
}

/// Windows that a row counts in, alike: the latest by its end, and those before it, each a pane earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Span {
    latest: i64,
    windows: u32,
}

/// With fewer rows in each window, ending an epoch is what costs.
const ROWS_OF_A_WINDOW: usize = 4096;

/// The number of no span.
const NO_SPAN: u32 = u32::MAX;

impl Combiner {
    /// An empty fold for a plan's rankings.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let rankings = plan
            .rankings
            .iter()
            .map(|ranking| (ranking, Layout::new(ranking, &plan.schema)))
            .map(|(ranking, layout)| Fold {
                ranking: ranking.clone(),
                kinds: plan.schema.columns.iter().map(|c| c.kind).collect(),
                distinct: distinct_slots(&layout),
                order: Vec::new(),
                layout,
                plain: KeyCodec::new(ranking, &plan.schema)
                    .is_plain_text()
                    .then(|| ranking.keys[0].column),
                rows: Vec::new(),
                index: HashTable::new(),
                spans: Vec::new(),
                span_numbers: HashMap::new(),
                pane: Pane {
                    length: ranking.window.pane(),
                    start: 0,
                    cover: ranking.window.cover(0),
                },
                last: (Span::default(), NO_SPAN),
            })
            .collect();
        let columns = Columns {
            ids: vec![UNKNOWN; plan.schema.columns.len()],
        };
        Combiner {
            rankings,
            texts: Texts::default(),
            spare: TextTable::default(),
            columns,
            folded: 0,
        }
    }

    /// Whether a large epoch saves work: whether its additions went into half as many rows or fewer, or into so many
    /// windows that ending the epoch in each of them costs more than the rows do.
    pub fn pays(&self) -> bool {
        let row = |f: &Fold| f.rows.len() / (f.layout.width + 1);
        let rows: usize = self.rankings.iter().map(row).sum();
        let spans: usize = self.rankings.iter().map(|f| f.spans.len()).sum();
        rows as u64 * 2 <= self.folded || rows < spans * ROWS_OF_A_WINDOW
    }

    /// Folds one sale in. `judge` says what becomes of it in a window that ends at the given time; windows that it
    /// missed are appended to `missed`.
    pub fn add(
        &mut self,
        sale: &impl SaleView,
        origin: Origin,
        mut judge: impl FnMut(i64) -> Verdict,
        missed: &mut Vec<MissedWindow>,
    ) -> Outcome {
        let Combiner {
            rankings,
            texts,
            columns,
            folded,
            ..
        } = self;
        columns.ids.fill(UNKNOWN);
        let time = sale.event_time();
        let mut outcome = Outcome::Filtered;
        for (number, fold) in rankings.iter_mut().enumerate() {
            if let Some(filter) = &fold.ranking.filter
                && !filter.passes(&|c| sale.value(c))
            {
                continue;
            }
            let Cover {
                first,
                last,
                windows,
            } = fold.cover(time);
            // A window that ends later is late later: where the first one takes the sale, all do.
            if windows > 1 && judge(first) == Verdict::Counted {
                outcome = Outcome::Counted;
                let span = Span {
                    latest: last,
                    windows,
                };
                let key = fold.key(texts, columns, sale);
                let row = fold.row(span, key);
                *folded += 1;
                fold.accumulate(row, texts, columns, sale, time, origin);
                continue;
            }
            let mut key = None;
            let mut end = last;
            while end >= first {
                match judge(end) {
                    Verdict::Counted => {
                        outcome = Outcome::Counted;
                        let key = *key.get_or_insert_with(|| fold.key(texts, columns, sale));
                        let span = Span {
                            latest: end,
                            windows: 1,
                        };
                        let row = fold.row(span, key);
                        *folded += 1;
                        fold.accumulate(row, texts, columns, sale, time, origin);
                    }
                    verdict => {
                        if outcome == Outcome::Filtered {
                            outcome = Outcome::Missed;
                        }
                        let retired = verdict == Verdict::Retired;
                        missed.push(MissedWindow {
                            ranking: number,
                            start: fold.ranking.window.start(end),
                            end,
                            retired,
                        });
                    }
                }
                end -= fold.pane.length;
            }
        }
        outcome
    }

    /// Ends the epoch: what was folded, as one batch for each of `workers` workers that gets something. Batches of
    /// `spent`, which are done with, lend their memory: what is freed after each epoch goes back to the system, and comes
    /// page by page, cleared.
    pub fn flush(&mut self, workers: usize, spent: &mut Vec<Deltas>) -> Vec<Deltas> {
        self.folded = 0;
        let mut texts = self.texts.take(std::mem::take(&mut self.spare));
        if self.rankings.iter().all(|f| f.rows.is_empty()) {
            self.spare = texts;
            return Vec::new();
        }
        let mut out: Vec<Outgoing> = (0..workers)
            .map(|w| {
                let empty = spent.pop().unwrap_or_default();
                Outgoing::new(w as u64, workers, texts.len(), empty)
            })
            .collect();
        for (number, fold) in self.rankings.iter_mut().enumerate() {
            fold.flush(number as u32, &texts, &mut out);
        }
        if workers == 1
            && let Some(only) = out.first_mut()
        {
            std::mem::swap(&mut only.deltas.texts, &mut texts);
        }
        self.spare = texts;
        let all = out.into_iter().map(|o| o.deltas);
        let (full, empty): (Vec<_>, Vec<_>) = all.partition(|d| !d.is_empty());
        spent.extend(empty);
        full
    }
}

impl Fold {
    fn key(&self, texts: &mut Texts, columns: &mut Columns, sale: &impl SaleView) -> u32 {
        if let Some(column) = self.plain {
            return columns.text(texts, sale, column) as u32;
        }
        let mut bytes = Vec::with_capacity(32);
        for (i, key) in self.ranking.keys.iter().enumerate() {
            match self.kinds[key.column] {
                ColumnType::Text => {
                    bytes.extend_from_slice(sale.text(key.column).unwrap_or_default());
                    if i + 1 < self.ranking.keys.len() {
                        bytes.push(0);
                    }
                }
                ColumnType::Decimal { .. } => {
                    push_i128(&mut bytes, sale.number(key.column).unwrap_or_default())
                }
                _ => push_i64(
                    &mut bytes,
                    sale.number(key.column).unwrap_or_default() as i64,
                ),
            }
        }
        texts.intern(&bytes)
    }

    /// The windows that hold a time.
    #[inline]
    fn cover(&mut self, time: i64) -> Cover {
        let Pane { length, start, .. } = self.pane;
        // Sales that come together are mostly of one pane, and a division costs as much as all the rest here.
        if !(0..length).contains(&time.wrapping_sub(start)) {
            self.pane.cover = self.ranking.window.cover(time);
            self.pane.start = self.pane.cover.first - length;
        }
        self.pane.cover
    }

    /// The row of a key in some windows, made when new.
    #[inline]
    fn row(&mut self, span: Span, key: u32) -> usize {
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

    #[inline]
    fn accumulate(
        &mut self,
        row: usize,
        texts: &mut Texts,
        columns: &mut Columns,
        sale: &impl SaleView,
        time: i64,
        origin: Origin,
    ) {
        let stride = self.layout.width + 1;
        let words = &mut self.rows[row * stride + 1..(row + 1) * stride];
        for Slot { kind, at, filter } in &self.layout.slots {
            let at = *at;
            if let Some(filter) = filter
                && !filter.passes(&|c| sale.value(c))
            {
                continue;
            }
            match *kind {
                SlotKind::CountAll => words[at] += 1,
                SlotKind::Count(c) => {
                    words[at] += u64::from(sale.text(c).is_some() || sale.number(c).is_some())
                }
                SlotKind::Sum(c) => {
                    if let Some(n) = sale.number(c) {
                        put_wide(words, at, wide(words, at) + n);
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
                    let least = matches!(kind, SlotKind::MinText(_));
                    if id != NO_TEXT
                        && (words[at] == NO_TEXT
                            || (texts.table().get(id as u32) < texts.table().get(words[at] as u32))
                                == least)
                    {
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
                        let have = words[at + 3];
                        let stays = have != NO_TEXT
                            && sale
                                .text(c)
                                .is_some_and(|new| same(new, texts.table().get(have as u32)));
                        if !stays {
                            words[at + 3] = columns.text(texts, sale, c);
                        }
                    }
                }
                SlotKind::Distinct(c) => {
                    let id = match self.kinds[c] {
                        ColumnType::Text => match columns.text(texts, sale, c) {
                            NO_TEXT => continue,
                            id => id as u32,
                        },
                        _ => match sale.number(c) {
                            Some(n) => texts.intern(&n.to_be_bytes()),
                            None => continue,
                        },
                    };
                    if let Some(of) = self.distinct.iter_mut().find(|d| d.at == at) {
                        let seen = &mut of.seen;
                        let pair = (row as u64) << 32 | u64::from(id);
                        let hash = mix(pair);
                        if seen.find(hash, |other| *other == pair).is_none() {
                            seen.insert_unique(hash, pair, |p| mix(*p));
                            words[at] += 1;
                        }
                    }
                }
            }
        }
    }

    fn flush(&mut self, number: u32, texts: &TextTable, out: &mut [Outgoing]) {
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
        for &row in &self.order {
            let words = &self.rows[row as usize * stride..(row as usize + 1) * stride];
            let (span, key) = ((words[0] >> 32) as usize, words[0] as u32);
            let workers = out.len() as u64;
            let to = &mut out[if workers == 1 {
                0
            } else {
                (bin(texts.hash(key)) % workers) as usize
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
                }),
            }
            let key = to.text(texts, key);
            let at = to.deltas.words.len() + 1;
            to.deltas.words.push(u64::from(key));
            to.deltas.words.extend_from_slice(&words[1..]);
            for slot in &self.layout.slots {
                match slot.kind {
                    SlotKind::MinText(_) | SlotKind::MaxText(_) => to.rewrite(texts, at + slot.at),
                    SlotKind::LastText(_) => to.rewrite(texts, at + slot.at + 3),
                    SlotKind::Distinct(_) => {
                        let found = self.distinct.iter().find(|d| d.at == slot.at);
                        let pairs = found.map_or(&[][..], |d| &d.pairs);
                        let from = pairs.partition_point(|pair| pair >> 32 < u64::from(row));
                        for pair in &pairs[from..from + words[1 + slot.at] as usize] {
                            let id = to.text(texts, *pair as u32);
                            to.deltas.distinct.push(id);
                        }
                    }
                    _ => {}
                }
            }
        }
        self.rows.clear();
        self.index.clear();
        self.spans.clear();
        self.span_numbers.clear();
        self.last.1 = NO_SPAN;
    }
}

/// A batch in the making: with several workers each gets a dictionary of its own.
struct Outgoing {
    deltas: Deltas,
    /// This batch's number of each text, or `u32::MAX`; empty when the dictionary goes along whole.
    renumbered: Vec<u32>,
}

impl Outgoing {
    fn new(worker: u64, workers: usize, texts: usize, mut deltas: Deltas) -> Self {
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

fn distinct_slots(layout: &Layout) -> Vec<Distinct> {
    let slots = layout.slots.iter();
    slots
        .filter(|slot| matches!(slot.kind, SlotKind::Distinct(_)))
        .map(|slot| Distinct {
            at: slot.at,
            seen: HashTable::new(),
            pairs: Vec::new(),
        })
        .collect()
}

/// Whether a sale comes after the one that a last-value slot holds, by (event time, partition, offset).
#[inline]
fn is_later(words: &[u64], at: usize, time: i64, origin: Origin) -> bool {
    (words[at], words[at + 1], words[at + 2])
        < (time as u64 + 1, u64::from(origin.partition), origin.offset)
        || words[at] == 0
}

fn set_last(words: &mut [u64], at: usize, time: i64, origin: Origin) {
    words[at] = time as u64 + 1;
    words[at + 1] = u64::from(origin.partition);
    words[at + 2] = origin.offset;
}
