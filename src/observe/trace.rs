//! Traces: how long the stages of a sampled commit took, told as OpenTelemetry spans.
//!
//! ```text
//! committer ──stamps of a commit, one a --trace-sample at most──► bounded channel ──► who sends them (OTLP over HTTP)
//! ```
//!
//! 1. The committer only hands stamps over; what does not fit is counted.
//! 2. A span stands for what was measured, and for nothing else: what cannot be told apart is one span.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::live::{Export, Live};
use standings_model::block::PartitionId;
use standings_model::change::Commit;

/// Commits that wait to be told at most.
const MOST: usize = 64;

/// From when to when.
pub type Span = (SystemTime, SystemTime);
/// A part of a commit: its name, the sink if it is a write, and when.
pub type Part<'a> = (&'static str, Option<&'a str>, Span);

/// When what happened to one commit.
#[derive(Clone, Debug, PartialEq)]
pub struct Stamps {
    /// Its number.
    pub commit: u64,
    /// Rows written.
    pub changes: usize,
    /// Records of its input.
    pub records: u64,
    /// The prefix of the input.
    pub offsets: BTreeMap<PartitionId, u64>,
    /// The global watermark, ms.
    pub watermark: Option<i64>,
    /// Its oldest and its newest block of records were read; `None` if it holds none.
    pub read: Option<Span>,
    /// The last of its epochs was decoded and folded.
    pub folded: Option<SystemTime>,
    /// Gather had its changes, and no earlier commit was being written.
    pub drafted: Option<SystemTime>,
    /// The committer took it.
    pub taken: SystemTime,
    /// Its late sales and dead letters were written, if it has any.
    pub rejects: Option<Span>,
    /// By sink that had something to write.
    pub writes: Vec<(String, Span)>,
    /// It is durable everywhere.
    pub durable: SystemTime,
}

impl Stamps {
    /// What a commit itself says.
    pub fn of(commit: &Commit, taken: SystemTime) -> Self {
        let times = || commit.arrived.iter().map(|(at, _)| *at);
        Stamps {
            commit: commit.number,
            changes: commit.changes.len(),
            records: commit.arrived.iter().map(|(_, n)| n).sum(),
            offsets: commit.offsets.clone(),
            watermark: commit.watermark,
            read: times().min().zip(times().max()),
            folded: commit.folded,
            drafted: commit.drafted,
            taken,
            rejects: None,
            writes: Vec::new(),
            durable: taken,
        }
    }

    /// The whole, then its parts by name, with the sink of a write. A part whose stamps go backwards, as clocks of two
    /// machines may, is left out.
    pub fn spans(&self) -> (Span, Vec<Part<'_>>) {
        let begin = self
            .read
            .map_or(self.drafted.unwrap_or(self.taken), |(oldest, _)| oldest);
        let mut parts: Vec<Part<'_>> = Vec::new();
        if let Some(read) = self.read {
            parts.push(("read", None, read));
        }
        if let (Some((oldest, _)), Some(folded)) = (self.read, self.folded) {
            parts.push(("decode and combine", None, (oldest, folded)));
        }
        if let (Some(_), Some(folded), Some(drafted)) = (self.read, self.folded, self.drafted) {
            parts.push(("exchange, total, rank, gather", None, (folded, drafted)));
        }
        if let Some(rejects) = self.rejects {
            parts.push(("write rejects", None, rejects));
        }
        for (sink, span) in &self.writes {
            parts.push(("write", Some(sink), *span));
        }
        parts.retain(|(_, _, (from, to))| from <= to);
        ((begin.min(self.durable), self.durable), parts)
    }
}

/// The committer's side.
pub struct Tracer {
    stamps: Sender<Stamps>,
    sample: Duration,
    last: Option<Instant>,
    live: Arc<Live>,
}

impl Tracer {
    /// The committer's side, and where what it hands over comes out.
    pub fn new(sample: Duration, live: Arc<Live>) -> (Self, Receiver<Stamps>) {
        let (stamps, waiting) = bounded(MOST);
        let tracer = Tracer {
            stamps,
            sample,
            last: None,
            live,
        };
        (tracer, waiting)
    }

    /// Whether the commit that is begun now is one to trace.
    pub fn is_due(&self, now: Instant) -> bool {
        let passed = |last| now.saturating_duration_since(last) >= self.sample;
        self.last.is_none_or(passed)
    }

    /// Hands a commit over; never waits.
    pub fn tell(&mut self, now: Instant, stamps: Stamps) {
        self.last = Some(now);
        if let Err(lost) = self.stamps.try_send(stamps) {
            let spans = 1 + lost.into_inner().spans().1.len();
            self.live.exported(Export::SpansDropped, spans as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_what_was_measured_and_none_goes_backwards() {
        let at = |ms| SystemTime::UNIX_EPOCH + Duration::from_millis(ms);
        let mut commit = Commit {
            number: 7,
            arrived: vec![(at(20), 3), (at(10), 2)],
            folded: Some(at(25)),
            drafted: Some(at(30)),
            ..Commit::default()
        };
        let mut stamps = Stamps::of(&commit, at(31));
        stamps.durable = at(50);
        stamps.writes.push(("stdout".to_owned(), (at(32), at(49))));
        let (whole, parts) = stamps.spans();
        assert_eq!((whole, stamps.records), ((at(10), at(50)), 5));
        let names: Vec<_> = parts.iter().map(|(name, ..)| *name).collect();
        let all = [
            "read",
            "decode and combine",
            "exchange, total, rank, gather",
            "write",
        ];
        assert_eq!(names, all);
        // Another machine's clock is ahead of ours.
        commit.folded = Some(at(99));
        let stamps = Stamps::of(&commit, at(31));
        assert!(stamps.spans().1.iter().all(|(_, _, (a, b))| a <= b));
    }
}
