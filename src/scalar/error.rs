//! What goes wrong in a value.

use std::fmt;
use std::sync::Arc;

use standings_model::printable::printable;
use standings_model::types::Type;

/// The most characters of a value that a message repeats.
const SHOWN: usize = 64;

/// What went wrong, without where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Division by zero, or a remainder.
    DivisionByZero,
    /// A number or a time beyond the type.
    Range {
        /// What was found, where it can be written.
        found: Option<Box<str>>,
        /// The type, as it is declared.
        kind: Box<str>,
    },
    /// A text that is no value of the type.
    Malformed {
        /// The text.
        found: Box<str>,
        /// The type, as it is declared.
        kind: Box<str>,
    },
    /// A text that grows beyond what one may have.
    TooLong,
    /// A pattern that is none of times.
    Pattern(Box<str>),
}

impl Fault {
    pub(crate) fn range(kind: &Type) -> Self {
        Fault::Range {
            found: None,
            kind: kind.to_string().into(),
        }
    }

    pub(crate) fn beyond(found: impl fmt::Display, kind: &Type) -> Self {
        Fault::Range {
            found: Some(found.to_string().into()),
            kind: kind.to_string().into(),
        }
    }

    pub(crate) fn malformed(found: &str, kind: &Type) -> Self {
        Fault::Malformed {
            found: found.chars().take(SHOWN + 1).collect::<String>().into(),
            kind: kind.to_string().into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::DivisionByZero => f.write_str("division by zero"),
            Fault::Range { found: None, kind } => write!(f, "beyond {kind}"),
            Fault::Range {
                found: Some(found),
                kind,
            } => write!(f, "{found} is beyond {kind}"),
            Fault::Malformed { found, kind } => {
                let mut shown: String = found.chars().take(SHOWN).collect();
                if shown.len() < found.len() {
                    shown.push('…');
                }
                write!(f, "'{}' is no {kind}", printable(&shown))
            }
            Fault::TooLong => f.write_str("a text of more than 1 MiB"),
            Fault::Pattern(pattern) => {
                write!(f, "'{}' is no pattern of times", printable(pattern))
            }
        }
    }
}

/// An error in a value: what failed, and of which expression. For the detail of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{expression}: {fault}")]
pub struct ValueError {
    /// The expression that failed, the smallest one, as SQL.
    pub expression: Arc<str>,
    /// What failed.
    pub fault: Box<Fault>,
}
