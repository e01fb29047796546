//! `standings explain`: the page of an error's code, in the terminal.

use clap::Args;

use standings_model::error::codes::{self, GROUPS};
use standings_model::error::find;
use standings_process::exit::{Failure, say};

/// `standings explain`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "\
Examples:
  standings explain S0303
  standings explain            lists all codes")]
pub struct ExplainArgs {
    /// The code at the end of an error's line, such as S0303; without one, all are listed.
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Runs `standings explain`.
pub fn run(args: &ExplainArgs) -> Result<(), Failure> {
    match &args.code {
        None => say(&all()),
        Some(word) => match find(word) {
            Ok(code) => say(code.page().trim_end()),
            Err(near) => {
                let said = format!(
                    "`{word}` is no code; the nearest is {} ({}); `standings explain` lists all",
                    near.id, near.title
                );
                return Err(Failure::of(&codes::tools::NO_CODE, said));
            }
        },
    }
    Ok(())
}

/// All of them, by floor.
fn all() -> String {
    let of = |group: &codes::Group| {
        let lines: Vec<String> = group.codes.iter().map(|code| code.line()).collect();
        format!("{}\n  {}", group.title, lines.join("\n  "))
    };
    GROUPS.iter().map(of).collect::<Vec<_>>().join("\n\n")
}
