//! What a batch query over tables as they stood comes to. Derived from one sentence alone: *a window shows, of each partition, the
//! table as it stood just before the first record at which the partition's own watermark had passed the window's end plus the
//! allowed lateness.* There are no halves in it and nothing is held: every state of every table is kept whole.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::rankings::{ALWAYS, Ranking, Window};
use super::{Before, Row, What};

/// When a row is late.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// How far the watermark stays behind the greatest event time, ms.
    pub out_of_orderness: i64,
    /// How long windows still change after their end, ms.
    pub allowed_lateness: i64,
}

/// The rows of a partition, by key.
type Table = BTreeMap<i64, Row>;

/// A partition: its table and its watermark before each record, and after the last.
struct Partition {
    states: Vec<Table>,
    watermarks: Vec<Option<i64>>,
}

impl Partition {
    fn new(records: &[What], policy: Policy) -> Self {
        let mut table = Table::new();
        let (mut greatest, mut snapshot) = (None, None);
        let mut all = Partition {
            states: Vec::new(),
            watermarks: Vec::new(),
        };
        for record in records {
            all.states.push(table.clone());
            all.watermarks
                .push(greatest.map(|t: i64| t - policy.out_of_orderness));
            match record {
                What::Put { row, found, .. } => {
                    table.insert(row.id, *row);
                    match found {
                        true => snapshot = snapshot.max(Some(row.time)),
                        false => greatest = greatest.max(snapshot).max(Some(row.time)),
                    }
                }
                What::End { id, .. } => {
                    table.remove(id);
                    greatest = greatest.max(snapshot);
                }
                What::Empty => {
                    table.clear();
                    greatest = greatest.max(snapshot);
                }
                What::Skip(_) | What::Dead(_) => {}
            }
        }
        all.states.push(table);
        all.watermarks
            .push(greatest.map(|t| t - policy.out_of_orderness));
        all
    }

    /// Whether a window can change no more when a record comes.
    fn is_late(&self, record: usize, window: Window, policy: Policy) -> bool {
        let watermark = self.watermarks[record];
        window != ALWAYS && watermark.is_some_and(|w| w >= window.1 + policy.allowed_lateness)
    }

    /// The table that a window shows once `records` have been read.
    fn table(&self, window: Window, records: usize, policy: Policy) -> &Table {
        let late = (0..records).find(|r| self.is_late(*r, window, policy));
        &self.states[late.unwrap_or(records)]
    }
}

/// Counts of a partition, by the names of the report.
pub type Counts = BTreeMap<&'static str, u64>;

/// A half that is late: partition, offset, which half, its windows by ranking.
pub type Half = (usize, usize, &'static str, Vec<(&'static str, i64, i64)>);

/// What all that was read comes to.
pub struct Model<'a> {
    rankings: &'a [Ranking],
    policy: Policy,
    records: &'a [Vec<What>],
    partitions: Vec<Partition>,
}

impl<'a> Model<'a> {
    pub fn new(rankings: &'a [Ranking], policy: Policy, records: &'a [Vec<What>]) -> Self {
        let partitions = records.iter().map(|r| Partition::new(r, policy));
        Model {
            rankings,
            policy,
            records,
            partitions: partitions.collect(),
        }
    }

    /// The rows that a ranking's windows hold after a prefix of each partition.
    pub fn windows(
        &self,
        ranking: &Ranking,
        upto: &[usize],
    ) -> BTreeMap<Window, Vec<(usize, Row)>> {
        // Any window that a row has ever been in.
        let mut all = BTreeSet::new();
        for (records, upto) in self.records.iter().zip(upto) {
            for record in &records[..*upto] {
                if let What::Put { row, .. } = record {
                    all.extend(ranking.windows(row.time));
                }
            }
        }
        let mut found = BTreeMap::new();
        for window in all {
            let mut rows = Vec::new();
            for (p, partition) in self.partitions.iter().enumerate() {
                let table = partition.table(window, upto[p], self.policy);
                let there = table.values().filter(|r| (ranking.passes)(r));
                let there = there.filter(|r| ranking.windows(r.time).contains(&window));
                rows.extend(there.map(|r| (p, *r)));
            }
            if !rows.is_empty() {
                found.insert(window, rows);
            }
        }
        found
    }

    /// Whether no partition can change a window any more after a prefix of each.
    pub fn is_over(&self, window: Window, upto: &[usize]) -> bool {
        let mut each = self.partitions.iter().zip(upto);
        each.all(|(of, records)| of.is_late(*records, window, self.policy))
    }

    /// The windows that a row is in, and that are late or not when a record comes.
    fn those(
        &self,
        p: usize,
        record: usize,
        row: &Row,
        late: bool,
    ) -> Vec<(&'static str, i64, i64)> {
        let mut all = Vec::new();
        for ranking in self.rankings.iter().filter(|r| (r.passes)(row)) {
            for window in ranking.windows(row.time) {
                if self.partitions[p].is_late(record, window, self.policy) == late {
                    all.push((ranking.name, window.0, window.1));
                }
            }
        }
        all.sort();
        all
    }

    /// The row of a key that is in a window that can change still when a record comes.
    fn held(&self, p: usize, record: usize, id: i64) -> Option<Row> {
        let row = self.partitions[p].states[record].get(&id).copied()?;
        (!self.those(p, record, &row, false).is_empty()).then_some(row)
    }

    /// What became of the records of a partition, and the halves that are late.
    pub fn became(&self, p: usize) -> (Counts, Vec<Half>) {
        self.became_in(p, 0..self.records[p].len())
    }

    /// The same of some of its records.
    pub fn became_in(&self, p: usize, of: Range<usize>) -> (Counts, Vec<Half>) {
        let names = [
            "read",
            "ranked",
            "updated",
            "deleted",
            "unchanged",
            "late",
            "filtered",
            "skipped",
            "dead_lettered",
            "contradicted",
        ];
        let mut counts: Counts = names.map(|name| (name, 0)).into();
        let mut halves = Vec::new();
        for (offset, record) in self.records[p].iter().enumerate() {
            if !of.contains(&offset) {
                continue;
            }
            let mut late = |half, row: &Row| {
                let windows = self.those(p, offset, row, true);
                if !windows.is_empty() {
                    halves.push((p, offset, half, windows));
                }
            };
            let held = |id| self.held(p, offset, id);
            let mut count = |name| *counts.get_mut(name).unwrap() += 1;
            count("read");
            let contradicts =
                |before: &Before, held: &Row| matches!(before, Before::Full(b) if b != held);
            match record {
                What::Put { row, before, .. } => match held(row.id) {
                    Some(old) => {
                        if contradicts(before, &old) {
                            count("contradicted");
                        }
                        if old == *row {
                            count("unchanged");
                            continue;
                        }
                        count("updated");
                        late("retract", &old);
                        late("insert", row);
                    }
                    None => {
                        if let Before::Full(old) = before {
                            late("retract", old);
                        }
                        late("insert", row);
                        let is_in = |late| !self.those(p, offset, row, late).is_empty();
                        count(match (is_in(false), is_in(true)) {
                            (true, _) => "ranked",
                            (false, true) => "late",
                            (false, false) => "filtered",
                        });
                    }
                },
                What::End { id, before } => match held(*id) {
                    Some(old) => {
                        if contradicts(before, &old) {
                            count("contradicted");
                        }
                        count("deleted");
                        late("retract", &old);
                    }
                    None => {
                        if let Before::Full(old) = before {
                            late("retract", old);
                        }
                        count("unchanged");
                    }
                },
                What::Empty => {
                    count("deleted");
                    let ids = self.partitions[p].states[offset].keys();
                    for old in ids.filter_map(|id| held(*id)) {
                        late("retract", &old);
                    }
                }
                What::Skip(_) => count("skipped"),
                What::Dead(_) => count("dead_lettered"),
            }
        }
        halves.sort();
        (counts, halves)
    }
}
