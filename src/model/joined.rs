//! What the rows of a ranking are joined with.

/// A table that rows are joined with by its primary key: one row of it at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// Table number in the plan.
    pub table: usize,
    /// What it is called in the query.
    pub name: String,
    /// The columns of the input's table that are equal to the columns of the primary key, in their order. They may be of an
    /// earlier join.
    pub key: Vec<usize>,
    /// As it was at the row's event time (`FOR SYSTEM_TIME AS OF`), else as it is.
    pub as_of: bool,
    /// `LEFT JOIN`: a row without a partner stays, with NULLs.
    pub left: bool,
    /// What is taken of it: a column there, and the column of the input's table that it is here.
    pub columns: Vec<(usize, usize)>,
    /// What it means, as one text.
    pub meaning: String,
}

/// What the rows of a ranking are joined with. Such a ranking has one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// One after the other; at least one.
    pub joins: Vec<Join>,
    /// What of `WHERE` is decided behind them: a condition among the columns of the input's table.
    pub filter: Option<usize>,
    /// What that means, as one text.
    pub filter_meaning: Option<String>,
}

/// Rows of two tables beside each other: those of equal keys whose event times are no further apart than this. Both tables only
/// grow; a pair is of the later of the two times. Such a ranking has one input, the first of the tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paired {
    /// Number of the other table in the plan.
    pub table: usize,
    /// What it is called in the query.
    pub name: String,
    /// What is equal: a column of the input's table, and one of the other.
    pub key: Vec<(usize, usize)>,
    /// How much later than the input's row the other is, at least and at most, microseconds; less than nothing: earlier.
    pub within: (i64, i64),
    /// What is taken of it: a column there, and the column of the input's table that it is here.
    pub columns: Vec<(usize, usize)>,
    /// What of `WHERE` is decided of pairs: a condition among the columns of the input's table.
    pub filter: Option<usize>,
    /// What that means, as one text.
    pub filter_meaning: Option<String>,
    /// What all of it means, as one text.
    pub meaning: String,
}

impl Paired {
    /// From when to when pairs of a row of a time may be, ms: of a row of the input's table, or (`other`) of the other.
    pub fn times(&self, other: bool, time: i64) -> (i64, i64) {
        let (from, to) = match other {
            false => self.within,
            true => (-self.within.1, -self.within.0),
        };
        // Times are whole milliseconds of what may be finer.
        let (from, to) = (
            from.div_euclid(1_000),
            to.saturating_add(999).div_euclid(1_000),
        );
        let at = |apart: i64| time.max(time.saturating_add(apart));
        (at(from), at(to))
    }
}
