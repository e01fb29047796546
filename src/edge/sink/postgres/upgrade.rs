//! `standings upgrade` for Postgres: all steps that are missing, in one transaction.

use tokio_postgres::{Client, Transaction};

use super::PostgresSink;
use super::layout::{self, Step};
use super::tables::{self, Names};
use super::trouble;
use standings_commit::database::Trouble;
use standings_commit::sink::SinkError;
use standings_model::plan::Plan;
use standings_postgres::quoted;

/// How a table of this whole name is made.
pub type Made = fn(&str) -> String;

/// What is asked for.
pub struct Wanted<'a> {
    /// The rankings whose tables are wanted too; none for what does not depend on queries.
    pub plan: &'a Plan,
    /// Tables of others that a database has beside the rankings: their names, and how they are made under a whole name.
    pub more: &'a [(&'a str, Made)],
    /// Who is to write what is made.
    pub grant: Option<&'a str>,
    /// Only say it.
    pub dry_run: bool,
}

impl PostgresSink {
    /// Does what is missing, all or nothing; what that was, in order.
    pub fn upgrade(&mut self, wanted: &Wanted<'_>) -> Result<Vec<Step>, SinkError> {
        self.0.persist(|postgres| {
            postgres.runtime.block_on(async {
                let mut client = postgres.target.connect().await?;
                upgrade(&mut client, wanted).await
            })
        })
    }
}

async fn upgrade(client: &mut Client, wanted: &Wanted<'_>) -> Result<Vec<Step>, Trouble> {
    let transaction = client.transaction().await.map_err(trouble)?;
    if !wanted.dry_run {
        // As a start: one after the other, and never behind a reader for long.
        transaction
            .batch_execute(
                "SET LOCAL lock_timeout = '2s'; SELECT pg_advisory_xact_lock(7302117416943)",
            )
            .await
            .map_err(trouble)?;
    }
    let steps = steps(&transaction, wanted).await?;
    if !wanted.dry_run {
        for step in &steps {
            transaction
                .batch_execute(&step.sql)
                .await
                .map_err(trouble)?;
        }
        transaction.commit().await.map_err(trouble)?;
    }
    Ok(steps)
}

async fn steps(transaction: &Transaction<'_>, wanted: &Wanted<'_>) -> Result<Vec<Step>, Trouble> {
    let names = Names::find(transaction).await?;
    tables::check(transaction, &names, wanted.plan).await?;
    let mut steps = layout::missing(transaction, &names, wanted.plan).await?;
    for (name, sql) in wanted.more {
        let table = names.table(name);
        if !layout::is_there(transaction, &table).await? {
            steps.push(Step::make(name, &format!("{};", sql(&table))));
        }
    }
    if let Some(role) = wanted.grant {
        for step in steps.iter_mut().filter(|s| !s.is_alter) {
            let (table, role) = (names.table(&step.table), quoted(role));
            step.sql += &format!("\nGRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role};");
        }
    }
    Ok(steps)
}
