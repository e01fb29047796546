//! What `standings ingest` reads and writes: a job a source, from its place into its topic.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::datasets::Dataset;
use super::events::{PRODUCER, RUN_EVENT, Stage, dataset, facet};
use super::keeper::Tells;
use standings_ingest::config::{Config, Kind, Of, Source, Where};
use standings_ingest::rest::template::origin;
use standings_ingest::told::{Board, Told};
use standings_process::run_id::RunId;

/// A source's job.
struct Job {
    run: RunId,
    from: Dataset,
    topic: Dataset,
    letters: Dataset,
    told: Arc<Told>,
}

/// The sources of a process.
pub struct OfSources {
    namespace: String,
    /// A source's job is this, a dot, and its name.
    job: String,
    /// `--once`: the input has an end.
    is_batch: bool,
    interval_s: u64,
    all: Vec<Job>,
}

impl Dataset {
    /// Where a source reads; without what is a secret.
    fn of_input(source: &Source) -> Self {
        let named = |namespace: String, name: String| Dataset {
            namespace,
            name,
            is_log: true,
        };
        match &source.kind {
            Kind::Files(files) => match &files.place {
                Where::Folder { root, pattern } => {
                    let path = match pattern {
                        Some(pattern) => root.join(pattern),
                        None => root.clone(),
                    };
                    Dataset::file(&path)
                }
                Where::S3 { bucket, prefix, .. } => named(format!("s3://{bucket}"), prefix.clone()),
            },
            Kind::Webhook(webhook) => named("webhook".to_owned(), webhook.path.clone()),
            // Its path may be a secret too, where the URL is one.
            Kind::Rest(rest) => match &rest.url {
                Ok(url) => {
                    let origin = origin(url);
                    let path = url[origin.len()..].split(['?', '#']).next().unwrap_or("");
                    named(origin.to_owned(), path.trim_start_matches('/').to_owned())
                }
                Err(_) => named("rest".to_owned(), source.name.clone()),
            },
            Kind::Postgres(postgres) => match (&postgres.url, &postgres.of) {
                (Ok(url), Of::Table(schema, table)) => {
                    Dataset::in_database(url, &format!("{schema}.{table}"))
                }
                (Ok(url), Of::Query(..)) => Dataset::in_database(url, &source.name),
                (Err(_), _) => named("postgres".to_owned(), source.name.clone()),
            },
            Kind::Changes(changes) => match &changes.url {
                Ok(url) => {
                    let names = &changes.names;
                    Dataset::in_database(url, &format!("{}.{}", names.schema, names.table))
                }
                Err(_) => named("postgres".to_owned(), source.name.clone()),
            },
        }
    }
}

impl OfSources {
    /// Of a configuration, and of what its sources tell.
    pub fn new(
        (namespace, job): (&str, &str),
        (is_batch, interval_s): (bool, u64),
        config: &Config,
        board: &Board,
    ) -> Self {
        let sources = config.sources.iter().zip(&board.sources);
        let all = sources.map(|(source, told)| Job {
            run: RunId::new(),
            from: Dataset::of_input(source),
            topic: Dataset::topic(&config.brokers, &source.topic),
            letters: Dataset::topic(&config.brokers, &source.dead_letter),
            told: Arc::clone(told),
        });
        OfSources {
            namespace: namespace.to_owned(),
            job: job.to_owned(),
            is_batch,
            interval_s,
            all: all.collect(),
        }
    }

    fn event(&self, of: &Job, stage: &Stage, at: &str) -> Value {
        let now = of.told.now();
        let mut run = Map::new();
        let engine = json!({
            "name": "standings",
            "version": env!("CARGO_PKG_VERSION"),
            "openlineageAdapterVersion": env!("CARGO_PKG_VERSION"),
        });
        run.insert(
            "processing_engine".to_owned(),
            facet("1-1-1", "ProcessingEngineRunFacet", engine),
        );
        if let Stage::Fail(problem) = stage {
            let error = json!({ "message": problem, "programmingLanguage": "rust" });
            run.insert(
                "errorMessage".to_owned(),
                facet("1-0-1", "ErrorMessageRunFacet", error),
            );
        }
        let kind = json!({
            "processingType": if self.is_batch { "BATCH" } else { "STREAMING" },
            "integration": "STANDINGS",
            "jobType": "JOB",
            "emissionPattern": {
                "eventTrigger": "PERIODIC",
                "eventContentMode": "ACCUMULATIVE",
                "windowDuration": self.interval_s.max(1),
            },
        });
        let read = now.records + now.letters + now.duplicates;
        let mut input = dataset(&of.from, Map::new());
        let quality = json!({ "rowCount": read, "columnMetrics": {} });
        let quality = facet("1-0-3", "DataQualityMetricsInputDatasetFacet", quality);
        input["inputFacets"] = json!({ "dataQualityMetrics": quality });
        let output = |at: &Dataset, rows: u64| {
            let mut value = dataset(at, Map::new());
            let statistics = json!({ "rowCount": rows });
            let statistics = facet("1-0-2", "OutputStatisticsOutputDatasetFacet", statistics);
            value["outputFacets"] = json!({ "outputStatistics": statistics });
            value
        };
        json!({
            "eventType": stage.name(),
            "eventTime": at,
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": { "runId": of.run.to_string(), "facets": run },
            "job": {
                "namespace": self.namespace,
                "name": format!("{}.{}", self.job, of.told.name),
                "facets": { "jobType": facet("2-0-4", "JobTypeJobFacet", kind) },
            },
            "inputs": [input],
            "outputs": [output(&of.topic, now.records), output(&of.letters, now.letters)],
        })
    }
}

impl Tells for OfSources {
    fn events(&self, stage: &Stage, at: &str) -> Vec<Value> {
        self.all
            .iter()
            .map(|job| self.event(job, stage, at))
            .collect()
    }
}
