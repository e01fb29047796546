//! What is told of versions adds up to what holds from when to when.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use standings_model::types::Type;

fn sides() -> Vec<Option<Side>> {
    vec![
        None,
        Some(Side {
            key: vec![(0, Type::STRING)],
            columns: vec![1],
            joins: (true, true),
        }),
    ]
}

fn change(partition: PartitionId, offset: u64, time: i64, row: Option<u8>) -> DimensionChange {
    DimensionChange {
        table: 1,
        partition,
        offset,
        time,
        key: b"k".to_vec(),
        row: row.map(|row| vec![row]),
        record: Some(vec![offset as u8]),
        comes: true,
    }
}

/// What was told, added up: of each side.
#[derive(Default)]
struct Told(BTreeMap<(Vec<u8>, Version), isize>);

impl Told {
    fn add(&mut self, updates: Vec<Update>) {
        for (key, version, sign) in updates {
            let count = self.0.entry((key, version)).or_default();
            *count += sign;
        }
        self.0.retain(|_, count| *count != 0);
    }

    fn of(&self, as_of: bool) -> Vec<Version> {
        let key = [&side(1, as_of)[..], b"k"].concat();
        let all = self.0.iter().filter(|((of, _), _)| *of == key);
        all.map(|((_, version), count)| {
            assert_eq!(*count, 1, "{version:?}");
            version.clone()
        })
        .collect()
    }
}

/// What holds, from all changes at once.
fn plain(changes: &[DimensionChange], as_of: bool) -> Vec<Version> {
    let mut partitions: Vec<PartitionId> = changes.iter().map(|c| c.partition).collect();
    partitions.sort_unstable();
    partitions.dedup();
    if !as_of {
        let last = |p: &PartitionId| {
            let mut own = changes.iter().rev().filter(|c| c.partition == *p);
            own.next().and_then(|c| c.row.clone())
        };
        let row = partitions.iter().find_map(last);
        return row
            .map(|row| (i64::MIN, i64::MAX, row))
            .into_iter()
            .collect();
    }
    let Some(lowest) = partitions.first() else {
        return Vec::new();
    };
    let mut at: BTreeMap<i64, Option<Vec<u8>>> = BTreeMap::new();
    for change in changes.iter().filter(|c| c.partition == *lowest) {
        at.insert(change.time, change.row.clone());
    }
    let ends = at.keys().skip(1).copied().chain([i64::MAX]);
    let all = at.iter().zip(ends);
    all.filter_map(|((from, row), to)| Some((*from, to, row.clone()?)))
        .collect()
}

proptest! {
    #[test]
    fn what_is_told_adds_up_to_what_holds(
        all in prop::collection::vec((0..3u32, 0..6i64, prop::option::of(0..3u8)), 0..16)
    ) {
        let mut versions = Versions::new(sides());
        let (mut told, mut before) = (Told::default(), Vec::new());
        for (offset, (partition, time, row)) in all.into_iter().enumerate() {
            let change = change(partition, offset as u64, time, row);
            before.push(change.clone());
            let mut updates = Vec::new();
            versions.change(change, &mut updates);
            told.add(updates);
            prop_assert_eq!(told.of(false), plain(&before, false));
            prop_assert_eq!(told.of(true), plain(&before, true));
        }
    }
}

#[test]
fn what_comes_again_changes_nothing() {
    let mut versions = Versions::new(sides());
    let mut told = Told::default();
    let mut tell = |change| {
        let mut updates = Vec::new();
        versions.change(change, &mut updates);
        told.add(updates);
        told.of(true)
    };
    tell(change(0, 0, 10, Some(1)));
    let both = tell(change(0, 1, 20, Some(2)));
    assert_eq!(both, [(10, 20, vec![1]), (20, i64::MAX, vec![2])]);
    // Read again from the start, as at a restart.
    assert_eq!(tell(change(0, 0, 10, Some(1))), both);
    assert_eq!(tell(change(0, 1, 20, Some(2))), both);
    // A table that nothing is joined with is nobody's business.
    let mut updates = Vec::new();
    let other = DimensionChange {
        table: 0,
        ..change(0, 0, 0, Some(1))
    };
    versions.change(other, &mut updates);
    assert!(updates.is_empty() && versions.len() == 1);
}

/// What is there of versions that hold at or after a time.
fn since(told: &Told, earliest: i64) -> Vec<Version> {
    let mut all = told.of(true);
    all.retain(|(_, to, _)| *to > earliest);
    all
}

proptest! {
    /// Whatever comes in whichever order: from the earliest time on all is as if nothing were forgotten, and nothing that ended
    /// before is there.
    #[test]
    fn forgetting_takes_what_is_over_and_nothing_else(
        steps in prop::collection::vec((0..2u32, 0..60i64, prop::option::of(0..3u8), 0..4u8, 0..8i64), 1..80),
    ) {
        let (mut all, mut some) = (Versions::new(sides()), Versions::new(sides()));
        let (mut of_all, mut of_some) = (Told::default(), Told::default());
        let mut earliest = i64::MIN;
        for (offset, (partition, time, row, forgets, by)) in (0..).zip(steps) {
            let change = change(partition, offset, time, row);
            let mut updates = Vec::new();
            all.change(change.clone(), &mut updates);
            of_all.add(updates);
            let mut updates = Vec::new();
            some.change(change, &mut updates);
            let is_forgetting = forgets == 0;
            if is_forgetting {
                earliest = earliest.max(0) + by;
                some.forget(1, earliest, &mut updates);
            }
            of_some.add(updates);
            prop_assert_eq!(of_some.of(false), of_all.of(false));
            // Versions that are taken back and brought again as one are the same: what holds is compared by time.
            let holds = |told: &Told, at: i64| {
                let mut there = told.of(true).into_iter();
                there.find(|(from, to, _)| (*from..*to).contains(&at)).map(|(_, _, row)| row)
            };
            for at in earliest.max(0)..70 {
                prop_assert_eq!(holds(&of_some, at), holds(&of_all, at), "at {}", at);
            }
            // What came late and was cut short goes with the next windows.
            if is_forgetting {
                prop_assert_eq!(since(&of_some, earliest), of_some.of(true));
            }
        }
    }
}

#[test]
fn a_version_that_is_over_and_late_is_passed_over() {
    let mut versions = Versions::new(sides());
    let mut told = Told::default();
    let mut updates = Vec::new();
    for (offset, time) in [(0, 10), (1, 20), (2, 30)] {
        versions.change(change(0, offset, time, Some(offset as u8)), &mut updates);
    }
    versions.forget(1, 25, &mut updates);
    told.add(std::mem::take(&mut updates));
    let left = [(20, 30, vec![1]), (30, i64::MAX, vec![2])];
    assert_eq!(told.of(true), left);
    versions.change(change(0, 3, 12, Some(9)), &mut updates);
    // As it is it is the last row all the same.
    told.add(std::mem::take(&mut updates));
    assert_eq!(told.of(true), left);
    // The late output is told, once, and not of what an earlier run has read.
    let passed: Vec<u64> = versions.take_passed().iter().map(|p| p.offset).collect();
    assert_eq!(passed, [3]);
    let again = DimensionChange {
        record: None,
        ..change(0, 3, 12, Some(9))
    };
    versions.change(again, &mut Vec::new());
    assert!(versions.take_passed().is_empty());
    // One that still holds then is not.
    versions.change(change(0, 4, 22, Some(4)), &mut updates);
    told.add(updates);
    let left = [
        (20, 22, vec![1]),
        (22, 30, vec![4]),
        (30, i64::MAX, vec![2]),
    ];
    assert_eq!(told.of(true), left);
}
