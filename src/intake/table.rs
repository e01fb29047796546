//! A configured table or query of Postgres as a source.

use crate::postgres::Reader;
use crate::secret;
use standings_ingest::config::{Of, Postgres, Source};
use standings_ingest::feed::Feed;
use standings_ingest::postgres::TableFeed;
use standings_ingest::postgres::query::QueryFeed;
use standings_ingest::row::Shape;
use standings_model::clock::Clock;
use standings_model::error::Failure;

/// The feed; nothing is connected yet.
///
/// # Errors
/// A secret is not there, a URL is none, or this process has no thread for it.
pub(crate) fn feed(source: &Source, of: &Postgres, shape: Shape) -> Result<Box<dyn Feed>, Failure> {
    let url = match &of.url {
        Ok(url) => url.clone(),
        Err(at) => {
            let all = secret::all(&source.name, at)?;
            all.into_iter().next().unwrap_or_default()
        }
    };
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
