//! `bench/instructions`: instructions per sale of each stage of the hot path, and whether they have grown.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use clap::Args;
use serde::{Deserialize, Serialize};

use crate::harness::measure::{Invocation, shown};
use crate::harness::report::{self, Report};
use crate::harness::{build, machine, place};
use crate::problem::Problem;

/// Instructions per sale of each stage of the hot path, and whether they have grown.
///
/// Counted by callgrind, so a busy machine does not matter; a stage is run twice and four times, and the difference counts.
/// The numbers hold for one compiler and one profile (`ci`): with another compiler they are printed and nothing is compared.
/// Needs cargo and valgrind.
#[derive(Args)]
#[command(after_help = "\
Examples:
  bench/instructions              compare with bench/instructions.json; exit code 1 if a stage takes over 5 % more
  bench/instructions --keep       write what was found there")]
pub struct InstructionsArgs {
    /// Write what was found to bench/instructions.json.
    #[arg(long)]
    keep: bool,
    /// target/ci/stage is there.
    #[arg(long)]
    no_build: bool,
}

const STAGES: [&str; 7] = [
    "decode", "checks", "unique", "combine", "totals", "rank", "encode",
];
/// What instructions are counted in; kept beside them.
const PROFILE: &str = "ci";
/// As often a stage may take of before.
const LIMIT: f64 = 1.05;
/// How often a stage is run; the difference counts.
const TIMES: [u32; 2] = [2, 4];

/// `bench/instructions.json`.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Kept {
    rustc: String,
    profile: String,
    instructions_per_sale: InOrder,
}

/// By stage, in the order of the stages.
#[derive(Debug, Default, PartialEq)]
struct InOrder(BTreeMap<String, f64>);

impl Serialize for InOrder {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_map(STAGES.iter().filter_map(|s| self.0.get_key_value(*s)))
    }
}

impl<'de> Deserialize<'de> for InOrder {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(from).map(InOrder)
    }
}

/// Runs `bench/instructions`.
pub fn run(args: &InstructionsArgs) -> Result<(), Problem> {
    if !args.no_build {
        build::cargo(PROFILE, &["stage"])?;
    }
    let path = place::root().join("bench/instructions.json");
    let program = place::built_in(PROFILE, "stage");
    let mut report = Report::begin();
    let mut counts = BTreeMap::new();
    for stage in STAGES {
        let each = count(&program, stage)?;
        report.keep(stage, "instructions a sale", each);
        counts.insert(stage.to_owned(), each);
    }
    let found = Kept {
        rustc: machine::rustc(),
        profile: PROFILE.to_owned(),
        instructions_per_sale: InOrder(counts),
    };
    let before = kept(&path)?;
    let (text, worse) = compared(&before, &found);
    report.end(&text, None)?;
    if args.keep {
        return keep(&path, &found);
    }
    if worse.is_empty() {
        Ok(())
    } else {
        Err(Problem::Worse(worse))
    }
}

/// Instructions that a stage takes a sale.
fn count(program: &Path, stage: &str) -> Result<f64, Problem> {
    // Both at once: they do not disturb each other's counts.
    let started: Vec<(Invocation, Child)> = TIMES
        .iter()
        .map(|times| start(program, stage, *times))
        .collect::<Result<_, _>>()?;
    let ended: Vec<(u64, u64)> = started.into_iter().map(finish).collect::<Result<_, _>>()?;
    let [(few, sales), (many, _)] = ended[..] else {
        return Err(Problem::said("valgrind", "it did not run twice"));
    };
    let more = f64::from(TIMES[1] - TIMES[0]);
    Ok(rounded(
        many.saturating_sub(few) as f64 / more / sales.max(1) as f64,
    ))
}

/// To a decimal, as it is kept.
fn rounded(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn start(program: &Path, stage: &str, times: u32) -> Result<(Invocation, Child), Problem> {
    let program = program.display().to_string();
    let flags = ["--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let command =
        Invocation::new("valgrind")
            .args(flags)
            .args([&program, stage, &times.to_string()]);
    let child = command
        .command()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match child {
        Ok(child) => Ok((command, child)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            let what = "valgrind is not installed: apt-get install -y valgrind";
            Err(Problem::Usage(what.to_owned()))
        }
        Err(source) => Err(Problem::Start {
            program: PathBuf::from("valgrind"),
            source,
        }),
    }
}

/// Instructions, and sales each time.
fn finish((command, child): (Invocation, Child)) -> Result<(u64, u64), Problem> {
    let done = child
        .wait_with_output()
        .map_err(Problem::system("waiting for valgrind"))?;
    let (out, err) = (
        String::from_utf8_lossy(&done.stdout),
        String::from_utf8_lossy(&done.stderr),
    );
    let sales = out.split_whitespace().next().and_then(|n| n.parse().ok());
    match (done.status.success(), collected(&err), sales) {
        (true, Some(instructions), Some(sales)) => Ok((instructions, sales)),
        _ => {
            let tail: String = err
                .chars()
                .skip(err.chars().count().saturating_sub(500))
                .collect();
            Err(Problem::said(
                command.to_string(),
                format!("{}: {tail}", shown(done.status)),
            ))
        }
    }
}

/// Of `==7== Collected : 123456`.
fn collected(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|l| l.split_once("Collected : "))?.1;
    line.split_whitespace().next()?.parse().ok()
}

fn kept(path: &Path) -> Result<Kept, Problem> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Kept::default()),
        Err(e) => return Err(Problem::file(path)(e)),
    };
    serde_json::from_str(&text).map_err(|e| Problem::file(path)(e.into()))
}

fn keep(path: &Path, found: &Kept) -> Result<(), Problem> {
    let text = serde_json::to_string_pretty(found).map_err(|e| Problem::file(path)(e.into()))?;
    report::write(path, &(text + "\n"))
}

/// What was found beside what was kept, and what has grown by too much.
fn compared(before: &Kept, found: &Kept) -> (String, Vec<String>) {
    let comparable = before.rustc == found.rustc;
    let (mut text, mut worse) = (String::new(), Vec::new());
    for stage in STAGES {
        let now = found
            .instructions_per_sale
            .0
            .get(stage)
            .copied()
            .unwrap_or(f64::NAN);
        text += &format!("{stage:8} {now:8.1} instructions a sale");
        let kept = before
            .instructions_per_sale
            .0
            .get(stage)
            .filter(|n| comparable && **n > 0.0);
        if let Some(kept) = kept {
            text += &format!("   {:5.2} of before", now / kept);
            if now / kept > LIMIT {
                let more = "grown by more than 5 %; if that is meant: bench/instructions --keep";
                worse.push(format!("{stage}: {kept} before, {now} now: {more}"));
            }
        }
        text.push('\n');
    }
    if !comparable {
        text += &format!(
            "not compared: kept with {}, this is {}\n",
            before.rustc, found.rustc
        );
    }
    (text, worse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(rustc: &str, all: &[(&str, f64)]) -> Kept {
        Kept {
            rustc: rustc.to_owned(),
            profile: PROFILE.to_owned(),
            instructions_per_sale: InOrder(
                all.iter().map(|(s, n)| ((*s).to_owned(), *n)).collect(),
            ),
        }
    }

    #[test]
    fn what_grows_by_more_than_a_twentieth_is_told() {
        let before = of("1.95", &[("decode", 1000.0), ("rank", 100.0)]);
        let (text, worse) = compared(&before, &of("1.95", &[("decode", 1050.0), ("rank", 105.1)]));
        assert!(
            text.contains("decode     1050.0 instructions a sale    1.05 of before\n"),
            "{text}"
        );
        assert_eq!(worse.len(), 1);
        assert!(worse[0].starts_with("rank: 100 before, 105.1 now"));
        let (text, worse) = compared(&before, &of("1.96", &[("rank", 900.0)]));
        assert!(
            worse.is_empty() && text.contains("not compared: kept with 1.95, this is 1.96"),
            "{text}"
        );
    }

    #[test]
    fn callgrind_is_read() {
        assert_eq!(
            collected("==7== \n==7== Collected : 123456\n==7==\n"),
            Some(123_456)
        );
        assert_eq!(collected("==7== nothing"), None);
        assert_eq!(rounded(2206.649), 2206.6);
    }

    #[test]
    fn what_is_kept_stays_as_it_is_when_it_is_written_again() {
        let path = place::root().join("bench/instructions.json");
        let text = std::fs::read_to_string(&path).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let copy = dir.path().join("kept.json");
        keep(&copy, &kept(&path).unwrap()).unwrap();
        assert_eq!(std::fs::read_to_string(copy).unwrap(), text);
        assert_eq!(kept(&dir.path().join("none")).unwrap(), Kept::default());
    }
}
