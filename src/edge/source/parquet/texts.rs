//! Numbers of Parquet as JSON's grammar writes them, exactly.

use standings_model::digits;

/// Appends a decimal as [`decimal`] writes it.
pub fn push_decimal(out: &mut Vec<u8>, unscaled: i128, scale: i8) {
    let Ok(scale) = u8::try_from(scale) else {
        out.extend_from_slice(decimal(&unscaled.to_string(), scale).as_bytes());
        return;
    };
    digits::push_decimal(out, unscaled, scale);
    if scale > 0 {
        while out.last() == Some(&b'0') {
            out.pop();
        }
        // Behind the point there was nothing but zeros.
        out.pop_if(|last| *last == b'.');
    }
}

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
    fn both_ways_write_the_same() {
        let mut state = 1_u64;
        let mut dice = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(7);
            state >> 16
        };
        let edges = [
            0,
            1,
            -1,
            10,
            -100,
            i128::MAX,
            i128::MIN,
            10_i128.pow(38) - 1,
        ];
        for round in 0..20_000 {
            let digits = dice() % 39;
            let n = match edges.get(round) {
                Some(edge) => *edge,
                None => {
                    let wide = i128::from(dice()) * i128::from(dice()) % 10_i128.pow(digits as u32);
                    let wide =
                        wide / 10_i128.pow(dice() as u32 % 9) * 10_i128.pow(dice() as u32 % 9);
                    if dice() % 2 == 0 { wide } else { -wide }
                }
            };
            for scale in [0, 1, 2, 3, 9, 18, 37, 38, -3, (dice() % 39) as i8] {
                let mut out = Vec::new();
                push_decimal(&mut out, n, scale);
                assert_eq!(
                    String::from_utf8(out).unwrap(),
                    decimal(&n.to_string(), scale),
                    "{n} {scale}"
                );
            }
        }
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
