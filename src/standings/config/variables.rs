//! Variables of the environment that look like settings and are none: `STANDINGS_WORKRES=4` would be passed over.

use std::collections::BTreeSet;

use clap::Command;

/// What all names of settings begin with.
const PREFIX: &str = "STANDINGS_";
/// Variables that no flag has.
const OTHERS: [&str; 2] = ["STANDINGS_KEY", "STANDINGS_REVISION"];

/// Names of the environment that are near a setting's, each with that. What is near none is somebody else's: Kubernetes names
/// the address of a service `standings` so.
pub fn mistyped(command: &Command, names: impl Iterator<Item = String>) -> Vec<(String, String)> {
    let mut known: BTreeSet<String> = OTHERS.iter().map(|name| (*name).to_owned()).collect();
    gather(command, &mut known);
    let settings = |name: &str| {
        let bare = name.strip_prefix(PREFIX)?;
        Some(bare.strip_suffix("_FILE").unwrap_or(bare).to_owned())
    };
    let bare: Vec<String> = known.iter().filter_map(|name| settings(name)).collect();
    let others = ["SECRET_", "SERVICE_", "PORT_"];
    let mut found = Vec::new();
    for name in names {
        let Some(own) = settings(&name) else { continue };
        let is_other = others.iter().any(|prefix| own.starts_with(prefix)) || own == "PORT";
        if is_other || bare.contains(&own) {
            continue;
        }
        if let Some(near) = bare.iter().find(|near| is_slip(&own, near)) {
            found.push((name, format!("{PREFIX}{near}")));
        }
    }
    found.sort();
    found
}

/// Whether a name is another by a slip of the fingers: one letter too many, too few, wrong, or two the other way round; in a
/// long name two of them.
fn is_slip(name: &str, other: &str) -> bool {
    strsim::osa_distance(name, other) <= if name.len() < 8 { 1 } else { 2 }
}

/// The variables of a command and of those below it.
fn gather(command: &Command, known: &mut BTreeSet<String>) {
    let own = command.get_arguments().filter_map(|arg| arg.get_env());
    known.extend(own.filter_map(|name| name.to_str().map(str::to_owned)));
    for inner in command.get_subcommands() {
        gather(inner, known);
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, Command};

    use super::mistyped;

    #[test]
    fn what_is_near_a_setting_is_named_and_nothing_else() {
        let workers = Arg::new("workers").long("workers").env("STANDINGS_WORKERS");
        let pg = Arg::new("sink").long("sink").env("STANDINGS_SINK");
        let run = Command::new("run").args([workers, pg]);
        let command = Command::new("standings").subcommand(run);
        let names = [
            "STANDINGS_WORKRES",
            "STANDINGS_SNIK_FILE",
            "STANDINGS_WORKERS",
            "STANDINGS_WORKERS_FILE",
            "STANDINGS_KEY",
            "STANDINGS_SERVICE_HOST",
            "STANDINGS_PORT_9090_TCP",
            "STANDINGS_TEST_WORKER",
            "STANDINGS_SERVICES_DIR",
            "STANDINGS_ZZZ",
            "WORKRES",
        ];
        let found = mistyped(&command, names.iter().map(|name| (*name).to_owned()));
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            found,
            [
                pair("STANDINGS_SNIK_FILE", "STANDINGS_SINK"),
                pair("STANDINGS_WORKRES", "STANDINGS_WORKERS"),
            ]
        );
    }
}
