//! `standings config show`: every setting of a command line, its value and where it comes from.

use std::any::TypeId;
use std::ffi::OsString;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::Value;

use super::file::Found;
use super::{Filled, Resolved, Settings, deepest, key, resolve, secret, settings};
use standings_observe::memory::MemoryLimit;
use standings_process::exit::Failure;
use standings_process::secret::Secret;

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
    let mut value = match own.try_get_one::<bool>(id) {
        Ok(Some(on)) => on.to_string(),
        _ => values(arg, own).map_or_else(|| "-".to_owned(), |values| values.join(", ")),
    };
    if let Ok(Some(limit @ MemoryLimit::Share(_))) = own.try_get_one::<MemoryLimit>(id) {
        value += &format!(", here {}", limit.bytes());
    }
    [key.to_owned(), value, from]
}

/// What a setting was given, or its default, without secrets; `None` if it has no value.
fn values(arg: &Arg, own: &ArgMatches) -> Option<Vec<String>> {
    let is_secret = arg.get_value_parser().type_id() == TypeId::of::<Secret>();
    let shown = |value: &std::ffi::OsStr| match is_secret {
        true => "***".to_owned(),
        false => secret::redacted(key(arg), &value.to_string_lossy()),
    };
    let values = own.try_get_raw(arg.get_id().as_str()).ok().flatten()?;
    Some(values.map(shown).collect())
}

/// What is in force, without secrets: every setting of the command but hidden ones, which supervisors give.
pub(super) fn in_force(all: &Command, resolved: &Resolved) -> Settings {
    let (_, own) = deepest(&resolved.matches);
    let mut settings = settings(all, &resolved.names);
    settings.retain(|arg| !arg.is_hide_set());
    let one = |arg: &Arg| (key(arg).replace('-', "_"), json(arg, own));
    let mut all: Settings = settings.into_iter().map(one).collect();
    all.insert("command".to_owned(), resolved.names.join(" ").into());
    all
}

/// A switch is a boolean, what may be repeated a list, the rest a number or a text.
fn json(arg: &Arg, own: &ArgMatches) -> Value {
    if let Ok(Some(on)) = own.try_get_one::<bool>(arg.get_id().as_str()) {
        return Value::Bool(*on);
    }
    let values = values(arg, own);
    if matches!(arg.get_action(), ArgAction::Append) {
        return Value::from(values.unwrap_or_default());
    }
    let Some(text) = values.and_then(|values| values.into_iter().next_back()) else {
        return Value::Null;
    };
    match text.parse::<u64>() {
        Ok(number) => Value::from(number),
        Err(_) => Value::from(text),
    }
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
