//! Rows that are held, as parts of a snapshot.
//!
//! Columns: `table`, `partition`, `what` (`row`, `ended`; `all`: no earlier part counts for the partition), `until` (ms; the greatest number: for ever), `key`
//! and `rest` (what is loaded). The rows of a partition move whole: who reads it holds them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BinaryArray, Int64Array, RecordBatch, StringArray};
use hashbrown::HashSet;
use parquet::arrow::ArrowWriter;

use super::batches::{self, GROUP};
use super::error::{LoadError, MakingError, PartError};
use super::manifest::read_part;
use super::order::PartFile;
use super::store::Store;
use crate::held::{BY_BIN, Copied, Entry, Held};
use standings_model::block::PartitionId;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};

const ROW: &str = "row";
const ENDED: &str = "ended";
const ALL: &str = "all";

/// The bytes of a part, and its rows.
pub fn write(plan: &Plan, copied: &[Copied]) -> Result<(Vec<u8>, u64), MakingError> {
    let properties = batches::properties()?;
    let mut out = Vec::new();
    let schema = Rows::default().batch()?.schema();
    let mut writer = ArrowWriter::try_new(&mut out, schema, Some(properties))?;
    let (mut rows, mut count) = (Rows::default(), 0);
    for of in copied {
        let table = plan.tables.get(of.table).map_or("", |table| &table.name);
        if of.all {
            rows.push((table, of.partition), ALL, &[], None);
        }
        for Entry { key, row } in &of.entries {
            let what = if row.is_some() { ROW } else { ENDED };
            let row = row.as_ref().map(|(until, rest)| (*until, &rest[..]));
            rows.push((table, of.partition), what, key, row);
            count += 1;
            if rows.what.len() == GROUP {
                writer.write(&std::mem::take(&mut rows).batch()?)?;
            }
        }
    }
    writer.write(&rows.batch()?)?;
    writer.close()?;
    Ok((out, count))
}

#[derive(Default)]
struct Rows<'a> {
    table: Vec<&'a str>,
    partition: Vec<i64>,
    what: Vec<&'static str>,
    until: Vec<Option<i64>>,
    key: Vec<&'a [u8]>,
    rest: Vec<Option<&'a [u8]>>,
}

impl<'a> Rows<'a> {
    fn push(
        &mut self,
        (table, partition): (&'a str, PartitionId),
        what: &'static str,
        key: &'a [u8],
        row: Option<(i64, &'a [u8])>,
    ) {
        self.table.push(table);
        self.partition.push(i64::from(partition));
        self.what.push(what);
        self.until.push(row.map(|(until, _)| until));
        self.key.push(key);
        self.rest.push(row.map(|(_, rest)| rest));
    }

    fn batch(self) -> Result<RecordBatch, arrow_schema::ArrowError> {
        let until = Int64Array::from(self.until);
        RecordBatch::try_from_iter_with_nullable([
            (
                "table",
                Arc::new(StringArray::from(self.table)) as ArrayRef,
                false,
            ),
            (
                "partition",
                Arc::new(Int64Array::from(self.partition)),
                false,
            ),
            ("what", Arc::new(StringArray::from(self.what)), false),
            ("until", Arc::new(until), true),
            ("key", Arc::new(BinaryArray::from_vec(self.key)), false),
            ("rest", Arc::new(BinaryArray::from_opt_vec(self.rest)), true),
        ])
    }
}

/// Loads the rows of the partitions of worker `worker` of `workers` from parts, of which later ones are over earlier ones.
pub fn load(
    store: &Store,
    parts: &[PartFile],
    (worker, workers): (usize, usize),
) -> Result<BTreeMap<PartitionId, Held>, LoadError> {
    let mut held: BTreeMap<PartitionId, Held> = BTreeMap::new();
    let mut ended: HashSet<(PartitionId, Box<[u8]>)> = HashSet::new();
    // Partitions of which a part has all.
    let mut whole: BTreeSet<PartitionId> = BTreeSet::new();
    let own = |partition: PartitionId| match partition as usize {
        of if sabotage::is(Mistake::HeldOfAnother) => (of + 1) % workers == worker,
        of if sabotage::is(Mistake::HeldLeftBehind) => of == worker,
        of => of % workers == worker,
    };
    let own = |partition: PartitionId| match partition.checked_sub(BY_BIN) {
        Some(bin) if sabotage::is(Mistake::PairRowsOfAnother) => {
            (bin as usize + 1) % workers == worker
        }
        Some(bin) => bin as usize % workers == worker,
        None => own(partition),
    };
    let mut files: Vec<&PartFile> = parts.iter().filter(|file| file.held).collect();
    if !sabotage::is(Mistake::EarlierPartsOver) {
        files.reverse();
    }
    for file in files {
        let mut now_whole = Vec::new();
        read(read_part(store, file)?, |partition, what, key, row| {
            if !own(partition) || whole.contains(&partition) {
                return Ok(());
            }
            let of = held.entry(partition).or_default();
            let is_known =
                || of.get(key, |_| true).is_some() || ended.contains(&(partition, key.into()));
            match (what, row) {
                (ALL, _) => now_whole.push(partition),
                (_, _) if is_known() => {}
                (ROW, Some((until, rest))) => of.put(key, until, rest),
                (ENDED, None) if sabotage::is(Mistake::EndedNotLoaded) => {}
                (ENDED, None) => drop(ended.insert((partition, key.into()))),
                _ => return Err(PartError::Nonsense),
            }
            Ok(())
        })
        .map_err(|source| LoadError::Part {
            name: file.name.clone(),
            source,
        })?;
        whole.extend(now_whole);
    }
    held.values_mut().for_each(Held::is_copied);
    Ok(held)
}

/// Gives every row of a part: partition, what it is, key, until when it counts and rest.
fn read(
    bytes: Vec<u8>,
    mut take: impl FnMut(PartitionId, &str, &[u8], Option<(i64, &[u8])>) -> Result<(), PartError>,
) -> Result<(), PartError> {
    batches::each(bytes, |batch| {
        let column = |name| batch.column_by_name(name).ok_or(PartError::Lacks(name));
        let wrong = PartError::Type;
        let partitions = column("partition")?;
        let partitions = partitions.as_primitive_opt::<Int64Type>();
        let partitions = partitions.ok_or_else(|| wrong("partition"))?;
        let what = column("what")?
            .as_string_opt::<i32>()
            .ok_or_else(|| wrong("what"))?;
        let times = column("until")?.as_primitive_opt::<Int64Type>();
        let times = times.ok_or_else(|| wrong("until"))?;
        let keys = column("key")?
            .as_binary_opt::<i32>()
            .ok_or_else(|| wrong("key"))?;
        let rests = column("rest")?
            .as_binary_opt::<i32>()
            .ok_or_else(|| wrong("rest"))?;
        for i in 0..batch.num_rows() {
            if partitions.is_null(i) || what.is_null(i) || keys.is_null(i) {
                return Err(PartError::Null);
            }
            let partition = u32::try_from(partitions.value(i)).map_err(|_| PartError::Nonsense)?;
            let is_row = !times.is_null(i) && !rests.is_null(i);
            let row = is_row.then(|| (times.value(i), rests.value(i)));
            take(partition, what.value(i), keys.value(i), row)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::store::checksum;

    #[test]
    fn later_parts_are_over_earlier_ones_and_partitions_move_whole() {
        let folder = tempfile::tempdir().unwrap();
        let store = crate::snapshot::folder::store(folder.path());
        let plan = standings_query::load_shipped().unwrap();
        let mut parts = Vec::new();
        let mut held: Vec<Held> = (0..5).map(|_| Held::default()).collect();
        let mut dice = 9u64;
        for step in 0..6 {
            for _ in 0..200 {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let (of, key) = (
                    &mut held[(dice >> 30) as usize % 5],
                    [(dice >> 40) as u8 % 60],
                );
                match dice >> 61 {
                    0..6 => of.put(&key, step, &dice.to_le_bytes()),
                    6 => drop(of.remove(&key)),
                    _ if step == 4 => of.clear(),
                    _ => {}
                }
            }
            let copied = held.iter_mut().enumerate();
            let copied: Vec<Copied> = copied
                .filter_map(|(n, h)| h.copy(n as u32, 0, step == 2))
                .collect();
            let (bytes, rows) = write(&plan, &copied).unwrap();
            let file = PartFile {
                name: format!("parts/{step}"),
                size: bytes.len() as u64,
                checksum: checksum(&bytes),
                rows,
                held: true,
            };
            store.put(&file.name, bytes).unwrap();
            parts.push(file);
        }
        for workers in [1, 2, 3] {
            let mut found = BTreeMap::new();
            for worker in 0..workers {
                let own = load(&store, &parts, (worker, workers)).unwrap();
                assert!(own.keys().all(|p| *p as usize % workers == worker));
                found.extend(own);
            }
            for (number, want) in held.iter().enumerate() {
                let rows = |held: &Held| -> BTreeSet<(i64, Vec<u8>)> {
                    held.iter()
                        .map(|row| (row.until, row.bytes.to_vec()))
                        .collect()
                };
                assert_eq!(
                    rows(&found[&(number as u32)]),
                    rows(want),
                    "partition {number}"
                );
            }
        }
    }
}
