//! Logs to standard error. Every line has a stable `event` name: `docs/logs.md` lists them.

use std::fmt;

use clap::ValueEnum;
use tracing::field::{Field, Visit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

use standings_model::printable::printable;
use standings_process::stderr::{self, Stderr};

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
    stderr::start();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Stderr::default);
    match format {
        Format::Text => builder.with_target(false).fmt_fields(ForPeople).init(),
        Format::Json => builder.json().flatten_event(true).init(),
    }
}

/// Members of an event as people read them, `name=value`: a line stays one, and no value moves the terminal's cursor.
struct ForPeople;

impl<'w> FormatFields<'w> for ForPeople {
    fn format_fields<R: RecordFields>(&self, to: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = Line {
            to,
            begun: false,
            written: Ok(()),
        };
        fields.record(&mut line);
        line.written
    }
}

struct Line<'w> {
    to: Writer<'w>,
    begun: bool,
    written: fmt::Result,
}

impl Line<'_> {
    fn write(&mut self, name: &str, value: &str) -> fmt::Result {
        if std::mem::replace(&mut self.begun, true) {
            self.to.write_char(' ')?;
        }
        let value = printable(value);
        match name {
            "message" => self.to.write_str(&value),
            // Slanted and dim, as the log's own form has it.
            name if self.to.has_ansi_escapes() => {
                write!(self.to, "\x1b[3m{name}\x1b[0m\x1b[2m=\x1b[0m{value}")
            }
            name => write!(self.to, "{name}={value}"),
        }
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.record_debug(field, &format_args!("{value}")),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // What the `log` crate adds is in the line already.
        if self.written.is_ok() && !field.name().starts_with("log.") {
            let name = field.name().trim_start_matches("r#");
            self.written = self.write(name, &format!("{value:?}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Keep(Arc<Mutex<Vec<u8>>>);

    impl Write for Keep {
        fn write(&mut self, some: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(some);
            Ok(some.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What a log in the form for people writes of this; `ours`: with its members as they are here.
    fn logged(ansi: bool, ours: bool, tell: impl Fn()) -> String {
        let kept = Keep::default();
        let to = kept.clone();
        let log = tracing_subscriber::fmt()
            .with_ansi(ansi)
            .without_time()
            .with_writer(move || to.clone());
        match ours {
            true => tracing::subscriber::with_default(log.fmt_fields(ForPeople).finish(), tell),
            false => tracing::subscriber::with_default(log.finish(), tell),
        }
        let text = kept.0.lock().unwrap().clone();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_is_logged_of_outside_is_shown() {
        let hostile = "\x1b[31mred\x1b]0;OWNED\x07 \u{202e}abc\u{200b}\n2026 ERROR forged";
        let tell = || {
            tracing::event!(
                tracing::Level::WARN,
                event = "x",
                text = hostile,
                shown = %hostile,
                debug = ?hostile,
                "{hostile}"
            );
        };
        for ansi in [false, true] {
            let text = logged(ansi, true, tell);
            assert_eq!(text.matches('\n').count(), 1, "{text:?}");
            for raw in ["\x1b[31m", "\x1b]", "\x07", "\u{202e}", "\u{200b}"] {
                assert!(!text.contains(raw), "{raw:?} in {text:?}");
            }
            let shown = "\\u{1b}[31mred\\u{1b}]0;OWNED\\u{7} \\u{202e}abc\\u{200b}\\n2026 ERROR";
            assert_eq!(text.matches(shown).count(), 4, "{text:?}");
        }
    }

    #[test]
    fn what_is_harmless_is_written_as_ever() {
        let tell = || {
            let (text, number) = ("a \"b\" ç", 7);
            tracing::event!(
                tracing::Level::WARN,
                event = "x",
                text,
                number,
                shown = %text,
                list = ?[1],
                "it is {number}"
            );
            tracing::event!(tracing::Level::INFO, event = "y");
        };
        for ansi in [false, true] {
            assert_eq!(logged(ansi, true, tell), logged(ansi, false, tell));
        }
    }
}
