//! A folder of queries.
//!
//! ```text
//! files ──► statements ──► SET, tables ──► views, rankings ──► plan: the tables that are read, the rankings by name
//! ```

use std::path::Path;

use super::error::{QueryError, QueryErrors};
use super::folder::{Folder, Loaded};
use super::source::{SALES, Source, nowhere};
use super::statement;
use standings_model::plan::Plan;

/// Loads every `*.sql` of a folder. Errors of all files are collected.
pub fn load_dir(dir: &Path) -> Result<Plan, QueryErrors> {
    load(dir, None).map(|loaded| loaded.plan)
}

/// As [`load_dir`], with what is to be said; in a zone that beats what the files set.
pub fn load(dir: &Path, zone: Option<&str>) -> Result<Loaded, QueryErrors> {
    let whole = |found: String, allowed: &str| {
        let file = dir.display().to_string();
        QueryErrors(vec![nowhere(&file, found, allowed)])
    };
    let entries = std::fs::read_dir(dir).map_err(|e| {
        whole(
            format!("cannot read the folder {}: {e}", dir.display()),
            "--queries names a folder of .sql files",
        )
    })?;
    let mut files: Vec<_> = entries.filter_map(Result::ok).map(|e| e.path()).collect();
    files.retain(|p| p.extension().is_some_and(|e| e == "sql"));
    files.sort();

    let mut errors = Vec::new();
    let mut sources = Vec::new();
    for path in files {
        let file = path.display().to_string();
        let name = path
            .file_stem()
            .and_then(|n| n.to_str())
            .unwrap_or_default()
            .to_owned();
        match std::fs::read_to_string(&path) {
            Err(e) => errors.push(nowhere(
                &file,
                format!("cannot read {file}: {e}"),
                "text in UTF-8",
            )),
            Ok(source) => sources.push(Source::new(name, file, &source)),
        }
    }
    let loaded = compile(&sources, zone, &mut errors);
    if !errors.is_empty() {
        return Err(QueryErrors(errors));
    }
    if loaded.plan.rankings.is_empty() {
        return Err(whole(
            format!("no ranking in {}", dir.display()),
            "a SELECT, or INSERT INTO name SELECT …, in a .sql file, beside the tables that it reads",
        ));
    }
    Ok(loaded)
}

/// The shipped queries, which are inside the binary.
pub fn load_shipped() -> Result<Plan, QueryErrors> {
    let shipped = [
        ("sales", SALES),
        (
            "top_sales_per_city",
            include_str!("../../queries/top_sales_per_city.sql"),
        ),
        (
            "top_salesmen",
            include_str!("../../queries/top_salesmen.sql"),
        ),
        (
            "top_salesmen_per_city",
            include_str!("../../queries/top_salesmen_per_city.sql"),
        ),
    ];
    let sources = shipped
        .map(|(name, text)| Source::new(name.to_owned(), format!("queries/{name}.sql"), text));
    let mut errors = Vec::new();
    let loaded = compile(&sources, None, &mut errors);
    if errors.is_empty() {
        Ok(loaded.plan)
    } else {
        Err(QueryErrors(errors))
    }
}

/// As [`load`], of texts: of each file its name, without the ending, and its text.
///
/// # Examples
///
/// ```
/// use standings_query::{explain, load_texts};
///
/// let sql = "CREATE TABLE taps (at TIMESTAMP_LTZ(3), gate STRING, WATERMARK FOR at AS at);
///   INSERT INTO busiest SELECT * FROM (
///     SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS place FROM (
///       SELECT window_start, window_end, UPPER(gate) AS gate, COUNT(*) AS n
///       FROM TABLE(TUMBLE(TABLE taps, DESCRIPTOR(at), INTERVAL '1' HOUR))
///       GROUP BY window_start, window_end, UPPER(gate)))
///   WHERE place <= 3;";
/// let loaded = load_texts(&[("gates", sql)]).unwrap();
/// assert_eq!(loaded.plan.rankings[0].name, "busiest");
/// assert!(explain(&loaded.plan).contains("event time at, in order"));
/// ```
pub fn load_texts(files: &[(&str, &str)]) -> Result<Loaded, QueryErrors> {
    let mut errors = Vec::new();
    let sources: Vec<Source> = files
        .iter()
        .map(|(name, text)| Source::new((*name).to_owned(), format!("{name}.sql"), text))
        .collect();
    let loaded = compile(&sources, None, &mut errors);
    match errors.is_empty() {
        true => Ok(loaded),
        false => Err(QueryErrors(errors)),
    }
}

/// Compiles what it can; what is wrong is added to the errors.
fn compile(sources: &[Source], zone: Option<&str>, errors: &mut Vec<QueryError>) -> Loaded {
    let mut broken = Vec::new();
    let statements: Vec<_> = sources
        .iter()
        .map(|s| (s, statement::parse(s.text(), errors, &mut broken)))
        .collect();
    let mut folder = Folder::new(&statements, broken, zone, errors);
    folder.declare();
    folder.queries();
    folder.finish()
}

#[cfg(test)]
mod bounds;
#[cfg(test)]
mod lives;
#[cfg(test)]
mod tests;
