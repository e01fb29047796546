//! The command line as people meet it: its words, its help in groups, completions, the manual, the version.
//!
//! ```text
//! line (the words) ──► groups (which flag stands where) ──► help, short or whole
//!                                                      └──► pages: completions, man pages
//! ```
//!
//! 1. There is one list of flags, in `line` and the structs that it names; all else here is made of it.
//! 2. Help, completions and manual name the variables of the environment, and never what they hold.

mod groups;
mod line;
mod pages;
mod version;

use std::ffi::OsString;

use clap::CommandFactory;

pub use self::line::{Cli, Command};
pub use self::pages::{CompletionsArgs, ManArgs, completions, man};

/// The command line, whole.
pub fn command_line() -> clap::Command {
    fn hidden(command: clap::Command) -> clap::Command {
        command
            .mut_args(|arg| arg.hide_env_values(true))
            .mut_subcommands(hidden)
    }
    groups::arranged(hidden(Cli::command()))
}

/// The same for who asked with these words: `-h` has a sentence a flag, and not its variable; that each has one stands below.
pub fn as_asked(command: clap::Command, words: &[OsString]) -> clap::Command {
    let own = words.iter().take_while(|word| *word != "--");
    match own.into_iter().any(|word| word == "-h") {
        true => groups::short(command),
        false => command,
    }
}

#[cfg(test)]
mod tests;
