//! A file's text without the secrets that somebody wrote into it.
//!
//! A diagnostic shows the line it is about, and those around it. So what a secret's option has is covered before anything
//! else sees the file: `'properties.sasl.password' = '********'`. A reference, `${ENV:STANDINGS_SECRET_NAME}`, stays.

use standings_model::table::secret::{Reference, is_secret};

/// The same text, of as many characters a line, with what is secret covered.
pub fn conceal(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    // The last text in quotes, as long as nothing but `=` is behind it.
    let mut key: Option<String> = None;
    let mut after_equals = false;
    while let Some(c) = rest.chars().next() {
        let skipped = comment(rest);
        if skipped > 0 {
            out.push_str(&rest[..skipped]);
            if c == '`' {
                (key, after_equals) = (None, false);
            }
            rest = &rest[skipped..];
            continue;
        }
        if c != '\'' {
            out.push(c);
            rest = &rest[c.len_utf8()..];
            match c {
                '=' if key.is_some() => after_equals = true,
                c if c.is_whitespace() => {}
                _ => (key, after_equals) = (None, false),
            }
            continue;
        }
        let (inner, length, is_closed) = quoted(&rest[1..]);
        out.push('\'');
        let named = key.take().filter(|_| after_equals);
        match named {
            Some(key) => out.push_str(&covered(&key, inner)),
            None => {
                out.push_str(inner);
                key = Some(inner.to_owned());
            }
        }
        after_equals = false;
        if is_closed {
            out.push('\'');
        }
        rest = &rest[1 + length..];
    }
    out
}

/// How long what is no text is that begins here: a comment, a name.
fn comment(rest: &str) -> usize {
    if rest.starts_with("--") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    // A name in backquotes may hold a quote too.
    for (open, close) in [("/*", "*/"), ("`", "`")] {
        if let Some(inner) = rest.strip_prefix(open) {
            let end = inner.find(close).map(|end| open.len() + end + close.len());
            return end.unwrap_or(rest.len());
        }
    }
    0
}

/// What is up to the closing quote, how much of the text that is with it, and whether there is one.
fn quoted(rest: &str) -> (&str, usize, bool) {
    let mut from = 0;
    while let Some(at) = rest[from..].find('\'') {
        let end = from + at;
        match rest[end + 1..].starts_with('\'') {
            true => from = end + 2,
            false => return (&rest[..end], end + 1, true),
        }
    }
    (rest, rest.len(), false)
}

/// A value, covered where it is a secret.
fn covered(key: &str, value: &str) -> String {
    if matches!(Reference::parse(value), Ok(Some(_))) {
        return value.to_owned();
    }
    if is_secret(key) {
        return stars(value);
    }
    // Of a URL the user and the password.
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_owned();
    };
    match rest.rsplit_once('@') {
        Some((user, _)) if matches!(Reference::parse(user), Ok(Some(_))) => value.to_owned(),
        Some((user, host)) => format!("{scheme}://{}@{host}", stars(user)),
        None => value.to_owned(),
    }
}

/// As many, on as many lines.
fn stars(text: &str) -> String {
    let star = |c: char| if c == '\n' || c == '\r' { c } else { '*' };
    text.chars().map(star).collect()
}

#[cfg(test)]
mod tests {
    use super::conceal;

    #[test]
    fn what_is_secret_is_covered_and_nothing_else() {
        for (from, to) in [
            ("'sasl.password' = 'hunter2'", "'sasl.password' = '*******'"),
            (
                "'a.token'='it''s' , 'b' = 'c'",
                "'a.token'='*****' , 'b' = 'c'",
            ),
            (
                "'x.password' = -- don't\n 'ö ü'",
                "'x.password' = -- don't\n '***'",
            ),
            ("'x.password' = 'open\nend", "'x.password' = '****\n***"),
            (
                "'x.url' = 'https://me:pw@host/a@b'",
                "'x.url' = 'https://************@b'",
            ),
            (
                "'x.secret' = '${ENV:STANDINGS_SECRET_A}'",
                "'x.secret' = '${ENV:STANDINGS_SECRET_A}'",
            ),
            (
                "'x.secret' = '${ENV:STANDINGS_SECRET_A}x'",
                "'x.secret' = '**************************'",
            ),
            (
                "SELECT 'password', 'x' /* ' */ FROM t",
                "SELECT 'password', 'x' /* ' */ FROM t",
            ),
            ("'topic' = 'password'", "'topic' = 'password'"),
        ] {
            let covered = conceal(from);
            assert_eq!(covered, to);
            assert_eq!(covered.chars().count(), from.chars().count());
        }
    }
}
