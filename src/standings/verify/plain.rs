//! The rankings, recomputed plainly: every sale into every group's own state, sorted once at the end.

mod changes;
mod table;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use self::table::Changing;
use super::computed::Computed;
use super::measure::{Accumulator, Place, add, is_true};
use super::{At, Row};
use standings_decode::{About, Decoder, Sale};
use standings_engine::event_time::partition::{PartitionClock, Policy, Verdict};
use standings_engine::quality::Judge;
use standings_model::block::{Block, Home, NO_TIMESTAMP, PartitionId, RecordRef};
use standings_model::check::{Action, Check, Condition};
use standings_model::json_values;
use standings_model::plan::{Field, Input, Plan, RankFunction, Ranking};
use standings_model::row_id::RowId;
use standings_model::value::Value;
use standings_model::window::Bounds;

/// Of rows that are ranked as they are and may change, by ranking, window and key: whose it is, and where it is counted.
type Speakers = BTreeMap<At, (PartitionId, At)>;

/// What a row is added to.
struct Adding<'a, F> {
    plan: &'a Plan,
    starts: (i64, i64),
    groups: &'a mut BTreeMap<At, Vec<Accumulator>>,
    speakers: &'a mut Speakers,
    /// What becomes of it in a window that ends at a time.
    counts: F,
}

impl<F: Fn(i64) -> Verdict> Adding<'_, F> {
    /// Takes a row of a table, or of an array of it.
    fn take(
        &mut self,
        (table, array): (usize, Option<usize>),
        sale: &Sale<'_>,
        place: &Place,
        name: RowId,
    ) {
        let rankings = self.plan.rankings.iter().enumerate();
        let inputs = rankings.flat_map(|(number, ranking)| {
            let of_table = ranking.inputs.iter();
            let of_table = of_table.filter(|i| i.table == table && i.unnest == array);
            of_table.map(move |input| (number, ranking, input))
        });
        for (ranking, plan, input) in inputs {
            if !counts(plan, input, sale) {
                continue;
            }
            for end in plan.window.ends(sale.event_time) {
                let start = plan.window.start(end);
                let is_kept = (self.starts.0..self.starts.1).contains(&start);
                if is_kept && (self.counts)(end) == Verdict::Counted {
                    let of = |c: usize| match plan.row[c].is_row_id {
                        true => Value::text(name.to_string()),
                        false => sale.value(input.columns[c]),
                    };
                    let key = plan.key_columns().map(of).collect();
                    let at = (ranking, Bounds { start, end }, key);
                    if plan.as_they_are && !self.speaks(plan.keys.len(), &at, name.partition) {
                        continue;
                    }
                    let fresh = || {
                        let measures = plan.measures.iter();
                        measures.map(|m| Accumulator::new(m.aggregate)).collect()
                    };
                    let group = self.groups.entry(at).or_insert_with(fresh);
                    add(plan, input, group, sale, place);
                }
            }
        }
    }
}

impl<F> Adding<'_, F> {
    /// Whether a partition's row is the one of its key: that of the lowest partition that has it. Another's is forgotten, whatever
    /// it is placed by.
    fn speaks(&mut self, keys: usize, at: &At, partition: PartitionId) -> bool {
        let (ranking, bounds, key) = at;
        let name = (*ranking, *bounds, key[..keys].into());
        match self.speakers.get(&name) {
            Some((other, _)) if *other < partition => return false,
            Some((other, theirs)) if *other > partition => drop(self.groups.remove(theirs)),
            _ => {}
        }
        self.speakers.insert(name, (partition, at.clone()));
        true
    }
}

struct Partition {
    /// The number of its table in the plan.
    table: usize,
    clock: PartitionClock,
    decoder: Decoder,
    shown: ShownValues,
    /// How many rows each array has given of the present offset.
    numbers: BTreeMap<usize, u32>,
    /// The present offset, and how many records it has given.
    numbered: (Option<u64>, u32),
    /// Of a table whose rows change.
    changing: Option<Changing>,
}

impl Partition {
    /// The number of the next record of an offset among all that it gives; so many follow.
    fn number(&mut self, offset: u64, count: u32) -> u32 {
        if self.numbered.0 != Some(offset) {
            self.numbered = (Some(offset), 0);
            self.numbers.clear();
        }
        let first = self.numbered.1;
        self.numbered.1 += count;
        first
    }
}

/// Every value of the columns that must be unique, with all its event times, by check.
type ShownValues = HashMap<(usize, Vec<Value>), Vec<i64>>;

/// Whether a check of uniqueness makes a dead letter of a sale, which is one of those that were shown from now on.
fn is_duplicate(
    shown: &mut ShownValues,
    (table, checks): (usize, &[Check]),
    sale: &Sale<'_>,
    watermark: Option<i64>,
) -> bool {
    let mut refused = false;
    for (number, check) in checks.iter().enumerate() {
        let Condition::Unique { within } = check.condition else {
            continue;
        };
        if check.table != table {
            continue;
        }
        let columns = std::iter::once(&check.column).chain(&check.also);
        let values: Vec<Value> = columns.map(|c| sale.value(*c)).collect();
        let time = sale.event_time;
        if values.iter().any(Value::is_null) {
            continue;
        }
        let times = shown.entry((number, values)).or_default();
        let counts =
            |at: &i64| (at - time).abs() <= within && watermark.is_none_or(|w| at + within >= w);
        refused |= check.action == Action::DeadLetter && times.iter().any(counts);
        times.push(time);
    }
    refused
}

/// What sales are asked: of which table they are, what it says, its checks, and what was shown before.
type Asked<'a> = (usize, &'a Plan, &'a mut Judge, &'a mut ShownValues);

/// Whether a sale that was decoded is a dead letter all the same.
fn is_refused(
    (table, plan, judge, shown): Asked<'_>,
    sale: &Sale<'_>,
    record: &RecordRef,
    (policy, watermark): (&Policy, Option<i64>),
) -> bool {
    let limit = record.timestamp.saturating_add(policy.max_ahead);
    if record.timestamp != NO_TIMESTAMP && sale.event_time > limit {
        return true;
    }
    let text = |column| sale.bytes(column).map_or(0, <[u8]>::len);
    plan.oversized_key(table, sale.held(), text).is_some()
        || judge.judge_alone(table, sale).is_some()
        || is_duplicate(shown, (table, &plan.checks), sale, watermark)
}

/// The arrays of a table that rankings unnest.
fn arrays(plan: &Plan, table: usize) -> BTreeSet<usize> {
    let inputs = plan.rankings.iter().flat_map(|r| &r.inputs);
    let of = inputs.filter(|i| i.table == table);
    of.filter_map(|i| i.unnest).collect()
}

/// Totals of everything that was given.
pub struct Plain {
    plan: Arc<Plan>,
    /// By table.
    policies: Vec<Policy>,
    max_record_bytes: usize,
    /// Windows that start at or after this, and before that.
    starts: (i64, i64),
    judge: Judge,
    partitions: BTreeMap<PartitionId, Partition>,
    /// Keys with what they are placed by.
    groups: BTreeMap<At, Vec<Accumulator>>,
    /// Whose rows are that are ranked as they are.
    speakers: Speakers,
    /// By ranking.
    computed: Vec<Computed>,
    /// Where the bootstrap of each partition ends, that has one.
    bootstrap: BTreeMap<PartitionId, u64>,
}

impl Plain {
    /// Nothing yet. Only windows that start at or after one time and before the other are kept.
    pub fn new(
        plan: &Arc<Plan>,
        policies: Vec<Policy>,
        max_record_bytes: usize,
        starts: (i64, i64),
    ) -> Self {
        Plain {
            plan: Arc::clone(plan),
            computed: plan
                .rankings
                .iter()
                .map(|r| Computed::new(r, plan))
                .collect(),
            policies,
            max_record_bytes,
            starts,
            judge: Judge::new(&plan.checks, &plan.tables),
            partitions: BTreeMap::new(),
            groups: BTreeMap::new(),
            speakers: BTreeMap::new(),
            bootstrap: BTreeMap::new(),
        }
    }

    /// Records of these partitions before these offsets are in no order of time: they are as those that a snapshot finds.
    pub fn from(self, bootstrap: BTreeMap<PartitionId, u64>) -> Self {
        Plain { bootstrap, ..self }
    }

    /// A partition begins.
    pub fn assign(&mut self, partition: PartitionId, home: &Home) {
        let table = &self.plan.tables[home.table];
        let zone = self.plan.zone.as_deref();
        let decoder = Decoder::new(table, zone, self.max_record_bytes).at(table, home);
        let clock = PartitionClock::default();
        let shown = HashMap::new();
        let fresh = Partition {
            table: home.table,
            clock,
            decoder,
            shown,
            numbers: BTreeMap::new(),
            numbered: (None, 0),
            changing: table.changes().then(|| Changing::new(home.table, table)),
        };
        self.partitions.insert(partition, fresh);
    }

    /// Takes a block's records before offset `end`; how many they were.
    pub fn block(&mut self, block: &Block, end: u64) -> u64 {
        let Some(partition) = self.partitions.get_mut(&block.partition) else {
            return 0;
        };
        let table = &self.plan.tables[partition.table];
        for given in &block.schemas {
            partition.decoder.learn(table, given);
        }
        let arrays = table.format.is_json() && !table.changes();
        let mut taken = 0;
        for (number, record) in block.records.iter().enumerate() {
            if record.offset >= end {
                break;
            }
            let bytes = &block.bytes[record.start as usize..record.end as usize];
            let is_array = arrays && bytes.trim_ascii_start().first() == Some(&b'[');
            let elements = is_array.then(|| json_values::elements(bytes)).flatten();
            // One without any is a record that is no row.
            let elements = elements.filter(|all| !all.is_empty());
            let elements = elements.unwrap_or_else(|| std::iter::once(0..bytes.len()).collect());
            taken += elements.len() as u64;
            let Some(partition) = self.partitions.get_mut(&block.partition) else {
                continue;
            };
            let first = partition.number(record.offset, elements.len() as u32);
            if block.refused.iter().any(|r| r.record as usize == number) {
                continue;
            }
            let about = About::of(block, number);
            if partition.changing.is_some() {
                self.change(block.partition, record, bytes, about);
                continue;
            }
            for (row, element) in elements.into_iter().enumerate() {
                self.record(
                    block.partition,
                    record,
                    (&bytes[element], about, first + row as u32),
                );
            }
        }
        taken
    }

    /// Takes a record, or an element of one that is an array.
    fn record(
        &mut self,
        id: PartitionId,
        record: &RecordRef,
        (bytes, about, row): (&[u8], About<'_>, u32),
    ) {
        let Some(partition) = self.partitions.get_mut(&id) else {
            return;
        };
        let table = partition.table;
        let policy = &self.policies[table];
        let Ok(sale) = partition.decoder.decode_about(bytes, about) else {
            return;
        };
        let watermark = partition.clock.watermark(policy);
        let asked = (table, &*self.plan, &mut self.judge, &mut partition.shown);
        if is_refused(asked, &sale, record, (policy, watermark)) {
            return;
        }
        let time = sale.event_time;
        let place = (time, Arc::default(), id, record.offset);
        let mut into = Adding {
            plan: &self.plan,
            starts: self.starts,
            groups: &mut self.groups,
            speakers: &mut self.speakers,
            counts: |end| PartitionClock::judge(watermark, end, i64::MIN, policy),
        };
        let name = |row| RowId {
            partition: id,
            offset: record.offset,
            row,
        };
        into.take((table, None), &sale, &place, name(row));
        for array in arrays(&self.plan, table) {
            let mut nth = 0;
            while let Some(sale) = partition.decoder.element((bytes, time), array, nth) {
                nth += 1;
                let number = partition.numbers.entry(array).or_insert(0);
                *number += 1;
                let text = |column| sale.bytes(column).map_or(0, <[u8]>::len);
                if self.plan.oversized_key(table, sale.held(), text).is_none() {
                    into.take((table, Some(array)), &sale, &place, name(*number - 1));
                }
            }
        }
        if self.plan.tables[table].event_time.is_some() {
            partition.clock.observe(time);
        }
    }

    /// Every ranked row.
    pub fn rows(&self) -> BTreeMap<At, Row> {
        // By ranking, window, and the keys that the ranking is partitioned by.
        type Within = (usize, Bounds, Vec<Value>);
        let mut partitions: BTreeMap<Within, Vec<Pair>> = BTreeMap::new();
        for ((number, window, key), states) in &self.groups {
            let ranking = &self.plan.rankings[*number];
            let within = ranking.partition.iter().map(|i| key[*i].clone()).collect();
            let measures = states
                .iter()
                .enumerate()
                .map(|(i, s)| s.value(ranking, i))
                .collect();
            let measures = self.computed[*number].of(&key[..ranking.keys.len()], measures, *window);
            if ranking.having.is_some_and(|m| !holds(&measures, m)) {
                continue;
            }
            let rows = partitions.entry((*number, *window, within)).or_default();
            rows.push((Arc::from(&key[..ranking.keys.len()]), measures));
        }
        let mut out = BTreeMap::new();
        for ((number, window, _), mut rows) in partitions {
            let ranking = &self.plan.rankings[number];
            rows.sort_by(|a, b| order(ranking, a, b).then_with(|| by_key(ranking, a, b)));
            let (mut rank, mut distinct) = (0, 0);
            for i in 0..rows.len() {
                let ties = i > 0 && order(ranking, &rows[i - 1], &rows[i]) == Ordering::Equal;
                distinct += u64::from(!ties);
                rank = match ranking.rank {
                    Some(RankFunction::RowNumber) => i as u64 + 1,
                    Some(RankFunction::Rank) if ties => rank,
                    Some(RankFunction::Rank) => i as u64 + 1,
                    Some(RankFunction::DenseRank) => distinct,
                    None => 0,
                };
                if rank > ranking.limit {
                    break;
                }
                let (key, measures) = &rows[i];
                let is_shown = ranking.shown_if.is_none_or(|m| holds(measures, m));
                if (ranking.rank.is_some() && rank < ranking.from) || !is_shown {
                    continue;
                }
                let told = measures
                    .iter()
                    .enumerate()
                    .map(|(m, value)| match ranking.shows(m) {
                        true => value.clone(),
                        false => Value::Null,
                    });
                let said = if ranking.shows_rank { rank } else { 0 };
                out.insert((number, window, Arc::clone(key)), (said, told.collect()));
            }
        }
        out
    }
}

/// Whether a measure that is a condition holds.
fn holds(measures: &[Value], measure: usize) -> bool {
    measures.get(measure) == Some(&Value::Boolean(true))
}

/// Whether a sale passes `WHERE`, and nothing that the ranking computes of it fails.
fn counts(ranking: &Ranking, input: &Input, sale: &Sale<'_>) -> bool {
    let of = |c: usize| input.columns[c];
    let fails = |c: usize| sale.error(c).is_some();
    if input.filter.is_some_and(|f| fails(f) || !is_true(sale, f)) {
        return false;
    }
    let keys_fail = ranking.key_columns().any(|c| fails(of(c)));
    let measures_fail = ranking.measures.iter().any(|m| {
        let filter = m.filter.map(of);
        let skipped = filter.is_some_and(|f| !fails(f) && !is_true(sale, f));
        let mut arguments = m.aggregate.columns().into_iter().map(of);
        filter.is_some_and(fails) || (!skipped && arguments.any(fails))
    });
    !keys_fail && !measures_fail
}

type Pair = (Arc<[Value]>, Arc<[Value]>);

/// The order of two rows by their keys: names of rows by their numbers.
fn by_key(ranking: &Ranking, a: &Pair, b: &Pair) -> Ordering {
    let id = |value: &Value| match value {
        Value::Text(text) => RowId::parse(text),
        _ => None,
    };
    let parts = ranking.keys.iter().zip(a.0.iter().zip(b.0.iter()));
    let mut parts = parts.map(|(key, (x, y))| match ranking.row[key.column].is_row_id {
        true => id(x).cmp(&id(y)),
        false => x.cmp(y),
    });
    parts.find(|by| by.is_ne()).unwrap_or(Ordering::Equal)
}

fn order(ranking: &Ranking, a: &Pair, b: &Pair) -> Ordering {
    for term in &ranking.order {
        let of = |pair: &Pair| match term.field {
            Field::Key(i) => pair.0[i].clone(),
            Field::Measure(i) => pair.1[i].clone(),
        };
        let (x, y) = (of(a), of(b));
        let by = match (x.is_null(), y.is_null()) {
            (true, true) => Ordering::Equal,
            (true, false) if term.nulls_first => Ordering::Less,
            (true, false) => Ordering::Greater,
            (false, true) if term.nulls_first => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) if term.descending => y.cmp(&x),
            (false, false) => x.cmp(&y),
        };
        if by != Ordering::Equal {
            return by;
        }
    }
    Ordering::Equal
}
