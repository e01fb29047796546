//! Numbers as people write them, by the dialect's separators, as JSON's grammar has them.

/// The signs in numbers.
#[derive(Clone, Debug)]
pub struct Separators {
    decimal: char,
    thousands: Option<char>,
}

impl Separators {
    /// `None` where numbers are written as in JSON anyhow.
    pub fn new(decimal: char, thousands: Option<char>) -> Option<Self> {
        (decimal != '.' || thousands.is_some()).then_some(Separators { decimal, thousands })
    }

    /// The number in JSON's grammar; `None` for what is none by these signs. Thousands are groups of three, or it would be
    /// guessed which of the two signs was meant.
    pub fn plain(&self, cell: &str) -> Option<String> {
        let (sign, rest) = match cell.strip_prefix('-') {
            Some(rest) => ("-", rest),
            None => ("", cell),
        };
        let (number, exponent) = match rest.find(['e', 'E']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (whole, fraction) = match number.split_once(self.decimal) {
            Some((whole, fraction)) => (whole, Some(fraction)),
            None => (number, None),
        };
        let mut plain = sign.to_owned();
        match self.thousands {
            Some(sign) if whole.contains(sign) => {
                for (n, group) in whole.split(sign).enumerate() {
                    let fits = if n == 0 { 1..=3 } else { 3..=3 };
                    if !fits.contains(&group.len()) {
                        return None;
                    }
                    plain.push_str(group);
                }
            }
            _ => plain.push_str(whole),
        }
        if let Some(fraction) = fraction {
            plain.push('.');
            plain.push_str(fraction);
        }
        plain.push_str(exponent);
        is_number(plain.as_bytes()).then_some(plain)
    }

    /// How a number is written.
    pub fn example(&self) -> String {
        let thousands = self.thousands.map(String::from).unwrap_or_default();
        format!("a number such as 1{thousands}234{}50", self.decimal)
    }
}

/// Whether this is a JSON number without fraction and exponent.
pub fn is_integer(cell: &[u8]) -> bool {
    match cell.strip_prefix(b"-").unwrap_or(cell) {
        [] => false,
        [b'0', _, ..] => false,
        digits => digits.iter().all(u8::is_ascii_digit),
    }
}

/// Whether this is a JSON number.
pub fn is_number(cell: &[u8]) -> bool {
    let end = |from: &[u8]| {
        from.iter()
            .position(|b| !b.is_ascii_digit())
            .unwrap_or(from.len())
    };
    let sign = usize::from(cell.first() == Some(&b'-'));
    let whole = sign + end(&cell[sign..]);
    if !is_integer(&cell[..whole]) {
        return false;
    }
    let mut rest = &cell[whole..];
    if let Some(fraction) = rest.strip_prefix(b".") {
        let digits = end(fraction);
        if digits == 0 {
            return false;
        }
        rest = &fraction[digits..];
    }
    match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => {
            !digits.is_empty() && end(digits) == digits.len()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_their_separators() {
        let german = Separators::new(',', Some('.')).expect("signs");
        let french = Separators::new(',', Some('\u{202f}')).expect("signs");
        let swiss = Separators::new('.', Some('\'')).expect("signs");
        for (signs, cell, want) in [
            (&german, "1.234,50", Some("1234.50")),
            (&german, "-1.234.567", Some("-1234567")),
            (&german, "1234,5", Some("1234.5")),
            (&german, "12.50", None),
            (&german, "1234.567,8", None),
            (&german, "1,234.50", None),
            (&german, "1.234.56", None),
            (&german, ".123", None),
            (&german, "", None),
            (&german, "12,", None),
            (&german, "1,5e3", Some("1.5e3")),
            (&french, "1\u{202f}234,5", Some("1234.5")),
            (&swiss, "1'234.50", Some("1234.50")),
            (&swiss, "€ 5", None),
            (&swiss, "(5)", None),
        ] {
            assert_eq!(signs.plain(cell).as_deref(), want, "{cell}");
        }
        assert!(Separators::new('.', None).is_none());
        assert_eq!(german.example(), "a number such as 1.234,50");
    }

    #[test]
    fn numbers_of_json() {
        for (cell, integer, number) in [
            ("0", true, true),
            ("-17", true, true),
            ("007", false, false),
            ("-", false, false),
            ("", false, false),
            ("1.50", false, true),
            ("1.", false, false),
            (".5", false, false),
            ("1e5", false, true),
            ("1E-5", false, true),
            ("1e", false, false),
            ("+1", false, false),
            ("NaN", false, false),
        ] {
            let found = (is_integer(cell.as_bytes()), is_number(cell.as_bytes()));
            assert_eq!(found, (integer, number), "{cell}");
        }
    }
}
