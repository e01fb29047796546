//! Numbers of Parquet as JSON's grammar writes them, exactly.

/// A decimal's digits without the zeros at its end, so that a scale above the column's is fine when the value is exact.
/// `digits` may begin with a sign.
pub fn decimal(digits: &str, scale: i8) -> String {
    let (sign, digits) = match digits.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", digits),
    };
    if scale <= 0 {
        let zeros = match digits {
            "0" => 0,
            _ => usize::from(scale.unsigned_abs()),
        };
        return format!("{sign}{digits}{}", "0".repeat(zeros));
    }
    let scale = usize::from(scale.unsigned_abs());
    let text = format!("{digits:0>width$}", width = scale + 1);
    let (whole, fraction) = text.split_at(text.len() - scale);
    let fraction = fraction.trim_end_matches('0');
    if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    }
}

/// A floating point number by its shortest digits; what is no number as a text, which no column of numbers takes.
pub fn double(n: f64, single: bool) -> String {
    let is_plain = n == 0.0 || (1e-7..1e18).contains(&n.abs());
    match (n.is_finite(), single) {
        (false, _) => format!("\"{n}\""),
        // Of 32 bits the digits are those of 32 bits.
        (true, true) if is_plain => format!("{}", n as f32),
        (true, true) => format!("{:e}", n as f32),
        (true, false) if is_plain => format!("{n}"),
        (true, false) => format!("{n:e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_their_value() {
        assert_eq!(decimal("123450", 4), "12.345");
        assert_eq!(decimal("-1200", 4), "-0.12");
        assert_eq!(decimal("1200", 2), "12");
        assert_eq!(decimal("0", 0), "0");
        assert_eq!(decimal("0", -3), "0");
        assert_eq!(decimal("-12", -3), "-12000");
    }

    #[test]
    fn doubles_keep_their_shortest_digits() {
        assert_eq!(double(12.3, false), "12.3");
        assert_eq!(double(0.1 + 0.2, false), "0.30000000000000004");
        assert_eq!(double(f64::from(12.3_f32), true), "12.3");
        assert_eq!(double(5.0, false), "5");
        assert_eq!(double(1e300, false), "1e300");
        assert_eq!(double(-2.5e-9, false), "-2.5e-9");
        assert_eq!(double(f64::NAN, false), "\"NaN\"");
    }
}
