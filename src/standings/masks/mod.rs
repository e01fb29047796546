//! `standings mask-key` and `standings unmask`, and the keys of masked columns for those who read tables: `--mask-key`.

use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use standings_mask::{Keys, file};
use standings_model::error::codes;
use standings_model::mask::Mask;
use standings_model::plan::Plan;
use standings_process::exit::{self, Failure};

/// `standings mask-key`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
The file is made once and never written over. With --add, what is written is a line for a file that is there: put it before the
others, and tokens are made with it from the next start on, while those of older keys are still read. A hash changes with its
key: a table whose rows change by a hashed key must begin anew.")]
pub struct MaskKeyArgs {
    /// The file to make; it is its owner's alone (mode 0600).
    #[arg(value_name = "FILE", required_unless_present = "add")]
    pub file: Option<PathBuf>,
    /// Make no file: print a new key as a line.
    #[arg(long, conflicts_with = "file")]
    pub add: bool,
}

/// `standings unmask`.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = "\
Examples:
  standings unmask --mask-key mask.key 1f2e3d4c.qk3…
  psql -Atc 'SELECT card FROM top_cards' | standings unmask --mask-key mask.key
Hashes and what is redacted cannot be brought back: nobody can.")]
pub struct UnmaskArgs {
    /// The file of keys that `standings mask-key` made.
    #[arg(long, env = "STANDINGS_MASK_KEY", value_name = "FILE")]
    pub mask_key: PathBuf,
    /// Tokens; without any, a token a line is read from standard input.
    #[arg(value_name = "TOKEN")]
    pub tokens: Vec<String>,
}

fn wrong(error: &file::FileError) -> Failure {
    Failure::of(&codes::mask::KEY, error.to_string())
}

/// Runs `standings mask-key`.
///
/// # Errors
/// The file is there, or cannot be made.
pub fn make(args: &MaskKeyArgs) -> Result<(), Failure> {
    let Some(path) = args.file.as_ref().filter(|_| !args.add) else {
        let (_, line) = file::line().map_err(|e| wrong(&e))?;
        exit::say(&line);
        return Ok(());
    };
    let id = file::make(path).map_err(|e| wrong(&e))?;
    exit::say(&format!(
        "key {id} in {}: keep it as a password, and a copy where the tokens will be needed",
        path.display()
    ));
    Ok(())
}

/// Runs `standings unmask`: a value a line, in the order of the tokens.
///
/// # Errors
/// The keys cannot be read, or something is no token of theirs: nothing is said behind it.
pub fn unmask(args: &UnmaskArgs) -> Result<(), Failure> {
    let keys = file::read(&args.mask_key).map_err(|e| wrong(&e))?;
    let failed = |e: std::io::Error| Failure::of(&codes::process::SYSTEM, e.to_string());
    let mut out = std::io::stdout().lock();
    let mut one = |number: usize, token: &str| -> Result<(), Failure> {
        let value = keys
            .unmask(token.trim())
            .map_err(|e| Failure::of(&codes::mask::TOKEN, format!("token {number} {e}")))?;
        out.write_all(&value)
            .and_then(|()| out.write_all(b"\n"))
            .map_err(failed)
    };
    if !args.tokens.is_empty() {
        let mut tokens = args.tokens.iter().enumerate();
        return tokens.try_for_each(|(n, token)| one(n + 1, token));
    }
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        one(number + 1, &line.map_err(failed)?)?;
    }
    Ok(())
}

/// The keys of a file.
///
/// # Errors
/// It cannot be read, others can, or it has no keys.
pub fn keys(path: &Path) -> Result<Arc<dyn Mask>, Failure> {
    let keys: Keys = file::read(path).map_err(|e| wrong(&e))?;
    Ok(Arc::new(keys))
}

/// Gives the tables of a plan what masks their columns.
///
/// # Errors
/// A table needs a key, and there is none.
pub fn give(plan: &mut Plan, path: Option<&Path>) -> Result<(), Failure> {
    let by = path.map(keys).transpose()?;
    for table in &mut plan.tables {
        if by.is_none() && table.masking.needs_key() {
            return Err(Failure::of(
                &codes::mask::KEY,
                format!(
                    "the table {} masks columns with a key: give --mask-key FILE, which `standings mask-key FILE` makes",
                    table.name
                ),
            ));
        }
        table.masking.by.clone_from(&by);
    }
    Ok(())
}
