//! The fold of all rankings. See the module head for the picture and the invariants.

use std::sync::Arc;

use super::columns::{Columns, UNKNOWN};
use super::flush::Outgoing;
use super::rows::{Fold, Span};
use super::tops::EpochTops;
use crate::event_time::partition::Verdict;
use crate::pack::deltas::Deltas;
use crate::pack::level::folded;
use crate::pack::texts::{TextTable, Texts};
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::reject::MissedWindow;
use standings_model::row_id::RowId;
use standings_model::value::Value;

/// A decoded sale, as the fold needs to see it. Columns are numbers in its table.
pub trait SaleView {
    /// Event time, ms.
    fn event_time(&self) -> i64;
    /// The bytes of a column of text or bytes; `None` for NULL and for other columns.
    fn bytes(&self, column: usize) -> Option<&[u8]>;
    /// Of a column of text that is an entry of a dictionary: the dictionary, by a number that no other has, and which of its
    /// entries; `None` for NULL and for texts of none.
    fn entry(&self, column: usize) -> Option<(u64, u32)> {
        let _ = column;
        None
    }
    /// A column of another type, as a number whose order is that of its values (decimals by their digits, times in
    /// microseconds); `None` for NULL and for columns of text or bytes.
    fn number(&self, column: usize) -> Option<i128>;
    /// A value that is made of others; `None` for NULL and for other columns.
    fn nested(&self, column: usize) -> Option<&Value> {
        let _ = column;
        None
    }
    /// Whether a condition holds: NULL does not.
    fn is_true(&self, column: usize) -> bool;
    /// Whether it is NULL.
    fn is_null(&self, column: usize) -> bool;
    /// Whether the value of a column that rankings compute has an error.
    fn has_error(&self, column: usize) -> bool;
}

/// Where a sale stands in the input.
#[derive(Clone, Copy, Debug)]
pub struct Origin {
    /// Partition.
    pub partition: PartitionId,
    /// Offset.
    pub offset: u64,
    /// Which of the record's rows: of an array that is a record its elements are rows.
    pub row: u32,
}

impl Origin {
    /// A row's place.
    #[inline]
    pub fn new(partition: PartitionId, offset: u64, row: u32) -> Self {
        Origin {
            partition,
            offset,
            row,
        }
    }

    /// The row's name, as a number.
    #[inline]
    pub(super) fn row_id(self) -> i128 {
        let id = RowId {
            partition: self.partition,
            offset: self.offset,
            row: self.row,
        };
        id.number()
    }
}

/// What a sale was not counted for.
#[derive(Clone, Debug, Default)]
pub struct Missing {
    /// Windows that it missed.
    pub windows: Vec<MissedWindow>,
    /// Rankings, by number, and the columns that they compute, whose values had an error.
    pub failed: Vec<(usize, usize)>,
}

impl Missing {
    /// Forgets all.
    pub fn clear(&mut self) {
        self.windows.clear();
        self.failed.clear();
    }
}

/// Whether a row comes or is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// It comes.
    Plus,
    /// It is taken back.
    Minus,
}

/// What became of a sale; of several rows of a record the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Passed no ranking's `WHERE`.
    Filtered,
    /// Passed a `WHERE`, but missed every window.
    Missed,
    /// No ranking took it, and what one computes of it has an error.
    Failed,
    /// Counted in at least one window.
    Counted,
}

/// One epoch's fold on one worker.
pub struct Combiner {
    pub(super) rankings: Vec<Fold>,
    /// By table, the rankings that read it and as which of their inputs.
    pub(super) readers: Vec<Vec<Reader>>,
    /// By table, the arrays whose elements are rows of rankings.
    pub(super) arrays: Vec<Vec<Unnested>>,
    texts: Texts,
    /// A table that is done with, for its memory.
    spare: TextTable,
    columns: Columns,
    /// Additions to a row since the last flush.
    pub(super) folded: u64,
    /// As of [`Combiner::until_of_last`].
    pub(super) until: i64,
    /// By ranking, whether what is folded is the first level of one that is joined; empty where none is.
    firsts: Vec<bool>,
    /// What first levels came to at the last flush.
    of_firsts: Vec<Deltas>,
}

/// A ranking by number, and which of its inputs.
pub(super) type Reader = (usize, usize);

/// An array whose elements are rows of some rankings.
pub(super) struct Unnested {
    column: usize,
    pub(super) readers: Vec<Reader>,
}

/// With fewer rows in each window, ending an epoch is what costs.
const ROWS_OF_A_WINDOW: usize = 4096;

impl Combiner {
    /// An empty fold for a plan's rankings.
    pub fn new(plan: &Arc<Plan>) -> Self {
        let rankings = plan.rankings.iter();
        let rankings = rankings.enumerate().map(|(number, ranking)| {
            let mut fold = Fold::new(ranking, &plan.tables);
            fold.told = plan.told_as(number);
            fold.be_tops(EpochTops::new(plan, number));
            fold
        });
        let mut readers = vec![Vec::new(); plan.tables.len()];
        let mut arrays: Vec<Vec<Unnested>> = readers.iter().map(|_| Vec::new()).collect();
        // Pairs are made of rows elsewhere.
        let of_rows = plan.rankings.iter().enumerate();
        for (number, ranking) in of_rows.filter(|(_, r)| r.paired.is_none()) {
            for (input, of) in ranking.inputs.iter().enumerate() {
                let reader = (number, input);
                let Some(column) = of.unnest else {
                    readers[of.table].push(reader);
                    continue;
                };
                let known = arrays[of.table].iter_mut().find(|a| a.column == column);
                match known {
                    Some(array) => array.readers.push(reader),
                    None => arrays[of.table].push(Unnested {
                        column,
                        readers: vec![reader],
                    }),
                }
            }
        }
        let widest = plan.tables.iter().map(|t| t.columns.len()).max();
        let columns = Columns::new(widest.unwrap_or_default());
        Combiner {
            rankings: rankings.collect(),
            readers,
            arrays,
            texts: Texts::default(),
            spare: TextTable::default(),
            columns,
            folded: 0,
            until: i64::MIN,
            firsts: Vec::new(),
            of_firsts: Vec::new(),
        }
    }

    /// An empty fold for a plan's rankings, of those that are joined of their first level.
    pub fn of_readers(plan: &Arc<Plan>) -> Self {
        let mut combiner = Combiner::new(&folded(plan));
        let firsts = plan.rankings.iter().map(|r| r.joined.is_some());
        combiner.firsts = firsts.collect();
        if !combiner.firsts.contains(&true) {
            combiner.firsts.clear();
        }
        combiner
    }

    /// What first levels came to at the last flush, one batch a worker that has any.
    pub fn take_firsts(&mut self) -> Vec<Deltas> {
        std::mem::take(&mut self.of_firsts)
    }

    /// A ranking's fold, with what it needs.
    pub(super) fn of_ranking(&mut self, number: usize) -> (&mut Fold, &mut Texts, &mut Columns) {
        (
            &mut self.rankings[number],
            &mut self.texts,
            &mut self.columns,
        )
    }

    /// Whether a large epoch saves work: whether its additions went into half as many rows or fewer, or into so many
    /// windows that ending the epoch in each of them costs more than the rows do.
    pub fn pays(&self) -> bool {
        let row = |f: &Fold| {
            let tops = f.tops.as_ref().map_or(0, |tops| tops.rows());
            f.rows.len() / (f.layout.width + 1) + tops
        };
        let rows: usize = self.rankings.iter().map(row).sum();
        let tops = self.rankings.iter().filter_map(|f| f.tops.as_ref());
        let folded = self.folded + tops.map(|tops| tops.seen()).sum::<u64>();
        let spans: usize = self.rankings.iter().map(|f| f.spans.len()).sum();
        rows as u64 * 2 <= folded || rows < spans * ROWS_OF_A_WINDOW
    }

    /// The arrays of a table whose elements are rows of rankings, by their columns.
    #[inline]
    pub fn arrays(&self, table: usize) -> usize {
        self.arrays[table].len()
    }

    /// The column of one of the arrays of a table.
    pub fn array(&self, table: usize, number: usize) -> usize {
        self.arrays[table][number].column
    }

    /// Folds an element in, as [`Combiner::add`] does a sale, into the rankings whose rows are the elements of this array.
    pub fn add_element(
        &mut self,
        (table, array): (usize, usize),
        sale: &impl SaleView,
        origin: Origin,
        judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) -> Outcome {
        let readers = std::mem::take(&mut self.arrays[table][array].readers);
        let outcome = self.fold(&readers, sale, (origin, Sign::Plus), judge, missing);
        self.arrays[table][array].readers = readers;
        outcome
    }

    /// Windows that end at or before a time are done with.
    pub fn retire(&mut self, horizon: i64) {
        let floors = self.rankings.iter_mut().filter_map(|f| f.floors.as_mut());
        floors.for_each(|f| f.retire(horizon));
    }

    /// Folds one sale of a table in. `judge` says what becomes of it in a window that ends at the given time; what it was
    /// not counted for is appended to `missing`.
    pub fn add(
        &mut self,
        table: usize,
        sale: &impl SaleView,
        origin: Origin,
        judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) -> Outcome {
        let readers = std::mem::take(&mut self.readers[table]);
        let outcome = self.fold(&readers, sale, (origin, Sign::Plus), judge, missing);
        self.readers[table] = readers;
        outcome
    }

    /// Folds a pair in, as [`Combiner::add`] does a sale, into a ranking of pairs.
    pub(super) fn add_pair(
        &mut self,
        ranking: usize,
        pair: &impl SaleView,
        origin: Origin,
        judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) -> Outcome {
        self.fold(&[(ranking, 0)], pair, (origin, Sign::Plus), judge, missing)
    }

    #[inline]
    pub(super) fn fold(
        &mut self,
        readers: &[Reader],
        sale: &impl SaleView,
        (origin, sign): (Origin, Sign),
        mut judge: impl FnMut(i64) -> Verdict,
        missing: &mut Missing,
    ) -> Outcome {
        let Combiner {
            rankings,
            texts,
            columns,
            folded,
            until,
            ..
        } = self;
        columns.ids.fill(UNKNOWN);
        *until = i64::MIN;
        let time = sale.event_time();
        let mut outcome = Outcome::Filtered;
        for &(number, source) in readers {
            let fold = &mut rankings[number];
            if !fold.takes(source, sale, missing) {
                continue;
            }
            let cover = fold.cover(time);
            let (first, last, windows) = (cover.first, cover.last, cover.windows);
            *until = last.max(*until);
            // A window that ends later is late later: where the first one takes the sale, all do. Of rows that are also taken back
            // each window has one row of its own: what is taken from some windows of a span came in other ones with all of it, and
            // whose order is not that of the records.
            if windows > 1 && fold.signed.is_none() && judge(first) == Verdict::Counted {
                outcome = Outcome::Counted;
                let span = Span {
                    latest: last,
                    windows,
                };
                let key = fold.key(source, texts, columns, sale, origin);
                let row = fold.row(span, key);
                *folded += 1;
                fold.put(sign, (source, row), texts, columns, sale, (time, origin));
                continue;
            }
            let mut key = None;
            let mut next = Some(last);
            while let Some(end) = next {
                match judge(end) {
                    Verdict::Counted => {
                        outcome = Outcome::Counted;
                        if windows == 1 && fold.is_done_with(source, end, sale, origin) {
                            break;
                        }
                        let key = match key {
                            Some(key) => key,
                            None => *key.insert(fold.key(source, texts, columns, sale, origin)),
                        };
                        let span = Span {
                            latest: end,
                            windows: 1,
                        };
                        let row = fold.row(span, key);
                        *folded += 1;
                        fold.put(sign, (source, row), texts, columns, sale, (time, origin));
                    }
                    verdict => {
                        if outcome == Outcome::Filtered {
                            outcome = Outcome::Missed;
                        }
                        missing.windows.push(fold.missed(end, verdict));
                    }
                }
                next = (end > first).then(|| fold.ranking.window.before(end));
            }
        }
        match outcome {
            Outcome::Counted => outcome,
            _ if !missing.failed.is_empty() => Outcome::Failed,
            _ => outcome,
        }
    }

    /// Ends the epoch: what was folded, as one batch for each of `workers` workers that gets something. Batches of
    /// `spent`, which are done with, lend their memory: what is freed after each epoch goes back to the system, and comes
    /// page by page, cleared.
    pub fn flush(&mut self, workers: usize, spent: &mut Vec<Deltas>) -> Vec<Deltas> {
        self.folded = 0;
        let mut texts = self.texts.take(std::mem::take(&mut self.spare));
        self.columns.forget();
        if self.rankings.iter().all(Fold::is_empty) {
            self.spare = texts;
            return Vec::new();
        }
        let mut out: Vec<Outgoing> = (0..workers)
            .map(|w| {
                let empty = spent.pop().unwrap_or_default();
                Outgoing::new(w as u64, workers, texts.len(), empty)
            })
            .collect();
        if !self.firsts.is_empty() {
            self.of_firsts = self.flush_firsts(workers, &texts);
        }
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

    /// Ends the epoch of first levels, each batch with texts of its own: they go elsewhere.
    fn flush_firsts(&mut self, workers: usize, texts: &TextTable) -> Vec<Deltas> {
        let new = |w| Outgoing::new(w as u64, workers.max(2), texts.len(), Deltas::default());
        let mut out: Vec<Outgoing> = (0..workers).map(new).collect();
        let folds = self.rankings.iter_mut().enumerate();
        for (number, fold) in folds.filter(|(number, _)| self.firsts[*number]) {
            fold.flush(number as u32, texts, &mut out);
        }
        let all = out.into_iter().map(|o| o.deltas);
        all.filter(|d| !d.is_empty()).collect()
    }
}
