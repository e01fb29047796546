//! What is said for a ranking beside its query: `SET 'key' = 'value'` before it in its file, or its hint, which beats that.

use sqlparser::tokenizer::Span;

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
pub const TTLS: &str = "a duration, such as '30 d', of at most 36500 days, or '0' for none";

/// A time to live.
#[derive(Clone, Copy, Debug)]
pub struct Ttl {
    /// Where it is said.
    pub at: Span,
    /// How long, ms.
    pub ms: i64,
}

impl Ttl {
    /// None where it is 0.
    pub fn new(ms: i64, at: Span) -> Option<Self> {
        (ms > 0).then_some(Ttl { at, ms })
    }
}

/// What was said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Said {
    /// Which rows of open windows are written.
    pub provisional: Option<Provisional>,
    /// Where a time to live is said; within that, none where it is 0.
    pub ttl: Option<Option<Ttl>>,
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

/// The longest time to live, ms: longer than there are event times between two years that people mean.
const LONGEST: u64 = 36_500 * 86_400_000;

/// How long a value of [`TTL`] is, if it is a duration: ms, 0 for none. What is shorter than a millisecond is one.
pub fn ttl(value: &str) -> Option<i64> {
    let value = value.trim();
    let digits: String = value.chars().take_while(char::is_ascii_digit).collect();
    let number: u64 = digits.parse().ok()?;
    let ms: u64 = match value[digits.len()..].trim() {
        "ns" | "nano" | "nanos" | "nanosecond" | "nanoseconds" => number.div_ceil(1_000_000),
        "us" | "\u{b5}s" | "micro" | "micros" | "microsecond" | "microseconds" => {
            number.div_ceil(1_000)
        }
        "" | "ms" | "milli" | "millis" | "millisecond" | "milliseconds" => number,
        "s" | "sec" | "secs" | "second" | "seconds" => number.checked_mul(1_000)?,
        "m" | "min" | "minute" | "minutes" => number.checked_mul(60_000)?,
        "h" | "hour" | "hours" => number.checked_mul(3_600_000)?,
        "d" | "day" | "days" => number.checked_mul(86_400_000)?,
        _ => return None,
    };
    i64::try_from(ms).ok().filter(|_| ms <= LONGEST)
}

impl Said {
    /// Takes one setting, if it is one of these; what it may be is checked with all that is set.
    pub fn set(&mut self, key: &str, value: &str, at: Span) {
        match key {
            PROVISIONAL => self.provisional = provisional(value).or(self.provisional),
            TTL => self.ttl = ttl(value).map(|ms| Ttl::new(ms, at)),
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

    /// Gives a ranking what was said for it: what is to be told of that, and the time to live that it has.
    pub fn apply(self, ranking: &mut Ranking) -> (Vec<String>, Option<Ttl>) {
        let (mut notes, name) = (Vec::new(), ranking.name.clone());
        let is_always = ranking.window.is_always();
        match self.provisional {
            Some(said) if is_always && said != Provisional::All => notes.push(format!(
                "ranking {name}: '{PROVISIONAL}' is of windows that have not closed; a ranking of all time has none, and its rows \
                 are written as they change"
            )),
            said => ranking.provisional = said.unwrap_or_default(),
        }
        let ttl = self.ttl.flatten();
        if ttl.is_some() && !is_always {
            notes.push(format!(
                "ranking {name}: a time to live is of rankings of all time; of this one everything goes with its window \
                 (--allowed-lateness, --retain)"
            ));
        }
        (notes, ttl.filter(|_| is_always))
    }
}
