//! The kinds of accumulators.

/// What an accumulator keeps of the sales that pass its filter. Columns are numbers in the ranking's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// How many sales; one word.
    CountAll,
    /// How many non-NULL values of a column; one word.
    Count(usize),
    /// Sum of a column; two words, a 128-bit integer. Nothing added is 0.
    Sum(usize),
    /// Least of a numeric or time column; two words, [`i128::MAX`] for none.
    Min(usize),
    /// Greatest of a numeric or time column; two words, [`i128::MIN`] for none.
    Max(usize),
    /// Least of a column of text or bytes; one word, a text or [`NO_TEXT`](super::NO_TEXT).
    MinText(usize),
    /// Greatest of a text column; likewise.
    MaxText(usize),
    /// Value of the last sale: event time + 1 (0 for none), partition, offset, then two words of value.
    Last(usize),
    /// Same, for a text column: the fourth word is a text or [`NO_TEXT`](super::NO_TEXT).
    LastText(usize),
    /// Distinct values of a column; one word: how many values (in deltas), or the number of a set (in totals).
    Distinct(usize),
    /// Value of the first sale: as of the last.
    First(usize),
    /// Same, for a text column.
    FirstText(usize),
    /// The value of a column, of a group that is one row; two words.
    Only(usize),
    /// Same, for a text column; one word.
    OnlyText(usize),
    /// The value of one column where another is greatest or least.
    Arg(Arg),
    /// Sum of the squares of a column; four words, the lowest first. [`NO_SQUARES`] for one with more bits.
    Squares(usize),
    /// Counted values of a column; of so many digits they are rounded first. One word: how many different (in deltas), or
    /// where they are kept aside (in totals).
    Values(usize, Option<u8>),
    /// A sketch of the values of a column; one word: how many codes (in deltas), or where it is kept aside (in totals).
    Sketch(usize),
    /// As [`SlotKind::Values`], where values are also taken back: of deltas each count has a sign.
    Multiset(usize, Option<u8>),
    /// Entries in order, from which they are taken back as well: one word, as of [`SlotKind::Multiset`].
    Bag(Entry),
    /// Sum of what the upper halves of a column's numbers are: two words. What tells a sum that has more than 128 bits.
    Upper(usize),
    /// Sum of the highest 64 bits of the squares of a column's numbers, of 256: two words. What tells a sum of squares that has more.
    High(usize),
}

/// What a row puts into a [`SlotKind::Bag`]. All but the first have the value behind what they are ordered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The bytes of a column that is kept as bytes or made of others, in their order; NULL is none.
    Bytes(usize),
    /// A column by event time, primary key, partition, offset; whether it is kept as bytes.
    ByTime(usize, bool),
    /// A column by another, and then by event time and so on; the greatest comes first where it is meant.
    ByOther(Arg),
    /// A column by partition; whether it is kept as bytes.
    ByPartition(usize, bool),
    /// What a row is placed by, as bytes behind its key's, by partition.
    Placed,
}

impl Entry {
    /// Whether it is ordered by where rows stand, in time and in the input.
    pub fn is_by_place(self) -> bool {
        matches!(self, Entry::ByTime(..) | Entry::ByOther(_))
    }

    /// What it shows, and what it is ordered by beside time and place.
    fn columns(self) -> (Option<usize>, Option<usize>) {
        match self {
            Entry::Bytes(c) | Entry::ByTime(c, _) | Entry::ByPartition(c, _) => (Some(c), None),
            Entry::ByOther(arg) => (Some(arg.value), Some(arg.by)),
            Entry::Placed => (None, None),
        }
    }

    fn with(self, of: impl Fn(usize) -> usize) -> Self {
        match self {
            Entry::Bytes(c) => Entry::Bytes(of(c)),
            Entry::ByTime(c, is_bytes) => Entry::ByTime(of(c), is_bytes),
            Entry::ByPartition(c, is_bytes) => Entry::ByPartition(of(c), is_bytes),
            Entry::Placed => Entry::Placed,
            Entry::ByOther(arg) => Entry::ByOther(Arg {
                value: of(arg.value),
                by: of(arg.by),
                ..arg
            }),
        }
    }
}

/// The value of one column where another is greatest or least: event time + 1 (0 for none), partition, offset; then the
/// other column, then the value: two words of a number or one of a text, each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arg {
    /// What is shown.
    pub value: usize,
    /// What is greatest or least.
    pub by: usize,
    /// Whether it is a text or bytes, each.
    pub texts: (bool, bool),
    /// Whether the greatest is meant.
    pub greatest: bool,
}

impl Arg {
    /// Where the other column lies.
    pub const BY: usize = 3;

    /// Where the value lies.
    pub fn value_at(self) -> usize {
        Arg::BY + if self.texts.1 { 1 } else { 2 }
    }

    fn words(self) -> usize {
        self.value_at() + if self.texts.0 { 1 } else { 2 }
    }
}

/// A sum of squares that has more bits than there are.
pub const NO_SQUARES: [u64; 4] = [u64::MAX; 4];

impl SlotKind {
    /// The columns that it reads.
    pub fn columns(self) -> impl Iterator<Item = usize> {
        let (one, other) = match self {
            SlotKind::CountAll => (None, None),
            SlotKind::Count(c)
            | SlotKind::Sum(c)
            | SlotKind::Min(c)
            | SlotKind::Max(c)
            | SlotKind::MinText(c)
            | SlotKind::MaxText(c)
            | SlotKind::Last(c)
            | SlotKind::LastText(c)
            | SlotKind::First(c)
            | SlotKind::FirstText(c)
            | SlotKind::Only(c)
            | SlotKind::OnlyText(c)
            | SlotKind::Squares(c)
            | SlotKind::Values(c, _)
            | SlotKind::Sketch(c)
            | SlotKind::Multiset(c, _)
            | SlotKind::Upper(c)
            | SlotKind::High(c)
            | SlotKind::Distinct(c) => (Some(c), None),
            SlotKind::Bag(entry) => entry.columns(),
            SlotKind::Arg(arg) => (Some(arg.value), Some(arg.by)),
        };
        one.into_iter().chain(other)
    }

    /// Where its words are numbers of texts: one or two, or none.
    pub(super) fn texts(self) -> impl Iterator<Item = usize> {
        let (one, other) = match self {
            SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => (Some(0), None),
            SlotKind::LastText(_) | SlotKind::FirstText(_) => (Some(3), None),
            SlotKind::Arg(arg) => (
                arg.texts.1.then_some(Arg::BY),
                arg.texts.0.then_some(arg.value_at()),
            ),
            _ => (None, None),
        };
        one.into_iter().chain(other)
    }

    /// The same with other columns.
    pub(super) fn with(self, of: impl Fn(usize) -> usize) -> Self {
        match self {
            SlotKind::CountAll => SlotKind::CountAll,
            SlotKind::Count(c) => SlotKind::Count(of(c)),
            SlotKind::Sum(c) => SlotKind::Sum(of(c)),
            SlotKind::Min(c) => SlotKind::Min(of(c)),
            SlotKind::Max(c) => SlotKind::Max(of(c)),
            SlotKind::MinText(c) => SlotKind::MinText(of(c)),
            SlotKind::MaxText(c) => SlotKind::MaxText(of(c)),
            SlotKind::Last(c) => SlotKind::Last(of(c)),
            SlotKind::LastText(c) => SlotKind::LastText(of(c)),
            SlotKind::Distinct(c) => SlotKind::Distinct(of(c)),
            SlotKind::First(c) => SlotKind::First(of(c)),
            SlotKind::FirstText(c) => SlotKind::FirstText(of(c)),
            SlotKind::Only(c) => SlotKind::Only(of(c)),
            SlotKind::OnlyText(c) => SlotKind::OnlyText(of(c)),
            SlotKind::Squares(c) => SlotKind::Squares(of(c)),
            SlotKind::Values(c, rounded) => SlotKind::Values(of(c), rounded),
            SlotKind::Sketch(c) => SlotKind::Sketch(of(c)),
            SlotKind::Multiset(c, rounded) => SlotKind::Multiset(of(c), rounded),
            SlotKind::Bag(entry) => SlotKind::Bag(entry.with(of)),
            SlotKind::Upper(c) => SlotKind::Upper(of(c)),
            SlotKind::High(c) => SlotKind::High(of(c)),
            SlotKind::Arg(arg) => SlotKind::Arg(Arg {
                value: of(arg.value),
                by: of(arg.by),
                ..arg
            }),
        }
    }
}

/// How many words an accumulator has.
pub(super) fn words(kind: SlotKind) -> usize {
    match kind {
        SlotKind::CountAll | SlotKind::Count(_) | SlotKind::Distinct(_) => 1,
        SlotKind::Values(..) | SlotKind::Sketch(_) => 1,
        SlotKind::Multiset(..) | SlotKind::Bag(_) => 1,
        SlotKind::Upper(_) | SlotKind::High(_) => 2,
        SlotKind::MinText(_) | SlotKind::MaxText(_) | SlotKind::OnlyText(_) => 1,
        SlotKind::Only(_) | SlotKind::Sum(_) | SlotKind::Min(_) | SlotKind::Max(_) => 2,
        SlotKind::Last(_) | SlotKind::First(_) => 5,
        SlotKind::LastText(_) | SlotKind::FirstText(_) | SlotKind::Squares(_) => 4,
        SlotKind::Arg(arg) => arg.words(),
    }
}
