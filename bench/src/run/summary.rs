//! The table of `bench/run`, and the ratios to another binary.

use super::side::{OTHER, Side};
use crate::harness::stats::{Ratios, grouped, median, whole};
use crate::harness::table::Table;

const COLUMNS: [&str; 7] = [
    "side",
    "sales/s",
    "to the serde_json loop",
    "CPU s per M sales",
    "peak MiB",
    "rows written",
    "per rank changed or made final",
];

fn seconds(side: &Side) -> impl Iterator<Item = f64> + '_ {
    side.took.iter().map(|t| t.seconds)
}

/// A row for each side that ran.
pub fn table(sides: &[Side], sales: u64, machine: &str, rounds: usize) -> String {
    let ran = || sides.iter().filter(|s| !s.took.is_empty());
    let the_loop = ran().find(|s| s.name == "loop, serde_json");
    let the_loop = the_loop.map(|s| median(seconds(s)));
    let mut table = Table::new(1, &COLUMNS);
    for side in ran() {
        let took = median(seconds(side));
        let cpu = median(side.took.iter().map(|t| t.cpu));
        let memory = side.took.iter().map(|t| t.memory).max().unwrap_or(0);
        let each = match (side.rows, side.moved) {
            (Some(rows), Some(moved)) if moved > 0 => format!("{:.2}", rows as f64 / moved as f64),
            _ => String::new(),
        };
        table.push([
            side.name.clone(),
            grouped(sales as f64 / took, 0),
            the_loop.map_or(String::new(), |l| format!("{:.2}", l / took)),
            format!("{:.2}", cpu * 1e6 / sales as f64),
            grouped(memory as f64 / f64::from(1 << 20), 0),
            side.rows.map_or(String::new(), whole),
            each,
        ]);
    }
    format!(
        "{} sales; medians of {rounds} alternating rounds (peers: see --peer-rounds); {machine}\n\n{table}",
        whole(sales)
    )
}

/// How fast ours is to the other, by the medians, and by each round's pair.
pub fn compared(sides: &[Side]) -> String {
    let (mut out, mut pairs) = (String::new(), Ratios::default());
    for side in sides {
        let twin = format!("{}{OTHER}", side.name);
        let Some(other) = sides.iter().find(|s| s.name == twin) else {
            continue;
        };
        let ratios = Ratios::new(seconds(other), seconds(side));
        if ratios.0.is_empty() {
            continue;
        }
        let by_medians = median(seconds(other)) / median(seconds(side));
        let (least, most) = ratios.range();
        out += &format!(
            "{}: {by_medians:.3} of the other's speed by the medians, {:.3} by rounds ({least:.2} to {most:.2})\n",
            side.name,
            ratios.median()
        );
        pairs.0.extend(ratios.0);
    }
    out + &format!("all: {:.3} by rounds\n", pairs.median())
}

#[cfg(test)]
mod tests {
    use super::super::side::Group;
    use super::*;
    use crate::harness::measure::{Invocation, Took};

    fn side(name: &str, seconds: &[f64]) -> Side {
        let mut side = Side::new(Group::Standings, name, Invocation::new("x"));
        let took = |seconds: &f64| Took {
            seconds: *seconds,
            cpu: 2.0,
            memory: 3 << 20,
            text: String::new(),
        };
        side.took = seconds.iter().map(took).collect();
        side
    }

    #[test]
    fn a_side_is_compared_with_the_loop_and_with_its_twin() {
        let mut ours = side("a", &[1.0, 2.0, 1.0]);
        (ours.rows, ours.moved) = (Some(3000), Some(2000));
        let sides = [
            side("loop, serde_json", &[2.0]),
            ours,
            side("a (other)", &[2.0, 2.0, 3.0]),
            side("never", &[]),
        ];
        let text = table(&sides, 2_000_000, "a machine", 3);
        let row = text.lines().find(|l| l.starts_with("| a   ")).unwrap();
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(
            cells[2..8],
            ["2,000,000", "2.00", "1.00", "3", "3,000", "1.50"]
        );
        assert!(!text.contains("never"));
        let wanted = "\
a: 2.000 of the other's speed by the medians, 2.000 by rounds (1.00 to 3.00)
all: 2.000 by rounds
";
        assert_eq!(compared(&sides), wanted);
    }
}
