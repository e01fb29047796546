//! Which URL is asked, how its pages follow each other, and what an answer holds.

use std::collections::BTreeMap;
use std::time::Duration;

use standings_model::time::{format_rfc3339, parse_date, parse_rfc3339};

use crate::config::SecretAt;
use crate::config::error::ConfigError;
use crate::config::section::Section;
use crate::pages::paging::Paging;
use crate::pages::times::{Times, Written};
use crate::rest::Next;
use crate::rest::body::Form;
use crate::rest::path::Path;
use crate::rest::template::PLACES;

/// What the cursor depends on, as it is written.
pub(super) type Shown = BTreeMap<String, String>;

/// Refuses what is no URL of HTTP, or has a secret in it.
pub(in crate::config) fn checked(
    section: &Section<'_>,
    key: &str,
    url: &str,
) -> Result<(), ConfigError> {
    let scheme = ["https://", "http://"]
        .into_iter()
        .find(|s| url.starts_with(s));
    let rest = scheme.map(|s| &url[s.len()..]);
    let Some(rest) = rest.filter(|r| !r.is_empty()) else {
        return Err(section.wrong(key, "must be https://HOST/PATH"));
    };
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    if host.contains('@') {
        return Err(section.wrong(
            key,
            "has a user or a password in it: say user and password-file, token-file, or url-file",
        ));
    }
    if host.contains(['{', '\\']) {
        return Err(section.wrong(key, "has a place in its host: the host is one, always"));
    }
    Ok(())
}

/// How answers are written.
pub(super) fn form(section: &Section<'_>, shown: &mut Shown) -> Result<Form, ConfigError> {
    let words = [("json", "json"), ("ndjson", "ndjson"), ("csv", "csv")];
    let word = section.one_of("format", &words)?.unwrap_or("json");
    if word != "json" {
        shown.insert("format".to_owned(), word.to_owned());
    }
    let delimiter = section.str("delimiter")?;
    if delimiter.is_some() && word != "csv" {
        return Err(section.wrong("delimiter", "belongs to format = \"csv\""));
    }
    let rows = section.parsed("rows", shown, Path::parse)?;
    if rows.is_some() && word != "json" {
        return Err(section.wrong(
            "rows",
            "is a path in JSON: of ndjson and csv each line is a row",
        ));
    }
    Ok(match word {
        "json" => Form::Json(rows.unwrap_or_else(Path::whole)),
        "ndjson" => Form::Lines,
        _ => {
            let text = delimiter.unwrap_or_else(|| ",".to_owned());
            let text = if text == "\\t" { "\t".to_owned() } else { text };
            let mut signs = text.chars();
            match (signs.next(), signs.next()) {
                (Some(sign), None) if sign != '"' && sign != '\n' && sign != '\r' => {
                    Form::Csv(sign)
                }
                _ => {
                    return Err(section.wrong("delimiter", "must be one character; a tab is \\\\t"));
                }
            }
        }
    })
}

/// How pages follow each other.
pub(super) fn paging(
    section: &Section<'_>,
    (url, form): (&Result<String, SecretAt>, &Form),
    shown: &mut Shown,
) -> Result<(Paging, Next), ConfigError> {
    let words = ["cursor", "link", "page", "offset"].map(|word| (word, word));
    let said = section.one_of("paging", &words)?;
    let cursor = section.parsed("cursor", shown, Path::parse)?;
    let size = section.count("page-size", 1, 1_000_000)?.unwrap_or(0);
    let first = section.count("first-page", 0, 1_000_000)?;
    let size = u64::try_from(size).unwrap_or(0);
    if let Some(word) = said.filter(|word| *word != "cursor") {
        shown.insert("paging".to_owned(), word.to_owned());
    }
    if cursor.is_some() && said.is_some_and(|word| word != "cursor") {
        return Err(section.wrong("cursor", "belongs to paging = \"cursor\""));
    }
    if cursor.is_some() && !matches!(form, Form::Json(_)) {
        return Err(section.wrong(
            "cursor",
            "is a path in JSON: of ndjson and csv say paging = \"link\", \"page\" or \"offset\"",
        ));
    }
    let is_counted = matches!(said, Some("page" | "offset"));
    if size > 0 && !is_counted {
        return Err(section.wrong("page-size", "belongs to paging = \"page\" or \"offset\""));
    }
    if first.is_some() && said != Some("page") {
        return Err(section.wrong("first-page", "belongs to paging = \"page\""));
    }
    // What is a secret is seen when it is read.
    let has = |place: &str| url.as_ref().map_or(true, |url| url.contains(place));
    let needs = |place: &str| {
        let said = format!("has no {place}: each page would be the first");
        section.wrong("url", &said)
    };
    let by_number = |paging| (paging, Next::Nowhere);
    Ok(match said.or(cursor.as_ref().map(|_| "cursor")) {
        Some("cursor") => {
            let missing = || {
                section.wrong(
                    "cursor",
                    "is missing: where the next cursor is, such as cursor = \"$.next\"",
                )
            };
            (Paging::Follow, Next::Cursor(cursor.ok_or_else(missing)?))
        }
        Some("link") => (Paging::Follow, Next::Link),
        Some("page") if !has("{page}") => return Err(needs("{page}")),
        Some("offset") if !has("{offset}") => return Err(needs("{offset}")),
        Some("page") => by_number(Paging::Page {
            first: u64::try_from(first.unwrap_or(1)).unwrap_or(1),
            size,
        }),
        Some(_) => by_number(Paging::Offset { size }),
        None => by_number(Paging::One),
    })
}

/// By which time it is asked. `url`: what has the place of the moment; none where that is looked at later.
pub(in crate::config) fn times(
    section: &Section<'_>,
    url: Option<&Result<String, SecretAt>>,
    shown: &mut Shown,
) -> Result<Option<Times>, ConfigError> {
    let column = section.str("time")?;
    let words = [
        ("rfc3339", Written::Rfc3339),
        ("seconds", Written::Seconds),
        ("millis", Written::Millis),
    ];
    let written = section.one_of("time-format", &words)?;
    let overlap = section.duration("overlap", Duration::from_secs(300))?;
    let start = section.str("start")?;
    let url = url.and_then(|url| url.as_ref().ok());
    let has_place = url.is_none_or(|url| url.contains("{since}"));
    let Some(column) = column else {
        let others = ["time-format", "overlap", "start"];
        let given = others.into_iter().find(|key| section.has(key));
        return match given {
            Some(key) => {
                Err(section.wrong(key, "belongs to `time`, the column that rows are asked by"))
            }
            None if url.is_some_and(|url| url.contains("{since}")) => Err(section.wrong(
                "url",
                "has {since}, and no `time`: the column of the rows' times",
            )),
            None => Ok(None),
        };
    };
    if !has_place {
        return Err(section.wrong(
            "url",
            "has no {since}: all rows would be asked for, each time",
        ));
    }
    let start = match &start {
        None => 0,
        Some(text) => parse_rfc3339(text.as_bytes())
            .or_else(|| parse_date(text))
            .ok_or_else(|| {
                section.wrong("start", "must be a date or a time, such as 2026-01-01")
            })?,
    };
    shown.insert("time".to_owned(), column.clone());
    shown.insert("start".to_owned(), format_rfc3339(start));
    Ok(Some(Times {
        column,
        written: written.unwrap_or_default(),
        overlap,
        start,
    }))
}

/// The places that a URL has, for people.
pub(super) fn places(url: &Result<String, SecretAt>) -> Vec<&'static str> {
    let has = |place: &&str| url.as_ref().is_ok_and(|url| url.contains(*place));
    PLACES.into_iter().filter(has).collect()
}
