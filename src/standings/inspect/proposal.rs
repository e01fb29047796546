//! From a source to a proposal that works: found, drafted, tried, and drafted anew without what did not fit.

use super::draft::{Draft, Forced, draft};
use super::finding::Finding;
use super::render;
use super::sample::{self, From, Limits};
use super::tried::{self, Tried};
use standings_model::error::Failure;

/// So often a draft is tried.
const ROUNDS: usize = 4;

/// What is proposed.
pub(super) struct Proposal {
    pub(super) finding: Finding,
    /// None where no row was found.
    pub(super) draft: Option<Draft>,
    pub(super) tried: Option<Tried>,
    /// Why it does not run as it is, for a person.
    pub(super) refused: Option<String>,
    /// `CREATE TABLE`, where there is one.
    pub(super) table: Option<String>,
    /// The ranking.
    pub(super) ranking: Option<String>,
}

/// Looks at a source and makes a proposal.
pub(super) fn propose(from: &From, limits: Limits) -> Result<Proposal, Failure> {
    let sample = sample::take(from, limits)?;
    let finding = Finding::of(from, sample);
    if finding.records == 0 {
        return Err(sample::empty(&finding.source));
    }
    let mut proposal = Proposal {
        draft: None,
        tried: None,
        refused: None,
        table: None,
        ranking: None,
        finding,
    };
    if proposal.finding.rows == 0 {
        proposal.refused = Some(no_row(&proposal.finding).to_owned());
        return Ok(proposal);
    }
    let mut forced = Forced::new();
    for _ in 0..ROUNDS {
        let mut made = draft(&proposal.finding, &forced);
        if !is_taken(&made) && made.chosen.unnest.take().is_some() {
            made.chosen.measure = None;
        }
        let loaded = standings_query::load_texts(&[("proposal", &sql(&made))]);
        proposal.draft = Some(made);
        let plan = match loaded {
            Ok(loaded) => loaded.plan,
            Err(errors) => {
                let first = errors
                    .0
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                proposal.refused = Some(format!("`standings check` refuses this table: {first}"));
                break;
            }
        };
        let tried = tried::tried(from, &plan, limits)?;
        let more = misfits(&proposal.finding, &tried, &forced);
        proposal.tried = Some(tried);
        if more.is_empty() {
            break;
        }
        forced.extend(more);
    }
    if let Some(made) = &proposal.draft {
        proposal.table = Some(render::table(made, proposal.tried.as_ref()));
        proposal.ranking = Some(render::ranking(made, proposal.tried.as_ref()));
    }
    Ok(proposal)
}

/// A draft as one file.
fn sql(draft: &Draft) -> String {
    let (table, ranking) = (render::table(draft, None), render::ranking(draft, None));
    format!("{table}{ranking}")
}

/// Whether a draft is understood.
fn is_taken(draft: &Draft) -> bool {
    standings_query::load_texts(&[("proposal", &sql(draft))]).is_ok()
}

/// Fields whose values often do not fit their column.
fn misfits(finding: &Finding, tried: &Tried, forced: &Forced) -> Vec<String> {
    let often = |n: u64| n * 10 > tried.read;
    let named = tried.by_column.iter().filter(|(_, n)| often(**n));
    let tops = named.filter_map(|(name, _)| {
        let top = |field: &&(String, super::seen::Seen)| {
            *name == field.0
                || name
                    .strip_prefix(&field.0)
                    .is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        finding
            .seen
            .fields
            .iter()
            .find(top)
            .map(|(name, _)| name.clone())
    });
    tops.filter(|name| !forced.contains(name)).collect()
}

/// What is said where no record is a row.
fn no_row(finding: &Finding) -> &'static str {
    match &finding.framing {
        Some(framing) if !framing.is_json => {
            "the fields stand in the schema, which only the registry has: of Avro --registry URL (or --schemas-folder DIR) names \
             it here, and the table is proposed; of Protobuf a table declares them, with 'format' = 'protobuf-confluent'"
        }
        _ if finding.is_file => {
            "no record is a row: neither JSON objects, nor rows of CSV, nor Parquet"
        }
        _ => {
            "no record is a JSON object: of Protobuf --descriptor-file FILE (protoc --include_imports --descriptor_set_out=FILE) names \
             its fields; else 'format' = 'raw' takes each as one STRING or BYTES"
        }
    }
}
