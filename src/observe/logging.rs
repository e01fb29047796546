//! Logs to standard error. Every line has a stable `event` name: `docs/logs.md` lists them.

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line, for Loki, Elasticsearch and the like.
    Json,
    /// For a person.
    Text,
}

impl Format {
    /// As the flag writes it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Json => "json",
            Format::Text => "text",
        }
    }
}

/// The filter for a level: at `debug` a library that tells each token of a query is left out, or what we say would be lost
/// in it. Who wants that too names it in a filter, or asks for `trace`.
fn filter(level: &str) -> EnvFilter {
    let quiet = if level.eq_ignore_ascii_case("debug") {
        "debug,sqlparser=info"
    } else {
        level
    };
    EnvFilter::try_new(quiet).unwrap_or_else(|_| EnvFilter::new("info"))
}

/// Starts logging. `level` is a level or a tracing filter; a wrong one falls back to `info`.
pub fn init(level: &str, format: Format) {
    let filter = filter(level);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        Format::Text => builder.with_target(false).init(),
        Format::Json => builder.json().flatten_event(true).init(),
    }
}
