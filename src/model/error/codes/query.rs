//! Queries and declared checks.

use super::Group;
use crate::error::{Code, USAGE};

/// These.
pub const GROUP: Group = Group {
    number: "02",
    title: "Queries",
    codes: &[&SQL, &CHECKS],
};

/// The folder of queries.
pub static SQL: Code = Code {
    id: "S0201",
    exit: USAGE,
    title: "The queries are not of the form that is ranked",
    means: "A file of the folder of queries cannot be read, or has something in it that no ranking has. All files are looked at: the \
            message has every place, what was found there and what is allowed. Nothing was started.",
    causes: &[
        "SQL beyond the form: a join, a subquery, a function that is not in the list.",
        "A column that `sales.sql` does not declare.",
        "A folder without a `.sql` file, or another folder than was meant.",
    ],
    remedy: &[
        "`standings check --queries DIR` shows the same without starting anything, and explains the queries that are right.",
        "docs/queries.md has the whole form; `queries/` has three to begin with.",
    ],
    see: "queries.md",
};

/// Declared checks.
pub static CHECKS: Code = Code {
    id: "S0202",
    exit: USAGE,
    title: "The declared checks are wrong",
    means: "A `.checks.toml` beside the queries has a key, a column or a value that no check takes, or `--fail-on` names a check that \
            is not declared. Nothing was started.",
    causes: &[
        "A key that is misspelt, or belongs to another kind of check.",
        "A column that `sales.sql` does not declare, or of another type.",
        "A check's name that differs from its name in the file.",
    ],
    remedy: &[
        "The message begins with file, line and column, and says what is allowed.",
        "`standings check --queries DIR` tries the file without starting anything.",
    ],
    see: "quality.md",
};
