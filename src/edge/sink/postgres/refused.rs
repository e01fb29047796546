//! How the rows of a commit are written that can be, where the server refuses some: each part behind a savepoint, found
//! by [halving](Halving). Only after a commit's rows were tried all at once and failed, at once or when the transaction was
//! to end: what is looked at only then (a deferred constraint) is looked at with each row here.

use tokio_postgres::Client;

use super::rows::{self, CHUNK, Statements};
use super::trouble;
use standings_commit::database::Trouble;
use standings_commit::halving::Halving;
use standings_commit::kind::Kind;
use standings_commit::refused::Refused;
use standings_model::change::{Change, Commit};
use standings_model::plan::Plan;
use standings_model::reject::Refusal;
use standings_postgres::{describe, errors};

/// Writes those of a commit's rows that can be, within the present transaction; the others.
pub async fn write(
    client: &Client,
    statements: &[Statements],
    plan: &Plan,
    commit: &Commit,
) -> Result<Vec<Refused>, Trouble> {
    let mut refused = Vec::new();
    client
        .batch_execute("SET CONSTRAINTS ALL IMMEDIATE")
        .await
        .map_err(trouble)?;
    for (index, ranking) in plan.rankings.iter().enumerate() {
        let statements = &statements[index];
        let of_ranking = commit.changes.iter().filter(|c| c.ranking == index);
        let (upserts, deletes): (Vec<&Change>, Vec<&Change>) =
            of_ranking.partition(|c| c.rank.is_some());
        let mut parts: Vec<&[&Change]> = upserts.rchunks(CHUNK).collect();
        parts.extend(deletes.rchunks(CHUNK));
        let mut halving = Halving::new(parts);
        while let Some(part) = halving.next_part() {
            let is_delete = part.first().is_some_and(|c| c.rank.is_none());
            client
                .batch_execute("SAVEPOINT part")
                .await
                .map_err(trouble)?;
            let done = match is_delete {
                // A row that is not there was refused before.
                true => rows::delete(client, statements, ranking, part)
                    .await
                    .map(|_| part.len() as u64),
                false => rows::upsert(client, statements, ranking, part, commit.number).await,
            };
            let (problem, reason) = match done {
                Ok(n) if n >= part.len() as u64 => {
                    client.batch_execute("RELEASE SAVEPOINT part").await.map_err(trouble)?;
                    continue;
                }
                Ok(_) => (
                    "the server did not write it, and gave no error: a trigger or a rule of the table leaves it out"
                        .to_owned(),
                    Refusal::Trigger,
                ),
                Err(e) if errors::kind(&e) == Kind::Row => (describe(&e), errors::refusal(&e)),
                Err(e) => return Err(trouble(e)),
            };
            client
                .batch_execute("ROLLBACK TO SAVEPOINT part; RELEASE SAVEPOINT part")
                .await
                .map_err(trouble)?;
            let alone = halving.refuse(part, &problem, reason);
            if let Some(change) = alone.filter(|_| !is_delete) {
                forget(client, statements, ranking, change).await?;
            }
        }
        refused.extend(halving.refused());
    }
    Ok(refused)
}

/// Deletes what the table still shows of a row that is refused, if that can be.
async fn forget(
    client: &Client,
    statements: &Statements,
    ranking: &standings_model::plan::Ranking,
    change: &Change,
) -> Result<(), Trouble> {
    client
        .batch_execute("SAVEPOINT stale")
        .await
        .map_err(trouble)?;
    let end = match rows::delete(client, statements, ranking, &[change]).await {
        Ok(_) => "RELEASE SAVEPOINT stale",
        Err(e) if errors::kind(&e) == Kind::Row => {
            "ROLLBACK TO SAVEPOINT stale; RELEASE SAVEPOINT stale"
        }
        Err(e) => return Err(trouble(e)),
    };
    client.batch_execute(end).await.map_err(trouble)
}
