//! `standings config show`: every setting of a command line, its value and where it comes from.

use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};

use super::file::Found;
use super::{Filled, Resolved, deepest, key, resolve, secret, settings};
use crate::run::exit::Failure;

/// The settings of a command line, and of the one after its `--`.
pub(super) fn text(all: &Command, line: &[String]) -> Result<String, Failure> {
    let words = std::iter::once("standings").chain(line.iter().map(String::as_str));
    let resolved = resolve(all, words.map(OsString::from).collect()).map_err(Failure::from)?;
    let (_, own) = deepest(&resolved.matches);
    let rows: Vec<[String; 3]> = settings(all, &resolved.names)
        .into_iter()
        .map(|arg| row(arg, own, &resolved))
        .collect();
    let wide = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    // One very long value does not push all places out of sight.
    let (keys, values) = (wide(0), wide(1).min(50));
    let mut out = format!("{}\n", resolved.names.join(" "));
    for [key, value, from] in &rows {
        out += &format!("  {key:<keys$}  {value:<values$}  {from}\n");
    }
    // The processes of a cluster read the same environment and the same file.
    let inner = line
        .iter()
        .position(|w| w == "--")
        .map(|at| &line[at + 1..]);
    if let Some(inner) = inner.filter(|words| !words.is_empty()) {
        let mut words = inner.to_vec();
        if let Some(path) = &resolved.path
            && !words
                .iter()
                .any(|w| w == "--config" || w.starts_with("--config="))
        {
            words.push(format!("--config={}", path.display()));
        }
        out.push('\n');
        out += &text(all, &words)?;
    }
    Ok(out)
}

fn row(arg: &Arg, own: &ArgMatches, resolved: &Resolved) -> [String; 3] {
    let key = key(arg);
    let id = arg.get_id().as_str();
    let filled = resolved.filled.iter().find(|f| f.key == key);
    let from = match (filled, own.value_source(id)) {
        (Some(filled), _) => place(filled),
        (None, Some(ValueSource::CommandLine)) => "flag".to_owned(),
        (None, Some(ValueSource::EnvVariable)) => variable(arg),
        (None, Some(ValueSource::DefaultValue)) => "default".to_owned(),
        (None, _) => "not set".to_owned(),
    };
    let value = match own.try_get_one::<bool>(id) {
        Ok(Some(on)) => on.to_string(),
        _ => own.get_raw(id).map_or_else(
            || "-".to_owned(),
            |values| {
                let shown = values.map(|v| secret::redacted(key, &v.to_string_lossy()));
                shown.collect::<Vec<_>>().join(", ")
            },
        ),
    };
    [key.to_owned(), value, from]
}

/// `FILE:LINE`, for each value that has one of its own.
fn place(filled: &Filled) -> String {
    let mut places = Vec::new();
    match &filled.found {
        Found::Flag { place, .. } => places.push(place.clone()),
        Found::Values(values) => {
            for value in values {
                places.push(match &value.from {
                    Some(path) => format!("{} (from {})", value.place, path.display()),
                    None => value.place.clone(),
                });
            }
        }
    }
    places.dedup();
    places.join(", ")
}

/// The variable, or the one that names a file in its place.
fn variable(arg: &Arg) -> String {
    let name = arg.get_env().unwrap_or_default().to_string_lossy();
    match std::env::var_os(format!("{name}_FILE")) {
        Some(path) => format!("environment {name}_FILE ({})", path.to_string_lossy()),
        None => format!("environment {name}"),
    }
}
