//! Sales: Zipf cities and salesmen, disorder, refunds, late and broken records.

use std::io::Write;

use standings_model::time::{DAY, format_rfc3339};

use crate::dice::Dice;
use crate::people;
use crate::zipf::Zipf;

/// What sales are made: the flags of `standings load generate`, whose names the fields have.
#[derive(Clone, Debug)]
pub struct Shape {
    /// How many are spread over [`Shape::span`].
    pub sales: u64,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// How many cities.
    pub cities: u64,
    /// How many salesmen.
    pub salesmen: u64,
    /// Event time of the first sale, in milliseconds since 1970.
    pub start: i64,
    /// Over how much event time the sales are spread, in milliseconds.
    pub span: u64,
    /// How far a sale can be behind the ones before it, in milliseconds.
    pub disorder: u64,
    /// Share of sales that come an event-time day late.
    pub late_share: f64,
    /// Share of refunds (negative amounts).
    pub refund_share: f64,
    /// Share of sales that come twice, with the same sale_id.
    pub duplicate_share: f64,
    /// Share of records that are no sales.
    pub broken_share: f64,
    /// Zipf exponent of the cities: 0 is all alike, 1 as usual, larger is more uneven.
    pub city_exponent: f64,
    /// Zipf exponent of the salesmen.
    pub salesman_exponent: f64,
}

impl Default for Shape {
    /// A million sales of one day, in order but for five seconds, all of them sales.
    fn default() -> Self {
        Shape {
            sales: 1_000_000,
            seed: 1,
            cities: 300,
            salesmen: 20_000,
            // 2026-01-23T00:00:00Z
            start: 1_769_126_400_000,
            span: DAY as u64,
            disorder: 5_000,
            late_share: 0.0,
            refund_share: 0.0,
            duplicate_share: 0.0,
            broken_share: 0.0,
            city_exponent: 1.0,
            salesman_exponent: 1.0,
        }
    }
}

/// No such sales can be made. It names the flags, which are called as the fields are.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum WrongShape {
    /// Nobody sells, or nowhere.
    #[error("--cities and --salesmen must be at least 1")]
    Nobody,
    /// A share is below 0 or above 1.
    #[error("--{what}-share {share}: a share is from 0 to 1")]
    Share {
        /// Of what.
        what: &'static str,
        /// What was asked for.
        share: f64,
    },
    /// An exponent is below 0 or above 10.
    #[error("--{what}-exponent {exponent}: an exponent is from 0 to 10")]
    Exponent {
        /// Of what.
        what: &'static str,
        /// What was asked for.
        exponent: f64,
    },
}

/// Makes sales, one line after the other.
///
/// # Examples
///
/// ```
/// use standings_load::{Generator, Shape};
///
/// let shape = Shape { sales: 2, seed: 7, ..Shape::default() };
/// let (mut one, mut other) = (Vec::new(), Vec::new());
/// for out in [&mut one, &mut other] {
///     let mut generator = Generator::new(&shape)?;
///     generator.push(out);
///     generator.push(out);
/// }
/// assert!(one.starts_with(br#"{"sale_id":"a-0","event_time":"2026-01-2"#));
/// assert_eq!(one, other);
/// # Ok::<(), standings_load::WrongShape>(())
/// ```
pub struct Generator {
    dice: Dice,
    number: u64,
    shape: Shape,
    by_city: Zipf,
    by_salesman: Zipf,
    /// The last sale, for a duplicate; kept only where there are some.
    last: Vec<u8>,
    cities: Vec<String>,
    names: Vec<String>,
}

impl Generator {
    /// Ready for the first sale.
    pub fn new(shape: &Shape) -> Result<Self, WrongShape> {
        if shape.cities == 0 || shape.salesmen == 0 {
            return Err(WrongShape::Nobody);
        }
        for (what, share) in [
            ("late", shape.late_share),
            ("refund", shape.refund_share),
            ("duplicate", shape.duplicate_share),
            ("broken", shape.broken_share),
        ] {
            if !(0.0..=1.0).contains(&share) {
                return Err(WrongShape::Share { what, share });
            }
        }
        for (what, exponent) in [
            ("city", shape.city_exponent),
            ("salesman", shape.salesman_exponent),
        ] {
            if !(0.0..=10.0).contains(&exponent) {
                return Err(WrongShape::Exponent { what, exponent });
            }
        }
        Ok(Generator {
            dice: Dice::new(shape.seed),
            number: 0,
            shape: shape.clone(),
            by_city: Zipf::new(shape.cities, shape.city_exponent),
            by_salesman: Zipf::new(shape.salesmen, shape.salesman_exponent),
            last: Vec::new(),
            cities: (0..shape.cities).map(people::city).collect(),
            names: (0..shape.salesmen).map(people::name).collect(),
        })
    }

    fn happens(&mut self, share: f64) -> bool {
        share > 0.0 && self.dice.below(1_000_000) < (share * 1_000_000.0) as u64
    }

    /// Appends the next record and a line end.
    pub fn push(&mut self, out: &mut Vec<u8>) {
        let (number, total) = (self.number, self.shape.sales.max(1));
        self.number += 1;
        if self.happens(self.shape.broken_share) {
            out.extend_from_slice(b"{\"sale_id\":\"broken\",\"event_time\":\n");
            return;
        }
        if !self.last.is_empty() && self.happens(self.shape.duplicate_share) {
            out.extend_from_slice(&self.last);
            return;
        }
        let began = out.len();
        let span = u128::from(self.shape.span);
        let mut time = self.shape.start + (span * u128::from(number) / u128::from(total)) as i64;
        time -= self.dice.below(self.shape.disorder + 1) as i64;
        if self.happens(self.shape.late_share) {
            time -= DAY;
        }
        let time = format_rfc3339(time.max(0));
        let salesman = self.by_salesman.draw(&mut self.dice);
        // A salesman has a home, and works elsewhere now and then.
        let city = match self.dice.below(4) {
            0 => self.by_city.draw(&mut self.dice),
            _ => salesman.wrapping_mul(0x9e37_79b9) % self.shape.cities,
        };
        let digits = self.dice.below(4);
        let cents = 100 + self.dice.below(900 * 10u64.pow(digits as u32));
        let sign = if self.happens(self.shape.refund_share) {
            "-"
        } else {
            ""
        };
        let (city, name) = (&self.cities[city as usize], &self.names[salesman as usize]);
        // Writing to a Vec cannot fail. No name holds a character that JSON escapes.
        let _ = writeln!(
            out,
            "{{\"sale_id\":\"a-{number}\",\"event_time\":\"{time}\",\"city\":\"{city}\",\"salesman_id\":\"S{salesman:06}\",\
             \"salesman_name\":\"{name}\",\"amount\":{sign}{}.{:02}}}",
            cents / 100,
            cents % 100
        );
        if self.shape.duplicate_share > 0.0 {
            self.last.clear();
            self.last.extend_from_slice(&out[began..]);
        }
    }
}

/// The columns of a sale, in the order of its line.
pub const COLUMNS: [&str; 6] = [
    "sale_id",
    "event_time",
    "city",
    "salesman_id",
    "salesman_name",
    "amount",
];

/// The values of a sale that [`Generator::push`] wrote, as they stand there, by [`COLUMNS`]; `None` for what is no sale. For other forms of
/// the same sales: it reads nothing but those lines.
///
/// # Examples
///
/// ```
/// use standings_load::{Generator, Shape, cells};
///
/// let mut line = Vec::new();
/// Generator::new(&Shape::default())?.push(&mut line);
/// assert_eq!(cells(&line).map(|c| c[0]), Some("a-0"));
/// assert_eq!(cells(b"{\"sale_id\":\"broken\",\"event_time\":\n"), None);
/// # Ok::<(), standings_load::WrongShape>(())
/// ```
pub fn cells(line: &[u8]) -> Option<[&str; 6]> {
    let line = std::str::from_utf8(line).ok()?.trim_end_matches('\n');
    let mut rest = line.strip_prefix("{\"sale_id\":\"")?;
    let mut cells = [""; 6];
    for (i, cell) in cells.iter_mut().take(5).enumerate() {
        let next = match COLUMNS[i + 1] {
            "amount" => "\",\"amount\":".to_owned(),
            name => format!("\",\"{name}\":\""),
        };
        (*cell, rest) = rest.split_once(next.as_str())?;
    }
    cells[5] = rest.strip_suffix('}')?;
    Some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(shape: &Shape) -> Vec<String> {
        let mut generator = Generator::new(shape).unwrap();
        let mut out = Vec::new();
        (0..shape.sales).for_each(|_| generator.push(&mut out));
        let text = String::from_utf8(out).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn sales_are_what_their_shape_says() {
        let plain = Shape {
            sales: 2000,
            ..Shape::default()
        };
        let all = lines(&plain);
        assert_eq!(all.len(), 2000);
        assert!(all[0].starts_with("{\"sale_id\":\"a-0\",\"event_time\":\"2026-01-2"));
        assert!(!all.iter().any(|l| l.contains("\"amount\":-")));
        assert_eq!(all, lines(&plain), "the same seed, the same bytes");
        let other = Shape {
            seed: 2,
            ..plain.clone()
        };
        assert_ne!(all, lines(&other));
        let mixed = Shape {
            refund_share: 0.1,
            broken_share: 0.1,
            duplicate_share: 0.1,
            ..plain
        };
        let all = lines(&mixed);
        let share = |holds: &dyn Fn(usize) -> bool| (1..all.len()).filter(|n| holds(*n)).count();
        for found in [
            share(&|n| all[n].contains("\"amount\":-")),
            share(&|n| all[n].contains("\"broken\"")),
            share(&|n| all[n] == all[n - 1] && !all[n].contains("\"broken\"")),
        ] {
            assert!((100..300).contains(&found), "{found} of 2000");
        }
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_flag() {
        let wrong = |change: &dyn Fn(&mut Shape)| {
            let mut shape = Shape::default();
            change(&mut shape);
            Generator::new(&shape).err().unwrap().to_string()
        };
        assert!(wrong(&|s| s.cities = 0).contains("--cities"));
        assert!(wrong(&|s| s.late_share = 1.5).starts_with("--late-share 1.5: "));
        assert!(wrong(&|s| s.city_exponent = -1.0).starts_with("--city-exponent -1: "));
    }
}
