//! `standings config example`: a file with every setting, explained, made from the flags themselves.

use clap::{Arg, ArgAction, Command};

use super::{key, settings};
use standings_model::error::codes;
use standings_process::exit::Failure;

/// Where a line of explanation breaks.
const WIDTH: usize = 100;

/// The file, for all commands or for one.
pub(super) fn text(all: &Command, only: Option<&str>) -> Result<String, Failure> {
    if let Some(name) = only
        && all.find_subcommand(name).is_none()
    {
        let names: Vec<_> = all.get_subcommands().map(Command::get_name).collect();
        let names = names.join(", ");
        return Err(Failure::of(
            &codes::line::WORDS,
            format!("`{name}` is no command; allowed are {names}"),
        ));
    }
    let mut out = "\
# Settings of Standings. Flags come first, then the environment (STANDINGS_…), then this file: --config FILE or
# STANDINGS_CONFIG. A key at the top is for every command that has it; one in a command's table for that command alone,
# and comes first. Secrets may lie in a file of their own: sink = { file = \"/run/secrets/postgres-url\" }.
# A setting with a default is shown with it.
"
    .to_owned();
    for arg in settings(all, &[]) {
        setting(&mut out, arg);
    }
    for command in all.get_subcommands() {
        if only.is_none_or(|name| name == command.get_name()) {
            table(&mut out, all, command, &mut Vec::new());
        }
    }
    Ok(out)
}

fn table(out: &mut String, all: &Command, command: &Command, names: &mut Vec<String>) {
    names.push(command.get_name().to_owned());
    let common: Vec<&str> = settings(all, &[]).into_iter().map(key).collect();
    let mut own = settings(all, names);
    own.retain(|arg| !arg.is_hide_set() && !common.contains(&key(arg)));
    if !own.is_empty() {
        *out += &format!("\n[{}]\n", names.join("."));
        if let Some(about) = command.get_about() {
            *out += &format!("# {about}\n");
        }
    }
    for arg in own {
        setting(out, arg);
    }
    for inner in command.get_subcommands() {
        table(out, all, inner, names);
    }
    names.pop();
}

fn setting(out: &mut String, arg: &Arg) {
    out.push('\n');
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut line = String::new();
    for word in help.split_whitespace() {
        if !line.is_empty() && line.chars().count() + word.chars().count() > WIDTH {
            *out += &format!("# {line}\n");
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line += word;
    }
    *out += &format!("# {line}\n# {} = {}\n", key(arg), value(arg));
}

/// The default, or the first of the values that are allowed, or the name of what the flag takes.
fn value(arg: &Arg) -> String {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return "false".to_owned();
    }
    let default = arg.get_default_values().first();
    let allowed = arg.get_possible_values();
    let name = arg.get_value_names().and_then(|n| n.first());
    let text = match (default, allowed.first(), name) {
        // What is written there is looked at when the file is read.
        (None, None, Some(name)) if name == "ZONE" => "UTC".to_owned(),
        (Some(text), ..) => text.to_string_lossy().into_owned(),
        (None, Some(one), _) => one.get_name().to_owned(),
        (None, None, Some(name)) => name.to_string(),
        (None, None, None) => String::new(),
    };
    let text = match text.parse::<i64>() {
        Ok(_) => text,
        Err(_) => format!("{text:?}"),
    };
    match arg.get_action() {
        ArgAction::Append => format!("[{text}]"),
        _ => text,
    }
}
