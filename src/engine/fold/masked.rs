//! Records of a table that masks columns, where they go aside: no byte of them does.
//!
//! 1. What leaves the fold of such a record, as a letter or beside a row that waits for others, is its hash, its length and the
//!    columns that decode, masked.
//! 2. What a reader found wrong is not repeated: it may be the value itself. Which column it was is said.

use standings_model::plan::Plan;
use standings_model::reject::{Reject, RejectKind};
use standings_model::table::Table;

/// Reasons that are said of columns as they are behind the decoder, masked.
const OF_MASKED: [&str; 3] = ["ahead", "key_too_large", "value_error"];

/// What stands in place of what was found.
const HIDDEN: &str = "what was found is not shown: the table masks columns";

/// Takes the bytes out of rejects, and what was found of them; `letter` is what is said instead.
pub(super) fn conceal(rejects: &mut [Reject], plan: &Plan, letter: impl FnOnce() -> Vec<u8>) {
    if rejects.is_empty() {
        return;
    }
    let letter = letter();
    for reject in rejects {
        reject.bytes.clone_from(&letter);
        let RejectKind::Dead {
            reason,
            check: None,
            detail,
        } = &mut reject.kind
        else {
            continue;
        };
        if !OF_MASKED.contains(&reason.as_str()) {
            *detail = hidden(&plan.tables[reject.table], detail);
        }
    }
}

/// Which column it was, where that is said first.
fn hidden(table: &Table, detail: &str) -> String {
    let said = detail.strip_prefix("key: ").unwrap_or(detail);
    let names = table.columns.iter().map(|column| &column.name);
    let mut said_of = names.filter_map(|name| {
        let of = |what: &str| {
            let front = format!("{what} {name:?}:");
            said.starts_with(&front).then_some(front)
        };
        of("field").or_else(|| of("column"))
    });
    match said_of.next() {
        Some(front) => format!("{front} {HIDDEN}"),
        None => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_column_it_was_is_said_and_what_was_found_is_not() {
        let sales = Table::sales();
        for (detail, front) in [
            (
                "field \"amount\": found \"secret\", expected",
                "field \"amount\": ",
            ),
            ("key: field \"city\": found secret", "field \"city\": "),
            (
                "column \"city\": the record has no key",
                "column \"city\": ",
            ),
            ("field \"secret\": found 1", ""),
            ("expected `,` at line 1 column 7: secret", ""),
        ] {
            assert_eq!(hidden(&sales, detail), format!("{front}{HIDDEN}"));
        }
    }
}
