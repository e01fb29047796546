//! One data-quality check: what it asks of a column, and what happens to a sale that fails it.

use regex::bytes::Regex;

/// What becomes of a sale that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing: the check is switched off.
    Pass,
    /// It is ranked, and counted as failed.
    Count,
    /// It is a dead letter, and counted as failed.
    DeadLetter,
}

impl Action {
    /// As it is declared.
    pub fn word(self) -> &'static str {
        match self {
            Action::Pass => "pass",
            Action::Count => "count",
            Action::DeadLetter => "dead-letter",
        }
    }
}

/// A pattern that a whole value must match; it takes time in proportion to the value.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Understands a regular expression.
    pub fn new(text: &str) -> Result<Self, String> {
        Regex::new(&format!("^(?:{text})$"))
            .map(Pattern)
            .map_err(|e| e.to_string())
    }

    /// Whether a whole value matches.
    pub fn matches(&self, value: &[u8]) -> bool {
        self.0.is_match(value)
    }

    /// As it was declared.
    pub fn text(&self) -> &str {
        let whole = self.0.as_str();
        let inner = whole
            .strip_prefix("^(?:")
            .and_then(|t| t.strip_suffix(")$"));
        inner.unwrap_or(whole)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

/// What is asked. NULL fails [`Condition::NotNull`] and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Neither missing nor null.
    NotNull,
    /// A number between two, both included; decimals in minor units.
    Range {
        /// The least.
        min: Option<i128>,
        /// The greatest.
        max: Option<i128>,
    },
    /// A text of this form.
    Pattern(Pattern),
    /// One of these texts.
    Allowed(Vec<String>),
    /// A text of at most so many characters (Unicode scalar values).
    MaxLength(usize),
}

/// A declared check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, for reasons, metrics and logs.
    pub name: String,
    /// Column number in the schema.
    pub column: usize,
    /// What is asked.
    pub condition: Condition,
    /// What happens otherwise.
    pub action: Action,
    /// More failures than this end the run.
    pub fail_on: Option<u64>,
}
