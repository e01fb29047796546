//! Logs to standard error: for a person on a terminal, JSON lines otherwise. Every line has a stable `event` name.

use tracing_subscriber::EnvFilter;

/// Starts logging. `level` is a level or a tracing filter; a wrong one falls back to `info`.
pub fn init(level: &str, on_terminal: bool) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if on_terminal {
        builder.with_target(false).init();
    } else {
        builder.json().flatten_event(true).init();
    }
}
