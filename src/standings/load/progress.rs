//! Progress where a person waits: a bar on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar over `total` things, or a count where the total is not known.
pub fn bar(total: Option<u64>, what: &str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{elapsed:>4} {bar:30} {human_pos} of {human_len} {msg}, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{elapsed:>4} {human_pos} {msg}, {per_sec}",
        ),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(what.to_owned())
}
