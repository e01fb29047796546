//! `--forget`: what of what was known does not count.
//!
//! `source`, `sink` and `state` are a word each; `dimension` is followed by the name of a table.

use standings_model::error::{Code, Coded, codes};
use standings_model::identity::Forget;
use standings_model::plan::Plan;

/// A word that is none of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForgetError {
    /// It is not known.
    #[error("--forget {0}: write source, sink, state, or dimension TABLE")]
    Unknown(String),
    /// No table was named.
    #[error("--forget dimension: write --forget dimension TABLE, the table as it is declared")]
    NoTable,
    /// Nothing is joined with it, or rankings are made of it too.
    #[error(
        "--forget dimension {0}: no table of this name is there that others are joined with and nothing else is made of"
    )]
    NoDimension(String),
}

impl Coded for ForgetError {
    fn code(&self) -> &'static Code {
        &codes::line::FLAGS
    }
}

/// What these words say.
pub fn forgotten(words: &[String]) -> Result<Forget, ForgetError> {
    let mut forget = Forget::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.trim() {
            "source" => forget.source = true,
            "sink" => forget.sink = true,
            "state" => forget.state = true,
            "dimension" => {
                let table = words.next().ok_or(ForgetError::NoTable)?;
                forget.dimensions.insert(table.trim().to_owned());
            }
            other => return Err(ForgetError::Unknown(other.to_owned())),
        }
    }
    Ok(forget)
}

/// Refuses names that are of no table that others are joined with.
pub fn are_dimensions(forget: &Forget, plan: &Plan) -> Result<(), ForgetError> {
    let is_one = |name: &String| plan.table(name).is_some_and(|n| plan.is_only_joined(n));
    match forget.dimensions.iter().find(|name| !is_one(name)) {
        Some(name) => Err(ForgetError::NoDimension(name.clone())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_one_after_the_other() {
        let of =
            |words: &[&str]| forgotten(&words.iter().map(ToString::to_string).collect::<Vec<_>>());
        let all = of(&["source", "dimension", "state", "sink"]).unwrap();
        assert!(all.source && all.sink && !all.state);
        assert!(all.dimensions.contains("state"));
        assert_eq!(of(&["dimension"]), Err(ForgetError::NoTable));
        assert_eq!(
            of(&["cities"]),
            Err(ForgetError::Unknown("cities".to_owned()))
        );
        assert_eq!(of(&[]), Ok(Forget::default()));
    }
}
