//! How large a cluster may be. Each worker has a thread, and memory of its own for each other worker; beyond the cores that
//! there are, more of them make nothing faster. A slip of the finger (`-w 100000`) took the whole machine.

use standings_model::error::{Code, Coded, codes};

/// Workers of all processes together, at most.
pub const MOST_WORKERS: usize = 256;

/// A size that no cluster may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SizeError {
    /// Nothing.
    #[error("-n and -w must be at least 1")]
    None,
    /// Too much.
    #[error(
        "-n {processes} and -w {workers} are {} workers, and {MOST_WORKERS} are the most; more than one for each core make \
         nothing faster",
        .processes.saturating_mul(*.workers)
    )]
    TooMany {
        /// Processes.
        processes: usize,
        /// Workers of each.
        workers: usize,
    },
}

impl Coded for SizeError {
    fn code(&self) -> &'static Code {
        &codes::cluster::SIZE
    }
}

/// Whether so many processes may run, each with so many workers; else why not.
pub fn allowed(processes: usize, workers: usize) -> Result<(), SizeError> {
    match processes.checked_mul(workers) {
        Some(0) => Err(SizeError::None),
        Some(all) if all <= MOST_WORKERS => Ok(()),
        _ => Err(SizeError::TooMany { processes, workers }),
    }
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn a_slip_of_the_finger_is_refused() {
        for (processes, workers) in [(1, 1), (1, 256), (256, 1), (16, 16)] {
            assert!(allowed(processes, workers).is_ok(), "{processes} {workers}");
        }
        for (processes, workers) in [
            (1, 257),
            (257, 1),
            (17, 16),
            (1, 100_000),
            (usize::MAX, 2),
            (0, 1),
        ] {
            assert!(
                allowed(processes, workers).is_err(),
                "{processes} {workers}"
            );
        }
    }
}
