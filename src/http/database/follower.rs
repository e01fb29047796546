//! Follows the primary's commits: what a new one touched is read again and compared with what was there.
//!
//! 1. What was read is of one snapshot, so a step shows one commit whole; commits that came between two looks are one
//!    step, with the number of the last.
//! 2. Each second it is tried whether every table can be read as the queries want it. What is wrong is told by `/readyz`, as
//!    long as no replica can answer instead.
//! 3. Only the newest [`WINDOWS`] windows of a ranking are followed; a correction of an older one is seen in its rows,
//!    and not as a change.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::code;
use super::read::{Placed, columns, row};
use super::{Database, told, words};
use crate::board::{Key, Told};
use crate::error::HttpError;
use crate::watch::Shown;
use standings_commit::database::Trouble;
use standings_model::change::{Change, Commit};
use standings_model::plan::{Plan, Ranking};
use standings_model::time::format_rfc3339;
use standings_model::window::Bounds;
use standings_postgres::{Parameter, quoted};
use standings_process::exit;

/// Windows followed, by ranking.
const WINDOWS: i64 = 200;

/// How often it is tried whether the tables can be read.
const TRY: Duration = Duration::from_secs(1);

/// Follows until the process ends.
pub async fn follow(database: Arc<Database>, shown: Arc<Shown>, every: Duration) {
    let mut begun = false;
    let mut warned = false;
    let mut tried: Option<Instant> = None;
    let tables = tables(&shown.plan);
    loop {
        let due = tried.is_none_or(|at| at.elapsed() >= TRY);
        let question = if due { &tables } else { "SELECT 1" };
        match step(&database, &shown, question, !begun).await {
            Ok(()) => {
                if due {
                    tried = Some(Instant::now());
                    shown.set_trouble(None);
                }
                if !std::mem::replace(&mut begun, true) {
                    shown.set_ready();
                }
                if std::mem::take(&mut warned) {
                    tracing::info!(event = "follower_back", "the database is followed again");
                }
            }
            Err(trouble) => {
                tried = None;
                let problem = words(&trouble);
                shown.set_trouble(match database.is_elsewhere(&tables).await {
                    true => None,
                    false => Some(format!("{} [{}]", told(&problem), code(&trouble).id)),
                });
                if !std::mem::replace(&mut warned, true) {
                    let likely = likely(&problem);
                    tracing::warn!(
                        event = "follower_waiting",
                        problem,
                        code = code(&trouble).id,
                        likely,
                        "the database cannot be followed now; it is tried again"
                    );
                }
                tokio::time::sleep(every.max(Duration::from_millis(500))).await;
            }
        }
        tokio::time::sleep(every).await;
    }
}

/// What is probably to be done about it.
fn likely(problem: &str) -> Option<&'static str> {
    // A table that is missing.
    problem.contains("(42P01)").then_some(
        "no run has written here yet: `standings run --sink URL` of this database, with the same --queries, makes the tables",
    )
}

/// Nothing of every table, by all columns that are read of it.
fn tables(plan: &Plan) -> String {
    let of = |(number, ranking): (usize, &Ranking)| {
        let (columns, table) = (columns(ranking), quoted(&ranking.name));
        format!("SELECT 1 FROM (SELECT {columns} FROM {table} LIMIT 0) AS r{number}")
    };
    let all: Vec<String> = plan.rankings.iter().enumerate().map(of).collect();
    match all.is_empty() {
        true => "SELECT 1".to_owned(),
        false => all.join(" UNION ALL "),
    }
}

impl Database {
    /// Whether a replica can be read.
    async fn is_elsewhere(&self, tables: &str) -> bool {
        for server in &self.replicas {
            if !server.is_away() && server.snapshot(tables, &[]).await.is_ok() {
                return true;
            }
        }
        false
    }
}

/// The rows of a ranking that a step reads: all windows that are followed, or those that were touched after a commit.
fn question(ranking: &Ranking) -> String {
    let (columns, table) = (columns(ranking), quoted(&ranking.name));
    if ranking.window.is_always() {
        // All of it, whatever is asked.
        return format!(
            "SELECT {columns} FROM {table} WHERE $1::bigint IS NOT NULL OR $2::text IS NULL"
        );
    }
    format!(
        "SELECT {columns} FROM {table} WHERE window_start IN (
           SELECT DISTINCT window_start FROM {table} WHERE commit > $1 AND window_start >= coalesce(
             $2::text::timestamptz,
             (SELECT min(w) FROM (SELECT DISTINCT window_start AS w FROM {table} ORDER BY w DESC LIMIT {WINDOWS}) AS newest),
             '-infinity'))"
    )
}

async fn step(
    database: &Database,
    shown: &Shown,
    question_of_tables: &str,
    first: bool,
) -> Result<(), Trouble> {
    let (plan, server) = (&shown.plan, &database.primary);
    let before = shown.board.view(|view| view.as_of().commit);
    let (now, _) = server.snapshot(question_of_tables, &[]).await?;
    database.commits.shown(now.commit, Instant::now());
    if now.commit < before {
        let now = now.commit;
        exit::now(&HttpError::WentBack { before, now }.into());
    }
    if now.commit == before && !first {
        return Ok(());
    }
    // Each ranking is read in a snapshot of its own; only together they are a step if they are of one commit.
    let mut as_of = None;
    let mut changes = Vec::new();
    for (number, ranking) in plan.rankings.iter().enumerate() {
        let windows = shown.board.view(|view| view.windows(number));
        let followed = usize::try_from(WINDOWS).unwrap_or(usize::MAX);
        let oldest = windows.get(followed - 1);
        let oldest = oldest.and_then(|w| w.bounds.shown());
        let oldest: Option<String> = oldest.map(|bounds| format_rfc3339(bounds.start));
        let after = if first {
            -1
        } else {
            i64::try_from(before).unwrap_or(i64::MAX)
        };
        let parameters: [&dyn Parameter; 2] = [&after, &oldest];
        let (of, records) = server.snapshot(&question(ranking), &parameters).await?;
        if as_of.get_or_insert_with(|| of.clone()) != &of {
            // A commit came in between: look again at once.
            return Ok(());
        }
        let rows: Option<Vec<Placed>> = records.iter().map(|r| row(ranking, r)).collect();
        let foreign = || {
            Trouble::Passing(format!(
                "{} holds what standings does not write",
                ranking.name
            ))
        };
        compare(shown, number, rows.ok_or_else(foreign)?, &mut changes);
    }
    let Some(as_of) = as_of else {
        return Ok(());
    };
    let commit = Commit {
        number: if first { 0 } else { as_of.commit },
        changes: Arc::new(changes),
        offsets: as_of.offsets.iter().copied().collect(),
        watermark: as_of.watermark,
        watermarks: as_of.offsets.iter().map(|(p, _)| (*p, None)).collect(),
        ..Commit::default()
    };
    shown
        .metrics
        .observe_commit(&commit, plan, SystemTime::now());
    if first {
        shown.board.goes_on(as_of.commit);
    }
    shown.board.apply(plan, Told::of(&commit));
    Ok(())
}

/// The difference between the board's rows and those that were read, of the windows that were read.
fn compare(shown: &Shown, number: usize, rows: Vec<Placed>, changes: &mut Vec<Change>) {
    let mut windows: BTreeMap<Bounds, Vec<Placed>> = BTreeMap::new();
    for placed in rows {
        windows.entry(placed.0.bounds).or_default().push(placed);
    }
    for (bounds, mut placed) in windows {
        let old = shown
            .board
            .view(|view| view.rows(number, bounds, usize::MAX));
        let old: HashMap<Key, _> = old
            .into_iter()
            .flat_map(|(_, rows)| rows)
            .map(|row| (Key::clone(&row.key), row))
            .collect();
        let is_final = placed.iter().any(|(w, _)| w.is_final);
        let stay: HashSet<Key> = placed.iter().map(|(_, r)| Key::clone(&r.key)).collect();
        let template = Change {
            ranking: number,
            window_start: bounds.start,
            window_end: bounds.end,
            key: Key::from([]),
            rank: None,
            previous_rank: None,
            measures: Arc::from([]),
            is_final,
        };
        let mut gone: Vec<_> = old.values().filter(|r| !stay.contains(&r.key)).collect();
        gone.sort_unstable_by_key(|r| r.rank);
        changes.extend(gone.into_iter().map(|row| Change {
            key: Key::clone(&row.key),
            previous_rank: Some(row.rank),
            ..template.clone()
        }));
        placed.sort_unstable_by_key(|(_, r)| r.rank);
        for (_, row) in placed {
            let before = old.get(&row.key);
            let same = |b: &crate::board::Row| {
                (b.rank, &b.measures, b.is_final) == (row.rank, &row.measures, row.is_final)
            };
            if before.is_some_and(same) {
                continue;
            }
            changes.push(Change {
                rank: Some(row.rank),
                previous_rank: before.map(|b| b.rank),
                key: row.key,
                measures: row.measures,
                is_final: row.is_final,
                ..template.clone()
            });
        }
    }
}
