//! `--emit`: which changes of a ranked row are written.
//!
//! A row moves when its rank is another number, and when it is ranked among others: who is first in Porto and then first in Faro
//! has moved, and a reader who folds what is written would show two as the first in Porto. So it is where the row shows whom it is
//! ranked among; where it does not, nobody could tell.

use standings_model::change::Change;
use standings_model::plan::Ranking;
use standings_model::value::Value;

/// Which changes of a row are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Emit {
    /// Every change of a ranked row.
    #[default]
    Rows,
    /// Only moves: a row is written when its rank changes or whom it is ranked among, and with its final values.
    Ranks,
}

impl Emit {
    /// Whether a row whose rank is what it was is written all the same. `before`: its measures as readers know them.
    pub fn tells(self, plan: &Ranking, before: &[Value], now: &Change) -> bool {
        // Where ranks are not said, they are not what is waited for.
        let says_rank = now.rank.is_some_and(|rank| rank > 0);
        match self {
            Emit::Ranks if says_rank && !now.is_final => plan
                .shown_places()
                .any(|place| before.get(place) != now.measures.get(place)),
            _ => *before != *now.measures,
        }
    }
}
