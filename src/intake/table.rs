//! A configured table, its changes, or a query of a database as a source.

use crate::changes;
use crate::mysql;
use crate::postgres::{OfQuery, Reader};
use crate::secret;
use standings_ingest::config::{Binlog, Changes, MySql, Of, Postgres, SecretAt, Source};
use standings_ingest::feed::Feed;
use standings_ingest::mysql::changes as log;
use standings_ingest::postgres::TableFeed;
use standings_ingest::postgres::changes::ChangesFeed;
use standings_ingest::row::Shape;
use standings_ingest::window::WindowFeed;
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
            Box::new(WindowFeed::new(
                OfQuery(reader),
                source.name.clone(),
                shape,
                often,
                clock,
            ))
        }
    })
}

/// The feed of a table or a query of MySQL; nothing is connected yet.
///
/// # Errors
/// As [`feed`].
pub(crate) fn of_mysql(
    source: &Source,
    of: &MySql,
    shape: Shape,
) -> Result<Box<dyn Feed>, Failure> {
    let reader = mysql::Reader::new(&url(source, &of.url)?, &source.name, of)?;
    let name = reader.table().unwrap_or_else(|| source.name.clone());
    // The overlap is known once the columns are.
    let often = (0, of.every);
    Ok(Box::new(WindowFeed::new(
        reader,
        name,
        shape,
        often,
        Clock::default(),
    )))
}

/// The feed of the changes of a table of MariaDB; nothing is connected yet.
///
/// # Errors
/// As [`feed`].
pub(crate) fn of_binlog(
    source: &Source,
    of: &Binlog,
    shape: Shape,
) -> Result<Box<dyn Feed>, Failure> {
    let server = mysql::MariaDb::new(&url(source, &of.url)?, of)?;
    let (names, reading) = (server.names(), of.reading.clone());
    let clock = Clock::default();
    Ok(Box::new(log::ChangesFeed::new(
        server, names, reading, shape, clock,
    )))
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
