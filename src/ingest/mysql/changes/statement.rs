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

/// A statement in its database, and the table that is asked for.
struct Statement<'a> {
    words: Vec<(String, bool)>,
    database: &'a str,
    own: (&'a str, &'a str),
}

/// Words that may stand between a verb and the name that it is about.
const OPTIONS: [&str; 9] = [
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

impl Statement<'_> {
    fn is(&self, at: usize, word: &str) -> bool {
        let found = self.words.get(at);
        found.is_some_and(|(found, quoted)| !quoted && found.eq_ignore_ascii_case(word))
    }

    fn is_any(&self, at: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(at, word))
    }

    /// Behind words that may be left out.
    fn behind(&self, mut at: usize) -> usize {
        while self.is_any(at, &OPTIONS) {
            at += 1;
        }
        at
    }

    /// Whether the names from a place on have the table, and how many words they are.
    fn listed(&self, at: usize) -> (bool, usize) {
        names(
            self.words.get(at..).unwrap_or_default(),
            self.database,
            self.own,
        )
    }

    /// The table is named somewhere.
    fn named(&self) -> bool {
        (0..self.words.len()).any(|at| self.listed(at).0)
    }

    /// Of ALTER.
    fn alters(&self) -> Does {
        let at = self.behind(1);
        let (has, many) = self.listed(at);
        let rest = at + many..self.words.len();
        if !has || !(self.is(1, "TABLE") || self.is(2, "TABLE")) {
            let is_taken = self.named() && rest.clone().any(|at| self.is(at, "EXCHANGE"));
            return if is_taken {
                Does::Changes
            } else {
                Does::Nothing
            };
        }
        for at in rest {
            if self.is(at, "RENAME") && !self.is_any(at + 1, &["COLUMN", "INDEX", "KEY"]) {
                return Does::Replaces;
            }
            if self.is_any(at, &["DROP", "TRUNCATE", "EXCHANGE"]) && self.is(at + 1, "PARTITION") {
                return Does::Changes;
            }
        }
        Does::Nothing
    }

    /// Whether it takes the table away, or puts another in its place.
    fn replaces(&self) -> bool {
        if self.is(0, "DROP") && self.is_any(1, &["DATABASE", "SCHEMA"]) {
            let name = self.words.get(self.behind(2));
            return name.is_some_and(|(name, _)| name.eq_ignore_ascii_case(self.own.0));
        }
        // A table of a session alone is not the one that is read, whatever it is called.
        let is_made_anew = self.is(0, "CREATE") && self.is(1, "OR") && self.is(3, "TABLE");
        (self.is(0, "DROP") && self.is(1, "TABLE") && self.listed(self.behind(1)).0)
            || (is_made_anew && self.listed(self.behind(3)).0)
            || (self.is(0, "RENAME") && self.is(1, "TABLE") && self.named())
    }
}

/// What a statement in a database does to a table.
pub(super) fn does(text: &str, database: &str, own: (&str, &str)) -> Does {
    let of = Statement {
        words: words(text),
        database,
        own,
    };
    let of_rows = ["INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD", "WITH"];
    match () {
        () if of.is(0, "TRUNCATE") && of.listed(of.behind(1)).0 => Does::Empties,
        () if of.replaces() => Does::Replaces,
        () if of.is(0, "ALTER") => of.alters(),
        () if of.is_any(0, &of_rows) && of.named() => Does::Changes,
        () => Does::Nothing,
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
