//! Why commits to a topic end: what the protocol finds. What the brokers say is the client's to tell.

use std::time::Duration;

use crate::sink::SinkError;
use standings_model::error::{Code, Coded, Failure, codes};
use standings_model::identity::Conflict;

/// What an attempt ran into.
#[derive(Debug)]
pub enum Trouble {
    /// The same call may be made again. This and what follows: in the client's words.
    Again(String),
    /// The transaction must be given up, and made anew.
    Abort(String),
    /// Another cluster has taken the transactional id over.
    Fenced(String),
    /// This user is not let in.
    Login(String),
    /// This user lacks a right.
    Denied(Failure),
    /// Waiting does not heal it: what the client says of a transaction.
    Final(Failure),
    /// The same of anything else, which says all that there is to say.
    Ended(SinkError),
}

impl From<SinkError> for Trouble {
    fn from(error: SinkError) -> Self {
        Trouble::Ended(error)
    }
}

impl From<TopicSinkError> for Trouble {
    fn from(error: TopicSinkError) -> Self {
        Trouble::Ended(error.into())
    }
}

impl From<Conflict> for Trouble {
    fn from(conflict: Conflict) -> Self {
        Trouble::Ended(conflict.into())
    }
}

/// What waiting does not heal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicSinkError {
    /// The brokers ended the transaction.
    #[error(
        "the transaction of commit {commit} on {name} was open for {} s, and the brokers end one after {} s \
         (transaction.timeout.ms): was this process stopped, or the machine asleep? Nothing of it was committed; start \
         again: it is made anew ({problem})",
        .open.as_secs(), .limit.as_secs()
    )]
    TimedOut {
        /// Of which commit.
        commit: u64,
        /// The topic, for logs.
        name: String,
        /// For how long it was open.
        open: Duration,
        /// For how long it may be.
        limit: Duration,
        /// In the client's words.
        problem: String,
    },
    /// The brokers do not let this user in.
    #[error("--sink {name}: {problem}")]
    NotLetIn {
        /// The topic, for logs.
        name: String,
        /// In their words.
        problem: String,
    },
    /// They do not any more.
    #[error(
        "--sink {name}: {problem}; it was let in before, and tried again for {} s, with the settings' file read anew",
        .tried.as_secs()
    )]
    NotLetInAgain {
        /// The topic, for logs.
        name: String,
        /// In their words.
        problem: String,
        /// For how long.
        tried: Duration,
    },
    /// A newer generation writes there.
    #[error(
        "another cluster has taken over {name}; this one (generation {generation}) stops: {problem}"
    )]
    TakenOver {
        /// The topic, for logs.
        name: String,
        /// This one's.
        generation: u64,
        /// In the client's words.
        problem: String,
    },
    /// Anything that the client says.
    #[error("writing to {name} failed: {problem}")]
    Writing {
        /// The topic, for logs.
        name: String,
        /// In its words.
        problem: String,
    },
    /// A newer version writes there.
    #[error(
        "{name}-progress has format {format}, and this version ({}) knows {known}: a newer version writes there. \
         Nothing was written; use that version, or another topic",
        env!("CARGO_PKG_VERSION")
    )]
    Newer {
        /// The topic, for logs.
        name: String,
        /// What it has.
        format: u32,
        /// The newest that is known here.
        known: u32,
    },
    /// It was deleted and made anew.
    #[error(
        "{name} was deleted while this run wrote to it, and made anew: {differs}. Nothing was written to the new one; \
         start with --forget sink to have it filled"
    )]
    Replaced {
        /// The topic, for logs.
        name: String,
        /// What is not the same.
        differs: String,
    },
}

impl Coded for TopicSinkError {
    fn code(&self) -> &'static Code {
        match self {
            TopicSinkError::TimedOut { .. } => &codes::kafka::TIMED_OUT,
            TopicSinkError::NotLetIn { .. } => &codes::kafka::LOGIN,
            TopicSinkError::NotLetInAgain { .. } => &codes::kafka::DENIED,
            TopicSinkError::TakenOver { .. } => &codes::sink::FENCED,
            TopicSinkError::Writing { .. } => &codes::kafka::WRITING,
            TopicSinkError::Newer { .. } => &codes::kafka::NEWER,
            TopicSinkError::Replaced { .. } => &codes::kafka::REPLACED,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_taken_over_is_told_from_who_slept() {
        let (name, problem) = (String::from("kafka://k/t"), String::from("fenced"));
        let slept = TopicSinkError::TimedOut {
            commit: 7,
            name: name.clone(),
            open: Duration::from_secs(70),
            limit: Duration::from_secs(60),
            problem: problem.clone(),
        };
        assert_eq!(slept.code().id, "S0607");
        assert!(slept.to_string().contains("was open for 70 s"), "{slept}");
        let over = TopicSinkError::TakenOver {
            name,
            generation: 3,
            problem,
        };
        assert_eq!(over.code().id, "S0506");
        let (name, problem) = ("kafka://k/t".to_owned(), "no such user".to_owned());
        let tried = Duration::from_secs(60);
        let first = TopicSinkError::NotLetIn {
            name: name.clone(),
            problem: problem.clone(),
        };
        assert_eq!((first.code().id, first.code().exit), ("S0610", 2));
        let again = TopicSinkError::NotLetInAgain {
            name,
            problem,
            tried,
        };
        assert_eq!((again.code().id, again.code().exit), ("S0602", 1));
        assert!(again.to_string().contains("tried again for 60 s"));
        let (name, format, known) = ("kafka://k/t".to_owned(), 9, 1);
        let newer = TopicSinkError::Newer {
            name,
            format,
            known,
        };
        assert_eq!((newer.code().id, newer.code().exit), ("S0606", 2));
    }
}
