//! Why a demo is none.

use std::io;

use standings_model::error::{Code, Coded, codes};
use standings_query::QueryErrors;

/// What ends a demo.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No day at all.
    #[error("--day must be at least 1s")]
    Day,
    /// No workers.
    #[error("-w must be at least 1")]
    Workers,
    /// The queries that are inside the binary: a defect.
    #[error("{}", .0.render())]
    Shipped(QueryErrors),
    /// What the demo itself has made is not taken: a defect.
    #[error("{0}")]
    Own(String),
    /// No thread for the shop.
    #[error("cannot start the shop: {0}")]
    Shop(io::Error),
    /// No folder, or no thread, for what feeds it.
    #[error("cannot start the demo's folder and webhook: {0}")]
    Feeds(io::Error),
    /// A defect.
    #[error("the shop panicked")]
    Panicked,
    /// A defect.
    #[error("the counts do not add up: this is a bug")]
    Unbalanced,
    /// Sales are missing.
    #[error("{made} sales were made, and {read} were read")]
    NotRead {
        /// By the shop.
        made: u64,
        /// By the run.
        read: u64,
    },
}

impl Coded for DemoError {
    fn code(&self) -> &'static Code {
        match self {
            DemoError::Day | DemoError::Workers => &codes::line::FLAGS,
            DemoError::Shipped(_)
            | DemoError::Own(_)
            | DemoError::Panicked
            | DemoError::Unbalanced => &codes::process::DEFECT,
            DemoError::Shop(_) | DemoError::Feeds(_) => &codes::process::SYSTEM,
            DemoError::NotRead { .. } => &codes::tools::DEMO,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sale_that_is_missing_fails_the_demo() {
        let (made, read) = (5, 4);
        assert_eq!(DemoError::NotRead { made, read }.code().id, "S1107");
        assert_eq!(DemoError::Unbalanced.code().id, "S0001");
    }
}
