//! What can be wrong with a database that is written.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use standings_commit::database::Trouble;
use standings_model::error::{Code, Coded, codes};

/// A database that cannot be written. What heals by itself is waited for, and is none of these.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// The URL.
    #[error("--sink {name}: {source}")]
    Url {
        /// Without secrets.
        name: String,
        /// What is wrong in it.
        source: UrlError,
    },
    /// This process cannot have what a client needs.
    #[error("cannot start the Postgres client: {0}")]
    Client(io::Error),
    /// What the server says, in its words.
    #[error("{0}")]
    Server(String),
    /// What it says to a question.
    #[error("{0}")]
    Asked(String),
    /// It cannot be asked now.
    #[error("{0}")]
    NoAnswer(String),
    /// No answer to a question.
    #[error("no answer within {} s", .patience.as_secs())]
    Silent {
        /// In which time.
        patience: Duration,
    },
    /// A newer version writes there.
    #[error(
        "standings_identity has format {format}, and this version ({}) knows {known}: a newer version writes here. Nothing \
         was written; use that version, or another schema",
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// What it has.
        format: i32,
        /// The newest that is known here.
        known: i32,
    },
    /// A value of our own tables that is none of ours.
    #[error("{table}.{column} is not what standings writes: {source}")]
    NotOurs {
        /// Which table.
        table: &'static str,
        /// Which column.
        column: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// A row of a ranking that is none of ours.
    #[error("a row of {table} holds a value that standings does not write")]
    OddRow {
        /// Which table.
        table: String,
    },
    /// Nothing says what the rows stand for.
    #[error(
        "the database has no row in standings_commit, so it does not say what its rows stand for; name the database \
         (and schema) that a run wrote"
    )]
    NoCommit,
    /// The same, while it is written to.
    #[error(
        "{table} has no row any more: it was emptied while this run wrote to it. Start again: what the tables show is \
         then compared, and set right"
    )]
    Emptied {
        /// `standings_commit`, with its schema.
        table: String,
    },
    /// Nowhere to make tables.
    #[error(
        "no schema of this role's search_path is there: make one, or name one with ?options=-csearch_path%3DNAME"
    )]
    NoSchema,
    /// Nothing can be written.
    #[error("it is read-only: a standby, or default_transaction_read_only")]
    ReadOnly,
    /// A table of another shape.
    #[error(
        "the table {table} is there and {problem}; rename or drop it, or rename the query's file"
    )]
    Shape {
        /// Which.
        table: String,
        /// How.
        problem: ShapeError,
    },
    /// Something else has the table's name.
    #[error("{name} is there and is no table; rename it, or the query's file")]
    NoTable {
        /// Which.
        name: String,
    },
    /// Rows cannot be replaced.
    #[error("the table {table} has no unique key of {}, by which rows are replaced; make one, or drop the table", .wanted.join(", "))]
    NoKey {
        /// Which.
        table: String,
        /// Of which columns.
        wanted: Vec<String>,
    },
    /// Rights on a table are missing.
    #[error("the role {role} lacks {rights} on the table {name}: GRANT {rights} ON {table} TO {role}", rights = .lacks.join(", "))]
    Rights {
        /// Who.
        role: String,
        /// Which.
        lacks: Vec<String>,
        /// The table.
        name: String,
        /// The same with its schema.
        table: String,
    },
    /// A table of an older version, at a start.
    #[error(
        "the table {table} is not as this version needs it: {why}. A start alters no table: `standings upgrade --sink URL` does \
         (with --dry-run it prints the SQL)"
    )]
    Older {
        /// Which.
        table: String,
        /// What it lacks.
        why: String,
    },
    /// The same, when only asked.
    #[error(
        "the table {table} is not as this version needs it: {why}; `standings upgrade` does that"
    )]
    WouldBeAltered {
        /// Which.
        table: String,
        /// What it lacks.
        why: String,
    },
    /// A table that this role may not make, at a start.
    #[error(
        "{table} is missing, and this role may not make it: {problem}. Let a role that may run `standings upgrade --sink URL \
         --queries DIR --grant ROLE` (with --dry-run it prints the SQL); rights on rows are enough then"
    )]
    MayNotMake {
        /// Which.
        table: String,
        /// In the server's words.
        problem: String,
    },
    /// The same, when only asked.
    #[error(
        "{} would have to be made in schema {schema}, and the role {role} may not; let another role run `standings upgrade \
         --queries DIR --grant {role}`", .tables.join(", ")
    )]
    MightNotMake {
        /// Which.
        tables: Vec<String>,
        /// Where.
        schema: String,
        /// Who.
        role: String,
    },
}

impl PostgresError {
    /// What is said to a question, on which nothing is waited for.
    pub fn asked(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Passing(_) => PostgresError::NoAnswer(trouble.text()),
            _ => PostgresError::Asked(trouble.text()),
        }
    }
}

impl Coded for PostgresError {
    fn code(&self) -> &'static Code {
        use PostgresError as E;
        match self {
            E::Url { .. } => &codes::sink::SETTINGS,
            E::Client(_) => &codes::process::SYSTEM,
            E::Server(_) => &codes::sink::WRITING,
            E::Asked(_) => &codes::sink::REFUSED,
            E::Silent { .. } | E::NoAnswer(_) => &codes::sink::SILENT,
            E::Newer { .. } => &codes::sink::NEWER,
            E::NotOurs { .. } | E::OddRow { .. } | E::NoCommit => &codes::sink::UNREADABLE,
            E::Emptied { .. } => &codes::sink::DROPPED,
            E::NoSchema | E::ReadOnly | E::Rights { .. } => &codes::sink::WRONG,
            E::Shape { .. } | E::NoTable { .. } | E::NoKey { .. } => &codes::sink::TABLE,
            E::Older { .. }
            | E::WouldBeAltered { .. }
            | E::MayNotMake { .. }
            | E::MightNotMake { .. } => &codes::sink::UPGRADE,
        }
    }
}

/// What is wrong in the URL of a database. The value of a parameter is in none of them but that of `sslmode`.
#[derive(Debug, thiserror::Error)]
pub enum UrlError {
    /// A parameter of libpq that this client has not.
    #[error("{0} is not supported; authenticate by password")]
    NotSupported(String),
    /// What the client says, which names the key at most.
    #[error("{0}")]
    Parameter(String),
    /// No mode.
    #[error("sslmode={0}; allowed are disable, allow, prefer, require, verify-ca, verify-full")]
    Mode(String),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Why TLS to a server cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The library refuses it.
    #[error(transparent)]
    Library(#[from] rustls::Error),
    /// No way to check what the authorities signed.
    #[error(transparent)]
    Verifier(#[from] rustls::client::VerifierBuilderError),
    /// A file of authorities that cannot be read.
    #[error("sslrootcert {}: {source}", .path.display())]
    Reading {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// One that holds something else.
    #[error("sslrootcert {}: {source}", .path.display())]
    NoCertificate {
        /// Which.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Nobody is trusted.
    #[error("no trusted certificates are found; name them with sslrootcert=PATH")]
    NobodyIsTrusted,
}

/// How a table is not as a ranking needs it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// A column is missing.
    #[error("has no column {column} (wanted: {wanted})")]
    Lacks {
        /// Which.
        column: String,
        /// Its type.
        wanted: String,
    },
    /// A column has another type.
    #[error("has column {column} of type {found} (wanted: {wanted})")]
    Type {
        /// Which.
        column: String,
        /// The type that it has.
        found: String,
        /// The type that it should have.
        wanted: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_database_lacks_has_a_code() {
        let text = |text: &str| text.to_owned();
        let rights = PostgresError::Rights {
            role: text("r"),
            lacks: vec![text("INSERT"), text("UPDATE")],
            name: text("t"),
            table: text("\"s\".\"t\""),
        };
        let shape = PostgresError::Shape {
            table: text("t"),
            problem: ShapeError::Lacks {
                column: text("c"),
                wanted: text("bigint"),
            },
        };
        let emptied = PostgresError::Emptied {
            table: text("standings_commit"),
        };
        let newer = PostgresError::Newer {
            format: 9,
            known: 1,
        };
        let older = PostgresError::Older {
            table: text("t"),
            why: text("it lacks c"),
        };
        for (error, id, words) in [
            (
                rights,
                "S0503",
                "lacks INSERT, UPDATE on the table t: GRANT INSERT, UPDATE ON \"s\".\"t\" TO r",
            ),
            (PostgresError::ReadOnly, "S0503", "it is read-only"),
            (
                shape,
                "S0504",
                "is there and has no column c (wanted: bigint); rename",
            ),
            (newer, "S0505", "has format 9, and this version"),
            (
                PostgresError::Server(text("x (42501)")),
                "S0508",
                "x (42501)",
            ),
            (
                PostgresError::NoCommit,
                "S0509",
                "no row in standings_commit",
            ),
            (older, "S0512", "A start alters no table"),
            (emptied, "S0513", "has no row any more"),
            (PostgresError::Asked(text("no")), "S0516", "no"),
        ] {
            assert_eq!(error.code().id, id, "{error}");
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
