//! Run events, as OpenLineage 2-0-2 writes them.
//!
//! The run itself is the parent job, which reads the source and writes late sales and dead letters; each ranking is a
//! job below it, which reads the source and writes its rows. Each event says everything, so that one that was lost is
//! made good by the next.

use serde_json::{Map, Value, json};

use super::columns::{Column, Derived, derive};
use super::datasets::Dataset;
use standings_commit::tally::Done;
use standings_model::plan::{Field, Plan, Ranking};
use standings_model::table::{Column as TableColumn, Table};
use standings_model::types::Type;
use standings_postgres::sql_type;
use standings_process::run_id::RunId;

/// What wrote an event.
pub(super) const PRODUCER: &str = concat!("urn:standings:", env!("CARGO_PKG_VERSION"));
/// The schema of run events.
pub(super) const RUN_EVENT: &str =
    "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent";

/// What an event tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The run begins.
    Start,
    /// It goes on.
    Running,
    /// It ended as it should.
    Complete,
    /// It ended with this diagnostic.
    Fail(String),
}

impl Stage {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Stage::Start => "START",
            Stage::Running => "RUNNING",
            Stage::Complete => "COMPLETE",
            Stage::Fail(_) => "FAIL",
        }
    }
}

/// A ranking's job.
#[derive(Clone, Debug)]
pub struct Query {
    /// Names its run.
    pub run: RunId,
    /// The file's text.
    pub sql: String,
    /// Where its rows go.
    pub outputs: Vec<Dataset>,
}

/// What does not change while a run goes on.
#[derive(Clone, Debug)]
pub struct Description {
    /// `--lineage-namespace`.
    pub namespace: String,
    /// `--lineage-job`: the parent's name; a ranking's job is `PARENT.RANKING`.
    pub job: String,
    /// Names the parent's run.
    pub run: RunId,
    /// `--until-end`: the input has an end.
    pub is_batch: bool,
    /// What is read, in the order of partitions for files.
    pub inputs: Vec<Dataset>,
    /// The number of each one's table in the plan.
    pub input_tables: Vec<usize>,
    /// Whether each input is one partition (files), or the one input is all of them (a topic).
    pub input_per_partition: bool,
    /// Late sales and dead letters.
    pub asides: Vec<Dataset>,
    /// By ranking.
    pub queries: Vec<Query>,
    /// `--lineage-interval`, s.
    pub interval_s: u64,
}

/// A facet of this schema: its file and its version, with the members that every facet has.
pub(super) fn facet(version: &str, schema: &str, members: Value) -> Value {
    let mut facet = Map::new();
    facet.insert("_producer".to_owned(), PRODUCER.into());
    let url = format!("https://openlineage.io/spec/facets/{version}/{schema}.json");
    facet.insert("_schemaURL".to_owned(), url.into());
    if let Value::Object(members) = members {
        facet.extend(members);
    }
    Value::Object(facet)
}

impl Description {
    /// The events of one stage: the parent's, then the rankings'. `at`: RFC 3339.
    pub fn events(&self, plan: &Plan, stage: &Stage, done: &Done, at: &str) -> Vec<Value> {
        let parent = json!({
            "eventType": stage.name(),
            "eventTime": at,
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": { "runId": self.run.to_string(), "facets": self.run_facets(stage, false) },
            "job": {
                "namespace": self.namespace,
                "name": self.job,
                "facets": { "jobType": self.job_type("JOB") },
            },
            "inputs": self.inputs(plan, done),
            "outputs": self.asides.iter().map(|d| dataset(d, Map::new())).collect::<Vec<_>>(),
        });
        let below = self.queries.iter().zip(&plan.rankings).enumerate();
        let below = below.map(|(n, (query, ranking))| {
            let written = done.changes.get(n).copied().unwrap_or(0);
            json!({
                "eventType": stage.name(),
                "eventTime": at,
                "producer": PRODUCER,
                "schemaURL": RUN_EVENT,
                "run": { "runId": query.run.to_string(), "facets": self.run_facets(stage, true) },
                "job": {
                    "namespace": self.namespace,
                    "name": format!("{}.{}", self.job, ranking.name),
                    "facets": {
                        "jobType": self.job_type("QUERY"),
                        "sql": facet("1-1-0", "SQLJobFacet", json!({ "query": query.sql, "dialect": "flink" })),
                    },
                },
                "inputs": self.inputs(plan, done),
                "outputs": self.outputs(plan, ranking, query, written),
            })
        });
        [parent].into_iter().chain(below).collect()
    }

    fn run_facets(&self, stage: &Stage, is_below: bool) -> Value {
        let mut facets = Map::new();
        let engine = json!({
            "name": "standings",
            "version": env!("CARGO_PKG_VERSION"),
            "openlineageAdapterVersion": env!("CARGO_PKG_VERSION"),
        });
        facets.insert(
            "processing_engine".to_owned(),
            facet("1-1-1", "ProcessingEngineRunFacet", engine),
        );
        if is_below {
            let parent = json!({
                "run": { "runId": self.run.to_string() },
                "job": { "namespace": self.namespace, "name": self.job },
            });
            let parent = facet("1-2-0", "ParentRunFacet", parent);
            facets.insert("parent".to_owned(), parent);
        }
        if let Stage::Fail(problem) = stage {
            let error = json!({ "message": problem, "programmingLanguage": "rust" });
            let error = facet("1-0-1", "ErrorMessageRunFacet", error);
            facets.insert("errorMessage".to_owned(), error);
        }
        Value::Object(facets)
    }

    fn job_type(&self, kind: &str) -> Value {
        let members = json!({
            "processingType": if self.is_batch { "BATCH" } else { "STREAMING" },
            "integration": "STANDINGS",
            "jobType": kind,
            "emissionPattern": {
                "eventTrigger": "PERIODIC",
                "eventContentMode": "ACCUMULATIVE",
                "windowDuration": self.interval_s.max(1),
            },
        });
        facet("2-0-4", "JobTypeJobFacet", members)
    }

    fn table_of(&self, input: usize) -> usize {
        self.input_tables.get(input).copied().unwrap_or_default()
    }

    fn inputs(&self, plan: &Plan, done: &Done) -> Vec<Value> {
        let rows = |n: usize| match self.input_per_partition {
            true => u32::try_from(n)
                .ok()
                .and_then(|partition| done.counts.get(&partition))
                .map_or(0, |counts| counts.read),
            false => done.total().read,
        };
        let input = |(n, at): (usize, &Dataset)| {
            let mut facets = Map::new();
            facets.insert(
                "schema".to_owned(),
                schema(input_fields(&plan.tables[self.table_of(n)])),
            );
            let mut value = dataset(at, facets);
            // How many values were null is not counted, and so not said.
            let quality = json!({ "rowCount": rows(n), "columnMetrics": {} });
            let quality = facet("1-0-3", "DataQualityMetricsInputDatasetFacet", quality);
            value["inputFacets"] = json!({ "dataQualityMetrics": quality });
            value
        };
        self.inputs.iter().enumerate().map(input).collect()
    }

    fn outputs(&self, plan: &Plan, ranking: &Ranking, query: &Query, written: u64) -> Vec<Value> {
        let (columns, whole) = derive(ranking, plan);
        let output = |at: &Dataset| {
            let mut facets = Map::new();
            let fields = output_fields(ranking, at.is_log);
            facets.insert("schema".to_owned(), schema(fields));
            let lineage = self.lineage(plan, &columns, &whole, at.is_log);
            facets.insert("columnLineage".to_owned(), lineage);
            let mut value = dataset(at, facets);
            let statistics = json!({ "rowCount": written });
            let statistics = facet("1-0-2", "OutputStatisticsOutputDatasetFacet", statistics);
            value["outputFacets"] = json!({ "outputStatistics": statistics });
            value
        };
        query.outputs.iter().map(output).collect()
    }

    fn lineage(&self, plan: &Plan, columns: &[Column], whole: &Derived, is_log: bool) -> Value {
        let mut fields = Map::new();
        for column in columns {
            let name = match column.of_query && is_log {
                true => format!("row.{}", column.name),
                false => column.name.clone(),
            };
            let from = json!({ "inputFields": self.input_columns(plan, &column.from) });
            fields.insert(name, from);
        }
        let members = json!({ "fields": fields, "dataset": self.input_columns(plan, whole) });
        facet("1-2-0", "ColumnLineageDatasetFacet", members)
    }

    fn input_columns(&self, plan: &Plan, from: &Derived) -> Vec<Value> {
        let mut all = Vec::new();
        for (number, input) in self.inputs.iter().enumerate() {
            let own = from
                .iter()
                .filter(|((t, _), _)| *t == self.table_of(number));
            for ((table, column), uses) in own {
                let transformation = |used: &super::columns::Use| {
                    json!({
                        "type": used.kind.class(),
                        "subtype": used.kind.name(),
                        "description": used.words,
                        "masking": used.masking,
                    })
                };
                all.push(json!({
                    "namespace": input.namespace,
                    "name": input.name,
                    "field": plan.tables[*table].columns[*column].name,
                    "transformations": uses.iter().map(transformation).collect::<Vec<_>>(),
                }));
            }
        }
        all
    }
}

/// A dataset with its facets.
pub(super) fn dataset(at: &Dataset, mut facets: Map<String, Value>) -> Value {
    let uri = match at.namespace.as_str() {
        "file" => format!("file:{}", at.name),
        namespace => namespace.to_owned(),
    };
    let source = json!({ "name": at.namespace, "uri": uri });
    let source = facet("1-0-1", "DatasourceDatasetFacet", source);
    facets.insert("dataSource".to_owned(), source);
    json!({ "namespace": at.namespace, "name": at.name, "facets": facets })
}

fn schema(fields: Vec<Value>) -> Value {
    facet("1-2-0", "SchemaDatasetFacet", json!({ "fields": fields }))
}

fn field(name: &str, kind: &str) -> Value {
    json!({ "name": name, "type": kind })
}

fn input_fields(table: &Table) -> Vec<Value> {
    let one = |column: &TableColumn| field(&column.name, &column.kind.to_string());
    table.declared().iter().map(one).collect()
}

/// Columns of a table, or members of a change of the log.
fn output_fields(ranking: &Ranking, is_log: bool) -> Vec<Value> {
    let kind = |of: &Field| match (ranking.field_type(*of).0, is_log) {
        (_, false) => sql_type(ranking, *of),
        (Type::Integer(_) | Type::Float | Type::Double, true) => "number".to_owned(),
        (Type::Boolean, true) => "boolean".to_owned(),
        (_, true) => "string".to_owned(),
    };
    let one = |of: &Field| field(ranking.field_name(*of), &kind(of));
    let own: Vec<Value> = ranking.fields.iter().map(one).collect();
    if is_log {
        let mut row = field("row", "object");
        row["fields"] = own.into();
        return vec![
            field("ranking", "string"),
            field("op", "string"),
            field("window_start", "string"),
            field("window_end", "string"),
            field("rank", "number"),
            field("previous_rank", "number"),
            row,
            field("final", "boolean"),
            field("commit", "number"),
        ];
    }
    let before = [
        field("window_start", "timestamptz"),
        field("window_end", "timestamptz"),
        field("rank", "integer"),
    ];
    let after = [
        field("final", "boolean"),
        field("commit", "bigint"),
        field("updated_at", "timestamptz"),
    ];
    before.into_iter().chain(own).chain(after).collect()
}
