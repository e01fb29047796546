//! Whether a side comes to the same rankings as the hand-written loop. Only then it counts.

use std::path::PathBuf;

use super::Bed;
use super::ours::NULL;
use super::rankings::{self, Lines};
use super::side::Side;
use crate::harness::measure;
use crate::harness::peer::Said;
use crate::problem::Problem;

/// How results are looked at.
#[derive(Clone, Debug)]
pub enum Check {
    /// It prints the lines.
    Loop,
    /// Its log of changes comes to the lines.
    Changes,
    /// Its log of changes is only counted: it leaves rows out on purpose.
    Counted,
    /// It writes the lines into a file; equal totals in any order.
    Peer {
        /// Both rankings, or one.
        ranking: Option<&'static str>,
        /// The file.
        out: PathBuf,
    },
}

/// Looks at a side's results, where there is a way; whether there is one.
pub fn check(side: &mut Side, want: &Lines, bed: &Bed) -> Result<bool, Problem> {
    let Some(check) = side.check.clone() else {
        return Ok(false);
    };
    match check {
        Check::Loop => {
            let text = measure::said(&side.command(0)?.silent())?;
            same(&Lines::of(&text), want)?;
        }
        Check::Changes | Check::Counted => {
            let log = bed.folder.path().join("changes.ndjson");
            let mut command = side.command(0)?;
            for arg in command.args.iter_mut().filter(|a| *a == NULL) {
                *arg = format!("file:{}", log.display());
            }
            measure::run(&command)?;
            let folded = rankings::folded(&log)?;
            (side.rows, side.moved) = (Some(folded.written), Some(folded.moved));
            if matches!(check, Check::Changes) {
                same(&folded.shown, want)?;
            }
            std::fs::remove_file(&log).map_err(Problem::file(&log))?;
        }
        Check::Peer { ranking, out } => {
            let mut took = measure::run(&side.command(0)?.silent())?;
            let said = Said::of(&side.name, &took.text)?;
            side.rows = said.output_rows;
            let text = std::fs::read_to_string(&out).map_err(Problem::file(&out))?;
            let want = ranking.map_or(want.clone(), |name| want.of_ranking(name));
            same(&Lines::of(&text).untied(), &want.untied())?;
            took.seconds = said.seconds;
            side.took.push(took);
        }
    }
    Ok(true)
}

fn same(shown: &Lines, want: &Lines) -> Result<(), Problem> {
    if shown == want {
        return Ok(());
    }
    let different = shown.different(want);
    Err(Problem::Differs(format!(
        "its results differ from the loop's: {} places, such as {:?}",
        different.len(),
        &different[..different.len().min(3)]
    )))
}
