//! `standings check -- ingest …` and `--dry-run`: what would be read and written, in words. Nothing is.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Command, FromArgMatches};

use super::{IngestArgs, brokers, configuration};
use crate::config;
use standings_ingest::config::{Config, Kind};
use standings_ingest::log::LogTrouble;
use standings_intake::kafka::{Brokers, look};
use standings_intake::start::{make, places};
use standings_model::error::codes;
use standings_process::exit::{self, Failure};

/// How long Kafka may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Says what a command line of `ingest` would do; `offline`: nobody is asked. `all` is the program's command line.
///
/// # Errors
/// Something is wrong with it, or Kafka does not answer.
pub fn check(words: &[String], offline: bool, all: &Command) -> Result<(), Failure> {
    let line = std::iter::once("standings").chain(words.iter().map(String::as_str));
    let resolved = config::resolve(all, line.map(Into::into).collect())?;
    let Some((_, own)) = resolved.matches.subcommand() else {
        let said = "after -- comes `ingest` with its flags";
        return Err(Failure::of(&codes::line::FLAGS, said));
    };
    let file = own.try_get_one::<PathBuf>("config").ok().flatten();
    let flags = IngestArgs::from_arg_matches(own)
        .map_err(|e| Failure::of(&codes::line::WORDS, e.to_string()))?;
    of(&flags, file.map(PathBuf::as_path), offline)
}

fn of(args: &IngestArgs, file: Option<&Path>, offline: bool) -> Result<(), Failure> {
    let file = file.ok_or_else(|| {
        Failure::of(
            &codes::line::FLAGS,
            "say which file: standings check -- ingest --config ingest.toml",
        )
    })?;
    let config = configuration(file, args.to.as_deref())?;
    let brokers = brokers(args, &config)?;
    match offline {
        true => {
            say(&config, &brokers, false)?;
            Ok(())
        }
        false => dry_run(&config, &brokers),
    }
}

fn say(config: &Config, brokers: &Brokers, asks: bool) -> Result<(), Failure> {
    // Secrets must be where they should be.
    make(config, brokers)?;
    exit::say(&format!("into Kafka at {}\n", config.brokers));
    for source in &config.sources {
        exit::say(&source.words());
        if let Kind::Soap(soap) = &source.kind
            && let Some(said) = standings_intake::soap::told(source, soap, asks)?
        {
            exit::say(&format!("  {}", said.replace('\n', "\n  ")));
        }
        if let Kind::Files(files) = &source.kind
            && let standings_ingest::config::Where::Folder { root, .. } = &files.place
            && !root.is_dir()
        {
            return Err(standings_ingest::config::ConfigError {
                place: format!("[sources.{}]", source.name),
                said: format!("`path`: there is no folder {}", root.display()),
            }
            .into());
        }
    }
    Ok(())
}

/// The same, and what Kafka says of the topics.
///
/// # Errors
/// As [`check`].
pub(super) fn dry_run(config: &Config, brokers: &Brokers) -> Result<(), Failure> {
    say(config, brokers, true)?;
    for source in &config.sources {
        let said = look(brokers, &places(source), PATIENCE).map_err(|trouble| {
            let (LogTrouble::Later(why) | LogTrouble::Fenced(why) | LogTrouble::Broken(why)) =
                trouble;
            Failure::of(
                &codes::ingest::UNREAD,
                format!("kafka://{}: {why}", config.brokers),
            )
        })?;
        exit::say(&format!("\n{}:", source.name));
        for line in said {
            exit::say(&format!("  {line}"));
        }
    }
    Ok(())
}
