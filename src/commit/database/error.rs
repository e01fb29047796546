//! Why commits to a database end: what the protocol finds. What the database itself says is the client's to tell.

use std::time::Duration;

use standings_model::error::{Code, Coded, codes};

/// What waiting does not heal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// It does not let this user in.
    #[error("--sink {name}: {problem}")]
    NotLetIn {
        /// The database.
        name: String,
        /// In its words.
        problem: String,
    },
    /// It does not any more.
    #[error(
        "--sink {name}: {problem}; it was let in before, and tried again for {} s, with the secret's file read anew",
        .tried.as_secs()
    )]
    NotLetInAgain {
        /// The database.
        name: String,
        /// In its words.
        problem: String,
        /// For how long.
        tried: Duration,
    },
    /// What the URL names is not there, or may not be used.
    #[error("--sink {name}: {problem}")]
    NotThere {
        /// The database.
        name: String,
        /// In its words.
        problem: String,
    },
    /// The same, of one that this run has worked with.
    #[error("--sink {name}: {problem}")]
    NotThereAnyMore {
        /// The database.
        name: String,
        /// In its words.
        problem: String,
    },
    /// Its last commit is none that this one could follow.
    #[error(
        "standings_commit is at commit {here}, so {commit} cannot be written; does another cluster write here?"
    )]
    NotNext {
        /// The last one there.
        here: u64,
        /// The one to be written.
        commit: u64,
    },
    /// A table is gone.
    #[error(
        "the table {table} in schema {schema} of {name} is gone: it was dropped while this run wrote to it, or the \
         address leads to another database. Start again: it is made anew, and filled from the input where that is \
         still there"
    )]
    TableGone {
        /// Which.
        table: String,
        /// Where.
        schema: String,
        /// The database.
        name: String,
    },
    /// The address leads elsewhere.
    #[error(
        "{name} is not the database that this run opened: {differs}. Nothing was written to it"
    )]
    AnotherOne {
        /// The database.
        name: String,
        /// What is not the same.
        differs: String,
    },
    /// A newer generation writes there.
    #[error(
        "generation {newest} has taken over {name}; this process is generation {own} and stops"
    )]
    TakenOver {
        /// The newest.
        newest: i64,
        /// The database.
        name: String,
        /// This one's.
        own: i64,
    },
}

impl Coded for DatabaseError {
    fn code(&self) -> &'static Code {
        match self {
            DatabaseError::NotLetIn { .. } => &codes::sink::LOGIN,
            DatabaseError::NotLetInAgain { .. } => &codes::sink::REFUSED,
            DatabaseError::NotThere { .. } => &codes::sink::WRONG,
            DatabaseError::NotThereAnyMore { .. }
            | DatabaseError::TableGone { .. }
            | DatabaseError::AnotherOne { .. } => &codes::sink::DROPPED,
            DatabaseError::NotNext { .. } => &codes::sink::WRITING,
            DatabaseError::TakenOver { .. } => &codes::sink::FENCED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_that_was_never_taken_is_usage_and_one_that_was_is_not() {
        let (name, problem) = (String::from("db"), String::from("no"));
        let tried = Duration::from_secs(60);
        let first = DatabaseError::NotLetIn {
            name: name.clone(),
            problem: problem.clone(),
        };
        assert_eq!((first.code().id, first.code().exit), ("S0502", 2));
        let again = DatabaseError::NotLetInAgain {
            name,
            problem,
            tried,
        };
        assert_eq!((again.code().id, again.code().exit), ("S0516", 1));
        assert!(again.to_string().contains("tried again for 60 s"));
    }
}
