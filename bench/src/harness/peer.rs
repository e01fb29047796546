//! What other engines say of their runs: `bench/peers`.

use serde::Deserialize;

use crate::problem::Problem;

/// The last line that a peer prints.
#[derive(Deserialize)]
pub struct Said {
    /// From the start of its job to its end.
    pub seconds: f64,
    /// Rows written.
    pub output_rows: Option<u64>,
}

impl Said {
    /// From all that it printed.
    pub fn of(name: &str, text: &str) -> Result<Self, Problem> {
        let last = text.trim().lines().last().unwrap_or_default();
        let wrong = |e| Problem::said(name, format!("its last line is {last:?}: {e}"));
        serde_json::from_str(last).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_says_what_it_took_in_its_last_line() {
        let said = Said::of(
            "a",
            "noise\n{\"seconds\":1.5,\"output_rows\":7,\"more\":1}\n",
        )
        .unwrap();
        assert_eq!((said.seconds, said.output_rows), (1.5, Some(7)));
        assert_eq!(Said::of("a", "{\"seconds\":2}").unwrap().output_rows, None);
        assert!(Said::of("a", "done").is_err());
    }
}
