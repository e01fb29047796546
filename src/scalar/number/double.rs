//! Doubles: from exact numbers and back by their shortest text, and as Java writes them.

use std::fmt::Write;

use super::exact::ten;
use super::parse;

/// The nearest double of an exact number.
pub fn of_exact(n: i128, scale: u8) -> f64 {
    // Both exact up to there, so that the quotient is the nearest.
    if n.unsigned_abs() <= 1 << 53 && scale <= 22 {
        return n as f64 / ten(scale) as f64;
    }
    format!("{n}e-{scale}").parse().unwrap_or(f64::NAN)
}

/// The digits of a double at a scale, by its shortest text, half away from zero; none beyond 38 digits, or of what is no
/// number.
pub fn to_exact(n: f64, scale: u8) -> Option<i128> {
    if !n.is_finite() {
        return None;
    }
    parse::decimal(&format!("{n:e}"), scale).ok().flatten()
}

/// The whole part; none where it is no number, or beyond 128 bits.
pub fn to_whole(n: f64) -> Option<i128> {
    // The bounds are exact as doubles.
    (n.is_finite() && n.abs() < 1.7e38).then_some(n as i128)
}

/// As Java and so Flink writes it: `1.0`, `1.0E7`, `1.5E-4`, `NaN`, `Infinity`.
pub fn java(n: f64, is_single: bool) -> String {
    if n.is_nan() {
        return "NaN".to_owned();
    }
    if n.is_infinite() {
        return if n < 0.0 { "-Infinity" } else { "Infinity" }.to_owned();
    }
    let text = if is_single {
        format!("{:e}", n as f32)
    } else {
        format!("{n:e}")
    };
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let size = n.abs();
    if size == 0.0 || (1e-3..1e7).contains(&size) {
        let plain = if is_single {
            format!("{}", n as f32)
        } else {
            format!("{n}")
        };
        return match plain.contains('.') {
            true => plain,
            false => plain + ".0",
        };
    }
    let mut out = digits.to_owned();
    if !digits.contains('.') {
        out.push_str(".0");
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "E{exponent}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_java_writes_them() {
        for (n, text) in [
            (0.0, "0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (0.001, "0.001"),
            (0.00015, "1.5E-4"),
            (9_999_999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (-1.25e100, "-1.25E100"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(java(n, false), text);
        }
        assert_eq!(java(f64::from(0.1f32), true), "0.1");
    }

    #[test]
    fn exact_numbers_are_the_nearest_double_and_back() {
        assert_eq!(of_exact(1, 1), 0.1);
        let long: f64 = "-1234.56789012345678901234".parse().unwrap();
        assert_eq!(of_exact(-123_456_789_012_345_678_901_234, 20), long);
        assert_eq!(of_exact(1, 38), 1e-38);
        assert_eq!(to_exact(0.1, 3), Some(100));
        assert_eq!(to_exact(2.675, 2), Some(268));
        assert_eq!(to_exact(-2.5, 0), Some(-3));
        assert_eq!(to_exact(1e38, 0), None);
        assert_eq!(to_exact(f64::NAN, 0), None);
        assert_eq!(to_whole(-2.9), Some(-2));
        assert_eq!(to_whole(1e39), None);
    }
}
