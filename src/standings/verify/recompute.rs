//! What a sink shows, and what the source says that it should show at the sink's own prefix.
//!
//! ```text
//! sink ──► prefix, watermark, rows ─────────────┐
//! source: all of the prefix? ──► read ──► plain ┴──► Recomputed
//! ```
//!
//! A topic may no longer hold all that was counted. What is gone of a partition came before its first record that is
//! still there, so (times of records do not go back) an event time among it is at most that record's time plus
//! `--max-ahead`. Windows that begin then or later lost nothing, and no sale of theirs is late by what is gone: they are
//! compared. Those before are not ([`Gone`]).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::inputs::InputArgs;
use super::plain::Plain;
use super::{At, Row};
use crate::load::progress;
use crate::masks;
use crate::run::registries::registries;
use crate::run::{check, connecting};
use standings_commit::sink::{Shown, ShownRow};
use standings_edge::sink::{self, SinkOptions, kafka};
use standings_edge::source::{self, Extents, Reader, SourceOptions, SourceUrl, kafka_properties};
use standings_edge::store;
use standings_engine::event_time::END_OF_TIME;
use standings_engine::snapshot::Manifest;
use standings_model::block::{Block, NO_TIMESTAMP, PartitionId, SourceEvent};
use standings_model::check::Condition;
use standings_model::error::codes;
use standings_model::identity::Known;
use standings_model::plan::{Plan, Provisional, Ranking};
use standings_model::time::format_rfc3339;
use standings_model::window::Bounds;
use standings_process::exit::{self, Failure};

/// How long brokers may take to say how a topic is cleaned.
const PATIENCE: Duration = Duration::from_secs(5);

/// A partition whose first records are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone {
    /// Which.
    pub partition: PartitionId,
    /// Where reading began when the sink was filled.
    pub begin: u64,
    /// The first offset that is still there.
    pub first: u64,
    /// Windows that begin at or after this lost nothing, ms; `None` where no record is left to tell.
    pub whole_from: Option<i64>,
}

/// Both sides.
pub struct Recomputed {
    /// The queries.
    pub plan: Arc<Plan>,
    /// How the sink was looked at, and can be written.
    pub options: SinkOptions,
    /// What the sink shows, and for which prefix.
    pub shown: Shown,
    /// What it should show, of the windows in scope.
    pub want: BTreeMap<At, Row>,
    /// What the source no longer holds.
    pub gone: Vec<Gone>,
    /// Topics of the source that are compacted.
    compacted: Vec<String>,
    /// What was read: the offset that each partition was read up to.
    pub reached: BTreeMap<PartitionId, u64>,
    scope: Scope,
}

/// Which windows are compared.
#[derive(Clone, Debug)]
struct Scope {
    /// Rankings of all time too, whose rows are never final.
    all_time: bool,
    /// By ranking: windows that end at or before this.
    ends_by: Vec<i64>,
    /// Windows that start at or after this, and before that.
    starts: (i64, i64),
}

impl Recomputed {
    /// Looks at the sink and reads the source. `all`: windows that are not closed too; `all_time`: rankings of all time.
    pub fn new(args: &InputArgs, all: bool, all_time: bool) -> Result<Self, Failure> {
        let mut plan = check::load(&args.queries, args.time_zone.as_deref())?;
        masks::give(&mut plan, args.mask_key.as_deref())?;
        plan.max_key_bytes = args.max_key_bytes.unwrap_or(usize::MAX);
        is_recomputed(&plan)?;
        let bootstrap = bootstrap(&plan, args)?;
        let plan = Arc::new(plan);
        let kafka_properties =
            kafka_properties(args.kafka_properties.as_deref(), &args.kafka_property)?;
        let options = SinkOptions {
            kafka_properties: kafka_properties.clone(),
            exactly_once: true,
            ..SinkOptions::default()
        };
        let shown = sink::peek(&args.sink, &options, &plan)?;
        let sources = args.sources(&plan)?;
        let given = connecting::Given {
            properties: &kafka_properties,
            start: None,
            until_end: true,
            secrets: args.secrets.as_deref(),
        };
        let kafka_properties = connecting::reading(&plan, &sources, &given)?.properties;
        let policies = args.policies(&plan, &sources)?;
        let registries = registries(&plan, args.secrets.as_deref(), &Arc::default())?;
        let mut source = SourceOptions {
            registries,
            tables: Arc::new(plan.tables.clone()),
            of: sources.of,
            roots: sources.roots,
            until_end: true,
            kafka_properties,
            max_record_bytes: args.max_record_bytes,
            resume: shown.begins.clone(),
            ..SourceOptions::new(sources.urls)
        };
        source = as_known(source, shown.known.as_ref())?;
        let compacted = compacted(&source);
        let extents = source::extents(&source)?;
        let mut gone = extents.as_ref().map_or(Vec::new(), |e| gone(e, &shown));
        for partition in &gone {
            source.resume.remove(&partition.partition);
        }
        let asked = (args.from.unwrap_or(i64::MIN), args.to.unwrap_or(i64::MAX));
        let mut scope = Scope {
            all_time,
            ends_by: ends_by(&plan, &shown, all),
            starts: asked,
        };
        let mut plain = Plain::new(&plan, policies, args.max_record_bytes, asked).from(bootstrap);
        let mut reading = Reading {
            prefix: shown.offsets.as_ref(),
            gone: &mut gone,
            reached: BTreeMap::new(),
            margin: margin(&plan, args),
        };
        reading.read(source, &mut plain)?;
        let reached = reading.reached;
        for partition in &gone {
            let from = partition.whole_from.unwrap_or(i64::MAX);
            scope.starts.0 = scope.starts.0.max(from);
        }
        plain.end();
        let mut want = plain.rows();
        want.retain(|at, _| scope.holds(at.0, at.1));
        Ok(Recomputed {
            plan,
            options,
            shown,
            want,
            gone,
            compacted,
            reached,
            scope,
        })
    }

    /// Whether a window is compared.
    pub fn is_in_scope(&self, row: &ShownRow) -> bool {
        self.scope.holds(row.ranking, self.window(row))
    }

    /// The window of a row.
    pub fn window(&self, row: &ShownRow) -> Bounds {
        let window = &self.plan.rankings[row.ranking].window;
        window.of_row(row.bounds())
    }

    /// Says which windows are left out because the source no longer holds all of their sales, and which topics may lack some of
    /// them without a trace.
    pub fn say_gone(&self) {
        for topic in &self.compacted {
            exit::say(&format!(
                "The topic {topic} is compacted (cleanup.policy): of a key that changed since only the last records are there, and \
                 what is recomputed is of them. It is another input than it was: windows may differ that were right."
            ));
        }
        for gone in &self.gone {
            let Gone {
                partition,
                begin,
                first,
                whole_from,
            } = gone;
            let which = match whole_from {
                Some(from) => format!("windows that begin before {} are", format_rfc3339(*from)),
                None => "no window is whole; all are".to_owned(),
            };
            exit::say(&format!(
                "Partition {partition} was counted from offset {begin} on, and the source holds it from {first} on: \
                 {which} left as they are."
            ));
        }
    }
}

/// By when a window has ended that is compared, of each ranking.
fn ends_by(plan: &Plan, shown: &Shown, all: bool) -> Vec<i64> {
    let of = |ranking: &Ranking| match (all, shown.watermark) {
        (true, _) if ranking.provisional == Provisional::All => i64::MAX,
        (_, Some(watermark)) => watermark,
        // A file of changes does not say what is closed.
        _ if shown.offsets.is_none() => END_OF_TIME,
        _ => i64::MIN,
    };
    plan.rankings.iter().map(of).collect()
}

/// The source, found right, with its files in the order that a sink knows them in.
fn as_known(source: SourceOptions, known: Option<&Known>) -> Result<SourceOptions, Failure> {
    source.check()?;
    let known = known.and_then(|known| known.source.as_ref());
    let Some(known) = known.filter(|known| known.files() > 0) else {
        return Ok(source);
    };
    match source.ask(&Arc::default()).identity()? {
        Some(now) => source.numbered(Some(&now.arranged(known))),
        None => Ok(source),
    }
}

/// Topics of a source that are compacted, as far as their brokers say so.
fn compacted(source: &SourceOptions) -> Vec<String> {
    let options = SinkOptions {
        kafka_properties: source.kafka_properties.clone(),
        ..SinkOptions::default()
    };
    let is_compacted = |url: &SourceUrl| match url {
        SourceUrl::Kafka { brokers, topic } => {
            let said = kafka::is_compacted(brokers, topic, &options, PATIENCE);
            said.unwrap_or(false).then(|| topic.clone())
        }
        _ => None,
    };
    source.urls.iter().filter_map(is_compacted).collect()
}

/// Refuses what is not recomputed.
fn is_recomputed(plan: &Plan) -> Result<(), Failure> {
    let mut all = plan.rankings.iter();
    if let Some(ranking) = all.find(|r| r.window.is_session()) {
        let problem = format!(
            "`{}` ranks by SESSION, which is not recomputed yet: leave it out of --queries",
            ranking.name
        );
        return Err(Failure::of(&codes::query::SQL, problem));
    }
    no_joins(plan)
}

/// Where the bootstrap of each partition ends, that has one: the first start saw it, and snapshots know.
fn bootstrap(plan: &Plan, args: &InputArgs) -> Result<BTreeMap<PartitionId, u64>, Failure> {
    let Some(table) = plan.tables.iter().find(|t| t.bootstrap_unordered) else {
        return Ok(BTreeMap::new());
    };
    let unknown = |why: &str| {
        let problem = format!(
            "`{}` has 'scan.bootstrap' = 'unordered', and where that ends only a snapshot of the run knows: {why}",
            table.name
        );
        Failure::of(&codes::query::SQL, problem)
    };
    let Some(url) = &args.state else {
        return Err(unknown(
            "give --state, or leave its rankings out of --queries",
        ));
    };
    let store = store::open(url)?;
    let found = Manifest::usable(&store, plan)?.next().transpose()?;
    let found = found.ok_or_else(|| {
        unknown("there is none of these queries in --state; give the same --queries as the run")
    })?;
    Ok(found.state.bootstrap)
}

fn no_joins(plan: &Plan) -> Result<(), Failure> {
    let mut all = plan.rankings.iter();
    if let Some(ranking) = all.find(|r| plan.is_nested(r)) {
        let mut below = ranking.inputs.iter().filter_map(|i| plan.below(i));
        let what = match below.any(|inner| inner.lets_go) {
            true => "has a time to live",
            false => "is a ranking of a ranking",
        };
        let problem = format!(
            "`{}` {what}, which is not recomputed yet: leave it out of --queries",
            ranking.name
        );
        return Err(Failure::of(&codes::query::SQL, problem));
    }
    let mut all = plan.rankings.iter();
    let Some(ranking) = all.find(|r| r.joined.is_some() || r.paired.is_some()) else {
        return Ok(());
    };
    let problem = format!(
        "`{}` joins tables, which is not recomputed yet: leave it out of --queries",
        ranking.name
    );
    Err(Failure::of(&codes::query::SQL, problem))
}

impl Scope {
    fn holds(&self, ranking: usize, window: Bounds) -> bool {
        let Bounds { start, end } = window;
        let is_in_time = end <= self.ends_by[ranking] || (self.all_time && window.is_always());
        is_in_time && (self.starts.0..self.starts.1).contains(&start)
    }
}

/// Partitions of which the topic lacks what the sink's prefix began with.
fn gone(extents: &Extents, shown: &Shown) -> Vec<Gone> {
    let lacks = |(partition, begin): (&PartitionId, &u64)| {
        let (first, _) = extents.get(partition)?;
        let counted = shown.offsets.as_ref()?.get(partition)? > begin;
        (counted && first > begin).then_some(Gone {
            partition: *partition,
            begin: *begin,
            first: *first,
            whole_from: None,
        })
    };
    shown.begins.iter().filter_map(lacks).collect()
}

/// How long after a record's time a window may begin and still have lost a sale that came before that record, ms: by
/// its own event time, or as the first of two with one id.
fn margin(plan: &Plan, args: &InputArgs) -> i64 {
    let within = plan.checks.iter().filter_map(|c| match c.condition {
        Condition::Unique { within } => Some(within),
        _ => None,
    });
    args.policy().max_ahead + within.max().unwrap_or(0)
}

/// Reads every partition from its first record up to the prefix, or to its end.
struct Reading<'a> {
    /// A partition that the sink does not know is not part of what it shows.
    prefix: Option<&'a BTreeMap<PartitionId, u64>>,
    gone: &'a mut Vec<Gone>,
    reached: BTreeMap<PartitionId, u64>,
    margin: i64,
}

impl Reading<'_> {
    fn read(&mut self, source: SourceOptions, plain: &mut Plain) -> Result<(), Failure> {
        let reader: Reader = source::start(Arc::new(source), 0, 1, Box::new(|| ()));
        let bar = progress::bar(self.prefix.map(|p| p.values().sum()), "records");
        let (mut ready, mut open, mut read) = (false, 0usize, 0u64);
        while !ready || (open > 0 && !self.is_done()) {
            match reader.next_within(Duration::from_millis(100)) {
                Some(SourceEvent::Assigned {
                    partition,
                    home,
                    offset,
                    ..
                }) => {
                    plain.assign(partition, &home);
                    self.reached.insert(partition, offset);
                    open += 1;
                }
                Some(SourceEvent::Ready) => ready = true,
                Some(SourceEvent::Block(block)) => {
                    self.look(&block);
                    read += plain.block(&block, self.end(block.partition));
                    bar.set_position(read);
                }
                Some(SourceEvent::Ended { .. }) => open -= 1,
                Some(SourceEvent::Failed(failure)) => return Err(failure),
                Some(SourceEvent::CaughtUp { .. }) | None => {}
            }
        }
        reader.stop();
        bar.finish_and_clear();
        Ok(())
    }

    fn end(&self, partition: PartitionId) -> u64 {
        match self.prefix {
            Some(prefix) => prefix.get(&partition).copied().unwrap_or(0),
            None => u64::MAX,
        }
    }

    /// Notes how far a partition was read, and from what time on it is whole.
    fn look(&mut self, block: &Block) {
        let reached = self.reached.entry(block.partition).or_default();
        *reached = (*reached).max(block.next_offset);
        let gone = self.gone.iter_mut();
        let of_this = gone.filter(|g| g.partition == block.partition && g.whole_from.is_none());
        for gone in of_this {
            let first = block.records.first().map(|r| r.timestamp);
            gone.whole_from = first
                .filter(|t| *t != NO_TIMESTAMP)
                .map(|t| t.saturating_add(self.margin));
        }
    }

    /// Whether all of the prefix was read. Of what is gone the first record that is left was seen.
    fn is_done(&self) -> bool {
        let Some(prefix) = self.prefix else {
            return false;
        };
        let reached =
            |(p, end): (&PartitionId, &u64)| self.reached.get(p).is_some_and(|r| r >= end);
        prefix.iter().all(reached) && self.gone.iter().all(|g| g.whole_from.is_some())
    }
}
