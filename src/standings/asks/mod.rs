//! What a running process is asked from a shell: `ask` where a key stands, `tail` what changes, `export` the rows of a window.
//!
//! ```text
//! ask, export ──► shape (columns, in the query's order) ──► answers, page by page ──► output
//! tail ──► events, from a commit on ──► a line a change
//! ```
//!
//! 1. What is printed is what the server wrote: no number is read and written again.
//! 2. Pages are of one commit, or begin again.

mod ask;
mod export;
mod parquet;
mod shape;
mod tail;

use std::future::Future;

use reqwest::Url;

use crate::client::{LineError, Server, problem};
use standings_model::error::codes;
use standings_process::exit::{Failure, NoThread};

pub use self::ask::{AskArgs, ask};
pub use self::export::{ExportArgs, export};
pub use self::tail::{TailArgs, tail};

/// An answer: its text, and the last commit that changed what it shows.
struct Answer {
    text: String,
    commit: Option<u64>,
    /// How many rows there are in all, where it says so.
    count: Option<u64>,
}

/// Waits for what is asked.
fn wait<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(NoThread)?;
    runtime.block_on(work)
}

fn failed(server: &Server, why: &LineError) -> Failure {
    Failure::of(&codes::http::CLIENT, format!("{}: {why}", server.address()))
}

/// Asks once.
async fn get(server: &Server, url: Url) -> Result<Answer, Failure> {
    let sent = server.client.get(url).send().await;
    let response = sent.map_err(|e| failed(server, &e.into()))?;
    if !response.status().is_success() {
        return Err(failed(server, &problem(response).await));
    }
    let number = |name: &str| {
        let value = response.headers().get(name)?;
        value.to_str().ok()?.parse::<u64>().ok()
    };
    let (commit, count) = (number("standings-window-commit"), number("standings-count"));
    let text = response.text().await;
    Ok(Answer {
        text: text.map_err(|e| failed(server, &e.into()))?,
        commit,
        count,
    })
}

/// JSON that is not as this version of the program understands it.
fn not_understood(server: &Server) -> Failure {
    failed(server, &LineError::NotJson)
}
