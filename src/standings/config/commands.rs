//! `standings config`.

use clap::{Command, Subcommand};

use super::{example, show};
use standings_process::exit::{self, Failure};

/// `standings config`.
#[derive(Subcommand, Clone, Debug)]
pub enum ConfigCommand {
    /// What is in force for a command line, and from where: flag, environment, file and line, default. Secrets are not
    /// shown. Connects to nothing.
    #[command(after_help = "\
Examples:
  standings config show -- run --queries queries --source file:sales.ndjson --sink stdout
  standings config show --config standings.toml -- cluster -n 3 -- run")]
    Show {
        /// The command line: a command and its flags.
        #[arg(last = true, required = true, value_name = "run …")]
        command: Vec<String>,
    },
    /// A configuration file with every setting in it, explained and commented out.
    Example {
        /// Only for this command, such as run.
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

/// Runs `standings config`; `all` is the program's command line.
pub fn run(command: &ConfigCommand, all: &Command) -> Result<(), Failure> {
    let text = match command {
        ConfigCommand::Show { command } => show::text(all, command)?,
        ConfigCommand::Example { command } => example::text(all, command.as_deref())?,
    };
    exit::say(text.trim_end());
    Ok(())
}
