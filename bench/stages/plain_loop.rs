//! The opponent: what one would write by hand for one file. Reads NDJSON lines, decodes them with serde_json, keeps
//! the totals of the two rankings of `bench/queries` in hash maps, and prints both rankings at the end.
//!
//! It has no watermark, no late sales, no dead letters with offsets, no changes while it runs, no second worker: every
//! one of these would make it slower. Prints each ranking as NDJSON, for the comparison of results.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::{BufRead, BufReader, BufWriter, Write};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const HOUR: i64 = 3_600_000;

#[derive(serde::Deserialize)]
struct Sale<'a> {
    #[serde(borrow)]
    event_time: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    city: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    salesman_id: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    salesman_name: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    amount: &'a serde_json::value::RawValue,
}

#[derive(Default)]
struct City {
    total: i64,
    count: i64,
    max: i64,
}

#[derive(Default)]
struct Salesman {
    total: i64,
    count: i64,
    name: (i64, String),
    cities: HashSet<String>,
}

/// Milliseconds of `2026-01-23T10:15:00.123Z`.
fn time(text: &str) -> Option<i64> {
    let n = |a: usize, b: usize| text.get(a..b)?.parse::<i64>().ok();
    let (y, m, d) = (n(0, 4)?, n(5, 7)?, n(8, 10)?);
    // Days from civil (Hinnant).
    let y2 = if m <= 2 { y - 1 } else { y };
    let era = y2.div_euclid(400);
    let yoe = y2 - era * 400;
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + d - 1;
    let days = era * 146_097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719_468;
    let ms = match text.as_bytes().get(19) {
        Some(b'.') => n(20, 23)?,
        _ => 0,
    };
    Some(((days * 24 + n(11, 13)?) * 60 + n(14, 16)?) * 60_000 + n(17, 19)? * 1000 + ms)
}

/// Cents of `12.34`.
fn cents(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction = match fraction.len() {
        0 => 0,
        1 => fraction.parse::<i64>().ok()? * 10,
        2 => fraction.parse().ok()?,
        _ => return None,
    };
    Some(sign * (whole.parse::<i64>().ok()? * 100 + fraction))
}

fn decimal(n: i64) -> String {
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100)
}

type ByWindow<T> = HashMap<i64, HashMap<String, T>>;

/// Both rankings, the best first.
fn print(cities: ByWindow<City>, salesmen: ByWindow<Salesman>) {
    let mut out = BufWriter::new(std::io::stdout().lock());
    for (window, of_window) in cities.into_iter().collect::<BTreeMap<_, _>>() {
        let mut rows: Vec<_> = of_window.into_iter().collect();
        rows.sort_by(|a, b| b.1.total.cmp(&a.1.total).then(a.0.cmp(&b.0)));
        for (rank, (city, c)) in rows.into_iter().take(10).enumerate() {
            let total = decimal(c.total);
            writeln!(
                out,
                "top_sales_per_city {window} {} {city} {total} {} {}",
                rank + 1,
                c.count,
                decimal(c.max)
            )
            .expect("stdout");
        }
    }
    for (window, of_window) in salesmen.into_iter().collect::<BTreeMap<_, _>>() {
        let mut rows: Vec<_> = of_window.into_iter().collect();
        rows.sort_by(|a, b| b.1.total.cmp(&a.1.total).then(a.0.cmp(&b.0)));
        for (rank, (id, s)) in rows.into_iter().take(100).enumerate() {
            let (total, cities) = (decimal(s.total), s.cities.len());
            writeln!(
                out,
                "top_salesmen {window} {} {id} {total} {} {cities}",
                rank + 1,
                s.count
            )
            .expect("stdout");
        }
    }
}

fn main() {
    let path = std::env::args().nth(1).expect("plain_loop FILE.ndjson");
    let mut file =
        BufReader::with_capacity(1 << 20, std::fs::File::open(path).expect("a readable file"));
    let mut cities: ByWindow<City> = HashMap::new();
    let mut salesmen: ByWindow<Salesman> = HashMap::new();
    let mut line = Vec::new();
    let (mut read, mut broken) = (0u64, 0u64);
    while file.read_until(b'\n', &mut line).expect("a readable file") > 0 {
        read += 1;
        let sale = serde_json::from_slice::<Sale<'_>>(&line).ok();
        let parsed = sale.and_then(|s| Some((time(&s.event_time)?, cents(s.amount.get())?, s)));
        match parsed {
            None => broken += 1,
            Some((at, amount, sale)) => {
                let window = at.div_euclid(HOUR) * HOUR;
                let of_window = cities.entry(window).or_default();
                if !of_window.contains_key(sale.city.as_ref()) {
                    of_window.insert(
                        sale.city.to_string(),
                        City {
                            max: i64::MIN,
                            ..City::default()
                        },
                    );
                }
                if let Some(city) = of_window.get_mut(sale.city.as_ref()) {
                    city.total += amount;
                    city.count += 1;
                    city.max = city.max.max(amount);
                }
                let of_window = salesmen.entry(window).or_default();
                if !of_window.contains_key(sale.salesman_id.as_ref()) {
                    of_window.insert(sale.salesman_id.to_string(), Salesman::default());
                }
                if let Some(salesman) = of_window.get_mut(sale.salesman_id.as_ref()) {
                    salesman.total += amount;
                    salesman.count += 1;
                    if at >= salesman.name.0 {
                        salesman.name.0 = at;
                        salesman.name.1.clear();
                        salesman.name.1.push_str(&sale.salesman_name);
                    }
                    if !salesman.cities.contains(sale.city.as_ref()) {
                        salesman.cities.insert(sale.city.to_string());
                    }
                }
            }
        }
        line.clear();
    }
    print(cities, salesmen);
    eprintln!("{read} read, {broken} broken");
}
