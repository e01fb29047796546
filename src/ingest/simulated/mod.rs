//! The frame in a simulator: one source over a log of transactions that loses answers, aborts, is killed, and is taken over by
//! a zombie's brother; a folder whose files go back; senders that come again. What must hold is asked of the log at the end.
//!
//! ```text
//! dice ──► World: log (transactions, fences, lost answers) ◄── Task ◄── FilesFeed over a made-up folder
//!             │                                                   ◄── WebhookFeed behind a door
//!             │                                                   ◄── RestFeed over an endpoint that lies
//!             │                                                   ◄── SoapFeed over the same one, which knows envelopes again
//!             │                                                   ◄── TableFeed over a table of slow transactions
//!             │                                                   ◄── WindowFeed over one whose rows do not say who wrote them
//!             │                                                   ◄── ChangesFeed of Postgres and of MariaDB, over a log that is cut and put back
//!             └──► every row once, in order; nothing that was answered is missing; nothing runs that cannot
//! ```
//!
//! Each mistake of `Mistake::OF_INGEST` is made, and some seed must show it.

mod api;
mod changes;
mod folder;
mod log;
mod play;
mod service;
mod table;
mod window;

use standings_model::sabotage::{self, Mistake};

use play::play;

/// Seeds that are played for nothing wrong, and until a mistake shows.
const SEEDS: u64 = 400;

#[test]
fn nothing_is_lost_and_nothing_comes_twice() {
    let mut total = play::Tally::default();
    for seed in 0..SEEDS {
        match play(seed) {
            Ok(tally) => total.add(&tally),
            Err(wrong) => panic!("seed {seed}: {wrong}"),
        }
    }
    // A world in which nothing happens shows nothing.
    assert!(
        total.kills > SEEDS && total.lost_answers > 100 && total.aborts > 100,
        "{total:?}"
    );
    assert!(
        total.zombies > 50 && total.rows > 10_000 && total.deliveries > 1_000 && total.lies > 1_000,
        "{total:?}"
    );
}

/// Of those that a reader of a binary log can make each is noticed over one: what the games of Postgres notice counts for nothing here.
#[test]
fn mistakes_of_a_binlog_are_noticed() {
    let mut unseen = Vec::new();
    for mistake in [
        Mistake::IngestLogNotCompared,
        Mistake::IngestChangesNotCounted,
        Mistake::IngestTouchedAsItIs,
        Mistake::IngestKeyChangeAsUpdate,
        Mistake::IngestChangeAcknowledgedEarly,
        Mistake::IngestSnapshotGap,
    ] {
        sabotage::make(Some(mistake));
        let play = |seed| changes::binlog(seed).and_then(|_| changes::binlog_lost(seed));
        let seen = (0..SEEDS).find(|seed| play(*seed).is_err());
        sabotage::make(None);
        if seen.is_none() {
            unseen.push(mistake.name());
        }
    }
    assert!(unseen.is_empty(), "nobody noticed: {unseen:?}");
}

#[test]
fn every_mistake_is_noticed() {
    let mut unseen = Vec::new();
    for mistake in Mistake::OF_INGEST {
        sabotage::make(Some(*mistake));
        let seen = (0..SEEDS).find(|seed| play(*seed).is_err());
        sabotage::make(None);
        if seen.is_none() {
            unseen.push(mistake.name());
        }
    }
    assert!(unseen.is_empty(), "nobody noticed: {unseen:?}");
}
