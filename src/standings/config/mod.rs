//! Where settings come from: flags, then the environment, then one TOML file, in that order of precedence.
//!
//! ```text
//! command line ──► first reading: what do flags and environment say, and which file? ──► the file's keys for the rest
//!                                                                                             │ as flags
//! what is in force ◄── second reading, by the same parser ◄─────────────────────────────────────┘
//! ```
//!
//! Invariants:
//! 1. There is one list of settings: the flags as clap has them. A key is a flag's name; what a flag takes, a key takes.
//! 2. A file is checked as a whole, whichever command runs: what is unknown or of the wrong type is refused with its place.
//! 3. What a flag or the environment gives, the file does not: lists are replaced, never joined.
//! 4. No text that is made here shows a secret (`secret`).

mod commands;
mod error;
mod example;
mod file;
mod secret;
mod show;
mod variables;

use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, FromArgMatches};

pub use commands::{ConfigCommand, run};
pub use error::ConfigError;
pub use variables::mistyped;

use self::file::{File, Found};
use standings_model::error::codes;
use standings_model::redact;
use standings_process::exit::{self, Failure};
use standings_query::toml;

/// Names the file, for this process and for those that it starts.
pub const VARIABLE: &str = "STANDINGS_CONFIG";
/// The flag that names it; not a key of the file.
const FLAG: &str = "config";
/// The command whose file of that flag has sources in it, and no settings.
const INGEST: &str = "ingest";
/// What a check tries is of one command line.
const TRIED: &str = "tried";

/// Why there are no settings.
#[derive(Debug)]
pub enum Problem {
    /// Help, version, or a wrong command line.
    Line(Box<clap::Error>),
    /// Something in the file.
    File(Failure),
}

impl Problem {
    /// Says it and ends the process.
    pub fn end(self) -> ! {
        match self {
            Problem::Line(error) if is_refusal(&error) => {
                // To a standard error that nobody reads it cannot be said.
                let _ = error.print();
                exit::said(&codes::line::WORDS)
            }
            Problem::Line(error) => error.exit(),
            Problem::File(failure) => exit::now(&failure),
        }
    }
}

/// Help and the version are no errors, even where they are shown because nothing was asked for.
fn is_refusal(error: &clap::Error) -> bool {
    let shown = ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    error.use_stderr() && error.kind() != shown
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::File(failure) => failure,
            Problem::Line(error) => {
                let text = error.to_string();
                Failure::of(
                    &codes::line::WORDS,
                    text.trim_start_matches("error: ").trim_end().to_owned(),
                )
            }
        }
    }
}

/// A command line with all that was added to it.
pub struct Resolved {
    /// As the parser has it.
    pub matches: ArgMatches,
    /// The names of the command: `["load", "generate"]`.
    names: Vec<String>,
    /// What the file gave.
    filled: Vec<Filled>,
    /// The file.
    path: Option<PathBuf>,
}

/// A setting of the file that is in force.
struct Filled {
    /// The flag's name.
    key: String,
    found: Found,
}

/// The settings in force by name (`_` for `-`), without secrets: made from the flags, so that none can be missing.
pub type Settings = serde_json::Map<String, serde_json::Value>;

/// Reads a command line (the first word is the program's name) with environment and file. The file's path is put into
/// the environment, for processes that this one starts: call it before there are threads.
pub fn parse<P: FromArgMatches>(
    command: &Command,
    line: Vec<OsString>,
) -> Result<(P, Settings), Problem> {
    let resolved = resolve(command, line)?;
    if let Some(path) = &resolved.path {
        // SAFETY: nothing else runs yet: no other thread can read the environment meanwhile.
        unsafe { std::env::set_var(VARIABLE, path) };
    }
    let parsed = P::from_arg_matches(&resolved.matches).map_err(|e| Problem::Line(Box::new(e)))?;
    Ok((parsed, show::in_force(command, &resolved)))
}

/// Reads a command line with environment and file.
pub fn resolve(command: &Command, line: Vec<OsString>) -> Result<Resolved, Problem> {
    let wrong_line = |e| Problem::Line(Box::new(with_what_was_meant(command, without_secrets(e))));
    // What is missing or wrong is found in the second reading; help and version end the first.
    let first = command.clone().ignore_errors(true);
    let first = first
        .try_get_matches_from(line.clone())
        .map_err(wrong_line)?;
    let (names, own) = deepest(&first);
    let path = own.try_get_one::<PathBuf>(FLAG).ok().flatten().cloned();
    let path = path.filter(|_| names.first().is_none_or(|name| name != INGEST));
    let mut filled = Vec::new();
    let mut line = line;
    if let Some(path) = &path {
        let file = File::read(path).map_err(Problem::File)?;
        file.check(command).map_err(Problem::File)?;
        for arg in settings(command, &names) {
            let given = own.value_source(arg.get_id().as_str());
            if matches!(
                given,
                Some(ValueSource::CommandLine | ValueSource::EnvVariable)
            ) {
                continue;
            }
            if let Some(found) = file.find(&names, arg).map_err(Problem::File)? {
                filled.push(Filled {
                    key: key(arg).to_owned(),
                    found,
                });
            }
        }
        // After `--` come the words of another command.
        let end = line.iter().position(|w| w == "--").unwrap_or(line.len());
        let rest = line.split_off(end);
        line.extend(filled.iter().flat_map(Filled::words));
        line.extend(rest);
    }
    let matches = command.clone().try_get_matches_from(line).map_err(|e| {
        match filled.iter().find(|f| is_about(&e, &f.key)) {
            Some(wrong) => Problem::File(wrong.refused(&e)),
            None => wrong_line(e),
        }
    })?;
    Ok(Resolved {
        names,
        matches,
        filled,
        path,
    })
}

/// The command that a command line names, and its own part of what was parsed.
fn deepest(matches: &ArgMatches) -> (Vec<String>, &ArgMatches) {
    let mut names = Vec::new();
    let mut own = matches;
    while let Some((name, inner)) = own.subcommand() {
        names.push(name.to_owned());
        own = inner;
    }
    (names, own)
}

/// The flags of a command that may stand in the file, those of all commands included.
fn settings<'a>(command: &'a Command, names: &[String]) -> Vec<&'a Arg> {
    let mut own = command;
    for name in names {
        match own.find_subcommand(name) {
            Some(inner) => own = inner,
            None => break,
        }
    }
    let common = command.get_arguments().filter(|a| a.is_global_set());
    let mut all: Vec<&Arg> = Vec::new();
    for arg in own.get_arguments().chain(common) {
        let is_setting = arg.get_long().is_some()
            && !["help", "version", FLAG, TRIED].contains(&arg.get_id().as_str());
        if is_setting && !all.iter().any(|a| a.get_id() == arg.get_id()) {
            all.push(arg);
        }
    }
    all
}

/// A flag's name without dashes.
fn key(arg: &Arg) -> &str {
    arg.get_long().unwrap_or_default()
}

impl Filled {
    fn words(&self) -> Vec<OsString> {
        match &self.found {
            Found::Flag { on: false, .. } => Vec::new(),
            Found::Flag { .. } => vec![format!("--{}", self.key).into()],
            Found::Values(values) => values
                .iter()
                .map(|v| format!("--{}={}", self.key, v.text).into())
                .collect(),
        }
    }

    /// The parser's refusal, at the place in the file.
    fn refused(&self, error: &clap::Error) -> Failure {
        let text = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(text.clone()),
            Some(ContextValue::Strings(texts)) if !texts.is_empty() => Some(texts.join(", ")),
            _ => None,
        };
        let value = text(ContextKind::InvalidValue);
        let mut said = match std::error::Error::source(error) {
            Some(source) => source.to_string(),
            None => {
                let rendered = error.to_string();
                let first = rendered.lines().next().unwrap_or_default();
                first.trim_start_matches("error: ").to_owned()
            }
        };
        if let Some(value) = &value {
            let shown = secret::redacted(&self.key, value);
            said = said.replace(value.as_str(), &shown);
            if let Some(allowed) = text(ContextKind::ValidValue) {
                said = format!("`{shown}` is not allowed; allowed are {allowed}");
            }
        }
        ConfigError::Value {
            place: self.found.place(value.as_deref()).to_owned(),
            key: self.key.clone(),
            problem: said,
        }
        .into()
    }
}

/// The parser knows words that begin alike; `rnu` is no such word.
fn with_what_was_meant(command: &Command, mut error: clap::Error) -> clap::Error {
    let is_known = error.get(ContextKind::SuggestedSubcommand).is_some();
    if let (Some(ContextValue::String(word)), false) =
        (error.get(ContextKind::InvalidSubcommand), is_known)
        && let names = command.get_subcommands().map(Command::get_name)
        && let Some(near) = toml::nearest(word, names)
    {
        let near = ContextValue::Strings(vec![near.to_owned()]);
        error.insert(ContextKind::SuggestedSubcommand, near);
    }
    error
}

/// Whether the parser's error is about this flag.
fn is_about(error: &clap::Error, key: &str) -> bool {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else {
        return false;
    };
    named(arg) == key
}

/// The flag's name in `--name <VALUE>`.
fn named(arg: &str) -> &str {
    let word = arg.split([' ', '=']).next().unwrap_or_default();
    word.trim_start_matches('-')
}

/// The parser shows the value that it refuses, which may be a URL with a password.
fn without_secrets(mut error: clap::Error) -> clap::Error {
    // A value without its flag may be a URL too.
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand] {
        if let Some(ContextValue::String(word)) = error.get(kind)
            && let shown = redact::text(word)
            && shown != *word
        {
            error.insert(kind, ContextValue::String(shown));
            error.remove(ContextKind::Suggested);
        }
    }
    let flag = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(arg)) => named(arg).to_owned(),
        _ => return error,
    };
    if let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) {
        let shown = secret::redacted(&flag, value);
        error.insert(ContextKind::InvalidValue, ContextValue::String(shown));
    }
    error
}
