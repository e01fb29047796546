//! A generator of sales, the fold of a change log, and a plain reference of the shipped rankings, which shares no code with
//! the engine.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

pub const DAY: i64 = 86_400_000;
pub const HOUR: i64 = 3_600_000;

/// A small generator (xorshift), so that a seed names a case.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        dice.roll(2);
        dice
    }

    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % sides
    }
}

/// Lines of hostile sales: ties, refunds, late ones, duplicates, unicode, escapes, and records that are no sales.
pub fn sales(dice: &mut Dice, n: usize, from: i64, step: u64) -> Vec<String> {
    let cities = [
        "Lisbon",
        "São Paulo",
        "東京",
        "Z\\u00fcrich",
        "Zürich",
        "a\\\"b",
        "",
        "Porto",
        "porto",
        "Łódź",
    ];
    let broken = [
        "{",
        "null",
        "[]",
        "\"x\"",
        "{}",
        "not json",
        r#"{"event_time":1,"amount":1}"#,
        r#"{"event_time":1769126400000,"city":"X","salesman_id":"S","amount":1.234}"#,
        r#"{"event_time":1769126400000,"city":"X","city":"Y","salesman_id":"S","amount":1}"#,
        r#"{"event_time":"yesterday","city":"X","salesman_id":"S","amount":1}"#,
        r#"{"event_time":1769126400000,"city":null,"salesman_id":"S","amount":1}"#,
        r#"{"event_time":1769126400000,"city":"X","salesman_id":"S","amount":"NaN"}"#,
        r#"{"event_time":-5,"city":"X","salesman_id":"S","amount":1}"#,
        r#"{"event_time":1769126400000,"city":"X","salesman_id":"S","amount":1} x"#,
    ];
    let mut time = from;
    let mut out: Vec<String> = Vec::new();
    for i in 0..n {
        time += dice.roll(step) as i64;
        if dice.roll(40) == 0 {
            out.push(broken[dice.roll(broken.len() as u64) as usize].to_owned());
            continue;
        }
        if dice.roll(50) == 0 && !out.is_empty() {
            let again = out[dice.roll(out.len() as u64) as usize].clone();
            out.push(again);
            continue;
        }
        let back = if dice.roll(30) == 0 {
            dice.roll(30 * HOUR as u64)
        } else {
            dice.roll(60_000)
        };
        let at = (time - back as i64).max(0);
        let (city, salesman) = (cities[dice.roll(10) as usize], dice.roll(30));
        let cents = dice.roll(2000) as i64 - 300;
        let amount = match dice.roll(4) {
            0 => format!("{cents}e-2"),
            1 => format!(
                "\"{}{}.{:02}\"",
                if cents < 0 { "-" } else { "" },
                cents.abs() / 100,
                cents.abs() % 100
            ),
            _ => format!(
                "{}{}.{:02}",
                if cents < 0 { "-" } else { "" },
                cents.abs() / 100,
                cents.abs() % 100
            ),
        };
        let name = if dice.roll(9) == 0 {
            "null".to_owned()
        } else {
            format!("\"Ana {}\"", dice.roll(3))
        };
        let line = match dice.roll(3) {
            0 => format!(
                r#"{{ "amount": {amount}, "city":"{city}","salesman_id":"S{salesman}", "timestamp":{at}, "x":{{"y":[1]}}, "salesman_name":{name}}}"#
            ),
            _ => format!(
                r#"{{"sale_id":"a-{i}","event_time":{at},"city":"{city}","salesman_id":"S{salesman}","salesman_name":{name},"amount":{amount}}}"#
            ),
        };
        out.push(line);
    }
    out
}

/// Rows by (ranking, window start in ms, keys): rank, then the measures as the change log writes them.
pub type Rows = BTreeMap<(String, i64, Vec<String>), (u64, Vec<Value>)>;

/// Whether each row's window was closed.
pub type Finals = BTreeMap<(String, i64, Vec<String>), bool>;

/// What the reference says of an input.
#[derive(Default, Debug)]
pub struct Reference {
    pub rows: Rows,
    /// How many keys a window has, those beyond the limit too; by ranking and window start in ms.
    pub keys: BTreeMap<(String, i64), usize>,
    pub dead: u64,
    pub late: u64,
}

/// Cents of an amount: JSON number or string, by string arithmetic.
fn cents(value: &serde_json::value::RawValue) -> Option<i128> {
    let text = value.get().trim_matches('"');
    let number: Value = serde_json::from_str(text).ok()?;
    number.is_number().then_some(())?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if exponent == 0 && fraction.len() > 2 {
        return None;
    }
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    let shift = 2 + exponent - fraction.len() as i32;
    if shift >= 0 {
        return digits.checked_mul(10i128.checked_pow(shift as u32)?);
    }
    let unit = 10i128.checked_pow(shift.unsigned_abs())?;
    (digits % unit == 0).then_some(digits / unit)
}

struct Sale {
    time: i64,
    city: String,
    salesman: String,
    name: Option<String>,
    cents: i128,
}

fn parse(line: &[u8]) -> Option<Sale> {
    #[derive(serde::Deserialize)]
    struct Raw<'a> {
        #[serde(alias = "timestamp")]
        event_time: i64,
        city: String,
        salesman_id: String,
        salesman_name: Option<String>,
        #[serde(borrow)]
        amount: &'a serde_json::value::RawValue,
    }
    let raw: Raw<'_> = serde_json::from_slice(line).ok()?;
    if !(0..=253_402_300_799_999).contains(&raw.event_time) {
        return None;
    }
    Some(Sale {
        time: raw.event_time,
        city: raw.city,
        salesman: raw.salesman_id,
        name: raw.salesman_name,
        cents: cents(raw.amount)?,
    })
}

/// The event time of a line, ms; `None` for what is no sale.
pub fn time_of(line: &str) -> Option<i64> {
    parse(line.as_bytes()).map(|sale| sale.time)
}

/// Offsets of the sales of a partition whose `sale_id` an earlier one had, with an event time at most `within` ms away
/// and at most `within` ms before the partition's watermark. What is one moves no watermark, and counts for later ones.
pub fn duplicates(lines: &[String], within: i64, out_of_orderness: i64) -> BTreeSet<usize> {
    let mut shown: Vec<(String, i64)> = Vec::new();
    let mut greatest: Option<i64> = None;
    let mut found = BTreeSet::new();
    for (offset, line) in lines.iter().enumerate() {
        let Some(time) = time_of(line) else { continue };
        let sale: Value = serde_json::from_str(line).unwrap();
        let id = match &sale["sale_id"] {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            number => Some(number.to_string()),
        };
        if let Some(id) = id {
            let counts = |at: i64| {
                (at - time).abs() <= within
                    && greatest.is_none_or(|g| at + within >= g - out_of_orderness)
            };
            let seen = shown.iter().any(|(other, at)| *other == id && counts(*at));
            shown.push((id, time));
            if seen {
                found.insert(offset);
                continue;
            }
        }
        greatest = greatest.max(Some(time));
    }
    found
}

/// The same sales with ids that come again now and then, as text or as a number.
pub fn with_repeated_ids(dice: &mut Dice, lines: &mut [String]) {
    for line in lines {
        let Some(at) = line.find(r#""sale_id":"a-"#) else {
            continue;
        };
        let end = at + 11 + line[at + 11..].find('"').unwrap() + 1;
        let (id, choice) = (dice.roll(12), dice.roll(6));
        match choice {
            0 => line.replace_range(at + 10..end, &id.to_string()),
            1 => line.replace_range(at + 10..end, &format!("\"{id}\"")),
            _ => {}
        }
    }
}

fn money(n: i128) -> Value {
    let sign = if n < 0 { "-" } else { "" };
    Value::from(format!("{sign}{}.{:02}", n.abs() / 100, n.abs() % 100))
}

fn average(sum: i128, n: i128) -> Value {
    let half_away = (2 * sum.abs() + n) / (2 * n);
    money(if sum < 0 { -half_away } else { half_away })
}

#[derive(Default)]
struct Group {
    sum: i128,
    count: i128,
    most: Option<i128>,
    cities: BTreeSet<String>,
    last: Option<((i64, usize, usize), Option<String>)>,
}

/// The shipped rankings over whole partitions, with lateness judged by each partition alone.
pub fn reference(
    partitions: &[Vec<String>],
    out_of_orderness: i64,
    allowed_lateness: i64,
) -> Reference {
    let mut found = Reference::default();
    let mut groups: BTreeMap<(&str, i64, Vec<String>), Group> = BTreeMap::new();
    for (p, lines) in partitions.iter().enumerate() {
        let mut greatest: Option<i64> = None;
        for (o, line) in lines.iter().enumerate() {
            let Some(sale) = parse(line.as_bytes()) else {
                found.dead += 1;
                continue;
            };
            let mut missed = false;
            let shapes: [(&str, i64, Vec<String>); 3] = [
                ("top_sales_per_city", DAY, vec![sale.city.clone()]),
                ("top_salesmen", DAY, vec![sale.salesman.clone()]),
                (
                    "top_salesmen_per_city",
                    HOUR,
                    vec![sale.city.clone(), sale.salesman.clone()],
                ),
            ];
            for (name, size, key) in shapes {
                let start = sale.time / size * size;
                if greatest.is_some_and(|g| g - out_of_orderness >= start + size + allowed_lateness)
                {
                    missed = true;
                    continue;
                }
                let group = groups.entry((name, start, key)).or_default();
                group.sum += sale.cents;
                group.count += 1;
                group.most = Some(group.most.map_or(sale.cents, |m| m.max(sale.cents)));
                group.cities.insert(sale.city.clone());
                let place = (sale.time, p, o);
                if group.last.as_ref().is_none_or(|(l, _)| place > *l) {
                    group.last = Some((place, sale.name.clone()));
                }
            }
            found.late += u64::from(missed);
            greatest = greatest.max(Some(sale.time));
        }
    }
    // Partition of a ranking: the window, and the city for the ranking within cities.
    type Ordered<'a> = Vec<(i128, Vec<String>, &'a Group)>;
    let mut ranked: BTreeMap<(&str, i64, String), Ordered<'_>> = BTreeMap::new();
    for ((name, start, key), group) in &groups {
        let within = if *name == "top_salesmen_per_city" {
            key[0].clone()
        } else {
            String::new()
        };
        ranked
            .entry((name, *start, within))
            .or_default()
            .push((-group.sum, key.clone(), group));
    }
    for ((name, start, _), mut rows) in ranked {
        *found.keys.entry((name.to_owned(), start)).or_default() += rows.len();
        rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        let limit = match name {
            "top_sales_per_city" => 10,
            "top_salesmen" => 100,
            _ => 3,
        };
        for (i, (_, key, g)) in rows.into_iter().take(limit).enumerate() {
            let count = Value::from(g.count as i64);
            let label = g
                .last
                .clone()
                .and_then(|l| l.1)
                .map_or(Value::Null, Value::from);
            let (sum, avg) = (money(g.sum), average(g.sum, g.count));
            let measures = match name {
                "top_sales_per_city" => vec![sum, count, avg, money(g.most.unwrap())],
                "top_salesmen" => vec![label, sum, count, avg, Value::from(g.cities.len())],
                _ => vec![label, sum, count],
            };
            found
                .rows
                .insert((name.to_owned(), start, key), (i as u64 + 1, measures));
        }
    }
    found
}

/// Keys of a shipped ranking.
pub fn keys_of(ranking: &str) -> &'static [&'static str] {
    match ranking {
        "top_sales_per_city" => &["city"],
        "top_salesmen" => &["salesman_id"],
        "top_salesmen_per_city" => &["city", "salesman_id"],
        other => panic!("an unknown ranking: {other}"),
    }
}

/// Measures of a shipped ranking, in order.
pub fn measures_of(ranking: &str) -> &'static [&'static str] {
    match ranking {
        "top_sales_per_city" => &["total_sales", "transaction_count", "avg_sale", "max_sale"],
        "top_salesmen" => &[
            "salesman_name",
            "total_sales",
            "deals_closed",
            "avg_deal_size",
            "cities_covered",
        ],
        _ => &["salesman_name", "total_sales", "deals_closed"],
    }
}

/// Milliseconds of the whole-second UTC times that windows have.
pub fn millis(text: &str) -> i64 {
    let n = |r: std::ops::Range<usize>| text[r].parse::<i64>().unwrap();
    assert!(
        text.len() == 20 && text.ends_with('Z'),
        "a window bound: {text}"
    );
    let (y, m, d) = (n(0..4), n(5..7), n(8..10));
    let leap = |y: i64| y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
    let mut days: i64 = (1970..y).map(|y| if leap(y) { 366 } else { 365 }).sum();
    let lengths = [
        31,
        if leap(y) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    days += lengths[..m as usize - 1].iter().sum::<i64>() + d - 1;
    days * DAY + n(11..13) * HOUR + n(14..16) * 60_000 + n(17..19) * 1000
}

/// What the rows of a ranking have.
#[derive(Clone, Copy)]
pub struct Shape {
    /// What names one.
    pub keys: &'static [&'static str],
    /// What else it shows, in order.
    pub measures: &'static [&'static str],
    /// The length of its windows, ms; none: it is of all time.
    pub size: Option<i64>,
}

/// The shape of a shipped ranking.
pub fn shipped(ranking: &str) -> Shape {
    Shape {
        keys: keys_of(ranking),
        measures: measures_of(ranking),
        size: Some(match ranking {
            "top_salesmen_per_city" => HOUR,
            _ => DAY,
        }),
    }
}

/// Where the window of a ranking of all time starts.
pub const ALWAYS: i64 = i64::MIN;

/// A key as text: what is one is so already.
pub fn key_text(key: &Value) -> String {
    key.as_str()
        .map_or_else(|| key.to_string(), ToOwned::to_owned)
}

/// Which row a change is of: ranking, window start, keys.
pub fn at_of(change: &Value, shape: fn(&str) -> Shape) -> (String, i64, Vec<String>) {
    let ranking = change["ranking"].as_str().unwrap().to_owned();
    let Shape { keys, size, .. } = shape(&ranking);
    let keys = keys.iter().map(|key| key_text(&change["row"][*key]));
    let bound = |name: &str| change[name].as_str().map(millis);
    let (start, end) = (bound("window_start"), bound("window_end"));
    let length = start.zip(end).map(|(start, end)| end - start);
    assert_eq!(length, size, "the window: {change}");
    (ranking, start.unwrap_or(ALWAYS), keys.collect())
}

/// Folds a change log, holding it to its own rules: commits do not go back, a key changes at most once a commit, the
/// previous rank is what was there, no change changes nothing.
pub fn fold<'a>(lines: impl Iterator<Item = &'a str>) -> (Rows, Finals) {
    let mut folding = Folding::default();
    lines.for_each(|line| folding.line(line));
    (folding.rows, folding.finals)
}

/// What a change log shows so far.
#[derive(Clone)]
pub struct Folding {
    shape: fn(&str) -> Shape,
    pub rows: Rows,
    pub finals: Finals,
    /// Rows that a sink refused at some time: what it shows of them is not what the engine knows.
    pub refused: BTreeSet<(String, i64, Vec<String>)>,
    commit: u64,
    seen: BTreeSet<(String, i64, Vec<String>)>,
}

impl Default for Folding {
    fn default() -> Self {
        Folding::of(shipped)
    }
}

impl Folding {
    /// Of rankings of these shapes.
    pub fn of(shape: fn(&str) -> Shape) -> Self {
        Folding {
            shape,
            rows: Rows::new(),
            finals: Finals::new(),
            refused: BTreeSet::new(),
            commit: 0,
            seen: BTreeSet::new(),
        }
    }

    /// The next line.
    pub fn line(&mut self, line: &str) {
        self.row(line);
    }

    /// The row that a line is of, as it is shown until then.
    pub fn before(&self, line: &str) -> Option<&(u64, Vec<Value>)> {
        let change: Value = serde_json::from_str(line).unwrap();
        self.rows.get(&at_of(&change, self.shape))
    }

    /// The next line: which row it is of.
    pub fn row(&mut self, line: &str) -> (String, i64, Vec<String>) {
        let change: Value = serde_json::from_str(line).unwrap();
        let number = change["commit"].as_u64().unwrap();
        assert!(number >= self.commit, "commits went back: {line}");
        if number > self.commit {
            self.commit = number;
            self.seen.clear();
        }
        let row = change["row"].as_object().unwrap();
        let at = at_of(&change, self.shape);
        let Shape { keys, measures, .. } = (self.shape)(&at.0);
        assert!(
            self.seen.insert(at.clone()),
            "a key changed twice in a commit: {line}"
        );
        let is_known = !self.refused.contains(&at);
        if is_known {
            assert_eq!(
                change["previous_rank"].as_u64(),
                self.rows.get(&at).map(|r| r.0),
                "the previous rank: {line}"
            );
        }
        let is_final = change["final"].as_bool().unwrap();
        if change["op"] == "delete" {
            assert!(
                change["rank"].is_null() && row.len() == keys.len(),
                "a delete: {line}"
            );
            let was_there = self.rows.remove(&at).is_some();
            assert!(was_there || !is_known, "a delete of nothing: {line}");
            self.finals.remove(&at);
        } else {
            assert_eq!(change["op"], "upsert");
            assert_eq!(row.len(), keys.len() + measures.len(), "the fields: {line}");
            let values = measures.iter().map(|m| row[*m].clone()).collect();
            let now = (change["rank"].as_u64().unwrap(), values);
            let same = self.rows.get(&at) == Some(&now) && self.finals.get(&at) == Some(&is_final);
            assert!(!same, "a change that changes nothing: {line}");
            self.rows.insert(at.clone(), now);
            self.finals.insert(at.clone(), is_final);
        }
        at
    }
}
