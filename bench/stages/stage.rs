//! Runs one stage of the hot path so many times, for `bench/instructions`, which counts what one more time costs.

use standings_stages::{NAMES, SALES, Stages};

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(name), Some(times)) = (args.next(), args.next().and_then(|n| n.parse::<u32>().ok()))
    else {
        eprintln!("stage NAME TIMES, of {NAMES:?}");
        std::process::exit(2);
    };
    let stages = Stages::new();
    let sum = (0..times)
        .map(|_| stages.run(&name))
        .fold(0, u64::wrapping_add);
    println!("{SALES} {sum}");
}
