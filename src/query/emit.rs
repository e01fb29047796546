//! `emit.provisional`: which rows of open windows a ranking writes, by `SET` before it or by its hint, which beats that.

use standings_model::plan::{Provisional, Ranking};

/// Its key.
pub const KEY: &str = "emit.provisional";
/// What it can be.
pub const WORDS: &str = "'all', 'next' or 'none'";

/// What a value says, if it says something.
pub fn parse(value: &str) -> Option<Provisional> {
    match value.trim() {
        "all" => Some(Provisional::All),
        "next" => Some(Provisional::Next),
        "none" => Some(Provisional::None),
        _ => None,
    }
}

/// Gives a ranking what was said for it; what is to be said of that.
pub fn apply(ranking: &mut Ranking, said: Provisional) -> Option<String> {
    if ranking.window.is_always() && said != Provisional::All {
        return Some(format!(
            "ranking {}: '{KEY}' is of windows that have not closed; a ranking of all time has none, and its rows are written as they \
             change",
            ranking.name
        ));
    }
    ranking.provisional = said;
    None
}
