//! What is said for a ranking beside its query: `SET 'key' = 'value'` before it in its file, or its hint, which beats that.

use sqlparser::tokenizer::Span;

use super::error::{QueryError, Text};
use standings_model::plan::{Provisional, Ranking};

/// Which rows of open windows are written; the same key in both.
pub const PROVISIONAL: &str = "emit.provisional";
/// What it can be.
pub const PROVISIONALS: &str = "'all', 'next' or 'none'";
/// How long a key is kept, as it is set.
pub const TTL: &str = "table.exec.state.ttl";
/// And as it is hinted.
pub const HINTED_TTL: &str = "state.ttl";
/// What it can be.
pub const TTLS: &str = "a duration, such as '30 d', or '0' for none";

/// What was said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said {
    /// Which rows of open windows are written.
    pub provisional: Option<Provisional>,
    /// Where a time to live is said; within that, none where it is 0.
    pub ttl: Option<Option<Span>>,
}

/// What a value of [`PROVISIONAL`] says, if it says something.
pub fn provisional(value: &str) -> Option<Provisional> {
    match value.trim() {
        "all" => Some(Provisional::All),
        "next" => Some(Provisional::Next),
        "none" => Some(Provisional::None),
        _ => None,
    }
}

/// Whether a value of [`TTL`] is longer than nothing, if it is a duration.
pub fn ttl(value: &str) -> Option<bool> {
    const UNITS: [&str; 24] = [
        "",
        "ms",
        "milli",
        "millis",
        "millisecond",
        "milliseconds",
        "s",
        "sec",
        "secs",
        "second",
        "seconds",
        "m",
        "min",
        "minute",
        "minutes",
        "h",
        "hour",
        "hours",
        "d",
        "day",
        "days",
        "us",
        "micro",
        "ns",
    ];
    let value = value.trim();
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    let unit = value[digits.len()..].trim();
    let length: u64 = digits.parse().ok()?;
    UNITS.contains(&unit).then_some(length > 0)
}

impl Said {
    /// Takes one setting, if it is one of these; what it may be is checked with all that is set.
    pub fn set(&mut self, key: &str, value: &str, at: Span) {
        match key {
            PROVISIONAL => self.provisional = provisional(value).or(self.provisional),
            TTL => self.ttl = ttl(value).map(|is_some| is_some.then_some(at)),
            _ => {}
        }
    }

    /// What is said here, and else there.
    pub fn or(self, other: Said) -> Said {
        Said {
            provisional: self.provisional.or(other.provisional),
            ttl: self.ttl.or(other.ttl),
        }
    }

    /// Gives a ranking what was said for it; what is to be told of that.
    pub fn apply(self, text: Text<'_>, ranking: &mut Ranking) -> Result<Vec<String>, QueryError> {
        let (mut notes, name) = (Vec::new(), ranking.name.clone());
        let is_always = ranking.window.is_always();
        match self.provisional {
            Some(said) if is_always && said != Provisional::All => notes.push(format!(
                "ranking {name}: '{PROVISIONAL}' is of windows that have not closed; a ranking of all time has none, and its rows \
                 are written as they change"
            )),
            said => ranking.provisional = said.unwrap_or_default(),
        }
        match self.ttl.flatten() {
            Some(at) if is_always => {
                let found = format!("a time to live for `{name}`, a ranking of all time");
                let allowed = "'0': of all time a key is kept for ever, which `standings check` says; in windows it goes with its window";
                return Err(text.error(at, found, allowed));
            }
            Some(_) => notes.push(format!(
                "ranking {name}: a time to live is of rankings of all time; of this one everything goes with its window \
                 (--allowed-lateness, --retain)"
            )),
            None => {}
        }
        Ok(notes)
    }
}
