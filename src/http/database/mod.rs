//! The same answers from Postgres alone: `standings serve`.
//!
//! ```text
//! request ──► pool ──► a replica, else the primary: one transaction, REPEATABLE READ READ ONLY
//!                        standings_commit (what it is of) + rows ──► answer
//! follower ──► primary: a new commit? ──► windows it touched, read again, compared ──► Board ──► events, at=, why
//! ```
//!
//! 1. An answer's rows and what it says it is of are read in one snapshot.
//! 2. Nothing is written, and no statement outlives its timeout.
//! 3. A connection whose transaction was not seen to end is not used again.

mod follower;
mod pool;
mod read;
mod runs;
mod standby;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

pub use self::follower::follow;
use self::pool::Server;
pub use self::standby::watch;
use self::told::told;
use super::problem::Problem;
use standings_commit::database::Trouble;
use standings_commit::sink::SinkError;
use standings_model::error::{Code, codes};
use standings_model::plan::Plan;

/// Where rows are read.
#[derive(Debug)]
pub struct Database {
    plan: Arc<Plan>,
    primary: Server,
    replicas: Vec<Server>,
    next: AtomicUsize,
    /// What the primary has shown.
    commits: standby::Commits,
}

impl Database {
    /// Reads the URLs; connects when asked. `places` connections to each server at most.
    pub fn new(
        plan: Arc<Plan>,
        primary: &str,
        replicas: &[String],
        places: usize,
        timeout: Duration,
    ) -> Result<Self, SinkError> {
        let server = |url: &str| Server::new(url, places, timeout);
        let replicas: Result<_, _> = replicas.iter().map(|url| server(url)).collect();
        Ok(Database {
            plan,
            primary: server(primary)?,
            replicas: replicas?,
            next: AtomicUsize::new(0),
            commits: standby::Commits::default(),
        })
    }

    /// The servers in the order to try: replicas in turn, those that are away last, the primary after them.
    fn order(&self) -> Vec<&Server> {
        let n = self.replicas.len();
        let from = self.next.fetch_add(1, Ordering::Relaxed);
        let replicas = (0..n).map(|i| &self.replicas[(from + i) % n.max(1)]);
        let mut all: Vec<&Server> = replicas.chain([&self.primary]).collect();
        all.sort_by_key(|s| s.is_away());
        all
    }
}

/// What a caller is told of a trouble; the rest is in the log.
fn problem(trouble: &Trouble) -> Problem {
    let text = words(trouble);
    tracing::warn!(
        event = "database_trouble",
        problem = text,
        "the database did not answer as it should"
    );
    Problem {
        code: Some(code(trouble)),
        ..Problem::unavailable(told(&text))
    }
}

/// What a command that only asks would end with.
fn code(trouble: &Trouble) -> &'static Code {
    match trouble {
        Trouble::Passing(_) => &codes::sink::SILENT,
        // What a server says of a question is no failed write.
        Trouble::Final(error) if *error.code() != codes::sink::WRITING => error.code(),
        Trouble::Login(_) | Trouble::Wrong(_) | Trouble::Final(_) => &codes::sink::REFUSED,
    }
}

fn words(trouble: &Trouble) -> String {
    trouble.text()
}
