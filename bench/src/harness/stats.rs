//! Medians, ratios by pairs, and how numbers are written.

/// The median; of an even number the mean of the two in the middle. NaN of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.into_iter().collect();
    all.sort_by(f64::total_cmp);
    match (all.len(), all.len() / 2) {
        (0, _) => f64::NAN,
        (n, half) if n % 2 == 1 => all[half],
        (_, half) => f64::midpoint(all[half - 1], all[half]),
    }
}

/// The least; infinite of nothing.
pub fn least(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::INFINITY, f64::min)
}

/// The greatest; minus infinity of nothing.
pub fn most(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(f64::NEG_INFINITY, f64::max)
}

/// What one side took to what another took in the same round.
#[derive(Clone, Debug, Default)]
pub struct Ratios(pub Vec<f64>);

impl Ratios {
    /// Round by round; a round that only one side has had does not count.
    pub fn new(over: impl IntoIterator<Item = f64>, under: impl IntoIterator<Item = f64>) -> Self {
        let pairs = over.into_iter().zip(under);
        Ratios(pairs.map(|(over, under)| over / under).collect())
    }

    /// Their median.
    pub fn median(&self) -> f64 {
        median(self.0.iter().copied())
    }

    /// From the least to the greatest.
    pub fn range(&self) -> (f64, f64) {
        let all = || self.0.iter().copied();
        (least(all()), most(all()))
    }
}

/// With so many decimals, and a comma before each three digits.
pub fn grouped(value: f64, decimals: usize) -> String {
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = match plain.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (plain.as_str(), String::new()),
    };
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", whole),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return plain;
    }
    let mut out = sign.to_owned();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &fraction
}

/// A whole number with commas.
pub fn whole(value: u64) -> String {
    grouped(value as f64, 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 3.0, 2.0]), 2.5);
        assert_eq!(median([7.0]), 7.0);
        assert!(median([]).is_nan());
    }

    #[test]
    fn ratios_are_of_the_rounds_that_both_had() {
        let ratios = Ratios::new([2.0, 9.0, 4.0], [1.0, 3.0]);
        assert_eq!(ratios.0, [2.0, 3.0]);
        assert_eq!(ratios.median(), 2.5);
        assert_eq!(ratios.range(), (2.0, 3.0));
    }

    #[test]
    fn numbers_have_a_comma_before_each_three_digits() {
        for (value, decimals, wanted) in [
            (0.0, 0, "0"),
            (999.0, 0, "999"),
            (1000.0, 0, "1,000"),
            (1_234_567.89, 1, "1,234,567.9"),
            (-12_345.0, 0, "-12,345"),
            (0.125, 2, "0.12"),
            (f64::INFINITY, 0, "inf"),
        ] {
            assert_eq!(grouped(value, decimals), wanted);
        }
        assert_eq!(whole(5_000_000), "5,000,000");
    }
}
