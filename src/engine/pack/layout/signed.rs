//! The accumulators of a ranking whose rows are also taken back: each can be taken from as well as added to.
//!
//! ```text
//! counts, sums, squares                          words, modulo 2 to the 64th, 128th, 256th: what is left is exact
//! MIN MAX PERCENTILE COUNT(DISTINCT) of numbers  one multiset of the column's values, for all of them
//! of texts; FIRST LAST ARG_MAX ARG_MIN           a bag of entries, in the order in which the first or the last one answers
//! ```
//!
//! The first accumulator is always the number of the group's rows.

use super::{Arg, Entry, Layout, Show, SlotKind, Source, digits};
use standings_model::plan::{Aggregate, Measure, Ranking};

impl Layout {
    /// Lays out the accumulators of a ranking that retracts.
    pub(super) fn signed(ranking: &Ranking) -> Self {
        let mut layout = Layout::empty();
        layout.rows = Some(layout.slot(SlotKind::CountAll, None));
        for measure in &ranking.measures {
            let (source, upper) = layout.taken_from(ranking, measure);
            layout.sources.push(source);
            layout.upper.push(upper);
        }
        layout.note();
        layout
    }

    /// Where a measure comes from; and what tells that its sum is too wide, where it can be.
    fn taken_from(&mut self, ranking: &Ranking, measure: &Measure) -> (Source, Option<usize>) {
        let kind = |c: usize| &ranking.row[c].kind;
        let in_bag = |c: usize| kind(c).is_bytes() || kind(c).is_nested();
        let mut slot = |kind| self.slot(kind, measure.filter);
        let not_null = |c: usize| match ranking.row[c].nullable {
            true => SlotKind::Count(c),
            false => SlotKind::CountAll,
        };
        // As many digits as two numbers of 128 bits cannot have together.
        let is_wide = |c: usize| digits(kind(c)).0 > 28;
        let show = |c: usize| match kind(c).is_bytes() {
            true => Show::Bytes,
            false => Show::Number,
        };
        let source = match measure.aggregate {
            Aggregate::CountAll => Source::Count(slot(SlotKind::CountAll)),
            Aggregate::Count(c) => Source::Count(slot(SlotKind::Count(c))),
            Aggregate::Sum(c) => {
                let upper = is_wide(c).then(|| slot(SlotKind::Upper(c)));
                let sum = slot(SlotKind::Sum(c));
                return (Source::Sum(sum, slot(not_null(c))), upper);
            }
            Aggregate::Avg(c) => {
                let upper = is_wide(c).then(|| slot(SlotKind::Upper(c)));
                let (sum, scale) = (slot(SlotKind::Sum(c)), kind(c).scale());
                let source = Source::Avg(sum, slot(not_null(c)), scale, scale.max(2));
                return (source, upper);
            }
            Aggregate::Spread(c, of) => {
                let upper = is_wide(c).then(|| slot(SlotKind::Upper(c)));
                let (count, sum) = (slot(not_null(c)), slot(SlotKind::Sum(c)));
                let places = [count, sum, slot(SlotKind::Squares(c))];
                return (Source::Spread(places, kind(c).scale(), of), upper);
            }
            Aggregate::CountDistinct(c) if in_bag(c) => {
                Source::Entries(slot(SlotKind::Bag(Entry::Bytes(c))))
            }
            Aggregate::Min(c) if in_bag(c) => {
                Source::First(slot(SlotKind::Bag(Entry::Bytes(c))), Show::Whole)
            }
            Aggregate::Max(c) if in_bag(c) => {
                Source::Last(slot(SlotKind::Bag(Entry::Bytes(c))), Show::Whole)
            }
            Aggregate::CountDistinct(c) => Source::Different(slot(SlotKind::Multiset(c, None))),
            Aggregate::Min(c) => Source::Least(slot(SlotKind::Multiset(c, None))),
            Aggregate::Max(c) => Source::Greatest(slot(SlotKind::Multiset(c, None))),
            Aggregate::Percentile {
                column,
                at,
                rounded,
            } => {
                let scale = kind(column).scale();
                let digits = rounded.then(|| digits(kind(column)).0);
                let place = slot(SlotKind::Multiset(column, digits));
                Source::Percentile(place, at, scale, scale.max(6))
            }
            Aggregate::LastValue(c) if ranking.as_they_are => {
                let entry = Entry::ByPartition(c, kind(c).is_bytes());
                Source::First(slot(SlotKind::Bag(entry)), show(c))
            }
            Aggregate::LastValue(c) => {
                let entry = Entry::ByTime(c, kind(c).is_bytes());
                Source::Last(slot(SlotKind::Bag(entry)), show(c))
            }
            Aggregate::FirstValue(c) => {
                let entry = Entry::ByTime(c, kind(c).is_bytes());
                Source::First(slot(SlotKind::Bag(entry)), show(c))
            }
            Aggregate::ArgMax { value, by } | Aggregate::ArgMin { value, by } => {
                let entry = Entry::ByOther(Arg {
                    value,
                    by,
                    texts: (kind(value).is_bytes(), kind(by).is_bytes()),
                    greatest: matches!(measure.aggregate, Aggregate::ArgMax { .. }),
                });
                Source::First(slot(SlotKind::Bag(entry)), show(value))
            }
            // Refused when it is planned. A sketch is not taken from: what is counted is exact.
            Aggregate::CountRoughly(c) if in_bag(c) => {
                Source::Entries(slot(SlotKind::Bag(Entry::Bytes(c))))
            }
            Aggregate::CountRoughly(c) => Source::Different(slot(SlotKind::Multiset(c, None))),
            Aggregate::Computed(_) => Source::Computed,
        };
        (source, None)
    }
}
