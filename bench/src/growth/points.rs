//! The points at which cost is taken: what grows, and the sales, query and run for it.

use std::fmt;

use clap::ValueEnum;
use standings_load::Shape;
use standings_model::time::HOUR;

/// What grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Dimension {
    /// Keys in a window.
    Keys,
    /// Windows open at once.
    Windows,
    /// Rows that are ranked.
    Top,
    /// Windows that a sale is in.
    Overlap,
    /// Files, which are partitions.
    Partitions,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dimension::Keys => "keys",
            Dimension::Windows => "windows",
            Dimension::Top => "top",
            Dimension::Overlap => "overlap",
            Dimension::Partitions => "partitions",
        })
    }
}

/// One point.
pub struct Point {
    /// What grows.
    pub dimension: Dimension,
    /// To what.
    pub value: u64,
    /// The sales.
    pub shape: Shape,
    /// What is not usual about them.
    pub name: String,
    /// The query.
    pub query: String,
    /// More flags of the run.
    pub flags: Vec<String>,
    /// Files.
    pub partitions: usize,
}

const TUMBLE: &str = "TUMBLE(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' HOUR)";

fn query(limit: u64, window: &str) -> String {
    let more = "SUM(amount) AS total_sales, COUNT(*) AS deals_closed, AVG(amount) AS avg_deal_size, \
                COUNT(DISTINCT city) AS cities_covered";
    format!(
        "SELECT window_start, window_end, salesman_id, salesman_name, total_sales, deals_closed, avg_deal_size, cities_covered, rownum
FROM (SELECT *, ROW_NUMBER() OVER (PARTITION BY window_start, window_end ORDER BY total_sales DESC) AS rownum
  FROM (SELECT window_start, window_end, salesman_id, LAST_VALUE(salesman_name) AS salesman_name, {more}
    FROM TABLE({window}) GROUP BY window_start, window_end, salesman_id)) WHERE rownum <= {limit};
"
    )
}

/// An hour of sales, the usual query, one file.
fn hour(dimension: Dimension, value: u64, sales: u64) -> Point {
    let shape = Shape {
        sales,
        span: HOUR as u64,
        ..Shape::default()
    };
    Point {
        dimension,
        value,
        shape,
        name: "span-1h".to_owned(),
        query: query(100, TUMBLE),
        flags: Vec::new(),
        partitions: 1,
    }
}

impl Point {
    fn salesmen(mut self, n: u64) -> Self {
        self.shape.salesmen = n;
        self.name += &format!("-salesmen-{n}");
        self
    }

    fn query(mut self, query: String) -> Self {
        self.query = query;
        self
    }
}

/// A run with hardly any key.
pub fn base(sales: u64) -> Point {
    hour(Dimension::Keys, 1, sales).salesmen(10)
}

/// All points, of so many sales each, with so many keys at most.
pub fn all(sales: u64, most: u64) -> Vec<Point> {
    let mut all = Vec::new();
    for n in [1_000, 10_000, 100_000, 1_000_000, 10_000_000] {
        let mut point = hour(Dimension::Keys, n, sales).salesmen(n);
        point.shape.salesman_exponent = 0.0;
        point.name += "-salesman-exponent-0";
        all.extend((n <= most).then_some(point));
    }
    for n in [1, 10, 100, 1_000] {
        // A disorder of as many hours keeps as many windows busy.
        let mut point = hour(Dimension::Windows, n, sales);
        (point.shape.span, point.shape.disorder) = (n * HOUR as u64, n * HOUR as u64);
        point.name = format!("span-{n}h-disorder-{n}h");
        let ahead = format!("{n}h");
        point.flags = ["--out-of-orderness", &ahead, "--retain", "3650d"]
            .map(str::to_owned)
            .to_vec();
        all.push(point.salesmen(1_000));
    }
    for n in [10, 100, 1_000, 10_000] {
        all.push(
            hour(Dimension::Top, n, sales)
                .salesmen(20_000)
                .query(query(n, TUMBLE)),
        );
    }
    for n in [1, 6, 20, 60] {
        let hop = format!(
            "HOP(TABLE sales, DESCRIPTOR(event_time), INTERVAL '1' MINUTE, INTERVAL '{n}' MINUTE)"
        );
        all.push(
            hour(Dimension::Overlap, n, sales)
                .salesmen(1_000)
                .query(query(100, &hop)),
        );
    }
    for n in [1, 4, 16, 64] {
        let mut point = hour(Dimension::Partitions, n, sales);
        point.partitions = n as usize;
        all.push(point);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_name_are_of_one_shape() {
        let all = all(1000, 10_000_000);
        assert_eq!(all.len(), 5 + 4 * 4);
        assert_eq!(super::all(1000, 1_000).len(), 1 + 4 * 4);
        for a in &all {
            for b in all.iter().filter(|b| b.name == a.name) {
                assert_eq!(
                    format!("{:?}", a.shape),
                    format!("{:?}", b.shape),
                    "{}",
                    a.name
                );
            }
        }
    }
}
