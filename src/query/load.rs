//! A folder of queries.

use std::path::Path;

use sqlparser::tokenizer::Span;

use super::error::{QueryError, QueryErrors, Text};
use super::{parse_ranking, parse_schema};
use standings_model::plan::Plan;
use standings_model::schema::Schema;

/// Loads every `*.sql` of a folder: `sales.sql` declares the columns, each other file is a ranking of its name.
/// Errors of all files are collected.
pub fn load_dir(dir: &Path) -> Result<Plan, QueryErrors> {
    let whole = |found: String, allowed: &str| {
        let file = dir.display().to_string();
        QueryErrors(vec![
            Text {
                file: &file,
                source: "",
            }
            .error(Span::empty(), found, allowed),
        ])
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
            Ok(source) => sources.push((name, file, source)),
        }
    }
    let plan = compile(&sources, &mut errors);
    if !errors.is_empty() {
        return Err(QueryErrors(errors));
    }
    if plan.rankings.is_empty() {
        return Err(whole(
            format!("no ranking in {}", dir.display()),
            "one .sql file per ranking, beside sales.sql",
        ));
    }
    Ok(plan)
}

/// The shipped queries, which are inside the binary.
pub fn load_shipped() -> Result<Plan, QueryErrors> {
    let shipped = [
        ("sales", include_str!("../../queries/sales.sql")),
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
    let sources = shipped.map(|(name, text)| {
        (
            name.to_owned(),
            format!("queries/{name}.sql"),
            text.to_owned(),
        )
    });
    let mut errors = Vec::new();
    let plan = compile(&sources, &mut errors);
    if errors.is_empty() {
        Ok(plan)
    } else {
        Err(QueryErrors(errors))
    }
}

/// Name, file and text of a query.
type Source = (String, String, String);

/// Compiles what it can; what is wrong is added to the errors.
fn compile(sources: &[Source], errors: &mut Vec<QueryError>) -> Plan {
    let mut schema = Schema::sales();
    for (_, file, source) in sources.iter().filter(|(name, ..)| name == "sales") {
        match parse_schema(file, source) {
            Ok(found) => schema = found,
            Err(e) => errors.push(e),
        }
    }
    let mut rankings = Vec::new();
    for (name, file, source) in sources.iter().filter(|(name, ..)| name != "sales") {
        let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let ours = [
            "standings_commit",
            "standings_runs",
            "standings_identity",
            "standings_rankings",
        ]
        .contains(&name.as_str());
        if !starts || !name.chars().all(letters) || name.len() > 55 || ours {
            let found = format!("a ranking named `{name}`");
            errors.push(nowhere(
                file,
                found,
                "the file's name names the ranking and its table: a to z, 0 to 9 and _, at most 55",
            ));
            continue;
        }
        match parse_ranking(name, file, source, &schema) {
            Ok(ranking) => rankings.push(ranking),
            Err(e) => errors.push(e),
        }
    }
    // Checks lie beside the queries and are no queries: `quality::load` adds them.
    Plan {
        schema,
        rankings,
        checks: Vec::new(),
        max_key_bytes: usize::MAX,
    }
}

fn nowhere(file: &str, found: String, allowed: &str) -> QueryError {
    Text { file, source: "" }.error(Span::empty(), found, allowed)
}
