//! How far a copy of the database is behind: told in `/readyz`, in the log when it is long, and in each answer from it.
//!
//! 1. A replica is behind by commits: those that the database itself has shown and the replica has not. Since when, is when
//!    the first of them was seen there. A quiet database makes no replica look late.
//! 2. Where `--from` is a standby itself, nothing newer is known here: told is the age of the last transaction it replayed.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::Database;
use standings_observe::live::{Lag, Live};
use standings_observe::metrics::Metrics;

/// How often a server is asked.
const EVERY: Duration = Duration::from_secs(1);
/// Behind for so long, it is logged.
const LONG: Duration = Duration::from_secs(10);
/// Commits of the database itself that are remembered.
const REMEMBERED: usize = 4_096;

const ASKED: &str = "SELECT pg_is_in_recovery(),
    coalesce(extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()), 0)::float8";

/// The commits that the database itself has shown, and when.
#[derive(Debug, Default)]
pub(super) struct Commits(Mutex<VecDeque<(u64, Instant)>>);

/// How far a server is behind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Behind {
    /// Commits; `None` where nothing newer is known.
    commits: Option<u64>,
    pub(super) for_so_long: Duration,
}

impl Commits {
    pub(super) fn shown(&self, commit: u64, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.back().is_none_or(|(last, _)| *last < commit) {
            all.push_back((commit, now));
        }
        if all.len() > REMEMBERED {
            all.pop_front();
        }
    }

    /// How far one that shows this commit is behind; `None` if it is not.
    fn behind(&self, commit: u64, now: Instant) -> Option<Behind> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (newest, _) = all.back()?;
        let (_, missed) = all.iter().find(|(c, _)| *c > commit)?;
        Some(Behind {
            commits: Some(newest - commit),
            for_so_long: now.saturating_duration_since(*missed),
        })
    }
}

/// Asks each server again and again, until the process ends.
pub async fn watch(database: Arc<Database>, metrics: Arc<Metrics>) {
    let live = metrics.live();
    let all = (0..=database.replicas.len()).map(|number| watch_one(&database, number, live));
    futures_util::future::join_all(all).await;
}

/// `number` 0 is the database itself, then its replicas.
async fn watch_one(database: &Database, number: usize, live: &Live) {
    let name = match number {
        0 => "from".to_owned(),
        number => format!("replica-{number}"),
    };
    let server = match number.checked_sub(1) {
        None => &database.primary,
        Some(n) => &database.replicas[n],
    };
    let mut warned = false;
    loop {
        // One that does not answer is found out by who asks it for rows.
        let answer = server.snapshot(ASKED, &[]).await;
        if answer.is_err() {
            live.standby(&name, None);
        }
        if let Ok((as_of, rows)) = answer {
            let is_standby = rows.first().is_some_and(|row| row.get(0));
            let age: f64 = rows.first().map_or(0.0, |row| row.get(1));
            let behind = match number {
                0 if is_standby => Some(Behind {
                    commits: None,
                    for_so_long: Duration::try_from_secs_f64(age).unwrap_or_default(),
                }),
                0 => None,
                _ => database.commits.behind(as_of.commit, Instant::now()),
            };
            server.set_behind(behind);
            let lag = Lag {
                time: behind.map_or(Duration::ZERO, |b| b.for_so_long),
                commits: behind.map_or(Some(0), |b| b.commits),
            };
            live.standby(&name, (number > 0 || is_standby).then_some(lag));
            let long = behind.is_some_and(|b| b.for_so_long >= LONG && b.commits.is_some());
            if long && !std::mem::replace(&mut warned, true) {
                let seconds = behind.map_or(0, |b| b.for_so_long.as_secs());
                tracing::warn!(
                    event = "replica_behind",
                    replica = number,
                    seconds,
                    "a replica shows an older commit than the database"
                );
            }
            if !long && std::mem::take(&mut warned) {
                tracing::info!(
                    event = "replica_back",
                    replica = number,
                    "the replica has caught up"
                );
            }
        }
        tokio::time::sleep(EVERY).await;
    }
}

impl Database {
    /// What is to be said of servers that are behind, a line each.
    pub(crate) fn standbys(&self) -> Vec<String> {
        let replicas = self.replicas.iter().enumerate();
        let own = self.primary.behind().map(|b| {
            let seconds = b.for_so_long.as_secs_f64();
            format!("--from is a standby: its last transaction is {seconds:.1} s old")
        });
        let lines = replicas.filter_map(|(n, server)| {
            let behind = server.behind()?;
            let (commits, seconds) = (behind.commits?, behind.for_so_long.as_secs_f64());
            Some(format!(
                "replica {} is {commits} commits behind, for {seconds:.1} s",
                n + 1
            ))
        });
        own.into_iter().chain(lines).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_is_behind_since_the_first_commit_it_has_not() {
        let (commits, start) = (Commits::default(), Instant::now());
        let at = |s| start + Duration::from_secs(s);
        assert_eq!(commits.behind(0, at(0)), None, "nothing is known");
        for (commit, second) in [(5, 1), (6, 2), (6, 3), (9, 4)] {
            commits.shown(commit, at(second));
        }
        assert_eq!(commits.behind(9, at(60)), None, "a quiet database");
        let behind = commits.behind(5, at(60)).unwrap();
        assert_eq!(
            (behind.commits, behind.for_so_long),
            (Some(4), Duration::from_secs(58))
        );
        assert_eq!(commits.behind(10, at(60)), None);
    }
}
