//! The accumulators of a ranking whose rows are also taken back: each can be taken from as well as added to.
//!
//! ```text
//! counts, sums, squares                          words, modulo 2 to the 64th, 128th, 256th: what is left is exact; of numbers with
//!                                                many digits the highest bits are summed too, which tell what does not fit
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
        if ranking.is_placed_by_speaker() {
            layout.speaker = Some(layout.slot(SlotKind::Bag(Entry::Placed), None));
        }
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
        let show = |c: usize| match kind(c).is_bytes() {
            true => Show::Bytes,
            false => Show::Number,
        };
        let source = match measure.aggregate {
            Aggregate::CountAll => Source::Count(slot(SlotKind::CountAll)),
            Aggregate::Count(c) => Source::Count(slot(SlotKind::Count(c))),
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
            Aggregate::Sum(c) | Aggregate::Avg(c) | Aggregate::Spread(c, _) => {
                return self.sum(ranking, measure, c);
            }
        };
        (source, None)
    }

    /// The same of what sums come to.
    fn sum(&mut self, ranking: &Ranking, measure: &Measure, c: usize) -> (Source, Option<usize>) {
        let mut slot = |kind| self.slot(kind, measure.filter);
        let kind = &ranking.row[c].kind;
        // As many values as rows.
        let count = match ranking.row[c].nullable {
            true => SlotKind::Count(c),
            false => SlotKind::CountAll,
        };
        let (sum, count) = (slot(SlotKind::Sum(c)), slot(count));
        let scale = kind.scale();
        let source = match measure.aggregate {
            Aggregate::Avg(_) => Source::Avg(sum, count, scale, scale.max(2)),
            Aggregate::Spread(_, of) => {
                let places = [count, sum, slot(SlotKind::Squares(c))];
                Source::Spread(places, scale, of)
            }
            _ => Source::Sum(sum, count),
        };
        // With fewer digits no sum of rows that there can be has more than 128 bits, and none of squares more than 256.
        if digits(kind).0 <= 28 {
            return (source, None);
        }
        let upper = slot(SlotKind::Upper(c));
        if matches!(source, Source::Spread(..)) {
            let high = slot(SlotKind::High(c));
            if !self.high.contains(&high) {
                self.high.push(high);
            }
        }
        (source, Some(upper))
    }
}
