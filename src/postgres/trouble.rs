//! What the client says, in the words of the protocol.

use standings_commit::database::Trouble;
use standings_commit::kind::Kind;
use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::error::PostgresError;
use super::errors;

/// What the client says, as the protocol sees it.
pub fn trouble(error: Error) -> Trouble {
    let mut text = describe(&error);
    if POOLED.contains(&error.code().map_or("", SqlState::code)) {
        text += "; a pooler that gives each transaction another connection (PgBouncer) has to know prepared statements: \
                 pool_mode = session, or max_prepared_statements above 0 (1.21 and later), or the server's own port";
    }
    match errors::kind(&error) {
        Kind::Passing => Trouble::Passing(text),
        Kind::Login => Trouble::Login(text),
        Kind::Wrong => Trouble::Wrong(text),
        Kind::Row | Kind::Fenced | Kind::Final => PostgresError::Server(text).into(),
    }
}

/// A statement that was prepared is not there, or one of that name is: another connection than before.
const POOLED: [&str; 2] = ["26000", "42P05"];

/// The server's own words, where it said something.
pub fn describe(error: &Error) -> String {
    let hint = match error.code() {
        Some(&SqlState::PROGRAM_LIMIT_EXCEEDED) => {
            "; with --max-key-bytes 2600 a sale whose key Postgres cannot index becomes a dead letter"
        }
        _ => "",
    };
    match error.as_db_error() {
        Some(db) => format!("{} ({}){hint}", db.message(), db.code().code()),
        None => match std::error::Error::source(error) {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
    }
}
