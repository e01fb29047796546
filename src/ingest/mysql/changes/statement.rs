//! What a statement of the log does to a table. Rows are in the log as rows; what is not, such as TRUNCATE, is there as its text.
//!
//! No grammar: words, and the table's name where a statement of that kind has what it is about. What would change rows without saying which
//! is refused; what is not understood and does not name the table is nobody's concern here.

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    /// Nothing to the rows.
    Nothing,
    /// They are all gone.
    Empties,
    /// The table is gone, is another one, or is called otherwise.
    Replaces,
    /// It changes rows, and the log does not say which.
    Changes,
}

/// A word, or a name without its quotes; what stands alone, such as a comma, is a word too.
fn words(text: &str) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            // A comment; what is in one that servers read too is read.
            '/' if chars.peek() == Some(&'*') => {
                chars.next();
                if matches!(chars.peek(), Some('!' | 'M')) {
                    while chars.peek().is_some_and(|c| "!M0123456789".contains(*c)) {
                        chars.next();
                    }
                    continue;
                }
                let mut before = ' ';
                for c in chars.by_ref() {
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
            }
            '#' => while chars.next().is_some_and(|c| c != '\n') {},
            '-' if chars.peek() == Some(&'-') => while chars.next().is_some_and(|c| c != '\n') {},
            '`' | '"' | '\'' => {
                let mut word = String::new();
                while let Some(next) = chars.next() {
                    match next {
                        '\\' if c == '\'' => {
                            chars.next();
                        }
                        next if next == c => match chars.peek() {
                            Some(again) if *again == c => {
                                chars.next();
                                word.push(c);
                            }
                            _ => break,
                        },
                        next => word.push(next),
                    }
                }
                if c != '\'' {
                    all.push((word, true));
                }
            }
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                let mut word = c.to_string();
                while let Some(next) =
                    chars.next_if(|c| c.is_alphanumeric() || *c == '_' || *c == '$')
                {
                    word.push(next);
                }
                all.push((word, false));
            }
            c if c.is_whitespace() => {}
            c => all.push((c.to_string(), false)),
        }
    }
    all
}

/// Whether the names that are listed from a place on have the table; and what follows.
fn names(
    words: &[(String, bool)],
    database: &str,
    (own_database, own): (&str, &str),
) -> (bool, usize) {
    let (mut at, mut has) = (0, false);
    while let Some((first, _)) = words.get(at) {
        let is_of = words
            .get(at + 1)
            .is_some_and(|(dot, quoted)| dot == "." && !quoted);
        let (of, name) = match words.get(at + 2).filter(|_| is_of) {
            Some((name, _)) => (first.as_str(), name.as_str()),
            None => (database, first.as_str()),
        };
        has |= of.eq_ignore_ascii_case(own_database) && name.eq_ignore_ascii_case(own);
        at += if is_of { 3 } else { 1 };
        match words.get(at) {
            Some((comma, false)) if comma == "," => at += 1,
            _ => break,
        }
    }
    (has, at)
}

/// What a statement in a database does to a table.
pub(super) fn does(text: &str, database: &str, own: (&str, &str)) -> Does {
    let words = words(text);
    let is = |at: usize, word: &str| {
        let found = words.get(at);
        found.is_some_and(|(found, quoted)| !quoted && found.eq_ignore_ascii_case(word))
    };
    // Behind words that may be left out.
    let behind = |mut at: usize, skipped: &[&str]| {
        while skipped.iter().any(|word| is(at, word)) {
            at += 1;
        }
        at
    };
    let listed = |at: usize| names(words.get(at..).unwrap_or_default(), database, own);
    let named = || {
        let mut all = (0..words.len()).map(|at| listed(at).0);
        all.any(|has| has)
    };
    let options = [
        "TABLE",
        "IF",
        "NOT",
        "EXISTS",
        "IGNORE",
        "ONLINE",
        "TEMPORARY",
        "WAIT",
        "NOWAIT",
    ];
    if is(0, "TRUNCATE") {
        return match listed(behind(1, &options)).0 {
            true => Does::Empties,
            false => Does::Nothing,
        };
    }
    if is(0, "DROP") && (is(1, "DATABASE") || is(1, "SCHEMA")) {
        let at = behind(2, &options);
        let is_own = words
            .get(at)
            .is_some_and(|(name, _)| name.eq_ignore_ascii_case(own.0));
        return if is_own {
            Does::Replaces
        } else {
            Does::Nothing
        };
    }
    // A table of a session alone is not the one that is read, whatever it is called.
    let is_temporary = is(1, "TEMPORARY") || is(3, "TEMPORARY");
    if (is(0, "DROP") && is(1, "TABLE") && listed(behind(1, &options)).0)
        || (is(0, "CREATE")
            && is(1, "OR")
            && is(3, "TABLE")
            && !is_temporary
            && listed(behind(3, &options)).0)
    {
        return Does::Replaces;
    }
    if is(0, "RENAME") && is(1, "TABLE") {
        return if named() {
            Does::Replaces
        } else {
            Does::Nothing
        };
    }
    if is(0, "ALTER") {
        let at = behind(1, &options);
        let (has, many) = listed(at);
        if !has || !(is(1, "TABLE") || is(2, "TABLE")) {
            return match named() && (at + many..words.len()).any(|at| is(at, "EXCHANGE")) {
                true => Does::Changes,
                false => Does::Nothing,
            };
        }
        for at in at + many..words.len() {
            let is_rename = is(at, "RENAME")
                && !["COLUMN", "INDEX", "KEY"]
                    .iter()
                    .any(|word| is(at + 1, word));
            if is_rename {
                return Does::Replaces;
            }
            let of_rows = ["DROP", "TRUNCATE", "EXCHANGE"]
                .iter()
                .any(|word| is(at, word));
            if of_rows && is(at + 1, "PARTITION") {
                return Does::Changes;
            }
        }
        return Does::Nothing;
    }
    let of_rows = ["INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH"];
    match of_rows.iter().any(|word| is(0, word)) && named() {
        true => Does::Changes,
        false => Does::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements() {
        for (text, want) in [
            ("truncate sales", Does::Empties),
            ("TRUNCATE TABLE `shop`.`sales`", Does::Empties),
            ("/* sales */ TRUNCATE other", Does::Nothing),
            ("TRUNCATE other.sales", Does::Nothing),
            (
                "DROP TABLE IF EXISTS `x`,`sales` /* generated by server */",
                Does::Replaces,
            ),
            ("DROP TABLE x", Does::Nothing),
            ("DROP TEMPORARY TABLE sales", Does::Nothing),
            ("CREATE OR REPLACE TABLE sales (id INT)", Does::Replaces),
            ("CREATE TABLE IF NOT EXISTS sales (id INT)", Does::Nothing),
            ("RENAME TABLE x TO y, y TO shop.sales", Does::Replaces),
            ("ALTER TABLE sales RENAME TO old", Does::Replaces),
            ("ALTER TABLE sales RENAME COLUMN a TO b", Does::Nothing),
            ("ALTER TABLE sales ADD COLUMN `rename` INT", Does::Nothing),
            ("ALTER TABLE sales TRUNCATE PARTITION p", Does::Changes),
            (
                "ALTER TABLE old EXCHANGE PARTITION p WITH TABLE sales",
                Does::Changes,
            ),
            ("INSERT INTO sales VALUES ('x; y')", Does::Changes),
            ("INSERT INTO other VALUES ('sales')", Does::Nothing),
            ("DROP DATABASE shop", Does::Replaces),
            ("CREATE INDEX i ON sales (id)", Does::Nothing),
            ("GRANT SELECT ON shop.sales TO x", Does::Nothing),
        ] {
            assert_eq!(does(text, "shop", ("shop", "sales")), want, "{text}");
        }
    }
}
