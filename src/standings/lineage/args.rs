//! `--lineage…`.

use std::time::Duration;

use clap::Args;

use super::LineageUrl;
use standings_model::duration::parse_duration;
use standings_process::secret::Secret;

/// Where lineage goes, and under which names.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Lineage")]
pub struct LineageArgs {
    /// Tell OpenLineage run events: http://marquez:5000, https://…, kafka://host:9092/topic or file:PATH.
    #[arg(long, env = "STANDINGS_LINEAGE", value_name = "URL")]
    pub lineage: Option<LineageUrl>,
    /// The bearer token for it; best given by STANDINGS_LINEAGE_TOKEN or STANDINGS_LINEAGE_TOKEN_FILE.
    #[arg(
        long,
        env = "STANDINGS_LINEAGE_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true
    )]
    pub lineage_token: Option<Secret>,
    /// How often a RUNNING event tells what was read and written so far. 0s: never.
    #[arg(long, env = "STANDINGS_LINEAGE_INTERVAL", value_name = "D", default_value = "1m", value_parser = parse_duration)]
    pub lineage_interval: Duration,
    /// The namespace of this run's jobs.
    #[arg(
        long,
        env = "STANDINGS_LINEAGE_NAMESPACE",
        value_name = "NAME",
        default_value = "standings"
    )]
    pub lineage_namespace: String,
    /// The name of this run's job; a ranking's is this, a dot, and the ranking's name.
    #[arg(
        long,
        env = "STANDINGS_LINEAGE_JOB",
        value_name = "NAME",
        default_value = "rankings"
    )]
    pub lineage_job: String,
}
