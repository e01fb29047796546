//! One data-quality check: what it asks of a column, and what happens to a sale that fails it.

use super::time::HOUR;
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

/// A text that is no regular expression.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoPattern(regex::Error);

impl Pattern {
    /// Understands a regular expression.
    pub fn new(text: &str) -> Result<Self, NoPattern> {
        Regex::new(&format!("^(?:{text})$"))
            .map(Pattern)
            .map_err(NoPattern)
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

/// A share, exact: in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share(pub u64);

impl Share {
    /// Understands `1%`, `0.25%`, `300%`: at most four fraction digits.
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.strip_suffix('%')?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
        let is_number = !whole.is_empty() && whole.len() <= 9 && digits(whole);
        if !is_number || fraction.len() > 4 || !digits(fraction) || number.ends_with('.') {
            return None;
        }
        let millionths = format!("{whole}{fraction:0<4}").parse().ok()?;
        Some(Share(millionths))
    }

    /// Whether `part` of `whole` is more than this.
    pub fn is_exceeded(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 > u128::from(self.0) * u128::from(whole)
    }

    /// Whether `part` of `whole` is less than this.
    pub fn is_missed(self, part: u64, whole: u64) -> bool {
        u128::from(part) * 1_000_000 < u128::from(self.0) * u128::from(whole)
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, fraction) = (self.0 / 10_000, self.0 % 10_000);
        match format!("{fraction:04}").trim_end_matches('0') {
            "" => write!(f, "{whole}%"),
            fraction => write!(f, "{whole}.{fraction}%"),
        }
    }
}

/// How many sales a window may have, by what the same window had some time before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// The windows' length, ms.
    pub size: i64,
    /// How much earlier the window is that it is held against, ms.
    pub against: i64,
    /// The least share of the earlier one's sales.
    pub min: Option<Share>,
    /// The greatest.
    pub max: Option<Share>,
    /// An earlier window with fewer sales says nothing.
    pub min_sales: u64,
}

/// What ends a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// More failures than this.
    Failures(u64),
    /// A window that fails.
    Window,
    /// More than this share of the records, for [`RESERVED`] names.
    Share(Share),
}

/// What `--fail-on` takes a share of; no check may have these names.
pub const RESERVED: [&str; 2] = ["dead", "late"];

/// What is asked. NULL fails [`Condition::NotNull`] and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Neither missing nor null.
    NotNull,
    /// A number between two, both included; decimals by their digits, at the scale of the column.
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
    /// A value that no earlier sale of the partition had with an event time at most so many ms away.
    Unique {
        /// `unique-within`, ms.
        within: i64,
    },
    /// Not of one sale: so many of them in a window.
    Volume(Volume),
}

/// A declared check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Its name, for reasons, metrics and logs.
    pub name: String,
    /// Table number in the plan.
    pub table: usize,
    /// Column number in the table.
    pub column: usize,
    /// More columns whose values are one with it, where it is asked whether they came before.
    pub also: Vec<usize>,
    /// What is asked.
    pub condition: Condition,
    /// What happens otherwise.
    pub action: Action,
    /// The greatest share of an hour's sales that may fail.
    pub fail_share: Option<Share>,
    /// What ends the run.
    pub fail_on: Option<FailOn>,
}

impl Check {
    /// The length of the windows that it is judged by, ms; `None` if it has none.
    pub fn window(&self) -> Option<i64> {
        match &self.condition {
            Condition::Volume(volume) => Some(volume.size),
            _ if self.action == Action::Pass => None,
            // The windows of `fail-share` are UTC hours.
            _ => self.fail_share.map(|_| HOUR),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact() {
        for (text, millionths) in [
            ("1%", 10_000),
            ("0.0001%", 1),
            ("12.5%", 125_000),
            ("300%", 3_000_000),
        ] {
            let share = Share::parse(text).unwrap();
            assert_eq!((share.0, share.to_string()), (millionths, text.to_owned()));
        }
        for text in [
            "",
            "%",
            "1",
            "-1%",
            "1.%",
            ".5%",
            "0.00001%",
            "1 %",
            "9999999999%",
        ] {
            assert_eq!(Share::parse(text), None, "{text}");
        }
        let one = Share(10_000);
        assert!(!one.is_exceeded(1, 100) && one.is_exceeded(2, 100));
        assert!(!one.is_missed(1, 100) && one.is_missed(0, 100));
    }
}
