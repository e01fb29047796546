//! A configured table, its changes, or a query of Postgres as a source.

use crate::changes;
use crate::postgres::Reader;
use crate::secret;
use standings_ingest::config::{Changes, Of, Postgres, SecretAt, Source};
use standings_ingest::feed::Feed;
use standings_ingest::postgres::TableFeed;
use standings_ingest::postgres::changes::ChangesFeed;
use standings_ingest::postgres::query::QueryFeed;
use standings_ingest::row::Shape;
use standings_model::clock::Clock;
use standings_model::error::Failure;

/// The feed; nothing is connected yet.
///
/// # Errors
/// A secret is not there, a URL is none, or this process has no thread for it.
pub(crate) fn feed(source: &Source, of: &Postgres, shape: Shape) -> Result<Box<dyn Feed>, Failure> {
    let url = url(source, &of.url)?;
    let (reader, clock) = (Reader::new(&url, of)?, Clock::default());
    Ok(match &of.of {
        Of::Table(schema, name) => {
            let name = format!("{schema}.{name}");
            Box::new(TableFeed::new(reader, name, shape, of.every, clock))
        }
        Of::Query(_, overlap) => {
            let often = (overlap.amount(), of.every);
            Box::new(QueryFeed::new(
                reader,
                source.name.clone(),
                shape,
                often,
                clock,
            ))
        }
    })
}

/// The feed of a table's changes; nothing is connected yet.
///
/// # Errors
/// As [`feed`].
pub(crate) fn of_changes(
    source: &Source,
    of: &Changes,
    shape: Shape,
) -> Result<Box<dyn Feed>, Failure> {
    let server = changes::Postgres::new(&url(source, &of.url)?, of)?;
    let (names, reading) = (of.names.clone(), of.reading.clone());
    let clock = Clock::default();
    Ok(Box::new(ChangesFeed::new(
        server, names, reading, shape, clock,
    )))
}

/// Where the database is.
fn url(source: &Source, url: &Result<String, SecretAt>) -> Result<String, Failure> {
    match url {
        Ok(url) => Ok(url.clone()),
        Err(at) => {
            let all = secret::all(&source.name, at)?;
            Ok(all.into_iter().next().unwrap_or_default())
        }
    }
}
