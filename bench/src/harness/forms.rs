//! The same work in several forms, by this binary and perhaps another, in turn: each is shown beside one form of its own binary.

use std::path::PathBuf;

use clap::Args;

use super::measure::Took;
use super::report::Report;
use super::stats::{Ratios, grouped, median};
use super::table::Table;
use super::{build, flink, place, rounds};
use crate::problem::Problem;

/// How often, beside what, and where the figures go.
#[derive(Args)]
pub struct FormsArgs {
    /// Runs of each side.
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = rounds::parse)]
    rounds: usize,
    /// Another binary of standings.
    #[arg(long, value_name = "OTHER")]
    beside: Option<PathBuf>,
    /// Flink SQL too, on the same files, after both came to the same ranks: it needs a JDK 17 and, once, Maven.
    #[arg(long)]
    flink: bool,
    /// The binary is there.
    #[arg(long)]
    no_build: bool,
    /// The table as Markdown.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Who runs a form.
#[derive(Clone, Debug, PartialEq)]
pub enum Engine {
    /// A binary of standings.
    Standings(PathBuf),
    /// [`flink`].
    Flink,
}

/// A form, by an engine.
pub struct Side<F> {
    /// The form.
    pub form: F,
    /// What it is called.
    pub name: &'static str,
    /// What is run.
    pub engine: Engine,
    /// What that is called.
    pub shown: String,
    /// What its runs took.
    pub took: Vec<Took>,
}

impl FormsArgs {
    /// Builds what is measured, unless it is there.
    pub fn build(&self) -> Result<(), Problem> {
        match self.no_build {
            true => Ok(()),
            false => build::measured(&[]),
        }
    }

    /// Whether Flink SQL is asked for; then it is there.
    pub fn with_flink(&self) -> Result<bool, Problem> {
        if self.flink {
            flink::setup()?;
        }
        Ok(self.flink)
    }

    /// Runs every form by each engine in turn, and prints what `table` makes of it.
    pub fn run<F: Copy>(
        &self,
        forms: &[(F, &'static str)],
        once: impl Fn(&Side<F>) -> Result<Took, Problem>,
        table: impl FnOnce(&[Side<F>]) -> String,
    ) -> Result<(), Problem> {
        let mut engines = vec![(Engine::Standings(place::standings()), "this".to_owned())];
        let other = self.beside.as_deref();
        let other = other.map(|o| {
            (
                Engine::Standings(place::absolute(o)),
                o.display().to_string(),
            )
        });
        engines.extend(other);
        engines.extend(self.flink.then(|| (Engine::Flink, flink::NAME.to_owned())));
        let mut sides: Vec<Side<F>> = Vec::new();
        for (engine, shown) in &engines {
            sides.extend(forms.iter().map(|(form, name)| Side {
                form: *form,
                name,
                engine: engine.clone(),
                shown: shown.clone(),
                took: Vec::new(),
            }));
        }
        let mut report = Report::begin();
        for round in 0..self.rounds {
            for at in rounds::order(sides.len(), round) {
                let side = &mut sides[at];
                let took = once(side)?;
                let name = format!("{}, {}", side.name, side.shown);
                report.keep(&name, "s", took.seconds);
                report.keep(&name, "CPU s", took.cpu);
                report.keep(&name, "bytes", took.memory as f64);
                side.took.push(took);
            }
            eprintln!("round {} of {}", round + 1, self.rounds);
        }
        report.end(&table(&sides), self.out.as_deref())
    }
}

/// Each side's figures of so many lines, and what it does of what its own engine does in the form `floor`: by seconds and by CPU
/// seconds. `columns`: what forms are, what is done in a second, and what the ratio is of.
pub fn table<F: PartialEq>(
    sides: &[Side<F>],
    lines: u64,
    floor: &F,
    [forms, a_second, of_floor]: [&str; 3],
) -> String {
    let columns = [forms, "by", a_second, of_floor, "by CPU", "MiB"];
    let mut table = Table::new(2, &columns);
    for side in sides {
        let is_floor = |s: &&Side<F>| s.form == *floor && s.shown == side.shown;
        let floor = sides.iter().find(is_floor).unwrap_or(side);
        let of = |by: fn(&Took) -> f64| {
            let rows = floor.took.iter().map(by);
            Ratios::new(rows, side.took.iter().map(by)).median()
        };
        let seconds = median(side.took.iter().map(|t| t.seconds));
        let bytes = median(side.took.iter().map(|t| t.memory as f64));
        table.push([
            side.name.to_owned(),
            side.shown.clone(),
            grouped(lines as f64 / seconds, 0),
            format!("{:.2}", of(|t| t.seconds)),
            format!("{:.2}", of(|t| t.cpu)),
            format!("{:.0}", bytes / f64::from(1 << 20)),
        ]);
    }
    table.to_string()
}
