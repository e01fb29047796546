//! What a database must have, as a list: each step is a statement, and is in the list only if it is needed.
//!
//! ```text
//! missing(database, queries) ──► steps ──┬──► a start: makes what is missing; ends where a table would have to be altered
//!                                      └──► `standings upgrade`: prints them, or does all of them in one transaction
//! ```
//!
//! 1. A start never alters a table that is there, and asks for no right that it does not need: where nothing is missing
//!    it writes rows and nothing else.
//! 2. A step that was done is not in the next list.

use std::fmt;

use tokio_postgres::GenericClient;
use tokio_postgres::error::SqlState;

use super::identity;
use super::tables::Names;
use super::trouble;
use standings_commit::database::Trouble;
use standings_model::plan::{Field, Plan, Ranking};
use standings_model::time::DAY;
use standings_model::window::Window;
use standings_postgres::{PostgresError, Unnamed, describe, fields, quoted, sql_type};

/// One thing that a database lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The table (or view) that it is about.
    pub table: String,
    /// Why it is needed, for a person.
    pub why: String,
    /// The statements, each ended by a semicolon.
    pub sql: String,
    /// Changes a table that is there: only `standings upgrade` does that.
    pub is_alter: bool,
}

/// As SQL with a comment.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "-- {}: {}\n{}", self.table, self.why, self.sql)
    }
}

/// Made with the column `begins` since it was added.
const COMMIT: &str = "(
  id boolean PRIMARY KEY DEFAULT true CHECK (id),
  commit bigint NOT NULL,
  generation bigint NOT NULL,
  offsets jsonb NOT NULL,
  watermark timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now(),
  begins jsonb NOT NULL DEFAULT '{}'
);";

/// What the database lacks for these queries, whose tables, where they are there, have the right shape. Reads the catalog, and nothing else.
pub async fn missing(
    client: &impl GenericClient,
    names: &Names,
    plan: &Plan,
) -> Result<Vec<Step>, Trouble> {
    let mut steps = Vec::new();
    let commit = names.table("standings_commit");
    if !is_there(client, &commit).await? {
        let sql = format!("CREATE TABLE {commit} {COMMIT}");
        steps.push(Step::make("standings_commit", &sql));
    } else if !has_column(client, &commit, "begins").await? {
        steps.push(Step {
            table: "standings_commit".to_owned(),
            why: "an older version made it without `begins`, the offsets that reading began at"
                .to_owned(),
            sql: format!("ALTER TABLE {commit} ADD COLUMN begins jsonb NOT NULL DEFAULT '{{}}';"),
            is_alter: true,
        });
    }
    for (name, sql) in identity::ddl(names) {
        if !is_there(client, &names.table(name)).await? {
            steps.push(Step::make(name, &sql));
        }
    }
    for ranking in &plan.rankings {
        if !is_there(client, &names.table(&ranking.name)).await? {
            let sql = ranking_table(names, ranking);
            steps.push(Step::make(&ranking.name, &sql));
        } else if has_nullable_key(ranking) {
            steps.extend(nullable_key(client, names, ranking).await?);
        }
        if let Some((name, sql)) = view(names, ranking)
            && !is_there(client, &names.table(name)).await?
        {
            steps.push(Step::make(name, &sql));
        }
    }
    Ok(steps)
}

/// Makes what is missing, within the present transaction; an error if a table would have to be altered, or if the role
/// may not make one.
pub async fn make(client: &impl GenericClient, names: &Names, plan: &Plan) -> Result<(), Trouble> {
    let steps = missing(client, names, plan).await?;
    if let Some(step) = steps.iter().find(|s| s.is_alter) {
        return Err(PostgresError::Older {
            table: step.table.clone(),
            why: step.why.clone(),
        }
        .into());
    }
    for step in steps {
        let Err(error) = client.batch_execute(&step.sql).await else {
            continue;
        };
        if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) {
            return Err(PostgresError::MayNotMake {
                table: step.table,
                problem: describe(&error),
            }
            .into());
        }
        return Err(trouble(error));
    }
    Ok(())
}

impl Step {
    /// Something that is not there.
    pub fn make(table: &str, sql: &str) -> Self {
        Step {
            table: table.to_owned(),
            why: "it is not there".to_owned(),
            sql: sql.to_owned(),
            is_alter: false,
        }
    }
}

/// Whether there is a table, view or index of this (quoted) name.
pub async fn is_there(client: &impl GenericClient, name: &str) -> Result<bool, Trouble> {
    let sql = "SELECT to_regclass($1) IS NOT NULL";
    Ok(client.ask_one(sql, &[&name]).await.map_err(trouble)?.get(0))
}

async fn has_column(
    client: &impl GenericClient,
    table: &str,
    column: &str,
) -> Result<bool, Trouble> {
    let sql = "SELECT EXISTS (SELECT FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attname = $2 AND attnum > 0 AND NOT attisdropped)";
    Ok(client
        .ask_one(sql, &[&table, &column])
        .await
        .map_err(trouble)?
        .get(0))
}

/// Whether some group key may be NULL.
pub fn has_nullable_key(ranking: &Ranking) -> bool {
    (0..ranking.keys.len()).any(|i| ranking.field_type(Field::Key(i)).1)
}

/// The columns of a row's key that are of its window. Of all time there is none: but where there is no group key either, the
/// start, which is NULL in the one row that there is.
pub fn of_window(ranking: &Ranking) -> &'static [&'static str] {
    match ranking.window.named_by() {
        [] if ranking.keys.is_empty() => &["window_start"],
        names => names,
    }
}

/// The columns of a row's key.
pub fn key_columns(ranking: &Ranking) -> String {
    let of_window = of_window(ranking).iter().map(|name| (*name).to_owned());
    let keys = ranking.keys.iter().map(|k| quoted(&k.name));
    of_window.chain(keys).collect::<Vec<_>>().join(", ")
}

/// What a table lacks that is keyed as if no group key could be NULL; nothing if it is not.
async fn nullable_key(
    client: &impl GenericClient,
    names: &Names,
    ranking: &Ranking,
) -> Result<Option<Step>, Trouble> {
    let name = names.table(&ranking.name);
    let asked = "SELECT conname::text FROM pg_constraint WHERE conrelid = to_regclass($1) AND contype = 'p'";
    let found = client.ask_opt(asked, &[&name]).await.map_err(trouble)?;
    let Some(row) = found else {
        return Ok(None);
    };
    let constraint: String = row.get(0);
    let keys = (0..ranking.keys.len()).map(Field::Key);
    let nullable: Vec<&str> = keys
        .filter(|key| ranking.field_type(*key).1)
        .map(|key| ranking.field_name(key))
        .collect();
    let drops = nullable.iter().map(|key| {
        let key = quoted(key);
        format!("ALTER TABLE {name} ALTER COLUMN {key} DROP NOT NULL;\n")
    });
    let sql = format!(
        "ALTER TABLE {name} DROP CONSTRAINT {};\n{}ALTER TABLE {name} ADD UNIQUE NULLS NOT DISTINCT ({});",
        quoted(&constraint),
        drops.collect::<String>(),
        key_columns(ranking),
    );
    Ok(Some(Step {
        table: ranking.name.clone(),
        why: format!(
            "its key cannot hold NULL, which is a group now where CREATE TABLE does not say NOT NULL (here of {}); a table \
             that says NOT NULL has the old key, and a record without a value is a dead letter as before",
            nullable.join(", ")
        ),
        sql,
        is_alter: true,
    }))
}

/// Names and types of a ranking's table.
pub fn columns(ranking: &Ranking) -> Vec<(String, String)> {
    let fixed = |all: &[(&str, &str)]| -> Vec<(String, String)> {
        let owned = |(name, kind): &(&str, &str)| ((*name).to_owned(), (*kind).to_owned());
        all.iter().map(owned).collect()
    };
    let mut columns = fixed(&[
        ("window_start", "timestamptz"),
        ("window_end", "timestamptz"),
        ("rank", "integer"),
    ]);
    for field in fields(ranking) {
        columns.push((
            ranking.field_name(field).to_owned(),
            sql_type(ranking, field),
        ));
    }
    columns.extend(fixed(&[
        ("final", "boolean"),
        ("commit", "bigint"),
        ("updated_at", "timestamptz"),
    ]));
    columns
}

fn ranking_table(names: &Names, ranking: &Ranking) -> String {
    let list: Vec<String> = columns(ranking)
        .iter()
        .map(|(n, t)| format!("{} {t}", quoted(n)))
        .collect();
    let name = names.table(&ranking.name);
    let index = quoted(&format!("{}_rank", ranking.name));
    // NULL is a group like any other: two rows of it would be two of one key.
    let is_one_row = ranking.window.is_always() && ranking.keys.is_empty();
    let key = match is_one_row || has_nullable_key(ranking) {
        true => "UNIQUE NULLS NOT DISTINCT",
        false => "PRIMARY KEY",
    };
    format!(
        "CREATE TABLE {name} ({}, {key} ({}));\nCREATE INDEX {index} ON {name} (window_start, rank);",
        list.join(", "),
        key_columns(ranking)
    )
}

/// The plain day shape that dashboards expect, for the shipped rankings: the view's name, and how it is made.
fn view(names: &Names, ranking: &Ranking) -> Option<(&'static str, String)> {
    let (view, columns): (&str, &[&str]) = match ranking.name.as_str() {
        "top_sales_per_city" => (
            "top_sales_by_city_daily",
            &[
                "city",
                "total_sales",
                "transaction_count",
                "avg_sale",
                "max_sale",
            ],
        ),
        "top_salesmen" => (
            "top_salesmen_daily",
            &[
                "salesman_id",
                "salesman_name",
                "total_sales",
                "deals_closed",
                "avg_deal_size",
                "cities_covered",
            ],
        ),
        _ => return None,
    };
    let fields: Vec<&str> = fields(ranking)
        .into_iter()
        .map(|f| ranking.field_name(f))
        .collect();
    let is_daily = ranking.window == Window::tumbling(DAY);
    if !is_daily || !columns.iter().all(|c| fields.contains(c)) {
        return None;
    }
    let sql = format!(
        "CREATE VIEW {} AS SELECT (window_start AT TIME ZONE 'UTC')::date AS date, {}, rank FROM {};",
        names.table(view),
        columns.join(", "),
        names.table(&ranking.name)
    );
    Some((view, sql))
}
