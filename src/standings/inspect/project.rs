//! A proposal as a folder: two SQL files, and what to run.

use std::fs;
use std::io::Write;
use std::path::Path;

use super::proposal::Proposal;
use super::{SHIPPED, render, told};
use standings_model::error::{Failure, codes};
use standings_model::printable::printable;

/// Files with their names, and the next commands.
pub(super) type Project = (Vec<(&'static str, String)>, String);

/// Writes files that are not there yet: all of them, or none.
pub(super) fn write(dir: &Path, files: &[(&str, String)]) -> Result<(), Failure> {
    let problem = |what: String| Failure::of(&codes::tools::PROJECT, what);
    fs::create_dir_all(dir)
        .map_err(|e| problem(format!("cannot make the folder {}: {e}", dir.display())))?;
    let is_sql = |path: &Path| path.extension().is_some_and(|e| e == "sql");
    let entries =
        fs::read_dir(dir).map_err(|e| problem(format!("cannot read {}: {e}", dir.display())))?;
    let mut others = entries.filter_map(Result::ok).map(|e| e.path());
    let named = |path: &Path| files.iter().any(|(name, _)| path.ends_with(name));
    if let Some(there) = others.find(|path| is_sql(path) || named(path)) {
        return Err(problem(format!(
            "{} is there already, and nothing is overwritten: name another folder",
            there.display()
        )));
    }
    for (name, text) in files {
        let path = dir.join(name);
        let file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path);
        let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
        written.map_err(|e| problem(format!("cannot write {}: {e}", path.display())))?;
    }
    Ok(())
}

/// A folder's name as a shell takes it.
fn shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"/._-".contains(&b));
    if is_plain {
        text
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The files of a proposal, and the next command.
pub(super) fn files(dir: &Path, proposal: &Proposal) -> Result<Project, Failure> {
    let (Some(table), Some(ranking), Some(draft)) =
        (&proposal.table, &proposal.ranking, &proposal.draft)
    else {
        let why = proposal.refused.clone().unwrap_or_default();
        return Err(Failure::of(
            &codes::tools::EMPTY,
            format!("{}: {why}", proposal.finding.source),
        ));
    };
    let (folder, name) = (shell(dir), &proposal.finding.table);
    let until = if proposal.finding.is_file {
        " --until-end"
    } else {
        ""
    };
    let check = format!("standings check --queries {folder}");
    // A recording is no place that a table can name.
    let source = match proposal.finding.source.starts_with("recording:") {
        true => format!(" --source {name}={}", proposal.finding.source),
        false => String::new(),
    };
    let run = format!("standings run --queries {folder}{source} --sink stdout{until}");
    let page = format!(
        "standings run --queries {folder}{source} --sink file:changes.ndjson --http 127.0.0.1:8080"
    );
    let readme = format!(
        "# {name}\n\n`table.sql` says what the records are, `ranking.sql` ranks them ({}).\n\n\
         ```sh\n{check}\n{run}\n```\n\nThe live page, until Ctrl-C:\n\n```sh\n{page}\n```\n",
        render::ranking_name(draft)
    );
    let files = vec![
        ("table.sql", format!("{}\n{table}", told::head(proposal))),
        ("ranking.sql", ranking.clone()),
        ("README.md", printable_all(&readme)),
    ];
    Ok((files, format!("{check}\n{run}")))
}

fn printable_all(text: &str) -> String {
    text.lines()
        .map(|line| format!("{}\n", printable(line)))
        .collect()
}

/// The shipped example, and the next command.
pub(super) fn example(dir: &Path) -> Project {
    let files = SHIPPED
        .iter()
        .map(|(name, text)| (*name, (*text).to_owned()));
    let folder = shell(dir);
    let next = format!(
        "standings load generate --sales 100000 --out sales.ndjson\n\
         standings run --queries {folder} --source file:sales.ndjson --sink stdout --until-end"
    );
    (files.collect(), next)
}
