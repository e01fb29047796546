//! The programs beside the hot path: each stage does something, the two loops agree, the arrangement comes to its end.

use std::process::Command;

use standings_load::{Generator, Shape};

fn said(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).output().unwrap();
    let shown = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program} {args:?}: {shown}");
    String::from_utf8(done.stdout).unwrap()
}

#[test]
fn every_stage_does_as_much_each_time() {
    for name in standings_stages::NAMES {
        let [one, two] = ["1", "2"].map(|times| said(env!("CARGO_BIN_EXE_stage"), &[name, times]));
        let sums = [one, two].map(|text| {
            let (sales, sum) = text.trim().split_once(' ').unwrap();
            assert_eq!(sales, standings_stages::SALES.to_string());
            sum.parse::<u64>().unwrap()
        });
        assert_eq!(sums[1], sums[0].wrapping_mul(2), "{name}");
        // Every id there is once, and no check refuses anything: what these two count is nothing.
        assert!(
            ["checks", "unique"].contains(&name) == (sums[0] == 0),
            "{name}"
        );
    }
}

#[test]
fn both_loops_rank_alike() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("sales.ndjson");
    let shape = Shape {
        sales: 20_000,
        refund_share: 0.01,
        broken_share: 0.001,
        ..Shape::default()
    };
    let mut generator = Generator::new(&shape).unwrap();
    let mut sales = Vec::new();
    (0..shape.sales).for_each(|_| generator.push(&mut sales));
    std::fs::write(&path, sales).unwrap();
    let path = path.to_str().unwrap();
    let [plain, fast] = [
        env!("CARGO_BIN_EXE_plain_loop"),
        env!("CARGO_BIN_EXE_fast_loop"),
    ]
    .map(|program| {
        let mut lines: Vec<String> = said(program, &[path]).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    });
    // A day: ten cities and a hundred salesmen an hour.
    assert!(plain.len() > 24 * 100, "{}", plain.len());
    assert_eq!(plain, fast);
}

#[test]
fn the_arrangement_is_measured_at_three_sizes_of_an_epoch() {
    let text = said(env!("CARGO_BIN_EXE_arrangement"), &["20000", "1"]);
    let sizes: Vec<&str> = text
        .lines()
        .skip(2)
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert_eq!(sizes, ["1000", "10000", "100000"], "{text}");
}
