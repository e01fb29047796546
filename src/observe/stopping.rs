//! When a process that was asked to stop, or that has not reached what it needs yet, has waited long enough, and what it says then.

use std::time::Duration;

use standings_model::error::{Code, Coded, codes};
use standings_model::sabotage::{self, Mistake};
use standings_process::exit::Failure;

use super::live::Live;

/// What the record of a run may take at the end of its time.
const RECORD: Duration = Duration::from_secs(1);

/// What a process says that has waited so long since it was asked to stop, when that is too long. Knows no clock: the
/// simulator's processes are ended by the same.
pub fn over(waited: Duration, limit: Duration, live: &Live) -> Option<Failure> {
    let is_early = waited < limit.saturating_sub(RECORD.min(limit / 2));
    if is_early || sabotage::is(Mistake::StopWithoutLimit) {
        return None;
    }
    let (bytes, waits) = (live.in_flight(), live.waits.told());
    let waited_ms = waited.as_millis() as u64;
    tracing::error!(
        event = "stopped_uncommitted",
        uncommitted_bytes = bytes,
        waits,
        waited_ms,
        "--stop-timeout is over"
    );
    let stopped = Stopped {
        limit,
        bytes,
        waits,
    };
    Some(stopped.into())
}

/// Asked to stop, it did not come to its end in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", not_committed(*.limit, *.bytes, .waits.clone()))]
struct Stopped {
    /// `--stop-timeout`.
    limit: Duration,
    /// What was read and is not committed.
    bytes: u64,
    /// What is waited for.
    waits: Option<String>,
}

impl Coded for Stopped {
    fn code(&self) -> &'static Code {
        &codes::process::STOPPED
    }
}

fn not_committed(limit: Duration, bytes: u64, waits: Option<String>) -> String {
    let what = match bytes {
        0 => "nothing that was read is lost".to_owned(),
        bytes => format!(
            "{bytes} bytes that were read are not committed; the next start reads them again"
        ),
    };
    let why = waits.unwrap_or_else(|| "what it waits for has not said so".to_owned());
    format!(
        "asked to stop, it did not come to its end within --stop-timeout ({limit:?}): {what}. {why}"
    )
}

/// What a process says that waits for what it needs, and has waited long enough, before anything was committed.
pub fn unreached(limit: Duration, live: &Live) -> Option<Failure> {
    if live.has_committed() {
        return None;
    }
    let waits = live.waits.told_after(limit)?;
    tracing::error!(event = "unreached", waits, "--connect-timeout is over");
    Some(Unreached { limit, waits }.into())
}

/// It did not reach what it needs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing was committed yet, and --connect-timeout ({limit:?}) is over: {waits}")]
struct Unreached {
    /// `--connect-timeout`.
    limit: Duration,
    /// What is waited for.
    waits: String,
}

impl Coded for Unreached {
    fn code(&self) -> &'static Code {
        &codes::process::UNREACHED
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use standings_model::clock::Clock;

    use super::*;
    use crate::waiting::{Waiting, What};

    #[test]
    fn who_waits_too_long_before_the_first_commit_says_for_what() {
        let live = Arc::new(Live::default());
        let none = Duration::ZERO;
        assert!(unreached(none, &live).is_none(), "it waits for nothing");
        let clock = Clock::default();
        let mut waiting = Waiting::new(What::Sink, "postgres://db/shop", &live, &clock);
        waiting.tried("Connection refused");
        assert!(unreached(Duration::from_secs(60), &live).is_none());
        let waits = live.waits.told().unwrap();
        let said = Unreached { limit: none, waits };
        assert_eq!((said.code().id, said.code().exit), ("S0005", 1));
        let text = said.to_string();
        assert!(
            text.contains("waiting for the sink postgres://db/shop since"),
            "{text}"
        );
        assert!(unreached(none, &live).is_some());
        live.commit_took("another", none);
        assert!(unreached(none, &live).is_none(), "it has begun");
    }

    #[test]
    fn who_does_not_stop_in_time_has_a_code() {
        let stopped = Stopped {
            limit: Duration::from_secs(10),
            bytes: 42,
            waits: None,
        };
        assert_eq!((stopped.code().id, stopped.code().exit), ("S0003", 1));
        assert!(
            stopped
                .to_string()
                .starts_with("asked to stop, it did not come to its end")
        );
    }

    #[test]
    fn what_was_not_committed_is_said() {
        let waits = Some("waiting for the sink x".to_owned());
        let said = not_committed(Duration::from_secs(10), 42, waits);
        assert!(
            said.contains("42 bytes that were read are not committed")
                && said.ends_with("the sink x")
        );
        let said = not_committed(Duration::from_secs(10), 0, None);
        assert!(
            said.contains("within --stop-timeout (10s): nothing that was read is lost"),
            "{said}"
        );
    }
}
