//! The clients that the engine's commit protocols drive: a database with one transaction a connection, a log with a
//! transactional id, and the output of rejects. Each call may fail, lose its answer or never have one, or find its process
//! killed or frozen; rows may be refused.

mod database;
mod log;
mod rejects;

pub use database::SimDatabase;
pub use log::SimLog;
pub use rejects::SimRejects;

use std::collections::BTreeMap;

use standings_commit::sink::{ShownRow, SinkError};
use standings_model::error::{Failure, codes};
use standings_model::plan::Plan;

use crate::refusals::At;

fn killed() -> SinkError {
    SinkError::Failed(Failure::of(&codes::sink::WRITING, "killed"))
}

/// The rows that a sink shows, as it gives them to the engine.
fn rows(plan: &Plan, lines: &BTreeMap<At, String>) -> Vec<ShownRow> {
    let lines: Vec<&str> = lines.values().map(String::as_str).collect();
    standings_commit::change_log::fold_log(plan, lines.join("\n").as_bytes())
        .expect("lines that were written")
        .rows
}
