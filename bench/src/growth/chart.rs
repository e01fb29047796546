//! A small chart for each dimension: CPU per sale against the value, both axes from nothing, steps of equal width.

use super::Row;
use crate::harness::stats::most;

const WIDTH: f64 = 220.0;
const HEIGHT: f64 = 150.0;
const GAP: f64 = 30.0;

/// All of them beside each other, as SVG.
pub fn draw(rows: &[Row]) -> String {
    let mut dimensions: Vec<_> = rows.iter().map(|r| r.dimension).collect();
    dimensions.dedup();
    let top = most(rows.iter().map(|r| r.cpu)) * 1.1;
    let mut parts = String::new();
    for (d, dimension) in dimensions.iter().enumerate() {
        let these: Vec<&Row> = rows.iter().filter(|r| r.dimension == *dimension).collect();
        parts += &one(&these, GAP + d as f64 * (WIDTH + GAP), top);
    }
    let width = GAP + dimensions.len() as f64 * (WIDTH + GAP);
    let style = "<style>text{font:12px sans-serif;fill:#444}@media(prefers-color-scheme:dark){text{fill:#ccc}}</style>";
    let title = format!(
        "<text x=\"{GAP}\" y=\"{}\">microseconds of CPU per sale, one worker</text>",
        HEIGHT + 80.0
    );
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {}\">{style}{parts}{title}</svg>\n",
        HEIGHT + 95.0
    )
}

/// One dimension, from `left`; `top` is the most CPU of all.
fn one(rows: &[&Row], left: f64, top: f64) -> String {
    let at = |i: usize, row: &Row| {
        let x = left + WIDTH * (i as f64 + 0.5) / rows.len() as f64;
        (x, 40.0 + HEIGHT * (1.0 - row.cpu / top))
    };
    let places: Vec<(f64, f64)> = rows.iter().enumerate().map(|(i, row)| at(i, row)).collect();
    let path: Vec<String> = places
        .iter()
        .map(|(x, y)| format!("{x:.0},{y:.0}"))
        .collect();
    let name = rows
        .first()
        .map_or(String::new(), |r| r.dimension.to_string());
    let mut out = format!(
        "<text x=\"{left}\" y=\"25\" font-weight=\"bold\">{name}</text>\
         <path d=\"M{left} 40v{HEIGHT}h{WIDTH}\" fill=\"none\" stroke=\"#888\"/>\
         <polyline points=\"{}\" fill=\"none\" stroke=\"#2563eb\" stroke-width=\"2\"/>",
        path.join(" ")
    );
    for ((x, y), row) in places.iter().zip(rows) {
        let (above, below) = (y - 8.0, HEIGHT + 56.0);
        out += &format!(
            "<circle cx=\"{x:.0}\" cy=\"{y:.0}\" r=\"3\" fill=\"#2563eb\"/>\
             <text x=\"{x:.0}\" y=\"{above:.0}\" text-anchor=\"middle\">{:.2}</text>\
             <text x=\"{x:.0}\" y=\"{below:.0}\" text-anchor=\"middle\">{}</text>",
            row.cpu,
            label(row.value)
        );
    }
    out
}

fn label(value: u64) -> String {
    match value {
        1_000_000.. => format!("{} M", value / 1_000_000),
        1_000.. => format!("{} k", value / 1_000),
        small => small.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::points::Dimension;
    use super::*;

    fn row(dimension: Dimension, value: u64, cpu: f64) -> Row {
        Row {
            dimension,
            value,
            cpu,
            seconds: 0.0,
            p99: 0.0,
            memory: 0.0,
            pairs: 0.0,
            each: None,
        }
    }

    #[test]
    fn every_row_has_a_point_and_every_dimension_a_chart() {
        let rows = [
            row(Dimension::Keys, 1_000, 1.0),
            row(Dimension::Keys, 2_000_000, 2.0),
            row(Dimension::Top, 10, 1.5),
        ];
        let svg = draw(&rows);
        assert_eq!(svg.matches("<circle").count(), 3);
        assert_eq!(svg.matches("<polyline").count(), 2);
        for label in [">1 k<", ">2 M<", ">10<", ">keys<", ">top<", ">2.00<"] {
            assert!(svg.contains(label), "{label}: {svg}");
        }
        // The most expensive is the highest.
        assert!(svg.contains("<polyline points=\"85,122 195,54\""), "{svg}");
    }
}
