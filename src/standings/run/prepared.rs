//! A command line, understood: what is wrong with it is found before anything is started.

use std::sync::Arc;

use super::apart::Apart;
use super::args::{Delivery, RunArgs};
use super::check;
use super::engine::Cluster;
use super::registries::registries;
use super::{connecting, forget, settings, tables};
use crate::masks;
use standings_commit::committer::Outputs;
use standings_commit::sink::{RejectWriter, SinkError};
use standings_edge::sink::{self, SinkOptions};
use standings_edge::source::{Homes, Origin, SourceOptions, SourceUrl, kafka_properties};
use standings_engine::event_time::partition::Policy;
use standings_engine::quality;
use standings_model::check::FailOn;
use standings_model::clock::Clock;
use standings_model::plan::Plan;
use standings_observe::live::Live;
use standings_process::exit::Failure;

/// A command line of `standings run`, understood and found right; nothing is connected yet.
pub struct Prepared {
    /// The queries.
    pub plan: Arc<Plan>,
    /// Which part of which cluster.
    pub cluster: Cluster,
    /// Client settings of the file and the flags.
    pub kafka_properties: Vec<(String, String)>,
    pub(super) source: SourceOptions,
    /// How event time is judged, by table.
    pub(super) policies: Vec<Policy>,
    pub(super) outputs: Outputs,
    pub(super) live: Arc<Live>,
}

impl Prepared {
    /// Finds what is wrong before anything is started.
    pub fn new(args: &RunArgs) -> Result<Self, Failure> {
        let mut plan = check::load(&args.queries, args.time_zone.as_deref())?;
        for (name, fail_on) in &args.fail_on {
            if matches!(fail_on, FailOn::Share(_)) {
                continue;
            }
            quality::limit(&mut plan.checks, name, *fail_on)?;
        }
        masks::give(&mut plan, args.mask_key.as_deref())?;
        plan.max_key_bytes = args.max_key_bytes.unwrap_or(usize::MAX);
        let plan = Arc::new(plan);
        let sources = tables::sources(&plan, &args.source, &args.source_override)?;
        let kafka_properties =
            kafka_properties(args.kafka_properties.as_deref(), &args.kafka_property)?;
        let given = connecting::Given {
            properties: &kafka_properties,
            start: args.start.map(Into::into),
            until_end: args.until_end,
            secrets: args.secrets.as_deref(),
        };
        let reading = connecting::reading(&plan, &sources, &given)?;
        let policies = tables::policies(
            &plan,
            &sources,
            &args.out_of_orderness,
            reading.until_end,
            settings::policy(args),
        )?;
        let cluster = Cluster::from_flags(args, &sources.urls)?;
        let live = Arc::new(Live::new(cluster.workers));
        let declared = reading.declared;
        let registries = registries(&plan, args.secrets.as_deref(), &live)?;
        let source = SourceOptions {
            registries,
            live: Arc::clone(&live),
            tables: Arc::new(plan.tables.clone()),
            of: sources.of,
            roots: sources.roots,
            start: reading.start,
            until_end: reading.until_end,
            waits: plan.waits(),
            kafka_properties: reading.properties,
            kafka_origin: Origin {
                declared: Some(Arc::new(move || declared.now().ok())),
                ..origin(args)
            },
            max_record_bytes: args.max_record_bytes,
            ..SourceOptions::new(sources.urls)
        };
        source.check()?;
        live.name_inputs(source.input_names());
        apart(args, &source.urls).check()?;
        let mut outputs = Outputs::default();
        if cluster.process == 0 {
            outputs = open_outputs(args, &kafka_properties, &live, source.homes())?;
            forget::are_dimensions(&outputs.forget, &plan)?;
            let (homes, of) = (source.homes(), Arc::clone(&plan));
            outputs.dimension_of = Some(Arc::new(move |partition| {
                let (table, _) = homes.of(partition);
                let name = || of.tables[table].name.clone();
                of.is_only_joined(table).then(name)
            }));
        }
        Ok(Prepared {
            plan,
            cluster,
            kafka_properties,
            source,
            policies,
            outputs,
            live,
        })
    }
}

/// Refuses one topic by two addresses, which only its cluster can tell.
pub(super) fn one_topic_once(
    args: &RunArgs,
    sources: &[SourceUrl],
    kafka_properties: &[(String, String)],
) -> Result<(), Failure> {
    let options = SinkOptions {
        kafka_properties: kafka_properties.to_vec(),
        ..SinkOptions::default()
    };
    apart(args, sources).check_clusters(&options)
}

/// What a run reads and writes.
fn apart(args: &RunArgs, sources: &[SourceUrl]) -> Apart {
    let all = Apart::default()
        .reads("--hosts", args.hosts.as_ref())
        .reads("--kafka-properties", args.kafka_properties.as_ref());
    let sources = sources.iter();
    let all = sources.fold(all, |all, url| all.source("--source", url));
    let all = args
        .sink
        .iter()
        .fold(all, |all, url| all.sink("--sink", url));
    let all = match &args.report {
        Some(path) => all.writes("--report", path),
        None => all,
    };
    all.output("--late", args.late.as_ref())
        .output("--dead-letter", args.dead_letter.as_ref())
        .state(args.state.as_ref())
        .lineage(args.lineage.lineage.as_ref())
}

/// Where the flags' settings of Kafka's client come from.
fn origin(args: &RunArgs) -> Origin {
    Origin {
        declared: None,
        file: args.kafka_properties.clone(),
        flags: args.kafka_property.clone(),
    }
}

fn open_outputs(
    args: &RunArgs,
    kafka_properties: &[(String, String)],
    live: &Arc<Live>,
    homes: Homes,
) -> Result<Outputs, Failure> {
    let options = SinkOptions {
        kafka_properties: kafka_properties.to_vec(),
        kafka_origin: origin(args),
        kafka_tombstones: args.kafka_tombstones,
        exactly_once: args.delivery == Delivery::ExactlyOnce,
        live: Arc::clone(live),
        clock: Clock::default(),
        started_before: args.generation > 1,
        homes,
    };
    let mut outputs = Outputs {
        forget: args.forget()?,
        live: Arc::clone(live),
        ..Outputs::default()
    };
    for url in &args.sink {
        outputs.sinks.push(sink::connect(url, &options)?);
    }
    let reject = |url: &Option<_>| -> Result<Option<Box<dyn RejectWriter>>, SinkError> {
        url.as_ref()
            .map(|u| sink::connect_rejects(u, &options))
            .transpose()
    };
    outputs.late = reject(&args.late)?;
    outputs.dead = reject(&args.dead_letter)?;
    Ok(outputs)
}
