//! What a record is, and what it is folded into.

use std::collections::BTreeSet;

use crate::combine::combiner::Combiner;
use crate::quality::Judge;
use crate::rank::keys::NewKey;
use standings_decode::About;
use standings_model::amounts::Amounts;
use standings_model::plan::Plan;
use standings_model::reject::Reject;

/// A record as it is decoded, and as it came.
#[derive(Clone, Copy)]
pub(super) struct Bytes<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) original: &'a [u8],
    pub(super) about: About<'a>,
    /// Of an array that is a record, which of its elements.
    pub(super) row: u32,
}

/// What a worker folds its partitions' sales into.
pub struct Folds<'a> {
    /// Per ranking, window and key.
    pub combiner: &'a mut Combiner,
    /// Amounts per window, if `--summary-window` asks for them.
    pub amounts: Option<&'a mut Amounts>,
    /// Asks of every sale what is declared.
    pub judge: &'a mut Judge,
    /// Late sales and dead letters.
    pub rejects: &'a mut Vec<Reject>,
    /// Keys of which rows are held now.
    pub keys: &'a mut Keys,
    /// What a sale may be.
    pub plan: &'a Plan,
}

/// Keys of which rows are held now, of tables that have several partitions.
#[derive(Debug, Default)]
pub struct Keys {
    /// Other workers may have partitions of any table.
    pub of_all: bool,
    /// Tables of which this worker has several.
    pub of: BTreeSet<usize>,
    /// Those that were not told.
    pub new: Vec<NewKey>,
}

impl Keys {
    /// Whether keys of a table are told.
    pub fn asks(&self, table: usize) -> bool {
        self.of_all || self.of.contains(&table)
    }
}
