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
