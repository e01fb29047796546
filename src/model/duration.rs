//! Durations as the command line writes them: `10ms`, `30s`, `1m`, `1h`, `1d`.

use std::time::Duration;

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// No number, or no unit.
    #[error("`{0}` is not a duration; write a whole number and a unit: 10ms, 30s, 1m, 1h, 1d")]
    None(String),
    /// More than so many days.
    #[error("`{0}` is too long; the most is {1}d")]
    TooLong(String, u32),
    /// Where it would be no time at all.
    #[error("0 is not taken: it has to take some time")]
    Zero,
}

/// Parses a duration; the number may be any whole number that fits, `0s` included.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let bad = || DurationError::None(text.to_owned());
    let n: u64 = number.parse().map_err(|_| bad())?;
    let scale = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    let ms = n
        .checked_mul(scale)
        .filter(|ms| *ms <= 400_000 * 86_400_000);
    ms.map(Duration::from_millis)
        .ok_or_else(|| DurationError::TooLong(text.to_owned(), 400_000))
}

/// Parses how long something is waited for: not 0, which would be no time at all for one thing and for ever for another, and
/// 24 days at most, which is what databases and sockets can count.
pub fn parse_some_duration(text: &str) -> Result<Duration, DurationError> {
    match parse_duration(text)? {
        d if d.is_zero() => Err(DurationError::Zero),
        d if d > Duration::from_secs(24 * 86_400) => {
            Err(DurationError::TooLong(text.to_owned(), 24))
        }
        d => Ok(d),
    }
}

/// The shortest form of whole milliseconds that [`parse_duration`] reads back.
pub fn format_duration(d: Duration) -> String {
    let ms = d.as_millis();
    for (scale, unit) in [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
    ] {
        if ms > 0 && ms.is_multiple_of(scale) {
            return format!("{}{unit}", ms / scale);
        }
    }
    if ms == 0 {
        "0s".to_owned()
    } else {
        format!("{ms}ms")
    }
}

/// As [`format_duration`], of milliseconds; what is negative is nothing.
pub fn format_ms(ms: i64) -> String {
    format_duration(Duration::from_millis(u64::try_from(ms).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_trip() {
        for text in ["10ms", "30s", "1m", "1h", "1d", "90s", "1500ms", "0s"] {
            assert_eq!(
                format_duration(parse_duration(text).unwrap()),
                if text == "90s" { "90s" } else { text }
            );
        }
        for text in [
            "",
            "10",
            "ms",
            "1.5s",
            "-1s",
            "1 s",
            "1w",
            "99999999999999999999s",
            "999999999d",
        ] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
