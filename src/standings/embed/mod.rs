//! Rankings inside another program: files or records in, rankings out, on the caller's own thread.
//!
//! ```text
//! Queries ──start──► Rankings ◄──read_files, push── records
//!                       │  one worker of the engine, and the committer, a turn at a time
//!                       ├──commit──► rows that changed since it was last asked
//!                       └──rows────► a ranking as it is now
//! ```
//!
//! It is the engine of `standings run`, part by part, with the same answers: the decoder, event time, the dataflow and the
//! committer. What a process has and a library must not is left out: no thread is started, no signal is handled, nothing of
//! the process is changed, nothing is printed. What there is to say goes to `tracing`, and what fails is an [`Error`].
//!
//! # Examples
//!
//! Two sales, two cities, one ranking:
//!
//! ```
//! use standings::embed::Queries;
//!
//! # fn main() -> Result<(), standings::embed::Error> {
//! let mut rankings = Queries::shipped()?.start()?;
//! let shop = rankings.partition()?;
//! rankings.push(shop, br#"{"event_time":"2026-01-23T10:00:00Z","city":"Porto","salesman_id":"S1","amount":20}"#)?;
//! rankings.push(shop, br#"{"event_time":"2026-01-23T10:01:00Z","city":"Lisbon","salesman_id":"S2","amount":"30.50"}"#)?;
//! rankings.commit()?;
//!
//! let cities = rankings.rows("top_sales_per_city")?;
//! assert_eq!(cities[0].text("city"), "Lisbon");
//! assert_eq!(cities[0].text("total_sales"), "30.50");
//!
//! // Porto sells more: what changed is told, and nothing else.
//! rankings.push(shop, br#"{"event_time":"2026-01-23T10:02:00Z","city":"Porto","salesman_id":"S1","amount":11}"#)?;
//! let changed = rankings.commit()?;
//! let cities: Vec<_> = changed.iter().filter(|row| row.ranking() == "top_sales_per_city").collect();
//! assert_eq!((cities[0].text("city"), cities[0].previous_rank()), ("Porto".to_owned(), Some(2)));
//! assert_eq!((cities[1].text("city"), cities[1].previous_rank()), ("Lisbon".to_owned(), Some(1)));
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! It keeps its rows in memory, [until told to forget them](Rankings::forget), and begins anew each time. What must last,
//! be shared, or go on after a crash is for `standings run`, whose sinks and snapshots do that.

mod engine;
mod error;
mod files;
mod ledger;
mod queries;
mod row;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use standings_model::block::{Block, Home, PartitionId, SourceEvent};
use standings_model::change::Counts;
use standings_model::plan::Plan;

use self::engine::Engine;
pub use self::error::Error;
pub use self::queries::Queries;
pub use self::row::Row;

/// How much is pushed before it is given to the engine without being asked for.
const PIECE: usize = 256 << 10;

/// Rankings of what was read so far. Stays on the thread that started it.
pub struct Rankings {
    plan: Arc<Plan>,
    engine: Engine,
    /// Records that were pushed, and are not given to the engine yet.
    pushed: BTreeMap<PartitionId, Block>,
    /// Partitions that more may come of, and their next offset.
    open: BTreeMap<PartitionId, u64>,
    partitions: PartitionId,
    finished: bool,
}

impl Rankings {
    fn new(plan: Arc<Plan>, engine: Engine) -> Self {
        Rankings {
            plan,
            engine,
            pushed: BTreeMap::new(),
            open: BTreeMap::new(),
            partitions: 0,
            finished: false,
        }
    }

    /// A new log of records. Each has an event time of its own: a record is late if it is late for its partition, whatever
    /// the others show, and a window is final once all of them have passed it. So what comes in its own order is a
    /// partition: a file, a shop, a sensor. Open those that are known before the first [`commit`](Self::commit).
    pub fn partition(&mut self) -> Result<PartitionId, Error> {
        self.is_open()?;
        let partition = self.partitions;
        self.partitions += 1;
        self.open.insert(partition, 0);
        self.engine.give(SourceEvent::Assigned {
            partition,
            home: Arc::new(Home {
                partition,
                ..Home::default()
            }),
            offset: 0,
            end: 0,
        });
        Ok(partition)
    }

    /// Appends a record, one JSON object, to a partition. What is none is a dead letter, and no error: it is counted
    /// ([`counts`](Self::counts)), and told to who asked for it ([`Queries::on_reject`]).
    pub fn push(&mut self, partition: PartitionId, record: &[u8]) -> Result<(), Error> {
        self.is_open()?;
        let next = self.open.get_mut(&partition);
        let next = next.ok_or(Error::Partition(partition))?;
        let block = self.pushed.entry(partition);
        let block = block.or_insert_with(|| Block::new(partition));
        files::append(block, record, *next);
        *next += 1;
        if block.bytes.len() >= PIECE {
            self.hand_over(partition)?;
        }
        Ok(())
    }

    /// Reads files to their end, each as a partition: NDJSON, CSV or Parquet by their names, `.gz` and `.zst` too. They
    /// are read side by side, so that none gets far ahead in event time: name together what belongs together.
    pub fn read_files<P: AsRef<Path>>(&mut self, paths: &[P]) -> Result<&mut Self, Error> {
        self.is_open()?;
        // All of them before anything is read: a file that is not there spoils nothing.
        let opened = (self.partitions..).zip(paths).map(|(partition, path)| {
            let path = path.as_ref();
            let blocks = files::open(path, &self.plan.tables[0], partition)?;
            Ok((partition, path, blocks))
        });
        let mut files = opened.collect::<Result<Vec<_>, Error>>()?;
        for _ in &files {
            self.partition()?;
        }
        while !files.is_empty() {
            let mut still = Vec::new();
            for (partition, path, mut blocks) in files {
                match files::next(&mut *blocks, path)? {
                    Some(block) => {
                        self.open.insert(partition, block.next_offset);
                        self.engine.give(SourceEvent::Block(block));
                        still.push((partition, path, blocks));
                    }
                    None => self.end(partition),
                }
                self.engine.take()?;
            }
            files = still;
        }
        Ok(self)
    }

    /// Nothing more comes of it, so it holds nothing back any more. The last one is not ended before all is: somebody may
    /// still push.
    fn end(&mut self, partition: PartitionId) {
        if self.open.len() > 1 {
            self.open.remove(&partition);
            self.engine.give(SourceEvent::Ended { partition });
        }
    }

    /// Ranks all that was pushed and read. The rows that have changed since this was last asked, by ranking, window and
    /// rank: each once, as it is now, with the rank that it had then; one that left its ranking has no rank any more.
    pub fn commit(&mut self) -> Result<Vec<Row>, Error> {
        if !self.finished {
            self.hand_over_all()?;
            self.engine.settle(&self.open)?;
        }
        Ok(self.engine.ledger().take_changes(&self.plan))
    }

    /// Nothing more will come: every window is closed, and its rows are final.
    pub fn finish(&mut self) -> Result<&mut Self, Error> {
        if !self.finished {
            self.hand_over_all()?;
            self.finished = true;
            for partition in std::mem::take(&mut self.open).into_keys() {
                self.engine.give(SourceEvent::Ended { partition });
            }
            self.engine.finish()?;
        }
        Ok(self)
    }

    /// The rows of a ranking as of the last commit: windows oldest first, each by partition and rank.
    pub fn rows(&self, ranking: &str) -> Result<Vec<Row>, Error> {
        let number = self.plan.rankings.iter().position(|r| r.name == ranking);
        let number = number.ok_or_else(|| Error::Ranking {
            asked: ranking.to_owned(),
            known: self.plan.rankings.iter().map(|r| r.name.clone()).collect(),
        })?;
        Ok(self.engine.ledger().rows(&self.plan, number))
    }

    /// Forgets the rows of windows that end at or before `end`, ms since the Unix epoch, so that a program that runs for long
    /// does not grow. A sale that still counts for such a window brings its row back.
    pub fn forget(&mut self, end: i64) {
        self.engine.ledger().forget(end);
    }

    /// What became of the records, as of the last commit.
    pub fn counts(&self) -> Counts {
        self.engine.ledger().counts
    }

    /// Windows that end at or before this, ms since the Unix epoch, are final; `None` before every partition has shown a time.
    pub fn watermark(&self) -> Option<i64> {
        self.engine.ledger().watermark
    }

    /// What is ranked.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    fn is_open(&self) -> Result<(), Error> {
        match self.finished {
            true => Err(Error::Finished),
            false => Ok(()),
        }
    }

    fn hand_over(&mut self, partition: PartitionId) -> Result<(), Error> {
        if let Some(block) = self.pushed.remove(&partition) {
            self.engine.give(SourceEvent::Block(block));
            self.engine.take()?;
        }
        Ok(())
    }

    fn hand_over_all(&mut self) -> Result<(), Error> {
        let all: Vec<PartitionId> = self.pushed.keys().copied().collect();
        all.into_iter().try_for_each(|p| self.hand_over(p))
    }
}
