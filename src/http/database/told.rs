//! What is told of a trouble with the database: what it is about, where the server says so, and what to look at.

/// The words of a trouble, with the server's code in brackets, for whoever asked.
pub(super) fn told(words: &str) -> String {
    let (said, code) = code_of(words).unwrap_or((words, ""));
    let what = match code {
        "57014" => return "the database did not answer within --statement-timeout".to_owned(),
        "55P03" => {
            "a table is locked in the database, and was not free within half of --statement-timeout"
        }
        "42P01" => "a table is missing in the database (or its schema)",
        "42703" => "a column is missing in the database",
        "3F000" => "a schema is missing in the database",
        "3D000" => "the database is missing",
        "42501" => "the user may not read this",
        "0A000" | "42804" | "42809" | "42883" => "a table has another shape than the queries",
        _ if code.starts_with("28") => return "the database refuses the user".to_owned(),
        _ if code.starts_with("53") => "the database has too much to do",
        _ if code.starts_with("57P") => "the database is starting or stopping",
        _ => return "the database does not answer now".to_owned(),
    };
    format!("{what}: {said}")
}

/// Whether the words are a server's own, with its code.
pub(super) fn names_cause(words: &str) -> bool {
    code_of(words).is_some()
}

/// What a server said, and its code: `relation "x" does not exist (42P01)`.
fn code_of(words: &str) -> Option<(&str, &str)> {
    let is_code = |c: &str| {
        c.bytes()
            .all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    };
    words.match_indices('(').find_map(|(at, _)| {
        let code = words.get(at + 1..at + 6).filter(|c| is_code(c))?;
        words[at + 6..]
            .starts_with(')')
            .then(|| (words[..at].trim_end(), code))
    })
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn each_code_has_its_words() {
        for (words, part) in [
            (
                "relation \"top (x)\" does not exist (42P01)",
                "a table is missing in the database (or its schema): relation \"top (x)\" does not exist",
            ),
            (
                "column \"total\" does not exist (42703)",
                "a column is missing in the database: column \"total\"",
            ),
            (
                "canceling statement due to lock timeout (55P03)",
                "a table is locked",
            ),
            (
                "canceling statement due to statement timeout (57014)",
                "within --statement-timeout",
            ),
            (
                "permission denied for table x (42501)",
                "the user may not read this: permission denied for table x",
            ),
            (
                "password authentication failed for user \"u\" (28P01)",
                "refuses the user",
            ),
            (
                "the database system is shutting down (57P01)",
                "starting or stopping",
            ),
            (
                "error connecting to server: Connection refused (os error 111)",
                "does not answer now",
            ),
            ("no answer in time", "does not answer now"),
        ] {
            assert!(told(words).contains(part), "{words}: {}", told(words));
        }
        assert!(!told("password authentication failed for user \"u\" (28P01)").contains("\"u\""));
    }
}
