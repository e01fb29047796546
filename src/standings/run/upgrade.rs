//! `standings upgrade`: what an older version's sinks lack for this one is printed, or done.

use std::path::PathBuf;

use clap::Args;

use super::check;
use super::record;
use standings_edge::sink::SinkOptions;
use standings_edge::sink::postgres::{PostgresSink, Wanted};
use standings_edge::sink::url::SinkUrl;
use standings_model::plan::Plan;
use standings_model::table::Table;
use standings_process::exit::{self, Failure};

/// `standings upgrade`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  What this version needs and the database does not have:
    standings upgrade --sink postgres://owner@localhost/standings --dry-run
  By a role that may make tables, for one that may not; the tables of the rankings too:
    standings upgrade --sink postgres://owner@localhost/standings --queries queries --grant standings

What is printed is SQL: it may be kept, read, and run by psql instead. Nothing else ever alters a table that is there:
`standings run` makes tables that are missing if its role may, and ends with exit code 2 and this command's name
otherwise. Once all is there, SELECT, INSERT, UPDATE and DELETE are enough for a run. A cluster of the older version may go on
meanwhile. Topics and files have nothing to upgrade.
Exit codes: 0 nothing to do, or done; 1 failed, and nothing was done; 2 wrong usage.")]
pub struct UpgradeArgs {
    /// What is upgraded, as in `run`; repeat for several.
    #[arg(
        long,
        env = "STANDINGS_SINK",
        hide_env_values = true,
        value_name = "URL",
        required = true
    )]
    pub sink: Vec<SinkUrl>,
    /// Folder with one SQL file per ranking: their tables are made too, if they are missing.
    #[arg(long, env = "STANDINGS_QUERIES", value_name = "DIR")]
    pub queries: Option<PathBuf>,
    /// The role that runs write with: it is given SELECT, INSERT, UPDATE and DELETE on what is made.
    #[arg(long, env = "STANDINGS_GRANT", value_name = "ROLE")]
    pub grant: Option<String>,
    /// Print the SQL; do nothing.
    #[arg(long, env = "STANDINGS_DRY_RUN")]
    pub dry_run: bool,
}

/// Prints what is missing, and does it unless told not to.
pub fn run(args: &UpgradeArgs) -> Result<(), Failure> {
    let plan = match &args.queries {
        Some(queries) => check::load(queries, None)?,
        None => Plan {
            tables: vec![Table::sales()],
            rankings: Vec::new(),
            hidden: Vec::new(),
            checks: Vec::new(),
            max_key_bytes: usize::MAX,
            zone: None,
        },
    };
    let wanted = Wanted {
        plan: &plan,
        more: &[("standings_runs", record::table)],
        grant: args.grant.as_deref(),
        dry_run: args.dry_run,
    };
    for sink in &args.sink {
        let SinkUrl::Postgres(url) = sink else {
            exit::say(&format!(
                "-- {sink}: nothing to do; its records say themselves what they hold"
            ));
            continue;
        };
        let mut database = PostgresSink::new(url, &SinkOptions::default())?;
        let steps = database.upgrade(&wanted)?;
        let what = match (steps.len(), args.dry_run) {
            (0, _) => "nothing to do".to_owned(),
            (n, true) => format!("{n} steps to do"),
            (n, false) => format!("{n} steps, done"),
        };
        exit::say(&format!("-- {sink}: {what}"));
        steps.iter().for_each(|s| exit::say(&s.to_string()));
    }
    Ok(())
}
