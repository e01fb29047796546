//! The flags of `standings run` in groups, and the short form of its help.
//!
//! 1. Every flag of `run` is in one group (a test holds that): a new one is put where a person would look for it.
//! 2. `-h` shows the flags of [`USUAL`], one sentence each; `--help` shows all, whole.

use clap::{Arg, Command};

/// The command that has so many flags that they need an order.
const RUN: &str = "run";

/// Headings with the flags below them, in the order of a first use.
const GROUPS: &[(&str, &[&str])] = &[
    ("What is ranked", &["queries", "time-zone"]),
    (
        "Source",
        &["source", "source-override", "start", "until-end"],
    ),
    (
        "Sinks",
        &[
            "sink",
            "emit",
            "delivery",
            "commit-interval",
            "late",
            "dead-letter",
            "fail-on",
            "report",
            "kafka-tombstones",
        ],
    ),
    (
        "Event time",
        &[
            "out-of-orderness",
            "allowed-lateness",
            "idle-timeout",
            "max-ahead",
            "retain",
        ],
    ),
    (
        "State and restarts",
        &[
            "state",
            "snapshot-interval",
            "forget",
            "replace",
            "stop-timeout",
            "connect-timeout",
        ],
    ),
    (
        "Workers and processes",
        &[
            "workers",
            "processes",
            "process",
            "hosts",
            "cluster-id",
            "generation",
            "peer-timeout",
            "peer-tls-cert",
            "peer-tls-key",
            "peer-tls-ca",
            "peer-tls-name",
            "peer-plaintext",
            "cluster-secret",
        ],
    ),
    (
        "Limits",
        &[
            "max-record-bytes",
            "max-key-bytes",
            "max-memory-bytes",
            "max-keys",
            "max-windows",
            "in-flight-bytes",
            "epoch-bytes",
        ],
    ),
    (
        "Kafka and secrets",
        &["kafka-property", "kafka-properties", "secrets", "mask-key"],
    ),
    (
        "What is counted, and promised",
        &[
            "summary-window",
            "runs-interval",
            "slo-latency-p99",
            "slo-freshness",
            "slo-completeness",
            "slo-lateness",
        ],
    ),
];
/// What every command has.
const COMMON: (&str, &[&str]) = ("Log and configuration", &["log", "log-format", "config"]);

/// The flags that a first use needs.
const USUAL: &[&str] = &[
    "queries",
    "source",
    "sink",
    "until-end",
    "workers",
    "out-of-orderness",
    "allowed-lateness",
    "late",
    "dead-letter",
    "state",
    "kafka-property",
    "kafka-properties",
    "http",
    "http-keys",
    "config",
    "log",
];

fn heading(arg: &Arg) -> Option<&'static str> {
    let name = arg.get_long()?;
    let mut all = GROUPS.iter().chain(std::iter::once(&COMMON));
    all.find(|(_, flags)| flags.contains(&name))
        .map(|(h, _)| *h)
}

/// Puts the flags of `run` under their headings, and those of all commands under one.
pub(super) fn arranged(command: Command) -> Command {
    let common = |arg: Arg| match arg.get_long() {
        Some(name) if COMMON.1.contains(&name) => arg.help_heading(COMMON.0),
        _ => arg,
    };
    command
        .mut_args(common)
        .mut_subcommands(|command| match command.get_name() == RUN {
            true => command.mut_args(|arg| match heading(&arg) {
                Some(heading) => arg.help_heading(heading),
                None => arg,
            }),
            false => command,
        })
}

/// The first sentence of a text.
fn sentence(text: &str) -> &str {
    let ends = [". ", "; ", ".\n"].iter().filter_map(|end| text.find(end));
    &text[..ends.min().unwrap_or(text.len())]
}

/// One sentence a flag, without its variable.
pub(super) fn short(command: Command) -> Command {
    command
        .mut_args(|arg| {
            let help = arg
                .get_help()
                .map(|help| sentence(&help.to_string()).to_owned());
            match help {
                Some(help) => arg.help(help).hide_env(true),
                None => arg.hide_env(true),
            }
        })
        .mut_subcommands(|command| short(usual(command)))
}

/// Of `run`, what a first use needs; and where the rest is told.
fn usual(command: Command) -> Command {
    if command.get_name() != RUN {
        return command;
    }
    let is_usual = |arg: &Arg| arg.get_long().is_none_or(|name| USUAL.contains(&name));
    let flags = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let more = flags.filter(|arg| !is_usual(arg)).count();
    command
        .mut_args(|arg| {
            let hidden = arg.is_hide_short_help_set() || !is_usual(&arg);
            arg.hide_short_help(hidden)
        })
        .after_help(format!(
            "{more} more flags, and each of these whole: standings run --help\n\
             Every flag has an environment variable STANDINGS_… and a key in --config."
        ))
}

#[cfg(test)]
pub(super) fn grouped() -> impl Iterator<Item = &'static str> {
    GROUPS.iter().flat_map(|(_, flags)| flags.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_ends_where_a_reader_would_stop() {
        for (text, want) in [
            (
                "Worker threads of each process",
                "Worker threads of each process",
            ),
            (
                "Where changes go: stdout; repeat for several. More",
                "Where changes go: stdout",
            ),
            ("Reads sales.sql too. More", "Reads sales.sql too"),
            ("", ""),
        ] {
            assert_eq!(sentence(text), want);
        }
    }
}
