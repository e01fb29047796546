//! `type = "mysql"`: where the database is, which table or query is read, in which order, how often.

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::duration::format_duration;

use super::SecretAt;
use super::error::ConfigError;
use super::postgres::Overlap;
use super::section::Section;
use crate::mysql::value::ZeroDates;

/// A table or a query that is read again and again.
#[derive(Clone, Debug)]
pub struct MySql {
    /// The URL; or where it is, if it is a secret.
    pub url: Result<String, SecretAt>,
    /// What is read.
    pub of: Read,
    /// The columns that rows are ordered by, as the database calls them.
    pub cursor: Vec<String>,
    /// How far a pass goes back; none: what is usual for the type of the first column.
    pub overlap: Option<Overlap>,
    /// How often it is read, once all is.
    pub every: Duration,
    /// What a date that is none becomes.
    pub zero_dates: ZeroDates,
    /// As written, for people: without secrets.
    shown: BTreeMap<String, String>,
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// A table: its database, where it is said, and its name.
    Table(Option<String>, String),
    /// A query.
    Query(String),
}

impl MySql {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        self.shown.clone()
    }

    pub(super) fn words(&self) -> String {
        let shown = |key: &str| self.shown.get(key).map_or("", String::as_str);
        let every = format_duration(self.every);
        let order = self.cursor.join(", ");
        let first = self.cursor.first().map_or("", String::as_str);
        let overlap = match shown("overlap") {
            "" => "5m (of a number: 1000)",
            said => said,
        };
        let of = match &self.of {
            Read::Table(..) => format!(
                "the table {}, every {every}, in the order of {order}: from before what runs, and {overlap} more, on; a row without that \
                 {first} grows is not seen again, and neither are deletes\n  what runs is asked of information_schema.innodb_trx, for which \
                 the user needs PROCESS; without it, what is committed later than {overlap} after its {first} is lost",
                shown("table"),
            ),
            Read::Query(_) => format!(
                "a query, every {every}, from {overlap} before the greatest {first} on; what is committed later than that is lost, and deletes \
                 are not seen"
            ),
        };
        format!("{of}\n  at {}", shown("url"))
    }
}

pub(super) fn read(section: &Section<'_>) -> Result<MySql, ConfigError> {
    let mut shown = BTreeMap::new();
    let check = |url: &str| checked(section, url);
    let url = section.url(&mut shown, check, "mysql://USER@HOST/DATABASE")?;
    let cursor = section.list("cursor")?;
    let (table, query) = (section.str("table")?, section.str("query")?);
    let overlap = section.str("overlap")?;
    if let Some(overlap) = &overlap {
        shown.insert("overlap".to_owned(), overlap.clone());
    }
    let overlap = overlap
        .map(|text| Overlap::read(section, &text))
        .transpose()?;
    let of = match (table, query) {
        (Some(_), Some(_)) => {
            return Err(section.wrong("query", "and `table` are two sources: give one"));
        }
        (None, None) => {
            return Err(section.wrong(
                "table",
                "is missing: table = \"shop.sales\", or query = \"SELECT …\"",
            ));
        }
        (Some(table), None) => {
            shown.insert("table".to_owned(), table.clone());
            let (database, name) = named(section, &table)?;
            Read::Table(database, name)
        }
        (None, Some(query)) => {
            shown.insert("query".to_owned(), query.clone());
            Read::Query(query.trim().trim_end_matches(';').to_owned())
        }
    };
    if cursor.is_empty() {
        return Err(section.wrong(
            "cursor",
            "is missing: the columns that rows are ordered and gone on by, such as [\"updated_at\", \"id\"]",
        ));
    }
    shown.insert("cursor".to_owned(), cursor.join(", "));
    let words = [("null", ZeroDates::Null), ("refuse", ZeroDates::Refuse)];
    let zero_dates = section
        .one_of("zero-dates", &words)?
        .unwrap_or(ZeroDates::Null);
    Ok(MySql {
        url,
        of,
        cursor,
        overlap,
        every: section.every(Duration::from_secs(10))?,
        zero_dates,
        shown,
    })
}

/// `NAME` or `DATABASE.NAME`.
pub(super) fn named(
    section: &Section<'_>,
    table: &str,
) -> Result<(Option<String>, String), ConfigError> {
    let (database, name) = match table.split_once('.') {
        Some((database, name)) => (Some(database.to_owned()), name),
        None => (None, table),
    };
    match name.is_empty() || database.as_deref() == Some("") {
        true => Err(section.wrong("table", "must be NAME or DATABASE.NAME, as in shop.sales")),
        false => Ok((database, name.to_owned())),
    }
}

/// Refuses what is no URL of MySQL, or has a secret in it.
pub(super) fn checked(section: &Section<'_>, url: &str) -> Result<(), ConfigError> {
    let rest = ["mysql://", "mariadb://"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else {
        return Err(section.wrong("url", "must be mysql://USER@HOST/DATABASE"));
    };
    let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
    if user.contains(':') {
        return Err(section.wrong(
            "url",
            "has a password in it, and stands in a file like this: say url-file = \"PATH\", or url = \"${ENV:STANDINGS_SECRET_…}\"",
        ));
    }
    Ok(())
}
