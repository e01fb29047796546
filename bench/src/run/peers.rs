//! The sides that are other engines: `bench/peers`. Each is a program that says what it took, in forms of its own.

use std::path::Path;

use super::check::Check;
use super::side::{Group, Side};
use super::{Bed, RunArgs};
use crate::harness::measure::{Invocation, said};
use crate::harness::place;
use crate::problem::Problem;

/// Forms of each peer.
const PEERS: &[(&str, &[&str])] = &[
    (
        "flink",
        &[
            "window",
            "continuous",
            "continuous-minibatch",
            "continuous-growing-minibatch",
        ],
    ),
    ("dbsp", &["serde", "interned"]),
    ("bytewax", &["cities", "salesmen"]),
    ("pathway", &["cities", "salesmen"]),
    ("kafka-streams", &["continuous", "cached"]),
];

/// Those that do not take minutes even of a million.
const QUICK: &[&str] = &[
    "flink, window",
    "flink, continuous-growing-minibatch",
    "dbsp, serde",
    "dbsp, interned",
    "bytewax, cities",
    "bytewax, salesmen",
];

/// All that were asked for, set up.
pub fn all(args: &RunArgs, bed: &Bed) -> Result<Vec<Side>, Problem> {
    let (sales, out) = (bed.sales.display().to_string(), bed.in_folder("peer.txt"));
    let mut sides = Vec::new();
    for (name, forms) in PEERS {
        let folder = place::root().join("bench/peers").join(name);
        let (setup, run) = (folder.join("setup"), folder.join("run"));
        let unwanted = !args.peers.is_empty() && !args.peers.iter().any(|p| p == name);
        let without = *name == "kafka-streams" && bed.services.is_none();
        let wanted = forms.iter().map(|form| (*form, format!("{name}, {form}")));
        let wanted: Vec<_> = wanted.filter(|(_, side)| is_wanted(args, side)).collect();
        if !run.exists() || unwanted || without || wanted.is_empty() {
            continue;
        }
        said(&Invocation::new(&setup))?;
        for (form, side) in wanted {
            let args = ["--sales", &sales, "--form", form, "--out", &out];
            let check = Check::Peer {
                ranking: ranking(form),
                out: Path::new(&out).to_owned(),
            };
            let command = Invocation::new(&run).args(args);
            sides.push(Side::new(Group::Peers, &side, command).checked(check));
        }
    }
    Ok(sides)
}

fn is_wanted(args: &RunArgs, side: &str) -> bool {
    (!args.quick || QUICK.contains(&side)) && !args.skip.iter().any(|s| s == side)
}

/// What a form ranks, where it is not both.
fn ranking(form: &str) -> Option<&'static str> {
    match form {
        "cities" => Some("top_sales_per_city"),
        "salesmen" => Some("top_salesmen"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quick_ones_are_forms_that_there_are() {
        let all: Vec<String> = PEERS
            .iter()
            .flat_map(|(n, fs)| fs.iter().map(move |f| format!("{n}, {f}")))
            .collect();
        assert!(QUICK.iter().all(|q| all.iter().any(|a| a == q)));
    }
}
