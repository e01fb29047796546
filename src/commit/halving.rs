//! Which rows of a commit are refused, where a server refuses some of many.
//!
//! ```text
//! a part ──► all of it written? the next part
//!       └──► the server refuses one ──► its halves ──► one row left: it is refused
//! ```
//!
//! A bad row among *n* good ones costs about 2 log *n* attempts. Knows no server: who writes the parts says what became
//! of each, so that the simulator's database halves as Postgres does.

use standings_model::change::Change;
use standings_model::reject::Refusal;
use standings_model::sabotage::{self, Mistake};

use crate::refused::Refused;

/// Parts that are still to be written, the next one last, and what is refused.
pub struct Halving<'a> {
    parts: Vec<&'a [&'a Change]>,
    refused: Vec<Refused>,
}

impl<'a> Halving<'a> {
    /// Begins with these parts, from the last to the first.
    pub fn new(parts: Vec<&'a [&'a Change]>) -> Self {
        Halving {
            parts,
            refused: Vec::new(),
        }
    }

    /// The next part to write, all or nothing of it.
    pub fn next_part(&mut self) -> Option<&'a [&'a Change]> {
        self.parts.pop()
    }

    /// That part is refused. A row alone is what is refused, and is given back; of more the halves come next.
    pub fn refuse(
        &mut self,
        part: &'a [&'a Change],
        problem: &str,
        reason: Refusal,
    ) -> Option<&'a Change> {
        if part.len() > 1 && !sabotage::is(Mistake::HalvesNotTried) {
            let (first, second) = part.split_at(part.len() / 2);
            self.parts.extend([second, first]);
            return None;
        }
        let of = |change: &&Change| Refused {
            change: Change::clone(change),
            problem: problem.to_owned(),
            reason,
        };
        self.refused.extend(part.iter().map(of));
        part.first().copied()
    }

    /// What is refused, when no part is left.
    pub fn refused(self) -> Vec<Refused> {
        self.refused
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use standings_model::value::Value;

    #[test]
    fn two_bad_rows_among_a_thousand_are_found_with_few_attempts() {
        let row = |n: i128| Change {
            ranking: 0,
            window_start: 0,
            window_end: 1,
            key: Arc::from([Value::Integer(n)]),
            rank: Some(1),
            previous_rank: None,
            measures: Arc::from([]),
            is_final: false,
        };
        let rows: Vec<Change> = (0..1000).map(row).collect();
        let all: Vec<&Change> = rows.iter().collect();
        let is_bad = |change: &Change| [17, 800].map(Value::Integer).contains(&change.key[0]);
        let mut halving = Halving::new(all.chunks(600).collect());
        let (mut attempts, mut written) = (0, 0);
        while let Some(part) = halving.next_part() {
            attempts += 1;
            match part.iter().any(|change| is_bad(change)) {
                true => drop(halving.refuse(part, "bad", Refusal::Value)),
                false => written += part.len(),
            }
        }
        let refused: Vec<Value> = halving
            .refused()
            .into_iter()
            .map(|r| r.change.key[0].clone())
            .collect();
        assert_eq!(refused, [Value::Integer(800), Value::Integer(17)]);
        assert!(written == 998 && attempts < 45, "{written} {attempts}");
    }
}
