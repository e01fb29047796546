//! One `CREATE TABLE` by itself.

use std::cell::RefCell;

use sqlparser::tokenizer::Span;

use super::conceal::conceal;
use super::declare;
use super::error::{QueryError, Text};
use super::statement::{self, Statement};
use standings_model::table::Table;

/// Parses and checks one `CREATE TABLE`. `file` is for diagnostics.
///
/// # Examples
///
/// ```
/// use standings_query::{QueryErrors, parse_table};
///
/// let sql = "CREATE TABLE orders (
///   id         STRING NOT NULL,
///   address    ROW<city STRING>,
///   created_at TIMESTAMP_LTZ(3),
///   WATERMARK FOR created_at AS created_at - INTERVAL '1' MINUTE
/// ) WITH ('format' = 'json')";
/// let table = parse_table("orders.sql", sql).unwrap();
/// assert_eq!(table.event_time, Some(2));
/// // What lies in a row is a column of its own, behind the declared ones.
/// assert_eq!(table.columns[3].name, "address.city");
///
/// let wrong = sql.replace("ROW<city STRING>", "ROW<city STRNG>");
/// let shown = QueryErrors(vec![parse_table("orders.sql", &wrong).unwrap_err()]).render();
/// assert!(shown.contains("orders.sql:3:23") && shown.contains("did you mean STRING?"), "{shown}");
/// ```
pub fn parse_table(file: &str, source: &str) -> Result<Table, QueryError> {
    let source = conceal(source.strip_prefix('\u{feff}').unwrap_or(source));
    let text = Text {
        file,
        source: &source,
    };
    let mut errors = Vec::new();
    let statements = statement::parse(text, &mut errors, &mut Vec::new());
    let table = match &statements[..] {
        [Statement::Table(declared)] => {
            declare::table(text, declared, &RefCell::default(), &mut errors)
        }
        _ => None,
    };
    match (errors.into_iter().next(), table) {
        (Some(first), _) => Err(first),
        (None, Some(table)) => Ok(table),
        (None, None) => {
            let found = format!(
                "{} statements where one CREATE TABLE is wanted",
                statements.len()
            );
            Err(text.error(Span::empty(), found, "CREATE TABLE name (…)"))
        }
    }
}
