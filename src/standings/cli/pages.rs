//! What a shell and a manual need of the command line, written from it.

use std::path::PathBuf;

use clap::{Args, Command};
use clap_complete::Shell;

use standings_model::error::codes;
use standings_process::exit::{self, Failure};

/// `standings completions`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  standings completions bash > ~/.local/share/bash-completion/completions/standings
  standings completions zsh > ~/.zfunc/_standings
  standings completions fish > ~/.config/fish/completions/standings.fish")]
pub struct CompletionsArgs {
    /// For which shell.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `standings man`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Example:
  standings man ~/.local/share/man/man1 && man standings-run")]
pub struct ManArgs {
    /// The folder, made if it is missing; pages that are there are written anew.
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}

/// The text for a shell; `all` is the program's command line.
fn completion(shell: Shell, all: &Command) -> String {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut all.clone(), "standings", &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// Runs `standings completions`.
pub fn completions(args: &CompletionsArgs, all: &Command) -> Result<(), Failure> {
    exit::say(completion(args.shell, all).trim_end());
    Ok(())
}

/// Runs `standings man`: a page for the program, and one for each command.
pub fn man(args: &ManArgs, all: &Command) -> Result<(), Failure> {
    let failed = |e: std::io::Error| {
        let dir = args.dir.display();
        Failure::of(
            &codes::line::OUTPUT,
            format!("cannot write the manual into {dir}: {e}; name a folder that can be written"),
        )
    };
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    clap_mangen::generate_to(all.clone(), &args.dir).map_err(failed)?;
    exit::say(&format!(
        "The manual is in {}: man -l {}/standings.1",
        args.dir.display(),
        args.dir.display()
    ));
    Ok(())
}
