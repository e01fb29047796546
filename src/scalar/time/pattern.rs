//! Patterns of times in Java's letters (`yyyy-MM-dd HH:mm:ss.SSS`), English and in the ISO calendar, written and read.
//!
//! Read strictly: what is no date (30 February) or has more behind it does not fit. What a pattern does not say is that of
//! 1970-01-01T00:00:00.

use standings_model::expr::TimeUnit;

use super::{DAY, SECOND, calendar};
use crate::error::Fault;

/// The months in English, as `MMMM` has them.
pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// The days of a week from Monday, as `EEEE` has them.
pub const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// The longest pattern.
const MOST: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Literal(String),
    /// A letter, and how often it stands there.
    Field(char, usize),
}

/// A pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Item>);

impl Pattern {
    /// Of its text.
    pub fn parse(text: &str) -> Result<Pattern, Fault> {
        let wrong = || Fault::Pattern(text.chars().take(64).collect::<String>().into());
        if text.len() > MOST {
            return Err(wrong());
        }
        let mut items: Vec<Item> = Vec::new();
        let literal = |c: char, items: &mut Vec<Item>| match items.last_mut() {
            Some(Item::Literal(text)) => text.push(c),
            _ => items.push(Item::Literal(c.to_string())),
        };
        let mut rest = text.chars().peekable();
        while let Some(c) = rest.next() {
            if c == '\'' {
                if rest.next_if_eq(&'\'').is_some() {
                    literal('\'', &mut items);
                    continue;
                }
                loop {
                    match rest.next() {
                        Some('\'') if rest.next_if_eq(&'\'').is_some() => literal('\'', &mut items),
                        Some('\'') => break,
                        Some(c) => literal(c, &mut items),
                        None => return Err(wrong()),
                    }
                }
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while rest.next_if_eq(&c).is_some() {
                    count += 1;
                }
                if count > most(c) {
                    return Err(wrong());
                }
                items.push(Item::Field(c, count));
            } else if "[]{}#".contains(c) {
                return Err(wrong());
            } else {
                literal(c, &mut items);
            }
        }
        Ok(Pattern(items))
    }

    /// A local time by this pattern.
    pub fn format(&self, local: i64) -> String {
        let mut out = String::new();
        for item in &self.0 {
            match item {
                Item::Literal(text) => out.push_str(text),
                Item::Field(letter, count) => push(&mut out, *letter, *count, local),
            }
        }
        out
    }

    /// The local time that a text says, and how far its zone is before UTC where the pattern has one; none where it does
    /// not fit.
    pub fn read(&self, text: &str) -> Option<(i64, Option<i64>)> {
        let mut parts = Parts::default();
        let mut rest = text;
        for item in &self.0 {
            rest = match item {
                Item::Literal(literal) => rest.strip_prefix(literal.as_str())?,
                Item::Field(letter, count) => parts.take(*letter, *count, rest)?,
            };
        }
        if !rest.is_empty() {
            return None;
        }
        Some((parts.local()?, parts.offset))
    }
}

/// How often a letter may stand; 0 for one that is not known.
fn most(letter: char) -> usize {
    match letter {
        'y' | 'u' | 'M' | 'L' | 'E' => 4,
        'd' | 'H' | 'h' | 'k' | 'K' | 'm' | 's' | 'Q' => 2,
        'D' => 3,
        'S' => 9,
        'a' => 1,
        'X' | 'x' => 3,
        'Z' => 3,
        _ => 0,
    }
}

fn push(out: &mut String, letter: char, count: usize, local: i64) {
    let part = |unit| calendar::extract(unit, local);
    let number = |n: i64| format!("{n:0count$}");
    let named = |names: &[&str], n: i64| {
        let name = names[(n - 1) as usize];
        name[..if count == 4 { name.len() } else { 3 }].to_owned()
    };
    let hour = part(TimeUnit::Hour);
    let text = match letter {
        'y' | 'u' if count == 2 => number(part(TimeUnit::Year).rem_euclid(100)),
        'y' | 'u' => number(part(TimeUnit::Year)),
        'M' | 'L' if count > 2 => named(&MONTHS, part(TimeUnit::Month)),
        'M' | 'L' => number(part(TimeUnit::Month)),
        'E' => named(&WEEKDAYS, part(TimeUnit::IsoDayOfWeek)),
        'd' => number(part(TimeUnit::Day)),
        'D' => number(part(TimeUnit::DayOfYear)),
        'Q' => number(part(TimeUnit::Quarter)),
        'H' => number(hour),
        'k' => number(if hour == 0 { 24 } else { hour }),
        'K' => number(hour % 12),
        'h' => number(if hour % 12 == 0 { 12 } else { hour % 12 }),
        'm' => number(part(TimeUnit::Minute)),
        's' => number(part(TimeUnit::Second)),
        'S' => format!("{:06}000", local.rem_euclid(SECOND))[..count].to_owned(),
        'a' => if hour < 12 { "AM" } else { "PM" }.to_owned(),
        // What is written is local: its offset is not known.
        _ => String::new(),
    };
    out.push_str(&text);
}

/// What was read so far.
#[derive(Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    of_year: Option<i64>,
    weekday: Option<i64>,
    hour: i64,
    half: Option<i64>,
    is_afternoon: Option<bool>,
    minute: i64,
    second: i64,
    micros: i64,
    offset: Option<i64>,
}

/// A number at the begin of a text: of one letter as many digits as there are (at most `most`), else exactly so many.
fn number(text: &str, count: usize, most: usize) -> Option<(i64, &str)> {
    let digits = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    let used = if count == 1 { digits } else { count };
    if used == 0 || digits < used {
        return None;
    }
    Some((text[..used].parse().ok()?, &text[used..]))
}

/// One of these names at the begin of a text, whole or its first three letters, from 1.
fn name<'a>(names: &[&str], count: usize, text: &'a str) -> Option<(i64, &'a str)> {
    names.iter().enumerate().find_map(|(i, name)| {
        let name = if count == 4 { name } else { &name[..3] };
        Some((i as i64 + 1, text.strip_prefix(name)?))
    })
}

impl Parts {
    /// Takes a field from the begin of a text; what is behind it comes out.
    fn take<'a>(&mut self, letter: char, count: usize, text: &'a str) -> Option<&'a str> {
        let two = || number(text, count, 2);
        let (n, rest) = match letter {
            'y' | 'u' => number(text, count, 4)?,
            'M' | 'L' if count > 2 => name(&MONTHS, count, text)?,
            'E' => name(&WEEKDAYS, count, text)?,
            'D' => number(text, count, 3)?,
            'S' => number(text, count.max(2), 9)
                .filter(|_| count > 1)
                .or_else(|| {
                    let (n, rest) = number(text, 1, 1)?;
                    (count == 1).then_some((n, rest))
                })?,
            'a' => match (text.strip_prefix("AM"), text.strip_prefix("PM")) {
                (Some(rest), _) => (0, rest),
                (_, Some(rest)) => (1, rest),
                _ => return None,
            },
            'X' | 'x' | 'Z' => offset(letter, count, text)?,
            _ => two()?,
        };
        match letter {
            'y' | 'u' => self.year = Some(if count == 2 { 2000 + n } else { n }),
            'M' | 'L' => self.month = Some(n),
            'E' => self.weekday = Some(n),
            'd' => self.day = Some(n),
            'D' => self.of_year = Some(n),
            // The first month of the quarter, unless a month is said.
            'Q' => self.month = self.month.or(Some(n * 3 - 2)),
            'H' => self.hour = in_range(n, 0, 23)?,
            'k' => self.hour = in_range(n, 1, 24)? % 24,
            'K' => self.half = Some(in_range(n, 0, 11)?),
            'h' => self.half = Some(in_range(n, 1, 12)? % 12),
            'm' => self.minute = in_range(n, 0, 59)?,
            's' => self.second = in_range(n, 0, 59)?,
            'S' => self.micros = n * 10i64.pow(9 - count as u32) / 1000,
            'a' => self.is_afternoon = Some(n == 1),
            _ => self.offset = Some(n * SECOND),
        }
        Some(rest)
    }

    fn local(&self) -> Option<i64> {
        let year = self.year.unwrap_or(1970);
        let day = match self.of_year {
            Some(n) => {
                let last = if calendar::last_day(year, 2) == 29 {
                    366
                } else {
                    365
                };
                calendar::date(year, 1, 1)? + in_range(n, 1, last)? - 1
            }
            None => calendar::date(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        let is_day = |n| calendar::extract(TimeUnit::IsoDayOfWeek, day * DAY) == n;
        if !self.weekday.is_none_or(is_day) {
            return None;
        }
        let hour = match (self.half, self.is_afternoon) {
            (Some(half), afternoon) => half + if afternoon == Some(true) { 12 } else { 0 },
            (None, _) => self.hour,
        };
        Some(day * DAY + (hour * 3600 + self.minute * 60 + self.second) * SECOND + self.micros)
    }
}

fn in_range(n: i64, low: i64, high: i64) -> Option<i64> {
    (low..=high).contains(&n).then_some(n)
}

/// `Z`, `+02`, `+0200`, `+02:00` in seconds, by the letter and how often it stands there.
fn offset(letter: char, count: usize, text: &str) -> Option<(i64, &str)> {
    if letter == 'X'
        && let Some(rest) = text.strip_prefix('Z')
    {
        return Some((0, rest));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, mut rest) = number(&text[1..], 2, 2)?;
    let mut minutes = 0;
    if letter == 'Z' || count > 1 {
        if letter != 'Z' && count == 3 {
            rest = rest.strip_prefix(':')?;
        }
        (minutes, rest) = number(rest, 2, 2)?;
    }
    let seconds = in_range(hours, 0, 18)? * 3600 + in_range(minutes, 0, 59)? * 60;
    Some((sign * seconds, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> i64 {
        standings_model::time::parse_rfc3339(text.as_bytes()).unwrap() * 1000
    }

    #[test]
    fn written() {
        let t = at("2026-03-01T17:05:09.078Z");
        for (pattern, want) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2026-03-01 17:05:09.078"),
            ("yy/M/d H:m:s", "26/3/1 17:5:9"),
            ("EEE, dd MMM yyyy", "Sun, 01 Mar 2026"),
            ("EEEE d MMMM", "Sunday 1 March"),
            ("hh:mm a", "05:05 PM"),
            ("yyyy'T'''DDD", "2026T'060"),
            ("SSSSSS", "078000"),
            ("Q/uuuu", "1/2026"),
            ("HH 'o''clock'", "17 o'clock"),
            ("K k", "5 17"),
        ] {
            assert_eq!(
                Pattern::parse(pattern).unwrap().format(t),
                want,
                "{pattern}"
            );
        }
    }

    #[test]
    fn read() {
        for (pattern, text, want) in [
            ("yyyy-MM-dd", "2026-03-01", Some("2026-03-01T00:00:00Z")),
            (
                "yyyyMMddHHmmss",
                "20260301170509",
                Some("2026-03-01T17:05:09Z"),
            ),
            ("dd/MM/yy", "01/03/26", Some("2026-03-01T00:00:00Z")),
            (
                "d.M.yyyy H:mm",
                "1.3.2026 7:05",
                Some("2026-03-01T07:05:00Z"),
            ),
            (
                "dd MMM yyyy hh:mm a",
                "01 Mar 2026 12:30 AM",
                Some("2026-03-01T00:30:00Z"),
            ),
            (
                "EEE yyyy-MM-dd",
                "Sun 2026-03-01",
                Some("2026-03-01T00:00:00Z"),
            ),
            ("EEE yyyy-MM-dd", "Mon 2026-03-01", None),
            ("yyyy-DDD", "2026-060", Some("2026-03-01T00:00:00Z")),
            (
                "HH:mm:ss.SSS",
                "01:02:03.004",
                Some("1970-01-01T01:02:03.004Z"),
            ),
            ("yyyy-MM-dd", "2026-02-30", None),
            ("yyyy-MM-dd", "2026-3-01", None),
            ("yyyy-MM-dd", "2026-03-01 ", None),
            ("yyyy-MM-dd HH", "2026-03-01 24", None),
            ("yyyy", "é", None),
        ] {
            let found = Pattern::parse(pattern).unwrap().read(text);
            assert_eq!(found.map(|f| f.0), want.map(at), "{pattern} {text}");
        }
        let zoned = |p: &str, t| Pattern::parse(p).unwrap().read(t).and_then(|f| f.1);
        assert_eq!(zoned("HHXXX", "00+02:00"), Some(7200 * SECOND));
        assert_eq!(zoned("HHX", "00Z"), Some(0));
        assert_eq!(zoned("HHZ", "00-0330"), Some(-12_600 * SECOND));
        for pattern in ["yyyy'", "[yyyy]", "b", "yyyyy", "HHH"] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(us in -719_528 * DAY..2_932_897 * DAY) {
            let pattern = Pattern::parse("EEEE yyyy-MMMM-dd'x'hh:mm:ss.SSSSSS a").unwrap();
            prop_assert_eq!(pattern.read(&pattern.format(us)), Some((us, None)));
        }

        #[test]
        fn no_pattern_and_no_text_panics(pattern in "\\PC*", letters in "[a-zA-Z' -]*", text in "\\PC*", us: i64) {
            for pattern in [pattern, letters] {
                if let Ok(pattern) = Pattern::parse(&pattern) {
                    pattern.format(us);
                    pattern.read(&text);
                }
            }
        }
    }
}
