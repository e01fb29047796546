//! What ends a worker that is neither the source's nor the store's to tell.

use standings_model::block::PartitionId;
use standings_model::error::{Code, Coded, codes};

/// A worker that cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// It is to begin from a snapshot, and knows no store.
    #[error("the first process has --state and this one has not; give all the same flags")]
    NoState,
    /// A reader's defect.
    #[error("the source gave records of partition {0} before it said where they begin")]
    Unannounced(PartitionId),
}

impl Coded for DriverError {
    fn code(&self) -> &'static Code {
        match self {
            DriverError::NoState => &codes::cluster::REFUSED,
            DriverError::Unannounced(_) => &codes::process::DEFECT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_flags_are_usage_and_a_defect_is_none() {
        assert_eq!(
            (
                DriverError::NoState.code().id,
                DriverError::NoState.code().exit
            ),
            ("S0803", 2)
        );
        let defect = DriverError::Unannounced(3);
        assert_eq!((defect.code().id, defect.code().exit), ("S0001", 1));
    }
}
