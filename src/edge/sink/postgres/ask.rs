//! What a database says of itself when it is asked and nothing more: what a start would fail by, and what its rows may
//! hold.

use std::time::Duration;

use tokio_postgres::Client;

use super::tables::{self, Names};
use super::trouble;
use super::{PostgresSink, identity, layout};
use standings_commit::database::Trouble;
use standings_commit::sink::SinkError;
use standings_model::identity::Opening;
use standings_model::plan::{Plan, Ranking};
use standings_postgres::PostgresError;
use standings_postgres::Unnamed;

/// A database on which this fails would fail a run.
const SETTINGS: &str =
    "SELECT current_setting('server_version'), current_setting('server_encoding'),
    (SELECT datcollate::text FROM pg_database WHERE datname = current_database()),
    current_setting('transaction_read_only') = 'on' OR pg_is_in_recovery(), current_user::text,
    has_schema_privilege($1, 'CREATE')";

impl PostgresSink {
    /// Asks once, for so long at most; what it says, for a person.
    pub fn ask(
        &mut self,
        plan: &Plan,
        opening: &Opening,
        patience: Duration,
    ) -> Result<Vec<String>, SinkError> {
        let asked = self.at_once(patience, async |client| {
            let names = Names::find(client).await?;
            let found = identity::find(client, &names, plan).await?;
            let said = said(client, &names, plan).await?;
            Ok((found, said))
        });
        let (found, said) = asked?;
        self.0.compare(&found, opening)?;
        Ok(said)
    }
}

async fn said(client: &Client, names: &Names, plan: &Plan) -> Result<Vec<String>, Trouble> {
    let row = client
        .ask_one(SETTINGS, &[&names.schema()])
        .await
        .map_err(trouble)?;
    let (version, encoding): (String, String) = (row.get(0), row.get(1));
    let collation: Option<String> = row.get(2);
    let (read_only, role, may_make): (bool, String, bool) = (row.get(3), row.get(4), row.get(5));
    if read_only {
        return Err(PostgresError::ReadOnly.into());
    }
    tables::check(client, names, plan).await?;
    let missing = layout::missing(client, names, plan).await?;
    if let Some(step) = missing.iter().find(|s| s.is_alter) {
        return Err(PostgresError::WouldBeAltered {
            table: step.table.clone(),
            why: step.why.clone(),
        }
        .into());
    }
    let missing: Vec<&str> = missing.iter().map(|s| s.table.as_str()).collect();
    if !missing.is_empty() && !may_make {
        return Err(PostgresError::MightNotMake {
            tables: missing.into_iter().map(str::to_owned).collect(),
            schema: names.schema().to_owned(),
            role,
        }
        .into());
    }
    let own = [
        "standings_commit",
        "standings_identity",
        "standings_rankings",
    ];
    let rankings = plan.rankings.iter().map(|r| r.name.as_str());
    for name in own
        .into_iter()
        .chain(rankings)
        .filter(|n| !missing.contains(n))
    {
        may_write(client, &names.table(name), name, &role).await?;
    }
    for ranking in &plan.rankings {
        if !missing.contains(&ranking.name.as_str()) {
            has_key(client, names, ranking).await?;
        }
    }
    let collation = collation.map_or(String::new(), |c| format!(", collation {c}"));
    let mut said = vec![format!(
        "Postgres {version}, encoding {encoding}{collation}"
    )];
    if !["UTF8", "SQL_ASCII"].contains(&encoding.as_str()) {
        said.push(format!(
            "a row with letters that {encoding} lacks is a dead letter (sink_refused)"
        ));
    }
    said.push(match missing.is_empty() {
        true => "its tables are there".to_owned(),
        false => format!("will be made: {}", missing.join(", ")),
    });
    Ok(said)
}

/// Whether this role may do with a table what a run does.
async fn may_write(client: &Client, table: &str, name: &str, role: &str) -> Result<(), Trouble> {
    let rights = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    let asked = "SELECT c.relkind::text, array(SELECT r FROM unnest($2::text[]) r
        WHERE NOT has_table_privilege(c.oid, r)) FROM pg_class c WHERE c.oid = to_regclass($1)";
    let Some(row) = client
        .ask_opt(asked, &[&table, &&rights[..]])
        .await
        .map_err(trouble)?
    else {
        return Ok(());
    };
    let (kind, lacks): (String, Vec<String>) = (row.get(0), row.get(1));
    let name = name.to_owned();
    Err(match (kind.as_str(), lacks.is_empty()) {
        ("r" | "p", true) => return Ok(()),
        ("r" | "p", false) => PostgresError::Rights {
            role: role.to_owned(),
            lacks,
            name,
            table: table.to_owned(),
        },
        _ => PostgresError::NoTable { name },
    }
    .into())
}

/// Whether a ranking's table has the key by which rows are replaced.
async fn has_key(client: &Client, names: &Names, ranking: &Ranking) -> Result<(), Trouble> {
    let asked = "SELECT array_agg(a.attname::text) FROM pg_index i
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
        WHERE i.indrelid = to_regclass($1) AND i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL
        GROUP BY i.indexrelid";
    let found = client
        .ask(asked, &[&names.table(&ranking.name)])
        .await
        .map_err(trouble)?;
    let mut wanted: Vec<&str> = ranking.keys.iter().map(|k| k.name.as_str()).collect();
    wanted.extend(layout::of_window(ranking));
    wanted.sort_unstable();
    let is_there = found.iter().any(|row| {
        let mut columns: Vec<String> = row.get(0);
        columns.sort_unstable();
        columns == wanted
    });
    match is_there {
        true => Ok(()),
        false => Err(PostgresError::NoKey {
            table: ranking.name.clone(),
            wanted: wanted.into_iter().map(str::to_owned).collect(),
        }
        .into()),
    }
}
