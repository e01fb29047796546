//! What `standings ingest` reads and writes: a job a source, from its place into its topic.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::datasets::Dataset;
use super::events::{PRODUCER, RUN_EVENT, Stage, dataset, facet};
use super::keeper::Tells;
use standings_ingest::config::{Config, Kind, MySqlOf, Of, Source, Where, WsdlAt};
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
        let of_url = |url: &str| {
            let origin = origin(url);
            let path = url[origin.len()..].split(['?', '#']).next().unwrap_or("");
            named(origin.to_owned(), path.trim_start_matches('/').to_owned())
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
                Where::Sftp(sftp) => {
                    named(format!("sftp://{}", sftp.address()), sftp.folder.clone())
                }
            },
            Kind::Webhook(webhook) => named("webhook".to_owned(), webhook.path.clone()),
            // Its path may be a secret too, where the URL is one.
            Kind::Rest(rest) => match &rest.url {
                Ok(url) => of_url(url),
                Err(_) => named("rest".to_owned(), source.name.clone()),
            },
            Kind::Soap(soap) => match (&soap.url, &soap.wsdl) {
                (Some(url), _) | (None, Some(WsdlAt::Url(url))) => of_url(url),
                _ => named("soap".to_owned(), source.name.clone()),
            },
            Kind::Postgres(postgres) => match (&postgres.url, &postgres.of) {
                (Ok(url), Of::Table(schema, table)) => {
                    Dataset::in_database(url, &format!("{schema}.{table}"))
                }
                (Ok(url), Of::Query(..)) => Dataset::in_database(url, &source.name),
                (Err(_), _) => named("postgres".to_owned(), source.name.clone()),
            },
            Kind::MySql(mysql) => match (&mysql.url, &mysql.of) {
                (Ok(url), MySqlOf::Table(database, table)) => {
                    Dataset::in_mysql(url, database.as_deref(), table)
                }
                (Ok(url), MySqlOf::Query(_)) => Dataset::in_mysql(url, None, &source.name),
                (Err(_), _) => named("mysql".to_owned(), source.name.clone()),
            },
            Kind::Binlog(binlog) => match &binlog.url {
                Ok(url) => {
                    let names = &binlog.names;
                    let database = Some(names.database.as_str()).filter(|name| !name.is_empty());
                    Dataset::in_mysql(url, database, &names.table)
                }
                Err(_) => named("mysql".to_owned(), source.name.clone()),
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

impl OfSources {
    /// What a process that ended is for one of its sources: where sources are read to their ends, each has failed by its own reason, and one
    /// that has none is complete, though the process failed by another.
    fn stage(&self, of: &Job, stage: &Stage) -> Stage {
        let Stage::Fail(problem) = stage else {
            return stage.clone();
        };
        let reason = |job: &Job| job.told.now().state.reason().map(str::to_owned);
        let is_others = || self.all.iter().any(|job| reason(job).is_some());
        match reason(of) {
            Some(own) => Stage::Fail(own),
            None if self.is_batch && is_others() => Stage::Complete,
            None => Stage::Fail(problem.clone()),
        }
    }
}

impl Tells for OfSources {
    fn events(&self, stage: &Stage, at: &str) -> Vec<Value> {
        let all = self.all.iter();
        all.map(|job| self.event(job, &self.stage(job, stage), at))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::SystemTime;

    use standings_ingest::state::State;

    use super::*;

    #[test]
    fn each_source_fails_by_its_own_reason() {
        let source = |name: &str| {
            format!("[sources.{name}]\ntype = \"files\"\npath = \"/in/{name}\"\ntopic = \"t\"\n")
        };
        let text = format!("to = \"kafka://k:1\"\n{}{}", source("a"), source("b"));
        let config = standings_ingest::config::read(Path::new("x.toml"), &text, None).unwrap();
        let epoch = SystemTime::UNIX_EPOCH;
        let told = |name| Told::new(name, "files", "t", epoch);
        let board = Board {
            sources: vec![told("a"), told("b")],
        };
        let stages = |is_batch| {
            let of = OfSources::new(("n", "j"), (is_batch, 1), &config, &board);
            let events = of.events(&Stage::Fail("a failed".to_owned()), "2026-01-23T00:00:00Z");
            let of = |event: &Value| {
                let message = &event["run"]["facets"]["errorMessage"]["message"];
                format!(
                    "{} {}",
                    event["eventType"].as_str().unwrap(),
                    message.as_str().unwrap_or("-")
                )
            };
            events.iter().map(of).collect::<Vec<_>>()
        };
        board.sources[0].state(State::Broken("no such file".to_owned()), epoch);
        board.sources[1].state(State::Streaming, epoch);
        assert_eq!(stages(true), ["FAIL no such file", "COMPLETE -"]);
        assert_eq!(stages(false), ["FAIL no such file", "FAIL a failed"]);
        // Of a process that ended by something else nobody is complete.
        board.sources[0].state(State::Streaming, epoch);
        assert_eq!(stages(true), ["FAIL a failed", "FAIL a failed"]);
    }
}
