//! How a transaction ends of whose rows some are refused: with those that can be, and letters of the others.
//!
//! ```text
//! rows ──► COMMIT ──► there
//!   └──────────┴──► a row is refused ──► ROLLBACK, BEGIN, claim, row by row, letters ──► COMMIT
//! ```

use super::{Claim, Database, Trouble};
use crate::refused::Letters;
use standings_model::change::Commit;
use standings_model::plan::Plan;
use standings_model::sabotage::{self, Mistake};

/// Makes a transaction anew of whose rows some are refused; the letters of these are there when it returns. Whether it is
/// this run's to write.
pub fn what_can_be(
    database: &mut impl Database,
    plan: &Plan,
    commit: &Commit,
    claim: &Claim<'_>,
    letters: &Letters,
) -> Result<bool, Trouble> {
    database.give_up()?;
    database.begin()?;
    if !database.claim(commit, claim)? {
        return Ok(false);
    }
    let refused = database.each_row(plan, commit)?;
    let told = letters.tell(database.name(), plan, commit, &refused);
    told.map_err(Trouble::Final)?;
    Ok(true)
}

/// Ends the transaction, of whose rows some may be refused only now. Whether it was this run's to write.
pub fn end(
    database: &mut impl Database,
    plan: &Plan,
    commit: &Commit,
    claim: &Claim<'_>,
    letters: &Letters,
) -> Result<bool, Trouble> {
    match database.commit() {
        Err(_) if database.refuses() && !sabotage::is(Mistake::RefusedCommitIsFinal) => {
            let is_ours = what_can_be(database, plan, commit, claim, letters)?;
            if is_ours {
                database.commit()?;
            }
            Ok(is_ours)
        }
        Err(Trouble::Passing(_)) if sabotage::is(Mistake::AnswerTakenForGranted) => Ok(true),
        done => done.map(|()| true),
    }
}
