//! Times in text: by which pattern they are written, and where a pattern cannot be told.
//!
//! ```text
//! 2026-01-23T10:15:00Z       standard: read as it is
//! 2026-01-23 10:15:00        standard, without an offset: needs a word
//! 23/01/2026 10:15           a pattern; 01/05/2026 alone could be the first of May or the fifth of January
//! ```

use std::collections::BTreeMap;

use super::shape::{clock_of, shape};

/// Which of day and month comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Day,
    Month,
}

/// Times of one pattern in a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Family {
    pub(super) count: u64,
    /// In how many the first of the two numbers is no month, and in how many the second is none.
    day_first: u64,
    month_first: u64,
    /// In how many it cannot be told, but for those where both are the same.
    unclear: u64,
    pair: bool,
    bare: [bool; 3],
    pub(super) has_clock: bool,
    pub(super) has_offset: bool,
    pub(super) is_standard: bool,
    /// The first that cannot be told, or the first.
    pub(super) example: String,
}

/// What is known of a family's pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// In Java's letters.
    pub(super) pattern: String,
    /// How many are written by it.
    pub(super) count: u64,
    /// The other pattern that it could be, for how many nothing tells it, and one of these.
    pub(super) or: Option<(String, u64, String)>,
}

/// The times of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    pub(super) families: BTreeMap<String, Family>,
    pub(super) all: u64,
}

impl Times {
    pub(super) fn add(&mut self, text: &str) {
        let Some(shape) = shape(text) else { return };
        self.all += 1;
        // By the digits of a fraction standard times do not differ.
        let key = match shape.is_standard {
            true => format!("standard {} {}", shape.has_clock, shape.has_offset),
            false => shape.template.clone(),
        };
        let family = self.families.entry(key).or_default();
        family.count += 1;
        if let Some((a, b)) = shape.pair {
            family.pair = true;
            family.day_first += u64::from(a > 12);
            family.month_first += u64::from(b > 12);
            let is_unclear = a <= 12 && b <= 12 && a != b;
            family.unclear += u64::from(is_unclear);
            if is_unclear && (family.unclear == 1 || family.example.is_empty()) {
                text.clone_into(&mut family.example);
            }
        }
        if family.example.is_empty() {
            text.clone_into(&mut family.example);
        }
        for (all, one) in family.bare.iter_mut().zip(shape.bare) {
            *all |= one;
        }
        family.has_clock = shape.has_clock;
        family.has_offset = shape.has_offset;
        family.is_standard = shape.is_standard;
    }

    /// Whether all are in the standard form.
    pub(super) fn are_standard(&self) -> bool {
        self.families.values().all(|f| f.is_standard)
    }

    /// Whether one of them has a time of the day.
    pub(super) fn have_clock(&self) -> bool {
        self.families.values().any(|f| f.has_clock)
    }

    /// Whether one of them has no offset.
    pub(super) fn lack_offset(&self) -> bool {
        self.families.values().any(|f| !f.has_offset)
    }

    /// The patterns, the most frequent first.
    pub(super) fn written(&self) -> Vec<Written> {
        // Where one pattern tells which comes first, so do its neighbours, likely.
        let told = |day: bool| {
            let clear = self
                .families
                .values()
                .filter(|f| (f.day_first > 0) != (f.month_first > 0));
            clear
                .filter(|f| (f.day_first > 0) == day)
                .map(|f| f.count)
                .sum::<u64>()
        };
        let usual = if told(false) > told(true) {
            Order::Month
        } else {
            Order::Day
        };
        let families = self.families.iter();
        let mut all: Vec<Written> = families.map(|(t, f)| f.written(t, usual)).collect();
        all.sort_by_key(|w| std::cmp::Reverse(w.count));
        all
    }
}

impl Family {
    fn written(&self, template: &str, usual: Order) -> Written {
        let standard = match (self.has_clock, self.has_offset) {
            _ if !self.is_standard => None,
            (false, _) => Some("yyyy-MM-dd"),
            (true, false) => Some("yyyy-MM-dd HH:mm:ss"),
            (true, true) => Some("yyyy-MM-dd'T'HH:mm:ssXXX"),
        };
        if let Some(pattern) = standard {
            let pattern = pattern.to_owned();
            return Written {
                pattern,
                count: self.count,
                or: None,
            };
        }
        let by = |order| fill(template, order, self.pair, self.bare);
        let (day, month) = (by(Order::Day), by(Order::Month));
        let is_clear = (self.day_first > 0) != (self.month_first > 0);
        let is_month = match self.month_first.cmp(&self.day_first) {
            std::cmp::Ordering::Equal => usual == Order::Month,
            more => more.is_gt(),
        };
        let (pattern, other) = if is_month { (month, day) } else { (day, month) };
        let is_open = self.pair && !is_clear;
        let unclear = self.unclear + self.day_first.min(self.month_first);
        let or = (is_open && unclear > 0).then(|| (other, unclear, self.example.clone()));
        Written {
            pattern,
            count: self.count,
            or,
        }
    }
}

fn fill(template: &str, order: Order, pair: bool, bare: [bool; 3]) -> String {
    let letter = |letter: &str, bare: bool| letter.repeat(if bare { 1 } else { 2 });
    // Only a pair has its day first; else the first is the month.
    let (a, b) = match (pair, order) {
        (true, Order::Day) => ("d", "M"),
        _ => ("M", "d"),
    };
    let hour = if template.contains('a') && template.contains(":mm") && template.ends_with('a') {
        "h"
    } else {
        "H"
    };
    template
        .replace("{a}", &letter(a, bare[0]))
        .replace("{b}", &letter(b, bare[1]))
        .replace("{H}", &letter(hour, bare[2]))
}

/// The pattern of clocks, where all of these are some.
pub(super) fn clocks<'a>(texts: impl Iterator<Item = &'a str>) -> Option<String> {
    let (mut found, mut bare) = (None, false);
    for text in texts {
        let (clock, one) = clock_of(text)?;
        bare |= one;
        if *found.get_or_insert_with(|| clock.clone()) != clock {
            return None;
        }
    }
    Some(fill(&found?, Order::Month, false, [false, false, bare]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use standings_scalar::time::pattern::Pattern;

    fn written(texts: &[&str]) -> Vec<Written> {
        let mut times = Times::default();
        texts.iter().for_each(|t| times.add(t));
        assert_eq!(times.all, texts.len() as u64, "{texts:?}");
        times.written()
    }

    #[test]
    fn patterns_read_what_they_are_told_by() {
        for (text, want) in [
            ("23/01/2026 10:15", "dd/MM/yyyy HH:mm"),
            ("1/23/2026", "M/dd/yyyy"),
            ("1/23/26 9:05", "M/dd/yy H:mm"),
            ("2021/1/1", "yyyy/M/d"),
            ("20201229", "yyyyMMdd"),
            ("23.01.2026 10:15:07.5", "dd.MM.yyyy HH:mm:ss.S"),
            ("23 Jan 2026", "dd MMM yyyy"),
            ("23-Jan-26", "dd-MMM-yy"),
            ("January 3, 2026", "MMMM d, yyyy"),
            (
                "Fri, 23 Jan 2026 10:15:00 +0100",
                "EEE, dd MMM yyyy HH:mm:ss XX",
            ),
            ("1/23/2026 10:15 AM", "M/dd/yyyy hh:mm a"),
            ("2026-01-23 10:15:00 UTC", "yyyy-MM-dd HH:mm:ss 'UTC'"),
            ("20260123101500", "yyyyMMddHHmmss"),
        ] {
            if text.len() == 14 {
                assert_eq!(shape(text), None, "digits alone are a number");
                continue;
            }
            let found = written(&[text]);
            assert_eq!(found[0].pattern, want, "{text}");
            assert_eq!(found[0].or, None, "{text}");
            assert!(
                Pattern::parse(want).unwrap().read(text).is_some(),
                "{text} by {want}"
            );
        }
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let found = written(&["01-05-2019", "03-04-2019", "07-07-2019"]);
        assert_eq!(found[0].pattern, "dd-MM-yyyy");
        let or = ("MM-dd-yyyy".to_owned(), 2, "01-05-2019".to_owned());
        assert_eq!(found[0].or, Some(or));
        // One that tells it tells it for all.
        let found = written(&["01-05-2019", "03-24-2019"]);
        assert_eq!(
            (found[0].pattern.as_str(), &found[0].or),
            ("MM-dd-yyyy", &None)
        );
        // Both at once: nothing is told.
        let found = written(&["01-25-2019", "25-01-2019", "02-03-2019"]);
        assert!(found[0].or.is_some());
        // What differs by more is two patterns.
        let found = written(&["1/13/2019", "1/14/2019", "01-05-2019"]);
        assert_eq!((found.len(), found[1].pattern.as_str()), (2, "MM-dd-yyyy"));
        assert!(found[1].or.is_some());
    }

    #[test]
    fn standard_times_are_one_family() {
        let all = [
            "2026-01-23T10:15:00Z",
            "2026-01-23 10:15:00.123+01:00",
            "2026-01-23T10:15+0100",
        ];
        let mut times = Times::default();
        all.iter().for_each(|t| times.add(t));
        assert!(times.are_standard() && times.have_clock() && !times.lack_offset());
        times.add("2026-01-23 10:15:00");
        assert!(times.are_standard() && times.lack_offset());
        times.add("2026-1-23 10:15:00");
        assert!(!times.are_standard());
        for text in [
            "12.34.56",
            "1-2-3",
            "99/99/2020",
            "2026-13-01",
            "abc",
            "0/0/2020",
            "10:15:00",
        ] {
            assert_eq!(shape(text), None, "{text}");
        }
        let clocks = |all: &[&str]| super::clocks(all.iter().copied());
        assert_eq!(clocks(&["13:08", "9:05"]).as_deref(), Some("H:mm"));
        assert_eq!(clocks(&["13:08:01"]).as_deref(), Some("HH:mm:ss"));
        assert_eq!(clocks(&["13:08", "x"]), None);
    }
}
