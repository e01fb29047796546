//! `type = "postgres"`: where the database is, which table or query is read, in which order, how often.

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::duration::{format_duration, parse_duration};

use super::SecretAt;
use super::error::ConfigError;
use super::section::Section;

/// A table or a query that is read again and again.
#[derive(Clone, Debug)]
pub struct Postgres {
    /// The URL; or where it is, if it is a secret.
    pub url: Result<String, SecretAt>,
    /// What is read.
    pub of: Of,
    /// The columns that rows are ordered by, as the database calls them.
    pub cursor: Vec<String>,
    /// How often it is read, once all is.
    pub every: Duration,
    /// As written, for people: without secrets.
    shown: BTreeMap<String, String>,
}

/// What is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// A table: its schema, and its name.
    Table(String, String),
    /// A query, and how far before the greatest cursor it is asked again from.
    Query(String, Overlap),
}

/// How far a query goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// Of a first column that is a time.
    Time(Duration),
    /// Of one that is a number.
    Number(i64),
}

impl Overlap {
    /// As it is written: a duration, or a number.
    pub(super) fn read(section: &Section<'_>, text: &str) -> Result<Overlap, ConfigError> {
        match text.parse::<i64>() {
            Ok(n) if n >= 0 => Ok(Overlap::Number(n)),
            _ => Ok(Overlap::Time(parse_duration(text).map_err(|e| {
                section.wrong(
                    "overlap",
                    &format!("is neither a duration nor a number: {e}"),
                )
            })?)),
        }
    }

    /// In ms, or in numbers.
    pub fn amount(self) -> i64 {
        match self {
            Overlap::Time(time) => i64::try_from(time.as_millis()).unwrap_or(i64::MAX),
            Overlap::Number(n) => n,
        }
    }
}

impl Postgres {
    pub(super) fn about(&self) -> BTreeMap<String, String> {
        self.shown.clone()
    }

    pub(super) fn words(&self) -> String {
        let shown = |key: &str| self.shown.get(key).map_or("", String::as_str);
        let every = format_duration(self.every);
        let order = match self.cursor.is_empty() {
            true => "its primary key".to_owned(),
            false => self.cursor.join(", "),
        };
        let of = match &self.of {
            Of::Table(schema, name) => format!(
                "the table {schema}.{name}, every {every}: what transactions have written since, in the order of {order}; deletes are not seen"
            ),
            Of::Query(..) => format!(
                "a query, every {every}, from {} before the greatest {} on; what is committed later than that is lost, and deletes are not seen",
                shown("overlap"),
                self.cursor.first().map_or("", String::as_str),
            ),
        };
        format!("{of}\n  at {}", shown("url"))
    }
}

pub(super) fn read(section: &Section<'_>) -> Result<Postgres, ConfigError> {
    let mut shown = BTreeMap::new();
    let check = |url: &str| checked(section, url);
    let url = section.url(&mut shown, check, "postgres://USER@HOST/DATABASE")?;
    let cursor = section.list("cursor")?;
    let (table, query) = (section.str("table")?, section.str("query")?);
    let overlap = section.str("overlap")?;
    let of = match (table, query) {
        (Some(_), Some(_)) => {
            return Err(section.wrong("query", "and `table` are two sources: give one"));
        }
        (None, None) => {
            return Err(section.wrong(
                "table",
                "is missing: table = \"public.sales\", or query = \"SELECT …\"",
            ));
        }
        (Some(table), None) => {
            if overlap.is_some() {
                return Err(section.wrong(
                    "overlap",
                    "belongs to `query`: of a table transactions say what is new",
                ));
            }
            shown.insert("table".to_owned(), table.clone());
            let (schema, name) = named(section, &table)?;
            Of::Table(schema, name)
        }
        (None, Some(query)) => {
            if cursor.is_empty() {
                return Err(section.wrong("cursor", "is missing: the columns of the query that it is ordered and gone on by, such as [\"updated_at\", \"id\"]"));
            }
            let overlap = overlap.unwrap_or_else(|| "5m".to_owned());
            shown.insert("query".to_owned(), query.clone());
            shown.insert("overlap".to_owned(), overlap.clone());
            let of = Overlap::read(section, &overlap)?;
            let query = query.trim().trim_end_matches(';').to_owned();
            Of::Query(query, of)
        }
    };
    shown.insert("cursor".to_owned(), cursor.join(", "));
    Ok(Postgres {
        url,
        of,
        cursor,
        every: section.every(Duration::from_secs(10))?,
        shown,
    })
}

/// `SCHEMA.NAME`
pub(super) fn named(section: &Section<'_>, table: &str) -> Result<(String, String), ConfigError> {
    let (schema, name) = table.split_once('.').unwrap_or(("public", table));
    match schema.is_empty() || name.is_empty() {
        true => Err(section.wrong("table", "must be SCHEMA.NAME, as in public.sales")),
        false => Ok((schema.to_owned(), name.to_owned())),
    }
}

/// Refuses what is no URL of Postgres, or has a secret in it.
pub(super) fn checked(section: &Section<'_>, url: &str) -> Result<(), ConfigError> {
    let rest = ["postgres://", "postgresql://"]
        .into_iter()
        .find_map(|scheme| url.strip_prefix(scheme));
    let Some(rest) = rest else {
        return Err(section.wrong("url", "must be postgres://USER@HOST/DATABASE"));
    };
    let user = rest.split_once('@').map_or("", |(user, _)| user);
    if user.contains(':') || rest.contains("password=") {
        return Err(section.wrong(
            "url",
            "has a password in it, and stands in a file like this: say url-file = \"PATH\", or url = \"${ENV:STANDINGS_SECRET_…}\"",
        ));
    }
    Ok(())
}
