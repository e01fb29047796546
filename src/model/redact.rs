//! Addresses as they may be shown: without user, password and parameters, however they are written.
//!
//! 1. What could be a secret is left out, even where an address is then not shown at all.
//! 2. A text that is no URL is shown only where nothing in it looks like a setting with a secret.

/// What stands for an address of which nothing can be shown for certain.
const HIDDEN: &str = "***";

/// Host and database of a URL, or of settings such as `host=h dbname=d`.
pub fn url(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", place(rest)),
        None if text.contains('=') => format!("postgres://{}", place_of_settings(text)),
        None => format!("postgres://{}", place(text)),
    }
}

/// A setting's value that need not be a URL.
pub fn text(value: &str) -> String {
    if value.contains("://") {
        return url(value);
    }
    let lower = value.to_ascii_lowercase();
    let names = [
        "password", "passwd", "pwd", "secret", "token", "apikey", "api_key", "api-key",
    ];
    let has_secret = names.iter().any(|name| {
        let after = lower
            .match_indices(name)
            .map(|(at, _)| &lower[at + name.len()..]);
        after
            .into_iter()
            .any(|rest| rest.trim_start().starts_with(['=', ':']))
    });
    if has_secret {
        return HIDDEN.to_owned();
    }
    // It may have been meant as a URL: user:password@host.
    match value.rsplit_once('@') {
        Some((before, _)) if before.contains(['?', '=']) => HIDDEN.to_owned(),
        Some((before, after)) if before.contains(':') => format!("***@{after}"),
        _ => value.to_owned(),
    }
}

/// The scheme that a text begins with, and no more of it: `mysql:`; nothing if there is none.
pub fn scheme(text: &str) -> &str {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+.-".contains(c);
    match text.split_once(':') {
        Some((name, _)) if !name.is_empty() && name.len() <= 16 && name.chars().all(is_part) => {
            &text[..=name.len()]
        }
        _ => "",
    }
}

/// What is behind the user and before the parameters. A `?` before the last `@` may be of a password, or begin parameters that
/// hold an `@`; where it cannot be known which, nothing is shown.
fn place(rest: &str) -> &str {
    let place = match rest.rsplit_once('@') {
        None => rest,
        Some((before, after)) => match before.find(['?', '#']) {
            Some(at) if before[..at].contains('/') || before[at..].contains('=') => return HIDDEN,
            _ => after,
        },
    };
    place.split(['?', '#']).next().unwrap_or_default()
}

/// Host and database of `name=value` pairs.
fn place_of_settings(text: &str) -> String {
    // A value in quotes may hold what looks like another setting.
    if text.contains(['\'', '"', '\\']) {
        return HIDDEN.to_owned();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let value = |name: &str| {
        let values = words.iter().filter_map(|w| w.split_once('='));
        values
            .filter(|(n, _)| *n == name)
            .map(|(_, v)| v)
            .next_back()
    };
    // `password = x` is three words.
    match value("host") {
        Some(host) if words.iter().all(|w| w.contains('=') && !w.starts_with('=')) => {
            format!("{host}/{}", value("dbname").unwrap_or_default())
        }
        _ => HIDDEN.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_shown_in_no_spelling() {
        for (text, shown) in [
            (
                "postgres://u:canary@h:5/d?password=canary",
                "postgres://h:5/d",
            ),
            ("postgres://h:5/d", "postgres://h:5/d"),
            ("postgres://h,i:6/d?sslmode=require", "postgres://h,i:6/d"),
            ("postgres://u:can?ary@h/d", "postgres://h/d"),
            ("postgres://u:can?ary@h/d?sslmode=disable", "postgres://h/d"),
            ("postgres://u:can#ary@h/d", "postgres://h/d"),
            ("postgres://u:c@nary@h/d", "postgres://h/d"),
            ("postgres://u:can/ary@h/d", "postgres://h/d"),
            ("postgres://u:c/an?ary@h/d", "postgres://***"),
            ("postgres://u:c?an=ary@h/d", "postgres://***"),
            ("postgres://h/d?password=can@ary", "postgres://***"),
            ("postgres://h?password=can@ary", "postgres://***"),
            ("postgres://u:p@h/d?password=can@ary", "postgres://***"),
            ("postgres://h/d#canary", "postgres://h/d"),
            ("kafka://u:canary@k:9092/t", "kafka://k:9092/t"),
            ("host=h user=u password=canary dbname=d", "postgres://h/d"),
            ("password=canary host=h", "postgres://h/"),
            ("host=h password='canary host=canary'", "postgres://***"),
            ("host=h password = canary", "postgres://***"),
            ("user=u password=canary", "postgres://***"),
        ] {
            assert_eq!(url(text), shown, "{text}");
            assert!(!url(text).contains("ary"), "{text}");
        }
        for (value, shown) in [
            ("postgres:/u:canary@h/d", "***@h/d"),
            ("host=h password=canary", "***"),
            ("PASSWORD = canary", "***"),
            ("sasl.password:canary", "***"),
            ("token=canary", "***"),
            ("postgres:/h/d?password=can@ary", "***"),
            ("file:sales.ndjson", "file:sales.ndjson"),
            ("/run/secrets/http-keys", "/run/secrets/http-keys"),
            ("/run/secret/token", "/run/secret/token"),
            ("10ms", "10ms"),
        ] {
            assert_eq!(text(value), shown, "{value}");
        }
        for (given, shown) in [
            ("mysql://u:p@h", "mysql:"),
            ("u:p", "u:"),
            ("host=h password=a:b", ""),
            ("nothing", ""),
        ] {
            assert_eq!(scheme(given), shown);
        }
    }
}
