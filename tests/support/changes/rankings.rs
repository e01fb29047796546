//! The rankings that are compared: as SQL, and as what they come to by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Row;
use super::model::Model;

/// Start and end, ms.
pub type Window = (i64, i64);
/// Of all time.
pub const ALWAYS: Window = (i64::MIN, i64::MAX);
const MINUTE: i64 = 60_000;

/// What decides the rank of a row, and the row.
type Ordered = (i128, Map<String, Value>);

/// A ranking over `orders`.
pub struct Ranking {
    pub name: &'static str,
    pub sql: &'static str,
    /// Step and length, ms; none: all time.
    hops: Option<(i64, i64)>,
    /// Its `WHERE`.
    pub passes: fn(&Row) -> bool,
    /// What names a row.
    pub keys: &'static [&'static str],
    /// Its rows within a window, in their order.
    rows: fn(&[(usize, Row)]) -> Vec<Ordered>,
    function: Function,
    limit: u64,
    /// Fields of a row that say among which others it is ranked; none: all of the window.
    among: &'static [&'static str],
    /// The ranking of these rows, or of another's, that is shown instead of them.
    outer: Option<Outer>,
}

/// A ranking of a ranking.
struct Outer {
    /// The name of the one whose rows it counts; none: what stands inside of it.
    of: Option<&'static str>,
    /// The window that a row of a window is in.
    window: fn(Window) -> Window,
    rows: fn(&[Inner]) -> Vec<Ordered>,
}

/// A row of a ranking: its rank, and what it shows.
type Inner = (u64, Value);

#[derive(Clone, Copy)]
enum Function {
    RowNumber,
    Rank,
    DenseRank,
}

impl Ranking {
    /// The windows that a time is in.
    pub fn windows(&self, time: i64) -> Vec<Window> {
        let Some((step, length)) = self.hops else {
            return vec![ALWAYS];
        };
        let last = time.div_euclid(step) * step;
        let starts = (0..).map(|n| last - n * step);
        let starts = starts.take_while(|start| start + length > time);
        starts.map(|start| (start, start + length)).collect()
    }

    fn ranked(&self, rows: &[(usize, Row)]) -> Vec<(u64, Map<String, Value>)> {
        let mut apart: BTreeMap<String, Vec<Ordered>> = BTreeMap::new();
        for (order, row) in (self.rows)(rows) {
            let among = key_of(self.among, &row);
            apart.entry(among).or_default().push((order, row));
        }
        let each = apart.into_values().map(|rows| self.in_order(rows));
        each.flatten().collect()
    }

    /// Whether it is a ranking of another's rows.
    pub fn is_nested(&self) -> bool {
        self.outer.is_some()
    }

    fn in_order(&self, rows: Vec<Ordered>) -> Vec<(u64, Map<String, Value>)> {
        let mut out = Vec::new();
        for (i, (order, row)) in rows.iter().enumerate() {
            let before = rows[..i].iter().filter(|(o, _)| o != order);
            let rank = match self.function {
                Function::RowNumber => i,
                Function::Rank => before.count(),
                Function::DenseRank => before.map(|(o, _)| o).collect::<BTreeSet<_>>().len(),
            };
            let rank = rank as u64 + 1;
            if rank <= self.limit {
                out.push((rank, row.clone()));
            }
        }
        out
    }
}

/// Rows that are shown: by ranking, window and key.
pub type Shown = BTreeMap<(String, Option<Window>, String), (u64, Value)>;

/// The key of a row, as one text.
pub fn key_of(keys: &[&str], row: &Map<String, Value>) -> String {
    let values: Vec<&Value> = keys.iter().map(|k| &row[*k]).collect();
    json!(values).to_string()
}

/// All rows of all rankings after a prefix of each partition.
pub fn shown(model: &Model<'_>, rankings: &[Ranking], upto: &[usize]) -> Shown {
    let mut all = Shown::new();
    for ranking in rankings.iter().filter(|r| r.outer.is_none()) {
        for (window, rows) in model.windows(ranking, upto) {
            for (rank, row) in ranking.ranked(&rows) {
                let bounds = (window != ALWAYS).then_some(window);
                let at = (ranking.name.to_owned(), bounds, key_of(ranking.keys, &row));
                let twice = all.insert(at, (rank, Value::Object(row)));
                assert!(twice.is_none(), "the reference has a row twice");
            }
        }
    }
    for ranking in rankings {
        let Some(outer) = &ranking.outer else {
            continue;
        };
        let mut windows: BTreeMap<Window, Vec<Inner>> = BTreeMap::new();
        match outer.of {
            Some(name) => {
                for ((_, window, _), row) in all.iter().filter(|((of, ..), _)| of == name) {
                    let window = (outer.window)(window.unwrap_or(ALWAYS));
                    windows.entry(window).or_default().push(row.clone());
                }
            }
            None => {
                for (window, rows) in model.windows(ranking, upto) {
                    let rows = (ranking.rows)(&rows).into_iter();
                    let rows = rows.map(|(_, row)| (0, Value::Object(row)));
                    windows
                        .entry((outer.window)(window))
                        .or_default()
                        .extend(rows);
                }
            }
        }
        for (window, rows) in windows {
            for (rank, row) in ranking.in_order((outer.rows)(&rows)) {
                let bounds = (window != ALWAYS).then_some(window);
                let at = (ranking.name.to_owned(), bounds, key_of(ranking.keys, &row));
                let twice = all.insert(at, (rank, Value::Object(row)));
                assert!(twice.is_none(), "the reference has a row twice");
            }
        }
    }
    all
}

/// Rankings of rankings: of all windows of one, in the windows of one, and of what stands inside.
pub fn nested() -> Vec<Ranking> {
    let none = |_: &[(usize, Row)]| Vec::new();
    vec![
        Ranking {
            name: "often",
            sql: "SELECT * FROM (SELECT *, RANK() OVER (ORDER BY times DESC) AS r FROM (
                    SELECT city, COUNT(*) AS times, SUM(total) AS points, MIN(r) AS best, COUNT(DISTINCT n) AS sizes
                    FROM cities GROUP BY city)) WHERE r <= 3",
            hops: None,
            passes: |_| false,
            keys: &["city"],
            rows: none,
            function: Function::Rank,
            limit: 3,
            among: &[],
            outer: Some(Outer {
                of: Some("cities"),
                window: |_| ALWAYS,
                rows: often,
            }),
        },
        Ranking {
            name: "crowds",
            sql: "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY people DESC) AS place FROM (
                    SELECT window_start, window_end, n, COUNT(*) AS people, MAX(r) AS worst
                    FROM people GROUP BY window_start, window_end, n)) WHERE place <= 2",
            hops: None,
            passes: |_| false,
            keys: &["n"],
            rows: none,
            function: Function::RowNumber,
            limit: 2,
            among: &[],
            outer: Some(Outer {
                of: Some("people"),
                window: |window| window,
                rows: crowds,
            }),
        },
        Ranking {
            name: "hours",
            sql: "WITH h AS (SELECT window_time, city, SUM(amount) AS total
                    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR))
                    GROUP BY window_start, window_end, window_time, city)
                  SELECT * FROM (SELECT *, DENSE_RANK() OVER (PARTITION BY window_start, window_end ORDER BY hours DESC) AS r FROM (
                    SELECT window_start, window_end, city, COUNT(*) AS hours, MAX(total) AS most
                    FROM TABLE(TUMBLE(TABLE h, DESCRIPTOR(window_time), INTERVAL '3' HOUR))
                    GROUP BY window_start, window_end, city)) WHERE r <= 2",
            hops: Some((60 * MINUTE, 60 * MINUTE)),
            passes: |_| true,
            keys: &["city"],
            rows: |rows| {
                let of = |rows: &[(usize, Row)]| {
                    let total = sum(rows);
                    (total, object(json!({"city": rows[0].1.city, "cents": total as i64})))
                };
                grouped(rows, |r| r.city, of)
            },
            function: Function::DenseRank,
            limit: 2,
            among: &[],
            outer: Some(Outer {
                of: None,
                window: |(start, _)| {
                    let start = start.div_euclid(180 * MINUTE) * 180 * MINUTE;
                    (start, start + 180 * MINUTE)
                },
                rows: hours,
            }),
        },
    ]
}

/// Rows of a ranking by what a field of theirs is, in the order of it: NULL first, numbers and texts by value.
fn inner_by(rows: &[Inner], field: &str, of: impl Fn(&[&Inner]) -> Ordered) -> Vec<Ordered> {
    let mut groups: BTreeMap<(Option<i64>, Option<String>), Vec<&Inner>> = BTreeMap::new();
    for row in rows {
        let value = &row.1[field];
        let key = (value.as_i64(), value.as_str().map(str::to_owned));
        groups.entry(key).or_default().push(row);
    }
    let mut all: Vec<_> = groups.values().map(|rows| of(rows)).collect();
    all.sort_by_key(|(order, _)| -order);
    all
}

/// Money as cents.
fn cents(value: &Value) -> i128 {
    let digits = value.as_str().unwrap().replace('.', "");
    digits.parse().unwrap()
}

fn often(rows: &[Inner]) -> Vec<Ordered> {
    inner_by(rows, "city", |rows| {
        let sizes: BTreeSet<i64> = rows.iter().filter_map(|(_, r)| r["n"].as_i64()).collect();
        let row = json!({
            "city": rows[0].1["city"],
            "times": rows.len(),
            "points": money(rows.iter().map(|(_, r)| cents(&r["total"])).sum()),
            "best": rows.iter().map(|(rank, _)| rank).min(),
            "sizes": sizes.len(),
        });
        (rows.len() as i128, object(row))
    })
}

fn crowds(rows: &[Inner]) -> Vec<Ordered> {
    inner_by(rows, "n", |rows| {
        let row = json!({
            "n": rows[0].1["n"],
            "people": rows.len(),
            "worst": rows.iter().map(|(rank, _)| rank).max(),
        });
        (rows.len() as i128, object(row))
    })
}

fn hours(rows: &[Inner]) -> Vec<Ordered> {
    inner_by(rows, "city", |rows| {
        let most = rows.iter().filter_map(|(_, r)| r["cents"].as_i64()).max();
        let row = json!({
            "city": rows[0].1["city"],
            "hours": rows.len(),
            "most": money(most.unwrap().into()),
        });
        (rows.len() as i128, object(row))
    })
}

/// Those that every history is asked.
pub fn all() -> Vec<Ranking> {
    let hour = Some((60 * MINUTE, 60 * MINUTE));
    vec![
        Ranking {
            name: "cities",
            sql: "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total DESC) AS r FROM (
                    SELECT window_start, window_end, city, SUM(amount) AS total, COUNT(*) AS n, AVG(amount) AS mean,
                      MIN(amount) AS least, MAX(amount) AS most, COUNT(DISTINCT who) AS people, SUM(tip) AS tips, MAX(tip) AS tip
                    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR))
                    GROUP BY window_start, window_end, city)) WHERE r <= 3",
            hops: hour,
            passes: |_| true,
            keys: &["city"],
            rows: cities,
            function: Function::RowNumber,
            limit: 3,
            among: &[],
            outer: None,
        },
        Ranking {
            name: "people",
            sql: "SELECT * FROM (SELECT *, RANK() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS r FROM (
                    SELECT window_start, window_end, who, COUNT(*) AS n, FIRST_VALUE(city) AS first, LAST_VALUE(city) AS last,
                      ARG_MAX(id, amount) AS best, ARG_MIN(city, amount) AS worst
                    FROM TABLE(HOP(TABLE orders, DESCRIPTOR(at), INTERVAL '30' MINUTE, INTERVAL '90' MINUTE))
                    WHERE amount >= 0 GROUP BY window_start, window_end, who)) WHERE r <= 2",
            hops: Some((30 * MINUTE, 90 * MINUTE)),
            passes: |row| row.cents >= 0,
            keys: &["who"],
            rows: people,
            function: Function::Rank,
            limit: 2,
            among: &[],
            outer: None,
        },
        Ranking {
            name: "spread",
            sql: "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY n DESC) AS r FROM (
                    SELECT window_start, window_end, city, COUNT(*) AS n, PERCENTILE(amount, 0.5) AS half,
                      PERCENTILE(amount, 0.9) AS upper, VAR_POP(amount) AS spread
                    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '2' HOUR))
                    GROUP BY window_start, window_end, city)) WHERE r <= 4",
            hops: Some((120 * MINUTE, 120 * MINUTE)),
            passes: |_| true,
            keys: &["city"],
            rows: spread,
            function: Function::RowNumber,
            limit: 4,
            among: &[],
            outer: None,
        },
        Ranking {
            name: "sales",
            sql: "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY amount DESC) AS r FROM (
                    SELECT window_start, window_end, id, city, amount
                    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)) WHERE who IS NOT NULL)) WHERE r <= 2",
            hops: hour,
            passes: |row| row.who.is_some(),
            keys: &["id"],
            rows: sales,
            function: Function::RowNumber,
            limit: 2,
            among: &[],
            outer: None,
        },
        // What it is ranked among is no part of its key: a key in two partitions can be of two cities, and one of them speaks.
        Ranking {
            name: "within",
            sql: "SELECT * FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end, city, tip ORDER BY amount DESC) AS r FROM (
                    SELECT window_start, window_end, id, city, tip, amount
                    FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(at), INTERVAL '1' HOUR)))) WHERE r <= 1",
            hops: hour,
            passes: |_| true,
            keys: &["id"],
            rows: within,
            function: Function::RowNumber,
            limit: 1,
            among: &["city", "tip"],
            outer: None,
        },
    ]
}

/// One of all time: every row stays held then, and none is let go.
pub fn always() -> Ranking {
    Ranking {
        name: "ever",
        sql: "SELECT * FROM (SELECT *, DENSE_RANK() OVER (ORDER BY n DESC) AS r FROM (
                SELECT city, COUNT(*) AS n, COUNT(*) FILTER (WHERE amount < 0) AS refunds, SUM(amount) AS total
                FROM orders GROUP BY city)) WHERE r <= 2",
        hops: None,
        passes: |_| true,
        keys: &["city"],
        rows: ever,
        function: Function::DenseRank,
        limit: 2,
        among: &[],
        outer: None,
    }
}

/// `12.34`.
fn money(cents: i128) -> Value {
    let sign = if cents < 0 { "-" } else { "" };
    let cents = cents.abs();
    Value::from(format!("{sign}{}.{:02}", cents / 100, cents % 100))
}

/// A fraction with so many digits, half away from zero.
fn digits(numerator: i128, denominator: i128, places: u32) -> Value {
    let unit = 10i128.pow(places);
    let (n, d) = (numerator.abs() * unit, denominator);
    let rounded = (2 * n + d) / (2 * d);
    let sign = if numerator < 0 && rounded > 0 {
        "-"
    } else {
        ""
    };
    let places = places as usize;
    Value::from(format!(
        "{sign}{}.{:0places$}",
        rounded / unit,
        rounded % unit
    ))
}

/// Groups in the order of their key, NULL first; then by what ranks them, the greatest first.
fn grouped<K: Ord>(
    rows: &[(usize, Row)],
    key: impl Fn(&Row) -> K,
    of: impl Fn(&[(usize, Row)]) -> Ordered,
) -> Vec<Ordered> {
    let mut groups: BTreeMap<K, Vec<(usize, Row)>> = BTreeMap::new();
    for (p, row) in rows {
        groups.entry(key(row)).or_default().push((*p, *row));
    }
    let mut all: Vec<_> = groups.values().map(|rows| of(rows)).collect();
    all.sort_by_key(|(order, _)| -order);
    all
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("no object: {other}"),
    }
}

fn sum(rows: &[(usize, Row)]) -> i128 {
    rows.iter().map(|(_, r)| r.cents).sum()
}

fn cities(rows: &[(usize, Row)]) -> Vec<Ordered> {
    grouped(
        rows,
        |r| r.city,
        |rows| {
            let amounts = || rows.iter().map(|(_, r)| r.cents);
            let people: BTreeSet<&str> = rows.iter().filter_map(|(_, r)| r.who).collect();
            let tips: Vec<i64> = rows.iter().filter_map(|(_, r)| r.tip).collect();
            let total = sum(rows);
            let row = json!({
                "city": rows[0].1.city,
                "total": money(total),
                "n": rows.len(),
                "mean": digits(total, 100 * rows.len() as i128, 2),
                "least": money(amounts().min().unwrap()),
                "most": money(amounts().max().unwrap()),
                "people": people.len(),
                "tips": (!tips.is_empty()).then(|| tips.iter().sum::<i64>()),
                "tip": tips.iter().max(),
            });
            (total, object(row))
        },
    )
}

fn people(rows: &[(usize, Row)]) -> Vec<Ordered> {
    grouped(
        rows,
        |r| r.who,
        |rows| {
            // Ties of time go by the primary key; one key of two partitions by the partition.
            let mut rows = rows.to_vec();
            rows.sort_by_key(|(p, r)| (r.time, r.id, *p));
            let greatest = rows.iter().map(|(_, r)| r.cents).max();
            let least = rows.iter().map(|(_, r)| r.cents).min();
            let first_with = |cents| rows.iter().find(|(_, r)| Some(r.cents) == cents).unwrap().1;
            let row = json!({
                "who": rows[0].1.who,
                "n": rows.len(),
                "first": rows[0].1.city,
                "last": rows[rows.len() - 1].1.city,
                "best": first_with(greatest).id,
                "worst": first_with(least).city,
            });
            (rows.len() as i128, object(row))
        },
    )
}

fn spread(rows: &[(usize, Row)]) -> Vec<Ordered> {
    grouped(
        rows,
        |r| r.city,
        |rows| {
            let mut amounts: Vec<i128> = rows.iter().map(|(_, r)| r.cents).collect();
            amounts.sort();
            let n = amounts.len() as i128;
            // Of tenths: the value at a place between two.
            let percentile = |tenths: i128| {
                let place = tenths * (n - 1);
                let (at, rest) = ((place / 10) as usize, place % 10);
                let low = amounts[at];
                let high = amounts.get(at + 1).copied().unwrap_or(low);
                digits(10 * low + rest * (high - low), 1000, 6)
            };
            let squares: i128 = amounts.iter().map(|a| a * a).sum();
            let total: i128 = amounts.iter().sum();
            let row = json!({
                "city": rows[0].1.city,
                "n": rows.len(),
                "half": percentile(5),
                "upper": percentile(9),
                "spread": digits(n * squares - total * total, 10_000 * n * n, 6),
            });
            (n, object(row))
        },
    )
}

/// Rows as they are: a key names one, and the lowest partition that has it speaks.
fn named(rows: &[(usize, Row)], shown: impl Fn(&Row) -> Value) -> Vec<Ordered> {
    let mut named: BTreeMap<i64, Row> = BTreeMap::new();
    for (_, row) in rows {
        named.entry(row.id).or_insert(*row);
    }
    let mut all: Vec<Row> = named.into_values().collect();
    all.sort_by_key(|r| (-r.cents, r.id));
    let each = all.iter().map(|r| (r.cents, object(shown(r))));
    each.collect()
}

fn sales(rows: &[(usize, Row)]) -> Vec<Ordered> {
    named(
        rows,
        |r| json!({"id": r.id, "city": r.city, "amount": money(r.cents)}),
    )
}

fn within(rows: &[(usize, Row)]) -> Vec<Ordered> {
    named(
        rows,
        |r| json!({"id": r.id, "city": r.city, "tip": r.tip, "amount": money(r.cents)}),
    )
}

fn ever(rows: &[(usize, Row)]) -> Vec<Ordered> {
    grouped(
        rows,
        |r| r.city,
        |rows| {
            let refunds = rows.iter().filter(|(_, r)| r.cents < 0).count();
            let row = json!({
                "city": rows[0].1.city,
                "n": rows.len(),
                "refunds": refunds,
                "total": money(sum(rows)),
            });
            (rows.len() as i128, object(row))
        },
    )
}
