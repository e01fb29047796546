//! The rankings, recomputed plainly: every sale into every group's own state, sorted once at the end.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::{At, Row};
use standings_decode::{About, Cell, Decoder, Sale};
use standings_engine::event_time::partition::{PartitionClock, Policy, Verdict};
use standings_engine::quality::Judge;
use standings_model::block::{Block, Home, NO_TIMESTAMP, PartitionId, RecordRef};
use standings_model::check::{Action, Check, Condition};
use standings_model::decimal::average;
use standings_model::json_values;
use standings_model::plan::{Aggregate, Field, Input, Plan, RankFunction, Ranking};
use standings_model::value::Value;
use standings_model::window::Bounds;

/// One measure's state.
#[derive(Clone, Debug)]
enum Accumulator {
    Count(u64),
    Sum(i128, u64),
    Least(Option<Value>),
    Greatest(Option<Value>),
    Last(Option<((i64, PartitionId, u64), Value)>),
    Distinct(BTreeSet<Value>),
}

struct Partition {
    /// The number of its table in the plan.
    table: usize,
    clock: PartitionClock,
    decoder: Decoder,
    shown: ShownValues,
}

/// Every value of the columns that must be unique, with all its event times, by check.
type ShownValues = HashMap<(usize, Value), Vec<i64>>;

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
        let (value, time) = (sale.value(check.column), sale.event_time);
        if value.is_null() {
            continue;
        }
        let times = shown.entry((number, value)).or_default();
        let counts =
            |at: &i64| (at - time).abs() <= within && watermark.is_none_or(|w| at + within >= w);
        refused |= check.action == Action::DeadLetter && times.iter().any(counts);
        times.push(time);
    }
    refused
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
    groups: BTreeMap<At, Vec<Accumulator>>,
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
            policies,
            max_record_bytes,
            starts,
            judge: Judge::new(&plan.checks, &plan.tables),
            partitions: BTreeMap::new(),
            groups: BTreeMap::new(),
        }
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
        let arrays = table.format.is_json();
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
            if block.refused.iter().any(|r| r.record as usize == number) {
                continue;
            }
            let about = About::of(block, number);
            for element in elements {
                self.record(block.partition, record, (&bytes[element], about));
            }
        }
        taken
    }

    /// Takes a record, or an element of one that is an array.
    fn record(&mut self, id: PartitionId, record: &RecordRef, (bytes, about): (&[u8], About<'_>)) {
        let Some(partition) = self.partitions.get_mut(&id) else {
            return;
        };
        let table = partition.table;
        let policy = &self.policies[table];
        let Ok(sale) = partition.decoder.decode_about(bytes, about) else {
            return;
        };
        let limit = record.timestamp.saturating_add(policy.max_ahead);
        if record.timestamp != NO_TIMESTAMP && sale.event_time > limit {
            return;
        }
        let text = |column| sale.bytes(column).map_or(0, <[u8]>::len);
        if self.plan.oversized_key(table, sale.held(), text).is_some() {
            return;
        }
        if self.judge.judge_alone(table, &sale).is_some() {
            return;
        }
        let watermark = partition.clock.watermark(policy);
        if is_duplicate(
            &mut partition.shown,
            (table, &self.plan.checks),
            &sale,
            watermark,
        ) {
            return;
        }
        let place = (sale.event_time, id, record.offset);
        let rankings = self.plan.rankings.iter().enumerate();
        let inputs = rankings.flat_map(|(number, ranking)| {
            let of_table = ranking.inputs.iter().filter(|i| i.table == table);
            of_table.map(move |input| (number, ranking, input))
        });
        for (ranking, plan, input) in inputs {
            if !counts(plan, input, &sale) {
                continue;
            }
            let cover = plan.window.cover(sale.event_time);
            for nth in 0..i64::from(cover.windows) {
                let end = cover.first + nth * plan.window.pane();
                let start = plan.window.start(end);
                let verdict = PartitionClock::judge(watermark, end, i64::MIN, policy);
                let is_kept = (self.starts.0..self.starts.1).contains(&start);
                if is_kept && verdict == Verdict::Counted {
                    let of = |c: usize| sale.value(input.columns[c]);
                    let key = plan.keys.iter().map(|k| of(k.column)).collect();
                    let fresh = || plan.measures.iter().map(|m| empty(m.aggregate)).collect();
                    let group = self
                        .groups
                        .entry((ranking, Bounds { start, end }, key))
                        .or_insert_with(fresh);
                    add(plan, input, group, &sale, place);
                }
            }
        }
        partition.clock.observe(sale.event_time);
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
                .map(|(i, s)| Self::value(ranking, i, s))
                .collect();
            let rows = partitions.entry((*number, *window, within)).or_default();
            rows.push((Arc::clone(key), measures));
        }
        let mut out = BTreeMap::new();
        for ((number, window, _), mut rows) in partitions {
            let ranking = &self.plan.rankings[number];
            rows.sort_by(|a, b| order(ranking, a, b).then_with(|| a.0.cmp(&b.0)));
            let (mut rank, mut distinct) = (0, 0);
            for i in 0..rows.len() {
                let ties = i > 0 && order(ranking, &rows[i - 1], &rows[i]) == Ordering::Equal;
                distinct += u64::from(!ties);
                rank = match ranking.rank {
                    RankFunction::RowNumber => i as u64 + 1,
                    RankFunction::Rank if ties => rank,
                    RankFunction::Rank => i as u64 + 1,
                    RankFunction::DenseRank => distinct,
                };
                if rank > ranking.limit {
                    break;
                }
                let (key, measures) = &rows[i];
                out.insert(
                    (number, window, Arc::clone(key)),
                    (rank, Arc::clone(measures)),
                );
            }
        }
        out
    }

    fn value(ranking: &Ranking, measure: usize, state: &Accumulator) -> Value {
        let (kind, _) = ranking.field_type(Field::Measure(measure));
        match (state, ranking.measures[measure].aggregate) {
            (Accumulator::Count(n), _) => Value::Integer(i128::from(*n)),
            (Accumulator::Sum(_, 0), _) => Value::Null,
            (Accumulator::Sum(sum, n), Aggregate::Avg(column)) => {
                let from = ranking.row[column].kind.scale();
                Value::of_number(average(*sum, *n, from, kind.scale()), &kind)
            }
            (Accumulator::Sum(sum, _), _) => Value::of_number(*sum, &kind),
            (Accumulator::Least(v) | Accumulator::Greatest(v), _) => {
                v.clone().unwrap_or(Value::Null)
            }
            (Accumulator::Last(v), _) => v.as_ref().map_or(Value::Null, |(_, v)| v.clone()),
            (Accumulator::Distinct(all), _) => Value::Integer(all.len() as i128),
        }
    }
}

fn empty(aggregate: Aggregate) -> Accumulator {
    match aggregate {
        Aggregate::CountAll | Aggregate::Count(_) => Accumulator::Count(0),
        Aggregate::CountDistinct(_) => Accumulator::Distinct(BTreeSet::new()),
        Aggregate::Sum(_) | Aggregate::Avg(_) => Accumulator::Sum(0, 0),
        Aggregate::Min(_) => Accumulator::Least(None),
        Aggregate::Max(_) => Accumulator::Greatest(None),
        Aggregate::LastValue(_) => Accumulator::Last(None),
    }
}

/// Whether a condition among the columns holds.
fn is_true(sale: &Sale<'_>, column: usize) -> bool {
    sale.cells[column] == Cell::Int(1)
}

/// Whether a sale passes `WHERE`, and nothing that the ranking computes of it fails.
fn counts(ranking: &Ranking, input: &Input, sale: &Sale<'_>) -> bool {
    let of = |c: usize| input.columns[c];
    let fails = |c: usize| sale.error(c).is_some();
    if input.filter.is_some_and(|f| fails(f) || !is_true(sale, f)) {
        return false;
    }
    let keys_fail = ranking.keys.iter().any(|k| fails(of(k.column)));
    let measures_fail = ranking.measures.iter().any(|m| {
        let filter = m.filter.map(of);
        let skipped = filter.is_some_and(|f| !fails(f) && !is_true(sale, f));
        let argument = argument(m.aggregate).map(of);
        filter.is_some_and(fails) || (!skipped && argument.is_some_and(fails))
    });
    !keys_fail && !measures_fail
}

/// The column of the row that a measure is of.
fn argument(aggregate: Aggregate) -> Option<usize> {
    match aggregate {
        Aggregate::CountAll => None,
        Aggregate::Count(c)
        | Aggregate::CountDistinct(c)
        | Aggregate::Sum(c)
        | Aggregate::Avg(c)
        | Aggregate::Min(c)
        | Aggregate::Max(c)
        | Aggregate::LastValue(c) => Some(c),
    }
}

fn add(
    plan: &Ranking,
    input: &Input,
    group: &mut [Accumulator],
    sale: &Sale<'_>,
    place: (i64, PartitionId, u64),
) {
    for (measure, state) in plan.measures.iter().zip(group) {
        let skipped = |f: usize| !is_true(sale, input.columns[f]);
        if measure.filter.is_some_and(skipped) {
            continue;
        }
        let argument = argument(measure.aggregate);
        let value = argument.map_or(Value::Null, |c| sale.value(input.columns[c]));
        match state {
            Accumulator::Count(n) => {
                *n += u64::from(measure.aggregate == Aggregate::CountAll || !value.is_null());
            }
            Accumulator::Sum(sum, n) => {
                if let Some(v) = value.number() {
                    *sum = sum.saturating_add(v);
                    *n += 1;
                }
            }
            Accumulator::Least(least) => {
                if !value.is_null() && least.as_ref().is_none_or(|l| value < *l) {
                    *least = Some(value);
                }
            }
            Accumulator::Greatest(greatest) => {
                if !value.is_null() && greatest.as_ref().is_none_or(|g| value > *g) {
                    *greatest = Some(value);
                }
            }
            Accumulator::Last(last) => {
                if last.as_ref().is_none_or(|(at, _)| place > *at) {
                    *last = Some((place, value));
                }
            }
            Accumulator::Distinct(all) => {
                if !value.is_null() {
                    all.insert(value);
                }
            }
        }
    }
}

type Pair = (Arc<[Value]>, Arc<[Value]>);

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
