//! The TOML file: its keys, with their places, held against the flags.

use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};
use toml_edit::{Document, Item, TableLike, Value};

use super::error::{ConfigError, ItemError};
use super::{FLAG, Filled, is_about, key};
use standings_process::exit::Failure;
use standings_process::renew;
use standings_query::toml::{self, kind, nearest};

/// A file that was read.
pub(super) struct File {
    name: String,
    document: Document<String>,
}

/// What a file says of one flag.
pub(super) enum Found {
    /// `until-end = true`.
    Flag {
        /// Whether it is set.
        on: bool,
        /// `FILE:LINE`.
        place: String,
    },
    /// One value or several.
    Values(Vec<Given>),
}

/// One value of a file.
pub(super) struct Given {
    pub(super) text: String,
    /// `FILE:LINE`.
    pub(super) place: String,
    /// The file that holds the value, of `{ file = "…" }`.
    pub(super) from: Option<PathBuf>,
}

impl Found {
    /// Where the value stands; the first place if it is none of them.
    pub(super) fn place(&self, value: Option<&str>) -> &str {
        match self {
            Found::Flag { place, .. } => place,
            Found::Values(values) => values
                .iter()
                .find(|given| Some(given.text.as_str()) == value)
                .or(values.first())
                .map_or("", |given| &given.place),
        }
    }
}

impl File {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Reading {
            path: path.to_owned(),
            source,
        })?;
        let document = toml::parse(&name, &text).map_err(ConfigError::from)?;
        Ok(File { name, document })
    }

    /// Refuses what no command has, and what has the wrong type.
    pub(super) fn check(&self, command: &Command) -> Result<(), Failure> {
        self.check_table(self.document.as_table(), command, command, &[])
    }

    fn check_table(
        &self,
        table: &dyn TableLike,
        root: &Command,
        command: &Command,
        names: &[&str],
    ) -> Result<(), Failure> {
        for (name, item) in table.iter() {
            let span = table.key(name).and_then(|k| k.span()).or(item.span());
            let place = || self.place(span.clone());
            if let Some(inner) = command.find_subcommand(name)
                && let Some(table) = item.as_table_like().filter(|t| !holds_file(*t))
            {
                let names: Vec<&str> = names.iter().copied().chain([inner.get_name()]).collect();
                self.check_table(table, root, inner, &names)?;
                continue;
            }
            let mut flags = Vec::new();
            collect(command, &mut flags);
            let global = root.get_arguments().filter(|a| a.is_global_set());
            flags.extend(global.map(|arg| (root, arg)));
            flags.retain(|(_, arg)| is_setting(arg));
            let (place, problem) = (place(), unknown(name, item, command, names, &flags));
            let unknown = ConfigError::Unknown {
                place: place.clone(),
                problem,
            };
            let mut refused = Some(Failure::from(unknown));
            // Commands may differ in what they take under one name: one that takes this is enough.
            for (owner, arg) in flags.iter().filter(|(_, arg)| key(arg) == name) {
                let read = self.read_item(arg, item);
                let read = read.map_err(|source| {
                    Failure::from(ConfigError::Item {
                        place: place.clone(),
                        key: name.to_owned(),
                        source,
                    })
                });
                match read.and_then(|found| parsed(owner, arg, found)) {
                    Ok(()) => {
                        refused = None;
                        break;
                    }
                    Err(failure) => refused = Some(failure),
                }
            }
            if let Some(failure) = refused {
                return Err(failure);
            }
        }
        Ok(())
    }

    /// What the file says of a flag of this command: in the command's own table, else in one that holds it, else at
    /// the top.
    pub(super) fn find(&self, names: &[String], arg: &Arg) -> Result<Option<Found>, Failure> {
        let mut tables: Vec<&dyn TableLike> = vec![self.document.as_table()];
        for name in names {
            let inner = tables.last().and_then(|t| t.get(name));
            match inner.and_then(Item::as_table_like) {
                Some(table) if !holds_file(table) => tables.push(table),
                _ => break,
            }
        }
        let name = key(arg);
        let is_command =
            |item: &Item| item.is_table() && !item.as_table_like().is_some_and(holds_file);
        let Some(item) = tables
            .iter()
            .rev()
            .find_map(|t| t.get(name).filter(|item| !is_command(item)))
        else {
            return Ok(None);
        };
        let read = self.read_item(arg, item);
        let found = read.map_err(|source| ConfigError::Item {
            place: self.place(item.span()),
            key: name.to_owned(),
            source,
        })?;
        // Secrets are read only where they are needed.
        let Found::Values(mut values) = found else {
            return Ok(Some(found));
        };
        for value in &mut values {
            if let Some(path) = &value.from {
                let read = std::fs::read_to_string(path);
                let text = read.map_err(|source| ConfigError::File {
                    place: value.place.clone(),
                    key: name.to_owned(),
                    path: path.clone(),
                    source,
                })?;
                value.text = text.trim_end_matches(['\n', '\r']).to_owned();
                renew::came_from(&value.text, path);
            }
        }
        Ok(Some(Found::Values(values)))
    }

    /// An item as the flag takes it, or what is wrong with it.
    fn read_item(&self, arg: &Arg, item: &Item) -> Result<Found, ItemError> {
        let is_list = matches!(arg.get_action(), ArgAction::Append);
        match (arg.get_action(), item) {
            (ArgAction::SetTrue, Item::Value(Value::Boolean(on))) => Ok(Found::Flag {
                on: *on.value(),
                place: self.place(item.span()),
            }),
            (ArgAction::SetTrue, _) => Err(ItemError::Switch { found: kind(item) }),
            (_, Item::Value(Value::Array(list))) if is_list => list
                .iter()
                .map(|value| self.read_value(&Item::Value(value.clone()), value.span()))
                .collect::<Result<_, _>>()
                .map(Found::Values),
            (_, item) => match self.read_value(item, item.span()) {
                Ok(value) => Ok(Found::Values(vec![value])),
                Err(ItemError::Value { found, .. }) => Err(ItemError::Value {
                    found,
                    or_list: is_list,
                }),
                Err(other) => Err(other),
            },
        }
    }

    fn read_value(&self, item: &Item, span: Option<Range<usize>>) -> Result<Given, ItemError> {
        let given = |text: String, from| Given {
            text,
            place: self.place(span.clone()),
            from,
        };
        match item {
            Item::Value(Value::String(text)) => Ok(given(text.value().clone(), None)),
            Item::Value(Value::Integer(n)) => Ok(given(n.value().to_string(), None)),
            Item::Value(Value::Float(n)) => Ok(given(n.value().to_string(), None)),
            item => match item.as_table_like().filter(|t| holds_file(*t)) {
                Some(table) => {
                    let path = table.get("file").and_then(Item::as_str).unwrap_or_default();
                    Ok(given(String::new(), Some(path.into())))
                }
                None => Err(ItemError::Value {
                    found: kind(item),
                    or_list: false,
                }),
            },
        }
    }

    fn place(&self, span: Option<Range<usize>>) -> String {
        toml::place(&self.name, self.document.raw(), span)
    }
}

/// `{ file = "PATH" }`.
fn holds_file(table: &dyn TableLike) -> bool {
    table.len() == 1 && table.get("file").is_some_and(Item::is_str)
}

/// What the flag's own parser says of a value. One that is a file's text is read, and parsed, where it is needed; and what
/// the example has in a value's place (`URL`) is refused there.
fn parsed(owner: &Command, arg: &Arg, found: Found) -> Result<(), Failure> {
    let Found::Values(values) = &found else {
        return Ok(());
    };
    let name = arg.get_value_names().and_then(|names| names.first());
    let is_example = |given: &Given| name.is_some_and(|name| name.as_str() == given.text);
    let values = values.iter();
    let values = values.filter(|given| given.from.is_none() && !is_example(given));
    let words: Vec<String> = values
        .map(|given| format!("--{}={}", key(arg), given.text))
        .collect();
    let command = owner.clone().no_binary_name(true);
    match command.try_get_matches_from(words) {
        Err(e) if is_of_value(e.kind()) && is_about(&e, key(arg)) => {
            let key = key(arg).to_owned();
            Err(Filled { key, found }.refused(&e))
        }
        // What else may be wrong, such as a flag that is missing, is none of this one.
        _ => Ok(()),
    }
}

fn is_of_value(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::InvalidValue | ErrorKind::ValueValidation)
}

/// The flags of a command and of all below it, each with its command.
fn collect<'a>(command: &'a Command, flags: &mut Vec<(&'a Command, &'a Arg)>) {
    flags.extend(command.get_arguments().map(|arg| (command, arg)));
    for inner in command.get_subcommands() {
        collect(inner, flags);
    }
}

fn is_setting(arg: &Arg) -> bool {
    arg.get_long().is_some() && !["help", "version", FLAG].contains(&arg.get_id().as_str())
}

/// What to say of a key that nothing has.
fn unknown(
    name: &str,
    item: &Item,
    command: &Command,
    names: &[&str],
    flags: &[(&Command, &Arg)],
) -> String {
    let of_table = match names {
        [] => String::new(),
        names => format!(" in [{}]", names.join(".")),
    };
    if item.as_table_like().is_some_and(|t| !holds_file(t)) {
        let tables: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        return match nearest(name, tables.iter().copied()) {
            Some(near) => format!("unknown table `{name}`{of_table}; did you mean `{near}`?"),
            None => format!(
                "unknown table `{name}`{of_table}; allowed are {}",
                tables.join(", ")
            ),
        };
    }
    let mut keys: Vec<&str> = flags.iter().map(|(_, arg)| key(arg)).collect();
    keys.sort_unstable();
    keys.dedup();
    match nearest(name, keys.iter().copied()) {
        Some(near) => format!("unknown key `{name}`{of_table}; did you mean `{near}`?"),
        None => format!(
            "unknown key `{name}`{of_table}; allowed are {}",
            keys.join(", ")
        ),
    }
}
