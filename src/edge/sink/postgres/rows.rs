//! A commit's rows: batched upserts and deletes.

use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Statement};

use super::tables::Names;
use super::timestamp;
use super::trouble;
use standings_commit::database::Trouble;
use standings_model::change::{Change, Commit};
use standings_model::plan::{Field, Plan, Ranking};
use standings_postgres::{fields, is_pooled, quoted, rank, sql_type, text};

/// Rows of one statement at most.
pub const CHUNK: usize = 5000;

/// A ranking's statements on one connection. Values travel as arrays of text, one per column.
pub struct Statements {
    upsert: Way,
    delete: Way,
}

/// How a statement gets to the server.
enum Way {
    /// It is there already.
    Prepared(Statement),
    /// Whole, each time: the next transaction may be on another connection of a pooler.
    Whole(String, Vec<Type>),
}

impl Way {
    async fn new(
        client: &Client,
        pooled: bool,
        sql: String,
        types: Vec<Type>,
    ) -> Result<Self, Error> {
        Ok(match pooled {
            true => Way::Whole(sql, types),
            false => Way::Prepared(client.prepare_typed(&sql, &types).await?),
        })
    }

    async fn go(&self, client: &Client, values: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
        match self {
            Way::Prepared(statement) => client.execute(statement, values).await,
            Way::Whole(sql, types) => {
                let typed = values.iter().copied().zip(types.iter().cloned());
                let typed: Vec<(&(dyn ToSql + Sync), Type)> = typed.collect();
                client.execute_typed(sql, &typed).await
            }
        }
    }
}

/// Prepares every ranking's statements.
pub async fn prepare(
    client: &Client,
    names: &Names,
    plan: &Plan,
) -> Result<Vec<Statements>, Trouble> {
    let pooled = is_pooled(client).await.map_err(trouble)?;
    if pooled {
        tracing::debug!(
            event = "sink_pooled",
            "a pooler is between: statements are sent whole"
        );
    }
    let mut all = Vec::new();
    for ranking in &plan.rankings {
        let table = names.table(&ranking.name);
        let columns = fields(ranking).into_iter();
        let columns = columns.map(|f| (quoted(ranking.field_name(f)), sql_type(ranking, f)));
        let columns: Vec<(String, String)> = columns.collect();
        let list: String = columns.iter().map(|(n, _)| format!(", {n}")).collect();
        let casts: String = columns
            .iter()
            .enumerate()
            .map(|(i, (_, t))| format!(", c{i}::{t}"))
            .collect();
        let inputs: String = (0..columns.len())
            .map(|i| format!(", ${}::text[]", i + 5))
            .collect();
        let aliases: String = (0..columns.len()).map(|i| format!(", c{i}")).collect();
        let keys: Vec<&(String, String)> = columns.iter().take(ranking.keys.len()).collect();
        let conflict: String = keys.iter().map(|(n, _)| format!(", {n}")).collect();
        let sets: String = columns
            .iter()
            .skip(keys.len())
            .map(|(n, _)| format!(", {n} = excluded.{n}"))
            .collect();
        // What a row is: the columns that name its window, then the keys.
        let window = ranking.window.named_by();
        let (of_conflict, commit) = (window.join(", "), columns.len() + 5);
        let upsert = format!(
            "INSERT INTO {table} (window_start, window_end, rank, final{list}, commit, updated_at)
             SELECT s::timestamptz, e::timestamptz, r::integer, f::boolean{casts}, ${commit}::bigint, now()
             FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]{inputs}) AS u(s, e, r, f{aliases})
             ON CONFLICT ({of_conflict}{conflict}) DO UPDATE SET window_end = excluded.window_end, rank = excluded.rank,
               final = excluded.final{sets}, commit = excluded.commit, updated_at = excluded.updated_at"
        );
        // What is equal is found by the index; NULL is equal to nothing, and asked for only where it may be.
        let nullable = |i: usize| ranking.field_type(Field::Key(i)).1;
        let of_keys = keys.iter().enumerate();
        let of_keys = of_keys.map(|(i, (name, kind))| (name.as_str(), kind.as_str(), nullable(i)));
        let of_window = window.iter().map(|name| (*name, "timestamptz", false));
        let of_row: Vec<(&str, &str, bool)> = of_window.chain(of_keys).collect();
        let each = |part: &dyn Fn(usize, &str, &str, bool) -> String, between: &str| {
            let parts = of_row.iter().enumerate();
            let parts = parts.map(|(i, (n, t, null))| part(i, n, t, *null));
            parts.collect::<Vec<String>>().join(between)
        };
        let delete = format!(
            "DELETE FROM {table} t USING unnest({}) AS u({}) WHERE {}",
            each(&|i, _, _, _| format!("${}::text[]", i + 1), ", "),
            each(&|i, _, _, _| format!("c{i}"), ", "),
            each(
                &|i, n, t, null| match null {
                    true => format!("t.{n} IS NOT DISTINCT FROM u.c{i}::{t}"),
                    false => format!("t.{n} = u.c{i}::{t}"),
                },
                " AND "
            )
        );
        let mut of_upsert = vec![Type::TEXT_ARRAY; 4 + columns.len()];
        of_upsert.push(Type::INT8);
        let of_delete = vec![Type::TEXT_ARRAY; of_row.len()];
        all.push(Statements {
            upsert: Way::new(client, pooled, upsert, of_upsert)
                .await
                .map_err(trouble)?,
            delete: Way::new(client, pooled, delete, of_delete)
                .await
                .map_err(trouble)?,
        });
    }
    Ok(all)
}

/// How many answers the rows of a commit count for.
pub fn pieces(commit: &Commit) -> usize {
    1 + commit.changes.len() / CHUNK
}

/// Writes a commit's rows, within the present transaction; whether the server says that it wrote all of them.
pub async fn write(
    client: &Client,
    statements: &[Statements],
    plan: &Plan,
    commit: &Commit,
) -> Result<bool, Error> {
    let mut all = true;
    for (index, ranking) in plan.rankings.iter().enumerate() {
        let (upserts, deletes): (Vec<&Change>, Vec<&Change>) = commit
            .changes
            .iter()
            .filter(|c| c.ranking == index)
            .partition(|c| c.rank.is_some());
        for chunk in deletes.chunks(CHUNK) {
            delete(client, &statements[index], ranking, chunk).await?;
        }
        for chunk in upserts.chunks(CHUNK) {
            let written = upsert(client, &statements[index], ranking, chunk, commit.number).await?;
            all &= written >= chunk.len() as u64;
        }
    }
    Ok(all)
}

/// Deletes rows of one ranking; how many there were.
pub async fn delete(
    client: &Client,
    statements: &Statements,
    ranking: &Ranking,
    chunk: &[&Change],
) -> Result<u64, Error> {
    let mut columns = vec![column(chunk, |c| Some(timestamp(c.window_start)))];
    if !ranking.window.is_named_by_start() {
        columns.push(column(chunk, |c| Some(timestamp(c.window_end))));
    }
    for key in 0..ranking.keys.len() {
        columns.push(column(chunk, |c| text(&c.key[key])));
    }
    let parameters: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| c as _).collect();
    statements.delete.go(client, &parameters).await
}

/// Writes rows of one ranking; how many the server wrote.
pub async fn upsert(
    client: &Client,
    statements: &Statements,
    ranking: &Ranking,
    chunk: &[&Change],
    number: u64,
) -> Result<u64, Error> {
    let number = number as i64;
    let mut columns = vec![
        column(chunk, |c| Some(timestamp(c.window_start))),
        column(chunk, |c| Some(timestamp(c.window_end))),
        column(chunk, |c| rank(c.rank)),
        column(chunk, |c| Some(c.is_final.to_string())),
    ];
    for field in fields(ranking) {
        columns.push(column(chunk, |c| match field {
            Field::Key(i) => text(&c.key[i]),
            Field::Measure(i) => text(&c.measures[i]),
        }));
    }
    let mut parameters: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| c as _).collect();
    parameters.push(&number);
    statements.upsert.go(client, &parameters).await
}

fn column(changes: &[&Change], value: impl Fn(&Change) -> Option<String>) -> Vec<Option<String>> {
    changes.iter().map(|c| value(c)).collect()
}
