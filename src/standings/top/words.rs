//! Numbers, names and times as people read them. Decimals stay exact: they are grouped as text. Nothing that a server says
//! moves the cursor or hides a letter.

use standings_model::printable::printable;

/// A text of the server, on one line.
pub fn plain(text: &str) -> String {
    printable(text).into_owned()
}

/// `top_sales_per_city` as `Top sales per city`.
pub fn title(name: &str) -> String {
    let name = printable(name);
    let mut letters = name.chars();
    match letters.next() {
        Some(first) => first
            .to_uppercase()
            .chain(letters)
            .collect::<String>()
            .replace('_', " "),
        None => String::new(),
    }
}

/// `1234567.80` as `1,234,567.80`.
pub fn grouped(number: &str) -> String {
    let (sign, rest) = match number.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number),
    };
    let (whole, fraction) = match rest.split_once('.') {
        Some((whole, fraction)) => (whole, format!(".{fraction}")),
        None => (rest, String::new()),
    };
    if whole.is_empty() || !whole.bytes().all(|b| b.is_ascii_digit()) {
        return plain(number);
    }
    let mut out = String::from(sign);
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out + &fraction
}

/// Milliseconds with a sensible unit.
pub fn latency(ms: Option<f64>) -> String {
    match ms {
        None => "–".to_owned(),
        Some(ms) if ms < 10.0 => format!("{ms:.1} ms"),
        Some(ms) if ms < 1000.0 => format!("{ms:.0} ms"),
        Some(ms) => format!("{:.1} s", ms / 1000.0),
    }
}

/// A window: a day is its date, anything else has its hours. Both ends are as the server writes them, in UTC; of all time
/// there is none.
pub fn window(start: &str, end: &str) -> String {
    if end.is_empty() {
        return "all time".to_owned();
    }
    let split = |time: &str| match (time.get(..10), time.get(11..16)) {
        (Some(day), Some(clock)) => (day.to_owned(), clock.to_owned()),
        _ => (time.to_owned(), String::new()),
    };
    let (start, end) = (plain(start), plain(end));
    let ((day, from), (last, to)) = (split(&start), split(&end));
    match (from.as_str(), to.as_str()) {
        ("00:00", "00:00") => day,
        _ if day == last => format!("{day} {from}–{to}"),
        _ => format!("{day} {from}–{last} {to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_stay_exact() {
        for (given, shown) in [
            ("0.00", "0.00"),
            ("-12.50", "-12.50"),
            ("123", "123"),
            ("1234", "1,234"),
            ("-1234567.80", "-1,234,567.80"),
            ("99999999999999999999.99", "99,999,999,999,999,999,999.99"),
            ("–", "–"),
            ("", ""),
        ] {
            assert_eq!(grouped(given), shown);
        }
        assert_eq!(title("top_sales_per_city"), "Top sales per city");
        assert_eq!(
            window("2026-01-23T00:00:00Z", "2026-01-24T00:00:00Z"),
            "2026-01-23"
        );
        assert_eq!(
            window("2026-01-23T10:00:00Z", "2026-01-23T11:00:00Z"),
            "2026-01-23 10:00–11:00"
        );
        assert_eq!(
            window("2026-01-23T23:00:00Z", "2026-01-24T01:00:00Z"),
            "2026-01-23 23:00–2026-01-24 01:00"
        );
    }
}
