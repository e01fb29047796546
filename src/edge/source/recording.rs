//! A recording as a source: its partitions, offsets and timestamps are those of the topic it was made from.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::csv::ValueRows;
use super::error::FileError;
use super::options::SourceOptions;
use super::reader::Outlet;
use super::schemas::Schemas;
use crate::recording::{Header, Pace, Pacer, Recorded, RecordingReader};
use standings_model::block::{
    Beside, Block, Clock, NO_EPOCH, NO_TIMESTAMP, PartitionId, SourceEvent,
};
use std::collections::{BTreeMap, VecDeque};

/// What all open blocks together hold at most.
const BYTES: usize = 256 << 10;

/// Finds what is wrong with a recording before anything is started.
pub fn check(path: &Path) -> Result<(), FileError> {
    let opened = RecordingReader::open(path);
    opened.map(drop).map_err(|source| FileError::Recording {
        path: path.to_owned(),
        source,
    })
}

/// Reads this worker's partitions of a recording.
pub fn read(
    options: &SourceOptions,
    path: &Path,
    pace: Pace,
    worker: usize,
    workers: usize,
    out: &Outlet,
) -> Result<(), FileError> {
    let mut reader = RecordingReader::open(path).map_err(FileError::reading(path))?;
    let own = |p: PartitionId| options.lane.is_of(p, worker, workers);
    let Some(from) = assign(options, reader.header(), own, out) else {
        return Ok(());
    };
    if options.waits() && !out.await_partners() {
        return Ok(());
    }
    let mut pacer = Pacer::new(pace);
    let mut open = Open {
        beside: options.asks_beside(),
        rows: options.value_rows()?,
        schemas: Schemas::of(options, &reader.header().topic),
        ..Open::default()
    };
    let mut record = Recorded::default();
    let mut past: VecDeque<Recorded> = VecDeque::new();
    while !from.is_empty() && reader.next(&mut record).map_err(FileError::reading(path))? {
        // The pace is that of the whole topic, whichever worker reads a part of it.
        loop {
            let wait = pacer.wait(record.arrived, Instant::now());
            if wait.is_zero() {
                break;
            }
            if !open.send(out) {
                return Ok(());
            }
            std::thread::sleep(wait.min(Duration::from_millis(50)));
        }
        pacer.given();
        let (first, begin) = from
            .get(&record.partition)
            .copied()
            .unwrap_or((u64::MAX, 0));
        let hold = options.hold.of(record.partition, begin);
        if !out.released() && hold.is_some_and(|hold| record.offset >= hold) {
            // Past the hold: kept until it is released. What other partitions still need may lie behind it.
            past.push_back(record.clone());
            continue;
        }
        if out.released() && !past.is_empty() {
            past.drain(..).for_each(|record| open.push(&record));
        }
        if record.offset >= first {
            open.push(&record);
            if open.bytes >= BYTES && !open.send(out) {
                return Ok(());
            }
        }
    }
    if !open.send(out) {
        return Ok(());
    }
    while !past.is_empty() && !out.released() {
        if out.stopped() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    past.drain(..).for_each(|record| open.push(&record));
    if !open.send(out) {
        return Ok(());
    }
    for partition in from.into_keys() {
        if !out.send(SourceEvent::Ended { partition }) {
            return Ok(());
        }
    }
    Ok(())
}

/// Says which partitions are read, and from where; by partition the first offset that is given, and the one that counts.
/// `None` when the reader should end.
fn assign(
    options: &SourceOptions,
    header: &Header,
    own: impl Fn(PartitionId) -> bool,
    out: &Outlet,
) -> Option<BTreeMap<PartitionId, (u64, u64)>> {
    let mut from = BTreeMap::new();
    for (&partition, &first) in header.partitions.iter().filter(|(p, _)| own(**p)) {
        let offset = options.resume.get(&partition).copied().unwrap_or(first);
        from.insert(partition, (options.first(partition, offset), offset));
        let assigned = SourceEvent::Assigned {
            partition,
            home: Arc::new(options.home_of_topic(partition, &header.topic)),
            offset,
            end: u64::MAX,
        };
        if !out.send(assigned) {
            return None;
        }
    }
    out.send(SourceEvent::Ready).then_some(from)
}

/// Blocks in the making.
#[derive(Default)]
struct Open {
    blocks: BTreeMap<PartitionId, Block>,
    bytes: usize,
    /// Whether what comes beside values is kept.
    beside: bool,
    /// How values are rows, where they are not what the decoder reads.
    rows: Option<ValueRows>,
    schemas: Schemas,
}

impl Open {
    fn push(&mut self, record: &Recorded) {
        let partition = record.partition;
        let block = self.blocks.entry(partition);
        let block = block.or_insert_with(|| Block::new(partition));
        let value = record.value.as_deref().unwrap_or_default();
        match &mut self.rows {
            None => block.push(value, record.offset, record.timestamp),
            Some(rows) => rows.push(block, value, record.offset, record.timestamp),
        }
        self.bytes += value.len() + 32;
        if self.beside {
            let key = record.key.as_deref();
            self.bytes += key.map_or(0, <[u8]>::len);
            let beside = Beside {
                key: key.map(|key| block.keep(key)),
                timestamp: record.timestamp,
                clock: match record.timestamp {
                    NO_TIMESTAMP => Clock::None,
                    _ => Clock::Create,
                },
                leader_epoch: NO_EPOCH,
                ..Beside::default()
            };
            block.beside.push(beside);
        }
    }

    /// `false` when told to stop.
    fn send(&mut self, out: &Outlet) -> bool {
        self.bytes = 0;
        let blocks = std::mem::take(&mut self.blocks);
        blocks.into_values().all(|mut block| {
            self.schemas.take_apart(&mut block);
            // A recording is read as it lies: what is behind it waits too.
            while !out.stopped() && !self.schemas.complete(&mut block) {
                std::thread::sleep(Duration::from_millis(10));
            }
            !out.stopped() && out.send(SourceEvent::Block(block))
        })
    }
}
