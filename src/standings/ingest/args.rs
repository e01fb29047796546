//! The flags of `standings ingest`.

use std::path::PathBuf;

use clap::Args;

use crate::lineage::LineageArgs;
use crate::run::args::parse_property;
use standings_http::security::HttpArgs;

/// `standings ingest`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  A folder into a topic, for ever:
    standings ingest --config ingest.toml --to kafka://localhost:9092
  All that is there, and then an end, for a scheduler:
    standings ingest --config ingest.toml --once
  What would be read, without reading or writing anything:
    standings check -- ingest --config ingest.toml
  Webhooks:
    standings ingest --config ingest.toml --ingest-http 127.0.0.1:8090 --http 127.0.0.1:8080

--config names the file of sources here; the settings of this command are flags and variables of the environment.
Exit codes: 0 asked to stop, or with --once all was read; 1 a source could not be read, or another process has it; 2 wrong
usage or configuration.")]
pub struct IngestArgs {
    /// Kafka, in place of the file's `to`: kafka://host:9092 (several hosts by commas), and the topic of sources that name none.
    #[arg(long, env = "STANDINGS_TO", value_name = "URL")]
    pub to: Option<String>,
    /// End when every source has been read to its end.
    #[arg(long, env = "STANDINGS_ONCE")]
    pub once: bool,
    /// Say what would be read and written, ask Kafka for its topics, and read and write nothing.
    #[arg(long, env = "STANDINGS_DRY_RUN")]
    pub dry_run: bool,
    /// Go on from the cursor of this source although its configuration is another; repeat for several.
    #[arg(long, env = "STANDINGS_ADOPT", value_name = "SOURCE")]
    pub adopt: Vec<String>,
    /// Take webhooks here, such as 127.0.0.1:8090. An address that others reach needs signatures, and TLS.
    #[arg(long, env = "STANDINGS_INGEST_HTTP", value_name = "ADDR")]
    pub ingest_http: Option<String>,
    /// Certificate chain (PEM) for TLS of webhooks; read again when it changes.
    #[arg(
        long,
        env = "STANDINGS_INGEST_HTTP_TLS_CERT",
        value_name = "FILE",
        requires = "ingest_http_tls_key"
    )]
    pub ingest_http_tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM).
    #[arg(
        long,
        env = "STANDINGS_INGEST_HTTP_TLS_KEY",
        value_name = "FILE",
        requires = "ingest_http_tls_cert"
    )]
    pub ingest_http_tls_key: Option<PathBuf>,
    /// What stands in front of --ingest-http has TLS, and nobody else reaches it.
    #[arg(long, env = "STANDINGS_INGEST_HTTP_BEHIND_PROXY")]
    pub ingest_http_behind_proxy: bool,
    /// A librdkafka setting, such as security.protocol=SASL_SSL; repeat for several.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTY", hide_env_values = true, value_name = "K=V", value_parser = parse_property)]
    pub kafka_property: Vec<(String, String)>,
    /// File of librdkafka settings, one K=V a line; for secrets.
    #[arg(long, env = "STANDINGS_KAFKA_PROPERTIES", value_name = "FILE")]
    pub kafka_properties: Option<PathBuf>,
    /// Lineage.
    #[command(flatten)]
    pub lineage: LineageArgs,
    /// What is served over HTTP: /api/v1/sources, /metrics, /healthz and /readyz.
    #[command(flatten)]
    pub http: HttpArgs,
}
